// Asks the Sentinels again and again where the master is.
#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "redis/sentinel.hpp"

namespace wc::redis {

/// A connection to a master that was cut off from the others does not end by itself: this tells that another one has
/// taken its place.  Has a thread of its own, so that a Sentinel that hangs delays nobody.
class MasterWatch {
public:
    /// REQUIRES: the target has Sentinels.
    explicit MasterWatch(const Target &target);
    ~MasterWatch();
    MasterWatch(const MasterWatch &) = delete;
    MasterWatch &operator=(const MasterWatch &) = delete;

    /// `host:port` as the Sentinels name it best; empty: they do not answer, or not yet.  Thread-safe.
    std::string master() const;
    /// Throws IoError if the Sentinels name another server than that of the connection, unless that is `tolerated`.
    /// Thread-safe, but for the connection.
    void check(const Connection &connection, const std::string &tolerated = {}) const;

private:
    void run();

    Sentinels sentinels_;
    mutable std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::string master_;
    std::thread thread_;
};

}  // namespace wc::redis
