// Frees objects that were replaced but may still be in use further up the stack.
//
// A read continues with the binding and the plans that it began with, while functions that it calls (detoasting,
// locking, functions in policies) may accept invalidations and replace them.  A read uses nothing after the end of its
// transaction, so an object that was replaced in one transaction is freed in a later one.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

using Free = void (*)(void *what);

/// Frees `what` with `free` once the current transaction is over, at the next call or later.
void retire(void *what, Free free);

}  // namespace wc
