#include "extension/search/student_set.hpp"

#include <algorithm>

extern "C" {
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<StudentSet>);

StudentSet::StudentSet(const Datum *students, int count, const BoundColumn &column)
    : students_(students),
      column_(column),
      count_(count),
      order_(static_cast<Entry *>(palloc(sizeof(Entry) * static_cast<Size>(count + 1))))
{
    for (int i = 0; i < count; ++i)
        order_[i] = {hash(students[i]), i};
    std::sort(order_, order_ + count, [](const Entry &a, const Entry &b) { return a.hash < b.hash; });
}

bool StudentSet::has(Datum student) const
{
    std::uint32_t const wanted = hash(student);
    const Entry *at =
        std::lower_bound(order_, order_ + count_, wanted, [](const Entry &a, std::uint32_t b) { return a.hash < b; });
    for (; at != order_ + count_ && at->hash == wanted; ++at) {
        if (datum_image_eq(students_[at->place], student, column_.by_value, column_.length))
            return true;
    }
    return false;
}

std::uint32_t StudentSet::hash(Datum student) const
{
    return datum_image_hash(student, column_.by_value, column_.length);
}

}  // namespace wc
