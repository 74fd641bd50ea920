// Clients that mean no good, or only have a bad line.
#include "http/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "http/message.hpp"
#include "http/routes.hpp"

namespace wc {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// Longer than anything here takes: who waits for so long is not answered.
constexpr int kPatience = 20'000;

class Client {
public:
    explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(static_cast<std::uint16_t>(port));
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        is_connected = connect(fd_, reinterpret_cast<sockaddr *>(&at), sizeof at) == 0;
    }
    ~Client() { close(fd_); }
    Client(const Client &) = delete;

    bool send(std::string_view bytes) const
    {
        return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }
    void finish() const { shutdown(fd_, SHUT_WR); }
    /// All that arrives until the server ends it; what it has got after kPatience otherwise, and a failure.
    std::string read() const
    {
        std::string text;
        char buffer[65536];
        for (;;) {
            if (!waits_for(POLLIN)) {
                ADD_FAILURE() << "no answer: " << std::strerror(errno);
                return text;
            }
            auto const got = recv(fd_, buffer, sizeof buffer, 0);
            if (got <= 0)
                return text;
            text.append(buffer, static_cast<std::size_t>(got));
        }
    }
    /// Waits until the server has closed it.  One that was answered has had its end before, and gets an error when it
    /// sends what nobody reads any more.
    bool is_closed_soon() const
    {
        return is_ended() ? !send("x") || waits_for(POLLERR) : waits_for(POLLIN) && is_ended();
    }
    bool has_error() const
    {
        pollfd now{fd_, 0, 0};
        return poll(&now, 1, 0) > 0;
    }
    /// Without waiting, whatever has arrived before: the server has ended it.
    bool is_ended() const
    {
        char buffer[4096];
        for (;;) {
            auto const got = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
            if (got <= 0)
                return got == 0 || errno != EAGAIN;
        }
    }

    bool is_connected = false;

private:
    // False, with errno: kPatience went by, or it cannot wait.  Whoever is stopped and continued begins once more.
    bool waits_for(short event) const
    {
        for (;;) {
            pollfd waiting{fd_, event, 0};
            errno = ETIMEDOUT;
            int const found = poll(&waiting, 1, kPatience);
            if (found > 0)
                return true;
            if (found == 0 || errno != EINTR)
                return false;
        }
    }

    int fd_;
};

std::ptrdiff_t open_descriptors()
{
    std::filesystem::directory_iterator const all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

struct HttpServerTest : testing::Test {
    app::Health health;
    metrics::Metrics metrics;
    config::Live live{config::Config{}};
    app::Board board;
    http::Routes routes{health, metrics, live, board};

    static std::string get(const http::Server &server, const std::string &path)
    {
        Client const client(server.port());
        client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        return client.read();
    }
    http::Server server(http::Limits limits = {})
    {
        return {"127.0.0.1", 0, [this](auto const &request) { return routes.answer(request); }, limits};
    }
};

TEST_F(HttpServerTest, AnswersWhatItKnows)
{
    auto const server = this->server();
    EXPECT_THAT(get(server, "/healthz"), AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"), EndsWith("}\n")));
    health.tell(State::Off, {});
    EXPECT_THAT(get(server, "/healthz?verbose"), StartsWith("HTTP/1.1 200 OK\r\n"));
    auto const text = get(server, "/metrics");
    EXPECT_THAT(text, HasSubstr("\nwc_worker_drained_rows_total 0\n"));
    auto const body = text.substr(text.find("\r\n\r\n") + 4);
    EXPECT_THAT(text, HasSubstr("Content-Length: " + std::to_string(body.size()) + "\r\n"));
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequest)
{
    struct {
        std::string bytes;
        int status;
    } const cases[] = {
        {"GET /nowhere HTTP/1.1\r\n\r\n", 404},
        {"GET /healthz/../metrics HTTP/1.1\r\n\r\n", 404},
        {"POST /metrics HTTP/1.1\r\n\r\nx=1", 405},
        {"DELETE /healthz HTTP/1.0\n\n", 405},
        {"\r\n\r\n", 400},
        {"GET\r\n\r\n", 400},
        {"GET /metrics\r\n\r\n", 400},
        {"GET  HTTP/1.1\r\n\r\n", 400},
        {"GET /a b HTTP/1.1\r\n\r\n", 400},
        {"GET /metrics HTTP/2.0\r\n\r\n", 400},
        {std::string(300, '\0') + "\n\n", 400},
        {"GET http://x/metrics HTTP/1.1\r\n\r\n", 400},
        {std::string(9000, 'x'), 431},
        {"GET /" + std::string(100'000, 'y'), 431},
    };
    auto const server = this->server();
    for (auto const &one : cases) {
        Client const client(server.port());
        EXPECT_TRUE(client.send(one.bytes));
        client.finish();
        EXPECT_THAT(client.read(), StartsWith("HTTP/1.1 " + std::to_string(one.status) + " "))
            << testing::PrintToString(one.bytes.substr(0, 40));
    }
}

TEST_F(HttpServerTest, AHeadIsThatOfGetWithoutABody)
{
    auto const server = this->server();
    Client const client(server.port());
    client.send("HEAD /metrics HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client.read(), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, ARequestMayArriveInPieces)
{
    auto const server = this->server();
    std::string const request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    Client const client(server.port());
    for (char const byte : request)
        ASSERT_TRUE(client.send({&byte, 1}));
    EXPECT_THAT(client.read(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, NobodyCanTakeThePlaceOfAHealthCheck)
{
    http::Limits const limits{24, milliseconds(3'600'000)};
    auto const server = this->server(limits);
    std::vector<std::unique_ptr<Client>> slow;
    auto const before = open_descriptors();
    for (int round = 0; round < 100; ++round) {
        Client const check(server.port());
        // One that says nothing, one that never ends its request, one that does not read what it asked for.
        for (std::string_view const words : {"", "GET /metrics HTTP/1.1\r\nX: ", "GET /metrics HTTP/1.1\r\n\r\n"}) {
            slow.push_back(std::make_unique<Client>(server.port()));
            ASSERT_TRUE(slow.back()->is_connected);
            slow.back()->send(words);
        }
        for (auto const &client : slow)
            client->send("x");
        // Who takes a moment to ask is still there: it is the first comers whose places are taken.
        ASSERT_TRUE(check.send("GET /healthz HTTP/1.1\r\n\r\n"));
        ASSERT_THAT(check.read(), StartsWith("HTTP/1.1 503 "));
        ASSERT_THAT(get(server, "/metrics"), StartsWith("HTTP/1.1 200 "));
    }
    EXPECT_LE(open_descriptors() - before - std::ssize(slow), 24) << "a bound on connections";
}

TEST_F(HttpServerTest, WhoHasHisAnswerGivesWayFirstAndThenWhoCameFirst)
{
    constexpr std::string_view kAsks = "GET /healthz HTTP/1.1\r\n\r\n", kBegins = "GET ";
    struct {
        std::vector<std::string_view> words;
        std::size_t gone;
    } const cases[] = {
        {{"", "", kBegins, ""}, 0},       {{kBegins, "", "", kBegins}, 0}, {{kAsks, kAsks, kAsks, kAsks}, 0},
        {{"", kBegins, kAsks, kAsks}, 2}, {{"", kAsks, kBegins, ""}, 1},
    };
    for (auto const &one : cases) {
        auto const server = this->server({one.words.size(), milliseconds(3'600'000)});
        std::vector<std::unique_ptr<Client>> clients;
        for (auto const words : one.words) {
            clients.push_back(std::make_unique<Client>(server.port()));
            ASSERT_TRUE(clients.back()->send(words));
            if (words == kAsks) {
                ASSERT_THAT(clients.back()->read(), StartsWith("HTTP/1.1 503 "));
            }
        }
        ASSERT_THAT(get(server, "/healthz"), StartsWith("HTTP/1.1 503 "));
        EXPECT_TRUE(clients[one.gone]->is_closed_soon()) << one.gone;
        for (std::size_t i = 0; i < clients.size(); ++i) {
            if (i == one.gone)
                continue;
            EXPECT_EQ(clients[i]->is_ended(), one.words[i] == kAsks) << i;
            EXPECT_TRUE(clients[i]->send("x") && !clients[i]->has_error()) << i;
        }
    }
}

TEST_F(HttpServerTest, AClientThatDripsIsOverAtTheDeadline)
{
    auto const server = this->server({24, milliseconds(300)});
    Client const dripping(server.port());
    std::string_view const request = "GET /metrics HTTP/1.1\r\nX: ";
    auto const began = std::chrono::steady_clock::now();
    dripping.send(request);
    while (!dripping.is_ended() && std::chrono::steady_clock::now() - began < milliseconds(kPatience)) {
        dripping.send("y");
        pollfd waiting{-1, 0, 0};
        poll(&waiting, 1, 10);
    }
    EXPECT_TRUE(dripping.is_ended());
    EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(300));
    Client const silent(server.port());
    EXPECT_EQ(silent.read(), "") << "who has asked for nothing is told nothing";
    Client const half(server.port());
    half.send(request);
    EXPECT_THAT(half.read(), StartsWith("HTTP/1.1 408 "));
}

TEST(HttpMessage, TheHeadEndsAtTheFirstEmptyLine)
{
    EXPECT_EQ(http::end_of_head("GET / HTTP/1.1\r\n\r\nbody"), 18U);
    EXPECT_EQ(http::end_of_head("GET / HTTP/1.1\n\nbody\n\n"), 16U);
    EXPECT_EQ(http::end_of_head("GET / HTTP/1.1\r\nA: b\r\n"), std::string_view::npos);
    EXPECT_EQ(http::end_of_head(""), std::string_view::npos);
}

}  // namespace
}  // namespace wc
