#include "extension/search/record_cursor.hpp"

#include <algorithm>
#include <initializer_list>

#include "extension/search/index.hpp"

extern "C" {
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
}

namespace wc {
namespace {

KeptPlan shown_plan;

}  // namespace

static_assert(std::is_trivially_destructible_v<RecordCursor>);

bool RecordCursor::open(const OpenTable &table, const OpenTable &whole, const SearchParameters &parameters,
                        const char *shown, const RecordCursor *other)
{
    table_ = table;
    SearchIndexes const indexes = find_search_indexes(table, whole);
    text_index_ = open_index(indexes.text);
    if (text_index_ == nullptr)
        return false;
    date_ = indexes.date;
    date_index_ = student_relation_ = nullptr;
    knows_students_ = false;
    parameters_ = &parameters;
    cost_of_asking_ = 0;
    rows_.open(table_.relation, GetActiveSnapshot());
    if (shown != nullptr)
        rows_.ask_with(shown_plan, shown);
    owns_document_ = other == nullptr || !has_documents_like(*other);
    document_ = other == nullptr ? nullptr : other->document_;
    if (owns_document_)
        document_ = new (palloc(sizeof(IndexExpression))) IndexExpression(text_index_);
    Oid const collation = table_.bound->columns[record::Type].collation;
    types_are_exact_ = !OidIsValid(collation) || get_collation_isdeterministic(collation);
    return true;
}

void RecordCursor::close()
{
    if (owns_document_)
        document_->close();
    rows_.close();
    if (student_relation_ != nullptr)
        index_close(student_relation_, NoLock);
    if (date_index_ != nullptr)
        index_close(date_index_, NoLock);
    index_close(text_index_, NoLock);
}

// Each index has the expression of the statements, with the columns of its table.
bool RecordCursor::has_documents_like(const RecordCursor &other) const
{
    auto const *const columns = table_.bound->columns;
    auto const *const others = other.table_.bound->columns;
    return std::ranges::all_of(std::initializer_list<int>{record::Description, record::Notes, record::Provider},
                               [&](int text) { return columns[text].number == others[text].number; });
}

// Opens an index.  Returns null if it does not exist or is not right for the snapshot.
Relation RecordCursor::open_index(Oid index) const
{
    if (!OidIsValid(index))
        return nullptr;
    Relation const opened = try_open_index(index);
    if (opened == nullptr || is_for_this_snapshot(opened))
        return opened;
    index_close(opened, AccessShareLock);
    return nullptr;
}

bool RecordCursor::has_dates()
{
    if (OidIsValid(date_)) {
        date_index_ = open_index(date_);
        date_ = InvalidOid;
    }
    return date_index_ != nullptr;
}

bool RecordCursor::has_students()
{
    if (!knows_students_)
        student_relation_ = open_student_index(Entity::HealthRecords, table_, student_index_);
    knows_students_ = true;
    return student_relation_ != nullptr;
}

IndexScanDesc RecordCursor::begin_walk()
{
    IndexScanDesc const scan = pg::begin_index_scan(table_.relation, date_index_, snapshot(), 0);
    index_rescan(scan, nullptr, 0, nullptr, 0);
    return scan;
}

bool RecordCursor::is_wanted_type(Datum type, bool is_null) const
{
    const BoundColumn &column = table_.bound->columns[record::Type];
    if (is_null)
        return false;
    if (types_are_exact_)
        return datum_image_eq(type, parameters_->type(), column.by_value, column.length);
    return DatumGetBool(DirectFunctionCall2Coll(texteq, column.collation, type, parameters_->type()));
}

bool RecordCursor::is_wanted(Datum tsquery)
{
    if (!is_shown())
        return false;
    if (parameters_->has_type) {
        bool is_null = false;
        Datum const type = attribute(record::Type, is_null);
        if (!is_wanted_type(type, is_null))
            return false;
    }
    return tsquery == 0 || fulfils(tsquery);
}

bool RecordCursor::fulfils(Datum tsquery)
{
    return document_->test(rows_.slot(), [&](Datum document) {
        return DatumGetBool(DirectFunctionCall2(ts_match_vq, document, tsquery));
    });
}

float4 RecordCursor::rank(const RowPlace &place, Datum tsquery)
{
    float4 rank = 0;
    rows_.read(place);
    (void)document_->test(rows_.slot(), [&](Datum document) {
        rank = DatumGetFloat4(DirectFunctionCall2(ts_rank_tt, document, tsquery));
        return true;
    });
    return rank;
}

void RecordCursor::read_keys(Row &row) const
{
    row.place = place();
    for (const SortKey &key : record_order(*table_.bound))
        row.values[key.attribute] = attribute(key.attribute, row.nulls[key.attribute]);
}

void RecordCursor::add_to(RowList &rows) const
{
    const BoundTable &table = *table_.bound;
    Row &row = rows.add();
    read_keys(row);
    for (const SortKey &key : record_order(table)) {
        const BoundColumn &column = table.columns[key.attribute];
        if (!row.nulls[key.attribute])
            row.values[key.attribute] = datumCopy(row.values[key.attribute], column.by_value, column.length);
    }
}

}  // namespace wc
