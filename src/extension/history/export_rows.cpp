#include "extension/history/export_rows.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/binding/label.hpp"
#include "extension/query/kept_plan.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<ExportRows>);

namespace {

// The caller wants the first rows at once, so the planner prefers an index in the right order to a sort of everything.
KeptPlan plans[kEntities] = {KeptPlan{CURSOR_OPT_FAST_PLAN}, KeptPlan{CURSOR_OPT_FAST_PLAN},
                             KeptPlan{CURSOR_OPT_FAST_PLAN}, KeptPlan{CURSOR_OPT_FAST_PLAN}};

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
        case Entity::HealthRecords: append_order(&query, table, record_order(table)); break;
        case Entity::Allergies:
            appendStringInfoString(&query, " ORDER BY ");
            append_allergy_order(&query, table, "t");
            break;
        case Entity::ChronicConditions:
            appendStringInfoString(&query, " ORDER BY ");
            append_condition_order(&query, table, "t");
            break;
    }
    return query.data;
}

}  // namespace

ExportRows::ExportRows(const Datum *ids, const bool *nulls, int count)
    : ids_(ids), nulls_(nulls), count_(count), context_(CurrentMemoryContext)
{
    for (int i = 0; i < kEntities; ++i) {
        fields_[i] = history_fields(static_cast<Entity>(i));
        if (is_absent(*fields_[i].table))
            continue;
        queries_[i] = make_query(fields_[i]);
        indexed_[i].open(fields_[i]);
    }
    id_type_ = fields_[0].table->columns[student::Id].type;
}

bool ExportRows::advance()
{
    while (at_ < count_ && nulls_[at_])
        end_student();
    if (at_ == count_)
        return false;
    if (!is_open_ && part_ != kEnd)
        open_section();
    return true;
}

void ExportRows::open_section()
{
    is_indexed_ = indexed_[part_].is_open() && indexed_[part_].seek(ids_[at_]);
    if (!is_indexed_ && !is_absent(*fields_[part_].table))
        rows_.open(plans[part_], queries_[part_], ids_[at_], id_type_, context_);
    is_open_ = true;
}

void ExportRows::close_section()
{
    rows_.close();
    is_open_ = false;
}

void ExportRows::go_to(Entity section)
{
    close_section();
    part_ = static_cast<int>(section);
}

void ExportRows::end_student()
{
    close_section();
    ++at_;
    part_ = 0;
    memset(counts_, 0, sizeof counts_);
}

std::uint64_t ExportRows::read(std::uint64_t limit, RowStream::Receive receive, void *state)
{
    std::uint64_t count = 0;
    if (is_indexed_)
        count = indexed_[part_].run(limit, receive, state);
    else if (!is_absent(*fields_[part_].table))
        count = rows_.run(limit, receive, state);
    counts_[part_] += static_cast<int64>(count);
    if (limit != 0 && count == limit)
        return count;
    if (counts_[0] == 0) {
        end_student();
    } else {
        close_section();
        ++part_;
    }
    return count;
}

void ExportRows::close()
{
    rows_.close();
    for (IndexStream &indexed : indexed_)
        indexed.close();
}

}  // namespace wc
