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
    table_ = open_bound_table(Entity::HealthRecords);
    // A cursor that an earlier version gave out has no time of entry.
    bool const may_read = by_entry == knows_entry(*table_.bound) && may_read_directly(table_);
    index_ = may_read ? open_student_index(Entity::HealthRecords, table_, student_index_, IndexUse::Order) : nullptr;
    if (index_ == nullptr) {
        table_close(table_.relation, NoLock);
        return false;
    }
    slot_ = table_slot_create(table_.relation, nullptr);
    student_id_ = student_id;
    filters_ = &filters;
    return true;
}

void IndexReader::close()
{
    ExecDropSingleTupleTableSlot(slot_);
    index_close(index_, NoLock);
    table_close(table_.relation, NoLock);
}

// In an index that has the order of records, the keys of that order follow the student's id.
AttrNumber IndexReader::column_of(int attribute) const
{
    AttrNumber column = 2;
    for (const SortKey &key : record_order(*table_.bound)) {
        if (key.attribute == attribute)
            break;
        ++column;
    }
    return column;
}

void IndexReader::add_student(Keys &keys) const
{
    ScanKeyData key;
    ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, student_index_.collation,
                                   const_cast<FmgrInfo *>(&student_index_.equal), student_id_);
    keys.add(key);
    if (filters_->given[kDateFromFilter])
        keys.add(student_index_.date_column, BTGreaterEqualStrategyNumber, filters_->values[kDateFromFilter]);
    if (filters_->given[kDateToFilter])
        keys.add(student_index_.date_column, BTLessEqualStrategyNumber, filters_->values[kDateToFilter]);
}

IndexScanDesc IndexReader::begin_scan(Keys &keys, bool reads_entries)
{
    IndexScanDesc const scan = pg::begin_index_scan(table_.relation, index_, GetActiveSnapshot(), keys.count());
    scan->xs_want_itup = reads_entries;
    index_rescan(scan, keys.data(), keys.count(), nullptr, 0);
    return scan;
}

void IndexReader::read_scan(Keys &keys, int64 limit, RowList &rows)
{
    IndexScanDesc const scan = begin_scan(keys, false);
    while (rows.count < limit && index_getnext_slot(scan, student_index_.direction, slot_))
        copy_row(slot_, *table_.bound, record::kCount, rows.add());
    index_endscan(scan);
}

void IndexReader::read_latest(int64 limit, RowList &rows)
{
    Keys keys(index_);
    add_student(keys);
    read_scan(keys, limit, rows);
}

// Makes three scans, which follow each other in the index: the rest of the records of the same date and entry; those of
// the same date that were entered before; and those of older dates.
void IndexReader::read_beside(const RecordPosition &position, bool is_included, int64 limit, RowList &rows)
{
    SortKeys const order = record_order(*table_.bound);
    for (int beyond = order.count - 1; beyond >= 0 && rows.count < limit; --beyond) {
        Keys keys(index_);
        add_student(keys);
        for (int i = 0; i < beyond; ++i)
            keys.add_equal(column_of(order.keys[i].attribute), position.at(order.keys[i].attribute));
        const SortKey &last = order.keys[beyond];
        bool const includes = is_included && beyond == order.count - 1;
        StrategyNumber const descending = includes ? BTLessEqualStrategyNumber : BTLessStrategyNumber;
        StrategyNumber const ascending = includes ? BTGreaterEqualStrategyNumber : BTGreaterStrategyNumber;
        keys.add_behind(column_of(last.attribute), position.at(last.attribute),
                        last.descending ? descending : ascending);
        read_scan(keys, limit, rows);
    }
}

// An index-only scan does the same (nodeIndexonlyscan.c), with the same predicate lock for serializable transactions.
bool IndexReader::skip(IndexScanDesc scan, ScanDirection direction, int64 count)
{
    Buffer visibility = InvalidBuffer;
    int64 left = count + 1;
    while (left > 0) {
        CHECK_FOR_INTERRUPTS();
        ItemPointer const at = index_getnext_tid(scan, direction);
        if (at == nullptr)
            break;
        BlockNumber const block = ItemPointerGetBlockNumber(at);
        if (VM_ALL_VISIBLE(table_.relation, block, &visibility))
            PredicateLockPage(table_.relation, block, scan->xs_snapshot);
        else if (!index_fetch_heap(scan, slot_))
            continue;
        --left;
    }
    if (BufferIsValid(visibility))
        ReleaseBuffer(visibility);
    return left == 0;
}

bool IndexReader::find_position(int64 offset, bool from_end, RecordPosition &position)
{
    Keys keys(index_);
    add_student(keys);
    IndexScanDesc const scan = begin_scan(keys, true);
    ScanDirection const direction =
        from_end ? static_cast<ScanDirection>(-student_index_.direction) : student_index_.direction;
    bool const found = skip(scan, direction, offset);
    if (found) {
        position.by_entry = knows_entry(*table_.bound);
        for (const SortKey &key : record_order(*table_.bound)) {
            const BoundColumn &column = table_.bound->columns[key.attribute];
            bool is_null = false;
            Datum const value =
                index_getattr(scan->xs_itup, column_of(key.attribute), RelationGetDescr(index_), &is_null);
            position.at(key.attribute) = {is_null ? Datum{0} : datumCopy(value, column.by_value, column.length),
                                          is_null};
        }
    }
    index_endscan(scan);
    return found;
}

}  // namespace wc
