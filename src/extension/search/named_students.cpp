#include "extension/search/named_students.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<NamedStudents>);

namespace {

KeptPlan student_plans[SearchParameters::kVariants];

}  // namespace

NamedStudents::NamedStudents(SearchParameters &parameters)
    : ids_(static_cast<Datum *>(palloc(sizeof(Datum) * (kMostStudents + 1)))), is_by_index_(index_.open(parameters))
{
    if (is_by_index_)
        return;
    SPIPlanPtr const plan = student_plans[parameters.variant()].get(students_by_name(parameters),
                                                                    SearchParameters::kCount, parameters.types);
    query_ = SPI_cursor_open(nullptr, plan, parameters.values, parameters.nulls, true);
}

bool NamedStudents::fetch(int most) { return is_by_index_ ? fetch_from_index(most) : fetch_by_query(most); }

bool NamedStudents::fetch_from_index(int most)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    int found = 0;
    while (found < most && index_.next()) {
        ++found;
        bool is_null = false;
        Datum const id = index_.id(is_null);
        if (!is_null)
            ids_[count_++] = datumCopy(id, column.by_value, column.length);
    }
    return found == most;
}

bool NamedStudents::fetch_by_query(int most)
{
    SPI_cursor_fetch(query_, true, most);
    check_names();
    for (std::uint64_t at = 0; at < SPI_tuptable->numvals; ++at) {
        bool is_null = false;
        ids_[count_] = SPI_getbinval(SPI_tuptable->vals[at], SPI_tuptable->tupdesc, 1, &is_null);
        count_ += is_null ? 0 : 1;
    }
    return SPI_tuptable->numvals == static_cast<std::uint64_t>(most);
}

void NamedStudents::close()
{
    if (is_by_index_)
        index_.close();
    else
        SPI_cursor_close(query_);
}

}  // namespace wc
