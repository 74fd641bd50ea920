// Ids of students, to be asked whether one is among them.
#pragma once
#include "extension/binding.hpp"

namespace wc {

/// The ids stay the caller's.  Equal is what is the same byte by byte, as under every deterministic collation.
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
