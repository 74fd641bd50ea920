// The arguments of wc-worker.
#pragma once
#include <optional>
#include <string>

namespace wc::config {

struct CommandLine {
    std::string config_file;
    bool check_config = false;
    bool connect = false;  ///< only with check_config
    bool unregister = false;
    bool status = false;
    bool watch = false;
    /// Set if the process shall exit at once: it showed help or the version, or the arguments were wrong.
    std::optional<int> exit_status;
};

/// Parses the arguments.  Prints help, the version and errors by itself.
CommandLine parse_command_line(int argc, char **argv);

}  // namespace wc::config
