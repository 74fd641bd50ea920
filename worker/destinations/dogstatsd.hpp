// An agent of Datadog, which takes lines of DogStatsD in datagrams.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/datagram_address.hpp"
#include "destinations/differences.hpp"
#include "destinations/receiver.hpp"

namespace wc::destinations {

/// Makes lines of metrics: differences of counts, and gauges; of a histogram its count, its sum, and the percentiles of
/// what came since the lines before.  For one thread.
class DogStatsdLines {
public:
    /// `tags` are `key:value,…`, added to each line.
    explicit DogStatsdLines(std::string tags) : tags_(std::move(tags)) {}
    std::string of(std::vector<metrics::Family> families);

private:
    std::string tags_;
    Differences differences_;
};

/// Joins lines to packets of at most so many bytes; a line that is longer is a packet of its own.
std::vector<std::string_view> packets_of(std::string_view lines, std::size_t most);

class DogStatsd : public Receiver {
public:
    explicit DogStatsd(config::DatagramAddress address) : address_(std::move(address)) {}
    ~DogStatsd() override;
    DogStatsd(const DogStatsd &) = delete;
    DogStatsd &operator=(const DogStatsd &) = delete;

    /// Never returns Busy or Refused: a message that is sent again would count twice what had arrived.
    Delivery deliver(const Message &message) override;
    void stop_at(Time) override {}

private:
    bool open();
    void shut();
    bool send_packet(std::string_view packet);

    config::DatagramAddress address_;
    std::size_t turn_ = 0;  // which of the addresses that the host's name has
    int fd_ = -1;
};

}  // namespace wc::destinations
