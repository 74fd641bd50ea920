#include "redis/master_watch.hpp"

#include "process/log.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

MasterWatch::MasterWatch(const Target &target) : sentinels_(target), thread_(log::thread([this] { run(); })) {}

MasterWatch::~MasterWatch()
{
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    stop_.notify_all();
    thread_.join();
}

std::string MasterWatch::master() const
{
    std::lock_guard const lock(mutex_);
    return master_;
}

void MasterWatch::check(const Connection &connection, const std::string &tolerated) const
{
    auto const named = master();
    auto const here = describe(static_cast<const Endpoint &>(connection.address()));
    if (!named.empty() && named != here && named != tolerated)
        throw IoError("the Sentinels name " + named + " as the master, and no longer " + here);
}

void MasterWatch::run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        std::string named;
        try {
            named = describe(sentinels_.ask().front().master);
        } catch (const Error &error) {
            // Redis may answer all the same.
            log::debug("{}", error.what());
        }
        lock.lock();
        master_ = std::move(named);
        stop_.wait_for(lock, kInterval, [this] { return stopping_; });
    }
}

}  // namespace wc::redis
