// wc_search_health_records: a page of the records that a person's query finds.
#include "core/search/highlight.hpp"
#include "extension/binding/enum_label.hpp"
#include "extension/binding/id.hpp"
#include "extension/query/one_state.hpp"
#include "extension/records/page.hpp"
#include "extension/search/page_rows.hpp"
#include "extension/search/term.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_shape.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace wc {
namespace {

using namespace std::string_view_literals;

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

// Returns a text with its matches marked with control characters (core/search/highlight.hpp).  Removes these from the
// text first.
Datum marked(Datum text, Datum tsquery)
{
    static constexpr char kOptions[] =
        "StartSel=\"\x02\",StopSel=\"\x03\",MaxFragments=3,MaxWords=24,MinWords=8,ShortWord=0,"
        "FragmentDelimiter=\" ... \"";
    Datum const clean = DirectFunctionCall3(translate, text, CStringGetTextDatum("\x02\x03"), CStringGetTextDatum(""));
    return DirectFunctionCall4(ts_headline_byid_opt, ObjectIdGetDatum(english_configuration()), clean, tsquery,
                               CStringGetTextDatum(kOptions));
}

void write_highlight(json::Buffer &out, const Row &record, Datum tsquery)
{
    constexpr std::string_view kNames[] = {R"(,"highlight":{"description":)"sv, R"(,"notes":)"sv, R"(,"provider":)"sv};
    constexpr int kTexts[] = {record::Description, record::Notes, record::Provider};
    for (int i = 0; i < static_cast<int>(std::size(kNames)); ++i) {
        out.append(kNames[i]);
        CHECK_FOR_INTERRUPTS();
        bool is_null = record.nulls[kTexts[i]];
        json::Buffer html = make_buffer();
        std::size_t const start = html.size();
        if (!is_null)
            is_null = !search::append_marked_html(html, text_view(marked(record.values[kTexts[i]], tsquery)));
        if (is_null)
            json::write_null(out);
        else
            json::write_string(out, html.view().substr(start));
    }
    out.append('}');
}

void write_student(json::Buffer &out, const Row &student)
{
    const BoundTable &students = bound_table(Entity::Students);
    if (student.nulls[student::Id]) {
        json::write_null(out);
        return;
    }
    write_item(out, kRecordStudentItem, students, student);
    if (audit::is_recording())
        audit::note_id_once(student_id_text(student.values[student::Id], students.columns[student::Id].type));
}

struct Found {
    SearchPage page;
    PageRows rows;
};

Found find(const SearchQuery &query, const Request &request, const BoundTable &table, bool has_type, Datum type)
{
    int64 const offset = records_before(request.page, request.page_size);
    Found found{};
    read_one_state({Entity::Students, Entity::HealthRecords}, [&] {
        SearchParameters parameters(query, table.columns[record::Type], has_type, type, offset, request.page_size);
        found.page = find_search_page(query, parameters, request.ranked, offset, request.page_size);
        found.rows = read_page_rows(found.page);
    });
    return found;
}

void write_records(json::Buffer &out, const PageRows &rows, Datum highlighted)
{
    const BoundTable &table = bound_table(Entity::HealthRecords);
    MemoryContext const caller = CurrentMemoryContext;
    MemoryContext const of_row = AllocSetContextCreate(caller, "white_cross highlights", ALLOCSET_DEFAULT_SIZES);
    for (int i = 0; i < rows.count; ++i) {
        if (i != 0)
            out.append(',');
        out.append('{');
        write_members(out, kRecordItem, table, rows.rows[i].record);
        out.append(R"(,"student":)"sv);
        write_student(out, rows.rows[i].student);
        if (highlighted != 0) {
            MemoryContextSwitchTo(of_row);
            write_highlight(out, rows.rows[i].record, highlighted);
            MemoryContextSwitchTo(caller);
            MemoryContextReset(of_row);
        }
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
        SPI_connect();
        Found const found = find(query, request, table, has_type, type);
        page = found.page;
        Datum const marked = query.whole();
        write_records(out, found.rows, request.highlight ? marked : Datum{0});
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
