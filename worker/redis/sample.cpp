#include "redis/sample.hpp"

#include <array>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "core/text/number.hpp"
#include "redis/error.hpp"
#include "redis/refusal.hpp"
#include "redis/removal.hpp"
#include "redis/scan_keys.hpp"
#include "redis/student_key.hpp"

namespace wc::redis {
namespace {

// The places in the answer of wc_sample.  What lies between the value and what was drained is the ground.
constexpr std::size_t kValue = 0, kLife = 5, kDrained = 6;

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

std::vector<app::CachedName> names_of(std::span<const std::string> students, std::size_t secrets)
{
    std::vector<app::CachedName> names;
    for (auto const &student : students)
        for (std::size_t secret = 0; secret < secrets; ++secret)
            for (auto const kind : app::kPrewarmedKinds)
                names.push_back({student, kind, secret});
    return names;
}

std::vector<app::CachedName> Sample::cached(std::vector<app::CachedName> names)
{
    for (auto const &name : names)
        connection_.append({"EXISTS", key_of(name)});
    connection_.flush();
    std::vector<app::CachedName> found;
    for (auto &name : names)
        if (auto const answer = read_of_slot(); answer && answer->integer() == 1)
            found.push_back(std::move(name));
    return found;
}

std::string Sample::key_of(const app::CachedName &name) const
{
    return keys_.prefix(name.student, name.secret).append(cache::name(name.kind));
}

// Of a shard: nothing if the slot of the key is elsewhere or on its way.
std::optional<Reply> Sample::read_of_slot()
{
    auto answer = connection_.read_any();
    if (!answer.is_error())
        return answer;
    if (is_shard_ && is_elsewhere(answer.text()))
        return std::nullopt;
    throw ReplyError(std::string(answer.text()));
}

std::vector<app::CachedName> Sample::cached(std::span<const std::string> students)
{
    if (watch_)
        watch_->check(connection_);
    return cached(names_of(students, keys_.count()));
}

std::optional<app::CachedValue> Sample::read(const app::CachedName &name)
{
    connection_.append({"FCALL", "wc_sample", "1", key_of(name)});
    connection_.flush();
    auto const values = read_of_slot();
    if (!values || values->raw().type == REDIS_REPLY_NIL)
        return std::nullopt;
    auto const life = parse_number<std::int64_t>(held(*values, kLife));
    if (!life)
        return std::nullopt;
    fence_life_ms_ = values->text(kLife);
    app::CachedValue found{
        std::string(values->text(kValue)), {}, std::string(held(*values, kDrained)), std::chrono::milliseconds(*life)};
    for (std::size_t part = kValue + 1; part < kDrained; ++part)
        found.ground.append(held(*values, part)).append(1, '\n');
    return found;
}

void Sample::remove(const std::string &student, app::Xid xid) { remove(keys_.prefixes(student), xid, fence_life_ms_); }

void Sample::remove(std::vector<std::string> prefixes, app::Xid xid, const std::string &fence_life_ms)
{
    std::vector<Stale> all;
    for (auto &prefix : prefixes)
        all.push_back({0, app::stale_kinds(cache::kAllSections), std::move(prefix), std::to_string(xid)});
    auto const removal = remove_stale(connection_, all, fence_life_ms, keys_.form(), {});
    // Also where the slot is elsewhere by now.
    if (!removal.rejected.empty())
        throw ReplyError(removal.rejected.front().second);
}

}  // namespace wc::redis
