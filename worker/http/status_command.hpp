// `wc-worker status`: asks the worker that runs with this configuration.
#pragma once
#include "config/config.hpp"

namespace wc::http {

/// Prints the status to stdout.  With `watch` it does so each second until a signal ends it; on a terminal a status
/// replaces the one before.  Returns the exit status: 0 nobody needs to act, 1 somebody does, 2 no worker answers.
int show_status(const config::Http &at, bool watch);

}  // namespace wc::http
