#include "extension/history/field.hpp"

#include <algorithm>

#include "extension/binding/absent_table.hpp"
#include "extension/binding/id.hpp"
#include "extension/binding/resolution.hpp"
#include "extension/value/json_value.hpp"

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

// Returns the name, with as many `_` appended as it takes to differ from the names of all other fields.
const char *free_name(const HistoryFields &fields, const char *name)
{
    while (is_taken(fields, name))
        name = psprintf("%s_", name);
    return name;
}

// Returns the name of the field of a column that stands for no attribute.  It differs from the names of all attributes,
// also of those that are not among the fields.
const char *name_beside_attributes(AttributeList list, int count, const char *column)
{
    const char *const *const end = list.names + count;
    bool const is_theirs = std::any_of(list.names, end, [=](const char *name) { return strcmp(name, column) == 0; });
    return is_theirs ? psprintf("%s_", column) : pstrdup(column);
}

std::string_view in_front(const char *name, char separator)
{
    json::Buffer before = make_buffer();
    before.truncate(0);
    before.append(separator);
    json::write_string(before, name);
    before.append(':');
    return before.view();
}

void add(HistoryFields &fields, const char *name, Form_pg_attribute attribute, Stored stored = Stored::Same)
{
    Oid const type = stored == Stored::Json ? JSONBOID : attribute->atttypid;
    // The attribute's name may also be the name of another column.
    name = free_name(fields, name);
    HistoryField &field = fields.fields[fields.count];
    field = {name,
             in_front(name, fields.count == 0 ? '{' : ','),
             pstrdup(NameStr(attribute->attname)),
             attribute->attnum,
             type,
             stored,
             attribute->atttypmod,
             attribute->attnotnull,
             attribute->atthasdef || attribute->attidentity != '\0',
             attribute->attgenerated != '\0',
             attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS,
             text_form(type)};
    fields.form.add(field.form);
    ++fields.count;
}

Stored stored_as(Oid type, Kind kind)
{
    if (kind == Kind::Json && type == JSONOID)
        return Stored::Json;
    return kind == Kind::Id && type == BPCHAROID ? Stored::Padded : Stored::Same;
}

bool has_column(const HistoryFields &fields, AttrNumber number)
{
    for (int i = 0; i < fields.count; ++i) {
        if (fields.fields[i].number == number)
            return true;
    }
    return false;
}

}  // namespace

// Every column becomes one field, also where two attributes are bound to it, so there are never more fields than
// columns.  A column that is gone is left out.  A column whose type has become a wrong one raises an error: it must not
// be exported under another name.
HistoryFields history_fields(Entity entity)
{
    if (const BoundTable &table = lock_bound_table(entity); is_absent(table)) {
        HistoryFields none{};
        none.entity = entity;
        none.table = &table;
        return none;
    }
    OpenTable const open = open_bound_table(entity);
    AttributeList const list = attributes(entity);
    TupleDesc const shape = RelationGetDescr(open.relation);
    HistoryFields fields{};
    fields.entity = entity;
    fields.table = open.bound;
    fields.fields = static_cast<HistoryField *>(palloc(sizeof(HistoryField) * static_cast<Size>(Max(shape->natts, 1))));
    AttrNumber const student = open.bound->columns[student_attribute(entity)].number;
    auto const is_wanted = [&](AttrNumber number) {
        return number != InvalidAttrNumber && !has_column(fields, number) &&
               (entity == Entity::Students || number != student);
    };
    // A column that the application need not have is exported under its own name, like one that stands for no
    // attribute.
    int const count = entity == Entity::Students ? student::IsActive : list.count;
    static_assert(student::IsActive == student::kCount - 1);
    for (int i = 0; i < list.count; ++i) {
        AttrNumber const number = open.bound->columns[i].number;
        if (number == InvalidAttrNumber && OidIsValid(open.bound->columns[i].type))
            report_unreadable(entity, *open.bound, i);
        if (i < count && is_wanted(number))
            add(fields, list.names[i], TupleDescAttr(shape, number - 1),
                stored_as(open.bound->columns[i].type, list.kinds[i]));
    }
    for (int i = 0; i < shape->natts; ++i) {
        Form_pg_attribute const attribute = TupleDescAttr(shape, i);
        if (!attribute->attisdropped && attribute->attgenerated == '\0' && is_wanted(attribute->attnum))
            add(fields, name_beside_attributes(list, count, NameStr(attribute->attname)), attribute);
    }
    relation_close(open.relation, NoLock);
    fields.json_nulls = free_name(fields, "$jsonNulls");
    fields.before_json_nulls = in_front(fields.json_nulls, ',');
    return fields;
}

Datum exported_value(const HistoryField &field, Datum stored)
{
    switch (field.stored) {
        case Stored::Same: break;
        case Stored::Json: return JsonbPGetDatum(as_jsonb(stored, JSONOID));
        case Stored::Padded: {
            std::string_view const id = student_id_text(stored, BPCHAROID);
            return PointerGetDatum(cstring_to_text_with_len(id.data(), static_cast<int>(id.size())));
        }
    }
    return stored;
}

}  // namespace wc
