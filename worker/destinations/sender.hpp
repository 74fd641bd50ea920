// The queue and the thread of one destination.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "destinations/receiver.hpp"
#include "metrics/metrics.hpp"
#include "process/retry.hpp"

namespace wc::destinations {

struct SenderLimits {
    std::size_t queue = 256;
    std::chrono::milliseconds first_pause{1000}, longest_pause{60000};
};

/// Sends messages in their order, each until it is taken.  `send` never waits for the receiver: when the queue is full,
/// the oldest message is dropped and counted.
class Sender {
public:
    /// REQUIRES: `metrics` outlives this.
    Sender(metrics::Destination to, std::unique_ptr<Receiver> receiver, SenderLimits limits, metrics::Metrics &metrics);
    ~Sender();
    Sender(const Sender &) = delete;
    Sender &operator=(const Sender &) = delete;

    /// From any thread.
    void send(Message message);
    /// Sends the waiting messages until `until` at the latest, and accepts no more.  Returns at once; the destructor
    /// waits.
    void finish(Time until);

private:
    struct Waiting {
        Message message;
        int refusals = 0;
    };
    void run();
    bool wait_for_work(std::unique_lock<std::mutex> &lock);
    void settle(Waiting waiting, const Delivery &delivery);
    void put_back(Waiting waiting);

    metrics::Destination to_;
    std::unique_ptr<Receiver> receiver_;
    std::size_t limit_;
    metrics::Metrics &metrics_;
    Retry retry_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Waiting> queue_;
    Time until_ = Time::max();  ///< not max(): the thread ends at this time at the latest
    bool is_gone_ = false;      ///< the receiver takes no message any more
    std::thread thread_;
};

}  // namespace wc::destinations
