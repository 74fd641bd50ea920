// For --connect: logs in to each server as the worker does, and says what is wrong.
#pragma once
#include "config/config.hpp"
#include "keeper/servers.hpp"

namespace wc {

/// Writes a line for each server to stderr.  Returns 0, EX_NOPERM if a server refuses the user or the user lacks a
/// right, or else EX_UNAVAILABLE.
int try_servers(const config::Config &config, const Servers &servers);

}  // namespace wc
