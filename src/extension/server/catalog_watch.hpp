// Word of changed relations, schemas and rows of other catalogs, for everybody here who keeps what was looked up.
//
// A backend has room for ten relcache callbacks of all libraries together, and a registration that finds no room ends
// the session (CacheRegisterRelcacheCallback).  So this library registers one callback, which calls those of its parts.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// Called for a changed relation; InvalidOid means that any relation may have changed.  REQUIRES: the callback does not
/// look anything up, allocate memory or raise an error.
using OnRelationChanged = void (*)(Oid relation);
using OnSchemaChanged = void (*)();
using OnCatalogChanged = void (*)();

/// REQUIRES: called while the library is loaded (_PG_init).
void watch_relations(OnRelationChanged told);
void watch_schemas(OnSchemaChanged told);

/// `cache`: the system cache of the catalog.
void watch_catalog(pg::SystemCache cache, OnCatalogChanged told);

}  // namespace wc
