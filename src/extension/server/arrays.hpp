// Arrays as arguments and results of the functions that take many children at once.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// The elements of an array of one dimension, some of which may be NULL.
class ArrayElements {
public:
    /// `name`: the argument's name, for errors.  Errors: 2202E for an array of more than one dimension.
    ArrayElements(ArrayType *array, const char *name);
    int count() const { return count_; }
    bool is_null(int i) const { return nulls_ != nullptr && nulls_[i]; }
    Datum datum(int i) const { return values_[i]; }
    const char *name() const { return name_; }

private:
    const char *name_;
    Datum *values_ = nullptr;
    bool *nulls_ = nullptr;
    int count_ = 0;
};

/// Like ArrayElements, for float8[].
class NumberArray : public ArrayElements {
public:
    using ArrayElements::ArrayElements;
    double operator[](int i) const { return DatumGetFloat8(datum(i)); }
};

/// Errors: 2202E if the counts differ; the message has both.
void check_same_length(const ArrayElements &a, const ArrayElements &b);

/// Calls `visit` with each element of a text[] with any number of dimensions, and returns how many there are.  `name`:
/// the argument's name, for errors.  Errors: 22004 an element is NULL.
template <typename Visit>
int for_each_name(ArrayType *array, const char *name, Visit visit)
{
    Datum *names = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
    for (int i = 0; i < count; ++i) {
        if (nulls[i])
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("\"%s\" must not contain NULL", name)));
        visit(names[i]);
    }
    return count;
}

/// Collects as many elements as were counted.
class ResultArray {
public:
    explicit ResultArray(int count);
    void put(int i, Datum value) { values_[i] = value; }
    void put_null(int i) { nulls_[i] = true; }
    Datum as_array(Oid type);

private:
    Datum *values_;
    bool *nulls_;
    int count_;
};

}  // namespace wc
