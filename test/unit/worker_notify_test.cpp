// What systemd is told.
#include "process/notify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "app/service.hpp"

namespace wc {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

/// What systemd would have got, a datagram a text.
class Receiver {
public:
    explicit Receiver(const std::string &name) : name_(name), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0))
    {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::memcpy(at.sun_path, name.data(), name.size());
        if (name.front() == '@')
            at.sun_path[0] = '\0';
        auto const length = offsetof(sockaddr_un, sun_path) + name.size() + (name.front() == '@' ? 0 : 1);
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr *>(&at), static_cast<socklen_t>(length)), 0);
    }
    ~Receiver()
    {
        close(fd_);
        if (name_.front() != '@')
            std::filesystem::remove(name_);
    }
    Receiver(const Receiver &) = delete;

    std::vector<std::string> take() const
    {
        std::vector<std::string> all;
        char buffer[4096];
        for (ssize_t got = 0; (got = recv(fd_, buffer, sizeof buffer, 0)) >= 0;)
            all.emplace_back(buffer, static_cast<std::size_t>(got));
        return all;
    }

private:
    std::string name_;
    int fd_;
};

std::string path() { return std::filesystem::temp_directory_path() / ("wc-notify-" + std::to_string(getpid())); }

TEST(Notify, TellsASocketWithAPathAndOneWithoutADatagramAMessage)
{
    for (auto const &name : {path(), "@wc-notify-" + std::to_string(getpid())}) {
        Receiver const systemd(name);
        Notify const notify(name.c_str(), nullptr, nullptr);
        notify.ready();
        notify.reloading();
        notify.status("idle");
        notify.watchdog();
        notify.stopping();
        EXPECT_THAT(systemd.take(), ElementsAre("READY=1", MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"),
                                                "STATUS=idle", "WATCHDOG=1", "STOPPING=1"))
            << name;
    }
}

TEST(Notify, WhatAServerSaysCannotBecomeAMessage)
{
    Receiver const systemd(path());
    Notify const notify(path().c_str(), nullptr, nullptr);
    notify.status("no redis: x\nMAINPID=1\r\nREADY=1");
    EXPECT_THAT(systemd.take(), ElementsAre("STATUS=no redis: x\\x0aMAINPID=1\\x0d\\x0aREADY=1"));
    notify.status(std::string(100'000, 'x'));
    EXPECT_LE(systemd.take().at(0).size(), 600U);
}

TEST(Notify, NobodyListens)
{
    for (auto const *name : {static_cast<const char *>(nullptr), "", "@", "relative", "/nowhere/at/all"}) {
        Notify const notify(name, "1000", nullptr);
        notify.ready();
        notify.status("idle");
    }
    Notify const too_long(("/" + std::string(200, 'x')).c_str(), "1000", nullptr);
    EXPECT_FALSE(too_long.is_on());
}

TEST(Notify, AsksTheWatchdogTwiceInItsTimeAndOnlyItsOwn)
{
    auto const pid = std::to_string(getpid());
    auto const interval = [](const char *usec, const char *of) {
        return Notify("@wc-none", usec, of).watchdog_interval();
    };
    EXPECT_EQ(interval("30000000", nullptr), microseconds(15'000'000));
    EXPECT_EQ(interval("30000000", pid.c_str()), microseconds(15'000'000));
    EXPECT_EQ(interval("30000000", "1"), std::nullopt);
    for (auto const *none : {static_cast<const char *>(nullptr), "", "0", "-5", "5s"})
        EXPECT_EQ(interval(none, nullptr), std::nullopt);
}

struct ServiceTest : testing::Test {
    Receiver systemd{path()};
    Notify notify{path().c_str(), "10000000", nullptr};
    app::Health health;
    app::Service service{notify, health, seconds(60)};
    Time now = Time{} + std::chrono::hours(1);
};

TEST_F(ServiceTest, TellsTheStateWhenItChanges)
{
    health.tell(State::Idle, {});
    EXPECT_EQ(service.tick(now), now + seconds(1));
    EXPECT_THAT(systemd.take(), ElementsAre("STATUS=idle", "WATCHDOG=1"));
    service.tick(now += seconds(1));
    EXPECT_THAT(systemd.take(), IsEmpty());
    health.tell(State::CatchingUp, "3 rows left");
    service.tick(now += seconds(1));
    EXPECT_THAT(systemd.take(), ElementsAre("STATUS=catching up: 3 rows left"));
    service.stopping();
    service.stopping();
    service.tick(now += seconds(1));
    EXPECT_THAT(systemd.take(), ElementsAre("STOPPING=1", "STATUS=stopping; catching up: 3 rows left"));
}

TEST_F(ServiceTest, FeedsTheWatchdogOnlyWhileTheLoopMoves)
{
    health.expected_by = now;
    service.tick(now += seconds(60));
    EXPECT_THAT(systemd.take(), Contains("WATCHDOG=1")) << "a server may keep it for so long";
    service.tick(now += seconds(5));
    EXPECT_THAT(systemd.take(), Not(Contains("WATCHDOG=1"))) << "it stands still";
    health.expected_by = now;
    service.tick(now += seconds(5));
    EXPECT_THAT(systemd.take(), Contains("WATCHDOG=1"));
}

}  // namespace
}  // namespace wc
