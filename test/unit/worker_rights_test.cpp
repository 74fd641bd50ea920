#include "redis/rights.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/refusal.hpp"

namespace wc::redis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Judges each trial as Redis does for a user who lacks what `refused` says.
template <class Judge>
std::vector<std::string> named(const Uses &uses, Judge judge)
{
    auto const trials = trials_of(uses);
    std::vector<Verdict> verdicts;
    for (auto const &trial : trials)
        verdicts.push_back(judge(trial));
    return missing_rules(trials, verdicts, uses.stream);
}

Uses with_stream()
{
    Uses uses;
    uses.stream = "s";
    return uses;
}

TEST(RedisRights, NamesWhatIsMissingAndNothingElse)
{
    EXPECT_THAT(named(with_stream(), [](auto &) { return Verdict::Granted; }), IsEmpty());
    auto const without_get = [](auto &trial) {
        return trial.rule == "+get" ? Verdict::CommandRefused : Verdict::Granted;
    };
    EXPECT_THAT(named({}, without_get), ElementsAre("+get"));
    auto const without_students = [](auto &trial) {
        return trial.space == Space::Students ? Verdict::KeyRefused : Verdict::Granted;
    };
    EXPECT_THAT(named({}, without_students), ElementsAre("~student:*"));
    auto const without_both = [](auto &trial) {
        return trial.rule == "+set" ? Verdict::CommandRefused
                                    : (trial.space == Space::Shared ? Verdict::KeyRefused : Verdict::Granted);
    };
    EXPECT_THAT(named({}, without_both), ElementsAre("+set", "~wc:*"));
}

TEST(RedisRights, ACommandForTheStreamAloneIsMissingForAllOtherKeys)
{
    // As Redis says it: the rule of the stream allows FCALL, and not these keys.
    auto const without_fcall = [](auto &trial) {
        return trial.rule == "+fcall" && trial.space != Space::Stream ? Verdict::KeyRefused : Verdict::Granted;
    };
    EXPECT_THAT(named(with_stream(), without_fcall), ElementsAre("+fcall"));
    EXPECT_THAT(named({}, without_fcall), ElementsAre("+fcall"));
    // Who may only read these keys has the command.
    auto const reads = [](auto &trial) {
        return trial.rule == "+fcall" || trial.rule == "+set" ? Verdict::KeyRefused : Verdict::Granted;
    };
    EXPECT_THAT(named({}, reads), ElementsAre("(+fcall +set ~student:*)", "(+fcall +set ~wc:*)"));
    auto const without_the_stream = [](auto &trial) {
        return trial.space != Space::Stream ? Verdict::Granted
                                            : (trial.rule == "+fcall" ? Verdict::KeyRefused : Verdict::CommandRefused);
    };
    EXPECT_THAT(named(with_stream(), without_the_stream), ElementsAre("(+fcall +xadd ~s)"));
}

TEST(RedisRights, WhatIsRefusedForSomeKeysIsNamedWithThem)
{
    auto const judge = [](auto &trial) {
        return trial.space == Space::Students && (trial.rule == "+set" || trial.rule == "+srem") ? Verdict::KeyRefused
                                                                                                 : Verdict::Granted;
    };
    EXPECT_THAT(named({}, judge), ElementsAre("(+set +srem ~student:*)"));
}

TEST(RedisRights, TriesWhatTheSettingsNeed)
{
    auto const has = [](const Uses &uses, std::string_view word) {
        for (auto const &trial : trials_of(uses))
            for (auto const &one : trial.words)
                if (one.find(word) != std::string::npos)
                    return true;
        return false;
    };
    Uses in_cluster;
    in_cluster.in_cluster = true;
    in_cluster.form = cache::KeyForm::HashTag;
    Uses elsewhere;
    elsewhere.database = 3;
    elsewhere.has_opaque_keys = true;
    EXPECT_TRUE(has(in_cluster, "KEYSLOT") && has(in_cluster, "student:{wc:nobody}:fence"));
    EXPECT_TRUE(has(elsewhere, "SELECT") && has(elsewhere, "student:AAAAAAAAAAAAAAAAAAAAAA:fence"));
    EXPECT_FALSE(has({}, "KEYSLOT") || has({}, "SELECT") || has({}, "XADD") || !has({}, "student:wc:nobody:fence"));
}

TEST(RedisRights, ARefusalNamesTheRules)
{
    EXPECT_EQ(describe_refusal("NOPERM this user has no permissions to run the 'get' command", "+get ~wc:*"),
              "NOPERM this user has no permissions to run the 'get' command: the user lacks +get ~wc:*, which "
              "config/users.acl gives to wc_worker");
    EXPECT_EQ(describe_refusal("NOPERM no", ""), describe_refusal("NOPERM no"));
    EXPECT_TRUE(is_missing_right("ERR ACL failure in script: x") && is_missing_right("NOPERM x"));
    EXPECT_FALSE(is_missing_right("NOAUTH Authentication required.") || is_missing_right("WRONGPASS NOPERM"));
}

}  // namespace
}  // namespace wc::redis
