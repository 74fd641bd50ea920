#include "destinations/dogstatsd.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace wc::destinations {
namespace {

// A name with two addresses, for this thread alone: it gets a hosts file of its own.
class TwoAddresses : public testing::Test {
protected:
    void SetUp() override
    {
        if (unshare(CLONE_FS | CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            GTEST_SKIP() << "only root may mount";
        int const file = mkstemp(path_);
        ASSERT_GE(file, 0);
        close(file);
        std::ofstream(path_) << "127.0.0.1 two-addresses\n127.0.0.2 two-addresses\n";
        ASSERT_EQ(mount(path_, "/etc/hosts", nullptr, MS_BIND, nullptr), 0);
        is_mounted_ = true;
    }
    void TearDown() override
    {
        if (is_mounted_) {
            EXPECT_EQ(umount2("/etc/hosts", MNT_DETACH), 0);
        }
        std::remove(path_);
    }

private:
    char path_[24] = "/tmp/wc-hosts-XXXXXX";
    bool is_mounted_ = false;
};

struct Agent {
    explicit Agent(const char *address)
    {
        at.sin_family = AF_INET;
        inet_pton(AF_INET, address, &at.sin_addr);
        socklen_t size = sizeof at;
        timeval const patience{10, 0};
        if (bind(fd, reinterpret_cast<const sockaddr *>(&at), size) != 0 ||
            getsockname(fd, reinterpret_cast<sockaddr *>(&at), &size) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
            std::abort();
    }
    ~Agent() { close(fd); }
    std::string port() const { return std::to_string(ntohs(at.sin_port)); }
    std::string received() const
    {
        char bytes[100];
        auto const size = recv(fd, bytes, sizeof bytes, 0);
        return size < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(size));
    }

    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
};

TEST_F(TwoAddresses, AnAgentIsFoundOnEither)
{
    for (auto const *const address : {"127.0.0.1", "127.0.0.2"}) {
        Agent const agent(address);
        DogStatsd receiver({"", "two-addresses", agent.port()});
        // What goes to an address where nobody listens is lost, and only the packet after it hears of that.
        receiver.deliver({"", "lost:1|c"});
        EXPECT_EQ(receiver.deliver({"", "found:1|c"}).result, Delivery::Result::Taken);
        EXPECT_EQ(receiver.deliver({"", "found:1|c"}).result, Delivery::Result::Taken);
        std::string first = agent.received();
        if (first == "lost:1|c")
            first = agent.received();
        EXPECT_EQ(first, "found:1|c") << address;
    }
}

}  // namespace
}  // namespace wc::destinations
