// SHA-256 against FIPS 180-4's examples, HMAC against RFC 4231, and both against OpenSSL at every length.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <set>
#include <string>

#include "core/opaque/key_secrets.hpp"

namespace wc::opaque {
namespace {

std::string hex(const Digest &digest)
{
    std::string text;
    for (auto const byte : digest) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

std::string hash(std::string_view text)
{
    Sha256 sha;
    sha.add(text);
    return hex(sha.finish());
}

TEST(Sha256, PublishedExamples)
{
    EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hash(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

struct Vector {
    std::string key, text, mac;
};

TEST(Hmac, VectorsOfRfc4231)
{
    std::string counted;
    for (char c = 1; c <= 25; ++c)
        counted += c;
    std::string const longest(131, '\xaa');
    Vector const vectors[] = {
        {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {std::string(20, '\xaa'), std::string(50, '\xdd'),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {counted, std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {std::string(20, '\x0c'), "Test With Truncation",
         "a3b6167473100ee06e0c796c2955552bfa6f7c0a6a8aef8b93f860aab0cd20c5"},
        {longest, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {longest,
         "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
         "hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (auto const &[key, text, mac] : vectors)
        EXPECT_EQ(hex(Hmac(key).of(text)), mac);
}

TEST(Hmac, OpensslSaysTheSameAtEveryLength)
{
    std::string key, text;
    for (unsigned int length = 0; length < 200; ++length) {
        Digest expected;
        unsigned int size = expected.size();
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char *>(text.data()), text.size(), expected.data(), &size);
        EXPECT_EQ(hex(Hmac(key).of(text)), hex(expected)) << length;
        key += static_cast<char>(length * 7 + 1);
        text += static_cast<char>(length * 11 + 3);
    }
}

TEST(OpaqueId, IsTheBeginningOfTheMacAsBase64url)
{
    // printf ada | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | head -c 16 | basenc
    // --base64url
    Secret const secret("0123456789abcdef0123456789abcdef");
    EXPECT_EQ(secret.id_of("ada").view(), "fwYXPiKcGd1SbK7WHCz--g");
}

TEST(OpaqueId, DependsOnEveryByteOfTheIdAndOnTheSecret)
{
    Secret const one(std::string(32, 'a')), other(std::string(31, 'a') + "b");
    std::set<std::string> ids;
    for (std::string const id : {"", "a", "A", " a", "a ", "{a}", "a:records:1:20:{}", "7", "07", "\xc3\xa4"})
        for (auto const *const secret : {&one, &other})
            ids.emplace(secret->id_of(id).view());
    EXPECT_EQ(ids.size(), 20U);
    EXPECT_NE(one.fingerprint().view(), other.fingerprint().view());
    EXPECT_NE(one.fingerprint().view(), one.id_of("fingerprint").view().substr(0, 8));
}

TEST(KeySecrets, OneOrTwoLines)
{
    std::string const a(32, 'a'), b(44, 'b');
    std::string const line = a + "\n";
    auto const one = parse_secrets(line);
    EXPECT_EQ(one.fault, nullptr);
    ASSERT_EQ(one.count, 1U);
    EXPECT_EQ(one.secrets[0], a);
    std::string const text = "\n  " + a + "\r\n\t\n" + b;
    auto const two = parse_secrets(text);
    EXPECT_EQ(two.fault, nullptr);
    ASSERT_EQ(two.count, 2U);
    EXPECT_EQ(two.secrets[0], a);
    EXPECT_EQ(two.secrets[1], b);
}

TEST(KeySecrets, Faults)
{
    std::string const a(32, 'a'), b(32, 'b');
    EXPECT_STREQ(parse_secrets("").fault, "has no secret");
    EXPECT_STREQ(parse_secrets(" \n\r\n").fault, "has no secret");
    EXPECT_STREQ(parse_secrets(std::string(31, 'a')).fault, "has a secret of less than 32 characters");
    EXPECT_STREQ(parse_secrets(a + "\nshort").fault, "has a secret of less than 32 characters");
    EXPECT_STREQ(parse_secrets(a + "\n" + b + "\n" + a).fault, "has more than two secrets");
    EXPECT_STREQ(parse_secrets(a + "\n" + a).fault, "has the same secret twice");
    EXPECT_STREQ(parse_secrets(a + "\x01").fault,
                 "has a secret with other characters than the printable ones of ASCII");
    EXPECT_STREQ(parse_secrets(std::string(20, 'a') + " " + std::string(20, 'a')).fault,
                 "has a secret with other characters than the printable ones of ASCII");
    EXPECT_STREQ(parse_secrets(std::string(kLargestFile + 1, 'a')).fault, "has more than 4096 bytes");
}

TEST(KeySecrets, WhoMayReadAndWriteTheFile)
{
    for (unsigned int const mode : {0400U, 0440U, 0600U, 0640U, 0100640U})
        EXPECT_EQ(exposure_of(mode), nullptr) << mode;
    for (unsigned int const mode : {0644U, 0604U, 0444U})
        EXPECT_STREQ(exposure_of(mode), "may be read by everybody on this machine") << mode;
    for (unsigned int const mode : {0660U, 0620U, 0602U})
        EXPECT_STREQ(exposure_of(mode), "may be written by others than its owner") << mode;
}

}  // namespace
}  // namespace wc::opaque
