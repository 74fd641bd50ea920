// Asks Redis how much memory it uses and how many reads hit.
#pragma once
#include <string_view>

#include "app/observation.hpp"
#include "redis/master_watch.hpp"

namespace wc::redis {

class Observer : public app::CacheObserver {
public:
    /// `watch`: of the target's Sentinels, and outlives this; null: it has none.
    explicit Observer(const Target &target, const MasterWatch *watch = nullptr)
        : connection_(connect(target)), watch_(watch), database_(target.address.database)
    {}

    app::CacheView look() override;

private:
    Connection connection_;
    const MasterWatch *watch_;
    int database_;
};

/// Reads the answer of INFO: the memory in use, and the keys of one database.
app::CacheView parse_info(std::string_view info, int database);

}  // namespace wc::redis
