#include "redis/rights.hpp"

#include <algorithm>
#include <array>

#include "core/protocol/library.hpp"
#include "redis/connection.hpp"

namespace wc::redis {
namespace {

// A student that does not exist.  If one had this id, only its pages and its values that are being stored would be
// tried, with commands that find nothing to do.
constexpr std::string_view kNobody = "wc:nobody", kOpaqueNobody = "AAAAAAAAAAAAAAAAAAAAAA";

// No function has this name: Redis looks at the rights on its keys before it looks for it.
constexpr const char *kNoFunction = "wc_nothing";

std::string name_of(Space space, const std::string &stream)
{
    switch (space) {
        case Space::Students: return "~student:*";
        case Space::Shared: return "~wc:*";
        case Space::Stream: return "~" + stream;
        case Space::None: break;
    }
    return {};
}

void add_keyless(std::vector<Trial> &trials, const Uses &uses)
{
    trials.push_back({"+@connection", Space::None, {"PING"}});
    if (uses.database != 0)
        trials.push_back({"+@connection", Space::None, {"SELECT", std::to_string(uses.database)}});
    trials.push_back({"+info", Space::None, {"INFO", "server"}});
    trials.push_back({"+function|list", Space::None, {"FUNCTION", "LIST", "LIBRARYNAME", kNoFunction}});
    trials.push_back({"+function|load", Space::None, {"FUNCTION", "LOAD", "no library"}});
    if (uses.in_cluster) {
        trials.push_back({"+cluster|nodes", Space::None, {"CLUSTER", "NODES"}});
        trials.push_back({"+cluster|keyslot", Space::None, {"CLUSTER", "KEYSLOT", "k"}});
    }
    trials.push_back({"+time", Space::None, {"TIME"}});
    trials.push_back({"+scan", Space::None, {"SCAN", "no cursor"}});
}

void add_students(std::vector<Trial> &trials, const Uses &uses)
{
    auto const prefix = cache::student_prefix(uses.has_opaque_keys ? kOpaqueNobody : kNobody, uses.form);
    auto const summary = prefix + std::string(cache::name(cache::Kind::HealthSummary));
    auto const fence = prefix + std::string(cache::kFence), pages = prefix + std::string(cache::kPages);
    auto const add = [&](const char *rule, std::vector<std::string> words) {
        trials.push_back({rule, Space::Students, std::move(words)});
    };
    add("+fcall", {"FCALL", kNoFunction, "1", prefix});
    add("+get", {"GET", fence});
    add("+mget", {"MGET", summary, fence});
    add("+exists", {"EXISTS", summary});
    add("+pttl", {"PTTL", fence});
    // There is a fence that refuses nothing until it is removed, so that APPEND has a text to which it adds nothing.
    add("+set", {"SET", fence, "0;", "NX", "PX", "1000"});
    add("+append", {"APPEND", fence, ""});
    add("+unlink", {"UNLINK", summary + ":lease"});
    add("+rename", {"RENAME", summary + ":filling", summary});
    add("+pexpire", {"PEXPIRE", pages, "no time"});
    add("+srem", {"SREM", pages, "no page"});
    add("+srandmember", {"SRANDMEMBER", pages});
}

// Of a cluster the names lack the tag of a shard: Redis says that they are elsewhere, after it looked at the rights.
// APPEND and UNLINK have no harmless form for a name that is in use; they are tried with students' keys.
void add_shared(std::vector<Trial> &trials)
{
    std::string const epoch(library::kEpoch), fences(library::kFenceAll), alive(library::kAlive);
    auto const add = [&](const char *rule, std::vector<std::string> words) {
        trials.push_back({rule, Space::Shared, std::move(words)});
    };
    add("+fcall", {"FCALL", kNoFunction, "1", alive});
    add("+get", {"GET", fences});
    add("+mget", {"MGET", epoch, alive});
    add("+exists", {"EXISTS", epoch});
    add("+pttl", {"PTTL", fences});
    add("+set", {"SET", alive, "", "NX", "XX"});
    add("+mset", {"MSET", epoch, "", alive});
    add("+pexpire", {"PEXPIRE", fences, "no time"});
}

// The verdicts on the trials of one rule, or of one kind of keys.
struct Tally {
    int granted = 0, command_refused = 0, key_refused = 0;

    void add(Verdict verdict)
    {
        ++(verdict == Verdict::Granted ? granted : (verdict == Verdict::KeyRefused ? key_refused : command_refused));
    }
    bool is_refused() const { return command_refused + key_refused > 0; }
    bool is_granted() const { return granted > 0; }
};

class Findings {
public:
    Findings(std::span<const Trial> trials, std::span<const Verdict> verdicts) : trials_(trials), verdicts_(verdicts) {}

    template <class Choose>
    Tally of(Choose choose) const
    {
        Tally tally;
        for (std::size_t i = 0; i < trials_.size(); ++i)
            if (choose(trials_[i]))
                tally.add(verdicts_[i]);
        return tally;
    }
    Tally in(Space space) const
    {
        return of([&](auto &trial) { return trial.space == space; });
    }
    Tally of_rule(const std::string &rule, Space space) const
    {
        return of([&](auto &trial) { return trial.rule == rule && trial.space == space; });
    }

    /// Whether the user may not give the command at all.  Where another rule allows it for other keys, as that of the
    /// stream allows FCALL, Redis says that the keys are refused; but then the user may write them.
    bool lacks_command(const std::string &rule) const
    {
        auto const of_students = of_rule(rule, Space::Students), shared = of_rule(rule, Space::Shared);
        auto const is_for_others_alone = [](const Tally &tally) { return tally.is_refused() && !tally.is_granted(); };
        return of_rule(rule, Space::None).is_refused() || of_students.command_refused + shared.command_refused > 0 ||
               (is_for_others_alone(of_students) && is_for_others_alone(shared) && may_write(Space::Students) &&
                may_write(Space::Shared));
    }
    bool may_write(Space space) const { return of_rule("+set", space).is_granted(); }
    /// Whether the user may use these keys, with some command.
    bool reaches(Space space) const { return in(space).is_granted(); }

    /// The rules that are missing for these keys alone, with spaces between.
    std::string apart(std::span<const std::string> rules, Space space) const
    {
        std::string text;
        for (auto const &rule : rules)
            if (of_rule(rule, space).is_refused() && (space == Space::Stream || !lacks_command(rule)))
                text += rule + " ";
        return text;
    }

private:
    std::span<const Trial> trials_;
    std::span<const Verdict> verdicts_;
};

std::vector<std::string> rules_of(std::span<const Trial> trials)
{
    std::vector<std::string> rules;
    for (auto const &trial : trials)
        if (std::find(rules.begin(), rules.end(), trial.rule) == rules.end())
            rules.push_back(trial.rule);
    return rules;
}

// Since 7.2 Redis says the same in other words, and names the user.
Verdict judge(const Reply &answer)
{
    if (!answer.is_error() || !answer.text().starts_with("NOPERM"))
        return Verdict::Granted;
    return answer.text().find("permissions to run the") != std::string_view::npos ? Verdict::CommandRefused
                                                                                  : Verdict::KeyRefused;
}

void append(Connection &connection, const std::vector<std::string> &words)
{
    std::vector<std::string_view> const views(words.begin(), words.end());
    connection.append(views);
}

}  // namespace

std::vector<Trial> trials_of(const Uses &uses)
{
    std::vector<Trial> trials;
    add_keyless(trials, uses);
    add_students(trials, uses);
    add_shared(trials);
    if (!uses.stream.empty()) {
        trials.push_back({"+fcall", Space::Stream, {"FCALL", kNoFunction, "1", uses.stream}});
        // No entry has this id.
        trials.push_back({"+xadd", Space::Stream, {"XADD", uses.stream, "0-0", "f", "v"}});
    }
    return trials;
}

std::vector<std::string> missing_rules(std::span<const Trial> trials, std::span<const Verdict> verdicts,
                                       const std::string &stream)
{
    Findings const found(trials, verdicts);
    auto const rules = rules_of(trials);
    std::vector<std::string> missing;
    for (auto const &rule : rules)
        if (found.lacks_command(rule))
            missing.push_back(rule);
    for (auto const space : {Space::Students, Space::Shared})
        if (!found.reaches(space) && found.in(space).key_refused > 0)
            missing.push_back(name_of(space, stream));
    for (auto const space : {Space::Students, Space::Shared, Space::Stream})
        if (space == Space::Stream || found.reaches(space))
            if (auto const apart = found.apart(rules, space); !apart.empty())
                missing.push_back("(" + apart + name_of(space, stream) + ")");
    return missing;
}

std::vector<std::string> missing_rules(Connection &connection, const Uses &uses)
{
    auto const trials = trials_of(uses);
    for (auto const &trial : trials)
        append(connection, trial.words);
    connection.flush();
    std::vector<Verdict> verdicts;
    std::string made;  // the fence, if it is there because of the trials
    for (auto const &trial : trials) {
        auto const answer = connection.read_any();
        verdicts.push_back(judge(answer));
        auto const &command = trial.words.front();
        auto const type = answer.raw().type;
        // Where SET is refused, APPEND has made an empty text.
        if ((command == "SET" && type == REDIS_REPLY_STATUS) ||
            (command == "APPEND" && type == REDIS_REPLY_INTEGER && answer.integer() == 0))
            made = trial.words[1];
    }
    if (!made.empty()) {
        append(connection, {"UNLINK", made});
        connection.flush();
        connection.read_any();
    }
    return missing_rules(trials, verdicts, uses.stream);
}

std::string join(const std::vector<std::string> &rules)
{
    std::string text;
    for (auto const &rule : rules)
        text.append(text.empty() ? "" : " ").append(rule);
    return text;
}

bool is_missing_right(std::string_view answer) noexcept
{
    constexpr std::array<std::string_view, 2> kInFunctions{"ACL failure in script", "The user executing the script"};
    return answer.starts_with("NOPERM") || std::any_of(kInFunctions.begin(), kInFunctions.end(), [&](auto words) {
               return answer.find(words) != std::string_view::npos;
           });
}

}  // namespace wc::redis
