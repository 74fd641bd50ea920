// Commands to Redis and their replies, many to a round trip.
#pragma once
#include <hiredis/hiredis.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/target.hpp"
#include "redis/transport.hpp"

namespace wc::redis {

/// One reply.  Readers throw ReplyError when it is of another type.
class Reply {
public:
    explicit Reply(redisReply *reply) : reply_(reply) {}

    bool is_error() const { return reply_->type == REDIS_REPLY_ERROR; }
    std::string_view text() const;  ///< of strings, statuses and errors
    long long integer() const;
    long long integer(std::size_t at) const;
    std::size_t size() const;  ///< of arrays
    /// An element of an array; belongs to this reply.
    std::string_view text(std::size_t at) const;
    bool is_nil(std::size_t at) const;
    const redisReply &raw() const { return *reply_; }

private:
    struct Free {
        void operator()(redisReply *reply) const { freeReplyObject(reply); }
    };
    std::unique_ptr<redisReply, Free> reply_;
};

/// For one thread.  After an IoError, or a ReplyError with others still to be read, it is of no use any more: `append`
/// throws, so that what was meant for an earlier call cannot pass for an answer, least of all for an acknowledgement.
class Connection {
public:
    /// Connects, authenticates, selects the database.
    explicit Connection(const Target &target);

    /// Adds a command to those that the next `flush` sends.
    void append(std::span<const std::string_view> words);
    void append(std::initializer_list<std::string_view> words) { append(std::span(words.begin(), words.size())); }
    void flush();
    /// The reply to the oldest command without one.  Throws ReplyError if it is an error.
    Reply read();
    /// The same, errors included.
    Reply read_any();

    Reply run(std::initializer_list<std::string_view> words);

    int fd() const { return transport_->fd(); }
    bool is_readable() const { return transport_->is_readable(); }

private:
    void authenticate(const std::string &user, const std::string &password);
    void introduce();

    struct FreeReader {
        void operator()(redisReader *reader) const { redisReaderFree(reader); }
    };
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<redisReader, FreeReader> reader_;
    std::chrono::milliseconds timeout_;
    std::string out_, sending_;
    std::size_t awaited_ = 0;  ///< replies to what was appended so far
    std::vector<const char *> words_;
    std::vector<std::size_t> lengths_;
};

}  // namespace wc::redis
