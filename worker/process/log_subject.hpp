// What a thread's lines of the log are about.
#pragma once
#include <string>

namespace wc::log {

/// From now on this thread's lines begin with this text.  Empty: with nothing.
void begin_lines_with(std::string subject);

}  // namespace wc::log
