#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "config/datagram_address.hpp"
#include "config/header_list.hpp"
#include "config/setting.hpp"
#include "config/webhook_key.hpp"
#include "destinations/dogstatsd.hpp"
#include "destinations/failed_calls.hpp"
#include "destinations/otlp.hpp"
#include "destinations/otlp_body.hpp"
#include "destinations/sender.hpp"
#include "destinations/sentry.hpp"
#include "destinations/slow_call_list.hpp"
#include "destinations/webhook.hpp"

namespace wc {
namespace {

using namespace destinations;
using metrics::Destination;
using metrics::Family;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Lines = std::vector<std::string>;

TEST(Base64, IsThatOfTheStandard)
{
    // RFC 4648, section 10.
    for (auto const &[bytes, text] : {std::pair{"", ""},
                                      {"f", "Zg=="},
                                      {"fo", "Zm8="},
                                      {"foo", "Zm9v"},
                                      {"foob", "Zm9vYg=="},
                                      {"fooba", "Zm9vYmE="},
                                      {"foobar", "Zm9vYmFy"}}) {
        EXPECT_EQ(to_base64(bytes), text);
        EXPECT_EQ(from_base64(text), bytes);
    }
    EXPECT_EQ(to_base64("\xff\xfe\xfd"), "//79");
    EXPECT_EQ(from_base64("no base64!"), "");
}

TEST(WebhookSignature, IsThatOfStandardWebhooks)
{
    auto const key = config::webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    ASSERT_TRUE(key);
    EXPECT_EQ(webhook_signature(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    EXPECT_FALSE(config::webhook_key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    EXPECT_FALSE(config::webhook_key("whsec_c2hvcnQ="));
}

TEST(HeaderList, IsDecoded)
{
    EXPECT_EQ(config::header_lines("api-key=a=b , x-team = school%20health,"),
              (Lines{"api-key: a=b", "x-team: school health"}));
    EXPECT_EQ(config::header_lines(""), Lines());
    EXPECT_EQ(config::header_lines("a=100%"), (Lines{"a: 100%"}));
    for (auto const *wrong : {"a", "=b", "a=", "a b=c", "a=b%0aX: y", "a=b%0D"})
        EXPECT_FALSE(config::header_lines(wrong)) << wrong;
}

TEST(HiddenUrls, KeepTheirHostAlone)
{
    EXPECT_EQ(config::origin_of("https://u:p@host:1/token?x=y@z"), "https://host:1");
    EXPECT_EQ(config::origin_of("https://host?token@x"), "https://host");
    EXPECT_EQ(config::origin_of("nonsense"), "***");
    auto const &url = *config::find_setting("webhook.url");
    EXPECT_EQ(config::masked(url, "http://host:4318"), "http://host:4318");
    EXPECT_EQ(config::masked(url, "http://u@host/"), "http://host/***");
    EXPECT_EQ(config::masked(url, ""), "");
}

TEST(SlowCalls, AreToldOnce)
{
    SlowCallList list;
    EXPECT_THAT(list.add("not known"), IsEmpty());
    EXPECT_THAT(list.add(R"([{"a":1}])"), IsEmpty()) << "nobody knows who was told of these";
    EXPECT_THAT(list.add(R"([{"a":1},{"a":2},{"a":1}])"), ElementsAre(R"({"a":2})", R"({"a":1})"));
    EXPECT_THAT(list.add(R"([{"a":3},{"a":1},{"a":2}])"), ElementsAre(R"({"a":3})")) << "the oldest has left the list";
}

TEST(OtlpAnswer, SaysWhatWasRejected)
{
    EXPECT_EQ(read_otlp_answer("{}", kRejectedSpans, {}).why, "");
    EXPECT_EQ(read_otlp_answer("<html>", kRejectedSpans, {}).rejected, 0);
    EXPECT_EQ(read_otlp_answer(R"({"partialSuccess":{}})", kRejectedSpans, {}).why, "");
    EXPECT_EQ(read_otlp_answer(R"({"partialSuccess":{"rejectedSpans":"3"}})", kRejectedSpans, {}).rejected, 3);
    EXPECT_EQ(read_otlp_answer(R"({"partialSuccess":{"rejectedSpans":4}})", kRejectedSpans, {}).rejected, 4);
    auto const warned = read_otlp_answer(R"({"partialSuccess":{"errorMessage":"soon\nnot"}})", kRejectedSpans, {});
    EXPECT_EQ(warned.rejected, 0);
    EXPECT_THAT(warned.why, HasSubstr("soon\\x0anot"));
}

TEST(OtlpAnswer, ShowsNoPartOfASecretThatIsRepeated)
{
    std::string const secret = "Zq7-0123456789-Zq7";
    // Also where the text is cut.
    for (std::size_t before = 0; before < 220; ++before) {
        for (auto const &repeated : {"Bearer " + secret, secret}) {
            auto const body = R"({"partialSuccess":{"errorMessage":")" + std::string(before, '.') + repeated + R"("}})";
            auto const answer = read_otlp_answer(body, kRejectedSpans, {"Authorization: Bearer " + secret});
            EXPECT_THAT(answer.why, Not(HasSubstr("Zq7"))) << before;
        }
    }
}

// ---- metrics as differences ----

Family calls(double value, bool since_start = true)
{
    metrics::Sample sample;
    sample.labels = {{"kind", "a"}};
    sample.value = value;
    return {"calls_total", "calls", Family::Kind::Counter, since_start, {sample}};
}

nlohmann::json points(OtlpMetrics &metrics, const Family &family, std::int64_t now)
{
    auto const request = nlohmann::json::parse(metrics.request({family}, now));
    auto const &list = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    return list.empty() ? nlohmann::json::array() : list[0]["sum"]["dataPoints"];
}

TEST(OtlpDelta, TellsWhatCameSinceTheRequestBefore)
{
    OtlpMetrics metrics({}, true, 100);
    auto point = points(metrics, calls(5), 200)[0];
    EXPECT_EQ(point["asDouble"], 5);
    EXPECT_EQ(point["startTimeUnixNano"], "100");
    point = points(metrics, calls(7), 300)[0];
    EXPECT_EQ(point["asDouble"], 2);
    EXPECT_EQ(point["startTimeUnixNano"], "200");
}

TEST(OtlpDelta, KnowsNothingOfWhatAnotherServerCountedBefore)
{
    OtlpMetrics metrics({}, true, 100);
    EXPECT_THAT(points(metrics, calls(5, false), 200), IsEmpty());
    EXPECT_EQ(points(metrics, calls(8, false), 300)[0]["asDouble"], 3);
    EXPECT_EQ(points(metrics, calls(2, false), 400)[0]["asDouble"], 2) << "it counts from zero again";
}

// ---- DogStatsD ----

TEST(DogStatsdLines, AreDifferencesAndPercentiles)
{
    metrics::Sample times;
    times.labels = {{"function", "a|b"}};
    times.bounds = {1, 2};
    times.below = {50, 50, 0};
    times.count = 100;
    times.sum = 120;
    Family const histogram{"seconds", "", Family::Kind::Histogram, true, {times}};
    metrics::Sample level;
    level.value = 2.5;
    Family const gauge{"level", "", Family::Kind::Gauge, true, {level}};
    DogStatsdLines lines("env:x");
    EXPECT_EQ(lines.of({calls(5), histogram, gauge}),
              "calls_total:5|c|#env:x,kind:a\n"
              "seconds.count:100|c|#env:x,function:a_b\nseconds.sum:120|c|#env:x,function:a_b\n"
              "seconds.p50:1|g|#env:x,function:a_b\nseconds.p95:1.9|g|#env:x,function:a_b\n"
              "seconds.p99:1.98|g|#env:x,function:a_b\nlevel:2.5|g|#env:x");
    EXPECT_EQ(lines.of({calls(7), histogram}), "calls_total:2|c|#env:x,kind:a") << "nothing came";
}

TEST(DogStatsdPackets, HoldWholeLines)
{
    EXPECT_THAT(packets_of("aa\nbb\ncc", 5), ElementsAre("aa\nbb", "cc"));
    EXPECT_THAT(packets_of("aa\nbb\ncc", 6), ElementsAre("aa\nbb", "cc"));
    EXPECT_THAT(packets_of("long line\nb", 4), ElementsAre("long line", "b"));
    EXPECT_THAT(packets_of("", 4), IsEmpty());
}

TEST(DatagramAddress, IsOfUdpOrOfASocket)
{
    auto const read = [](const char *url) {
        auto const found = config::parse_datagram_address(url);
        return found ? found->path + found->host + " " + found->port : "wrong";
    };
    EXPECT_EQ(read("udp://agent"), "agent 8125");
    EXPECT_EQ(read("udp://10.0.0.1:1"), "10.0.0.1 1");
    EXPECT_EQ(read("udp://[::1]:99"), "::1 99");
    EXPECT_EQ(read("udp://[::1]"), "::1 8125");
    EXPECT_EQ(read("unix:///run/a"), "/run/a ");
    for (auto const *url :
         {"udp://", "udp://:1", "udp://a:0", "udp://a:x", "udp://[::1", "unix://a", "http://a", "agent"})
        EXPECT_EQ(read(url), "wrong") << url;
}

// ---- Sentry ----

TEST(SentryDsn, NamesTheAddressOfEnvelopes)
{
    auto const dsn = config::parse_sentry_dsn("https://key:secret@host:1/path/42");
    ASSERT_TRUE(dsn);
    EXPECT_EQ(dsn->url, "https://host:1/path/api/42/envelope/");
    EXPECT_EQ(dsn->key, "key");
    EXPECT_EQ(config::parse_sentry_dsn("http://k@h/1")->url, "http://h/api/1/envelope/");
    for (auto const *wrong :
         {"", "https://host/1", "https://k@host", "https://k@host/", "https://@host/1", "ftp://k@h/1"})
        EXPECT_FALSE(config::parse_sentry_dsn(wrong)) << wrong;
}

TEST(SentryRateLimits, ConcernErrorsOrAll)
{
    using std::chrono::seconds;
    EXPECT_EQ(sentry_pause(""), seconds(0));
    EXPECT_EQ(sentry_pause("60::organization"), seconds(60));
    EXPECT_EQ(sentry_pause("60:transaction:key, 30:default;error:organization"), seconds(30));
    EXPECT_EQ(sentry_pause("60:transaction:key"), seconds(0));
    EXPECT_EQ(sentry_pause("soon:error"), seconds(0));
}

TEST(FailedCalls, AreThoseSinceTheLastLook)
{
    FailedCallCounts counts;
    EXPECT_THAT(counts.add(R"([{"function":"f","errorsByClass":{"22":3}}])"), IsEmpty());
    auto const fresh = counts.add(R"([{"function":"f","errorsByClass":{"22":5,"57":1}}])");
    ASSERT_EQ(fresh.size(), 2u);
    EXPECT_EQ(fresh[0].error_class + " " + std::to_string(fresh[0].count), "22 2");
    EXPECT_EQ(fresh[1].error_class + " " + std::to_string(fresh[1].count), "57 1");
    EXPECT_THAT(counts.add(R"([{"function":"f","errorsByClass":{"22":5,"57":1}}])"), IsEmpty());
    EXPECT_EQ(counts.add(R"([{"function":"f","errorsByClass":{"22":1}}])").size(), 1u) << "counted from zero again";
}

// ---- the sender, with a receiver that a test holds in its hand ----

struct Script {
    std::mutex mutex;
    std::vector<std::string> received;
    std::vector<Delivery> answers;  ///< the first ones; then all are taken
    std::promise<void> entered;
    std::shared_future<void> hold;  ///< the first call waits for it
};

class Scripted : public Receiver {
public:
    explicit Scripted(Script &script) : script_(script) {}
    Delivery deliver(const Message &message) override
    {
        std::size_t at = 0;
        {
            std::lock_guard const lock(script_.mutex);
            at = script_.received.size();
            script_.received.push_back(message.body);
        }
        if (at == 0 && script_.hold.valid()) {
            script_.entered.set_value();
            script_.hold.wait();
        }
        return at < script_.answers.size() ? script_.answers[at] : Delivery{};
    }
    void stop_at(Time) override {}

private:
    Script &script_;
};

using Result = Delivery::Result;

void run(Script &script, metrics::Metrics &metrics, std::size_t limit, const std::vector<std::string> &bodies)
{
    std::promise<void> go;
    script.hold = go.get_future().share();
    Sender sender(Destination::Webhook, std::make_unique<Scripted>(script),
                  {limit, std::chrono::milliseconds(1), std::chrono::milliseconds(1)}, metrics);
    sender.send({"", bodies[0]});
    script.entered.get_future().wait();
    for (std::size_t i = 1; i < bodies.size(); ++i)
        sender.send({"", bodies[i]});
    sender.finish(std::chrono::steady_clock::now() + std::chrono::minutes(1));
    go.set_value();
}

TEST(Sender, KeepsTheOrderAndSendsAllBeforeItEnds)
{
    Script script;
    metrics::Metrics metrics;
    script.answers = {{Result::Busy, "busy"}, {Result::Busy, "busy"}};
    run(script, metrics, 10, {"a", "b", "c"});
    EXPECT_THAT(script.received, ElementsAre("a", "a", "a", "b", "c"));
    EXPECT_THAT(metrics.text(), HasSubstr("wc_export_retries_total{destination=\"webhook\"} 2"));
    EXPECT_THAT(metrics.text(), HasSubstr("wc_export_sent_total{destination=\"webhook\"} 3"));
}

TEST(Sender, DropsTheOldestOfAFullQueue)
{
    Script script;
    metrics::Metrics metrics;
    script.answers = {{Result::Busy, "busy"}};
    run(script, metrics, 2, {"a", "b", "c", "d"});
    EXPECT_THAT(script.received, ElementsAre("a", "c", "d")) << "a is the oldest when it comes back";
    EXPECT_THAT(metrics.text(), HasSubstr("wc_export_lost_total{destination=\"webhook\",reason=\"full\"} 2"));
}

TEST(Sender, GivesUpWhatIsUselessOrRefusedOften)
{
    Script script;
    metrics::Metrics metrics;
    script.answers = {{Result::Useless, "no"}, {Result::Refused, "no"}, {Result::Refused, "no"},
                      {Result::Refused, "no"}, {Result::Refused, "no"}, {Result::Refused, "no"}};
    run(script, metrics, 10, {"a", "b", "c"});
    EXPECT_THAT(script.received, ElementsAre("a", "b", "b", "b", "b", "b", "c"));
    EXPECT_THAT(metrics.text(), HasSubstr("wc_export_lost_total{destination=\"webhook\",reason=\"refused\"} 2"));
    EXPECT_THAT(metrics.text(), HasSubstr("wc_export_retries_total{destination=\"webhook\"} 4"))
        << "the last was not sent again";
}

TEST(Sender, SendsNothingToAReceiverThatIsGone)
{
    Script script;
    metrics::Metrics metrics;
    script.answers = {{Result::Gone, "gone"}};
    run(script, metrics, 10, {"a", "b", "c"});
    EXPECT_THAT(script.received, ElementsAre("a"));
    EXPECT_THAT(metrics.text(), HasSubstr("wc_export_lost_total{destination=\"webhook\",reason=\"stopped\"} 3"));
}

}  // namespace
}  // namespace wc
