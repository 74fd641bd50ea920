#include "extension/search/page_rows.hpp"

#include "extension/binding/partition.hpp"
#include "extension/direct/index_probe.hpp"
#include "extension/direct/row_copy.hpp"
#include "extension/direct/row_fetch.hpp"

namespace wc {
namespace {

KeptPlan rows_plan;

PageRow *make_rows(int count) { return static_cast<PageRow *>(palloc(sizeof(PageRow) * static_cast<Size>(count + 1))); }

PageRows rows_by_query(const SearchPage &page)
{
    Oid types[] = {get_array_type(bound_table(Entity::HealthRecords).columns[record::Id].type)};
    SPITupleTable *const found = rows_plan.select(records_of_page(), 1, types, &page.ids);
    PageRows rows{make_rows(static_cast<int>(found->numvals)), 0};
    for (std::uint64_t at = 0; at < found->numvals; ++at) {
        PageRow &row = rows.rows[rows.count++];
        read_row(found, at, 1, record::kCount, row.record);
        read_row(found, at, record::kCount + 1, kShownOfStudent, row.student);
    }
    return rows;
}

// Reads records by their places, of one table as long as they are in the same one.
class PlacedRecords {
public:
    PlacedRecords() : whole_(bound_table(Entity::HealthRecords)) {}

    // The parts of the table were locked when the record was found, and nothing has changed their columns since.
    void copy(const RowPlace &place, Row &record)
    {
        if (table_.relation == nullptr || place.table != RelationGetRelid(table_.relation)) {
            close();
            open(place.table);
        }
        rows_.read(place);
        copy_row(rows_.slot(), *table_.bound, record::kCount, record);
    }

    void close()
    {
        if (table_.relation == nullptr)
            return;
        rows_.close();
        table_close(table_.relation, NoLock);
        table_.relation = nullptr;
    }

private:
    void open(Oid table)
    {
        table_.relation = table_open(table, NoLock);
        table_.bound =
            table == whole_.relation ? &whole_ : bound_partition(Entity::HealthRecords, whole_, table_.relation);
        if (table_.bound == nullptr)
            elog(ERROR, "a partition has changed while it was read");
        rows_.open(table_.relation, GetActiveSnapshot());
    }

    const BoundTable &whole_;
    OpenTable table_{};
    RowFetch rows_{};
};

// Reads the student of each record.  Returns false if queries must.
bool copy_students(const PageRows &rows)
{
    IndexProbe students;
    if (!students.open(Entity::Students, IndexProbe::Reads::Rows))
        return false;
    bool is_found = true;
    for (int i = 0; i < rows.count && is_found; ++i) {
        const Row &record = rows.rows[i].record;
        Row &student = rows.rows[i].student;
        student.nulls[student::Id] = true;
        if (record.nulls[record::StudentId])
            continue;
        is_found = students.seek(record.values[record::StudentId]);
        if (is_found && students.next_row())
            copy_row(students.slot(), students.table(), kShownOfStudent, student);
    }
    students.close();
    return is_found;
}

PageRows rows_by_places(const SearchPage &page)
{
    PageRows const rows{make_rows(page.count), page.count};
    PlacedRecords records;
    for (int i = 0; i < page.count; ++i)
        records.copy(page.places[i], rows.rows[i].record);
    records.close();
    return rows;
}

}  // namespace

PageRows read_page_rows(const SearchPage &page)
{
    if (page.places != nullptr) {
        PageRows const rows = rows_by_places(page);
        if (copy_students(rows))
            return rows;
    }
    return rows_by_query(page);
}

}  // namespace wc
