#include "redis/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <new>
#include <optional>

#include "redis/error.hpp"
#include "redis/tls_fault.hpp"

namespace wc::redis {
namespace {

// The largest record of TLS, in bytes; a larger buffer gains nothing.
constexpr std::size_t kRecord = 16 * 1024;

template <auto function>
struct Call {
    template <class T>
    void operator()(T *object) const
    {
        function(object);
    }
};
using Context = std::unique_ptr<SSL_CTX, Call<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Call<SSL_free>>;

template <class T>
T *must(T *made)
{
    if (!made)
        throw std::bad_alloc();
    return made;
}

// Refuses to ask for the password of a key: a daemon has no terminal.
int refuse_password_prompt(char *, int, int, void *) { return -1; }

Context context_of(const TlsFiles &files)
{
    ERR_clear_error();
    Context context(must(SSL_CTX_new(TLS_client_method())));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_default_passwd_cb(context.get(), refuse_password_prompt);

    if (files.authority.empty()) {
        if (SSL_CTX_set_default_verify_paths(context.get()) != 1)
            throw tls_file_fault("redis.tls_ca_file", "", "the system's certificates cannot be used");
    } else if (SSL_CTX_load_verify_file(context.get(), files.authority.c_str()) != 1) {
        throw tls_file_fault("redis.tls_ca_file", files.authority, "holds no certificate in PEM form");
    }
    if (files.certificate.empty())
        return context;
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1)
        throw tls_file_fault("redis.tls_cert_file", files.certificate, "holds no certificate in PEM form");
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw tls_file_fault("redis.tls_key_file", files.key,
                             "holds no key in PEM form that could be read without a password and belongs to the "
                             "certificate of redis.tls_cert_file");
    return context;
}

bool is_ip_address(const std::string &host)
{
    in6_addr parsed;
    return inet_pton(AF_INET, host.c_str(), &parsed) == 1 || inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

class Tls : public Transport {
public:
    Tls(std::unique_ptr<Transport> socket, const std::string &host, const TlsFiles &files)
        : socket_(std::move(socket)), context_(context_of(files)), session_(must(SSL_new(context_.get())))
    {
        subject_ = {host, files.authority, files.certificate};
        in_ = must(BIO_new(BIO_s_mem()));
        out_ = must(BIO_new(BIO_s_mem()));
        SSL_set_bio(session_.get(), in_, out_);  // the session owns both from here on
        require_host(host);
    }

    void shake_hands(Deadline deadline)
    {
        try {
            perform([this] { return SSL_connect(session_.get()); }, deadline);
        } catch (const TimeoutError &) {
            throw TimeoutError("no answer to the TLS handshake in time; is this a port for TLS?");
        } catch (const ClosedError &error) {
            throw ClosedError("the TLS handshake failed: " + std::string(error.what()));
        }
    }

    void write(std::string_view bytes, Deadline deadline) override
    {
        while (!bytes.empty()) {
            auto const piece = bytes.substr(0, kRecord);
            perform([&] { return SSL_write(session_.get(), piece.data(), static_cast<int>(piece.size())); }, deadline);
            bytes.remove_prefix(piece.size());
        }
    }

    std::size_t read(char *to, std::size_t room, Deadline deadline) override
    {
        auto const most = static_cast<int>(std::min(room, kRecord));
        int const got = perform([&] { return SSL_read(session_.get(), to, most); }, deadline);
        // If TLS's closing message came along with this answer, poll does not see it: it is in `in_`, not in the
        // socket.
        if (BIO_ctrl_pending(in_) > 0 && peek() == Held::End)
            socket_->hang_up();
        return static_cast<std::size_t>(got);
    }

    int fd() const override { return socket_->fd(); }

    bool is_readable() override
    {
        try {
            for (;;) {
                if (peek() != Held::Nothing)
                    return true;
                if (!socket_->is_readable())
                    return false;
                receive(Deadline{});
            }
        } catch (const IoError &) {
            return true;  // the connection is over; the next read throws the reason
        }
    }

    void hang_up() noexcept override { socket_->hang_up(); }

private:
    enum class Held { Nothing, Data, End };

    // Makes the handshake fail unless the server's certificate is for this host.
    void require_host(const std::string &host)
    {
        auto *const verification = SSL_get0_param(session_.get());
        X509_VERIFY_PARAM_set_hostflags(verification, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        bool const is_ip = is_ip_address(host);
        // A server with several certificates chooses one by the host name (SNI); SNI carries no addresses.
        bool const set = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(verification, host.c_str()) == 1
                               : X509_VERIFY_PARAM_set1_host(verification, host.c_str(), host.size()) == 1 &&
                                     SSL_set_tlsext_host_name(session_.get(), host.c_str()) == 1;
        if (!set || host.empty())
            throw IoError("no certificate can be for the host \"" + host + "\" of redis.url");
    }

    /// Repeats an operation of OpenSSL until it succeeds; sends and receives the bytes that it needs.
    template <class Operation>
    int perform(Operation operation, Deadline deadline)
    {
        for (;;) {
            ERR_clear_error();
            int const result = fault_ ? 0 : operation();
            if (result <= 0 && !is_waiting(result))
                refuse(deadline);
            send_pending(deadline);
            if (result > 0)
                return result;
            receive(deadline);
        }
    }

    /// Whether an operation that did not succeed waits for bytes.  If not, sets `fault_`: the connection is over.
    bool is_waiting(int result)
    {
        if (fault_)
            return false;
        int const error = SSL_get_error(session_.get(), result);
        if (error == SSL_ERROR_WANT_READ)
            return true;
        fault_ = error == SSL_ERROR_ZERO_RETURN ? "the server closed the connection"
                                                : describe_tls_fault(subject_, SSL_get_verify_result(session_.get()));
        return false;
    }

    [[noreturn]] void refuse(Deadline deadline)
    {
        try {
            send_pending(deadline);
        } catch (const IoError &) {
            // The server does not get our alert; `fault_`, which is thrown below, has the reason.
        }
        throw ClosedError(*fault_);
    }

    void send_pending(Deadline deadline)
    {
        char *bytes = nullptr;
        auto const length = BIO_get_mem_data(out_, &bytes);
        if (length <= 0)
            return;
        try {
            socket_->write({bytes, static_cast<std::size_t>(length)}, deadline);
        } catch (const ClosedError &) {
            // A server that refuses the client sends the reason and closes.  In TLS 1.3 the client's handshake has
            // succeeded by then, and the next write fails: read the reason.
            (void)BIO_reset(out_);
            if (is_readable() && fault_)
                throw ClosedError(*fault_);
            throw;
        }
        (void)BIO_reset(out_);
    }

    void receive(Deadline deadline)
    {
        char bytes[kRecord];
        auto const got = socket_->read(bytes, sizeof bytes, deadline);
        if (BIO_write(in_, bytes, static_cast<int>(got)) != static_cast<int>(got))
            throw std::bad_alloc();
    }

    /// Decrypts what `in_` holds and says what it is.  Consumes session tickets and other messages of TLS itself.
    Held peek()
    {
        if (fault_)
            return Held::End;
        ERR_clear_error();
        char byte;
        int const result = SSL_peek(session_.get(), &byte, 1);
        if (result > 0)
            return Held::Data;
        return is_waiting(result) ? Held::Nothing : Held::End;
    }

    std::unique_ptr<Transport> socket_;
    Context context_;
    Session session_;
    BIO *in_ = nullptr, *out_ = nullptr;  // owned by session_
    TlsSubject subject_;
    std::optional<std::string> fault_;  // why this connection is over
};

}  // namespace

void check_tls_files(const TlsFiles &files) { context_of(files); }

std::unique_ptr<Transport> start_tls(std::unique_ptr<Transport> socket, const std::string &host, const TlsFiles &files,
                                     Deadline deadline)
{
    auto connection = std::make_unique<Tls>(std::move(socket), host, files);
    connection->shake_hands(deadline);
    return connection;
}

}  // namespace wc::redis
