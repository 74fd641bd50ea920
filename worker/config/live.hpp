// The configuration in force, which a SIGHUP may replace while all threads read it.
#pragma once
#include <memory>
#include <mutex>
#include <utility>

#include "config/config.hpp"

namespace wc::config {

/// Thread-safe.  `get` returns all settings as they are at one moment; they stay valid while the caller holds them.
class Live {
public:
    explicit Live(Config config) : config_(std::make_shared<const Config>(std::move(config))) {}

    std::shared_ptr<const Config> get() const
    {
        std::lock_guard const lock(mutex_);
        return config_;
    }
    void set(Config config)
    {
        auto next = std::make_shared<const Config>(std::move(config));
        std::lock_guard const lock(mutex_);
        config_ = std::move(next);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Config> config_;
};

}  // namespace wc::config
