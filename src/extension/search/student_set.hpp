// A set of students' ids.
#pragma once
#include "extension/binding/binding.hpp"

namespace wc {

/// REQUIRES: the ids live as long as the set.  Ids are equal if their bytes are, as under every deterministic
/// collation.
class StudentSet {
public:
    StudentSet(const Datum *students, int count, const BoundColumn &column);
    bool has(Datum student) const;

private:
    struct Entry {
        std::uint32_t hash;
        int place;
    };
    std::uint32_t hash(Datum student) const;

    const Datum *students_;
    const BoundColumn &column_;
    int count_;
    Entry *order_;  // by hash
};

}  // namespace wc
