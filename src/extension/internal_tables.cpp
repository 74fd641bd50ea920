#include "extension/internal_tables.hpp"

namespace wc {
namespace {

// Remembered until anything about them, or about the schema, changes.
Oid queue = InvalidOid;
Oid worker = InvalidOid;

void forget() noexcept { queue = worker = InvalidOid; }

void on_relation_changed(Datum, Oid relation)
{
    if (!OidIsValid(relation) || relation == queue || relation == worker)
        forget();
}

void on_schema_changed(Datum, int, uint32) { forget(); }

Oid find(const char *name)
{
    Oid const schema = get_namespace_oid("white_cross", true);
    return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

}  // namespace

Oid queue_table()
{
    if (!OidIsValid(queue))
        queue = find("invalidation");
    return queue;
}

Oid worker_table()
{
    if (!OidIsValid(worker))
        worker = find("worker");
    return worker;
}

void watch_internal_tables()
{
    CacheRegisterRelcacheCallback(on_relation_changed, Datum{0});
    CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_changed, Datum{0});
}

}  // namespace wc
