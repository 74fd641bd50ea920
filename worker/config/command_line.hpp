// The arguments of wc-worker.
#pragma once
#include <optional>
#include <string>

namespace wc::config {

struct CommandLine {
    std::string config_file;
    bool check_config = false;
    bool unregister = false;
    /// Set when the process has nothing more to do: help was shown, or the arguments were wrong.
    std::optional<int> exit_status;
};

/// Prints help, version and complaints itself.
CommandLine parse_command_line(int argc, char **argv);

}  // namespace wc::config
