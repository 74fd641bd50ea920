#include "destinations/sender.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "process/log.hpp"

namespace wc::destinations {
namespace {

// A message that is refused so often is at fault itself, and later ones wait behind it.
constexpr int kMostRefusals = 5;
// Longer is not believed.
constexpr std::chrono::milliseconds kLongestWish = std::chrono::hours(1);

}  // namespace

Sender::Sender(metrics::Destination to, std::unique_ptr<Receiver> receiver, SenderLimits limits,
               metrics::Metrics &metrics)
    : to_(to),
      receiver_(std::move(receiver)),
      limit_(limits.queue),
      metrics_(metrics),
      retry_(name(to), limits.first_pause, limits.longest_pause),
      thread_([this] { run(); })
{}

Sender::~Sender()
{
    finish(Time{});
    thread_.join();
}

void Sender::send(Message message)
{
    std::lock_guard const lock(mutex_);
    if (is_gone_ || until_ != Time::max()) {
        metrics_.lost(to_, metrics::Loss::Stopped);
        return;
    }
    if (queue_.size() >= limit_) {
        queue_.pop_front();
        metrics_.lost(to_, metrics::Loss::Full);
    }
    queue_.push_back({std::move(message)});
    metrics_.set_waiting(to_, queue_.size());
    changed_.notify_all();
}

void Sender::finish(Time until)
{
    std::lock_guard const lock(mutex_);
    // The first one counts: the destructor waits for what was allowed before.
    if (until_ != Time::max())
        return;
    until_ = until;
    receiver_->stop_at(until);
    changed_.notify_all();
}

// False: it ends.
bool Sender::wait_for_work(std::unique_lock<std::mutex> &lock)
{
    for (;;) {
        bool const is_ending = until_ != Time::max();
        auto const now = std::chrono::steady_clock::now();
        if (is_ending && (queue_.empty() || now >= until_ || retry_.due() > until_))
            return false;
        if (queue_.empty())
            changed_.wait(lock);
        else if (now >= retry_.due())
            return true;
        else
            changed_.wait_until(lock, std::min(retry_.due(), until_));
    }
}

void Sender::run()
{
    std::unique_lock lock(mutex_);
    while (wait_for_work(lock)) {
        auto waiting = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        Delivery delivery;
        try {
            delivery = receiver_->deliver(waiting.message);
        } catch (const std::exception &error) {
            delivery = {Delivery::Result::Useless, error.what()};
        }
        lock.lock();
        settle(std::move(waiting), delivery);
        metrics_.set_waiting(to_, queue_.size());
    }
    if (!queue_.empty()) {
        log::warning("{}: {} messages were not sent before the end", name(to_), queue_.size());
        metrics_.lost(to_, metrics::Loss::Stopped, queue_.size());
    }
}

void Sender::settle(Waiting waiting, const Delivery &delivery)
{
    using Result = Delivery::Result;
    auto const now = std::chrono::steady_clock::now();
    auto const pause = [&] { retry_.failed(now, delivery.why, std::min(delivery.not_before, kLongestWish)); };
    switch (delivery.result) {
        case Result::Taken:
            retry_.succeeded();
            metrics_.sent(to_);
            if (delivery.rejected > 0)
                metrics_.rejected(to_, delivery.rejected);
            if (!delivery.why.empty())
                log::warning("{}: {}", name(to_), delivery.why);
            return;
        case Result::Busy: pause(); return put_back(std::move(waiting));
        case Result::Refused:
            pause();
            if (++waiting.refusals < kMostRefusals)
                return put_back(std::move(waiting));
            [[fallthrough]];
        case Result::Useless:
            metrics_.lost(to_, metrics::Loss::Refused);
            log::warning("{}: a message is given up: {}", name(to_), delivery.why);
            return;
        case Result::Gone:
            is_gone_ = true;
            metrics_.lost(to_, metrics::Loss::Stopped, queue_.size() + 1);
            queue_.clear();
            log::error("{}: {}; nothing is sent to it until the worker is started again", name(to_), delivery.why);
            return;
    }
}

// Puts the message back to the front: it is the oldest.
void Sender::put_back(Waiting waiting)
{
    if (queue_.size() >= limit_) {
        metrics_.lost(to_, metrics::Loss::Full);
        return;
    }
    metrics_.sent_again(to_);
    queue_.push_front(std::move(waiting));
}

}  // namespace wc::destinations
