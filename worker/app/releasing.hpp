// The thread that deletes from the queue what all of several Redis have done.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "process/clock.hpp"

namespace wc::app {

/// Port, one connection's life.  For one thread.  REQUIRES: after a call that threw Failure only the destructor
/// follows.
class Releaser {
public:
    virtual ~Releaser() = default;
    /// Marks the Redis whose time is over as away, and deletes rows that all others have done.
    virtual void release() = 0;
    /// Gives rows with an xid that is not their writer's the xid of now.
    virtual void restamp() = 0;
};

struct ReleasingPorts {
    const Clock &clock;
    std::function<std::unique_ptr<Releaser>()> connect{};
    /// Whether some Redis is kept fresh by this process.
    std::function<bool()> drains{};
    /// How often rows are looked for that no transaction of their xid has written.
    std::function<std::chrono::seconds()> restamp_interval{};
};

/// Does what is due; has no thread of its own.  For one thread.
class Release {
public:
    explicit Release(ReleasingPorts ports) : ports_(std::move(ports)) {}
    void turn();

private:
    ReleasingPorts ports_;
    std::unique_ptr<Releaser> releaser_;
    Time restamp_due_{};
    bool has_failed_ = false;
};

/// A Release on a thread of its own, until the destructor.
class Releasing {
public:
    explicit Releasing(ReleasingPorts ports);
    ~Releasing();
    Releasing(const Releasing &) = delete;
    Releasing &operator=(const Releasing &) = delete;

private:
    Release release_;
    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace wc::app
