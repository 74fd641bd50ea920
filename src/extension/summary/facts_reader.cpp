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

// Only queries need SPI.  The caller's memory context stays current: what `next` allocates belongs to the caller.
template <class OpenQuery>
void FactsReader::open(OpenQuery open_query)
{
    is_direct_ = direct_.open();
    if (is_direct_)
        return;
    MemoryContext const caller = CurrentMemoryContext;
    SPI_connect();
    open_query();
    MemoryContextSwitchTo(caller);
}

void FactsReader::open_one(Datum &id)
{
    ids_ = {&id, nullptr, 1, bound_table(Entity::Students).columns[student::Id].type};
    open([&] { query_.open_one(id); });
}

void FactsReader::open_many(const IdArray &ids)
{
    ids_ = ids;
    open([&] { query_.open_many(array_of(ids)); });
}

void FactsReader::next(Facts &facts)
{
    int const at = at_++;
    if (!is_direct_)
        query_.next(facts);
    else if (ids_.nulls != nullptr && ids_.nulls[at])
        facts = Facts{};
    else
        direct_.read(ids_.values[at], facts);
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
