#include "config/header_list.hpp"

#include <algorithm>

namespace wc::config {
namespace {

constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";

std::string_view trimmed(std::string_view text)
{
    auto const begin = std::min(text.find_first_not_of(' '), text.size());
    return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

int digit_of(char c)
{
    auto const at = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at % 16);
}

std::string decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int const high = text[i] == '%' && i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
        int const low = high < 0 ? -1 : digit_of(text[i + 2]);
        out += low < 0 ? text[i] : static_cast<char>(high * 16 + low);
        i += low < 0 ? 0 : 2;
    }
    return out;
}

}  // namespace

std::optional<std::vector<std::string>> header_lines(std::string_view text)
{
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto const end = std::min(text.find(','), text.size());
        auto const pair = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty())
            continue;
        auto const equal = pair.find('=');
        auto const name = trimmed(pair.substr(0, equal));
        if (equal == std::string_view::npos || name.empty() ||
            name.find_first_not_of(kLetters) != std::string_view::npos)
            return std::nullopt;
        auto const value = decoded(trimmed(pair.substr(equal + 1)));
        auto const is_bad = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
        if (trimmed(value).empty() || std::any_of(value.begin(), value.end(), is_bad))
            return std::nullopt;
        lines.push_back(std::string(name) + ": " + value);
    }
    return lines;
}

}  // namespace wc::config
