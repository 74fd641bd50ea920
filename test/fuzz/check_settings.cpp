#include <optional>
#include <string>

#include "config/loader.hpp"
#include "config/setting.hpp"
#include "process/printable.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

constexpr std::string_view kFile = "worker.toml";

std::string toml_of(const config::Config &config)
{
    std::string text;
    for (auto const &setting : config::settings()) {
        auto const dot = setting.name.find('.');
        text.append("[").append(setting.name.substr(0, dot)).append("]\n");
        text.append(setting.name.substr(dot + 1))
            .append(" = ")
            .append(config::show(setting, config, false))
            .append("\n");
    }
    return text;
}

// Each section only once, as TOML wants it.
std::string without_repeated_sections(std::string_view text)
{
    std::string out;
    std::string_view last;
    while (!text.empty()) {
        auto const line = take_piece(text, '\n');
        if (line.starts_with('[') && line == last)
            continue;
        last = line.starts_with('[') ? line : last;
        out.append(line).append("\n");
    }
    return out;
}

std::optional<config::Config> config_of(std::string_view text)
{
    try {
        return config::parse(text, kFile);
    } catch (const config::ConfigError &error) {
        std::string_view const what = error.what();
        require(what.starts_with(std::string(kFile) + ":") && what.size() < 2000);
        require(printable(what, 2000) == what);
        auto const line = what.substr(kFile.size() + 1);
        require(!line.empty() && line.front() >= '1' && line.front() <= '9');
        return std::nullopt;
    }
}

}  // namespace

void check_settings(std::string_view text)
{
    auto const config = config_of(text);
    if (!config)
        return;
    auto const written = toml_of(*config);
    auto const again = config_of(without_repeated_sections(written));
    require(again && toml_of(*again) == written);
    // What --check-config shows is TOML too.
    require(config_of(config::describe(*config)).has_value());
}

}  // namespace wc::fuzz
