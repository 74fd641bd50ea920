#include "redis/scan_keys.hpp"

#include "redis/error.hpp"

namespace wc::redis {

std::vector<std::string_view> scan_keys(const Reply &found)
{
    auto const *list = found.size() == 2 ? found.raw().element[1] : nullptr;
    if (!list || list->type != REDIS_REPLY_ARRAY)
        throw ReplyError("an answer to SCAN is not a cursor and a list");
    std::vector<std::string_view> keys;
    for (std::size_t i = 0; i < list->elements; ++i)
        keys.push_back(text_of(*list->element[i]));
    return keys;
}

}  // namespace wc::redis
