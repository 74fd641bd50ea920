#include "extension/binding/internal_tables.hpp"

#include "extension/server/catalog_watch.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace wc {
namespace {

// Cached until one of the tables, or the schema, changes.
Oid queue = InvalidOid;
Oid worker = InvalidOid;
Oid report = InvalidOid;

void forget() { queue = worker = report = InvalidOid; }

void on_relation_changed(Oid relation)
{
    if (!OidIsValid(relation) || relation == queue || relation == worker || relation == report)
        forget();
}

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

Oid report_table()
{
    if (!OidIsValid(report))
        report = find("worker_report");
    return report;
}

Oid lock_internal_table(Oid (*find_table)(), LOCKMODE mode)
{
    for (;;) {
        Oid const id = find_table();
        if (!OidIsValid(id))
            return InvalidOid;
        LockRelationOid(id, mode);
        if (find_table() == id)
            return id;
        UnlockRelationOid(id, mode);
    }
}

void watch_internal_tables()
{
    watch_relations(on_relation_changed);
    watch_schemas(forget);
}

}  // namespace wc
