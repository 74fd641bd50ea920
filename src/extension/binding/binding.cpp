#include "extension/binding/binding.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/binding/partition.hpp"
#include "extension/binding/resolution.hpp"
#include "extension/server/trigger_call.hpp"

namespace wc {
namespace {

// A stack of the reads that have begun and not ended, the innermost last.
struct Read {
    Binding binding;
    int nest_level;  // of the subtransaction that it runs in; an error that aborts it ends the read
};
Read *reads = nullptr;
int count_of_reads = 0;
int room_for_reads = 0;

void on_transaction_event(XactEvent event, void *)
{
    switch (event) {
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_PARALLEL_COMMIT:
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PARALLEL_ABORT:
        case XACT_EVENT_PREPARE: end_reading(0); break;
        default: break;
    }
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId, SubTransactionId, void *)
{
    if (event != SUBXACT_EVENT_ABORT_SUB)
        return;
    int const level = GetCurrentTransactionNestLevel();
    while (count_of_reads > 0 && reads[count_of_reads - 1].nest_level >= level)
        --count_of_reads;
}

const Binding *read_under_way() { return count_of_reads == 0 ? nullptr : &reads[count_of_reads - 1].binding; }

// Returns the current read's table; null outside of a read, and if the read has no table of this entity.
const BoundTable *table_of_read(Entity entity)
{
    const Binding *const binding = read_under_way();
    return binding == nullptr ? nullptr : binding->tables[static_cast<int>(entity)];
}

}  // namespace

Binding lock_tables(std::initializer_list<Entity> entities)
{
    // Taking a lock accepts the invalidations of other sessions, but not if this transaction holds the lock already.
    // Then a transaction's second read would use the mapping from before a wc_attach that has committed meanwhile.
    AcceptInvalidationMessages();
    Binding binding{};
    bool is_of_one_moment = false;
    while (!is_of_one_moment) {
        binding.schema_changes = count_of_schema_changes();
        for (Entity const entity : entities)
            binding.tables[static_cast<int>(entity)] = &lock_current_table(entity);
        // While this function waited for one lock, another table may have been bound anew: then try again.
        is_of_one_moment = true;
        for (Entity const entity : entities)
            is_of_one_moment = is_of_one_moment && is_current(*binding.tables[static_cast<int>(entity)], entity);
    }
    continue_reading(binding);
    return binding;
}

void continue_reading(const Binding &binding)
{
    if (count_of_reads == room_for_reads) {
        int const larger = room_for_reads == 0 ? 8 : 2 * room_for_reads;
        Size const bytes = sizeof(Read) * static_cast<Size>(larger);
        reads = static_cast<Read *>(reads == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes)
                                                     : repalloc(reads, bytes));
        room_for_reads = larger;
    }
    reads[count_of_reads++] = {binding, GetCurrentTransactionNestLevel()};
}

int reads_under_way() noexcept { return count_of_reads; }

void end_reading(int depth) noexcept { count_of_reads = depth; }

void check_names()
{
    const Binding *const binding = read_under_way();
    if (binding == nullptr || binding->schema_changes == count_of_schema_changes())
        return;
    for (const BoundTable *const table : binding->tables) {
        if (table == nullptr || is_absent(*table))
            continue;
        Oid const schema = get_namespace_oid(NameStr(table->schema_name), true);
        if (schema != table->schema || get_relname_relid(NameStr(table->table_name), schema) != table->relation)
            ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                            errmsg("schema \"%s\" was renamed while its tables were read", NameStr(table->schema_name)),
                            errhint("Try again.")));
    }
}

const BoundTable &bound_table(Entity entity)
{
    const BoundTable *const table = table_of_read(entity);
    return table != nullptr ? *table : current_table(entity);
}

OpenTable open_bound_table(Entity entity)
{
    const BoundTable &table = lock_bound_table(entity);
    return {&table, relation_open(table.relation, NoLock)};
}

const BoundTable &lock_bound_table(Entity entity)
{
    const BoundTable *const table = table_of_read(entity);
    if (table == nullptr)
        elog(ERROR, "nobody has locked %s before reading them", kEntityNames[static_cast<int>(entity)]);
    return *table;
}

const BoundTable &lock_whole_table(Entity entity)
{
    const BoundTable &table = lock_bound_table(entity);
    AttributeList const list = attributes(entity);
    for (int i = 0; i < list.count; ++i) {
        bool const may_be_missing = is_optional(entity, i) && !table.columns[i].is_attached;
        if (table.columns[i].number == InvalidAttrNumber && !may_be_missing)
            report_unreadable(entity, table, i);
    }
    return table;
}

void watch_bindings()
{
    watch_resolution();
    watch_partitions();
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
}

}  // namespace wc

// AFTER trigger on white_cross.binding and white_cross.worker.  Sessions cache these tables, so a change sends a
// relcache invalidation to all sessions at commit, as a change of the table's definition does.
WC_FUNCTION(wc_announce_change)
{
    CacheInvalidateRelcache(wc::trigger_call(fcinfo).tg_relation);
    return Datum{0};
}
