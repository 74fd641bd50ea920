#include "extension/summary/direct_reader.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/direct/row_copy.hpp"
#include "extension/summary/latest_rows.hpp"
#include "extension/summary/visible_records.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "access/visibilitymap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<DirectReader>);

namespace {

// A record of which the index has told the date, and what is known of it before its row is read.
struct Candidate {
    ItemPointerData position;
    Datum date;
    bool may_be_vital;
    bool is_vaccination;
    Buffer page;  // not pinned
};

constexpr auto kReads = IndexProbe::Reads::EntriesAndRows;

// How many rows are prefetched together.  Among 16 records most students have five with vitals.
constexpr int kAhead = 16;

}  // namespace

// The records that a summary shows.
class DirectReader::ShownRecords {
public:
    ShownRecords(const BoundTable &records, Facts &facts)
        : order_(records, record_order(records)),
          vitals_(facts.vitals, order_),
          vaccinations_(facts.vaccinations, order_)
    {}

    // Says where the next candidates come from.
    void begin_part(const IndexProbe &records)
    {
        const BoundTable &table = records.table();
        vital_ = &table.columns[record::Vital];
        are_in_order_ = records.student_index().is_in_order;
        vitals_.begin_part(table, are_in_order_);
        vaccinations_.begin_part(table, are_in_order_);
    }
    bool want_vital(Datum date) const { return vitals_.wants(date); }
    bool want_vaccination(Datum date) const { return vaccinations_.wants(date); }

    // Reads the rows of the candidates that `next` gives, the latest first, as far as a summary shows them.
    template <class Next>
    void read(IndexProbe &records, Next next)
    {
        Candidate ahead[kAhead];
        bool is_at_end = false;
        while (!is_at_end) {
            int count = 0;
            while (count < kAhead && !is_at_end) {
                is_at_end = !next(ahead[count]);
                if (!is_at_end && want(ahead[count])) {
                    ahead[count].page = records.prefetch_page(ahead[count].position);
                    ++count;
                }
            }
            for (int i = 0; i < count; ++i)
                IndexProbe::prefetch_row(ahead[i].position, ahead[i].page);
            for (int i = 0; i < count; ++i) {
                if (want(ahead[i]) && records.fetch_at(ahead[i].position))
                    add(records.slot(), ahead[i]);
            }
        }
    }

private:
    // Returns whether the summary still needs the record, as vitals or as a vaccination.  Clears the flags that no
    // longer hold.
    bool want(Candidate &one) const
    {
        one.may_be_vital = one.may_be_vital && want_vital(one.date);
        one.is_vaccination = one.is_vaccination && want_vaccination(one.date);
        return one.may_be_vital || one.is_vaccination;
    }
    void add(TupleTableSlot *slot, const Candidate &one)
    {
        bool no_vital = true;
        if (one.may_be_vital) {
            Datum const vital = slot_getattr(slot, vital_->number, &no_vital);
            no_vital = no_vital || is_json_null(vital, vital_->type);
        }
        if (!no_vital)
            vitals_.add(slot);
        if (!one.is_vaccination)
            return;
        if (are_in_order_ && !no_vital)
            vaccinations_.add(vitals_.last());
        else
            vaccinations_.add(slot);
    }

    const BoundColumn *vital_ = nullptr;
    bool are_in_order_ = false;
    RowOrder order_;
    LatestRows vitals_;
    LatestRows vaccinations_;
};

namespace {

bool has_allergies() { return !is_absent(bound_table(Entity::Allergies)); }

// Whether the row in the slot holds vitals.
bool has_vital(IndexProbe &records)
{
    bool no_vital = false;
    const BoundColumn &column = records.table().columns[record::Vital];
    Datum const vital = slot_getattr(records.slot(), column.number, &no_vital);
    return !no_vital && !is_json_null(vital, column.type);
}

}  // namespace

bool DirectReader::open()
{
    if (!students_.open(Entity::Students, IndexProbe::Reads::Rows))
        return false;
    if (has_allergies() && !allergies_.open(Entity::Allergies, IndexProbe::Reads::Rows)) {
        students_.close();
        return false;
    }
    if (!open_records()) {
        if (has_allergies())
            allergies_.close();
        students_.close();
        return false;
    }
    visibility_ = InvalidBuffer;
    vaccination_ = LabelMatch(records_.table().columns[record::Type], label::kVaccination);
    return true;
}

bool DirectReader::open_records()
{
    has_two_indexes_ = false;
    if (!records_.open(Entity::HealthRecords, kReads, GetActiveSnapshot(), IndexUse::Dates))
        return false;
    if (records_.has_parts() || open_types())
        return true;
    records_.close();
    return false;
}

// Opens the second index of the table or the part that is read, if it needs one.  Returns false if there is none.
bool DirectReader::open_types()
{
    bool const needs_types = records_.student_index().type_column == InvalidAttrNumber;
    has_two_indexes_ = needs_types && types_.open_beside(records_, Entity::HealthRecords, kReads, IndexUse::Types);
    return has_two_indexes_ || !needs_types;
}

// Closes what belongs to the part that was read.
void DirectReader::close_part()
{
    // The server asks of a pinned page which block it is, and not of which table.
    if (BufferIsValid(visibility_))
        ReleaseBuffer(visibility_);
    visibility_ = InvalidBuffer;
    if (has_two_indexes_)
        types_.close();
    has_two_indexes_ = false;
}

void DirectReader::close()
{
    close_part();
    records_.close();
    if (has_allergies())
        allergies_.close();
    students_.close();
}

bool DirectReader::read(Datum student_id, Facts &facts)
{
    facts = Facts{};
    if (!seek(student_id))
        return false;
    facts.found = students_.next_row();
    if (!facts.found)
        return true;
    const BoundTable &table = students_.table();
    take_row(students_.slot(), table, student::kSummaryCount, facts.student);
    if (has_allergies())
        read_allergies(facts);
    return read_records(student_id, facts);
}

bool DirectReader::seek(Datum student_id)
{
    if (records_.has_parts())
        close_part();
    return students_.seek(student_id) && (!has_allergies() || allergies_.seek(student_id)) && records_.seek(student_id);
}

void DirectReader::read_allergies(Facts &facts)
{
    const BoundTable &table = allergies_.table();
    while (allergies_.next_row())
        copy_row(allergies_.slot(), table, allergy::kCount, facts.allergies.add());
    sort_allergies(table, facts.allergies);
}

bool DirectReader::read_records(Datum student_id, Facts &facts)
{
    const BoundTable &table = bound_table(Entity::HealthRecords);
    TypeCounter counter(table.columns[record::Type]);
    ShownRecords shown(table, facts);
    bool has_part = records_.has_part();
    while (has_part) {
        if (records_.has_parts() && !open_types())
            return false;
        shown.begin_part(records_);
        if (has_two_indexes_)
            read_by_two_indexes(student_id, counter, shown);
        else
            read_by_one_index(counter, shown);
        if (records_.has_parts())
            close_part();
        has_part = records_.next_part();
    }
    counter.finish(facts);
    return true;
}

// Makes one pass over the index, latest first.  The index alone answers "how many of which type".  The pass visits heap
// pages for the rows that a summary shows, for rows that turn out to hold no vitals, and where a page has changed since
// the last vacuum, to see whether a row is visible.  An index-only scan does the same (nodeIndexonlyscan.c), with the
// same predicate lock for serializable transactions.
void DirectReader::read_by_one_index(TypeCounter &counter, ShownRecords &shown)
{
    Relation const heap = records_.heap();
    const StudentIndex &index = records_.student_index();
    shown.read(records_, [&](Candidate &one) {
        while (ItemPointer const at = records_.next_position()) {
            one.position = *at;
            one.may_be_vital = true;
            bool type_is_null = false;
            bool date_is_null = false;
            Datum const type = records_.index_value(index.type_column, type_is_null);
            one.date = records_.index_value(index.date_column, date_is_null);
            if (VM_ALL_VISIBLE(heap, ItemPointerGetBlockNumber(at), &visibility_)) {
                PredicateLockPage(heap, ItemPointerGetBlockNumber(at), records_.snapshot());
            } else {
                if (!records_.fetch())
                    continue;
                one.may_be_vital = shown.want_vital(one.date) && has_vital(records_);
            }
            if (!type_is_null)
                counter.count(type);
            one.is_vaccination = !type_is_null && vaccination_.has(type);
            return true;
        }
        return false;
    });
}

// Like read_by_one_index(), for two indexes: one has the types and the other the dates.  The walk through the dates
// ends with the last record that is shown, and relies on the first walk, which found out which records are visible.
void DirectReader::read_by_two_indexes(Datum student_id, TypeCounter &counter, ShownRecords &shown)
{
    (void)types_.seek(student_id);
    VisibleRecords const visible(types_, vaccination_, counter, visibility_);

    int left = visible.count();
    int vaccinations_left = visible.vaccinations();
    shown.read(records_, [&](Candidate &one) {
        while (left > 0) {
            ItemPointer const at = records_.next_position();
            if (at == nullptr)
                break;
            bool date_is_null = false;
            one.date = records_.index_value(records_.student_index().date_column, date_is_null);
            if (!shown.want_vital(one.date) && (vaccinations_left == 0 || !shown.want_vaccination(one.date)))
                break;
            const VisibleRecord *const record = visible.find(*at);
            if (record == nullptr)
                continue;
            --left;
            vaccinations_left -= record->is_vaccination ? 1 : 0;
            one.position = *at;
            one.may_be_vital = !record->has_no_vital;
            one.is_vaccination = record->is_vaccination;
            return true;
        }
        return false;
    });
}

}  // namespace wc
