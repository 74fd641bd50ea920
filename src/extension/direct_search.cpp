#include "extension/direct_search.hpp"

#include "extension/search_index.hpp"

extern "C" {
#include "catalog/index.h"
#include "tsearch/ts_utils.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<DirectSearch>);

bool DirectSearch::open(const SearchParameters &parameters)
{
    if (parameters.students_may_be_hidden)
        return false;
    table_ = open_bound_table(Entity::HealthRecords);
    SearchIndexes const indexes = may_read_directly(table_) ? find_search_indexes(table_) : SearchIndexes{};
    text_index_ = open_index(indexes.text);
    if (text_index_ == nullptr) {
        table_close(table_.relation, NoLock);
        return false;
    }
    date_index_ = open_index(indexes.date);
    student_index_ =
        bound_table(Entity::Students).columns[student::Id].type == table_.bound->columns[record::StudentId].type
            ? find_student_index(Entity::HealthRecords, table_)
            : nullptr;
    parameters_ = &parameters;
    snapshot_ = GetActiveSnapshot();
    fetch_ = table_index_fetch_begin(table_.relation);
    slot_ = table_slot_create(table_.relation, nullptr);
    executor_ = nullptr;
    return true;
}

void DirectSearch::close()
{
    if (executor_ != nullptr)
        FreeExecutorState(executor_);
    table_index_fetch_end(fetch_);
    ExecDropSingleTupleTableSlot(slot_);
    if (date_index_ != nullptr)
        index_close(date_index_, NoLock);
    index_close(text_index_, NoLock);
    table_close(table_.relation, NoLock);
}

// Null where there is none, or none that is right for the snapshot.
Relation DirectSearch::open_index(Oid index) const
{
    if (!OidIsValid(index))
        return nullptr;
    Relation const opened = index_open(index, AccessShareLock);
    if (is_for_this_snapshot(opened))
        return opened;
    index_close(opened, AccessShareLock);
    return nullptr;
}

// The version of the row that the snapshot sees, into the slot.
bool DirectSearch::fetch(ItemPointer position)
{
    ItemPointerData at = *position;  // is moved along the chain of versions
    bool more = false;
    while (true) {
        if (table_index_fetch_tuple(fetch_, &at, snapshot_, slot_, &more, nullptr))
            return true;
        if (!more)
            return false;
    }
}

bool DirectSearch::is_wanted_type(Datum type, bool is_null) const
{
    const BoundColumn &column = table_.bound->columns[record::Type];
    return !is_null && datum_image_eq(type, parameters_->type(), column.by_value, column.length);
}

bool DirectSearch::slot_is_wanted(Datum tsquery)
{
    if (parameters_->has_type) {
        bool is_null = false;
        Datum const type = slot_getattr(slot_, table_.bound->columns[record::Type].number, &is_null);
        if (!is_wanted_type(type, is_null))
            return false;
    }
    return tsquery == 0 || fulfils(tsquery);
}

// Whether the row in the slot fulfils a tsquery: the index's own expression is computed for it.
bool DirectSearch::fulfils(Datum tsquery)
{
    if (executor_ == nullptr) {
        executor_ = CreateExecutorState();
        document_ = BuildIndexInfo(text_index_);
    }
    ExprContext *const per_row = GetPerTupleExprContext(executor_);
    per_row->ecxt_scantuple = slot_;
    Datum document = 0;
    bool is_null = false;
    FormIndexDatum(document_, slot_, executor_, &document, &is_null);
    MemoryContext const caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(executor_));
    bool const answer = !is_null && DatumGetBool(DirectFunctionCall2(ts_match_vq, document, tsquery));
    MemoryContextSwitchTo(caller);
    ResetPerTupleExprContext(executor_);
    return answer;
}

void DirectSearch::add_slot(RowList &rows)
{
    const BoundTable &table = *table_.bound;
    slot_getsomeattrs(slot_, Max(table.columns[record::Id].number, table.columns[record::Date].number));
    Row &row = rows.add();
    for (int const attribute : {record::Id, record::Date}) {
        const BoundColumn &column = table.columns[attribute];
        row.nulls[attribute] = slot_->tts_isnull[column.number - 1];
        row.values[attribute] = slot_->tts_values[column.number - 1];
        if (!row.nulls[attribute])
            row.values[attribute] = datumCopy(row.values[attribute], column.by_value, column.length);
    }
}

RowOrder DirectSearch::order_of_results()
{
    return {bound_table(Entity::HealthRecords), {{record::Date, true}, {record::Id, false}}};
}

void DirectSearch::keep_first(const RowOrder &order, RowList &rows, int64 needed)
{
    const BoundColumn &id = bound_table(Entity::HealthRecords).columns[record::Id];
    order.sort(rows);
    for (; rows.count > needed; --rows.count) {
        const Row &dropped = rows.rows[rows.count - 1];
        if (!id.by_value && !dropped.nulls[record::Id])
            pfree(DatumGetPointer(dropped.values[record::Id]));
    }
}

}  // namespace wc
