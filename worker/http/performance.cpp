#include "http/performance.hpp"

#include <malloc.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace wc::http {
namespace {

using Json = nlohmann::ordered_json;

Json rounded(double value) { return std::isfinite(value) ? Json(std::round(value * 1000) / 1000) : Json(); }

template <class Value>
Json known(const std::optional<Value> &value, bool is_fresh)
{
    return value && is_fresh ? Json(*value) : Json();
}

// Text of a server is JSON if it says what it should, and nothing otherwise.
Json parsed(const std::string &text, bool is_fresh)
{
    auto json = is_fresh ? Json::parse(text, nullptr, false) : Json();
    return json.is_discarded() ? Json() : json;
}

Json number_of(const Json &object, const char *key)
{
    auto const found = object.find(key);
    return found != object.end() && found->is_number() ? *found : Json();
}

Json pool_of(const Json &performance)
{
    auto const database = performance.find("database");
    if (database == performance.end() || !database->is_object() || !database->contains("poolStats"))
        return {};
    return (*database)["poolStats"];
}

std::string dump(const Json &body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string performance_json(const app::Seen &seen, Time now)
{
    auto performance = parsed(seen.database.performance, app::Board::is_fresh(seen.database_at, now));
    if (!performance.is_object())
        performance = Json::object();
    bool const is_fresh = app::Board::is_fresh(seen.cache_at, now);
    auto const heap = mallinfo2();
    Json body;
    body["timeWindow"] = "5 minutes";
    body["totalRequests"] = number_of(performance, "totalRequests");
    for (auto const *key : {"avgResponseTime", "p50", "p95", "p99"})
        body[key] = number_of(performance, key);
    body["slowRequests"] = number_of(performance, "slowRequests");
    body["errorRate"] = number_of(performance, "errorRate");
    auto &cache = body["cache"];
    cache["connected"] = seen.cache_connected ? Json(*seen.cache_connected) : Json();
    cache["dbSize"] = known(seen.cache.keys, is_fresh);
    cache["usedMemory"] = known(seen.cache.used_memory, is_fresh);
    cache["hitRate"] = seen.hit_rate && is_fresh ? rounded(*seen.hit_rate) : Json();
    body["database"]["poolStats"] = pool_of(performance);
    body["memory"]["heapUsed"] = heap.uordblks + heap.hblkhd;
    body["memory"]["heapTotal"] = heap.arena + heap.hblkhd;
    return dump(body);
}

std::string slow_json(const app::Seen &seen, Time now)
{
    Json body;
    body["calls"] = parsed(seen.database.slow_calls, app::Board::is_fresh(seen.database_at, now));
    return dump(body);
}

}  // namespace wc::http
