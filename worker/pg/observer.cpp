#include "pg/observer.hpp"

#include <charconv>

#include "core/text/number.hpp"

namespace wc::pg {
namespace {

// Which of what may be asked is there, and may be asked: an older extension lacks some, and rights may be missing.
// What is not there is NULL, and so is the answer.
constexpr std::string_view kOffered = R"(
SELECT n.nspname,
       has_function_privilege(to_regprocedure(quote_ident(n.nspname) || '.wc_performance()'), 'EXECUTE'),
       has_table_privilege(to_regclass(quote_ident(n.nspname) || '.wc_slow_calls'), 'SELECT'),
       has_table_privilege(to_regclass(quote_ident(n.nspname) || '.wc_stat_functions'), 'SELECT'),
       has_function_privilege(to_regprocedure('white_cross.call_histograms()'), 'EXECUTE'),
       has_function_privilege(to_regprocedure(quote_ident(n.nspname) || '.wc_diagnose()'), 'EXECUTE'),
       (SELECT s.setting::bigint FROM pg_settings AS s WHERE s.name = 'white_cross.slow_query_threshold')
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'white_cross')";

template <class Number>
std::vector<Number> numbers(std::string_view array)
{
    std::vector<Number> out;
    if (array.size() < 2)
        return out;
    array = array.substr(1, array.size() - 2);
    while (!array.empty()) {
        auto const end = std::min(array.find(','), array.size());
        auto const one = parse_number<Number>(array.substr(0, end));
        if (!one)
            throw Error("the server's answer is not a number where one is expected");
        out.push_back(*one);
        array.remove_prefix(std::min(end + 1, array.size()));
    }
    return out;
}

}  // namespace

// It is idle between two looks, for longer than the role's idle_session_timeout may allow.
Observer::Observer(const Target &target, const Timeouts &timeouts) : connection_(target, timeouts, "observer")
{
    if (connection_.is_direct())
        connection_.keep_session();
}

// A refusal concerns what was asked alone; a connection that broke concerns all.
std::string Observer::text_of(const std::string &query)
{
    try {
        auto const result = connection_.run(query);
        return result.rows() == 1 ? std::string(result.text(0, 0)) : std::string();
    } catch (const Error &error) {
        if (error.sqlstate().empty())
            throw;
        return {};
    }
}

std::vector<metrics::FunctionLatency> Observer::latencies()
{
    std::vector<metrics::FunctionLatency> all;
    try {
        auto const result = connection_.run(
            "SELECT function, calls, errors, sum_seconds, le_seconds, below FROM "
            "white_cross.call_histograms() WHERE function IS NOT NULL");
        for (int row = 0; row < result.rows(); ++row) {
            metrics::FunctionLatency one{std::string(result.text(row, 0)),
                                         result.integer(row, 1),
                                         result.integer(row, 2),
                                         parse_number<double>(result.text(row, 3)).value_or(0),
                                         numbers<double>(result.text(row, 4)),
                                         numbers<std::int64_t>(result.text(row, 5))};
            if (one.le_seconds.size() == one.below.size())
                all.push_back(std::move(one));
        }
    } catch (const Error &error) {
        if (error.sqlstate().empty())
            throw;
    }
    return all;
}

Observer::Spans Observer::take_spans(std::size_t most)
{
    Spans taken;
    try {
        auto const result = connection_.run(
            "SELECT trace_id, parent_id, span_id, function, began_unix_ns, ended_unix_ns, busy_ns, sqlstate, "
            "lost_before, current_database() FROM white_cross.take_spans(" +
            std::to_string(most) + ")");
        for (int row = 0; row < result.rows(); ++row) {
            auto const text = [&](int column) { return std::string(result.text(row, column)); };
            app::Span span{text(0), text(2), text(1), text(3), app::Span::Kind::Server};
            span.began_unix_ns = result.integer(row, 4);
            span.ended_unix_ns = result.integer(row, 5);
            span.failed = !result.is_null(row, 7);
            span.texts = {
                {"db.system.name", "postgresql"}, {"db.namespace", text(9)}, {"db.stored_procedure.name", text(3)}};
            if (span.failed)
                span.texts.insert(span.texts.end(), {{"db.response.status_code", text(7)}, {"error.type", text(7)}});
            span.numbers = {{"white_cross.busy_ns", result.integer(row, 6)}};
            taken.spans.push_back(std::move(span));
            taken.lost += result.integer(row, 8);
        }
    } catch (const Error &error) {
        // An older extension has none, or rights are missing.
        if (error.sqlstate().empty())
            throw;
    }
    return taken;
}

app::DatabaseView Observer::look(bool with_findings)
{
    app::DatabaseView view;
    auto const offered = connection_.run(std::string(kOffered));
    if (offered.rows() == 0)
        return view;
    auto const home = quoted_identifier(offered.text(0, 0));
    if (!offered.is_null(0, 6))
        view.slow_ms = offered.integer(0, 6);
    if (offered.is_true(0, 1))
        view.performance = text_of("SELECT " + home + ".wc_performance()");
    if (offered.is_true(0, 2))
        view.slow_calls = text_of(
            "SELECT coalesce(json_agg(json_build_object('endedAt', to_char(s.ended_at AT TIME ZONE 'UTC', "
            "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), 'function', s.function, 'ms', round(s.ms::numeric, 3), 'sqlstate', "
            "s.sqlstate, 'traceId', s.trace_id) ORDER BY s.ended_at DESC), '[]') FROM " +
            home + ".wc_slow_calls AS s");
    if (offered.is_true(0, 3))
        view.functions = text_of(
            "SELECT coalesce(json_agg(json_build_object('function', s.function, 'calls', s.calls, 'errors', s.errors, "
            "'errorsByClass', s.errors_by_class, "
            "'windowCalls', s.window_calls, 'windowErrors', s.window_errors, 'windowSlow', s.window_slow, "
            "'p50', round(s.window_p50_ms::numeric, 3), 'p95', round(s.window_p95_ms::numeric, 3), "
            "'p99', round(s.window_p99_ms::numeric, 3)) ORDER BY s.window_total_ms DESC NULLS LAST, s.function), '[]') "
            "FROM " +
            home + ".wc_stat_functions AS s");
    if (offered.is_true(0, 4))
        view.latencies = latencies();
    if (with_findings && offered.is_true(0, 5))
        view.findings = text_of(
            "SELECT coalesce(json_agg(json_build_object('check', d.\"check\", 'status', d.status, 'detail', d.detail, "
            "'remedy', d.remedy)), '[]') FROM " +
            home + ".wc_diagnose() AS d WHERE d.status <> 'ok'");
    return view;
}

}  // namespace wc::pg
