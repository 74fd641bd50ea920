// A server that speaks TLS in memory, and certificates made on the spot.
#pragma once
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>
#include <string>

#include "redis/error.hpp"
#include "redis/transport.hpp"

namespace wc::test {

struct CloseFile {
    void operator()(FILE *file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

/// A key and a certificate for it, with the files that hold them.
class Identity {
public:
    struct Wish {
        std::string names = "DNS:redis.example,IP:127.0.0.1";
        long from_s = -3600, to_s = 3600;  // from now
        const Identity *signer = nullptr;  // itself
        bool authority = false;
    };

    Identity(const std::string &name, const Wish &wish)
        : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free)
    {
        static long serial = 0;
        X509_set_version(certificate_.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate_.get()), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), wish.from_s);
        X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), wish.to_s);
        X509_set_pubkey(certificate_.get(), key_.get());
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate_.get()), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char *>(name.c_str()), -1, -1, 0);
        auto const &signer = wish.signer ? *wish.signer : *this;
        X509_set_issuer_name(certificate_.get(), X509_get_subject_name(signer.certificate_.get()));
        add(NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
        if (!wish.names.empty())
            add(NID_subject_alt_name, wish.names);
        X509_sign(certificate_.get(), signer.key_.get(), EVP_sha256());

        auto const path = testing::TempDir() + "wc-tls-" + std::to_string(serial);
        File const pem{fopen((certificate_file = path + ".crt").c_str(), "w")};
        PEM_write_X509(pem.get(), certificate_.get());
        File const secret{fopen((key_file = path + ".key").c_str(), "w")};
        PEM_write_PrivateKey(secret.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    }

    EVP_PKEY *key() const { return key_.get(); }
    X509 *certificate() const { return certificate_.get(); }

    std::string certificate_file, key_file;

private:
    void add(int extension, const std::string &value)
    {
        std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> const made(
            X509V3_EXT_conf_nid(nullptr, nullptr, extension, value.c_str()), X509_EXTENSION_free);
        X509_add_ext(certificate_.get(), made.get(), -1);
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

/// The other end of a connection.  Nothing waits: what is not there in time is a TimeoutError.
class Peer : public redis::Transport {
public:
    struct State {
        std::string heard;      // by the server, decrypted
        std::string to_client;  // as it is on the wire
        bool silent = false;    // the server is stopped
        bool closed = false;    // by the server
        bool hung_up = false;   // by the client
        std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
        std::unique_ptr<SSL, decltype(&SSL_free)> session{nullptr, SSL_free};
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

        /// Does what the client's bytes ask for.
        void work()
        {
            char bytes[4096];
            if (SSL_is_init_finished(session.get()) || SSL_accept(session.get()) == 1)
                for (int got; (got = SSL_read(session.get(), bytes, sizeof bytes)) > 0;)
                    heard.append(bytes, static_cast<std::size_t>(got));
            post();
        }
        void say(std::string_view text)
        {
            SSL_write(session.get(), text.data(), static_cast<int>(text.size()));
            post();
        }
        void say_farewell()
        {
            SSL_shutdown(session.get());
            post();
        }
        void post()
        {
            ERR_clear_error();
            char *bytes;
            auto const length = BIO_get_mem_data(out, &bytes);
            to_client.append(bytes, static_cast<std::size_t>(length));
            (void)BIO_reset(out);
        }
    };

    /// What a test wants the server to be, before anybody connects.
    struct Wish {
        int least = TLS1_2_VERSION, most = TLS1_3_VERSION;
        const Identity *clients_authority = nullptr;  ///< a certificate that it signed is demanded
    };

    Peer(const Identity &identity, const Wish &wish) : state_(std::make_shared<State>())
    {
        auto *const context = state_->context.get();
        SSL_CTX_set_min_proto_version(context, wish.least);
        SSL_CTX_set_max_proto_version(context, wish.most);
        // Else OpenSSL itself refuses what is too old, and we show nothing.
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_use_certificate(context, identity.certificate());
        SSL_CTX_use_PrivateKey(context, identity.key());
        if (wish.clients_authority) {
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
            X509_STORE_add_cert(SSL_CTX_get_cert_store(context), wish.clients_authority->certificate());
        }
        state_->session.reset(SSL_new(context));
        SSL_set_bio(state_->session.get(), state_->in, state_->out);
    }

    /// The server's side, which outlives the connection.
    std::shared_ptr<State> state() const { return state_; }

    void write(std::string_view bytes, redis::Deadline) override
    {
        if (state_->closed)
            throw redis::ClosedError("connection lost: Broken pipe");
        BIO_write(state_->in, bytes.data(), static_cast<int>(bytes.size()));
        if (!state_->silent)
            state_->work();
    }
    std::size_t read(char *to, std::size_t room, redis::Deadline) override
    {
        auto &bytes = state_->to_client;
        if (bytes.empty() && state_->closed)
            throw redis::ClosedError("the server closed the connection");
        if (bytes.empty())
            throw redis::TimeoutError("no answer in time");
        auto const got = bytes.copy(to, room);
        bytes.erase(0, got);
        return got;
    }
    int fd() const override { return -1; }
    bool is_readable() override { return !state_->to_client.empty() || state_->closed; }
    void hang_up() noexcept override { state_->hung_up = true; }

private:
    std::shared_ptr<State> state_;
};

}  // namespace wc::test
