#include "extension/growth_argument.hpp"

extern "C" {
#include "catalog/pg_enum.h"
#include "mb/pg_wchar.h"
#include "utils/float.h"
}

namespace wc {
namespace {

constexpr int kLongestShown = 100;

std::string_view view(Datum packed)
{
    auto const *const text = reinterpret_cast<const struct varlena *>(DatumGetPointer(packed));
    return {VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)};
}

struct Shown {
    const char *text;
    int length;
};

// As much of a text as fits a message.
Shown shown(std::string_view text)
{
    int const length = pg_mbcliplen(text.data(), static_cast<int>(text.size()), kLongestShown);
    return {text.data(), length};
}

const char *place(const char *name, int index) { return index == 0 ? name : psprintf("%s[%d]", name, index); }

[[noreturn]] void reject_range(double value, const char *name, int index, const char *must_be)
{
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%s must be %s, not %s", place(name, index), must_be, float8out_internal(value)),
                    errhint("What is not known is NULL, and gives NULL.")));
    pg_unreachable();
}

}  // namespace

void reject_number(double value, const char *what, int index)
{
    reject_range(value, what, index, "a positive, finite number");
}

void reject_overflow(const char *what, double value)
{
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%s of %s is out of range", what, float8out_internal(value)),
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
    if (unlikely(!growth::parse_measure(view(text), measure))) {
        Shown const given = shown(view(text));
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown measure \"%.*s\"", given.length, given.text),
                 errhint("Known measures are bmi (kg/m^2), height (cm) and weight (kg).")));
    }
    return measure;
}

growth::Sex sex_of_text(Datum text)
{
    growth::Sex sex = growth::Sex::Other;
    if (unlikely(!growth::parse_sex(view(text), sex))) {
        Shown const given = shown(view(text));
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown sex \"%.*s\"", given.length, given.text),
                 errhint("Known are male and female, and other and prefer_not_to_say, for which no reference is; "
                         "in upper or lower case.")));
    }
    return sex;
}

// Looked up each time: a label that was renamed a moment ago is never old.
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
