#include "extension/direct/shown_rows.hpp"

#include <algorithm>

extern "C" {
#include "catalog/pg_type.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<ShownRows>);

namespace {

int compare(const ItemPointerData &a, const ItemPointerData &b)
{
    return ItemPointerCompare(const_cast<ItemPointer>(&a), const_cast<ItemPointer>(&b));
}

// Finds a position among rows that are sorted by it.  Returns null if it is not there.
template <typename Asked>
Asked *find(Asked *rows, int count, const ItemPointerData &position)
{
    Asked *const end = rows + count;
    Asked *const found = std::lower_bound(rows, end, position, [](const Asked &row, const ItemPointerData &wanted) {
        return compare(row.position, wanted) < 0;
    });
    return found != end && compare(found->position, position) == 0 ? found : nullptr;
}

}  // namespace

void ShownRows::begin(KeptPlan &plan, const char *statement, Oid table) noexcept
{
    plan_ = &plan;
    statement_ = statement;
    table_ = table;
    asked_ = nullptr;
    count_ = capacity_ = 0;
}

// Asks the executor.  The rows are sorted by position.
void ShownRows::decide(Asked *rows, int count)
{
    auto *const positions = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(count)));
    for (int i = 0; i < count; ++i)
        positions[i] = PointerGetDatum(&rows[i].position);
    ArrayType *const array = construct_array(positions, count, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT);
    Oid types[] = {get_array_type(TIDOID), OIDOID};
    Datum const values[] = {PointerGetDatum(array), ObjectIdGetDatum(table_)};
    SPITupleTable *const shown = plan_->select(statement_, lengthof(types), types, values);
    for (std::uint64_t at = 0; at < shown->numvals; ++at) {
        bool is_null = false;
        Datum const position = SPI_getbinval(shown->vals[at], shown->tupdesc, 1, &is_null);
        Asked *const row = find(rows, count, *static_cast<ItemPointer>(static_cast<void *>(DatumGetPointer(position))));
        if (row != nullptr)
            row->is_shown = true;
    }
    SPI_freetuptable(shown);
    pfree(array);
    pfree(positions);
}

void ShownRows::ask(const ItemPointerData *positions, int count)
{
    count_ = 0;
    if (count == 0)
        return;
    if (count > capacity_) {
        if (asked_ != nullptr)
            pfree(asked_);
        asked_ = static_cast<Asked *>(palloc(sizeof(Asked) * static_cast<Size>(count)));
        capacity_ = count;
    }
    for (int i = 0; i < count; ++i)
        asked_[i] = {positions[i], false};
    std::sort(asked_, asked_ + count,
              [](const Asked &a, const Asked &b) { return compare(a.position, b.position) < 0; });
    decide(asked_, count);
    count_ = count;
}

bool ShownRows::has(const ItemPointerData &position)
{
    const Asked *const known = find(asked_, count_, position);
    if (known != nullptr)
        return known->is_shown;
    Asked row{position, false};
    decide(&row, 1);
    return row.is_shown;
}

}  // namespace wc
