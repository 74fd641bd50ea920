#include "redis/observer.hpp"

#include <string>

#include "core/text/number.hpp"

namespace wc::redis {
namespace {

// The number behind `name`, which begins a line or follows a comma.
std::optional<std::int64_t> number_in(std::string_view text, const std::string &name, std::string_view end)
{
    auto const at = text.find(name);
    if (at == std::string_view::npos)
        return std::nullopt;
    auto const rest = text.substr(at + name.size());
    return parse_number<std::int64_t>(rest.substr(0, rest.find_first_of(end)));
}

}  // namespace

app::CacheView parse_info(std::string_view info, int database)
{
    app::CacheView view;
    view.used_memory = number_in(info, "\nused_memory:", "\r\n");
    // A database without keys has no line.
    if (info.find("# Keyspace") != std::string_view::npos)
        view.keys = number_in(info, "\ndb" + std::to_string(database) + ":keys=", ",\r\n").value_or(0);
    return view;
}

app::CacheView Observer::look()
{
    if (watch_)
        watch_->check(connection_);
    connection_.append({"INFO", "memory"});
    connection_.append({"INFO", "keyspace"});
    connection_.append({"FCALL", "wc_reads", "0"});
    connection_.flush();
    std::string info = "\n";
    for (int part = 0; part < 2; ++part)
        if (auto const reply = connection_.read_any(); !reply.is_error())
            info += reply.text();
    auto view = parse_info(info, database_);
    // Before the worker has loaded its library there is no such function.
    if (auto const reads = connection_.read_any(); !reads.is_error()) {
        view.hits = reads.integer(0);
        view.misses = reads.integer(1);
    }
    return view;
}

}  // namespace wc::redis
