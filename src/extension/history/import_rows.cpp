#include "extension/history/import_rows.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/query/kept_plan.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<ImportRows>);

namespace {

// The id is the first field of every entity.
constexpr int kId = 0;

void append_name(StringInfo query, const HistoryFields &fields)
{
    append_table(query, NameStr(fields.table->schema_name), NameStr(fields.table->table_name));
}

SPIPlanPtr prepare_query(const char *query, int count, Oid *types)
{
    SPIPlanPtr const plan = SPI_prepare_cursor(query, count, types, CURSOR_OPT_GENERIC_PLAN);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
    return plan;
}

}  // namespace

Oid ImportRows::id_type() const { return fields_.table->columns[student_attribute(fields_.entity)].type; }

void ImportRows::open(Entity entity, OnConflict on_conflict)
{
    fields_ = history_fields(entity);
    on_conflict_ = on_conflict;
    if (is_absent(*fields_.table))
        return;
    read_constraints();
    prepare_lookup();
}

void ImportRows::prepare_lookup()
{
    if (lookup_ != nullptr)
        SPI_freeplan(lookup_);
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attribute(&query, *fields_.table, student_attribute(fields_.entity));
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $2");
    for (int i = 0; i < fields_.count; ++i) {
        if (is_fixed(i)) {
            appendStringInfoString(&query, ", ");
            append_column(&query, "t", fields_.fields[i].column);
        }
    }
    append_from(&query, *fields_.table);
    appendStringInfoString(&query, " WHERE ");
    append_column(&query, "t", fields_.fields[kId].column);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1");
    Oid types[] = {fields_.fields[kId].type, id_type()};
    lookup_ = prepare_query(query.data, 2, types);
}

void ImportRows::read_constraints()
{
    Oid types[] = {OIDOID};
    Datum const values[] = {ObjectIdGetDatum(fields_.table->relation)};
    int const code = SPI_execute_with_args(
        "SELECT c.conname, c.conkey[1] FROM pg_catalog.pg_constraint AS c "
        "WHERE c.conrelid OPERATOR(pg_catalog.=) $1 AND c.conkey IS NOT NULL UNION ALL "
        "SELECT r.relname, i.indkey[0] FROM pg_catalog.pg_index AS i "
        "JOIN pg_catalog.pg_class AS r ON r.oid OPERATOR(pg_catalog.=) i.indexrelid "
        "WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND i.indisunique",
        1, types, const_cast<Datum *>(values), nullptr, true, 0);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(code));
    SPITupleTable *const rows = SPI_tuptable;
    constraints_ = static_cast<Constraint *>(palloc(sizeof(Constraint) * static_cast<Size>(rows->numvals + 1)));
    for (uint64 i = 0; i < rows->numvals; ++i) {
        bool is_null = false;
        AttrNumber const number = DatumGetInt16(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &is_null));
        for (int f = 0; f < fields_.count && !is_null; ++f) {
            if (fields_.fields[f].number == number)
                constraints_[count_of_constraints_++] = {SPI_getvalue(rows->vals[i], rows->tupdesc, 1),
                                                         fields_.fields[f].name};
        }
    }
    SPI_freetuptable(rows);
}

const char *ImportRows::field_of_constraint(const char *name) const
{
    for (int i = 0; i < count_of_constraints_; ++i) {
        if (strcmp(constraints_[i].name, name) == 0)
            return constraints_[i].field;
    }
    return nullptr;
}

// The id is no fixed field: the lookup finds a row by its id, so the row has the same one.
bool ImportRows::is_fixed(int field) const { return field != kId && fields_.fields[field].is_assigned; }

// Looks in the row that the lookup found.  Identity columns are integers, and never NULL.
bool ImportRows::find_fixed_field(const Datum *values, const bool *given)
{
    int column = 1;
    for (int i = 0; i < fields_.count; ++i) {
        if (!is_fixed(i))
            continue;
        bool is_null = false;
        Datum const found = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, ++column, &is_null);
        if (given[i] && found != values[i]) {
            fixed_field_ = fields_.fields[i].name;
            return true;
        }
    }
    return false;
}

// The parameters are all fields, given or not, so that all plans take the same list of values.  The last one is the
// student.
void ImportRows::prepare(const bool *given)
{
    if (given_ != nullptr && !plans_are_old_ && memcmp(given_, given, static_cast<Size>(fields_.count)) == 0)
        return;
    if (given_ == nullptr)
        given_ = static_cast<bool *>(palloc(static_cast<Size>(fields_.count)));
    plans_are_old_ = false;
    memcpy(given_, given, static_cast<Size>(fields_.count));
    for (SPIPlanPtr *const plan : {&insert_, &update_}) {
        if (*plan != nullptr)
            SPI_freeplan(*plan);
        *plan = nullptr;
    }

    bool const is_student = fields_.entity == Entity::Students;
    StringInfoData columns;
    StringInfoData values;
    StringInfoData changes;
    initStringInfo(&columns);
    initStringInfo(&values);
    initStringInfo(&changes);
    for (int i = 0; i < fields_.count; ++i) {
        if (!given[i] || fields_.fields[i].is_generated)
            continue;
        const char *const column = quote_identifier(fields_.fields[i].column);
        const char *const comma = columns.len == 0 ? "" : ", ";
        appendStringInfo(&columns, "%s%s", comma, column);
        appendStringInfo(&values, "%s$%d", comma, i + 1);
        if (i != kId && !is_fixed(i))
            appendStringInfo(&changes, "%s%s = $%d", changes.len == 0 ? "" : ", ", column, i + 1);
    }
    int const student = fields_.count + 1;
    const BoundColumn &owner = fields_.table->columns[student_attribute(fields_.entity)];
    if (!is_student && get_attgenerated(fields_.table->relation, owner.number) == '\0') {
        const char *const comma = columns.len == 0 ? "" : ", ";
        appendStringInfo(&columns, "%s%s", comma, quote_identifier(NameStr(owner.name)));
        appendStringInfo(&values, "%s$%d", comma, student);
    }
    auto *const types = static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(student)));
    for (int i = 0; i < fields_.count; ++i)
        types[i] = fields_.fields[i].type;
    types[fields_.count] = id_type();

    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "INSERT INTO ");
    append_name(&query, fields_);
    appendStringInfo(&query, " (%s) OVERRIDING SYSTEM VALUE VALUES (%s)", columns.data, values.data);
    insert_ = prepare_query(query.data, student, types);
    if (on_conflict_ != OnConflict::Update || changes.len == 0)
        return;
    resetStringInfo(&query);
    appendStringInfoString(&query, "UPDATE ");
    append_name(&query, fields_);
    appendStringInfo(&query, " AS t SET %s WHERE ", changes.data);
    append_column(&query, "t", fields_.fields[kId].column);
    appendStringInfo(&query, " OPERATOR(pg_catalog.=) $%d", kId + 1);
    update_ = prepare_query(query.data, student, types);
}

Written ImportRows::write(const Datum *values, const bool *nulls, const bool *given, Datum student)
{
    // Plans again as the table grows: a plan made for an empty table would read all of it for each row to come.
    if (count() >= plan_again_at_) {
        plan_again_at_ *= 4;
        prepare_lookup();
        plans_are_old_ = true;
    }
    Datum key[] = {values[kId], student};
    if (SPI_execute_plan(lookup_, key, nullptr, false, 1) != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(SPI_result));
    check_names();
    bool const is_there = SPI_processed > 0;
    bool is_ours = true;
    if (is_there) {
        bool is_null = false;
        Datum const same = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
        is_ours = !is_null && DatumGetBool(same);
    }
    bool const is_fixed = is_there && on_conflict_ == OnConflict::Update && find_fixed_field(values, given);
    SPI_freetuptable(SPI_tuptable);
    if (!is_ours)
        return Written::OfAnother;
    if (is_there && on_conflict_ == OnConflict::Error)
        return Written::Conflict;
    if (is_fixed)
        return Written::Fixed;

    prepare(given);
    Written result = is_there ? Written::Updated : Written::Inserted;
    SPIPlanPtr const plan = is_there ? update_ : insert_;
    if (is_there && (on_conflict_ == OnConflict::Skip || plan == nullptr)) {
        result = Written::Skipped;
    } else {
        Size const count = static_cast<Size>(fields_.count) + 1;
        auto *const all = static_cast<Datum *>(palloc(sizeof(Datum) * count));
        auto *const marks = static_cast<char *>(palloc(count));
        for (int i = 0; i < fields_.count; ++i) {
            all[i] = values[i];
            marks[i] = given[i] && !nulls[i] ? ' ' : 'n';
        }
        all[count - 1] = student;
        marks[count - 1] = ' ';
        int const code = SPI_execute_plan(plan, all, marks, false, 0);
        if (code < 0)
            elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
        check_names();
        // A trigger may suppress an insert; that is no error, unless the trigger raises one.
        if (is_there && SPI_processed == 0)
            return Written::Vanished;
    }
    ++counts_[static_cast<int>(result)];
    return result;
}

}  // namespace wc
