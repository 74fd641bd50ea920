#include "extension/record_page.hpp"

#include "extension/boundary.hpp"
#include "extension/item.hpp"
#include "extension/json_value.hpp"
#include "extension/record_reader.hpp"
#include "extension/student_id.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;

// Records as items, each with its student.
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
        text.append('}');
        student_ = text.view().substr(begin);
    }

    void write(json::Buffer &out, const SPITupleTable *rows, std::uint64_t count) const
    {
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i != 0)
                out.append(',');
            Row row;
            read_row(rows, i, 1, record::kCount, row);
            write_fields(out, kRecordItem, records_, row);
            out.append(student_);
        }
    }

private:
    const BoundTable &records_;
    std::string_view student_;
};

void write_pagination(json::Buffer &out, int32 page, int32 page_size, int64 total)
{
    out.append(R"(],"pagination":{"page":)"sv);
    json::write_integer(out, page);
    out.append(R"(,"limit":)"sv);
    json::write_integer(out, page_size);
    out.append(R"(,"total":)"sv);
    json::write_integer(out, total);
    out.append(R"(,"pages":)"sv);
    json::write_integer(out, (total + page_size - 1) / page_size);
    out.append("}}"sv);
}

// The page's records, null when there are none, and how many there are on all pages.
SPITupleTable *read_page(RecordReader &reader, int32 page, int32 page_size, int64 &total)
{
    if (page == kFirstPage) {
        SPITupleTable *const rows = reader.read_latest(page_size);
        total = static_cast<int64>(rows->numvals);
        if (total == page_size)
            total = reader.count();
        return rows;
    }
    total = reader.count();
    RecordPosition position{};
    if (!reader.find_position((int64{page} - 1) * page_size, total, position))
        return nullptr;
    return reader.read_from(position, page_size);
}

FilterText filters_argument(FunctionCallInfo fcinfo, int argument)
{
    return PG_ARGISNULL(argument) ? FilterText() : FilterText::of_jsonb(PG_GETARG_JSONB_P(argument));
}

int32 integer_argument(FunctionCallInfo fcinfo, int argument, int32 otherwise)
{
    return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_INT32(argument);
}

}  // namespace

void check_page(int32 page)
{
    if (page < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no page %d", page),
                        errhint("Pages are counted from 1.")));
}

void check_page_size(int32 page_size)
{
    if (page_size < 1 || page_size > kMostRecords)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a page cannot have %d records", page_size),
                        errhint("A page has from 1 to %d records.", kMostRecords)));
}

bool write_record_page(json::Buffer &out, Datum student_id, int32 page, int32 page_size, const FilterText &written)
{
    // Filters are of the types of this table, which somebody may have attached another instead of since the last call.
    const BoundTable &records = lock_whole_table(Entity::HealthRecords);
    RecordFilters const filters = resolve_filters(written, records);
    RecordReader reader(student_id, filters, records);
    int64 total = 0;
    out.append(R"({"records":[)"sv);
    SPITupleTable *const students = reader.read_student();
    bool const found = students->numvals > 0;
    SPITupleTable *const rows = found ? read_page(reader, page, page_size, total) : nullptr;
    if (rows != nullptr) {
        RecordItems(records, students).write(out, rows, rows->numvals);
        SPI_freetuptable(rows);
    }
    SPI_freetuptable(students);
    write_pagination(out, page, page_size, total);
    return found;
}

}  // namespace wc

using namespace wc;

// wc_student_records(student_id text | uuid | bigint, page integer, page_size integer, filters jsonb)
WC_FUNCTION(wc_student_records)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    int32 const page = integer_argument(fcinfo, 1, kFirstPage);
    int32 const page_size = integer_argument(fcinfo, 2, kPageSize);
    check_page(page);
    check_page_size(page_size);
    FilterText const filters = filters_argument(fcinfo, 3);

    json::Buffer out = make_buffer();
    Datum id = 0;
    if (convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0),
                           bound_table(Entity::Students).columns[student::Id], id)) {
        SPI_connect();
        write_record_page(out, id, page, page_size, filters);
        SPI_finish();
    } else {
        resolve_filters(filters, lock_whole_table(Entity::HealthRecords));
        out.append(R"({"records":[)"sv);
        write_pagination(out, page, page_size, 0);
    }
    return finish_text(out);
}

// wc_student_records_after(student_id text | uuid | bigint, cursor text, page_size integer, filters jsonb)
WC_FUNCTION(wc_student_records_after)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    int32 const page_size = integer_argument(fcinfo, 2, kPageSize);
    check_page_size(page_size);
    FilterText const written = filters_argument(fcinfo, 3);
    const BoundTable &records = lock_whole_table(Entity::HealthRecords);
    RecordFilters const filters = resolve_filters(written, records);

    json::Buffer out = make_buffer();
    out.append(R"({"records":[)"sv);
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum id = 0;
    bool has_more = false;
    if (convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0), column, id)) {
        uint32 const owner = cursor_owner(student_id_text(id, column.type), written);
        RecordPosition position{};
        if (!PG_ARGISNULL(1))
            position = parse_cursor(PG_GETARG_TEXT_PP(1), owner, records);
        SPI_connect();
        RecordReader reader(id, filters, records);
        SPITupleTable *const students = reader.read_student();
        if (students->numvals > 0) {
            // One more than wanted tells whether there are more.
            int64 const limit = int64{page_size} + 1;
            SPITupleTable *const rows =
                PG_ARGISNULL(1) ? reader.read_latest(limit) : reader.read_after(position, limit);
            has_more = rows->numvals == static_cast<std::uint64_t>(limit);
            RecordItems(records, students).write(out, rows, has_more ? rows->numvals - 1 : rows->numvals);
            if (has_more) {
                Row last;
                read_row(rows, rows->numvals - 2, 1, record::kCount, last);
                out.append(R"(],"nextCursor":)"sv);
                write_cursor(out, {last.nulls[record::Date], last.values[record::Date], last.values[record::Id]}, owner,
                             records);
            }
        }
        SPI_finish();
    }
    if (!has_more)
        out.append(R"(],"nextCursor":null)"sv);
    out.append('}');
    return finish_text(out);
}
