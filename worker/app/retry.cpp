#include "app/retry.hpp"

#include "app/log.hpp"

namespace wc::app {

void Retry::failed(Time now, std::string_view why)
{
    auto const pause = backoff_.next();
    due_ = now + pause;
    if (why != last_why_ || now - last_logged_ >= std::chrono::minutes(1)) {
        log::warning("{}: {}; trying again, at first in {} ms", name(part_), why, pause.count());
        last_why_ = why;
        last_logged_ = now;
    }
}

void Retry::succeeded()
{
    if (!last_why_.empty())
        log::info("{}: connected again", name(part_));
    last_why_.clear();
    backoff_.reset();
    due_ = {};
}

}  // namespace wc::app
