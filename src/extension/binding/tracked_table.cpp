#include "extension/binding/tracked_table.hpp"

#include "extension/binding/mapping.hpp"
#include "extension/server/catalog_watch.hpp"
#include "extension/server/session_hash.hpp"

namespace wc {
namespace {

SessionHash<Oid, TrackedTable> tracked_tables("white_cross tracked tables");
std::uint64_t changes = 0;  // counts invalidations that may concern these tables

void on_relation_changed(Oid relation)
{
    ++changes;
    bool const everything = !OidIsValid(relation) || is_binding_relation(relation);
    tracked_tables.for_each([=](TrackedTable &table) {
        if (everything || table.relation == relation || table.students == relation)
            table.is_known = false;
    });
}

void on_schema_changed() { on_relation_changed(InvalidOid); }

AttrNumber find_column(Relation relation, Entity entity, int attribute)
{
    NameData name;
    if (!bound_column_name(entity, attribute, name))
        return InvalidAttrNumber;
    TupleDesc const shape = RelationGetDescr(relation);
    for (int i = 0; i < shape->natts; ++i) {
        auto const *const column = TupleDescAttr(shape, i);
        if (!column->attisdropped && namestrcmp(&name, NameStr(column->attname)) == 0)
            return column->attnum;
    }
    return InvalidAttrNumber;
}

void find_student_column(Relation relation, int attribute, TrackedTable &table)
{
    ColumnType students{};
    bool const has_students = find_student_id(table.students, students);
    table.student = find_column(relation, table.entity, attribute);
    if (table.student == InvalidAttrNumber)
        return;
    auto const *const column = TupleDescAttr(RelationGetDescr(relation), table.student - 1);
    table.student_type = column->atttypid;
    if (find_misfit({column->atttypid, column->attcollation}, Kind::Student, has_students ? &students : nullptr) !=
        nullptr)
        table.student = InvalidAttrNumber;
}

void describe(Relation relation, const Trigger &trigger, TrackedTable &table)
{
    table.entity = parse_entity(trigger);
    int student = student::Id;
    table.students = InvalidOid;
    table.student_type = InvalidOid;
    table.growth_count = 0;
    table.vital = InvalidAttrNumber;
    auto const add_growth = [&](int attribute) {
        table.growth[table.growth_count++] = find_column(relation, table.entity, attribute);
    };
    switch (table.entity) {
        case Entity::Students:
            add_growth(student::DateOfBirth);
            add_growth(student::Gender);
            break;
        case Entity::HealthRecords:
            student = record::StudentId;
            add_growth(record::Vital);
            add_growth(record::Date);
            add_growth(record::Type);
            // A chart shows one of several records of one moment; these attributes decide which.
            add_growth(record::CreatedAt);
            add_growth(record::Id);
            table.vital = table.growth[0];
            break;
        case Entity::Allergies: student = allergy::StudentId; break;
        case Entity::ChronicConditions: student = condition::StudentId; break;
    }
    find_student_column(relation, student, table);
}

}  // namespace

Entity parse_entity(const Trigger &trigger)
{
    if (trigger.tgnargs == 1) {
        for (int i = 0; i < kEntities; ++i) {
            if (strcmp(trigger.tgargs[0], kEntityNames[i]) == 0)
                return static_cast<Entity>(i);
        }
    }
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("trigger \"%s\" does not say which entity its table holds", trigger.tgname),
                    errhint("Run wc_attach again: it makes the triggers.")));
    pg_unreachable();
}

TrackedTable find_tracked_table(Relation relation, const Trigger &trigger)
{
    Oid const id = RelationGetRelid(relation);
    TrackedTable &table = tracked_tables.entry(id);
    while (!table.is_known) {
        std::uint64_t const before = changes;
        TrackedTable found{};
        found.relation = id;
        describe(relation, trigger, found);
        // An invalidation during the lookup makes the result unknown again.
        found.is_known = changes == before || debug_discard_caches > 0;
        table = found;
    }
    return table;
}

void watch_tracked_tables()
{
    watch_relations(on_relation_changed);
    watch_schemas(on_schema_changed);
}

}  // namespace wc
