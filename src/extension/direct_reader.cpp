#include "extension/direct_reader.hpp"

#include "extension/json_value.hpp"
#include "extension/record_type.hpp"

extern "C" {
#include "access/visibilitymap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<DirectReader>);

namespace {

bool points_into(Datum value, const HeapTupleData &tuple)
{
    const char *const at = DatumGetPointer(value);
    auto const *const begin = reinterpret_cast<const char *>(tuple.t_data);
    return at >= begin && at < begin + tuple.t_len;
}

// The slot's values into a row.  `shift` moves what points into the tuple to a copy of it.
void take_values(TupleTableSlot *slot, const BoundTable &table, int count, const HeapTupleData *tuple, ptrdiff_t shift,
                 Row &row)
{
    for (int i = 0; i < count; ++i) {
        const BoundColumn &column = table.columns[i];
        Datum value = slot->tts_values[column.number - 1];
        row.nulls[i] = slot->tts_isnull[column.number - 1];
        // Not everything does: a column added later has its default in the table's definition.
        if (!column.by_value && !row.nulls[i] && tuple != nullptr && points_into(value, *tuple))
            value = PointerGetDatum(DatumGetPointer(value) + shift);
        row.values[i] = value;
    }
}

// A row that outlives the slot's buffer pin.
void copy_row(TupleTableSlot *slot, const BoundTable &table, int count, Row &row)
{
    slot_getsomeattrs(slot, table.last_number);
    bool is_copy = false;
    HeapTuple const tuple = ExecFetchSlotHeapTuple(slot, false, &is_copy);
    Assert(!is_copy);
    auto *const copy = static_cast<char *>(palloc(tuple->t_len));
    memcpy(copy, tuple->t_data, tuple->t_len);
    take_values(slot, table, count, tuple, copy - reinterpret_cast<char *>(tuple->t_data), row);
}

class TypeCounter {
public:
    explicit TypeCounter(const BoundColumn &column) : column_(column) {}

    void count(Datum type)
    {
        for (int i = 0; i < size_; ++i) {
            if (is_same(counts_[i].type, type)) {
                ++counts_[i].count;
                return;
            }
        }
        if (size_ == capacity_) {
            capacity_ = capacity_ == 0 ? 16 : 2 * capacity_;
            Size const bytes = sizeof(TypeCount) * static_cast<Size>(capacity_);
            counts_ = static_cast<TypeCount *>(size_ == 0 ? palloc(bytes) : repalloc(counts_, bytes));
        }
        counts_[size_++] = {datumCopy(type, column_.by_value, column_.length), 1};
    }

    void finish(Facts &facts)
    {
        TypeCacheEntry *const type = lookup_type_cache(column_.type, TYPECACHE_CMP_PROC_FINFO);
        // Few types: an insertion sort, in the order that GROUP BY … ORDER BY gives.
        for (int i = 1; i < size_; ++i) {
            TypeCount const moved = counts_[i];
            int at = i;
            while (at > 0 && DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, column_.collation,
                                                             counts_[at - 1].type, moved.type)) > 0) {
                counts_[at] = counts_[at - 1];
                --at;
            }
            counts_[at] = moved;
        }
        facts.counts = counts_;
        facts.count_of_types = size_;
    }

    bool is_same(Datum a, Datum b) const
    {
        if (column_.by_value)
            return a == b;
        auto const *const one = PG_DETOAST_DATUM_PACKED(a);
        auto const *const other = PG_DETOAST_DATUM_PACKED(b);
        return VARSIZE_ANY_EXHDR(one) == VARSIZE_ANY_EXHDR(other) &&
               memcmp(VARDATA_ANY(one), VARDATA_ANY(other), VARSIZE_ANY_EXHDR(one)) == 0;
    }

private:
    const BoundColumn &column_;
    TypeCount *counts_ = nullptr;
    int size_ = 0;
    int capacity_ = 0;
};

// The first kLatest of rows that come latest first, plus those that tie with the last of them.
class LatestRows {
public:
    explicit LatestRows(RowList &rows) : rows_(rows) {}
    bool wants(Datum date) const { return rows_.count < kLatest || date == last_date_; }
    Row &add(Datum date)
    {
        last_date_ = date;
        return rows_.add();
    }
    void finish(const RowOrder &order)
    {
        order.sort(rows_);
        rows_.count = Min(rows_.count, kLatest);
    }

private:
    RowList &rows_;
    Datum last_date_ = 0;
};

}  // namespace

bool DirectReader::open()
{
    constexpr Entity kRead[] = {Entity::Students, Entity::Allergies, Entity::HealthRecords};
    Probe *const probes[] = {&students_, &allergies_, &records_};
    constexpr int kTables = lengthof(kRead);
    const StudentIndex *indexes[kTables];
    for (int i = 0; i < kTables; ++i) {
        probes[i]->table = open_bound_table(kRead[i]);
        indexes[i] = may_read_directly(probes[i]->table) ? find_student_index(kRead[i], probes[i]->table) : nullptr;
        if (indexes[i] == nullptr) {
            for (; i >= 0; --i)
                table_close(probes[i]->table.relation, NoLock);
            return false;
        }
    }
    scan_context_ = CurrentMemoryContext;
    snapshot_ = GetActiveSnapshot();
    for (int i = 0; i < kTables; ++i)
        begin(*probes[i], *indexes[i]);
    records_.scan->xs_want_itup = true;
    record_index_ = indexes[2];
    visibility_ = InvalidBuffer;
    has_vaccination_ = find_record_type(records_.table.bound->columns[record::Type], kVaccination, vaccination_);
    return true;
}

void DirectReader::begin(Probe &probe, const StudentIndex &index)
{
    probe.index = index_open(index.index, AccessShareLock);
    probe.scan = pg::begin_index_scan(probe.table.relation, probe.index, snapshot_, 1);
    probe.slot = table_slot_create(probe.table.relation, nullptr);
    ScanKeyEntryInitializeWithInfo(&probe.key, 0, 1, BTEqualStrategyNumber, InvalidOid, index.collation,
                                   const_cast<FmgrInfo *>(&index.equal), Datum{0});
}

void DirectReader::seek(Probe &probe, Datum student_id)
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    probe.key.sk_argument = student_id;
    index_rescan(probe.scan, &probe.key, 1, nullptr, 0);
    MemoryContextSwitchTo(caller);
}

ItemPointer DirectReader::next_position(Probe &probe, ScanDirection direction)
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    ItemPointer const position = index_getnext_tid(probe.scan, direction);
    MemoryContextSwitchTo(caller);
    return position;
}

bool DirectReader::fetch(Probe &probe)
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    bool const found = index_fetch_heap(probe.scan, probe.slot);
    MemoryContextSwitchTo(caller);
    return found;
}

bool DirectReader::next_row(Probe &probe)
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    bool const found = index_getnext_slot(probe.scan, ForwardScanDirection, probe.slot);
    MemoryContextSwitchTo(caller);
    return found;
}

void DirectReader::close()
{
    if (BufferIsValid(visibility_))
        ReleaseBuffer(visibility_);
    for (Probe *probe : {&students_, &allergies_, &records_}) {
        index_endscan(probe->scan);
        ExecDropSingleTupleTableSlot(probe->slot);
        index_close(probe->index, NoLock);
        table_close(probe->table.relation, NoLock);
    }
}

void DirectReader::read(Datum student_id, Facts &facts)
{
    facts = Facts{};
    seek(students_, student_id);
    facts.found = next_row(students_);
    if (!facts.found)
        return;
    const BoundTable &table = *students_.table.bound;
    slot_getsomeattrs(students_.slot, table.last_number);
    take_values(students_.slot, table, student::kSummaryCount, nullptr, 0, facts.student);
    read_allergies(student_id, facts);
    read_records(student_id, facts);
}

void DirectReader::read_allergies(Datum student_id, Facts &facts)
{
    seek(allergies_, student_id);
    const BoundTable &table = *allergies_.table.bound;
    while (next_row(allergies_))
        copy_row(allergies_.slot, table, allergy::kCount, facts.allergies.add());
    if (facts.allergies.count > 1)
        RowOrder(table, {{allergy::Severity, true}, {allergy::Allergen, false}, {allergy::Id, false}})
            .sort(facts.allergies);
}

// One pass over the index, latest first.  The index alone answers "how many of which type"; heap pages
// are visited for the rows that are shown, for those skipped over because they hold no vitals, and where
// a page has changed since it was last vacuumed, to see whether a row is visible.  This is what an
// index-only scan does (nodeIndexonlyscan.c), its predicate lock for serializable transactions included.
void DirectReader::read_records(Datum student_id, Facts &facts)
{
    seek(records_, student_id);
    const BoundTable &table = *records_.table.bound;
    Relation const heap = records_.table.relation;
    TupleDesc const index_shape = RelationGetDescr(records_.index);
    AttrNumber const vital_number = table.columns[record::Vital].number;
    TypeCounter counter(table.columns[record::Type]);
    LatestRows vitals(facts.vitals);
    LatestRows vaccinations(facts.vaccinations);

    for (ItemPointer at = next_position(records_, record_index_->direction); at != nullptr;
         at = next_position(records_, record_index_->direction)) {
        bool fetched = false;
        if (VM_ALL_VISIBLE(heap, ItemPointerGetBlockNumber(at), &visibility_)) {
            PredicateLockPage(heap, ItemPointerGetBlockNumber(at), snapshot_);
        } else {
            if (!fetch(records_))
                continue;
            fetched = true;
        }
        bool type_is_null = false;
        bool date_is_null = false;
        IndexTuple const entry = records_.scan->xs_itup;
        Datum const type = index_getattr(entry, record_index_->type_column, index_shape, &type_is_null);
        Datum const date = index_getattr(entry, record_index_->date_column, index_shape, &date_is_null);
        if (!type_is_null)
            counter.count(type);

        bool const is_vaccination = has_vaccination_ && !type_is_null && counter.is_same(type, vaccination_);
        bool const may_be_vital = vitals.wants(date);
        bool const is_shown_vaccination = is_vaccination && vaccinations.wants(date);
        if (!may_be_vital && !is_shown_vaccination)
            continue;
        if (!fetched && !fetch(records_))
            continue;
        bool no_vital = true;
        if (may_be_vital) {
            Datum const vital = slot_getattr(records_.slot, vital_number, &no_vital);
            no_vital = no_vital || is_json_null(vital);
        }
        if (!no_vital)
            copy_row(records_.slot, table, record::kSummaryCount, vitals.add(date));
        if (is_shown_vaccination) {
            Row &row = vaccinations.add(date);
            if (no_vital)
                copy_row(records_.slot, table, record::kSummaryCount, row);
            else
                row = facts.vitals.rows[facts.vitals.count - 1];
        }
    }
    RowOrder const order(table, {{record::Date, true}, {record::Id, false}});
    vitals.finish(order);
    vaccinations.finish(order);
    counter.finish(facts);
}

}  // namespace wc
