// A conversation with Redis that was broken off is not taken up again: its answers would be one out.
#include "redis/connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "redis/error.hpp"

namespace wc {
namespace {

/// Says its piece to the first who connects, whatever is asked, and another when it is told to ASK.
class Reciter {
public:
    explicit Reciter(std::string piece, std::string when_asked = {})
        : path_(testing::TempDir() + "wc-reciter-" + std::to_string(getpid()))
    {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path_.copy(name.sun_path, sizeof name.sun_path - 1);
        unlink(path_.c_str());
        bind(listener_, reinterpret_cast<const sockaddr *>(&name), sizeof name);
        listen(listener_, 1);
        thread_ = std::thread([this, piece = std::move(piece), when_asked = std::move(when_asked)] {
            client_ = accept(listener_, nullptr, nullptr);
            (void)!write(client_, piece.data(), piece.size());
            std::string heard;
            char bytes[256];
            while (!when_asked.empty() && heard.find("ASK") == std::string::npos) {
                auto const got = read(client_, bytes, sizeof bytes);
                if (got <= 0)
                    return;
                heard.append(bytes, static_cast<std::size_t>(got));
            }
            (void)!write(client_, when_asked.data(), when_asked.size());
        });
    }
    ~Reciter()
    {
        thread_.join();
        close(client_);
        close(listener_);
        unlink(path_.c_str());
    }
    Reciter(const Reciter &) = delete;
    Reciter &operator=(const Reciter &) = delete;

    redis::Target target() const
    {
        redis::Target target;
        target.address.path = path_;
        target.timeout = std::chrono::milliseconds(100);
        return target;
    }

private:
    std::string path_;
    int listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client_ = -1;
    std::thread thread_;
};

TEST(RedisConnection, GoesOnAfterAnErrorThatWasTheOnlyAnswer)
{
    Reciter const server("+OK\r\n-ERR no\r\n:1\r\n");
    redis::Connection connection(server.target());
    EXPECT_THROW(connection.run({"WRONG"}), redis::ReplyError);
    EXPECT_EQ(connection.run({"RIGHT"}).integer(), 1);
}

TEST(RedisConnection, TakesNoAnswerOfAFailedCallForAnothers)
{
    Reciter const server("+OK\r\n-ERR no\r\n:1\r\n:2\r\n");
    redis::Connection connection(server.target());
    connection.append({"WRONG"});
    connection.append({"RIGHT"});
    connection.flush();
    EXPECT_THROW(connection.read(), redis::ReplyError);
    EXPECT_THROW(connection.run({"NEXT"}), redis::IoError);
}

TEST(RedisConnection, DoesNotWaitForAnAnswerThatIsToBeEnormous)
{
    for (auto const *piece : {"*2147483647\r\n", "$2147483647\r\nabc", "*1\r\n*1\r\n*1000000\r\n:1\r\n"}) {
        Reciter const server("+OK\r\n", piece);
        redis::Connection connection(server.target());
        try {
            connection.run({"ASK"});
            ADD_FAILURE() << piece;
        } catch (const redis::TimeoutError &) {
            ADD_FAILURE() << piece << " was waited for";
        } catch (const redis::IoError &error) {
            EXPECT_NE(std::string(error.what()).find("larger than the worker accepts"), std::string::npos)
                << error.what();
        }
        EXPECT_THROW(connection.append({"NEXT"}), redis::IoError);
    }
}

TEST(RedisConnection, TakesNoAnswerThatCameTooLate)
{
    Reciter const server("+OK\r\n");
    redis::Connection connection(server.target());
    EXPECT_THROW(connection.run({"SLOW"}), redis::TimeoutError);
    EXPECT_THROW(connection.append({"NEXT"}), redis::IoError);
}

}  // namespace
}  // namespace wc
