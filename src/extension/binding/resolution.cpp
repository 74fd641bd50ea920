#include "extension/binding/resolution.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/binding/mapping.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/catalog_watch.hpp"
#include "extension/server/retired.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace wc {
namespace {

// The tables that were resolved last, and whether they are still right.
BoundTable *tables[kEntities];
bool resolved[kEntities];
std::uint64_t changes = 0;  // counts invalidations that may concern these tables
std::uint64_t schema_changes = 0;
std::uint64_t versions = 0;

void on_relation_changed(Oid relation)
{
    ++changes;
    bool const everything = !OidIsValid(relation) || is_binding_relation(relation);
    for (int i = 0; i < kEntities; ++i) {
        if (everything || (resolved[i] && (tables[i]->relation == relation || tables[i]->students == relation)))
            resolved[i] = false;
    }
}

void on_schema_changed()
{
    ++schema_changes;
    on_relation_changed(InvalidOid);
}

[[noreturn]] void report_not_attached()
{
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("white_cross is not attached to any tables"),
             errhint("Run SELECT wc_attach('public'), with the schema of the application's tables.")));
    pg_unreachable();
}

[[noreturn]] void report_table_gone(Entity entity, const BindingRow &row)
{
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("table \"%s.%s\", attached as %s, does not exist", NameStr(row.schema_name),
                           NameStr(row.table_name), kEntityNames[static_cast<int>(entity)]),
                    errhint("Create it again, or name the table in its place in the argument \"overrides\" of "
                            "wc_attach; wc_diagnose says what it is called now, if it was renamed.")));
    pg_unreachable();
}

[[noreturn]] void report_no_table(Entity entity, const BindingRow &row)
{
    ereport(
        ERROR,
        (errcode(ERRCODE_WRONG_OBJECT_TYPE),
         errmsg("\"%s.%s\", attached as %s, is not a table", NameStr(row.schema_name), NameStr(row.table_name),
                kEntityNames[static_cast<int>(entity)]),
         errhint("Changes below a view or in a foreign table fire no triggers here. Attach tables of this database.")));
    pg_unreachable();
}

[[noreturn]] void report_column_gone(Entity entity, const BoundTable &table, int attribute)
{
    ereport(
        ERROR,
        (errcode(ERRCODE_UNDEFINED_COLUMN),
         errmsg("column \"%s\" of table \"%s.%s\", attached as attribute \"%s\" of %s, does not exist",
                NameStr(table.columns[attribute].name), NameStr(table.schema_name), NameStr(table.table_name),
                attributes(entity).names[attribute], kEntityNames[static_cast<int>(entity)]),
         errhint("If it was renamed, wc_diagnose gives the statement that attaches it under its new name; the argument "
                 "\"overrides\" of wc_attach names columns that have other names.")));
    pg_unreachable();
}

[[noreturn]] void report_misfit(Entity entity, const BoundTable &table, int attribute, const char *misfit)
{
    ereport(ERROR,
            (errcode(ERRCODE_DATATYPE_MISMATCH),
             errmsg("column \"%s\" of table \"%s.%s\", attached as attribute \"%s\" of %s, %s",
                    NameStr(table.columns[attribute].name), NameStr(table.schema_name), NameStr(table.table_name),
                    attributes(entity).names[attribute], kEntityNames[static_cast<int>(entity)], misfit),
             errhint("Change the column, or run wc_attach again; its argument \"overrides\" names another.")));
    pg_unreachable();
}

// What is wrong with a table.  Moved: its names stand for another table than a moment ago.
struct Fault {
    enum class What { None, Moved, NotAttached, TableGone, NoTable, ColumnGone, Misfit } what;
    Entity entity;
    int attribute;
    const char *misfit;
};

Fault resolve_columns(Entity entity, const BindingRow &row, const ColumnType &students, BoundTable &table)
{
    AttributeList const list = attributes(entity);
    for (int i = 0; i < list.count; ++i) {
        BoundColumn &column = table.columns[i];
        HeapTuple tuple = nullptr;
        column.is_attached = column_name(row, list.names[i], column.name);
        if (column.is_attached)
            tuple = SearchSysCacheAttName(table.relation, NameStr(column.name));
        else
            strlcpy(NameStr(column.name), list.names[i], NAMEDATALEN);
        if (!HeapTupleIsValid(tuple)) {
            if (i < needed_attributes(entity))
                return {Fault::What::ColumnGone, entity, i, nullptr};
            column.number = InvalidAttrNumber;
            column.type = InvalidOid;
            continue;
        }
        auto const *attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
        column.number = attribute->attnum;
        column.type = attribute->atttypid;
        column.collation = attribute->attcollation;
        column.length = attribute->attlen;
        column.alignment = attribute->attalign;
        column.by_value = attribute->attbyval;
        column.not_null = attribute->attnotnull;
        ReleaseSysCache(tuple);
        const char *const misfit = find_misfit({column.type, column.collation}, list.kinds[i],
                                               entity == Entity::Students ? nullptr : &students);
        if (misfit != nullptr) {
            if (i < needed_attributes(entity))
                return {Fault::What::Misfit, entity, i, misfit};
            column.number = InvalidAttrNumber;
        }
        if (column.number > table.last_number)
            table.last_number = column.number;
    }
    return {};
}

Fault look_up(Entity entity, BindingRow &row, BoundTable &table)
{
    if (!read_binding(entity, row)) {
        bool const is_absent = may_be_absent(entity) && read_binding(Entity::Students, row);
        return {is_absent ? Fault::What::None : Fault::What::NotAttached, entity, 0, nullptr};
    }
    table.schema_name = row.schema_name;
    table.table_name = row.table_name;
    if (!find_table(row, table.schema, table.relation))
        return {Fault::What::TableGone, entity, 0, nullptr};
    // Refuse a view: it would run its owner's functions with the reader's rights.
    char const kind = get_rel_relkind(table.relation);
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        return {Fault::What::NoTable, entity, 0, nullptr};
    ColumnType students{};
    if (entity == Entity::Students) {
        table.students = table.relation;
    } else if (!find_student_id(table.students, students)) {
        // Without the students' id there is no type to compare with; resolving the students reports why it is missing.
        table = {};
        Fault const why = look_up(Entity::Students, row, table);
        return why.what == Fault::What::None ? Fault{Fault::What::Moved, entity, 0, nullptr} : why;
    }
    return resolve_columns(entity, row, students, table);
}

[[noreturn]] void report(const Fault &fault, const BindingRow &row, const BoundTable &table)
{
    switch (fault.what) {
        case Fault::What::None:
        case Fault::What::Moved:
        case Fault::What::NotAttached: break;
        case Fault::What::TableGone: report_table_gone(fault.entity, row);
        case Fault::What::NoTable: report_no_table(fault.entity, row);
        case Fault::What::ColumnGone: report_column_gone(fault.entity, table, fault.attribute);
        case Fault::What::Misfit: report_misfit(fault.entity, table, fault.attribute, fault.misfit);
    }
    report_not_attached();
}

// With debug_discard_caches every lookup brings invalidations, so a loop that waits for none would never end.
bool is_as_before(std::uint64_t before) { return changes == before || debug_discard_caches > 0; }

void resolve(Entity entity)
{
    MemoryContext const caller = CurrentMemoryContext;
    MemoryContext const looks =
        AllocSetContextCreate(CurrentMemoryContext, "white_cross binding", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(looks);
    BoundTable table;
    // Lookups before and after an invalidation may not fit together, and may even show a fault that never existed: try
    // again.
    for (;;) {
        AcceptInvalidationMessages();
        std::uint64_t const before = changes;
        BindingRow row;
        table = {};
        Fault const fault = look_up(entity, row, table);
        AcceptInvalidationMessages();
        if (!is_as_before(before) || fault.what == Fault::What::Moved)
            continue;
        if (fault.what == Fault::What::None)
            break;
        MemoryContextSwitchTo(caller);
        report(fault, row, table);
    }
    MemoryContextSwitchTo(caller);
    MemoryContextDelete(looks);

    table.version = next_version();
    auto *const kept = static_cast<BoundTable *>(MemoryContextAlloc(TopMemoryContext, sizeof(BoundTable)));
    *kept = table;
    int const i = static_cast<int>(entity);
    if (tables[i] != nullptr)
        retire(tables[i], pfree);
    tables[i] = kept;
    resolved[i] = true;
}

}  // namespace

const BoundTable &current_table(Entity entity)
{
    int const i = static_cast<int>(entity);
    if (!resolved[i])
        resolve(entity);
    return *tables[i];
}

bool is_known(Entity entity) noexcept { return resolved[static_cast<int>(entity)]; }

bool is_current(const BoundTable &table, Entity entity)
{
    int const i = static_cast<int>(entity);
    return tables[i] == &table && (resolved[i] || debug_discard_caches > 0);
}

// The lock waits for a session that alters the table, and then brings its invalidations; the table may even be gone.
const BoundTable &lock_current_table(Entity entity)
{
    for (;;) {
        const BoundTable &table = current_table(entity);
        if (is_absent(table))
            return table;
        LockRelationOid(table.relation, AccessShareLock);
        if (is_current(table, entity))
            return table;
        UnlockRelationOid(table.relation, AccessShareLock);
    }
}

void report_unreadable(Entity entity, const BoundTable &table, int attribute)
{
    const BoundColumn &column = table.columns[attribute];
    if (!OidIsValid(column.type))
        report_column_gone(entity, table, attribute);
    report_misfit(entity, table, attribute,
                  find_misfit({column.type, column.collation}, attributes(entity).kinds[attribute], nullptr));
}

std::uint64_t next_version() noexcept { return ++versions; }

std::uint64_t count_of_schema_changes() { return schema_changes; }

void watch_resolution()
{
    watch_relations(on_relation_changed);
    watch_schemas(on_schema_changed);
}

}  // namespace wc
