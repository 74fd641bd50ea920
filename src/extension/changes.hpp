// Change tracking: what a transaction changed goes into the queue with its commit.
#pragma once

namespace wc {

/// Registers the callbacks of transactions.  Called once, when the library is loaded.
void watch_changes();

}  // namespace wc
