// What a Redis server says of itself.
#pragma once
#include <string>
#include <string_view>

#include "redis/connection.hpp"

namespace wc::redis {

/// The process of a server, and the history of its data.
struct ServerInfo {
    std::string run_id;   ///< which Redis gives itself at each start
    std::string history;  ///< another one after each promotion, and where the data came from another master
    bool is_master = false;

    /// Names the data of this process: other data may lack what the worker removed here.
    std::string process() const { return run_id + "." + history; }

    static void append(Connection &connection);
    /// Reads the answers to `append`.  Throws ReplyError.
    static ServerInfo read(Connection &connection);
    static ServerInfo ask(Connection &connection);
};

/// Returns a field of an answer to INFO, whose lines are `name:value`.  Throws ReplyError if there is none.
std::string_view info_field(std::string_view info, std::string_view name);

}  // namespace wc::redis
