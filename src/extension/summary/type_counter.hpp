// Counts records by their type, without a query.
#pragma once
#include "extension/summary/facts.hpp"

namespace wc {

class TypeCounter {
public:
    /// REQUIRES: `column`, the type of records, lives as long as this.  What is counted goes to the memory context that
    /// is current at each call.
    explicit TypeCounter(const BoundColumn &column) : column_(column) {}

    /// Counts a record.
    void count(Datum type);

    /// Hands over what was counted, in the order of a query: GROUP BY … ORDER BY.
    void finish(Facts &facts);

private:
    bool is_same(Datum a, Datum b) const;
    bool is_before_by_bytes(Datum a, Datum b) const;

    const BoundColumn &column_;
    TypeCount *counts_ = nullptr;
    int size_ = 0;
    int capacity_ = 0;
};

}  // namespace wc
