#include "extension/growth/argument.hpp"

#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"

#include <cmath>

extern "C" {
#include "catalog/pg_enum.h"
#include "utils/float.h"
}

namespace wc {
namespace {

const char *place(const char *name, int index) { return index == 0 ? name : psprintf("%s[%d]", name, index); }

// Says what is wrong with a number without showing it: it may be a child's, and errors go to logs.
const char *fault_of(double value)
{
    if (std::isnan(value))
        return ", not NaN";
    if (std::isinf(value))
        return ", not infinite";
    if (value == 0)
        return ", not zero";
    return value < 0 ? ", not negative" : "";
}

[[noreturn]] void reject_range(double value, const char *name, int index, const char *must_be)
{
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%s must be %s%s", place(name, index), must_be, fault_of(value)),
                    errhint("Use NULL for an unknown value; the result is NULL then.")));
    pg_unreachable();
}

}  // namespace

void reject_number(double value, const char *what, int index)
{
    reject_range(value, what, index, "a positive, finite number");
}

void reject_overflow(const char *what)
{
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("%s is out of range", what),
                    errhint("Heights are in cm, weights in kg, BMI in kg/m^2.")));
    pg_unreachable();
}

double age_in_months(double age, Argument argument)
{
    if (unlikely(!(age >= std::numeric_limits<double>::lowest() && age <= std::numeric_limits<double>::max())))
        reject_range(age, argument.name, argument.index, "a finite number of months");
    return age;
}

double percentile_argument(double percentile, Argument argument)
{
    if (unlikely(!(percentile > 0 && percentile < 100)))
        reject_range(percentile, argument.name, argument.index, "above 0 and below 100");
    return percentile;
}

growth::Measure measure_of_text(Datum text)
{
    growth::Measure measure = growth::Measure::Bmi;
    if (unlikely(!growth::parse_measure(text_view(text), measure))) {
        std::string_view const given = cut_text(text_view(text), kLongestShown);
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("unknown measure \"%.*s\"", static_cast<int>(given.size()), given.data()),
                        errhint("Known measures are bmi (kg/m^2), height (cm) and weight (kg).")));
    }
    return measure;
}

growth::Sex sex_of_text(Datum text)
{
    growth::Sex sex = growth::Sex::Other;
    if (unlikely(!growth::parse_sex(text_view(text), sex))) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown sex"),
                        errhint("Known are male (m), female (f), and, without a reference, other, prefer_not_to_say "
                                "and further spellings; in upper or lower case.")));
    }
    return sex;
}

// Reads the label from the catalog's cache each time, so that a label that was just renamed is right.
growth::Sex sex_of_enum(Datum value)
{
    HeapTuple const tuple = SearchSysCache1(ENUMOID, value);
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("invalid internal value for enum: %u", DatumGetObjectId(value))));
    growth::Sex sex = growth::Sex::Other;
    const auto *const row = reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple));
    growth::parse_sex(NameStr(row->enumlabel), sex);
    ReleaseSysCache(tuple);
    return sex;
}

}  // namespace wc

// white_cross.is_known_sex(sex text)
WC_FUNCTION(wc_is_known_sex)
{
    wc::growth::Sex sex = wc::growth::Sex::Other;
    PG_RETURN_BOOL(wc::growth::parse_sex(wc::text_view(PointerGetDatum(PG_GETARG_TEXT_PP(0))), sex));
}
