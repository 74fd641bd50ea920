#include "redis/server_info.hpp"

#include "redis/error.hpp"

namespace wc::redis {

std::string_view info_field(std::string_view info, std::string_view name)
{
    auto const start = "\n" + std::string(name) + ":";
    auto const at = info.find(start);
    if (at == std::string_view::npos)
        throw ReplyError("an answer to INFO has no " + std::string(name));
    auto const rest = info.substr(at + start.size());
    return rest.substr(0, rest.find_first_of("\r\n"));
}

void ServerInfo::append(Connection &connection)
{
    connection.append({"INFO", "server"});
    connection.append({"INFO", "replication"});
}

ServerInfo ServerInfo::read(Connection &connection)
{
    auto const server = connection.read();
    auto const replication = connection.read();
    return {std::string(info_field(server.text(), "run_id")),
            std::string(info_field(replication.text(), "master_replid")),
            info_field(replication.text(), "role") == "master"};
}

ServerInfo ServerInfo::ask(Connection &connection)
{
    append(connection);
    connection.flush();
    return read(connection);
}

}  // namespace wc::redis
