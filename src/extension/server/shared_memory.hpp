// Memory that all sessions of the cluster share, for the rooms that keep something there.
#pragma once

#include "extension/server/prelude.hpp"

extern "C" {
#include "storage/lwlock.h"
}

namespace wc::shared_memory {

/// What a room keeps in shared memory: a static object of the room's, which lives as long as the process.
struct Area {
    /// Also the name under which its locks are seen in pg_stat_activity.
    const char *name;

    /// Its bytes.  Asked once the settings are read; 0 when the area is not wanted.
    Size (*size)();

    /// How many locks it needs; nullptr for none.
    int (*locks)();

    /// Runs while the server starts, and again after a crash, when the memory is new.  What it needs is built here.
    /// Locks: `locks()` many, or nullptr.  Must not be called again for memory that other processes use.
    void (*build)(void *memory, LWLockPadded *locks);

    Area *next = nullptr;
};

/// Asks the server for the memory of an area.  Where the library is not preloaded, build() is never called.
/// REQUIRES: process_shared_preload_libraries_in_progress, and the settings are defined.
void reserve(Area &area);

}  // namespace wc::shared_memory
