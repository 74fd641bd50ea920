#include "extension/records/index_reader.hpp"

#include "extension/direct/row_copy.hpp"

extern "C" {
#include "access/stratnum.h"
#include "access/visibilitymap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<IndexReader>);

// The conditions of a scan, in the order of the index's columns.
class IndexReader::Keys {
public:
    explicit Keys(Relation index) : index_(index) {}
    ScanKey data() noexcept { return keys_; }
    int count() const noexcept { return count_; }

    void add(ScanKeyData key) { keys_[count_++] = key; }
    void add(AttrNumber column, StrategyNumber strategy, Datum value)
    {
        int const at = column - 1;
        Oid const type = index_->rd_opcintype[at];
        Oid const comparison = get_opfamily_member(index_->rd_opfamily[at], type, type, static_cast<int16>(strategy));
        ScanKeyEntryInitialize(&keys_[count_++], 0, column, strategy, InvalidOid, index_->rd_indcollation[at],
                               get_opcode(comparison), value);
    }
    void add_null(AttrNumber column, bool is_null)
    {
        ScanKeyEntryInitialize(&keys_[count_++], SK_ISNULL | (is_null ? SK_SEARCHNULL : SK_SEARCHNOTNULL), column,
                               InvalidStrategy, InvalidOid, InvalidOid, InvalidOid, Datum{0});
    }
    // Adds the condition that a column has the value of a position, or comes behind it in the order of records.  NULL
    // comes first in a descending order: what comes behind it is all that is not NULL.
    void add_equal(AttrNumber column, const RecordPosition::Key &key)
    {
        if (key.is_null)
            add_null(column, true);
        else
            add(column, BTEqualStrategyNumber, key.value);
    }
    void add_behind(AttrNumber column, const RecordPosition::Key &key, StrategyNumber strategy)
    {
        if (key.is_null)
            add_null(column, false);
        else
            add(column, strategy, key.value);
    }

private:
    static constexpr int kMost = 6;  // student, two bounds of the date, date, entry, id

    Relation index_;
    ScanKeyData keys_[kMost];
    int count_ = 0;
};

bool IndexReader::open(Datum student_id, const RecordFilters &filters, bool by_entry)
{
    if (filters.given[kTypeFilter] || filters.given[kProviderFilter])
        return false;
    whole_ = open_bound_table(Entity::HealthRecords);
    student_id_ = student_id;
    filters_ = &filters;
    // A cursor that an earlier version gave out has no time of entry.
    if (by_entry == knows_entry(*whole_.bound) && may_read_parts_directly(whole_) &&
        parts_.open(Entity::HealthRecords, whole_, IndexUse::Order, GetActiveSnapshot(), student_id))
        return true;
    table_close(whole_.relation, NoLock);
    return false;
}

void IndexReader::close()
{
    parts_.close();
    table_close(whole_.relation, NoLock);
}

void IndexReader::begin_part(int number)
{
    part_ = &parts_.at(number);
    slot_ = table_slot_create(part_->table.relation, nullptr);
}

void IndexReader::end_part() { ExecDropSingleTupleTableSlot(slot_); }

// In an index that has the order of records, the keys of that order follow the student's id.
AttrNumber IndexReader::column_of(int attribute) const
{
    AttrNumber column = 2;
    for (const SortKey &key : record_order(*whole_.bound)) {
        if (key.attribute == attribute)
            break;
        ++column;
    }
    return column;
}

void IndexReader::add_student(Keys &keys) const
{
    ScanKeyData key;
    const StudentIndex &index = part_->student_index;
    ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, index.collation,
                                   const_cast<FmgrInfo *>(&index.equal), student_id_);
    keys.add(key);
    if (filters_->given[kDateFromFilter])
        keys.add(index.date_column, BTGreaterEqualStrategyNumber, filters_->values[kDateFromFilter]);
    if (filters_->given[kDateToFilter])
        keys.add(index.date_column, BTLessEqualStrategyNumber, filters_->values[kDateToFilter]);
}

IndexScanDesc IndexReader::begin_scan(Keys &keys, bool reads_entries)
{
    IndexScanDesc const scan =
        pg::begin_index_scan(part_->table.relation, part_->index, GetActiveSnapshot(), keys.count());
    scan->xs_want_itup = reads_entries;
    index_rescan(scan, keys.data(), keys.count(), nullptr, 0);
    return scan;
}

void IndexReader::read_scan(Keys &keys, int64 limit, RowList &rows)
{
    IndexScanDesc const scan = begin_scan(keys, false);
    while (rows.count < limit && index_getnext_slot(scan, part_->student_index.direction, slot_))
        copy_row(slot_, *part_->table.bound, record::kCount, rows.add());
    index_endscan(scan);
}

void IndexReader::read_latest(int64 limit, RowList &rows)
{
    for (int i = 0; i < parts_.count() && rows.count < limit; ++i) {
        begin_part(i);
        Keys keys(part_->index);
        add_student(keys);
        read_scan(keys, limit, rows);
        end_part();
    }
}

// Adds the condition that records are the same as a position in the first `beyond` keys of the order, and come behind
// it in the next.
void IndexReader::add_beside(Keys &keys, const SortKeys &order, int beyond, const RecordPosition &position,
                             bool is_included) const
{
    for (int i = 0; i < beyond; ++i)
        keys.add_equal(column_of(order.keys[i].attribute), position.at(order.keys[i].attribute));
    const SortKey &last = order.keys[beyond];
    bool const includes = is_included && beyond == order.count - 1;
    StrategyNumber const descending = includes ? BTLessEqualStrategyNumber : BTLessStrategyNumber;
    StrategyNumber const ascending = includes ? BTGreaterEqualStrategyNumber : BTGreaterStrategyNumber;
    keys.add_behind(column_of(last.attribute), position.at(last.attribute), last.descending ? descending : ascending);
}

// Makes three scans, which follow each other in the index: the rest of the records of the same date and entry; those of
// the same date that were entered before; and those of older dates.
void IndexReader::read_beside(const RecordPosition &position, bool is_included, int64 limit, RowList &rows)
{
    SortKeys const order = record_order(*whole_.bound);
    for (int beyond = order.count - 1; beyond >= 0; --beyond) {
        for (int i = 0; i < parts_.count() && rows.count < limit; ++i) {
            begin_part(i);
            Keys keys(part_->index);
            add_student(keys);
            add_beside(keys, order, beyond, position, is_included);
            read_scan(keys, limit, rows);
            end_part();
        }
    }
}

// Skips `count` records of the part, and leaves the scan at the one after them.  If the part has none there, returns
// false, and lowers `count` by those that it has.  An index-only scan does the same (nodeIndexonlyscan.c), with the
// same predicate lock for serializable transactions.
bool IndexReader::skip(IndexScanDesc scan, ScanDirection direction, int64 &count)
{
    Relation const heap = part_->table.relation;
    Buffer visibility = InvalidBuffer;
    bool found = false;
    while (!found) {
        CHECK_FOR_INTERRUPTS();
        ItemPointer const at = index_getnext_tid(scan, direction);
        if (at == nullptr)
            break;
        BlockNumber const block = ItemPointerGetBlockNumber(at);
        if (VM_ALL_VISIBLE(heap, block, &visibility))
            PredicateLockPage(heap, block, scan->xs_snapshot);
        else if (!index_fetch_heap(scan, slot_))
            continue;
        found = count == 0;
        count -= found ? 0 : 1;
    }
    if (BufferIsValid(visibility))
        ReleaseBuffer(visibility);
    return found;
}

bool IndexReader::find_position_in_part(bool from_end, int64 &offset, RecordPosition &position)
{
    Keys keys(part_->index);
    add_student(keys);
    IndexScanDesc const scan = begin_scan(keys, true);
    ScanDirection const direction = part_->student_index.direction;
    bool const found = skip(scan, from_end ? static_cast<ScanDirection>(-direction) : direction, offset);
    if (found) {
        const BoundTable &table = *part_->table.bound;
        position.by_entry = knows_entry(table);
        for (const SortKey &key : record_order(table)) {
            const BoundColumn &column = table.columns[key.attribute];
            bool is_null = false;
            Datum const value =
                index_getattr(scan->xs_itup, column_of(key.attribute), RelationGetDescr(part_->index), &is_null);
            position.at(key.attribute) = {is_null ? Datum{0} : datumCopy(value, column.by_value, column.length),
                                          is_null};
        }
    }
    index_endscan(scan);
    return found;
}

int64 IndexReader::count()
{
    int64 left = PG_INT64_MAX;
    for (int i = 0; i < parts_.count(); ++i) {
        begin_part(i);
        Keys keys(part_->index);
        add_student(keys);
        IndexScanDesc const scan = begin_scan(keys, false);
        (void)skip(scan, part_->student_index.direction, left);
        index_endscan(scan);
        end_part();
    }
    return PG_INT64_MAX - left;
}

bool IndexReader::find_position(int64 offset, bool from_end, RecordPosition &position)
{
    bool found = false;
    int64 left = offset;
    for (int i = 0; i < parts_.count() && !found; ++i) {
        begin_part(from_end ? parts_.count() - 1 - i : i);
        found = find_position_in_part(from_end, left, position);
        end_part();
    }
    return found;
}

}  // namespace wc
