#include "app/change_spans.hpp"

#include <chrono>
#include <random>
#include <utility>

#include "app/cache.hpp"
#include "core/trace/traceparent.hpp"

namespace wc::app {
namespace {

// Ids of spans must differ, but need not be secret.
trace::SpanId draw_id()
{
    thread_local std::mt19937_64 generator{std::uint64_t{std::random_device{}()} << 32 | std::random_device{}()};
    trace::SpanId id = 0;
    while (id == 0)
        id = generator();
    return id;
}

std::string new_span_id()
{
    std::string id(trace::kSpanDigits, '0');
    trace::write_hex(draw_id(), id.data());
    return id;
}

std::string new_trace_id()
{
    std::string id(trace::kTraceDigits, '0');
    trace::write_hex(trace::TraceId{draw_id(), draw_id()}, id.data());
    return id;
}

// Converts times of the steady clock to Unix time, by the present difference of the two clocks.
class Calendar {
public:
    explicit Calendar(Time now) : lead_(std::chrono::system_clock::now().time_since_epoch() - now.time_since_epoch()) {}
    std::int64_t unix_ns(Time at) const
    {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch() + lead_).count();
    }

private:
    std::chrono::nanoseconds lead_;
};

Span make_span(std::string name, std::string trace, std::string parent, std::int64_t began, std::int64_t ended)
{
    Span span{std::move(trace), new_span_id(), std::move(parent), std::move(name)};
    span.began_unix_ns = began;
    span.ended_unix_ns = ended;
    return span;
}

}  // namespace

ChangeSpans::ChangeSpans(const std::vector<Writer> &writers, Time began, Time taken) : began_(began), taken_(taken)
{
    for (auto const &writer : writers)
        followed_.try_emplace(writer.xid, Followed{std::make_shared<const TracedWriter>(
                                              TracedWriter{writer.trace, writer.span, taken - writer.age})});
}

std::shared_ptr<const TracedWriter> ChangeSpans::note(const Change &change, bool is_refused)
{
    std::shared_ptr<const TracedWriter> first;
    if (followed_.empty())
        return first;
    for (auto const xid : change.xids) {
        auto const found = followed_.find(xid);
        if (found == followed_.end())
            continue;
        ++found->second.students;
        found->second.is_stale |= stale_kinds(change.sections) != 0;
        found->second.is_refused |= is_refused;
        if (!first)
            first = found->second.writer;
    }
    return first;
}

std::vector<Span> ChangeSpans::spans(Time now) const
{
    Calendar const calendar(now);
    auto const taken = calendar.unix_ns(taken_), gone = calendar.unix_ns(gone_);
    std::vector<Span> all;
    all.reserve(2 * followed_.size() + 1);
    auto drain = make_span("white_cross.drain", new_trace_id(), {}, calendar.unix_ns(began_), gone);
    for (auto const &[xid, one] : followed_) {
        auto const committed = calendar.unix_ns(one.writer->committed);
        drain.links.push_back({one.writer->trace, one.writer->span});
        auto wait = make_span("white_cross.queue", one.writer->trace, one.writer->span, committed, taken);
        // Some changes make no cached value stale, such as wc_prewarm: nothing was removed.
        if (!one.is_stale) {
            all.push_back(std::move(wait));
            continue;
        }
        auto removal = make_span("white_cross.gone", one.writer->trace, one.writer->span, committed, gone);
        removal.failed = one.is_refused;
        removal.numbers = {{"white_cross.students", one.students}};
        removal.links = {{drain.trace, drain.id}};
        wait.parent = removal.id;
        all.push_back(std::move(wait));
        all.push_back(std::move(removal));
    }
    all.push_back(std::move(drain));
    return all;
}

std::vector<Span> warm_spans(const RebuiltCounts &rebuilt, std::string_view kind, Time now)
{
    Calendar const calendar(now);
    std::vector<Span> all;
    for (auto const &[writer, students] : rebuilt) {
        auto span = make_span("white_cross.warm", writer->trace, writer->span, calendar.unix_ns(writer->committed),
                              calendar.unix_ns(now));
        span.texts = {{"white_cross.kind", std::string(kind)}};
        span.numbers = {{"white_cross.students", students}};
        all.push_back(std::move(span));
    }
    return all;
}

}  // namespace wc::app
