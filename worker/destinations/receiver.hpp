// Port: a destination that takes messages.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "destinations/message.hpp"
#include "process/clock.hpp"

namespace wc::destinations {

struct Delivery {
    enum class Result {
        Taken,
        Busy,     ///< try again later, without limit: the message is all right
        Refused,  ///< try again a few times
        Useless,  ///< never send this message again
        Gone,     ///< send no message any more
    };
    Result result = Result::Taken;
    std::string why{};                       ///< for the log; contains no secret
    std::chrono::milliseconds not_before{};  ///< how long the receiver wants to be left alone
    std::int64_t rejected = 0;               ///< items that were refused although the message was taken
};

/// For one thread, but for `stop_at`.
class Receiver {
public:
    virtual ~Receiver() = default;
    /// Returns within a bounded time.  Throws nothing but std::bad_alloc.
    virtual Delivery deliver(const Message &message) = 0;
    /// Makes the running call of `deliver`, and later ones, return by then.  Any thread may call it.
    virtual void stop_at(Time until) = 0;
};

}  // namespace wc::destinations
