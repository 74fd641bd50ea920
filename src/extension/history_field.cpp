#include "extension/history_field.hpp"

#include "extension/json_value.hpp"

namespace wc {
namespace {

bool is_taken(const HistoryFields &fields, const char *name)
{
    for (int i = 0; i < fields.count; ++i) {
        if (strcmp(fields.fields[i].name, name) == 0)
            return true;
    }
    return false;
}

void add(HistoryFields &fields, const char *name, Form_pg_attribute attribute)
{
    // The name of an attribute that another column was bound to.
    while (is_taken(fields, name))
        name = psprintf("%s_", name);
    json::Buffer before = make_buffer();
    before.truncate(0);
    before.append(fields.count == 0 ? '{' : ',');
    json::write_string(before, name);
    before.append(':');
    fields.fields[fields.count++] = {name,
                                     before.view(),
                                     pstrdup(NameStr(attribute->attname)),
                                     attribute->attnum,
                                     attribute->atttypid,
                                     attribute->atttypmod,
                                     attribute->attnotnull,
                                     attribute->atthasdef || attribute->attidentity != '\0'};
}

bool is_bound(const BoundTable &table, int count, AttrNumber number)
{
    for (int i = 0; i < count; ++i) {
        if (table.columns[i].number == number)
            return true;
    }
    return false;
}

}  // namespace

HistoryFields history_fields(Entity entity)
{
    OpenTable const open = open_bound_table(entity);
    AttributeList const list = attributes(entity);
    TupleDesc const shape = RelationGetDescr(open.relation);
    HistoryFields fields{
        entity, open.bound,
        static_cast<HistoryField *>(palloc(sizeof(HistoryField) * static_cast<Size>(Max(shape->natts, 1)))), 0};
    for (int i = 0; i < list.count; ++i) {
        if (entity != Entity::Students && i == student_attribute(entity))
            continue;
        add(fields, list.names[i], TupleDescAttr(shape, open.bound->columns[i].number - 1));
    }
    for (int i = 0; i < shape->natts; ++i) {
        Form_pg_attribute const attribute = TupleDescAttr(shape, i);
        if (attribute->attisdropped || attribute->attgenerated != '\0' ||
            is_bound(*open.bound, list.count, attribute->attnum))
            continue;
        add(fields, pstrdup(NameStr(attribute->attname)), attribute);
    }
    relation_close(open.relation, NoLock);
    return fields;
}

}  // namespace wc
