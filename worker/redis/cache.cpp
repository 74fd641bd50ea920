#include "redis/cache.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <string>
#include <unordered_set>

#include "core/protocol/library.hpp"
#include "core/protocol/slot.hpp"
#include "core/protocol/snapshot_token.hpp"
#include "core/text/number.hpp"
#include "process/clock_reading.hpp"
#include "process/log.hpp"
#include "redis/error.hpp"
#include "redis/library.hpp"
#include "redis/refusal.hpp"
#include "redis/removal.hpp"
#include "redis/scan_keys.hpp"
#include "redis/student_key.hpp"

namespace wc::redis {
namespace {

using library::kMaxFenceBytes;

// The memory that Redis takes for a key with a short text and a time to live, and for the longest text of a fence.
// Redis allocates twice the length of a text that grows.
constexpr std::size_t kFenceOverhead = 160;
constexpr std::size_t kFenceText = 2 * kMaxFenceBytes;

// For how long a connection stays with a master that is not the one that the Sentinels name best, as while that one
// cannot be reached.
constexpr std::chrono::seconds kPatienceWithAnother{10};

// A call blocks all other clients of Redis; with this many events for about a millisecond.
constexpr std::size_t kEventsPerCall = 500;

// The longest life of a fence that can be configured (invalidate.fence_ttl_s).
constexpr long long kLongestLifeMs = 86'400'000;

std::string milliseconds(std::int64_t seconds) { return std::to_string(seconds * 1000); }

// Returns `XID,XID,...`.
template <class Xids>
std::string joined(const Xids &xids)
{
    std::string text;
    char digits[20];
    for (app::Xid const xid : xids) {
        if (!text.empty())
            text += ',';
        auto const [end, error] = std::to_chars(digits, digits + sizeof digits, xid);
        text.append(digits, end);
    }
    return text;
}

/// Fences, and the sets of pages, outlive a sweep: a fill that comes late must meet the fence, and a page that was
/// stored during the sweep must stay known.
bool outlives_sweep(std::string_view rest) { return rest == cache::kFence || rest == cache::kPages; }

long long number(std::string_view text)
{
    auto const value = parse_number<long long>(text);
    if (!value)
        throw ReplyError("an answer of Redis is not a number, as expected");
    return *value;
}

// Whether a text consists of what a fence, `FLOOR;XID,XID,...`, may contain.
bool is_fence(std::string_view text) { return text.find_first_not_of("0123456789;,") == std::string_view::npos; }

// Whether Redis makes room by removing keys that nobody told it to remove.
bool may_evict(std::string_view info_of_memory)
{
    return info_field(info_of_memory, "maxmemory") != "0" &&
           info_field(info_of_memory, "maxmemory_policy") != "noeviction";
}

}  // namespace

Cache::Cache(const Target &target, const config::Live &live, KeyNames keys, const MasterWatch *watch,
             const std::string &tag)
    : connection_(connect(target)),
      live_(live),
      calls_per_flight_(target.calls_per_flight),
      in_cluster_(!tag.empty()),
      names_(tag),
      keys_(std::move(keys)),
      watch_(watch),
      named_(watch ? watch->master() : std::string()),
      settled_(std::chrono::steady_clock::now() + kPatienceWithAnother)
{
    if (watch)
        log::info("redis: {} is the master {}", address(), target.address.master);
    ensure_library(connection_);
    info_ = ServerInfo::ask(connection_);
    // Until epoch() or open_epoch() decides, the longer of the configured and the stored life is the safe one.
    life_ms_ = configured_life();
    auto const held = connection_.run({"MGET", names_.epoch_life});
    auto const life = held.is_nil(0) ? std::nullopt : parse_number<long long>(held.text(0));
    if (life && *life > number(life_ms_) && *life <= kLongestLifeMs)
        life_ms_ = std::to_string(*life);
}

std::string Cache::configured_life() const { return milliseconds(live_.get()->invalidate.fence_ttl_s); }

std::string Cache::servers(const std::string &database) const
{
    // The name includes the form of the keys: values under keys of another form belong to another epoch, because no
    // invalidation of this epoch reaches them.
    return process() + " " + database + keys_.epoch_part();
}

void Cache::check_keys(const std::string &database) { keys_.require(*live_.get(), in_cluster_, database); }

app::Epoch Cache::epoch(const std::string &database)
{
    mend_shared_keys();
    ServerInfo::append(connection_);
    connection_.append({"INFO", "memory"});
    connection_.append({"MGET", names_.epoch, names_.epoch_of, names_.epoch_life});
    connection_.flush();
    info_ = ServerInfo::read(connection_);
    bool const evicts = may_evict(connection_.read().text());
    auto const found = connection_.read();
    if (evicts)
        return found.is_nil(0) ? app::Epoch::Closed : app::Epoch::Evicting;
    if (found.is_nil(0) || found.is_nil(1) || found.is_nil(2) || !snapshot_token::may_be_token(found.text(0)))
        return app::Epoch::Missing;
    if (found.text(1) != servers(database)) {
        // Nothing is cached under a key that changes do not remove from now on.
        auto const here = process() + " " + database;
        auto const of = found.text(1);
        return of.starts_with(here) && keys_.include(of.substr(here.size())) ? app::Epoch::MoreKeys
                                                                             : app::Epoch::Foreign;
    }
    if (found.text(2) != configured_life())
        return app::Epoch::OtherLife;
    life_ms_ = found.text(2);
    epoch_of_ = found.text(1);
    return app::Epoch::Open;
}

// Removes misfits, which are keys of another type: MGET finds nothing under their names, and EXISTS finds them.
void Cache::mend_shared_keys()
{
    std::string_view const names[] = {names_.fence_all,     names_.epoch, names_.epoch_of, names_.epoch_life,
                                      names_.epoch_opening, names_.clock, names_.horizon,  names_.alive};
    std::vector<std::string_view> words{"MGET"};
    words.insert(words.end(), std::begin(names), std::end(names));
    // EXISTS comes second, so that a key that expires between the two is not taken for a misfit.
    connection_.append(words);
    for (auto const name : names)
        connection_.append({"EXISTS", name});
    connection_.append({"PTTL", names_.fence_all});
    connection_.flush();
    auto const held = connection_.read();
    std::vector<std::string_view> misfits;
    for (std::size_t i = 0; i < std::size(names); ++i)
        if (connection_.read().integer() != 0 && held.is_nil(i))
            misfits.push_back(names[i]);
    bool const is_endless = connection_.read().integer() == -1;
    // Adding an id starts the fence's life anew; every snapshot has seen the id 0, so this one refuses nothing.
    if ((!misfits.empty() && misfits.front() == names_.fence_all) || is_endless ||
        (!held.is_nil(0) && !is_fence(held.text(0)))) {
        raise_fence_all("0");
    }
    std::erase(misfits, names_.fence_all);
    misfits_ += unlink(misfits);
    auto const at = std::find(std::begin(names), std::end(names), names_.horizon) - std::begin(names);
    auto const place = static_cast<std::size_t>(at);
    if (horizon_ && (held.is_nil(place) || held.text(place) != horizon_->snapshot))
        advance(horizon_->snapshot, horizon_->end, horizon_->life);
}

bool Cache::open_epoch(const std::string &database, const std::function<std::string()> &take_snapshot)
{
    auto const opening = std::to_string(std::random_device{}()) + std::to_string(std::random_device{}());
    connection_.run({"FCALL", "wc_note", "1", names_.epoch_opening, opening});
    auto const snapshot = take_snapshot();
    auto const of = servers(database);
    auto const life = configured_life();
    if (connection_.run({"FCALL", "wc_open_epoch", "1", names_.epoch, opening, snapshot, of, life}).integer() != 1)
        return false;
    life_ms_ = life;
    epoch_of_ = of;
    horizon_.reset();  // wc_open_epoch has made `snapshot` the horizon
    return true;
}

void Cache::close_epoch() { connection_.run({"UNLINK", names_.epoch, names_.horizon, names_.alive}); }

// Converts a time of this process to milliseconds of Redis's clock.  The worker sends times instead of durations, so
// that a command that arrives late is not in force for longer.
std::string Cache::by_its_clock(Time time) const
{
    return std::to_string(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch() + *lead_).count());
}

void Cache::renew_liveness(Time end, const std::string &seen, std::span<const std::string> except)
{
    if (!lead_)
        return;
    append_renewal(end, seen, except);
    ServerInfo::append(connection_);
    connection_.flush();
    connection_.read();
    // If the server became a replica and a master again, between two looks at the epoch, it may have other data.
    if (ServerInfo::read(connection_).process() == process())
        return;
    connection_.run({"UNLINK", names_.alive});
    throw IoError("redis was made a replica or a master meanwhile");
}

void Cache::append_renewal(Time end, const std::string &seen, std::span<const std::string> except)
{
    auto const until = by_its_clock(end);
    std::vector<std::string> prefixes;
    for (auto const &student : except)
        for (auto &prefix : keys_.prefixes(student))
            prefixes.push_back(std::move(prefix));
    std::vector<std::string_view> words{"FCALL", "wc_alive", "1", names_.alive, until, epoch_of_, seen};
    words.insert(words.end(), prefixes.begin(), prefixes.end());
    connection_.append(words);
}

void Cache::advance(const std::string &snapshot, Time end, std::chrono::milliseconds life)
{
    if (!lead_)
        return;
    auto const answer = connection_.run({"FCALL", "wc_advance", "1", names_.horizon, snapshot, by_its_clock(end),
                                         std::to_string(life.count()), epoch_of_});
    if (answer.integer() == 1)
        horizon_ = {snapshot, end, life};
}

bool Cache::set_clock(std::chrono::microseconds database)
{
    ClockReading const reading;
    auto const time = connection_.run({"TIME"});
    auto const ahead =
        reading.lead_of(std::chrono::seconds(number(time.text(0))) + std::chrono::microseconds(number(time.text(1))));
    if (!ahead)
        return false;
    lead_ = ahead;
    connection_.run({"FCALL", "wc_note", "1", names_.clock, std::to_string((database - *ahead).count())});
    return true;
}

// Gives each student a fence of its own until invalidate.fence_limit is reached.
Cache::Plan Cache::plan(std::span<const app::Change> changes) const
{
    auto const limit = static_cast<std::size_t>(live_.get()->invalidate.fence_limit);
    Plan plan;
    plan.stale.reserve(changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto const kinds = app::stale_kinds(changes[i].sections);
        if (kinds == 0)
            continue;
        for (auto &prefix : keys_.prefixes(changes[i].student)) {
            auto &stale = plan.stale.emplace_back(Stale{i, kinds, std::move(prefix), {}});
            if (window_.count() + plan.raised.count < limit) {
                stale.xids = joined(changes[i].xids);
                ++plan.raised.count;
                plan.raised.bytes += kFenceOverhead + stale.prefix.size() + std::min(2 * stale.xids.size(), kFenceText);
            } else {
                plan.common.insert(plan.common.end(), changes[i].xids.begin(), changes[i].xids.end());
            }
        }
    }
    std::sort(plan.common.begin(), plan.common.end());
    plan.common.erase(std::unique(plan.common.begin(), plan.common.end()), plan.common.end());
    return plan;
}

app::Invalidated Cache::invalidate(std::span<const app::Change> changes, const std::string &seen)
{
    auto const config = live_.get();
    auto const now = std::chrono::steady_clock::now();
    auto const until = now + std::chrono::milliseconds(number(life_ms_));
    window_.expire(now);

    auto const [stale, common, raised] = plan(changes);
    app::Invalidated done;
    done.existed.resize(changes.size(), 0);
    if (stale.empty())
        return done;
    // Count the fences before Redis answers: it may do what was sent even if no answer arrives.
    window_.add(raised, until);
    if (!common.empty())
        raise_fence_all(joined(common));
    // A scan removes more, afterwards.
    auto removal = remove_stale(connection_, stale, life_ms_, keys_.form(),
                                config->invalidate.scan ? std::string_view{} : seen, calls_per_flight_, in_cluster_);

    std::unordered_set<std::string_view> unknown_pages;
    for (std::size_t const i : removal.lost_pages)
        unknown_pages.insert(name_in_prefix(stale[i].prefix));
    if (config->invalidate.scan)
        for (auto const &student : stale)
            if (student.kinds & app::bit(cache::Kind::Records))
                unknown_pages.insert(name_in_prefix(student.prefix));
    if (!unknown_pages.empty())
        remove_pages_by_scan(unknown_pages);

    for (std::size_t i = 0; i < stale.size(); ++i)
        done.existed[stale[i].change] |= removal.existed[i];
    done.misfits = removal.misfits;
    done.has_noted_seen = removal.has_noted_seen;
    for (auto &[i, reason] : removal.rejected) {
        // Redis still holds this student's cached values; the fence of all students refuses older values from now on.
        raise_fence_all(joined(changes[stale[i].change].xids));
        done.rejected.push_back({stale[i].change, std::move(reason)});
    }
    for (std::size_t const i : removal.elsewhere) {
        doubted_.set(cache::slot_of(stale[i].prefix));
        done.rejected.push_back({stale[i].change, "shard: the slot is on its way", true});
    }
    return done;
}

// One call after the other: were a second one sent before the first is answered, Redis could refuse the first, be given
// memory, and accept the second.
std::string Cache::append_events(std::span<const app::Event> events)
{
    auto const config = live_.get();
    auto const most = std::to_string(config->events.max_length);
    for (; !events.empty(); events = events.subspan(std::min(events.size(), kEventsPerCall))) {
        std::vector<std::array<std::string, 4>> entries;
        std::vector<std::string_view> words{"FCALL", "wc_append", "1", config->events.stream, most};
        entries.reserve(kEventsPerCall);
        for (auto const &event : keys_.named(events.first(std::min(events.size(), kEventsPerCall))))
            for (auto const &value : entries.emplace_back(app::entry_of(event)))
                words.push_back(value);
        connection_.append(words);
        connection_.flush();
        auto const answer = connection_.read_any();
        if (answer.is_error())
            return connection_.explain(answer.text());
    }
    return {};
}

app::Fences Cache::fences()
{
    window_.expire(std::chrono::steady_clock::now());
    return window_.fences();
}

// Removes pages of these students that no set names, by one SCAN of the whole keyspace.
void Cache::remove_pages_by_scan(const std::unordered_set<std::string_view> &students)
{
    auto const is_of_one = [&](std::string_view key) {
        auto const owners = page_owners(key);
        return std::any_of(owners.begin(), owners.end(), [&](auto owner) { return students.contains(owner); });
    };
    std::string cursor = "0";
    do {
        auto const found = scan(cursor, "student:*:records:*");
        cursor = found.text(0);
        std::vector<std::string_view> stale_keys;
        for (auto const key : scan_keys(found))
            if (is_of_one(key))
                stale_keys.push_back(key);
        unlink(stale_keys);
    } while (cursor != "0");
}

void Cache::raise_fence_all(std::string_view xids)
{
    append_fence_all(xids);
    connection_.flush();
    read_fence_all();
}

void Cache::append_fence_all(std::string_view xids)
{
    connection_.append({"FCALL", "wc_fence_all", "1", names_.fence_all, life_ms_, xids});
}

void Cache::read_fence_all()
{
    if (connection_.read().integer() == 2)
        ++misfits_;
}

void Cache::fence_all(std::span<const app::Xid> xids)
{
    connection_.append({"UNLINK", names_.alive});
    append_fence_all(joined(xids));
    connection_.flush();
    connection_.read();
    read_fence_all();
}

app::SweepStep Cache::sweep(const std::string &cursor, const std::string &pattern)
{
    return sweep(cursor, pattern, [](auto) { return true; });
}

app::SweepStep Cache::sweep(const std::string &cursor, const std::string &pattern,
                            const std::function<bool(std::string_view)> &is_due)
{
    auto const found = scan(cursor, pattern.empty() ? "student:*" : pattern);
    app::SweepStep step;
    step.cursor = found.text(0);
    std::vector<std::string_view> keys;
    for (auto const key : scan_keys(found)) {
        auto const parsed = parse_student_key(key);
        if (!parsed || outlives_sweep(parsed->rest) || !is_due(key))
            continue;
        keys.push_back(key);
        // An opaque name tells nobody whose summary to rebuild.
        if (parsed->rest == cache::name(cache::Kind::HealthSummary) && !keys_.are_opaque())
            step.summaries.emplace_back(parsed->student);
    }
    step.seen = keys.size();
    step.removed = unlink(keys);
    return step;
}

Reply Cache::scan(const std::string &cursor, std::string_view pattern)
{
    auto const count = std::to_string(live_.get()->invalidate.scan_count);
    return connection_.run({"SCAN", cursor, "MATCH", pattern, "COUNT", count});
}

std::size_t Cache::unlink(std::vector<std::string_view> keys)
{
    if (keys.empty())
        return 0;
    if (in_cluster_)
        return unlink_one_by_one(keys);
    keys.insert(keys.begin(), "UNLINK");
    connection_.append(keys);
    connection_.flush();
    return static_cast<std::size_t>(connection_.read().integer());
}

// Of a cluster, where a command takes keys of one slot.
std::size_t Cache::unlink_one_by_one(std::span<const std::string_view> keys)
{
    for (auto const key : keys)
        connection_.append({"UNLINK", key});
    connection_.flush();
    std::size_t removed = 0;
    std::string refusal;
    for (auto const key : keys) {
        auto const answer = connection_.read_any();
        if (!answer.is_error())
            removed += static_cast<std::size_t>(answer.integer());
        else if (is_elsewhere(answer.text()))
            doubted_.set(cache::slot_of(key));
        else
            refusal = answer.text();
    }
    if (!refusal.empty())
        throw ReplyError(connection_.explain(refusal));
    return removed;
}

app::Reads Cache::reads()
{
    auto const reply = connection_.run({"FCALL", "wc_reads", "0"});
    return {reply.integer(0), reply.integer(1)};
}

void Cache::check()
{
    // No answer is due, so the socket is readable only at the end of the connection, or by bytes that break the next
    // answer; a ping fails in both cases.
    if (connection_.is_readable())
        ping();
    if (watch_)
        watch_->check(connection_, std::chrono::steady_clock::now() < settled_ ? named_ : std::string());
}

}  // namespace wc::redis
