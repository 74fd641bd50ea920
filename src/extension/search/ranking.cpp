#include "extension/search/ranking.hpp"

#include <algorithm>

namespace wc {
namespace {

struct Ranked {
    float4 rank;
    int at;  // among the rows of both lists
};

Ranked *make_ranked(int count) { return static_cast<Ranked *>(palloc(sizeof(Ranked) * static_cast<Size>(count + 1))); }

int find_part(const RecordParts &parts, Oid table)
{
    for (int part = 0; part < parts.count(); ++part) {
        if (parts.at(part).table().bound->relation == table)
            return part;
    }
    elog(ERROR, "a search has found a record outside of its tables");
}

// Returns the rank of the text of each row.  It reads the rows of one table after those of another, in its order.
float4 *ranks_of_texts(RecordParts &parts, const RowList &rows, Datum tsquery)
{
    auto *const ranks = static_cast<float4 *>(palloc(sizeof(float4) * static_cast<Size>(rows.count + 1)));
    auto *const order = static_cast<int *>(palloc(sizeof(int) * static_cast<Size>(rows.count + 1)));
    for (int i = 0; i < rows.count; ++i)
        order[i] = i;
    std::sort(order, order + rows.count, [&](int a, int b) {
        const RowPlace &one = rows.rows[a].place;
        const RowPlace &other = rows.rows[b].place;
        if (one.table != other.table)
            return one.table < other.table;
        return ItemPointerCompare(const_cast<ItemPointer>(&one.position), const_cast<ItemPointer>(&other.position)) < 0;
    });
    RecordCursor *records = nullptr;
    for (int i = 0; i < rows.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        const RowPlace &place = rows.rows[order[i]].place;
        if (records == nullptr || records->table().bound->relation != place.table)
            records = &parts.at(find_part(parts, place.table));
        ranks[order[i]] = records->rank(place, tsquery);
    }
    return ranks;
}

}  // namespace

RowList rows_by_rank(RecordParts &parts, const RowList &by_text, const RowList &by_name, Datum tsquery)
{
    const float4 *const ranks = ranks_of_texts(parts, by_text, tsquery);
    RowOrder const order(parts.table(), record_order(parts.table()));
    Ranked *const ranked = make_ranked(by_text.count + by_name.count);
    RowList both{};
    int text = 0;
    int name = 0;
    while (text < by_text.count || name < by_name.count) {
        int compared = text == by_text.count ? 1 : -1;
        if (text < by_text.count && name < by_name.count)
            compared = order.compare(by_text.rows[text], by_name.rows[name]);
        ranked[both.count] = {(compared <= 0 ? ranks[text] : 0) + (compared >= 0 ? 1.0F : 0.0F), both.count};
        both.add() = compared <= 0 ? by_text.rows[text] : by_name.rows[name];
        text += compared <= 0 ? 1 : 0;
        name += compared >= 0 ? 1 : 0;
    }
    std::sort(ranked, ranked + both.count,
              [](const Ranked &a, const Ranked &b) { return a.rank != b.rank ? a.rank > b.rank : a.at < b.at; });
    RowList best{};
    for (int i = 0; i < both.count; ++i)
        best.add() = both.rows[ranked[i].at];
    return best;
}

}  // namespace wc
