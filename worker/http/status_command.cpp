#include "http/status_command.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

#include "http/client.hpp"
#include "http/status_view.hpp"
#include "process/printable.hpp"

namespace wc::http {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::seconds kInterval{1};
// To the upper left corner, and afterwards: what is left of the line, and of the screen, is empty.
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kToLineEnd = "\x1b[K\n";
constexpr std::string_view kToEnd = "\x1b[J";

// An address to listen on everywhere is none to connect to.
std::string reachable(const std::string &address)
{
    if (address.empty() || address == "0.0.0.0")
        return "127.0.0.1";
    return address == "::" ? "::1" : address;
}

struct Shown {
    int exit_status;
    std::string text;
};

Shown ask(const config::Http &at, StatusView &view)
{
    auto const address = reachable(at.address);
    auto const where = address + ":" + std::to_string(at.port);
    try {
        auto const answer = get(address, static_cast<int>(at.port), "/api/admin/status", at.token, kPatience);
        if (answer.status != 200)
            return {2, "the worker at " + where + " refuses: " + printable(answer.body, 200) + "\n"};
        auto const text = view.show(answer.body, std::chrono::steady_clock::now());
        return {answer.body.find("\"healthy\":true") != std::string::npos ? 0 : 1, text};
    } catch (const std::exception &error) {
        return {2, "no worker answers at " + where + ": " + printable(error.what()) + "\n"};
    }
}

void print(const std::string &text, bool over_itself)
{
    if (!over_itself) {
        std::fputs(text.c_str(), stdout);
        return;
    }
    std::string screen(kHome);
    for (char const c : text) {
        if (c == '\n')
            screen += kToLineEnd;
        else
            screen += c;
    }
    std::fputs((screen + std::string(kToEnd)).c_str(), stdout);
}

}  // namespace

int show_status(const config::Http &at, bool watch)
{
    if (!at.enabled || at.port == 0) {
        std::fputs("wc-worker: the configuration names no fixed http.port to ask\n", stderr);
        return 2;
    }
    StatusView view;
    bool const over_itself = watch && isatty(STDOUT_FILENO);
    if (over_itself)
        std::fputs("\x1b[2J", stdout);
    for (;;) {
        auto const shown = ask(at, view);
        print(over_itself || !watch ? shown.text : shown.text + "\n", over_itself);
        if (std::fflush(stdout) != 0 || !watch)
            return shown.exit_status;
        std::this_thread::sleep_for(kInterval);
    }
}

}  // namespace wc::http
