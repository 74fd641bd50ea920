#include "config/command_line.hpp"

#include <sysexits.h>

#include <CLI/CLI.hpp>

namespace wc::config {

CommandLine parse_command_line(int argc, char **argv)
{
    CommandLine out;
    CLI::App app{
        "wc-worker removes from Redis what a change in PostgreSQL made stale, and rebuilds what is read often.\n"
        "Signals: TERM or INT finishes the work in hand and exits 0, a second one exits 143 at once; HUP reads the\n"
        "configuration again.",
        "wc-worker"};
    app.set_version_flag("--version", "wc-worker " WC_VERSION);
    app.add_option("-c,--config", out.config_file, "read this TOML file; without it the defaults hold");
    auto *const check =
        app.add_flag("--check-config", out.check_config, "print the settings in force, passwords masked, and exit");
    app.add_flag("--connect", out.connect, "with --check-config: log in to each server, and name missing rights")
        ->needs(check);
    app.add_flag("--unregister", out.unregister,
                 "stop the database from queueing changes for this worker, and exit: for when it is removed for good");
    auto &status = *app.add_subcommand("status", "print the state of the worker that runs with this configuration");
    status.add_flag("--watch", out.watch, "print it again every second");
    app.fallthrough();
    status.fallthrough();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        out.exit_status = app.exit(error) == 0 ? 0 : EX_USAGE;
    }
    out.status = status.parsed();
    return out;
}

}  // namespace wc::config
