#include "extension/records/page.hpp"

#include "extension/binding/id.hpp"
#include "extension/query/one_state.hpp"
#include "extension/records/reader.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_shape.hpp"
#include "extension/value/json_value.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;

// Writes records as items, each with its student.
class RecordItems {
public:
    RecordItems(const BoundTable &records, const SPITupleTable *students) : records_(records)
    {
        Row student;
        read_row(students, 0, 1, student::StudentNumber + 1, student);
        json::Buffer text = make_buffer();
        Size const begin = text.size();
        text.append(R"(,"student":)"sv);
        write_item(text, kRecordStudentItem, bound_table(Entity::Students), student);
        student_ = text.view().substr(begin);
    }

    void write(json::Buffer &out, const RowList &rows, int count) const
    {
        for (int i = 0; i < count; ++i) {
            if (i != 0)
                out.append(',');
            out.append('{');
            write_members(out, kRecordItem, records_, rows.rows[i]);
            out.append(student_);
            out.append('}');
        }
    }

private:
    const BoundTable &records_;
    std::string_view student_;  // a member of each
};

struct Page {
    SPITupleTable *students;
    RowList rows;
    int64 total;
};

// Reads the records of a page, and the number of records on all pages.
RowList read_rows_of_page(RecordReader &reader, int64 page, int32 page_size, int64 &total)
{
    if (page == kFirstPage) {
        RowList const rows = reader.read_latest(page_size);
        total = rows.count;
        if (total == page_size)
            total = reader.count();
        return rows;
    }
    total = reader.count();
    RecordPosition position{};
    if (!reader.find_position(records_before(page, page_size), total, position))
        return {};
    return reader.read_from(position, page_size);
}

Page read_page(RecordReader &reader, int64 page, int32 page_size)
{
    Page read{reader.read_student(), {}, 0};
    if (read.students->numvals > 0)
        read.rows = read_rows_of_page(reader, page, page_size, read.total);
    return read;
}

}  // namespace

int64 checked_page(int64 page)
{
    if (page < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no page " INT64_FORMAT, page),
                        errhint("Pages are counted from 1.")));
    return page;
}

int32 checked_page_size(int64 page_size)
{
    if (page_size < 1 || page_size > kMostRecords)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a page cannot have " INT64_FORMAT " records", page_size),
                        errhint("A page has from 1 to %d records.", kMostRecords)));
    return static_cast<int32>(page_size);
}

int64 page_argument(FunctionCallInfo fcinfo, int argument)
{
    return PG_ARGISNULL(argument) ? kFirstPage : checked_page(PG_GETARG_INT64(argument));
}

int32 page_size_argument(FunctionCallInfo fcinfo, int argument)
{
    return PG_ARGISNULL(argument) ? kPageSize : checked_page_size(PG_GETARG_INT64(argument));
}

int64 records_before(int64 page, int32 page_size)
{
    constexpr int64 kBeyondAll = PG_INT64_MAX / 2 / kMostRecords;
    return Min(page - 1, kBeyondAll) * page_size;
}

void write_pagination(json::Buffer &out, const Pagination &of)
{
    out.append(R"("pagination":{"page":)"sv);
    json::write_integer(out, of.page);
    out.append(R"(,"limit":)"sv);
    json::write_integer(out, of.page_size);
    out.append(R"(,"total":)"sv);
    json::write_integer(out, of.total);
    out.append(R"(,"pages":)"sv);
    json::write_integer(out, (of.reachable + of.page_size - 1) / of.page_size);
    if (of.total_is_lower_bound)
        out.append(R"(,"totalIsLowerBound":true)"sv);
    if (of.ranked_latest != 0) {
        out.append(R"(,"rankedLatest":)"sv);
        json::write_integer(out, of.ranked_latest);
    }
    out.append('}');
}

bool write_record_page(json::Buffer &out, Datum student_id, int64 page, int32 page_size, const FilterText &written)
{
    // Each call resolves the filters anew: another table may have been attached since the last one, with other types.
    const BoundTable &records = lock_whole_table(Entity::HealthRecords);
    RecordFilters const filters = resolve_filters(written, records);
    RecordReader reader(student_id, filters, records, knows_entry(records));
    Page read{};
    auto const read_it = [&] {
        SPI_freetuptable(read.students);
        read = read_page(reader, page, page_size);
    };
    if (reader.is_direct())
        read_it();
    else
        read_one_state({Entity::Students, Entity::HealthRecords}, read_it);
    out.append(R"({"records":[)"sv);
    bool const found = read.students->numvals > 0;
    if (found) {
        if (read.rows.count == 0)
            audit::note_nothing();
        RecordItems(records, read.students).write(out, read.rows, read.rows.count);
    }
    reader.close();
    SPI_freetuptable(read.students);
    out.append("],"sv);
    write_pagination(out, {page, page_size, read.total, read.total});
    out.append('}');
    return found;
}

}  // namespace wc

using namespace wc;

// wc_student_records(student_id text | uuid | bigint, page bigint, page_size bigint, filters json | jsonb | text)
WC_READING_FUNCTION(wc_student_records)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    int64 const page = page_argument(fcinfo, 1);
    int32 const page_size = page_size_argument(fcinfo, 2);
    FilterText const filters = FilterText::of_argument(fcinfo, 3);

    lock_tables({Entity::Students, Entity::HealthRecords});
    json::Buffer out = make_buffer();
    Datum id = 0;
    if (student_argument(fcinfo, id)) {
        SPI_connect();
        if (!write_record_page(out, id, page, page_size, filters))
            audit::note_nothing();
        SPI_finish();
    } else {
        resolve_filters(filters, lock_whole_table(Entity::HealthRecords));
        audit::note_nothing();
        out.append(R"({"records":[)"sv);
        out.append("],"sv);
        write_pagination(out, {page, page_size, 0, 0});
        out.append('}');
    }
    return json_result(fcinfo, finish_text(out));
}

// wc_student_records_after(student_id text | uuid | bigint, cursor text, page_size bigint, filters json | jsonb | text)
WC_READING_FUNCTION(wc_student_records_after)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    int32 const page_size = page_size_argument(fcinfo, 2);
    FilterText const written = FilterText::of_argument(fcinfo, 3);
    lock_tables({Entity::Students, Entity::HealthRecords});
    const BoundTable &records = lock_whole_table(Entity::HealthRecords);
    RecordFilters const filters = resolve_filters(written, records);

    json::Buffer out = make_buffer();
    out.append(R"({"records":[)"sv);
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum id = 0;
    bool has_more = false;
    std::size_t const empty = out.size();
    if (student_argument(fcinfo, id)) {
        uint32 const owner = cursor_owner(student_id_text(id, column.type), written);
        RecordPosition position{};
        position.by_entry = knows_entry(records);
        if (!PG_ARGISNULL(1))
            position = parse_cursor(PG_GETARG_TEXT_PP(1), owner, records);
        SPI_connect();
        RecordReader reader(id, filters, records, position.by_entry);
        SPITupleTable *const students = reader.read_student();
        if (students->numvals > 0) {
            // One record beyond the page tells whether another page follows.
            int64 const limit = int64{page_size} + 1;
            RowList const rows = PG_ARGISNULL(1) ? reader.read_latest(limit) : reader.read_after(position, limit);
            has_more = rows.count == limit;
            RecordItems(records, students).write(out, rows, has_more ? rows.count - 1 : rows.count);
            if (has_more) {
                const Row &last = rows.rows[rows.count - 2];
                out.append(R"(],"nextCursor":)"sv);
                for (const SortKey &key : page_order(records, position.by_entry))
                    position.at(key.attribute) = {last.values[key.attribute], last.nulls[key.attribute]};
                write_cursor(out, position, owner, records);
            }
        }
        reader.close();
        SPI_finish();
    }
    if (out.size() == empty)
        audit::note_nothing();
    if (!has_more)
        out.append(R"(],"nextCursor":null)"sv);
    out.append('}');
    return json_result(fcinfo, finish_text(out));
}
