#include "app/drain.hpp"

#include "app/log.hpp"

namespace wc::app {

Drain::Result Drain::pass(Queue &queue, Cache &cache)
{
    auto const config = live_.get();
    Batch batch = queue.take(static_cast<std::size_t>(config->queue.batch_students));
    if (batch.rows > 0) {
        try {
            apply(batch.changes, cache, clock_.now());
        } catch (const Failure &) {
            queue.give_back();
            throw;
        }
        queue.commit();
        metrics_.drained(batch.rows, batch.changes.size());
        log::debug("drained {} rows, {} students", batch.rows, batch.changes.size());
    }
    return {batch.complete, std::move(batch.everything), batch.lapsed, batch.rows};
}

void Drain::apply(const std::vector<Change> &changes, Cache &cache, Time taken)
{
    auto const existed = cache.invalidate(changes);
    auto const gone = clock_.now();
    auto const config = live_.get();
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto const &change = changes[i];
        auto const committed = taken - change.age;
        if (stale_kinds(change.sections) != 0)
            metrics_.gone_after(gone - committed);
        for (auto const kind : kKinds)
            if (existed[i] & bit(kind))
                metrics_.invalidated(kind);
        KindSet kinds = change.sections & cache::kPrewarm ? bit(cache::Kind::HealthSummary) : KindSet{0};
        if (KindSet const read = existed[i] & kPrewarmed; read != 0) {
            double const weight = hot_.touch(change.student, gone);
            if (config->prewarm.enabled && weight >= config->prewarm.min_weight)
                kinds |= read;
        }
        if (kinds != 0)
            wanted.push_back({change.student, committed, 0, kinds});
    }
    if (!wanted.empty())
        want_(std::move(wanted));
}

}  // namespace wc::app
