// Fills vital.bmi before a record is stored, for wc_attach(…, compute_bmi => true).
//
// It never stops a write.  If height or weight is missing, not a positive number, or in an unknown unit, or if the BMI
// is not possible for a child, as when the height is in inches, the trigger leaves the vital as it is.
#include <cmath>

#include "core/growth/bmi.hpp"
#include "core/growth/plausible_bmi.hpp"
#include "extension/binding/tracked_table.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"
#include "extension/server/trigger_call.hpp"
#include "extension/value/json_value.hpp"
#include "extension/value/jsonb_limit.hpp"
#include "extension/vitals/measurements.hpp"

namespace wc {
namespace {

// Returns a BMI as numeric with one decimal: 18.3, not the nearest double; 20, not 20.0, as JavaScript writes it.
Datum tenth_as_numeric(double bmi)
{
    Datum const exact = DirectFunctionCall1(float8_numeric, Float8GetDatum(bmi));
    return DirectFunctionCall1(numeric_trim_scale, DirectFunctionCall2(numeric_round, exact, Int32GetDatum(1)));
}

// Returns NaN if the trigger shall fill in nothing.
double computed_bmi(Jsonb *vital)
{
    double const height = find_double(vital, "height");
    double const weight = find_double(vital, "weight");
    if (!(height > 0) || !(weight > 0))
        return NAN;
    // Do not use limits by age and sex: the writer may not be allowed to read the student.
    double const bmi = growth::bmi(height, weight);
    return growth::is_bmi_of_some_child(bmi) ? growth::round_to_tenth(bmi) : NAN;
}

// Returns {"bmi": value}.
Jsonb *bmi_object(Numeric bmi)
{
    char *const digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(bmi)));
    return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"bmi\": %s}", digits))));
}

HeapTuple with_bmi(const TriggerData &call, HeapTuple tuple)
{
    TrackedTable const table = find_tracked_table(call.tg_relation, *call.tg_trigger);
    TupleDesc const shape = RelationGetDescr(call.tg_relation);
    int column = table.vital;
    // If the column was renamed or dropped since wc_attach, or has another type now, the write must go on.
    Oid const type = column == InvalidAttrNumber ? InvalidOid : TupleDescAttr(shape, column - 1)->atttypid;
    if (type != JSONBOID && type != JSONOID)
        return tuple;
    bool is_null = false;
    Datum const stored = heap_getattr(tuple, column, shape, &is_null);
    // A column of type json can hold what jsonb cannot; that is no reason to stop the write.
    if (is_null || (type == JSONOID && !fits_jsonb(text_view(stored))))
        return tuple;
    Jsonb *const vital = as_jsonb(stored, type);
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
    if (type == JSONOID)
        filled = CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(jsonb_out, filled)));
    bool const is_filled_null = false;
    return heap_modify_tuple_by_cols(tuple, shape, 1, &column, &filled, const_cast<bool *>(&is_filled_null));
}

}  // namespace
}  // namespace wc

// Trigger BEFORE INSERT OR UPDATE for each row of the records.  Its argument names the entity.
WC_FUNCTION(wc_compute_bmi)
{
    const TriggerData &call = wc::trigger_call(fcinfo);
    if (!TRIGGER_FIRED_BEFORE(call.tg_event) || !TRIGGER_FIRED_FOR_ROW(call.tg_event) ||
        TRIGGER_FIRED_BY_DELETE(call.tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("must be called before a row is inserted or updated")));
    HeapTuple const tuple = TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? call.tg_newtuple : call.tg_trigtuple;
    return PointerGetDatum(wc::with_bmi(call, tuple));
}
