#include "destinations/dogstatsd.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

namespace wc::destinations {
namespace {

using metrics::Family;
using metrics::Sample;

// What an agent takes at once: of UDP what fits into a frame of Ethernet.
constexpr std::size_t kMostUdp = 1432;
constexpr std::size_t kMostUnix = 8192;

// Within a bucket values count as evenly spread.
double percentile(const Sample &sample, double share)
{
    auto const rank = std::ceil(share * static_cast<double>(sample.count));
    double below = 0, from = 0;
    for (std::size_t i = 0; i < sample.bounds.size(); ++i) {
        auto const here = static_cast<double>(sample.below[i]);
        if (here > 0 && below + here >= rank)
            return from + (sample.bounds[i] - from) * (rank - below) / here;
        below += here;
        from = sample.bounds[i];
    }
    return from;
}

// What has a meaning in a line becomes an underscore.
std::string plain(std::string text)
{
    for (auto &c : text)
        if (c == '|' || c == ',' || c == ':' || c == '\n' || c == '#' || c == ' ')
            c = '_';
    return text;
}

std::string tags_of(const std::string &all, const Sample &sample)
{
    auto tags = all;
    for (auto const &[name, value] : sample.labels)
        tags += (tags.empty() ? "" : ",") + plain(name) + ":" + plain(value);
    return tags.empty() ? tags : "|#" + tags;
}

}  // namespace

std::string DogStatsdLines::of(std::vector<Family> families)
{
    std::string out;
    for (auto &family : families)
        for (auto &sample : family.samples) {
            auto const tags = tags_of(tags_, sample);
            auto const line = [&](const char *part, double value, char type) {
                out += fmt::format("{}{}:{}|{}{}\n", family.name, part, value, type, tags);
            };
            if (family.kind == Family::Kind::Gauge) {
                if (std::isfinite(sample.value))
                    line("", sample.value, 'g');
                continue;
            }
            if (!differences_.take(family, sample))
                continue;
            if (family.kind == Family::Kind::Counter) {
                if (sample.value > 0)
                    line("", sample.value, 'c');
                continue;
            }
            if (sample.count == 0)
                continue;
            line(".count", static_cast<double>(sample.count), 'c');
            line(".sum", sample.sum, 'c');
            line(".p50", percentile(sample, 0.50), 'g');
            line(".p95", percentile(sample, 0.95), 'g');
            line(".p99", percentile(sample, 0.99), 'g');
        }
    if (!out.empty())
        out.pop_back();
    return out;
}

std::vector<std::string_view> packets_of(std::string_view lines, std::size_t most)
{
    std::vector<std::string_view> packets;
    while (!lines.empty()) {
        auto end = lines.size();
        if (end > most) {
            end = lines.rfind('\n', most);
            if (end == std::string_view::npos)
                end = std::min(lines.find('\n'), lines.size());
        }
        packets.push_back(lines.substr(0, end));
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    return packets;
}

DogStatsd::~DogStatsd() { shut(); }

void DogStatsd::shut()
{
    if (fd_ >= 0)
        close(fd_);
    fd_ = -1;
}

bool DogStatsd::open()
{
    if (fd_ >= 0)
        return true;
    if (!address_.path.empty()) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        address_.path.copy(at.sun_path, sizeof at.sun_path - 1);
        fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd_ >= 0 && connect(fd_, reinterpret_cast<const sockaddr *>(&at), sizeof at) == 0)
            return true;
    } else {
        addrinfo wanted{};
        wanted.ai_socktype = SOCK_DGRAM;
        addrinfo *found = nullptr;
        if (getaddrinfo(address_.host.c_str(), address_.port.c_str(), &wanted, &found) != 0) {
            errno = EHOSTUNREACH;
            return false;
        }
        std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> const owned(found, freeaddrinfo);
        std::size_t count = 0;
        for (const addrinfo *each = found; each != nullptr; each = each->ai_next)
            ++count;
        const addrinfo *at = found;
        for (std::size_t i = turn_ % count; i > 0; --i)
            at = at->ai_next;
        fd_ = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd_ >= 0 && connect(fd_, at->ai_addr, at->ai_addrlen) == 0)
            return true;
    }
    int const why = errno;
    shut();
    errno = why;
    return false;
}

bool DogStatsd::send_packet(std::string_view packet)
{
    return open() && send(fd_, packet.data(), packet.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(packet.size());
}

Delivery DogStatsd::deliver(const Message &message)
{
    for (auto const packet : packets_of(message.body, address_.path.empty() ? kMostUdp : kMostUnix)) {
        if (send_packet(packet))
            continue;
        // The agent was started anew, and the socket belongs to the one before; or it listens on another address of the
        // name, as 127.0.0.1 where the first one is ::1.
        shut();
        ++turn_;
        if (!send_packet(packet)) {
            std::string const why = std::strerror(errno);
            shut();
            return {Delivery::Result::Useless, "the agent takes no packets: " + why};
        }
    }
    return {};
}

}  // namespace wc::destinations
