// Sets settings for as long as a function runs.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace wc {

/// Sets a setting with the user's rights, until the current nest level of settings ends.  Raises an error for an
/// unknown setting or an invalid value.
inline void set_for_nest_level(const char *name, const char *value)
{
    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/// `end`, or an error that aborts the (sub)transaction, restores the settings that `set` has changed.
/// REQUIRES: scopes end in the reverse order of their beginnings.
class GucScope {
public:
    GucScope() : level_(NewGUCNestLevel()) {}

    void set(const char *name, const char *value) { set_for_nest_level(name, value); }

    void end() { AtEOXact_GUC(true, level_); }

private:
    int level_;
};

}  // namespace wc
