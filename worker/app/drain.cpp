#include "app/drain.hpp"

#include <algorithm>
#include <iterator>

#include "app/shards.hpp"
#include "process/log.hpp"

namespace wc::app {
namespace {

// How often a change that was set aside is tried again.
constexpr std::chrono::seconds kRetrySetAside{60};

// Returns the trace of a writer of the change; empty if none was traced.
std::string_view trace_of(const Change &change, const std::vector<Writer> &writers)
{
    auto const wrote = [&](const Writer &writer) {
        return std::find(change.xids.begin(), change.xids.end(), writer.xid) != change.xids.end();
    };
    auto const found = std::find_if(writers.begin(), writers.end(), wrote);
    return found == writers.end() ? std::string_view() : found->trace;
}

}  // namespace

Drain::Result Drain::pass(Queue &queue, Cache &cache, bool is_sweeping)
{
    note_misfits(cache.take_misfits());
    auto const began = clock_.now();
    auto *const shards = cache.shards();
    if ((shards && shards->take_returned()) || began >= next_try_)
        try_set_aside(queue, cache);
    auto const config = live_.get();
    Batch batch = queue.take(static_cast<std::size_t>(config->queue.batch_students));
    bool has_noted_seen = false;
    if (batch.rows > 0) {
        // Values of changes that are set aside, or still have to be swept, are not removed yet, and a reader's token
        // may name such a change.  So note nothing as seen here.  The next renewal of the liveness excepts the students
        // that are set aside, and waits for the sweep.
        bool const is_all = batch.complete && batch.everything.empty() && !is_sweeping && set_aside_.empty();
        auto const outcome = work_off(batch, is_all ? batch.seen : std::string(), queue, cache, began);
        auto const &refused = outcome.refused;
        has_noted_seen = outcome.has_noted_seen;
        set_aside(refused);
        metrics_.set_set_aside(set_aside_.size());
        metrics_.drained(batch.rows, batch.changes.size());
        log::debug("drained {} rows, {} students", batch.rows, batch.changes.size());
    }
    return {batch.complete, std::move(batch.everything), batch.lapsed,
            batch.rows,     std::move(batch.seen),       has_noted_seen};
}

void Drain::try_set_aside(Queue &queue, Cache &cache)
{
    auto const began = clock_.now();
    Batch batch = queue.take_set_aside();
    auto const before = set_aside_.size();
    set_aside_.clear();
    is_set_aside_.clear();
    if (batch.rows > 0)
        set_aside(work_off(batch, {}, queue, cache, began).refused);
    // Reached only after a success: after a failure the next pass tries again.
    next_try_ = clock_.now() + kRetrySetAside;
    metrics_.set_set_aside(set_aside_.size());
    if (before > set_aside_.size())
        log::info("redis accepts changes that were set aside: {} students are still set aside", set_aside_.size());
}

void Drain::set_aside(const std::vector<SetAside> &refused)
{
    for (auto const &one : refused)
        if (is_set_aside_.insert(one.change.student).second)
            set_aside_.push_back(one.change.student);
}

/// Works a batch off, up to its commit.  A change that is set aside gets its event at once, too: the student's next
/// event must not overtake it.
Drain::Outcome Drain::work_off(Batch &batch, const std::string &seen, Queue &queue, Cache &cache, Time began)
{
    Outcome outcome;
    auto const taken = clock_.now();
    ChangeSpans spans(spans_.is_open() ? batch.writers : std::vector<Writer>(), began, taken);
    bool is_told = true;
    try {
        outcome = apply(batch, seen, cache, taken, spans);
        is_told = batch.events.empty() || events_.append(batch.events, cache);
    } catch (const Failure &) {
        queue.give_back();
        throw;
    }
    if (!is_told)
        queue.keep();
    if (!outcome.refused.empty())
        queue.set_aside(outcome.refused);
    if (is_told)
        queue.commit();
    if (!spans.empty())
        spans_.add(spans.spans(clock_.now()));
    return outcome;
}

Drain::Outcome Drain::apply(const Batch &batch, const std::string &seen, Cache &cache, Time taken, ChangeSpans &spans)
{
    auto const &changes = batch.changes;
    auto const done = cache.invalidate(changes, seen);
    auto const &existed = done.existed;
    auto const gone = clock_.now();
    spans.gone(gone);
    auto const config = live_.get();
    note_misfits(done.misfits);
    std::vector<SetAside> refused;
    std::vector<bool> is_refused(changes.size());
    for (auto const &rejection : done.rejected) {
        // A student may be refused under each of its names.
        if (is_refused[rejection.change])
            continue;
        is_refused[rejection.change] = true;
        if (!rejection.is_away)
            log::error(
                log::Trace{trace_of(changes[rejection.change], batch.writers)},
                "redis refuses the invalidation of a student and accepts that of others: {}; it is set aside and "
                "tried again every {} s, see white_cross.set_aside",
                rejection.reason, kRetrySetAside.count());
        refused.push_back({changes[rejection.change], rejection.reason});
    }
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto const &change = changes[i];
        auto writer = spans.note(change, is_refused[i]);
        if (is_refused[i])
            continue;
        auto const committed = taken - change.age;
        if (stale_kinds(change.sections) != 0)
            metrics_.gone_after(gone - committed);
        for (auto const kind : cache::kKinds)
            if (existed[i] & bit(kind))
                metrics_.invalidated(kind);
        KindSet kinds = change.sections & cache::kPrewarm ? bit(cache::Kind::HealthSummary) : KindSet{0};
        if (KindSet const read = existed[i] & kPrewarmed; read != 0) {
            double const weight = hot_.touch(change.student, gone);
            if (config->prewarm.enabled && weight >= config->prewarm.min_weight)
                kinds |= read;
        }
        if (kinds != 0)
            wanted.push_back({change.student, committed, 0, kinds, std::move(writer)});
    }
    if (!wanted.empty())
        want_(std::move(wanted));
    return {std::move(refused), done.has_noted_seen};
}

// Logs it only once: a program that writes there may do it all the time.
void Drain::note_misfits(std::size_t count)
{
    if (count == 0)
        return;
    metrics_.misfits_removed(count);
    if (!std::exchange(has_told_of_misfits_, true))
        log::warning(
            "redis: removed keys of another type under names of student:ID: or wc: that belong to the worker; "
            "whoever writes there keeps values out of the cache, and wc_worker_misfit_keys_total counts it "
            "from now on");
}

}  // namespace wc::app
