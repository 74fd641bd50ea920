#include "redis/cluster_observer.hpp"

#include "process/log.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

template <class Number>
void add(std::optional<Number> &sum, const std::optional<Number> &own)
{
    if (own)
        sum = sum.value_or(0) + *own;
}

}  // namespace

app::CacheView ClusterObserver::look()
{
    app::CacheView sum;
    for (auto const &master : watch_.wait_for_masters()) {
        auto &observer = observers_[describe(master.endpoint)];
        try {
            if (!observer)
                observer = std::make_unique<Observer>(node_of(target_, master.endpoint));
            auto const own = observer->look();
            add(sum.used_memory, own.used_memory);
            add(sum.keys, own.keys);
            add(sum.hits, own.hits);
            add(sum.misses, own.misses);
        } catch (const Error &error) {
            observer.reset();
            log::debug("{}", error.what());
        }
    }
    return sum;
}

}  // namespace wc::redis
