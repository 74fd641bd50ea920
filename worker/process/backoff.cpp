#include "process/backoff.hpp"

#include <algorithm>

namespace wc {

Backoff::Backoff(Milliseconds first, Milliseconds longest, unsigned seed)
    : first_(first), longest_(longest), last_(first), random_(seed)
{}

Backoff::Milliseconds Backoff::next()
{
    std::uniform_int_distribution<Milliseconds::rep> draw(first_.count(), std::max(first_, 3 * last_).count());
    last_ = std::min(longest_, Milliseconds(draw(random_)));
    return last_;
}

}  // namespace wc
