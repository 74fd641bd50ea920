#include "redis/cache.hpp"

#include <charconv>
#include <random>
#include <string>
#include <unordered_set>

#include "app/log.hpp"
#include "redis/error.hpp"
#include "redis/library.hpp"
#include "redis/student_key.hpp"

namespace wc::redis {
namespace {

constexpr std::string_view kFenceAll = "wc:fence:all";
constexpr std::string_view kEpoch = "wc:epoch";
constexpr std::string_view kEpochOf = "wc:epoch:of";
constexpr std::string_view kEpochOpening = "wc:epoch:opening";

std::string milliseconds(std::int64_t seconds) { return std::to_string(seconds * 1000); }

/// Decimal texts of xids that stay where they are while words point at them.
class XidWords {
public:
    explicit XidWords(std::size_t most) { texts_.reserve(most); }
    std::string_view add(app::Xid xid)
    {
        auto &text = texts_.emplace_back();
        auto const [end, error] = std::to_chars(text.bytes, text.bytes + sizeof text.bytes, xid);
        return {text.bytes, static_cast<std::size_t>(end - text.bytes)};
    }

private:
    struct Text {
        char bytes[20];
    };
    std::vector<Text> texts_;
};

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

// The id that a Redis server gives itself at each start.
std::string run_id_of(std::string_view info)
{
    constexpr std::string_view kName = "run_id:";
    auto const at = info.find(kName);
    if (at == std::string_view::npos)
        throw ReplyError("an answer to INFO server has no run_id");
    auto const rest = info.substr(at + kName.size());
    return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

}  // namespace

Cache::Cache(const Target &target, const config::Live &live)
    : connection_(target),
      live_(live),
      form_(live.get()->redis.cluster_keys ? cache::KeyForm::HashTag : cache::KeyForm::Plain)
{
    ensure_library(connection_);
    run_id_ = run_id_of(connection_.run({"INFO", "server"}).text());
}

app::Epoch Cache::epoch(const std::string &database)
{
    auto const found = connection_.run({"MGET", kEpoch, kEpochOf});
    if (found.is_nil(0) || found.is_nil(1))
        return app::Epoch::Missing;
    return found.text(1) == servers(database) ? app::Epoch::Open : app::Epoch::Foreign;
}

bool Cache::open_epoch(const std::string &database, const std::function<std::string()> &take_snapshot)
{
    auto const opening = std::to_string(std::random_device{}()) + std::to_string(std::random_device{}());
    connection_.run({"SET", kEpochOpening, opening});
    auto const snapshot = take_snapshot();
    auto const of = servers(database);
    return connection_.run({"FCALL", "wc_open_epoch", "1", kEpoch, opening, snapshot, of}).integer() == 1;
}

std::vector<app::KindSet> Cache::invalidate(std::span<const app::Change> changes)
{
    auto const config = live_.get();
    auto const life = milliseconds(config->invalidate.fence_ttl_s);
    std::vector<app::KindSet> kinds;
    kinds.reserve(changes.size());
    bool pages = false;
    std::vector<std::string_view> words;
    for (auto const &change : changes) {
        auto const stale = app::stale_kinds(change.sections);
        kinds.push_back(stale);
        if (stale == 0)
            continue;
        pages = pages || (stale & app::bit(cache::Kind::Records));
        auto const prefix = cache::student_prefix(change.student, form_);
        char const bits = static_cast<char>('0' + stale);
        XidWords xids(change.xids.size());
        words = {"FCALL", "wc_invalidate", "1", prefix, {&bits, 1}, life};
        for (auto const xid : change.xids)
            words.push_back(xids.add(xid));
        connection_.append(words);
    }
    connection_.flush();
    for (auto &kind : kinds)
        if (kind != 0)
            kind = static_cast<app::KindSet>(connection_.read().integer());
    if (pages && config->invalidate.scan)
        remove_pages_by_scan(changes);
    return kinds;
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

void Cache::fence_all(std::span<const app::Xid> xids)
{
    auto const life = milliseconds(live_.get()->invalidate.fence_ttl_s);
    XidWords texts(xids.size());
    std::vector<std::string_view> words{"FCALL", "wc_fence_all", "1", kFenceAll, life};
    for (auto const xid : xids)
        words.push_back(texts.add(xid));
    connection_.append(words);
    connection_.flush();
    connection_.read();
}

app::SweepStep Cache::sweep(const std::string &cursor)
{
    auto const found = scan(cursor, "student:*");
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

void Cache::check()
{
    // Nothing is due: what can be read is the end, or something that a ping will stumble over.
    if (connection_.is_readable())
        ping();
}

}  // namespace wc::redis
