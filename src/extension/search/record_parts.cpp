#include "extension/search/record_parts.hpp"

#include <algorithm>

#include "extension/binding/partition.hpp"
#include "extension/server/settings.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<RecordParts>);

// Opens a table with all partitions below it.  Where it returns false, some are open.
class RecordParts::Opening {
public:
    explicit Opening(RecordParts &parts) : parts_(parts), entity_(Entity::HealthRecords) {}

    bool open(const OpenTable &table, const Level *above, int place, End end)
    {
        if (is_partitioned(table))
            return open_partitions(table, above, place, end);
        return is_plain_heap(table.relation) && open_records(table, above, place, end);
    }

private:
    bool open_records(const OpenTable &table, const Level *level, int place, End end)
    {
        Part part{{}, level, place, end};
        const RecordCursor *const other = parts_.count_ == 0 ? nullptr : &parts_.at(parts_.count_ - 1);
        if (!part.records.open(table, parts_.whole_, *parts_.parameters_, parts_.shown_, other))
            return false;
        parts_.add() = part;
        return true;
    }

    bool open_partitions(const OpenTable &table, const Level *above, int place, End end)
    {
        PartitionKey const key = RelationGetPartitionKey(table.relation);
        const PartitionDescData &partitions = *RelationGetPartitionDesc(table.relation, true);
        auto *const level = static_cast<Level *>(palloc(sizeof(Level)));
        bool const is_by_student = is_partitioned_by_student(entity_, *table.bound, key);
        *level = {table, above, place, is_by_student, key, &partitions, nullptr, parts_.levels_};
        parts_.levels_ = level;
        if (is_partitioned_by_date(entity_, *table.bound, key))
            return open_ranges(*level, end);
        for (int i = 0; i < partitions.nparts; ++i) {
            if (!open_partition(*level, i, end))
                return false;
        }
        return true;
    }

    // Opens ranges of dates.  A default partition may have any other date, before, between and after them.
    bool open_ranges(const Level &level, End end)
    {
        if (level.partitions->nparts == 0)
            return true;
        const PartitionBoundInfoData &bounds = *level.partitions->boundinfo;
        for (int i = 0; i < bounds.nindexes; ++i) {
            if (bounds.indexes[i] >= 0 && !open_partition(level, bounds.indexes[i], nearer(end, end_of(bounds, i))))
                return false;
        }
        return !partition_bound_has_default(&bounds) || open_partition(level, bounds.default_index, end);
    }

    static End end_of(const PartitionBoundInfoData &bounds, int at)
    {
        if (at >= bounds.ndatums || bounds.kind[at][0] != PARTITION_RANGE_DATUM_VALUE)
            return {};
        return {true, bounds.datums[at][0]};
    }

    End nearer(End one, End other) const
    {
        if (!other.is_known || (one.is_known && parts_.is_before(one.date, other.date)))
            return one;
        return other;
    }

    bool open_partition(const Level &level, int place, End end)
    {
        Relation const relation = try_relation_open(level.partitions->oids[place], AccessShareLock);
        if (relation == nullptr)
            return false;
        const BoundTable *const bound = bound_partition(entity_, *parts_.whole_.bound, relation);
        const Level *const levels = parts_.levels_;
        int const count = parts_.count_;
        bool const is_open = bound != nullptr && open({bound, relation}, &level, place, end);
        if (!is_open && parts_.levels_ == levels && parts_.count_ == count)
            table_close(relation, NoLock);
        return is_open;
    }

    RecordParts &parts_;
    Entity entity_;
};

bool RecordParts::open(const SearchParameters &parameters)
{
    parameters_ = &parameters;
    whole_ = open_bound_table(Entity::HealthRecords);
    const BoundColumn &date = table().columns[record::Date];
    comparison_ = &lookup_type_cache(date.type, TYPECACHE_CMP_PROC_FINFO)->cmp_proc_finfo;
    Opening opening(*this);
    if (may_open() && opening.open(whole_, nullptr, 0, {})) {
        sort();
        for (int i = 0; i < count_; ++i)
            parts_[i].records.set_cost_of_asking(cost_of_asking());
        return true;
    }
    close();
    return false;
}

// A partition's rows are decided about by policies of the partitioned table.  To be asked about a position in one
// partition, the executor looks at that position in all of them, and lets policies decide about a row of that one.
bool RecordParts::may_open()
{
    if (!whole_.relation->rd_rel->relrowsecurity && !parameters_->students_may_be_hidden)
        return may_read_parts_directly(whole_);
    if (settings::search_under_rls() != settings::SearchUnderRls::Index || !may_read_parts_and_ask(whole_))
        return false;
    shown_ = shown_records(*parameters_);
    return true;
}

void RecordParts::close()
{
    for (int i = 0; i < count_; ++i) {
        Relation const relation = parts_[i].records.table().relation;
        parts_[i].records.close();
        if (relation != whole_.relation)
            table_close(relation, NoLock);
    }
    count_ = 0;
    for (; levels_ != nullptr; levels_ = levels_->next) {
        if (levels_->table.relation != whole_.relation)
            table_close(levels_->table.relation, NoLock);
    }
    table_close(whole_.relation, NoLock);
}

RecordParts::Part &RecordParts::add()
{
    if (count_ == capacity_) {
        capacity_ = Max(2 * capacity_, 4);
        Size const bytes = sizeof(Part) * static_cast<Size>(capacity_);
        parts_ = static_cast<Part *>(parts_ == nullptr ? palloc(bytes) : repalloc(parts_, bytes));
    }
    return parts_[count_++];
}

bool RecordParts::is_before(Datum date, Datum other) const
{
    Oid const collation = table().columns[record::Date].collation;
    return DatumGetInt32(FunctionCall2Coll(comparison_, collation, date, other)) < 0;
}

// A part without an end comes first.
void RecordParts::sort()
{
    std::sort(parts_, parts_ + count_, [this](const Part &a, const Part &b) {
        return b.end.is_known && (!a.end.is_known || is_before(b.end.date, a.end.date));
    });
}

bool RecordParts::are_earlier(int part, const Row &row) const
{
    const End &end = parts_[part].end;
    return end.is_known && !row.nulls[record::Date] && !is_before(row.values[record::Date], end.date);
}

bool RecordParts::are_of_any_dates() const noexcept
{
    return count_ > 1 && std::none_of(parts_, parts_ + count_, [](const Part &part) { return part.end.is_known; });
}

void RecordParts::find_students(const Datum *students, int count)
{
    for (Level *level = levels_; level != nullptr; level = level->next) {
        if (!level->is_by_student)
            continue;
        level->places = static_cast<int *>(palloc(sizeof(int) * static_cast<Size>(Max(count, 1))));
        for (int i = 0; i < count; ++i)
            level->places[i] = find_partition(level->key, *level->partitions, students[i]);
    }
}

bool RecordParts::may_have(int part, int student) const
{
    int place = parts_[part].place;
    for (const Level *level = parts_[part].level; level != nullptr; level = level->above) {
        if (level->is_by_student && level->places[student] != place)
            return false;
        place = level->place;
    }
    return true;
}

bool RecordParts::may_have_any(int part, int count) const
{
    for (int i = 0; i < count; ++i) {
        if (may_have(part, i))
            return true;
    }
    return false;
}

bool RecordParts::has_students()
{
    return std::all_of(parts_, parts_ + count_, [](Part &part) { return part.records.has_students(); });
}

bool RecordParts::has_dates()
{
    return std::all_of(parts_, parts_ + count_, [](Part &part) { return part.records.has_dates(); });
}

// Selects before it sorts: to sort all takes several times as long where few are kept.
void RecordParts::keep_first(RowList &rows, int64 needed) const
{
    const BoundColumn &id = table().columns[record::Id];
    RowOrder const order(table(), record_order(table()));
    if (rows.count > needed) {
        std::nth_element(rows.rows, rows.rows + needed, rows.rows + rows.count,
                         [&](const Row &a, const Row &b) { return order.compare(a, b) < 0; });
    }
    for (; rows.count > needed; --rows.count) {
        const Row &dropped = rows.rows[rows.count - 1];
        if (!id.by_value && !dropped.nulls[record::Id])
            pfree(DatumGetPointer(dropped.values[record::Id]));
    }
    order.sort(rows);
}

}  // namespace wc
