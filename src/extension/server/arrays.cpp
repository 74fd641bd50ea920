#include "extension/server/arrays.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<NumberArray> && std::is_trivially_destructible_v<ResultArray>);

ArrayElements::ArrayElements(ArrayType *array, const char *name) : name_(name)
{
    if (ARR_NDIM(array) > 1)
        ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                        errmsg("%s must be an array of one dimension, not %d", name, ARR_NDIM(array))));
    int16 length = 0;
    bool by_value = false;
    char alignment = 0;
    get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
    deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &values_,
                      ARR_HASNULL(array) ? &nulls_ : nullptr, &count_);
}

void check_same_length(const ArrayElements &a, const ArrayElements &b)
{
    if (a.count() != b.count())
        ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                        errmsg("arrays must be of one length: %s has %d elements, %s has %d", a.name(), a.count(),
                               b.name(), b.count()),
                        errhint("Use NULL for an unknown element.")));
}

ResultArray::ResultArray(int count)
    : values_(static_cast<Datum *>(palloc0(sizeof(Datum) * static_cast<Size>(Max(count, 1))))),
      nulls_(static_cast<bool *>(palloc0(static_cast<Size>(Max(count, 1))))),
      count_(count)
{}

Datum ResultArray::as_array(Oid type)
{
    if (count_ == 0)
        return PointerGetDatum(construct_empty_array(type));
    int16 length = 0;
    bool by_value = false;
    char alignment = 0;
    get_typlenbyvalalign(type, &length, &by_value, &alignment);
    int const lower = 1;
    return PointerGetDatum(
        construct_md_array(values_, nulls_, 1, &count_, const_cast<int *>(&lower), type, length, by_value, alignment));
}

}  // namespace wc
