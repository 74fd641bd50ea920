// Logging.  Lines go to stderr, one line for each event.  No health data and no names ever; ids of students at debug
// level only.
#pragma once
#include <fmt/core.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace wc::log {

enum class Level { Debug, Info, Warning, Error };

/// Format is "text" or "json".  Call it once, before the first thread starts.  Under journald (JOURNAL_STREAM is set)
/// text lines carry its priority marks instead of time and level.
void start(std::string_view format);
/// "debug", "info", "warning" or "error".  Any time.
void set_level(std::string_view level);

/// As long as it lives, lines of this thread begin with "SUBJECT: ", and so do those of the threads that `thread`
/// starts meanwhile.  Empty: with what they began with before.
class Subject {
public:
    explicit Subject(const std::string &subject);
    ~Subject();
    Subject(const Subject &) = delete;
    Subject &operator=(const Subject &) = delete;

private:
    std::string before_;
};

/// Starts a thread whose lines begin as those of the caller's.
std::thread thread(std::function<void()> run);

bool is_on(Level level) noexcept;
/// The trace of the change that a line is about; empty: none.  A line of JSON has it as the member "trace_id", a line
/// of text as "trace_id=…" at its end.
struct Trace {
    std::string_view id{};
};
void write(Level level, std::string_view message, Trace trace = {});

template <class... Args>
void debug(fmt::format_string<Args...> format, Args &&...args)
{
    if (is_on(Level::Debug))
        write(Level::Debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args &&...args)
{
    if (is_on(Level::Info))
        write(Level::Info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args &&...args)
{
    if (is_on(Level::Warning))
        write(Level::Warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args &&...args)
{
    if (is_on(Level::Error))
        write(Level::Error, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(Trace trace, fmt::format_string<Args...> format, Args &&...args)
{
    if (is_on(Level::Error))
        write(Level::Error, fmt::format(format, std::forward<Args>(args)...), trace);
}

}  // namespace wc::log
