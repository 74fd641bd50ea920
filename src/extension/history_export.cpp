#include "extension/history_export.hpp"

#include "core/csv/writer.hpp"
#include "extension/csv_value.hpp"
#include "extension/json_value.hpp"
#include "extension/kept_plan.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<HistoryExport>);

namespace {

using namespace std::string_view_literals;

// The first rows are wanted at once: an index in the right order before a sort of everything.
KeptPlan plans[kEntities] = {KeptPlan{CURSOR_OPT_FAST_PLAN}, KeptPlan{CURSOR_OPT_FAST_PLAN},
                             KeptPlan{CURSOR_OPT_FAST_PLAN}, KeptPlan{CURSOR_OPT_FAST_PLAN}};

// As everywhere: what is new and what is grave first.
constexpr SortKey kRecordOrder[] = {{record::Date, true}, {record::Id, false}};
constexpr SortKey kAllergyOrder[] = {{allergy::Severity, true}, {allergy::Allergen, false}, {allergy::Id, false}};
constexpr SortKey kConditionOrder[] = {
    {condition::Status, false}, {condition::Condition, false}, {condition::Id, false}};

template <std::size_t N>
void append_order(StringInfo query, const BoundTable &table, const SortKey (&keys)[N])
{
    for (std::size_t i = 0; i < N; ++i) {
        appendStringInfoString(query, i == 0 ? " ORDER BY " : ", ");
        append_attribute(query, table, keys[i].attribute);
        if (keys[i].descending)
            appendStringInfoString(query, " DESC");
    }
}

char *make_query(const HistoryFields &fields)
{
    const BoundTable &table = *fields.table;
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    for (int i = 0; i < fields.count; ++i) {
        if (i != 0)
            appendStringInfoString(&query, ", ");
        append_column(&query, "t", fields.fields[i].column);
    }
    append_from(&query, table);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, table, student_attribute(fields.entity));
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1");
    switch (fields.entity) {
        case Entity::Students: break;
        case Entity::HealthRecords: append_order(&query, table, kRecordOrder); break;
        case Entity::Allergies: append_order(&query, table, kAllergyOrder); break;
        case Entity::ChronicConditions: append_order(&query, table, kConditionOrder); break;
    }
    return query.data;
}

}  // namespace

HistoryExport::HistoryExport(const HistoryRequest &request, const Datum *ids, const bool *nulls, int count)
    : request_(request), ids_(ids), nulls_(nulls), count_(count), context_(CurrentMemoryContext)
{
    for (int i = 0; i < kEntities; ++i) {
        fields_[i] = history_fields(static_cast<Entity>(i));
        queries_[i] = make_query(fields_[i]);
        indexed_[i].open(fields_[i]);
    }
    id_type_ = fields_[0].table->columns[student::Id].type;
}

bool HistoryExport::next(json::Buffer &out)
{
    out_ = &out;
    while (at_ < count_) {
        if (is_over_) {
            begin_next_student();
            continue;
        }
        std::size_t const before = out.size();
        if (part_ == kEnd) {
            is_over_ = true;
            if (request_.form == HistoryForm::Csv)
                continue;
            write_end(out);
            return true;
        }
        if (!is_in_part_) {
            if (part_ == 0 && nulls_[at_]) {
                is_over_ = true;
                continue;
            }
            begin_part();
        }
        bool const is_written = request_.form == HistoryForm::Chunks  ? write_chunk(out)
                                : request_.form == HistoryForm::Lines ? write_line(out)
                                                                      : write_csv(out);
        if (is_written)
            return true;
        out.truncate(before);
    }
    close();
    return false;
}

void HistoryExport::close()
{
    rows_.close();
    for (IndexStream &indexed : indexed_)
        indexed.close();
}

void HistoryExport::begin_part()
{
    if (indexed_[part_].is_open())
        indexed_[part_].seek(ids_[at_]);
    else
        rows_.open(plans[part_], queries_[part_], ids_[at_], id_type_, context_);
    is_in_part_ = true;
}

void HistoryExport::close_part()
{
    rows_.close();
    is_in_part_ = false;
}

void HistoryExport::begin_next_student()
{
    ++at_;
    part_ = 0;
    number_ = 0;
    is_over_ = false;
    memset(rows_of_, 0, sizeof rows_of_);
}

void HistoryExport::end_part()
{
    close_part();
    // Nobody, or nobody who may be seen: nothing is shown of what lies in the other tables.
    if (part_ == 0 && rows_of_[0] == 0)
        is_over_ = true;
    part_ = request_.form == HistoryForm::Csv ? kEnd : part_ + 1;
}

std::uint64_t HistoryExport::run(std::uint64_t limit, RowStream::Receive receive)
{
    written_ = 0;
    std::uint64_t const count =
        indexed_[part_].is_open() ? indexed_[part_].run(limit, receive, this) : rows_.run(limit, receive, this);
    rows_of_[part_] += static_cast<int64>(count);
    if (limit == 0 || count < limit)
        end_part();
    return count;
}

void HistoryExport::write_head(json::Buffer &out, std::string_view type)
{
    ++number_;
    out.append(R"({"type":")"sv);
    out.append(type);
    out.append(R"(","chunk":)"sv);
    json::write_integer(out, number_);
    out.append(R"(,"studentId":)"sv);
    write_value(out, ids_[at_], id_type_);
    if (part_ == 0) {
        out.append(R"(,"format":)"sv);
        json::write_integer(out, kHistoryFormat);
        out.append(R"(,"exportDate":)"sv);
        json::write_timestamp(out, GetCurrentTransactionStartTimestamp());
    }
}

bool HistoryExport::write_chunk(json::Buffer &out)
{
    constexpr std::string_view kTypes[kEntities] = {"student", "records", "allergies", "conditions"};
    auto const entity = static_cast<Entity>(part_);
    std::string_view const type = kTypes[part_];
    write_head(out, type);
    out.append(",\""sv);
    out.append(type);
    out.append("\":"sv);
    if (entity != Entity::Students)
        out.append('[');
    std::uint64_t const count = run(entity == Entity::HealthRecords ? request_.batch_size : 0, write_row);
    if (entity != Entity::Students)
        out.append(']');
    out.append('}');
    bool const is_written = count != 0 || entity == Entity::Allergies || entity == Entity::ChronicConditions;
    if (!is_written)
        --number_;
    return is_written;
}

bool HistoryExport::write_line(json::Buffer &out)
{
    constexpr std::string_view kTypes[kEntities] = {"student", "record", "allergy", "condition"};
    std::string_view const type = kTypes[part_];
    write_head(out, type);
    out.append(",\""sv);
    out.append(type);
    out.append("\":"sv);
    bool const is_written = run(1, write_row) != 0;
    out.append('}');
    if (!is_written)
        --number_;
    return is_written;
}

void HistoryExport::write_end(json::Buffer &out)
{
    write_head(out, "end"sv);
    out.append(R"(,"records":)"sv);
    json::write_integer(out, rows_of_[static_cast<int>(Entity::HealthRecords)]);
    out.append(R"(,"allergies":)"sv);
    json::write_integer(out, rows_of_[static_cast<int>(Entity::Allergies)]);
    out.append(R"(,"conditions":)"sv);
    json::write_integer(out, rows_of_[static_cast<int>(Entity::ChronicConditions)]);
    out.append('}');
}

void HistoryExport::write_row(void *self, const Datum *values, const bool *nulls)
{
    auto &to = *static_cast<HistoryExport *>(self);
    json::Buffer &out = *to.out_;
    const HistoryFields &fields = to.fields_[to.part_];
    if (to.written_++ != 0)
        out.append(',');
    for (int i = 0; i < fields.count; ++i) {
        out.append(fields.fields[i].before);
        if (nulls[i])
            json::write_null(out);
        else
            write_value(out, values[i], fields.fields[i].type);
    }
    out.append('}');
}

void HistoryExport::write_csv_row(void *self, const Datum *values, const bool *nulls)
{
    auto &to = *static_cast<HistoryExport *>(self);
    json::Buffer &out = *to.out_;
    const HistoryFields &fields = to.fields_[to.part_];
    if (fields.entity != Entity::Students)
        write_csv_value(out, to.ids_[to.at_], to.id_type_, to.request_.harmless);
    for (int i = 0; i < fields.count; ++i) {
        if (i != 0 || fields.entity != Entity::Students)
            out.append(',');
        if (!nulls[i])
            write_csv_value(out, values[i], fields.fields[i].type, to.request_.harmless);
    }
}

void HistoryExport::write_csv_names(json::Buffer &out)
{
    const HistoryFields &fields = fields_[static_cast<int>(request_.section)];
    if (fields.entity != Entity::Students)
        out.append("studentId"sv);
    for (int i = 0; i < fields.count; ++i) {
        if (i != 0 || fields.entity != Entity::Students)
            out.append(',');
        csv::write_field(out, fields.fields[i].name);
    }
}

bool HistoryExport::write_csv(json::Buffer &out)
{
    if (has_names_)
        return run(1, write_csv_row) != 0;
    // The student is looked for first, whichever section it is.
    run(1, [](void *, const Datum *, const bool *) {});
    close_part();
    if (is_over_)
        return false;
    part_ = static_cast<int>(request_.section);
    has_names_ = true;
    write_csv_names(out);
    return true;
}

}  // namespace wc
