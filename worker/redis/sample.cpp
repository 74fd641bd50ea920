#include "redis/sample.hpp"

#include <array>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "core/protocol/library.hpp"
#include "core/text/number.hpp"
#include "redis/error.hpp"
#include "redis/removal.hpp"
#include "redis/scan_keys.hpp"
#include "redis/student_key.hpp"

namespace wc::redis {
namespace {

using namespace library;

std::string_view held(const Reply &values, std::size_t at)
{
    return values.is_nil(at) ? std::string_view{} : values.text(at);
}

}  // namespace

app::SampleStep Sample::scan(const std::string &cursor)
{
    if (watch_)
        watch_->check(connection_);
    auto const found = connection_.run({"SCAN", cursor, "MATCH", "student:*", "COUNT", scan_count_});
    app::SampleStep step;
    step.cursor = found.text(0);
    for (auto const key : scan_keys(found)) {
        auto const parsed = parse_student_key(key);
        if (!parsed)
            continue;
        // Skip keys of another form: readers find nothing under them, and changes remove nothing there.
        for (auto const kind : app::kPrewarmedKinds)
            if (key == cache::key(std::string(parsed->student), kind, keys_.form()))
                step.names.push_back({std::string(parsed->student), kind});
    }
    return step;
}

std::vector<app::CachedName> Sample::cached(std::span<const std::string> students)
{
    if (watch_)
        watch_->check(connection_);
    std::vector<app::CachedName> names;
    for (auto const &student : students)
        for (std::size_t secret = 0; secret < keys_.count(); ++secret)
            for (auto const kind : app::kPrewarmedKinds) {
                names.push_back({student, kind, secret});
                connection_.append({"EXISTS", keys_.prefix(student, secret).append(cache::name(kind))});
            }
    connection_.flush();
    std::vector<app::CachedName> found;
    for (auto &name : names)
        if (connection_.read().integer() == 1)
            found.push_back(std::move(name));
    return found;
}

// Reads with MGET instead of wc_get, as clients may.  Then wc:alive must hold the answer of wc_hello.
std::optional<app::CachedValue> Sample::read(const app::CachedName &name)
{
    auto const prefix = keys_.prefix(name.student, name.secret);
    auto const key = prefix + std::string(cache::name(name.kind));
    auto const fence = prefix + std::string(cache::kFence);
    connection_.append({"FCALL", "wc_hello", "1", key});
    // Use one command, so that all values are of one moment.
    connection_.append({"MGET", kAlive, key, fence, kFenceAll, kEpoch, kEpochLife, kSeen});
    connection_.flush();
    auto const hello = connection_.read_any();
    auto const values = connection_.read();
    bool const is_live =
        !hello.is_error() && hello.raw().type != REDIS_REPLY_NIL && !values.is_nil(0) && hello.text() == values.text(0);
    auto const life = parse_number<std::int64_t>(held(values, 5));
    if (!is_live || values.is_nil(1) || !life)
        return std::nullopt;
    fence_life_ms_ = values.text(5);
    app::CachedValue found{
        std::string(values.text(1)), {}, std::string(held(values, 6)), std::chrono::milliseconds(*life)};
    for (std::size_t const part : {0U, 2U, 3U, 4U, 5U})
        found.ground.append(held(values, part)).append(1, '\n');
    return found;
}

void Sample::remove(const std::string &student, app::Xid xid)
{
    std::vector<Stale> all;
    for (auto &prefix : keys_.prefixes(student))
        all.push_back({0, app::stale_kinds(cache::kAllSections), std::move(prefix), std::to_string(xid)});
    auto const removal = remove_stale(connection_, all, fence_life_ms_, keys_.form(), {});
    if (!removal.rejected.empty())
        throw ReplyError(removal.rejected.front().second);
}

}  // namespace wc::redis
