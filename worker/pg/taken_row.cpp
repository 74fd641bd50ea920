#include "pg/taken_row.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "core/text/number.hpp"
#include "core/trace/traceparent.hpp"

namespace wc::pg {
namespace {

std::vector<app::Xid> parse_xids(std::string_view text)
{
    std::vector<app::Xid> xids;
    for (const char *at = text.data() + 1, *const end = text.data() + text.size(); at < end;) {
        app::Xid xid = 0;
        auto const parsed = std::from_chars(at, end, xid);
        if (parsed.ec != std::errc{})
            throw Error("the server's answer is not a list of transaction ids, as expected");
        xids.push_back(xid);
        at = parsed.ptr + 1;
    }
    return xids;
}

}  // namespace

app::Change change_of(const Result &result, int row)
{
    return {std::string(result.text(row, 1)), static_cast<cache::Sections>(result.integer(row, 2)),
            parse_xids(result.text(row, 4)),
            std::chrono::microseconds(std::max<std::int64_t>(0, result.integer(row, 3)))};
}

app::Event event_of(const Result &result, int row)
{
    auto const xids = parse_xids(result.text(row, 4));
    return {std::string(result.text(row, 1)), static_cast<cache::Sections>(result.integer(row, 2)),
            xids.empty() ? app::Xid{0} : xids.front(), std::chrono::microseconds(result.integer(row, 3))};
}

void merge(app::Change &change, const app::Change &other)
{
    change.sections |= other.sections;
    change.age = std::max(change.age, other.age);
    if (change.xids.back() != other.xids.back())
        change.xids.push_back(other.xids.back());
}

// Rows come in the order of transaction ids; one that waited for another's lock has come to its commit later, whatever
// its id is.
void read_times(app::Batch &batch, std::string_view now)
{
    auto const clock = parse_number<std::int64_t>(now);
    if (!clock)
        throw Error(
            "the library of white_cross that this server has loaded is older than this worker, and tells no times of "
            "events: restart PostgreSQL");
    for (auto &event : batch.events)
        event.time = std::chrono::microseconds(*clock) - event.time;
    for (auto &row : batch.everything)
        row.time = std::chrono::microseconds(*clock) - row.time;
    std::stable_sort(batch.events.begin(), batch.events.end(),
                     [](auto &left, auto &right) { return left.time < right.time; });
}

void add_writer(std::vector<app::Writer> &writers, const Result &result, int row)
{
    auto const found = trace::parse_traceparent(result.text(row, 1));
    auto const xids = parse_xids(result.text(row, 4));
    if (!found || !found->is_sampled || xids.empty())
        return;
    app::Writer writer{std::string(trace::kTraceDigits, '0'), std::string(trace::kSpanDigits, '0'), xids.front(),
                       std::chrono::microseconds(std::max<std::int64_t>(0, result.integer(row, 3)))};
    trace::write_hex(found->trace, writer.trace.data());
    trace::write_hex(found->parent, writer.span.data());
    writers.push_back(std::move(writer));
}

}  // namespace wc::pg
