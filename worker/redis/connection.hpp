// Sends commands to Redis and reads their replies, many in one round trip.
#pragma once
#include <hiredis/hiredis.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/reply_bounds.hpp"
#include "redis/target.hpp"
#include "redis/transport.hpp"

namespace wc::redis {

/// One reply.  Its accessors throw ReplyError when the reply has another type.
class Reply {
public:
    explicit Reply(redisReply *reply) : reply_(reply) {}

    bool is_error() const { return reply_->type == REDIS_REPLY_ERROR; }
    std::string_view text() const;  ///< of strings, statuses and errors
    long long integer() const;
    long long integer(std::size_t at) const;
    std::size_t size() const;  ///< of arrays
    /// An element of an array.  Valid while this reply lives.
    std::string_view text(std::size_t at) const;
    bool is_nil(std::size_t at) const;
    const redisReply &raw() const { return *reply_; }

private:
    struct Free {
        void operator()(redisReply *reply) const { freeReplyObject(reply); }
    };
    std::unique_ptr<redisReply, Free> reply_;
};

/// The text of a string, a status or an error.  Throws ReplyError for another type.
std::string_view text_of(const redisReply &reply);

/// For one thread.  After an IoError, or a ReplyError while other replies are unread, the connection cannot be used:
/// `append` throws, so that a reply to an earlier command is never taken for the reply (the acknowledgement) of a later
/// one.
class Connection {
public:
    /// Connects, authenticates, selects the database.  Throws IoError or ReplyError.
    explicit Connection(const Target &target);
    /// Like the above, over a transport that is connected already.
    Connection(const Target &target, std::unique_ptr<Transport> transport);

    /// Adds a command to those that the next `flush` sends.
    void append(std::span<const std::string_view> words);
    void append(std::initializer_list<std::string_view> words) { append(std::span(words.begin(), words.size())); }
    /// Sends the commands that were appended.
    void flush();
    /// Returns the reply to the oldest command that has none yet.  Throws ReplyError if the reply is an error.
    /// REQUIRES: the command was flushed.
    Reply read();
    /// Like read(), and returns an error instead of throwing it.
    Reply read_any();

    /// Appends one command, flushes and reads its reply.  REQUIRES: every earlier reply was read.
    Reply run(std::initializer_list<std::string_view> words);
    /// Returns an error that this server answered, for a log.  If the user lacks rights, names the rules that give
    /// them. REQUIRES: nothing but the destructor follows, or every reply was read.
    std::string explain(std::string_view answer);

    /// The server's address.
    const Address &address() const { return address_; }
    int fd() const { return transport_->fd(); }
    bool is_readable() const { return transport_->is_readable(); }

private:
    void authenticate(const std::string &user, const std::string &password);
    void set_client_name();
    std::string find_missing_rules();

    struct FreeReader {
        void operator()(redisReader *reader) const { redisReaderFree(reader); }
    };
    Address address_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<redisReader, FreeReader> reader_;
    ReplyBounds bounds_;
    std::chrono::milliseconds timeout_;
    std::string out_, sending_;
    std::optional<Uses> uses_;
    std::size_t awaited_ = 0;  ///< commands that were appended and whose replies were not read
    std::vector<const char *> words_;
    std::vector<std::size_t> lengths_;
};

}  // namespace wc::redis
