#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "process/log.hpp"
#include "process/printable.hpp"
#include "redis/error.hpp"
#include "redis/library.hpp"
#include "redis/refusal.hpp"
#include "redis/removal.hpp"
#include "redis/reply_bounds.hpp"
#include "redis/sample.hpp"
#include "redis/scan_keys.hpp"
#include "redis/sentinel.hpp"
#include "redis/server_info.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

// Its type differs between versions of hiredis.
template <class Number>
void *make_list(const redisReadTask *, Number elements)
{
    require(static_cast<std::size_t>(elements) <= redis::ReplyBounds::kMostElements);
    return const_cast<char *>("list");
}

// hiredis reads, as in Connection, what the bounds have let through, but no list is made in memory.
void check_bounds(std::string_view bytes, std::size_t size)
{
    redisReplyObjectFunctions functions{};
    functions.createArray = make_list;
    std::unique_ptr<redisReader, decltype(&redisReaderFree)> const reader(redisReaderCreateWithFunctions(&functions),
                                                                          redisReaderFree);
    redis::ReplyBounds bounds;
    bounds.begin();
    try {
        while (!bytes.empty()) {
            auto const piece = bytes.substr(0, size);
            bytes.remove_prefix(piece.size());
            bounds.check(piece);
            if (redisReaderFeed(reader.get(), piece.data(), piece.size()) != REDIS_OK)
                return;
            for (void *reply = &reply; reply;) {
                reply = nullptr;
                if (redisReaderGetReply(reader.get(), &reply) != REDIS_OK)
                    return;
                if (reply)
                    bounds.begin();
            }
        }
    } catch (const redis::IoError &) {
        return;
    }
}

// A server that says its piece, whatever it is asked, and closes.
class Reciter : public redis::Transport {
public:
    Reciter(std::string_view bytes, std::size_t size) : bytes_(bytes), size_(size) {}

    void write(std::string_view, redis::Deadline) override {}
    std::size_t read(char *to, std::size_t room, redis::Deadline) override
    {
        if (bytes_.empty())
            throw redis::ClosedError("closed");
        auto const piece = bytes_.substr(0, std::min(size_, room));
        piece.copy(to, piece.size());
        bytes_.remove_prefix(piece.size());
        return piece.size();
    }
    int fd() const override { return -1; }
    bool is_readable() override { return !bytes_.empty(); }
    void hang_up() noexcept override {}

private:
    std::string_view bytes_;
    std::size_t size_;
};

void run(redis::Connection connection, int command)
{
    switch (command % 6) {
        case 0: {
            auto const info = redis::ServerInfo::ask(connection);
            require(info.run_id.find('\n') == std::string::npos && info.history.find('\n') == std::string::npos);
            return;
        }
        case 1: {
            auto const found = connection.run({"SCAN", "0"});
            for (auto const key : redis::scan_keys(found))
                require(key.size() <= redis::ReplyBounds::kMostBytes);
            return;
        }
        case 2: (void)redis::ask_master(connection, "students"); return;
        case 3:
            // It says in the log what it has done.
            log::set_level("error");
            redis::ensure_library(connection);
            return;
        case 4: {
            redis::Stale const stale[] = {{0, app::stale_kinds(cache::kAllSections), "student:7:", "5"},
                                          {0, app::stale_kinds(cache::kAllSections), "student:8:", "5"}};
            auto const removal = redis::remove_stale(connection, stale, "60000", cache::KeyForm::Plain, "5:5:@1");
            require(removal.existed.size() == 2);
            return;
        }
        default: {
            redis::Sample sample(std::move(connection), cache::KeyForm::Plain, 10);
            for (auto const &name : sample.scan("0").names)
                require(!name.student.empty());
            (void)sample.read({"7", cache::Kind::HealthSummary});
        }
    }
}

void check_refusal(std::string_view text)
{
    auto const described = redis::describe_refusal(text);
    require(described.find(", with args beginning with") == std::string::npos);
    require(described.size() <= text.size() + 120);
    (void)redis::refuses_everybody(text);
    auto const login = redis::describe_login_refusal(text, "user");
    require(login.size() < 200);
    // The server may repeat what it was sent.
    require(redis::describe_login_refusal("correct-horse " + std::string(text), "user").find("horse") ==
            std::string::npos);
}

}  // namespace

void check_reply(std::string_view bytes)
{
    check_refusal(bytes);
    if (bytes.size() < 2)
        return;
    auto const command = static_cast<unsigned char>(bytes[0]);
    auto const size = std::size_t{1} + static_cast<unsigned char>(bytes[1]);
    bytes.remove_prefix(2);
    check_bounds(bytes, size);
    auto const is_logging = log::is_on(log::Level::Info);
    try {
        // The first answer is to the name that the connection gives itself.
        run(redis::Connection(redis::Target{}, std::make_unique<Reciter>(bytes, size)), command);
    } catch (const redis::Error &error) {
        // A long answer is cut, and stands in a sentence.
        std::string_view const sentence = error.what();
        require(printable(sentence, sentence.size()) == sentence && sentence.size() < 1200);
    }
    log::set_level(is_logging ? "info" : "error");
}

}  // namespace wc::fuzz
