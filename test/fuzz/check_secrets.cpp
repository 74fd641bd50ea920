#include <algorithm>
#include <string>
#include <vector>

#include "core/opaque/key_secrets.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

bool is_base64url(std::string_view text)
{
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

// The lines that say something, as a slower reader finds them.
std::vector<std::string> lines_of(std::string_view file)
{
    std::vector<std::string> lines;
    while (!file.empty()) {
        std::string line(take_piece(file, '\n'));
        auto const is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
        while (!line.empty() && is_space(line.back()))
            line.pop_back();
        line.erase(line.begin(), std::find_if_not(line.begin(), line.end(), is_space));
        if (!line.empty())
            lines.push_back(line);
    }
    return lines;
}

bool is_secret(const std::string &line)
{
    return line.size() >= opaque::kShortestSecret &&
           std::all_of(line.begin(), line.end(), [](char c) { return c >= '!' && c <= '~'; });
}

bool are_usable(const std::vector<std::string> &lines)
{
    return (lines.size() == 1 || lines.size() == 2) && std::all_of(lines.begin(), lines.end(), is_secret) &&
           (lines.size() == 1 || lines[0] != lines[1]);
}

void check_ids(std::string_view secret, std::string_view student)
{
    opaque::Secret const made(secret);
    auto const id = made.id_of(student);
    require(is_base64url(id.view()) && is_base64url(made.fingerprint().view()));
    require(made.id_of(student).view() == id.view());
    require(made.id_of(std::string(student) + "x").view() != id.view());
}

}  // namespace

void check_secrets(std::string_view text)
{
    auto const found = opaque::parse_secrets(text);
    auto const lines = lines_of(text);
    require((found.fault == nullptr) == (text.size() <= opaque::kLargestFile && are_usable(lines)));
    if (found.fault != nullptr) {
        // A sentence of ours, and nothing of the file.
        std::string_view const fault = found.fault;
        require(fault.starts_with("has ") && fault.size() < 80);
        return;
    }
    require(found.count == lines.size());
    for (std::size_t i = 0; i < found.count; ++i) {
        require_within(text, found.secrets[i]);
        require(found.secrets[i] == lines[i]);
        check_ids(found.secrets[i], text);
    }
}

}  // namespace wc::fuzz
