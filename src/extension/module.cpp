// The library as PostgreSQL loads it.
#include "extension/audit/reader.hpp"
#include "extension/binding/binding.hpp"
#include "extension/binding/internal_tables.hpp"
#include "extension/calls/counts.hpp"
#include "extension/changes/changes.hpp"
#include "extension/changes/registration.hpp"
#include "extension/changes/relay.hpp"
#include "extension/query/one_state.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/settings.hpp"
#include "extension/warm/definitions.hpp"
#include "extension/warm/memory.hpp"

extern "C" {
PG_MODULE_MAGIC;
// PostgreSQL chose the name.
PGDLLEXPORT void _PG_init();  // NOLINT(bugprone-reserved-identifier)
}

void _PG_init()
{
    wc::settings::define(process_shared_preload_libraries_in_progress);
    if (process_shared_preload_libraries_in_progress) {
        wc::relay::reserve();
        wc::warm::reserve_memory();
        wc::calls::reserve();
    }
    wc::audit::watch_roles();
    wc::watch_bindings();
    wc::watch_descendants();
    wc::watch_internal_tables();
    wc::watch_registrations();
    wc::watch_changes();
    wc::warm::watch_definitions();
}

// The library's version; wc_version() compares it with that of the SQL objects.
WC_FUNCTION(wc_library_version) { return PointerGetDatum(cstring_to_text(WC_VERSION)); }
