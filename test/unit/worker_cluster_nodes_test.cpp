// The slots of a Redis Cluster, and what its nodes say of it.
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/protocol/key.hpp"
#include "core/protocol/slot.hpp"
#include "redis/cluster_nodes.hpp"
#include "redis/error.hpp"

namespace wc {
namespace {

constexpr const char *kAnswer =
    "07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,hostname4 slave "
    "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected\n"
    "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002,hostname2 master - 0 1426238316232 2 connected "
    "5461-10922\n"
    "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f ::1:30003@31003 master,fail - 0 1426238318243 3 disconnected "
    "10923-16383\n"
    "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca :30001@31001,hostname1 myself,master - 0 0 1 connected 0-99 101 "
    "200-5460 [93-<-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1] [77->-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]\n";

TEST(Slot, IsThatOfRedis)
{
    // Appendix A of the specification of Redis Cluster, and the page of CLUSTER KEYSLOT.
    EXPECT_EQ(cache::crc16("123456789"), 0x31C3);
    EXPECT_EQ(cache::slot_of("somekey"), 11058U);
    EXPECT_EQ(cache::slot_of("foo{hash_tag}"), 2515U);
    EXPECT_EQ(cache::slot_of("bar{hash_tag}"), 2515U);
    EXPECT_EQ(cache::slot_of(""), 0U);
}

TEST(Slot, IsThatOfTheHashTag)
{
    EXPECT_EQ(cache::hash_tag("{user1000}.following"), "user1000");
    EXPECT_EQ(cache::hash_tag("foo{}{bar}"), "foo{}{bar}");
    EXPECT_EQ(cache::hash_tag("foo{{bar}}zap"), "{bar");
    EXPECT_EQ(cache::hash_tag("foo{bar}{zap}"), "bar");
    EXPECT_EQ(cache::hash_tag("foo{bar"), "foo{bar");
}

TEST(Slot, HoldsAllKeysOfAStudent)
{
    for (std::string const id : {"clx1", "a}b", "{", "student:7"}) {
        EXPECT_TRUE(cache::has_one_slot(id));
        auto const prefix = cache::student_prefix(id, cache::KeyForm::HashTag);
        EXPECT_EQ(cache::slot_of(prefix), cache::slot_of(prefix + "records:1:20:{\"type\":\"ILLNESS\"}"));
    }
    EXPECT_FALSE(cache::has_one_slot(""));
    EXPECT_FALSE(cache::has_one_slot("}"));
}

TEST(SlotSet, IsReadAsItIsWritten)
{
    for (auto const text : {"", "0", "0-16383", "0-99,101,200-5460", "16383"})
        EXPECT_EQ(redis::describe(redis::parse_slots(text)), text);
    for (auto const text : {"16384", "5-4", "-", "1-", "-1", "0,,x", "0;1", "99999999999999999999999"})
        EXPECT_THROW(redis::parse_slots(text), std::invalid_argument) << text;
}

TEST(ClusterNodes, AreRead)
{
    auto const nodes = redis::parse_cluster_nodes(kAnswer, false);
    ASSERT_EQ(nodes.size(), 4U);
    EXPECT_FALSE(nodes[0].is_master);
    EXPECT_TRUE(nodes[1].is_master && nodes[1].is_usable);
    EXPECT_EQ(describe(nodes[1].endpoint), "127.0.0.1:30002");
    EXPECT_EQ(redis::describe(nodes[1].slots), "5461-10922");
    EXPECT_FALSE(nodes[2].is_usable);
    EXPECT_EQ(describe(nodes[2].endpoint), "[::1]:30003");
    auto const &own = redis::myself(nodes);
    EXPECT_EQ(own.id, "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca");
    EXPECT_EQ(own.endpoint.host, "");
    EXPECT_EQ(own.epoch, 1);
    EXPECT_EQ(redis::describe(own.slots), "0-99,101,200-5460");
    EXPECT_EQ(redis::describe(own.open), "77,93");
    EXPECT_EQ(redis::parse_cluster_nodes(kAnswer, true)[1].endpoint.host, "hostname2");
}

TEST(ClusterNodes, AreReadWithMarksOfLaterVersions)
{
    auto const nodes = redis::parse_cluster_nodes(
        "a 10.0.0.1:7@17,,tls-port=0,shard-id=x myself,master,nofailover - 0 0 5 connected\r\n"
        "b 10.0.0.2:7@17 master,fail? - 0 0 6 connected\r\n"
        "c :0@0 master,noaddr - 0 0 7 disconnected\r\n"
        "d 10.0.0.4:7@17 handshake - 0 0 0 disconnected\r\n",
        true);
    EXPECT_EQ(nodes[0].endpoint.host, "10.0.0.1");
    EXPECT_TRUE(nodes[1].is_usable) << "one node's doubt is not the majority's";
    EXPECT_FALSE(nodes[2].is_usable);
    EXPECT_FALSE(nodes[3].is_usable);
}

TEST(ClusterNodes, RefuseWhatIsNoAnswer)
{
    std::string const good = "a 10.0.0.1:7@17 myself,master - 0 0 5 connected 1-5\n";
    EXPECT_NO_THROW(redis::parse_cluster_nodes(good, false));
    std::string many;
    for (int node = 0; node < 5000; ++node)
        many += "b 10.0.0.2:7@17 master - 0 0 6 connected\n";
    for (std::string const &bad :
         {std::string(), std::string("\n\n"), std::string("PONG"), good + good, good + many,
          std::string("a 10.0.0.1:7@17 master - 0 0 5 connected\n"),
          std::string("a 10.0.0.1 myself,master - 0 0 5 connected"),
          std::string("a 10.0.0.1:70000@1 myself,master - 0 0 5 connected"),
          std::string("a h:7@1 myself,master - 0 0 5"), std::string("a h:7@1 myself,master - 0 0 five connected"),
          std::string("a h:7@1 myself - 0 0 5 connected 16384"), std::string("a h:7@1 myself - 0 0 5 connected 5-"),
          std::string("a h:7@1 myself - 0 0 5 connected ["), std::string("a h:7@1 myself - 0 0 5 connected [x->-b]"),
          std::string(70, 'a') + " h:7@1 myself - 0 0 5 connected",
          "a " + std::string(300, 'h') + ":7@1 myself - 0 0 5 connected"})
        EXPECT_THROW(redis::parse_cluster_nodes(bad, false), redis::ReplyError) << bad.substr(0, 80);
}

}  // namespace
}  // namespace wc
