// Parses HTTP headers in one text, as OTEL_EXPORTER_OTLP_HEADERS has them: `api-key=abc,x-team=school%20health`.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wc::config {

/// Returns lines `name: value`, with values decoded; nothing if the text is wrong, or would begin a line of its own.
std::optional<std::vector<std::string>> header_lines(std::string_view text);

}  // namespace wc::config
