#include "process/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "process/printable.hpp"

namespace wc::log {
namespace {

constexpr std::size_t kLongestLine = 4000;

thread_local std::string subject_of_thread;

spdlog::level::level_enum level_of(Level level)
{
    switch (level) {
        case Level::Debug: return spdlog::level::debug;
        case Level::Info: return spdlog::level::info;
        case Level::Warning: return spdlog::level::warn;
        case Level::Error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

bool is_json = false;
// A line is formatted by the thread that writes it.
thread_local std::string_view trace_of_line;

/// `%*`: the message as a JSON string, then the member "trace_id" if there is one.
class JsonMessage : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg &message, const std::tm &, spdlog::memory_buf_t &out) override
    {
        using nlohmann::json;
        auto const text = json(std::string(message.payload.data(), message.payload.size()))
                              .dump(-1, ' ', false, json::error_handler_t::replace);
        out.append(text.data(), text.data() + text.size());
        if (trace_of_line.empty())
            return;
        auto const trace = ",\"trace_id\":" + json(trace_of_line).dump();
        out.append(trace.data(), trace.data() + trace.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

/// `%*`: the priority that journald reads off the beginning of a line.
class Priority : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg &message, const std::tm &, spdlog::memory_buf_t &out) override
    {
        std::string_view const mark = message.level == spdlog::level::debug  ? "<7>"
                                      : message.level == spdlog::level::info ? "<6>"
                                      : message.level == spdlog::level::warn ? "<4>"
                                                                             : "<3>";
        out.append(mark.data(), mark.data() + mark.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<Priority>(); }
};

template <class Flag>
std::unique_ptr<spdlog::formatter> pattern(const char *text, spdlog::pattern_time_type time)
{
    auto formatter = std::make_unique<spdlog::pattern_formatter>(time);
    formatter->add_flag<Flag>('*').set_pattern(text);
    return formatter;
}

}  // namespace

void start(std::string_view format)
{
    auto logger = std::make_shared<spdlog::logger>("wc-worker", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    using Time = spdlog::pattern_time_type;
    is_json = format == "json";
    if (is_json)
        logger->set_formatter(
            pattern<JsonMessage>(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","pid":%P,"message":%*})", Time::utc));
    else if (std::getenv("JOURNAL_STREAM"))
        logger->set_formatter(pattern<Priority>("%*%v", Time::local));
    else
        logger->set_formatter(pattern<Priority>("%Y-%m-%d %H:%M:%S.%e %l: %v", Time::local));
    spdlog::set_default_logger(std::move(logger));
}

void set_level(std::string_view level)
{
    spdlog::set_level(level == "debug"     ? spdlog::level::debug
                      : level == "warning" ? spdlog::level::warn
                      : level == "error"   ? spdlog::level::err
                                           : spdlog::level::info);
}

bool is_on(Level level) noexcept { return spdlog::should_log(level_of(level)); }

Subject::Subject(const std::string &subject) : before_(subject_of_thread)
{
    if (!subject.empty())
        subject_of_thread = subject + ": ";
}

Subject::~Subject() { subject_of_thread = std::move(before_); }

std::thread thread(std::function<void()> run)
{
    return std::thread([run = std::move(run), subject = subject_of_thread] {
        subject_of_thread = subject;
        run();
    });
}

void write(Level level, std::string_view message, Trace trace)
{
    // The message may contain names and paths that others wrote, so make it printable.
    auto line = printable(subject_of_thread + std::string(message), kLongestLine);
    if (!trace.id.empty() && !is_json)
        line.append(" trace_id=").append(trace.id);
    trace_of_line = trace.id;
    spdlog::log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
    trace_of_line = {};
}

}  // namespace wc::log
