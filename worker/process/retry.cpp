#include "process/retry.hpp"

#include <algorithm>

#include "process/log.hpp"

namespace wc {

void Retry::failed(Time now, std::string_view why, std::chrono::milliseconds least)
{
    auto const pause = std::max(backoff_.next(), least);
    due_ = now + pause;
    if (why != last_why_ || now - last_logged_ >= std::chrono::minutes(1)) {
        log::warning("{}: {}; trying again in {} ms", what_, why, pause.count());
        last_why_ = why;
        last_logged_ = now;
    }
}

void Retry::succeeded()
{
    if (!last_why_.empty())
        log::info("{}: connected again", what_);
    last_why_.clear();
    backoff_.reset();
    due_ = {};
}

}  // namespace wc
