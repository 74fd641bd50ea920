// Records of students who were found by their names.
#include "extension/direct_search.hpp"
#include "extension/student_set.hpp"

extern "C" {
#include "access/visibilitymap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/datum.h"
}

namespace wc {
namespace {

// What it costs, in microseconds, to begin with another student.
constexpr double kStudentCost = 3;

// How many rows more than wanted are kept, at least, before they are sorted and cut: the next student's are read the
// less far the sooner that is.
constexpr int64 kUnsorted = 256;

}  // namespace

// The id and the date of the record at which the scan is.  False when the snapshot does not see it, or it is not
// wanted.
bool DirectSearch::read_entry(IndexScanDesc scan, Row &row, Buffer &visibility)
{
    BlockNumber const block = ItemPointerGetBlockNumber(&scan->xs_heaptid);
    bool const needs_row = parameters_->has_excluded || student_index_->id_column == InvalidAttrNumber;
    // While the index's page is pinned, what the map says holds for its entries (nodeIndexonlyscan.c).
    bool const is_visible = VM_ALL_VISIBLE(table_.relation, block, &visibility);
    if (is_visible && !needs_row)
        PredicateLockPage(table_.relation, block, snapshot_);
    else if (!index_fetch_heap(scan, slot_))
        return false;
    TupleDesc const shape = RelationGetDescr(scan->indexRelation);
    if (parameters_->has_type) {
        bool is_null = false;
        Datum const type = index_getattr(scan->xs_itup, student_index_->type_column, shape, &is_null);
        if (!is_wanted_type(type, is_null))
            return false;
    }
    if (parameters_->has_excluded && !fulfils(parameters_->excluded()))
        return false;
    if (student_index_->id_column == InvalidAttrNumber)
        row.values[record::Id] = slot_getattr(slot_, table_.bound->columns[record::Id].number, &row.nulls[record::Id]);
    else
        row.values[record::Id] = index_getattr(scan->xs_itup, student_index_->id_column, shape, &row.nulls[record::Id]);
    return true;
}

// Puts the latest records of these students into `rows`, if a walk is shorter than to go on with the one after `done`.
bool DirectSearch::walk_looking_for(const Datum *students, int count, int done, int64 needed, RowList &rows)
{
    const BoundColumn &column = table_.bound->columns[record::StudentId];
    if (OidIsValid(column.collation) && !get_collation_isdeterministic(column.collation))
        return false;
    StudentSet const wanted(students, count, column);
    RowList latest{};
    auto const fits = [&] {
        bool is_null = false;
        Datum const student = slot_getattr(slot_, column.number, &is_null);
        return !is_null && wanted.has(student) &&
               slot_is_wanted(parameters_->has_excluded ? parameters_->excluded() : Datum{0});
    };
    if (!walk_looking(kFetchCost, needed, latest, fits, [&](double) { return (count - done) * kStudentCost; }))
        return false;
    rows = latest;
    return true;
}

// Each student's records come latest first.  Once there are more than are counted, the latest of all are walked through
// as far as that is shorter; else a student's are read as far only as they may be among the latest that are needed.
Matches DirectSearch::of_students(const Datum *students, int count, int64 needed)
{
    Matches found;
    RowOrder const order = order_of_results();
    RowOrder const by_date(*table_.bound, {{record::Date, true}});
    const BoundColumn &id = table_.bound->columns[record::Id];
    Relation const index = index_open(student_index_->index, AccessShareLock);
    IndexScanDesc const scan = pg::begin_index_scan(table_.relation, index, snapshot_, 1);
    scan->xs_want_itup = true;
    ScanKeyData key;
    ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, student_index_->collation,
                                   const_cast<FmgrInfo *>(&student_index_->equal), Datum{0});
    Buffer visibility = InvalidBuffer;
    bool is_cut = false;  // the row at `needed` is the last that there may be
    bool is_found = false;
    for (int i = 0; i < count && !is_found; ++i) {
        CHECK_FOR_INTERRUPTS();
        key.sk_argument = students[i];
        index_rescan(scan, &key, 1, nullptr, 0);
        while (index_getnext_tid(scan, student_index_->direction) != nullptr) {
            Row row;
            row.values[record::Date] = index_getattr(scan->xs_itup, student_index_->date_column,
                                                     RelationGetDescr(index), &row.nulls[record::Date]);
            if (is_cut && by_date.compare(row, found.rows.rows[needed - 1]) > 0)
                break;
            if (!read_entry(scan, row, visibility))
                continue;
            if (!row.nulls[record::Id])
                row.values[record::Id] = datumCopy(row.values[record::Id], id.by_value, id.length);
            found.rows.add() = row;
        }
        if (found.rows.count > (found.complete ? kExactTotal : needed + Max(needed, kUnsorted))) {
            if (found.complete && walk_looking_for(students, count, i, needed, found.rows))
                is_found = true;
            found.complete = false;
            keep_first(order, found.rows, needed);
            is_cut = found.rows.count == needed;
        }
    }
    if (BufferIsValid(visibility))
        ReleaseBuffer(visibility);
    if (!found.complete)
        keep_first(order, found.rows, needed);
    index_endscan(scan);
    index_close(index, NoLock);
    return found;
}

}  // namespace wc
