#include "extension/tracked_table.hpp"

extern "C" {
#include "utils/hsearch.h"
}

namespace wc {
namespace {

HTAB *tracked_tables = nullptr;

void on_relation_changed(Datum, Oid relation)
{
    if (tracked_tables == nullptr)
        return;
    HASH_SEQ_STATUS all;
    hash_seq_init(&all, tracked_tables);
    while (auto *const table = static_cast<TrackedTable *>(hash_seq_search(&all))) {
        if (!OidIsValid(relation) || table->relation == relation)
            table->is_known = false;
    }
}

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

void describe(Relation relation, const Trigger &trigger, TrackedTable &table)
{
    table.entity = parse_entity(trigger);
    int student = student::Id;
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
            table.vital = table.growth[0];
            break;
        case Entity::Allergies: student = allergy::StudentId; break;
        case Entity::ChronicConditions: student = condition::StudentId; break;
    }
    table.student = find_column(relation, table.entity, student);
    table.student_type = table.student == InvalidAttrNumber
                             ? InvalidOid
                             : TupleDescAttr(RelationGetDescr(relation), table.student - 1)->atttypid;
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

const TrackedTable &find_tracked_table(Relation relation, const Trigger &trigger)
{
    if (tracked_tables == nullptr) {
        HASHCTL shape{};
        shape.keysize = sizeof(Oid);
        shape.entrysize = sizeof(TrackedTable);
        shape.hcxt = TopMemoryContext;
        tracked_tables = hash_create("white_cross tracked tables", 16, &shape, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    Oid const id = RelationGetRelid(relation);
    bool is_old = false;
    auto &table = *static_cast<TrackedTable *>(hash_search(tracked_tables, &id, HASH_ENTER, &is_old));
    if (!is_old)
        table.is_known = false;
    if (!table.is_known) {
        describe(relation, trigger, table);
        table.is_known = true;
    }
    return table;
}

void watch_tracked_tables() { CacheRegisterRelcacheCallback(on_relation_changed, Datum{0}); }

}  // namespace wc
