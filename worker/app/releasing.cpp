#include "app/releasing.hpp"

#include <utility>

#include "process/failure.hpp"
#include "process/log.hpp"

namespace wc::app {
namespace {

// A row that all have done stays in the queue for so long, which costs nobody anything.  To delete many at once costs
// less than to delete each by itself, and never in the way of a drain.
constexpr std::chrono::milliseconds kInterval{250};

}  // namespace

void Release::turn()
{
    if (!ports_.drains())
        return;
    try {
        if (!releaser_)
            releaser_ = ports_.connect();
        auto const now = ports_.clock.now();
        if (now >= restamp_due_) {
            restamp_due_ = now + ports_.restamp_interval();
            releaser_->restamp();
        }
        releaser_->release();
        has_failed_ = false;
    } catch (const Failure &failure) {
        releaser_.reset();
        // Rows that stay do no harm but for their number, which everybody sees.
        if (!std::exchange(has_failed_, true))
            log::warning("rows that all targets have done stay in the queue: {}", failure.what());
    }
}

Releasing::Releasing(ReleasingPorts ports)
    : release_(std::move(ports)), thread_([this] {
          std::unique_lock lock(mutex_);
          while (!stopping_) {
              lock.unlock();
              release_.turn();
              lock.lock();
              stop_.wait_for(lock, kInterval, [this] { return stopping_; });
          }
      })
{}

Releasing::~Releasing()
{
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    stop_.notify_all();
    thread_.join();
}

}  // namespace wc::app
