// Arrays as arguments and results of the functions that take many children at once.
#pragma once
#include "extension/prelude.hpp"

namespace wc {

/// The elements of an array of one dimension, with their NULLs.
class ArrayElements {
public:
    /// Errors: 2202E for an array of more than one dimension, naming it as `name`.
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

/// The same of float8[].
class NumberArray : public ArrayElements {
public:
    using ArrayElements::ArrayElements;
    double operator[](int i) const { return DatumGetFloat8(datum(i)); }
};

/// Errors: 2202E where the counts differ, with both.
void check_same_length(const ArrayElements &a, const ArrayElements &b);

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
