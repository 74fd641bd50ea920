// The status of a worker for people at a terminal.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "process/clock.hpp"

namespace wc::http {

/// Turns successive bodies of /api/admin/status into text.  For counts that grew since the previous body it shows the
/// rate and the time left.
class StatusView {
public:
    /// Lines of text, each ended.  Throws std::invalid_argument if the body is not that of a worker.
    std::string show(std::string_view body, Time now);

private:
    struct Mark {
        Time at;
        double rebuilt, rows;
    };
    std::optional<Mark> last_;
};

/// `7 s`, `3 min 20 s`, `2 h 5 min`.
std::string duration_text(double seconds);

}  // namespace wc::http
