// A writer that takes part in a trace.
#pragma once
#include <chrono>
#include <string>

#include "app/change.hpp"

namespace wc::app {

/// A transaction of a sampled trace, as the queue names it.
struct Writer {
    std::string trace, span;  ///< the writer's, in lower-case hexadecimal
    Xid xid = 0;
    std::chrono::microseconds age{};  ///< as that of a change
};

}  // namespace wc::app
