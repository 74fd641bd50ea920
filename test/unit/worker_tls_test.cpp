// TLS over any transport: who is believed, what is said when nobody is, and what the end looks like.
#include <gmock/gmock.h>

#include "redis/tls.hpp"
#include "worker_tls_peer.hpp"

namespace wc {
namespace {

using redis::ClosedError;
using redis::Deadline;
using redis::IoError;
using redis::TimeoutError;
using redis::TlsFiles;
using test::Identity;
using test::Peer;
using testing::AllOf;
using testing::HasSubstr;

/// The text of the failure, or "" if there is none.
template <class Action>
std::string failure(Action action)
{
    try {
        action();
        return "";
    } catch (const IoError &error) {
        return error.what();
    }
}

class Tls : public testing::Test {
protected:
    Tls() : authority("authority", {.names = "", .authority = true}), server("server", {.signer = &authority})
    {
        files.authority = authority.certificate_file;
    }

    /// A server with this certificate, and a client that connects to it.
    std::unique_ptr<redis::Transport> connect(const Identity &identity, const std::string &host = "redis.example",
                                              Peer::Wish wish = {})
    {
        auto transport = std::make_unique<Peer>(identity, wish);
        peer = transport->state();
        return redis::start_tls(std::move(transport), host, files, Deadline{});
    }

    static std::string read(redis::Transport &connection, std::size_t length)
    {
        std::string text;
        char bytes[1000];
        while (text.size() < length)
            text.append(bytes, connection.read(bytes, sizeof bytes, Deadline{}));
        return text;
    }

    Identity authority, server;
    TlsFiles files;
    std::shared_ptr<Peer::State> peer;
};

class TlsVersion : public Tls, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(, TlsVersion, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](auto const &info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(TlsVersion, CarriesBothWays)
{
    auto const connection = connect(server, "redis.example", {.most = GetParam()});
    std::string const question(1'000'000, 'q'), answer(100'000, 'a');
    connection->write(question, Deadline{});
    EXPECT_TRUE(peer->heard == question);
    for (std::size_t at = 0; at < answer.size(); at += 10'000)
        peer->say(answer.substr(at, 10'000));
    EXPECT_TRUE(connection->is_readable());
    EXPECT_TRUE(read(*connection, answer.size()) == answer);
    EXPECT_FALSE(connection->is_readable());
    EXPECT_FALSE(peer->hung_up);
    EXPECT_THROW(read(*connection, 1), TimeoutError);
}

TEST_P(TlsVersion, ADemandedCertificateIsShown)
{
    Identity const client("client", {.names = "", .signer = &authority});
    files.certificate = client.certificate_file;
    files.key = client.key_file;
    auto const connection = connect(server, "redis.example", {.most = GetParam(), .clients_authority = &authority});
    connection->write("PING", Deadline{});
    EXPECT_EQ(peer->heard, "PING");
}

TEST_P(TlsVersion, ADemandedCertificateThatIsMissingIsSaid)
{
    // In TLS 1.3 the handshake has ended for the client when the server refuses.
    EXPECT_THAT(failure([&] {
                    auto const connection =
                        connect(server, "redis.example", {.most = GetParam(), .clients_authority = &authority});
                    read(*connection, 1);
                }),
                AllOf(HasSubstr("redis.tls_cert_file"), HasSubstr("redis.tls_key_file")));
}

TEST_P(TlsVersion, ACertificateThatTheServerRefusesIsSaid)
{
    Identity const other("other", {.names = "", .authority = true}), client("client", {.names = "", .signer = &other});
    files.certificate = client.certificate_file;
    files.key = client.key_file;
    EXPECT_THAT(failure([&] {
                    auto const connection =
                        connect(server, "redis.example", {.most = GetParam(), .clients_authority = &authority});
                    read(*connection, 1);
                }),
                AllOf(HasSubstr("Redis refuses the certificate"), HasSubstr(client.certificate_file)));
}

TEST_F(Tls, ARefusalIsHeardEvenWhenWritingFailsFirst)
{
    auto const connection = connect(server, "redis.example", {.clients_authority = &authority});
    peer->closed = true;
    EXPECT_THAT(failure([&] { connection->write("PING", Deadline{}); }), HasSubstr("demands a certificate"));
    EXPECT_THAT(failure([&] { read(*connection, 1); }), HasSubstr("demands a certificate")) << "and stays known";
}

TEST_F(Tls, TheHostIsVerified)
{
    for (auto const *host : {"redis.example", "REDIS.EXAMPLE", "127.0.0.1"})
        EXPECT_EQ(failure([&] { connect(server, host); }), "") << host;
    for (auto const *host : {"other.example", "127.0.0.2", "::1", "redis.example.org", "example"})
        EXPECT_THAT(failure([&] { connect(server, host); }),
                    HasSubstr(std::string("is not for ") + host + ": redis.url"));
    EXPECT_NE(failure([&] { connect(server, ""); }), "");
    Identity const nameless("redis.example", {.names = "DNS:other.example", .signer = &authority});
    EXPECT_NE(failure([&] { connect(nameless); }), "") << "the common name does not count beside other names";
}

TEST_F(Tls, TheNameIsToldToTheServerAndAnAddressIsNot)
{
    auto const by_name = connect(server, "redis.example");
    EXPECT_STREQ(SSL_get_servername(peer->session.get(), TLSEXT_NAMETYPE_host_name), "redis.example");
    auto const by_address = connect(server, "127.0.0.1");
    EXPECT_EQ(SSL_get_servername(peer->session.get(), TLSEXT_NAMETYPE_host_name), nullptr);
}

TEST_F(Tls, WhoeverCannotBeBelievedIsRefused)
{
    Identity const expired("expired", {.from_s = -200, .to_s = -100, .signer = &authority});
    EXPECT_THAT(failure([&] { connect(expired); }), HasSubstr("has expired"));
    Identity const early("early", {.from_s = 1000, .to_s = 2000, .signer = &authority});
    EXPECT_THAT(failure([&] { connect(early); }), HasSubstr("not valid yet"));
    Identity const self("self", {});
    EXPECT_THAT(failure([&] { connect(self); }), HasSubstr("redis.tls_ca_file must hold"));
    Identity const stranger("stranger", {.names = "", .authority = true}), strange("strange", {.signer = &stranger});
    EXPECT_THAT(failure([&] { connect(strange); }), AllOf(HasSubstr(files.authority), HasSubstr("redis.tls_ca_file")));
    Identity const no_authority("no authority", {.signer = &authority}), below("below", {.signer = &no_authority});
    EXPECT_NE(failure([&] { connect(below); }), "") << "not everybody who has a certificate may sign others";
    files.authority.clear();
    EXPECT_THAT(failure([&] { connect(server); }), HasSubstr("set redis.tls_ca_file to"));
    EXPECT_EQ(peer->heard, "");
}

TEST_F(Tls, NothingOlderThanTls12)
{
    EXPECT_THAT(failure([&] { connect(server, "redis.example", {.least = TLS1_VERSION, .most = TLS1_1_VERSION}); }),
                HasSubstr("neither TLS 1.2 nor 1.3"));
}

TEST_F(Tls, SilenceDuringTheHandshakeIsATimeout)
{
    auto transport = std::make_unique<Peer>(server, Peer::Wish{});
    transport->state()->silent = true;
    EXPECT_THROW(
        {
            try {
                redis::start_tls(std::move(transport), "redis.example", files, Deadline{});
            } catch (const TimeoutError &error) {
                EXPECT_THAT(error.what(), HasSubstr("TLS handshake"));
                throw;
            }
        },
        TimeoutError);
}

TEST_F(Tls, WhatSpeaksNoTlsIsSaid)
{
    for (auto const *answer : {"-ERR unknown command\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"}) {
        auto transport = std::make_unique<Peer>(server, Peer::Wish{});
        transport->state()->silent = true;
        transport->state()->to_client = answer;
        EXPECT_THAT(failure([&] { redis::start_tls(std::move(transport), "redis.example", files, Deadline{}); }),
                    HasSubstr("does not speak TLS"));
    }
}

TEST_F(Tls, TicketsMakeNothingReadable)
{
    auto const connection = connect(server);
    EXPECT_FALSE(peer->to_client.empty()) << "TLS 1.3 sends tickets after the handshake";
    EXPECT_FALSE(connection->is_readable());
    EXPECT_TRUE(peer->to_client.empty()) << "what poll would see again and again";
}

TEST_F(Tls, AFarewellIsReadable)
{
    auto const connection = connect(server);
    peer->say_farewell();
    EXPECT_TRUE(connection->is_readable());
    EXPECT_THROW(read(*connection, 1), ClosedError);
    EXPECT_THROW(connection->write("PING", Deadline{}), ClosedError);
}

TEST_F(Tls, AFarewellThatCameAlongWithAnAnswerIsNotForgotten)
{
    auto const connection = connect(server);
    peer->say("answer");
    peer->say_farewell();
    EXPECT_EQ(read(*connection, 6), "answer");
    EXPECT_TRUE(peer->hung_up) << "poll sees nothing of what is in our memory";
    EXPECT_TRUE(connection->is_readable());
    EXPECT_THROW(read(*connection, 1), ClosedError);
}

TEST_F(Tls, AnEndWithoutFarewellIsAnEnd)
{
    auto const connection = connect(server);
    peer->say("answer");
    peer->closed = true;
    EXPECT_EQ(read(*connection, 6), "answer");
    EXPECT_TRUE(connection->is_readable());
    EXPECT_THROW(read(*connection, 1), ClosedError);
}

TEST_F(Tls, AForgedRecordIsTheEnd)
{
    auto const connection = connect(server);
    EXPECT_FALSE(connection->is_readable());
    peer->say("answer");
    peer->to_client.back() ^= 1;
    EXPECT_TRUE(connection->is_readable());
    EXPECT_THROW(read(*connection, 1), ClosedError);
}

TEST_F(Tls, FilesThatCannotBeUsedAreNamed)
{
    auto const text = testing::TempDir() + "wc-tls-text";
    std::ofstream(text) << "no certificate\n";
    auto const check = [](const TlsFiles &wrong) { return failure([&] { redis::check_tls_files(wrong); }); };
    EXPECT_EQ(check({}), "");
    EXPECT_EQ(check({authority.certificate_file, server.certificate_file, server.key_file}), "");
    EXPECT_EQ(check({"/nowhere", "", ""}), "redis.tls_ca_file: /nowhere: cannot be read: No such file or directory");
    EXPECT_EQ(check({testing::TempDir(), "", ""}),
              "redis.tls_ca_file: " + testing::TempDir() + ": cannot be read: Is a directory");
    EXPECT_EQ(check({text, "", ""}), "redis.tls_ca_file: " + text + ": holds no certificate in PEM form");
    EXPECT_THAT(check({"", "/nowhere", server.key_file}), HasSubstr("redis.tls_cert_file: /nowhere: cannot be read"));
    EXPECT_THAT(check({"", text, server.key_file}), HasSubstr("redis.tls_cert_file: " + text + ": holds no cert"));
    EXPECT_THAT(check({"", server.certificate_file, "/nowhere"}), HasSubstr("redis.tls_key_file: /nowhere: cannot"));
    EXPECT_THAT(check({"", server.certificate_file, text}),
                HasSubstr("redis.tls_key_file: " + text + ": holds no key"));
    EXPECT_THAT(check({"", server.certificate_file, authority.key_file}), HasSubstr("belongs to the certificate"));

    auto const locked = testing::TempDir() + "wc-tls-locked";
    test::File file{fopen(locked.c_str(), "w")};
    unsigned char password[] = "hush";
    PEM_write_PrivateKey(file.get(), server.key(), EVP_aes_128_cbc(), password, 4, nullptr, nullptr);
    file.reset();
    EXPECT_THAT(check({"", server.certificate_file, locked}), HasSubstr("without a password"));
}

}  // namespace
}  // namespace wc
