// Fills vital.bmi before a record is stored, for wc_attach(…, compute_bmi => true).
//
// It never stops a write: where height or weight is not there, is no number, or is not positive, or where their BMI is
// no number, the vital stays as it is.
#include <cmath>

#include "core/growth/bmi.hpp"
#include "extension/boundary.hpp"
#include "extension/measurements.hpp"
#include "extension/tracked_table.hpp"

namespace wc {
namespace {

// 18.3 as numeric, whatever the double nearest to it is; 20 and not 20.0, as JavaScript writes it.
Datum tenth_as_numeric(double bmi)
{
    Datum const exact = DirectFunctionCall1(float8_numeric, Float8GetDatum(bmi));
    return DirectFunctionCall1(numeric_trim_scale, DirectFunctionCall2(numeric_round, exact, Int32GetDatum(1)));
}

// NaN where there is none to fill in.
double computed_bmi(Jsonb *vital)
{
    double const height = find_double(vital, "height");
    double const weight = find_double(vital, "weight");
    if (!(height > 0) || !(weight > 0))
        return NAN;
    double const bmi = growth::round_to_tenth(growth::bmi(height, weight));
    // Beyond this numeric has not the digits of a double, and the value no meaning.
    constexpr double kMost = 1e9;
    return bmi < kMost ? bmi : NAN;
}

// {"bmi": value}
Jsonb *bmi_object(Numeric bmi)
{
    char *const digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(bmi)));
    return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"bmi\": %s}", digits))));
}

HeapTuple with_bmi(const TriggerData &call, HeapTuple tuple)
{
    const TrackedTable &table = find_tracked_table(call.tg_relation, *call.tg_trigger);
    TupleDesc const shape = RelationGetDescr(call.tg_relation);
    int column = table.vital;
    // Renamed or dropped since wc_attach, or of another type: the write must go on.
    if (column == InvalidAttrNumber || TupleDescAttr(shape, column - 1)->atttypid != JSONBOID)
        return tuple;
    bool is_null = false;
    Datum const stored = heap_getattr(tuple, column, shape, &is_null);
    if (is_null)
        return tuple;
    Jsonb *const vital = DatumGetJsonbP(stored);
    if (!JB_ROOT_IS_OBJECT(vital))
        return tuple;
    double const bmi = computed_bmi(vital);
    if (std::isnan(bmi))
        return tuple;
    Datum const number = tenth_as_numeric(bmi);
    JsonbValue value;
    Numeric const present = find_number(vital, "bmi", value);
    if (present != nullptr && DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(present), number)))
        return tuple;
    Datum filled =
        DirectFunctionCall2(jsonb_concat, PointerGetDatum(vital), PointerGetDatum(bmi_object(DatumGetNumeric(number))));
    bool const is_filled_null = false;
    return heap_modify_tuple_by_cols(tuple, shape, 1, &column, &filled, const_cast<bool *>(&is_filled_null));
}

}  // namespace
}  // namespace wc

// Trigger BEFORE INSERT OR UPDATE for each row of the records.  Its argument names the entity.
WC_FUNCTION(wc_compute_bmi)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("must be called as a trigger")));
    auto const &call = *reinterpret_cast<const TriggerData *>(fcinfo->context);
    if (!TRIGGER_FIRED_BEFORE(call.tg_event) || !TRIGGER_FIRED_FOR_ROW(call.tg_event) ||
        TRIGGER_FIRED_BY_DELETE(call.tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("must be called before a row is inserted or updated")));
    HeapTuple const tuple = TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? call.tg_newtuple : call.tg_trigtuple;
    return PointerGetDatum(wc::with_bmi(call, tuple));
}
