#include "extension/search/name_index.hpp"

#include <new>

#include "extension/direct/eligibility.hpp"
#include "extension/search/index.hpp"
#include "extension/server/settings.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "utils/fmgrprotos.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<NameIndex>);

namespace {

KeptPlan shown_plan;

bool matches(Datum name, Datum pattern)
{
    return DatumGetBool(DirectFunctionCall2Coll(texticlike, DEFAULT_COLLATION_OID, name, pattern));
}

}  // namespace

bool NameIndex::open(const SearchParameters &parameters)
{
    if (settings::search_under_rls() != settings::SearchUnderRls::Index || !parameters.students_may_be_hidden ||
        parameters.has_short_part)
        return false;
    parameters_ = &parameters;
    students_ = open_bound_table(Entity::Students);
    bool const may_ask = !is_partitioned(students_) && may_read_parts_and_ask(students_);
    Oid const index = may_ask ? find_name_index(students_) : InvalidOid;
    index_ = OidIsValid(index) ? try_open_index(index) : nullptr;
    if (index_ != nullptr && !is_for_this_snapshot(index_)) {
        index_close(index_, NoLock);
        index_ = nullptr;
    }
    if (index_ == nullptr) {
        table_close(students_.relation, NoLock);
        return false;
    }
    rows_.open(students_.relation, GetActiveSnapshot());
    rows_.ask_with(shown_plan, shown_students());
    name_ = IndexExpression(index_);
    positions_ = new (palloc(sizeof(Positions))) Positions(rows_, look_into_index());
    return true;
}

BitmapRows NameIndex::look_into_index() const
{
    ScanKeyData keys[2];
    begin_name_key(&keys[0], index_, parameters_->values[1]);
    if (parameters_->has_second_part)
        begin_name_key(&keys[1], index_, parameters_->values[8]);
    return BitmapRows({index_, rows_.snapshot(), keys, parameters_->has_second_part ? 2 : 1});
}

void NameIndex::close()
{
    positions_->end();
    name_.close();
    rows_.close();
    index_close(index_, NoLock);
    table_close(students_.relation, NoLock);
}

// An index of trigrams tells of no row for sure that its name matches.
bool NameIndex::next()
{
    ItemPointerData position;
    bool is_sure = false;
    while (positions_->next(position, is_sure)) {
        CHECK_FOR_INTERRUPTS();
        if (rows_.fetch(position) && rows_.is_shown() &&
            name_.test(rows_.slot(), [this](Datum name) { return fits(name); }))
            return true;
    }
    return false;
}

bool NameIndex::fits(Datum name) const
{
    const SearchParameters &wanted = *parameters_;
    return matches(name, wanted.values[1]) && (!wanted.has_second_part || matches(name, wanted.values[8])) &&
           (!wanted.has_several_parts || fits_all(2, true, name)) &&
           (!wanted.has_excluded_names || fits_all(3, false, name));
}

// Whether the name matches all patterns of a parameter, or none of them.
bool NameIndex::fits_all(int parameter, bool wanted, Datum name) const
{
    ArrayIterator const patterns =
        array_create_iterator(DatumGetArrayTypeP(parameters_->values[parameter]), 0, nullptr);
    Datum pattern = 0;
    bool is_null = false;
    bool fits = true;
    while (fits && array_iterate(patterns, &pattern, &is_null))
        fits = matches(name, pattern) == wanted;
    array_free_iterator(patterns);
    return fits;
}

Datum NameIndex::id(bool &is_null) const
{
    return slot_getattr(rows_.slot(), students_.bound->columns[student::Id].number, &is_null);
}

}  // namespace wc
