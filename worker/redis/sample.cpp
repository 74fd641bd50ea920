#include "redis/sample.hpp"

#include <array>

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
        // Of another form nothing is found by a reader, and nothing removed by a change.
        for (auto const kind : app::kPrewarmedKinds)
            if (key == cache::key(std::string(parsed->student), kind, form_))
                step.names.push_back({std::string(parsed->student), kind});
    }
    return step;
}

// As a reader without Lua does: MGET, and what wc:alive must hold on this connection.
std::optional<app::CachedValue> Sample::read(const app::CachedName &name)
{
    auto const key = cache::key(name.student, name.kind, form_);
    auto fence = cache::student_prefix(name.student, form_);
    fence += cache::kFence;
    connection_.append({"FCALL", "wc_hello", "1", key});
    // One command: all of it is of one moment.
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
    Stale const all{0, app::stale_kinds(cache::kAllSections), cache::student_prefix(student, form_),
                    std::to_string(xid)};
    auto const removal = remove_stale(connection_, std::span(&all, 1), fence_life_ms_, form_, {});
    if (!removal.rejected.empty())
        throw ReplyError(removal.rejected.front().second);
}

}  // namespace wc::redis
