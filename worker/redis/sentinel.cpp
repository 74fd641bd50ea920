#include "redis/sentinel.hpp"

#include <algorithm>
#include <tuple>

#include "core/text/number.hpp"
#include "redis/error.hpp"
#include "redis/server_info.hpp"

namespace wc::redis {
namespace {

// Sentinels answer from memory, within a millisecond.  One that hangs must not keep the worker from asking the next.
constexpr std::chrono::milliseconds kPatience{1000};

Target target_of(const Target &of, const Endpoint &endpoint)
{
    Target target = of;
    static_cast<Endpoint &>(target.address) = endpoint;
    target.address.sentinels.clear();
    return target;
}

Target sentinel_of(const Target &of, const Endpoint &endpoint)
{
    auto target = target_of(of, endpoint);
    target.address.user = of.sentinel.user;
    target.address.password = of.sentinel.password;
    target.password_file = of.sentinel.password_file;
    target.address.database = 0;
    target.uses.reset();
    target.timeout = std::min(of.timeout, kPatience);
    return target;
}

// The answer to SENTINEL MASTER is a list of names and values.  A Sentinel that does not allow it gives no epoch.
long long epoch_in(const Reply &fields)
{
    if (fields.is_error())
        return 0;
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
        if (fields.text(i) == "config-epoch")
            return parse_number<long long>(fields.text(i + 1)).value_or(0);
    return 0;
}

// What is wrong with a Sentinel.  Advice about a login names the settings of Redis's own.
std::string complaint(const Endpoint &sentinel, const Error &error)
{
    auto text = "Sentinel " + describe(sentinel) + ": " + error.what();
    if (error.cause() == Cause::NoRights)
        text += " (of a Sentinel: redis.sentinel_user and redis.sentinel_password_file)";
    return text;
}

void add(std::string &why, const std::string &sentence) { why += (why.empty() ? "" : "; ") + sentence; }

}  // namespace

std::vector<Candidate> rank(const std::vector<Voice> &voices)
{
    std::vector<Candidate> candidates;
    for (auto const &voice : voices) {
        auto const same = std::find_if(candidates.begin(), candidates.end(),
                                       [&](const Candidate &known) { return known.master == voice.master; });
        auto &candidate = same != candidates.end() ? *same : candidates.emplace_back(Candidate{voice.master, 0, 0});
        candidate.epoch = std::max(candidate.epoch, voice.epoch);
        ++candidate.voices;
    }
    std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate &left, const Candidate &right) {
        return std::tie(left.epoch, left.voices) > std::tie(right.epoch, right.voices);
    });
    return candidates;
}

Voice ask_master(Connection &sentinel, const std::string &master)
{
    sentinel.append({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master});
    sentinel.append({"SENTINEL", "MASTER", master});
    sentinel.flush();
    auto const address = sentinel.read_any();
    auto const fields = sentinel.read_any();
    if (address.is_error())
        throw ReplyError(std::string(address.text()));
    if (address.raw().type == REDIS_REPLY_NIL)
        throw ReplyError("watches no master of the name " + master);
    return {{std::string(address.text(0)), std::string(address.text(1))}, epoch_in(fields)};
}

Sentinels::Sentinels(const Target &target) : master_(target.address.master)
{
    for (auto const &endpoint : target.address.sentinels)
        sentinels_.push_back({sentinel_of(target, endpoint)});
}

std::vector<Candidate> Sentinels::ask()
{
    std::vector<Voice> voices;
    std::string why;
    for (auto &sentinel : sentinels_) {
        try {
            voices.push_back(ask(sentinel));
        } catch (const Error &error) {
            sentinel.connection.reset();
            add(why, complaint(sentinel.target.address, error));
        }
    }
    if (voices.empty())
        throw IoError(why);
    return rank(voices);
}

Voice Sentinels::ask(Sentinel &sentinel) const
{
    if (!sentinel.connection)
        sentinel.connection.emplace(sentinel.target);
    else if (sentinel.connection->is_readable())
        // Nothing is due: the Sentinel has closed it, as when it was started anew.
        sentinel.connection.emplace(sentinel.target);
    return ask_master(*sentinel.connection, master_);
}

Connection connect(const Target &target)
{
    if (target.address.sentinels.empty())
        return Connection(target);
    std::string why;
    auto const candidates = Sentinels(target).ask();
    for (auto const &candidate : candidates) {
        auto const named = describe(candidate.master);
        try {
            Connection connection(target_of(target, candidate.master));
            if (ServerInfo::ask(connection).is_master)
                return connection;
            add(why, named + " is a replica");
        } catch (const Error &error) {
            // Its own kind of failure says what to do about it.
            if (candidates.size() == 1)
                throw;
            add(why, named + ": " + error.what());
        }
    }
    throw IoError("the Sentinels name no master of " + target.address.master + " that can be used: " + why);
}

}  // namespace wc::redis
