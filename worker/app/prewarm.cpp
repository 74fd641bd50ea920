#include "app/prewarm.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "core/protocol/key.hpp"
#include "process/log.hpp"

namespace wc::app {
namespace {

// A snapshot taken after a refusal sees the change that caused it; only a further change causes another refusal.  The
// values of a student that changes that fast are left to be filled by its readers.
constexpr int kMostRefusals = 3;

// Students that one round trip asks for: enough to be fast, and few enough not to delay other clients of Redis.
constexpr std::size_t kMissingAtOnce = 500;

}  // namespace

std::vector<Wanted> Prewarm::rebuild(Builder &builder, Store &store, const std::vector<Wanted> &batch) const
{
    std::vector<Wanted> again;
    for (auto const kind : kPrewarmedKinds)
        rebuild(kind, builder, store, batch, again);
    return again;
}

void Prewarm::rebuild(cache::Kind kind, Builder &builder, Store &store, const std::vector<Wanted> &batch,
                      std::vector<Wanted> &again) const
{
    auto const config = live_.get();
    std::vector<std::string> students;
    std::unordered_map<std::string_view, const Wanted *> wanted;
    for (auto const &one : batch) {
        if (!(one.kinds & bit(kind)))
            continue;
        students.push_back(one.student);
        wanted.emplace(one.student, &one);
    }
    if (students.empty())
        return;
    auto entries = builder.build(students, kind);
    // prewarm.summary_ttl_s is the TTL of summaries; that of charts comes with the entry.
    if (kind == cache::Kind::HealthSummary)
        for (auto &entry : entries)
            entry.ttl_seconds = static_cast<int>(config->prewarm.summary_ttl_s);
    auto const stored = store.fill(entries);
    auto const now = clock_.now();
    RebuiltCounts of_traced;

    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto const found = wanted.find(entries[i].student);
        if (found == wanted.end())
            continue;
        Wanted one = *found->second;
        wanted.erase(found);
        if (stored[i]) {
            metrics_.prewarmed();
            if (one.writer)
                ++of_traced[one.writer];
            if (kind == cache::Kind::HealthSummary && one.committed != Time{})
                metrics_.warm_after(now - one.committed);
            continue;
        }
        metrics_.fill_refused();
        if (++one.refused < kMostRefusals && hot_.weight(one.student, now) >= config->prewarm.min_weight) {
            one.kinds = bit(kind);
            again.push_back(std::move(one));
        }
    }
    if (!of_traced.empty())
        spans_.add(warm_spans(of_traced, cache::name(kind), now));
    // The database has built nothing for the students that are left in `wanted`: they do not exist any more.
    for (auto const &[student, one] : wanted)
        hot_.erase(one->student);
}

std::vector<Wanted> Prewarm::find_cold(Builder &builder, Store &store) const
{
    auto const config = live_.get();
    hot_.merge(builder.load_hot(), clock_.now());
    std::vector<std::string> students;
    for (auto &hot : hot_.heaviest(clock_.now()))
        if (hot.weight >= config->prewarm.min_weight)
            students.push_back(std::move(hot.student));
    std::vector<Wanted> cold;
    for (std::size_t from = 0; from < students.size(); from += kMissingAtOnce) {
        auto const count = std::min(kMissingAtOnce, students.size() - from);
        for (auto &student : store.missing(std::span(students).subspan(from, count)))
            cold.push_back({std::move(student)});
    }
    log::info("{} students are hot, {} of them not in the cache: rebuilding those", students.size(), cold.size());
    return cold;
}

void Prewarm::save_hot_list(Builder &builder) const
{
    auto const hot = hot_.heaviest(clock_.now());
    builder.save_hot(hot);
    log::debug("saved {} hot students", hot.size());
}

}  // namespace wc::app
