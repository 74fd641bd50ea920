#include "redis/cache.hpp"

#include <algorithm>
#include <charconv>
#include <random>
#include <string>
#include <unordered_set>

#include "app/clock_reading.hpp"
#include "app/log.hpp"
#include "redis/error.hpp"
#include "redis/library.hpp"
#include "redis/student_key.hpp"

namespace wc::redis {
namespace {

constexpr std::string_view kFenceAll = "wc:fence:all";
constexpr std::string_view kEpoch = "wc:epoch";
constexpr std::string_view kEpochOf = "wc:epoch:of";
constexpr std::string_view kEpochLife = "wc:epoch:life";
constexpr std::string_view kEpochOpening = "wc:epoch:opening";
constexpr std::string_view kClock = "wc:clock";
constexpr std::string_view kHorizon = "wc:horizon";
constexpr std::string_view kAlive = "wc:alive";

// What Redis takes for a key with a short text and a time to live, and the longest text of a fence.  A text that grows
// has room for twice its length.
constexpr std::size_t kFenceOverhead = 160;
constexpr std::size_t kFenceText = 2 * 512;

// Students that one call handles: Redis serves nobody else meanwhile, about a millisecond.
constexpr std::size_t kStudentsPerCall = 64;

std::string milliseconds(std::int64_t seconds) { return std::to_string(seconds * 1000); }

// `XID,XID,...`
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
bool outlives_sweep(std::string_view rest) { return rest == "fence" || rest == "pages"; }

/// The second part of an answer to SCAN; they belong to the reply.
std::vector<std::string_view> keys_of(const Reply &found)
{
    auto const *list = found.size() == 2 ? found.raw().element[1] : nullptr;
    if (!list || list->type != REDIS_REPLY_ARRAY)
        throw ReplyError("an answer to SCAN is not a cursor and a list");
    std::vector<std::string_view> keys;
    for (std::size_t i = 0; i < list->elements; ++i)
        keys.emplace_back(list->element[i]->str, static_cast<std::size_t>(list->element[i]->len));
    return keys;
}

long long number(std::string_view text)
{
    long long value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw ReplyError("an answer of Redis is not a number where one is expected");
    return value;
}

// A field of an answer to INFO, whose lines are `name:value`.
std::string_view field(std::string_view info, std::string_view name)
{
    auto const start = "\n" + std::string(name) + ":";
    auto const at = info.find(start);
    if (at == std::string_view::npos)
        throw ReplyError("an answer to INFO has no " + std::string(name));
    auto const rest = info.substr(at + start.size());
    return rest.substr(0, rest.find_first_of("\r\n"));
}

// Whether Redis makes room by removing keys that nobody told it to remove.
bool may_evict(std::string_view info_of_memory)
{
    return field(info_of_memory, "maxmemory") != "0" && field(info_of_memory, "maxmemory_policy") != "noeviction";
}

}  // namespace

Cache::Cache(const Target &target, const config::Live &live)
    : connection_(target),
      live_(live),
      form_(live.get()->redis.cluster_keys ? cache::KeyForm::HashTag : cache::KeyForm::Plain)
{
    ensure_library(connection_);
    // The id that a Redis server gives itself at each start.
    run_id_ = field(connection_.run({"INFO", "server"}).text(), "run_id");
    // Until the epoch is seen to: the longer of the two lives is the safe one.
    life_ms_ = configured_life();
    auto const held = connection_.run({"MGET", kEpochLife});
    if (!held.is_nil(0) && number(held.text(0)) > number(life_ms_))
        life_ms_ = held.text(0);
}

std::string Cache::configured_life() const { return milliseconds(live_.get()->invalidate.fence_ttl_s); }

app::Epoch Cache::epoch(const std::string &database)
{
    connection_.append({"INFO", "memory"});
    connection_.append({"MGET", kEpoch, kEpochOf, kEpochLife});
    connection_.flush();
    bool const evicts = may_evict(connection_.read().text());
    auto const found = connection_.read();
    if (evicts)
        return found.is_nil(0) ? app::Epoch::Closed : app::Epoch::Evicting;
    if (found.is_nil(0) || found.is_nil(1) || found.is_nil(2))
        return app::Epoch::Missing;
    if (found.text(1) != servers(database))
        return app::Epoch::Foreign;
    if (found.text(2) != configured_life())
        return app::Epoch::OtherLife;
    life_ms_ = found.text(2);
    epoch_of_ = found.text(1);
    return app::Epoch::Open;
}

bool Cache::open_epoch(const std::string &database, const std::function<std::string()> &take_snapshot)
{
    auto const opening = std::to_string(std::random_device{}()) + std::to_string(std::random_device{}());
    connection_.run({"SET", kEpochOpening, opening});
    auto const snapshot = take_snapshot();
    auto const of = servers(database);
    auto const life = configured_life();
    if (connection_.run({"FCALL", "wc_open_epoch", "1", kEpoch, opening, snapshot, of, life}).integer() != 1)
        return false;
    life_ms_ = life;
    epoch_of_ = of;
    return true;
}

void Cache::close_epoch() { connection_.run({"UNLINK", kEpoch, kHorizon, kAlive}); }

// In milliseconds.  What is said by Redis's clock is not good for longer when it arrives late.
std::string Cache::by_its_clock(app::Time time) const
{
    return std::to_string(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch() + *lead_).count());
}

void Cache::vouch(app::Time end)
{
    if (lead_)
        connection_.run({"FCALL", "wc_alive", "1", kAlive, by_its_clock(end), epoch_of_});
}

void Cache::advance(const std::string &snapshot, app::Time end, std::chrono::milliseconds life)
{
    if (lead_)
        connection_.run({"FCALL", "wc_advance", "1", kHorizon, snapshot, by_its_clock(end),
                         std::to_string(life.count()), epoch_of_});
}

bool Cache::set_clock(std::chrono::microseconds database)
{
    app::ClockReading const reading;
    auto const time = connection_.run({"TIME"});
    auto const ahead =
        reading.lead_of(std::chrono::seconds(number(time.text(0))) + std::chrono::microseconds(number(time.text(1))));
    if (!ahead)
        return false;
    lead_ = ahead;
    connection_.run({"SET", kClock, std::to_string((database - *ahead).count())});
    return true;
}

std::vector<app::KindSet> Cache::invalidate(std::span<const app::Change> changes)
{
    auto const config = live_.get();
    auto const now = std::chrono::steady_clock::now();
    auto const until = now + std::chrono::milliseconds(number(life_ms_));
    window_.expire(now);

    std::vector<Stale> stale;
    stale.reserve(changes.size());
    std::vector<app::Xid> common;  // of those that get no fence of their own
    bool pages = false;
    app::Fences raised;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto const kinds = app::stale_kinds(changes[i].sections);
        if (kinds == 0)
            continue;
        pages = pages || (kinds & app::bit(cache::Kind::Records));
        stale.push_back({i, static_cast<char>('0' + kinds), cache::student_prefix(changes[i].student, form_), {}});
        if (window_.count() + raised.count < static_cast<std::size_t>(config->invalidate.fence_limit)) {
            stale.back().xids = joined(changes[i].xids);
            ++raised.count;
            raised.bytes +=
                kFenceOverhead + stale.back().prefix.size() + std::min(2 * stale.back().xids.size(), kFenceText);
        } else {
            common.insert(common.end(), changes[i].xids.begin(), changes[i].xids.end());
        }
    }
    std::vector<app::KindSet> existed(changes.size(), 0);
    if (stale.empty())
        return existed;
    if (!common.empty()) {
        std::sort(common.begin(), common.end());
        common.erase(std::unique(common.begin(), common.end()), common.end());
        append_fence_all(joined(common));
    }
    for (auto rest = std::span(stale); !rest.empty(); rest = rest.subspan(std::min(rest.size(), kStudentsPerCall)))
        append_invalidate(rest.first(std::min(rest.size(), kStudentsPerCall)));
    connection_.flush();
    // Counted before the answer: what was sent may have been done.
    window_.add(raised, until);
    if (!common.empty())
        connection_.read();
    for (auto rest = std::span(stale); !rest.empty(); rest = rest.subspan(std::min(rest.size(), kStudentsPerCall))) {
        auto const answer = connection_.read();
        for (std::size_t i = 0; i < std::min(rest.size(), kStudentsPerCall); ++i)
            existed[rest[i].change] = static_cast<app::KindSet>(answer.integer(i));
    }
    if (pages && config->invalidate.scan)
        remove_pages_by_scan(changes);
    return existed;
}

void Cache::append_invalidate(std::span<const Stale> students)
{
    auto const count = std::to_string(students.size());
    std::vector<std::string_view> words{"FCALL", "wc_invalidate", count};
    for (auto const &student : students)
        words.push_back(student.prefix);
    words.push_back(life_ms_);
    for (auto const &student : students) {
        words.push_back({&student.kinds, 1});
        words.push_back(student.xids);
    }
    connection_.append(words);
}

app::Fences Cache::fences()
{
    window_.expire(std::chrono::steady_clock::now());
    return window_.fences();
}

// For clients that SET pages by hand: one walk through the whole keyspace for each batch.
void Cache::remove_pages_by_scan(std::span<const app::Change> changes)
{
    std::unordered_set<std::string_view> stale;
    for (auto const &change : changes)
        if (cache::is_stale(cache::Kind::Records, change.sections))
            stale.insert(change.student);
    std::string cursor = "0";
    do {
        auto const found = scan(cursor, "student:*:records:*");
        cursor = found.text(0);
        std::vector<std::string_view> stale_keys;
        for (auto const key : keys_of(found))
            if (auto const parsed = parse_student_key(key); parsed && stale.contains(parsed->student))
                stale_keys.push_back(key);
        unlink(stale_keys);
    } while (cursor != "0");
}

void Cache::append_fence_all(std::string_view xids)
{
    connection_.append({"FCALL", "wc_fence_all", "1", kFenceAll, life_ms_, xids});
}

void Cache::fence_all(std::span<const app::Xid> xids)
{
    connection_.append({"UNLINK", kAlive});
    append_fence_all(joined(xids));
    connection_.flush();
    connection_.read();
    connection_.read();
}

app::SweepStep Cache::sweep(const std::string &cursor, const std::string &pattern)
{
    auto const found = scan(cursor, pattern.empty() ? "student:*" : pattern);
    app::SweepStep step;
    step.cursor = found.text(0);
    std::vector<std::string_view> keys;
    for (auto const key : keys_of(found)) {
        auto const parsed = parse_student_key(key);
        if (!parsed || outlives_sweep(parsed->rest))
            continue;
        keys.push_back(key);
        if (parsed->rest == cache::name(cache::Kind::HealthSummary))
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
    keys.insert(keys.begin(), "UNLINK");
    connection_.append(keys);
    connection_.flush();
    return static_cast<std::size_t>(connection_.read().integer());
}

app::Reads Cache::reads()
{
    auto const reply = connection_.run({"FCALL", "wc_reads", "0"});
    return {reply.integer(0), reply.integer(1)};
}

void Cache::check()
{
    // Nothing is due: what can be read is the end, or something that a ping will stumble over.
    if (connection_.is_readable())
        ping();
}

}  // namespace wc::redis
