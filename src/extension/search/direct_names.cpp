#include "extension/search/direct_names.hpp"

#include "extension/search/cost.hpp"
#include "extension/search/student_set.hpp"

extern "C" {
#include "access/visibilitymap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/datum.h"
}

namespace wc {
namespace {

// The least number of rows beyond the needed ones that are collected before they are sorted and cut.  Cutting early
// lets the search read fewer rows of the next students.
constexpr int64 kUnsorted = 256;

// Reads the id and the time of entry of the scan's current record.  Returns false if the snapshot does not see the
// record, or its type is not wanted.
bool read_entry(RecordCursor &records, IndexScanDesc scan, Row &row, Buffer &visibility)
{
    const OpenTable &table = records.table();
    const StudentIndex &index = records.student_index();
    const SearchParameters &parameters = records.parameters();
    BlockNumber const block = ItemPointerGetBlockNumber(&scan->xs_heaptid);
    bool const by_entry = knows_entry(*table.bound);
    bool const needs_row = parameters.has_excluded || index.id_column == InvalidAttrNumber ||
                           (by_entry && index.entry_column == InvalidAttrNumber);
    // While the index page is pinned, the visibility map is right for its entries (see nodeIndexonlyscan.c).
    bool const is_visible = VM_ALL_VISIBLE(table.relation, block, &visibility);
    if (is_visible && !needs_row)
        PredicateLockPage(table.relation, block, records.snapshot());
    else if (!records.fetch(scan))
        return false;
    TupleDesc const shape = RelationGetDescr(scan->indexRelation);
    if (parameters.has_type) {
        bool is_null = false;
        Datum const type = index_getattr(scan->xs_itup, index.type_column, shape, &is_null);
        if (!records.is_wanted_type(type, is_null))
            return false;
    }
    if (parameters.has_excluded && !records.fulfils(parameters.excluded()))
        return false;
    auto const take = [&](int attribute, AttrNumber column) {
        bool &is_null = row.nulls[attribute];
        row.values[attribute] = column == InvalidAttrNumber ? records.attribute(attribute, is_null)
                                                            : index_getattr(scan->xs_itup, column, shape, &is_null);
    };
    take(record::Id, index.id_column);
    if (by_entry)
        take(record::CreatedAt, index.entry_column);
    return true;
}

void begin_student(IndexScanDesc scan, StudentIndex &columns, Datum student)
{
    CHECK_FOR_INTERRUPTS();
    ScanKeyData key;
    ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, columns.collation, &columns.equal,
                                   student);
    index_rescan(scan, &key, 1, nullptr, 0);
}

// Collects the latest records of these students by a walk, if that is cheaper than continuing with the student after
// `done`.
bool walk_looking_for(RecordCursor &records, const Datum *students, int count, int done, int64 needed, RowList &rows)
{
    const BoundColumn &column = records.table().bound->columns[record::StudentId];
    // Students and records may pad the same id to different lengths.
    if (column.type == BPCHAROID || (OidIsValid(column.collation) && !get_collation_isdeterministic(column.collation)))
        return false;
    const SearchParameters &parameters = records.parameters();
    StudentSet const wanted(students, count, column);
    RowList latest{};
    auto const fits = [&] {
        bool is_null = false;
        Datum const student = records.attribute(record::StudentId, is_null);
        return !is_null && wanted.has(student) &&
               records.is_wanted(parameters.has_excluded ? parameters.excluded() : Datum{0});
    };
    if (!records.walk_looking(search_cost::kFetch, needed, latest, fits,
                              [&](double) { return (count - done) * search_cost::kStudent; }))
        return false;
    rows = latest;
    return true;
}

}  // namespace

bool have_more_than_counted(RecordCursor &records, const Datum *students, int count)
{
    int64 found = 0;
    StudentIndex &columns = records.student_index();
    IndexScanDesc const scan =
        pg::begin_index_scan(records.table().relation, records.student_relation(), records.snapshot(), 1);
    scan->xs_want_itup = true;
    Buffer visibility = InvalidBuffer;
    for (int i = 0; i < count && found <= kExactTotal; ++i) {
        begin_student(scan, columns, students[i]);
        while (found <= kExactTotal && index_getnext_tid(scan, columns.direction) != nullptr) {
            Row row;
            found += read_entry(records, scan, row, visibility) ? 1 : 0;
        }
    }
    if (BufferIsValid(visibility))
        ReleaseBuffer(visibility);
    index_endscan(scan);
    return found > kExactTotal;
}

// Reads each student's records, the latest first.  Once it has more than kExactTotal, it walks through the latest
// records of all students if that is cheaper; otherwise it reads each student's records only as far as they can be
// among the latest `needed`.
Matches find_of_students(RecordCursor &records, const Datum *students, int count, int64 needed)
{
    Matches found;
    RowOrder const by_date(*records.table().bound, {{record::Date, true}});
    const BoundColumn &id = records.table().bound->columns[record::Id];
    Relation const index = records.student_relation();
    StudentIndex &columns = records.student_index();
    IndexScanDesc const scan = pg::begin_index_scan(records.table().relation, index, records.snapshot(), 1);
    scan->xs_want_itup = true;
    Buffer visibility = InvalidBuffer;
    bool is_cut = false;  // the rows were cut to the latest `needed`; earlier records need not be read
    bool is_found = false;
    for (int i = 0; i < count && !is_found; ++i) {
        begin_student(scan, columns, students[i]);
        while (index_getnext_tid(scan, columns.direction) != nullptr) {
            Row row;
            row.values[record::Date] =
                index_getattr(scan->xs_itup, columns.date_column, RelationGetDescr(index), &row.nulls[record::Date]);
            if (is_cut && by_date.compare(row, found.rows.rows[needed - 1]) > 0)
                break;
            if (!read_entry(records, scan, row, visibility))
                continue;
            if (!row.nulls[record::Id])
                row.values[record::Id] = datumCopy(row.values[record::Id], id.by_value, id.length);
            found.rows.add() = row;
        }
        if (found.rows.count > (found.complete ? kExactTotal : needed + Max(needed, kUnsorted))) {
            if (found.complete && walk_looking_for(records, students, count, i, needed, found.rows))
                is_found = true;
            found.complete = false;
            records.keep_first(found.rows, needed);
            is_cut = found.rows.count == needed;
        }
    }
    if (BufferIsValid(visibility))
        ReleaseBuffer(visibility);
    if (!found.complete)
        records.keep_first(found.rows, needed);
    index_endscan(scan);
    return found;
}

}  // namespace wc
