#include "redis/connection.hpp"

#include <algorithm>
#include <new>

#include "config/loader.hpp"
#include "redis/error.hpp"
#include "redis/refusal.hpp"
#include "redis/tls.hpp"

namespace wc::redis {
namespace {

// The replies to thousands of commands are short; a larger buffer gains nothing.
constexpr std::size_t kReadSize = 16 * 1024;

long long integer_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        throw ReplyError("an answer of Redis is not a number, as expected");
    return reply->integer;
}

std::unique_ptr<Transport> open_transport(const Target &target)
{
    auto const deadline = std::chrono::steady_clock::now() + target.timeout;
    auto socket = connect_socket(target.address, deadline);
    if (!target.address.tls)
        return socket;
    return start_tls(std::move(socket), target.address.host, target.tls, deadline);
}

std::string password_of(const Target &target)
{
    if (target.password_file.empty())
        return target.address.password;
    try {
        return config::read_password(target.password_file);
    } catch (const config::ConfigError &error) {
        throw IoError(error.what());
    }
}

}  // namespace

std::string_view text_of(const redisReply &reply)
{
    switch (reply.type) {
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
        case REDIS_REPLY_ERROR: return {reply.str, static_cast<std::size_t>(reply.len)};
        default: throw ReplyError("an answer of Redis is not a text, as expected");
    }
}

std::string_view Reply::text() const { return text_of(*reply_); }

long long Reply::integer() const { return integer_of(reply_.get()); }

long long Reply::integer(std::size_t at) const
{
    if (at >= size())
        throw ReplyError("an answer of Redis is shorter than expected");
    return integer_of(reply_->element[at]);
}

std::size_t Reply::size() const
{
    if (reply_->type != REDIS_REPLY_ARRAY)
        throw ReplyError("an answer of Redis is not a list, as expected");
    return reply_->elements;
}

std::string_view Reply::text(std::size_t at) const
{
    if (at >= size())
        throw ReplyError("an answer of Redis is shorter than expected");
    return text_of(*reply_->element[at]);
}

bool Reply::is_nil(std::size_t at) const { return at < size() && reply_->element[at]->type == REDIS_REPLY_NIL; }

Connection::Connection(const Target &target) : Connection(target, open_transport(target)) {}

Connection::Connection(const Target &target, std::unique_ptr<Transport> transport)
    : address_(target.address),
      transport_(std::move(transport)),
      reader_(redisReaderCreate()),
      timeout_(target.timeout),
      uses_(target.uses)
{
    if (!reader_)
        throw std::bad_alloc();
    auto const password = password_of(target);
    try {
        authenticate(target.address.user, password);
        set_client_name();
    } catch (const TimeoutError &) {
        throw;
    } catch (const IoError &) {
        if (target.address.tls)
            throw;
        // A port for TLS answers a plain client with a close, a reset or bytes of TLS.
        throw IoError(
            "the first answer is not from Redis; if this is a port for TLS, redis.url must begin with rediss://");
    }
    address_.password.clear();
    if (target.address.database != 0)
        run({"SELECT", std::to_string(target.address.database)});
}

void Connection::authenticate(const std::string &user, const std::string &password)
{
    if (user.empty() && password.empty())
        return;
    if (user.empty())
        append({"AUTH", password});
    else
        append({"AUTH", user, password});
    flush();
    if (auto const reply = read_any(); reply.is_error())
        throw ReplyError(describe_login_refusal(reply.text(), user));
}

// CLIENT LIST shows the name.  An access list may forbid the command; the worker does not need it.
void Connection::set_client_name()
{
    append({"CLIENT", "SETNAME", "wc-worker"});
    flush();
    auto const reply = read_any();
    if (reply.is_error() && !reply.text().starts_with("NOPERM") && !reply.text().starts_with("ERR unknown"))
        throw ReplyError(describe_refusal(reply.text()));
}

void Connection::append(std::span<const std::string_view> words)
{
    if (out_.empty() && awaited_ > 0)
        throw IoError("an earlier call failed before it had all of its answers");
    ++awaited_;
    words_.clear();
    lengths_.clear();
    for (auto const word : words) {
        words_.push_back(word.data());
        lengths_.push_back(word.size());
    }
    char *command = nullptr;
    auto const length =
        redisFormatCommandArgv(&command, static_cast<int>(words_.size()), words_.data(), lengths_.data());
    if (length < 0)
        throw std::bad_alloc();
    std::unique_ptr<char, decltype(&redisFreeCommand)> const owned(command, redisFreeCommand);
    out_.append(command, static_cast<std::size_t>(length));
}

void Connection::flush()
{
    sending_.clear();
    sending_.swap(out_);
    transport_->write(sending_, std::chrono::steady_clock::now() + timeout_);
}

Reply Connection::read_any()
{
    auto const deadline = std::chrono::steady_clock::now() + timeout_;
    bounds_.begin();
    for (;;) {
        void *reply = nullptr;
        if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK)
            throw IoError(std::string("not an answer of Redis: ") + reader_->errstr);
        if (reply) {
            --awaited_;
            return Reply(static_cast<redisReply *>(reply));
        }
        char bytes[kReadSize];
        auto const got = transport_->read(bytes, sizeof bytes, deadline);
        bounds_.check({bytes, got});
        if (redisReaderFeed(reader_.get(), bytes, got) != REDIS_OK)
            throw IoError(std::string("not an answer of Redis: ") + reader_->errstr);
    }
}

Reply Connection::read()
{
    auto reply = read_any();
    if (reply.is_error())
        throw ReplyError(explain(reply.text()));
    return reply;
}

std::string Connection::explain(std::string_view answer)
{
    return uses_ && is_missing_right(answer) ? describe_refusal(answer, find_missing_rules())
                                             : describe_refusal(answer);
}

std::string Connection::find_missing_rules()
{
    bool const is_over = awaited_ > 0;
    try {
        if (!out_.empty())
            flush();
        while (awaited_ > 0)
            read_any();
        auto rules = join(missing_rules(*this, *uses_));
        // The replies that the caller has not read are gone.
        awaited_ = is_over ? 1 : 0;
        return rules;
    } catch (const IoError &) {
        // What is reported is the refusal.
        awaited_ = std::max<std::size_t>(awaited_, 1);
        return {};
    }
}

Reply Connection::run(std::initializer_list<std::string_view> words)
{
    append(words);
    flush();
    return read();
}

}  // namespace wc::redis
