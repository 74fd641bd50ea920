#include "extension/summary/facts_reader.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<FactsReader>);

namespace {

Datum array_of(const IdArray &ids)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    int dimensions[] = {ids.count};
    int lower_bounds[] = {1};
    return PointerGetDatum(construct_md_array(ids.values, ids.nulls, 1, dimensions, lower_bounds, column.type,
                                              column.length, column.by_value, column.alignment));
}

}  // namespace

// Opens queries for the students from the next one on.  Only queries need SPI.  The caller's memory context stays
// current: what `next` allocates belongs to the caller.
void FactsReader::open_query()
{
    is_direct_ = false;
    MemoryContext const caller = CurrentMemoryContext;
    SPI_connect();
    if (is_one_)
        query_.open_one(ids_.values[at_]);
    else
        query_.open_many(array_of(
            {ids_.values + at_, ids_.nulls == nullptr ? nullptr : ids_.nulls + at_, ids_.count - at_, ids_.type}));
    MemoryContextSwitchTo(caller);
}

void FactsReader::open_one(Datum &id)
{
    ids_ = {&id, nullptr, 1, bound_table(Entity::Students).columns[student::Id].type};
    is_one_ = true;
    is_direct_ = direct_.open();
    if (!is_direct_)
        open_query();
}

void FactsReader::open_many(const IdArray &ids)
{
    ids_ = ids;
    is_direct_ = direct_.open();
    if (!is_direct_)
        open_query();
}

void FactsReader::next(Facts &facts)
{
    if (is_direct_ && ids_.nulls != nullptr && ids_.nulls[at_]) {
        facts = Facts{};
    } else if (!is_direct_) {
        query_.next(facts);
    } else if (!direct_.read(ids_.values[at_], facts)) {
        direct_.close();
        open_query();
        query_.next(facts);
    }
    ++at_;
}

void FactsReader::close()
{
    if (is_direct_) {
        direct_.close();
        return;
    }
    MemoryContext const caller = CurrentMemoryContext;
    query_.close();
    SPI_finish();
    MemoryContextSwitchTo(caller);
}

}  // namespace wc
