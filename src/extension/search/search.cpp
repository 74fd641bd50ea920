// wc_search_health_records: a page of the records that a person's query finds.
#include "core/search/highlight.hpp"
#include "extension/binding/enum_label.hpp"
#include "extension/binding/id.hpp"
#include "extension/records/page.hpp"
#include "extension/search/page.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_shape.hpp"
#include "extension/value/json_value.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;

KeptPlan rows_plan;
KeptPlan highlighted_rows_plan;

constexpr int kStudentAttributes = 4;
constexpr int kFirstHighlight = record::kCount + kStudentAttributes + 1;

struct Request {
    int64 page;
    int32 page_size;
    bool ranked;
    bool highlight;
};

Request read_request(FunctionCallInfo fcinfo)
{
    Request request{page_argument(fcinfo, 2), page_size_argument(fcinfo, 3), false,
                    !PG_ARGISNULL(5) && PG_GETARG_BOOL(5)};
    if (!PG_ARGISNULL(4)) {
        char *const order = text_to_cstring(PG_GETARG_TEXT_PP(4));
        request.ranked = strcmp(order, "rank") == 0;
        if (!request.ranked && strcmp(order, "date") != 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown \"order\""),
                            errhint("It is 'date', the latest first, or 'rank', the best first.")));
    }
    return request;
}

void write_highlight(json::Buffer &out, const SPITupleTable *rows, std::uint64_t at)
{
    constexpr std::string_view kNames[] = {R"(,"highlight":{"description":)"sv, R"(,"notes":)"sv, R"(,"provider":)"sv};
    for (int i = 0; i < static_cast<int>(std::size(kNames)); ++i) {
        out.append(kNames[i]);
        bool is_null = false;
        Datum const marked = SPI_getbinval(rows->vals[at], rows->tupdesc, kFirstHighlight + i, &is_null);
        json::Buffer html = make_buffer();
        std::size_t const start = html.size();
        if (!is_null)
            is_null = !search::append_marked_html(html, text_view(marked));
        if (is_null)
            json::write_null(out);
        else
            json::write_string(out, html.view().substr(start));
        pfree(html.data());
    }
    out.append('}');
}

void write_records(json::Buffer &out, Datum ids, Datum highlighted)
{
    const BoundTable &table = bound_table(Entity::HealthRecords);
    const BoundTable &students = bound_table(Entity::Students);
    Oid types[] = {get_array_type(table.columns[record::Id].type), TSQUERYOID};
    Datum const values[] = {ids, highlighted};
    char const nulls[] = {' ', highlighted != 0 ? ' ' : 'n'};
    KeptPlan &plan = highlighted != 0 ? highlighted_rows_plan : rows_plan;
    SPITupleTable *const rows = plan.select(records_of_page(highlighted != 0), 2, types, values, nulls);
    for (std::uint64_t at = 0; at < rows->numvals; ++at) {
        Row row;
        if (at != 0)
            out.append(',');
        read_row(rows, at, 1, record::kCount, row);
        out.append('{');
        write_members(out, kRecordItem, table, row);
        out.append(R"(,"student":)"sv);
        read_row(rows, at, record::kCount + 1, kStudentAttributes, row);
        if (row.nulls[student::Id]) {
            json::write_null(out);
        } else {
            write_item(out, kRecordStudentItem, students, row);
            if (audit::is_recording())
                audit::note_id_once(student_id_text(row.values[student::Id], students.columns[student::Id].type));
        }
        if (highlighted != 0)
            write_highlight(out, rows, at);
        out.append('}');
    }
}

void read_type(FunctionCallInfo fcinfo, const BoundColumn &column, Datum &type)
{
    // Do not show the given type: by mistake it could be the query, which may name a child.
    if (!find_record_type(column, text_to_cstring(PG_GETARG_TEXT_PP(1)), type))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown type of record"),
                        errhint("The types are the labels of %s.", format_type_be_qualified(column.type))));
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_search_health_records(query text, type text, page bigint, page_size bigint, order text, highlight boolean)
WC_READING_FUNCTION(wc_search_health_records)
{
    Request const request = read_request(fcinfo);
    lock_tables({Entity::Students, Entity::HealthRecords});
    const BoundTable &table = lock_whole_table(Entity::HealthRecords);
    bool const has_type = !PG_ARGISNULL(1);
    Datum type = 0;
    if (has_type)
        read_type(fcinfo, table.columns[record::Type], type);
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    SearchQuery const query = parse_search_query(text_view(PG_GETARG_TEXT_PP(0)));

    json::Buffer out = make_buffer();
    out.append(R"({"records":[)"sv);
    std::size_t const empty = out.size();
    SearchPage page{};
    if (query.finds_text() || query.finds_names()) {
        int64 const offset = records_before(request.page, request.page_size);
        SPI_connect();
        SearchParameters parameters(query, table.columns[record::Type], has_type, type, offset, request.page_size);
        page = find_search_page(query, parameters, request.ranked, offset, request.page_size);
        Datum const marked = query.whole();
        write_records(out, page.ids, request.highlight ? marked : Datum{0});
        SPI_finish();
    }
    if (out.size() == empty)
        audit::note_nothing();
    int const ranked_latest = page.total_is_lower_bound && request.ranked ? kRanked : 0;
    out.append("],"sv);
    write_pagination(
        out, {request.page, request.page_size, page.total, page.reachable, page.total_is_lower_bound, ranked_latest});
    out.append('}');
    return json_result(fcinfo, finish_text(out));
}
