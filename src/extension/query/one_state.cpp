#include "extension/query/one_state.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/binding/binding.hpp"
#include "extension/binding/inheritance.hpp"
#include "extension/server/catalog_watch.hpp"

extern "C" {
#include "utils/inval.h"
}

namespace wc {
namespace {

std::uint64_t changes = 0;  // of relations, of which this session was told

void on_relation_changed(Oid) { ++changes; }

List *descendants_of(std::initializer_list<Entity> entities)
{
    List *all = NIL;
    for (Entity const entity : entities) {
        const BoundTable &table = bound_table(entity);
        if (!is_absent(table))
            all = list_concat(all, with_descendants(table.relation));
    }
    return all;
}

}  // namespace

// A statement reads the descendants of which the session has been told.  So they are listed before it is told what has
// happened until now: what comes in between is a change too, and is read again.
Descendants::Descendants(std::initializer_list<Entity> entities) : tables_(descendants_of(entities))
{
    AcceptInvalidationMessages();
    changes_ = changes;
}

bool Descendants::are_steady(std::initializer_list<Entity> entities) const
{
    return changes == changes_ || equal(tables_, descendants_of(entities));
}

void report_unsteady(int tries)
{
    ereport(ERROR,
            (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
             errmsg("partitions of the tables were attached or detached during each of %d tries to read them", tries),
             errhint("Try again when that is done.")));
}

void watch_descendants() { watch_relations(on_relation_changed); }

}  // namespace wc
