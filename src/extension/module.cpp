// The library as PostgreSQL loads it.
#include "extension/binding.hpp"
#include "extension/boundary.hpp"
#include "extension/changes.hpp"
#include "extension/internal_tables.hpp"
#include "extension/registration.hpp"
#include "extension/relay.hpp"
#include "extension/settings.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init();
}

void _PG_init()
{
    wc::settings::define(process_shared_preload_libraries_in_progress);
    if (process_shared_preload_libraries_in_progress)
        wc::relay::reserve();
    wc::watch_bindings();
    wc::watch_internal_tables();
    wc::watch_registrations();
    wc::watch_changes();
}

// The library's version; wc_version() compares it with that of the SQL objects.
WC_FUNCTION(wc_library_version) { return PointerGetDatum(cstring_to_text(WC_VERSION)); }
