#include "redis/library.hpp"

#include "process/log.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

constexpr std::string_view kSource =
#include "redis/library.lua.inc"
    ;

// FUNCTION LIST answers with a map, which RESP2 flattens into a list: library_name, …, library_code, CODE.
bool is_loaded(const Reply &list)
{
    for (std::size_t i = 0; i < list.size(); ++i) {
        auto const *library = list.raw().element[i];
        for (std::size_t j = 0; library->type == REDIS_REPLY_ARRAY && j + 1 < library->elements; j += 2) {
            auto const *field = library->element[j], *value = library->element[j + 1];
            if (field->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
                std::string_view(field->str, static_cast<std::size_t>(field->len)) == "library_code")
                return std::string_view(value->str, static_cast<std::size_t>(value->len)) == kSource;
        }
    }
    return false;
}

}  // namespace

std::string_view library_source() noexcept { return kSource; }

void ensure_library(Connection &connection)
{
    try {
        if (is_loaded(connection.run({"FUNCTION", "LIST", "LIBRARYNAME", "white_cross", "WITHCODE"})))
            return;
    } catch (const ReplyError &error) {
        if (std::string_view(error.what()).find("unknown command") != std::string_view::npos)
            throw ReplyError("this Redis has no functions: version 7 or newer is needed, or Valkey");
        throw;
    }
    connection.run({"FUNCTION", "LOAD", "REPLACE", kSource});
    log::info("redis: loaded the function library white_cross");
}

}  // namespace wc::redis
