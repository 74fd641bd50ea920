#include "extension/direct/parts.hpp"

#include "extension/binding/partition.hpp"
#include "extension/direct/partition_key.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<Parts>);

namespace {

bool has_rows(const Part &part, Snapshot snapshot, Datum student_id)
{
    ScanKeyData key;
    const StudentIndex &index = part.student_index;
    ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, index.collation,
                                   const_cast<FmgrInfo *>(&index.equal), student_id);
    IndexScanDesc const scan = pg::begin_index_scan(part.table.relation, part.index, snapshot, 1);
    TupleTableSlot *const slot = table_slot_create(part.table.relation, nullptr);
    index_rescan(scan, &key, 1, nullptr, 0);
    bool const found = index_getnext_slot(scan, ForwardScanDirection, slot);
    index_endscan(scan);
    ExecDropSingleTupleTableSlot(slot);
    return found;
}

}  // namespace

class Parts::Search {
public:
    Search(Parts &parts, Entity entity, const BoundTable &whole, IndexUse use, Snapshot snapshot, Datum student_id)
        : parts_(parts), entity_(entity), whole_(whole), use_(use), snapshot_(snapshot), student_id_(student_id)
    {}

    // Opens the parts of a table.  Returns false when queries must read it; some parts may be open then.
    bool open(const OpenTable &table)
    {
        if (!is_partitioned(table))
            return open_heap(table);
        PartitionKey const key = RelationGetPartitionKey(table.relation);
        const PartitionDescData &partitions = *RelationGetPartitionDesc(table.relation, true);
        if (is_partitioned_by_student(entity_, *table.bound, key)) {
            int const at = find_partition(key, partitions, student_id_);
            return at < 0 || open_partition(partitions.oids[at]);
        }
        return is_partitioned_by_date(entity_, *table.bound, key) && open_dates(partitions);
    }

private:
    bool open_partition(Oid id)
    {
        Relation const relation = try_relation_open(id, AccessShareLock);
        if (relation == nullptr)
            return false;
        OpenTable const table{bound_partition(entity_, whole_, relation), relation};
        int const before = parts_.count_;
        bool const is_open = table.bound != nullptr && open(table);
        bool const is_kept = is_open && parts_.count_ > before && parts_.parts_[before].table.relation == relation;
        if (!is_kept)
            table_close(relation, NoLock);
        return is_open;
    }

    bool open_heap(const OpenTable &table)
    {
        if (!is_plain_heap(table.relation))
            return false;
        StudentIndex student_index;
        Relation const index = open_student_index(entity_, table, student_index, use_);
        if (index == nullptr)
            return false;
        parts_.add() = {table, index, student_index};
        return true;
    }

    // Opens the ranges of dates, the latest first: in the order of their upper bounds.  A default partition may have
    // any other date, before, between and after them.  So it must have no row of this student.
    bool open_dates(const PartitionDescData &partitions)
    {
        if (partitions.nparts == 0)
            return true;
        PartitionBoundInfo const bounds = partitions.boundinfo;
        if (partition_bound_has_default(bounds) && !is_empty(partitions.oids[bounds->default_index]))
            return false;
        for (int i = bounds->nindexes - 1; i >= 0; --i) {
            if (bounds->indexes[i] >= 0 && !open_partition(partitions.oids[bounds->indexes[i]]))
                return false;
        }
        return true;
    }

    // Whether a partition has no row of this student.  Leaves none of it open.
    bool is_empty(Oid id)
    {
        int const before = parts_.count_;
        bool is_empty = open_partition(id);
        while (parts_.count_ > before) {
            is_empty = is_empty && !has_rows(parts_.at(parts_.count_ - 1), snapshot_, student_id_);
            parts_.close_last();
        }
        return is_empty;
    }

    Parts &parts_;
    Entity entity_;
    const BoundTable &whole_;
    IndexUse use_;
    Snapshot snapshot_;
    Datum student_id_;
};

bool Parts::can_be_found(Entity entity, const OpenTable &table)
{
    PartitionKey const key = RelationGetPartitionKey(table.relation);
    return is_partitioned_by_student(entity, *table.bound, key) || is_partitioned_by_date(entity, *table.bound, key);
}

bool Parts::open(Entity entity, const OpenTable &table, IndexUse use, Snapshot snapshot, Datum student_id)
{
    whole_ = table.relation;
    Search search(*this, entity, *table.bound, use, snapshot, student_id);
    if (search.open(table))
        return true;
    close();
    return false;
}

void Parts::close()
{
    while (count_ > 0)
        close_last();
}

void Parts::close_last()
{
    const Part &last = parts_[--count_];
    index_close(last.index, NoLock);
    if (last.table.relation != whole_)
        table_close(last.table.relation, NoLock);
}

Part &Parts::add()
{
    if (count_ == capacity_) {
        capacity_ = capacity_ == 0 ? 4 : 2 * capacity_;
        Size const bytes = sizeof(Part) * static_cast<Size>(capacity_);
        parts_ = static_cast<Part *>(parts_ == nullptr ? palloc(bytes) : repalloc(parts_, bytes));
    }
    return parts_[count_++];
}

}  // namespace wc
