#include "extension/search/direct_names.hpp"

#include "extension/search/cost.hpp"
#include "extension/search/record_walk.hpp"
#include "extension/search/student_set.hpp"

extern "C" {
#include "access/visibilitymap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/datum.h"
}

namespace wc {
namespace {

// The least number of rows beyond the needed ones that are collected before they are sorted and cut.  Cutting early
// lets the search read fewer rows of the next students.
constexpr int64 kUnsorted = 256;

// Reads the id, the time of entry and the place of the scan's current record.  Returns false if the snapshot or the
// caller does not see the record, or its type is not wanted.
bool read_entry(RecordCursor &records, IndexScanDesc scan, Row &row, Buffer &visibility)
{
    const OpenTable &table = records.table();
    const StudentIndex &index = records.student_index();
    const SearchParameters &parameters = records.parameters();
    BlockNumber const block = ItemPointerGetBlockNumber(&scan->xs_heaptid);
    bool const by_entry = knows_entry(*table.bound);
    bool const needs_row = records.asks() || parameters.has_excluded || index.id_column == InvalidAttrNumber ||
                           (by_entry && index.entry_column == InvalidAttrNumber);
    // While the index page is pinned, the visibility map is right for its entries (see nodeIndexonlyscan.c).
    bool const is_visible = VM_ALL_VISIBLE(table.relation, block, &visibility);
    bool const is_read = !is_visible || needs_row;
    if (!is_read)
        PredicateLockPage(table.relation, block, records.snapshot());
    else if (!records.fetch(scan))
        return false;
    if (!records.is_shown())
        return false;
    TupleDesc const shape = RelationGetDescr(scan->indexRelation);
    if (parameters.has_type) {
        bool is_null = false;
        Datum const type = index_getattr(scan->xs_itup, index.type_column, shape, &is_null);
        if (!records.is_wanted_type(type, is_null))
            return false;
    }
    if (parameters.has_excluded && !records.fulfils(parameters.excluded()))
        return false;
    auto const take = [&](int attribute, AttrNumber column) {
        bool &is_null = row.nulls[attribute];
        row.values[attribute] = column == InvalidAttrNumber ? records.attribute(attribute, is_null)
                                                            : index_getattr(scan->xs_itup, column, shape, &is_null);
    };
    take(record::Id, index.id_column);
    if (by_entry)
        take(record::CreatedAt, index.entry_column);
    row.place = is_read ? records.place() : RowPlace{table.bound->relation, scan->xs_heaptid, true};
    return true;
}

// The records of one student after another in one part, through the part's index by student.
class StudentRecords {
public:
    explicit StudentRecords(RecordCursor &records)
        : records_(records),
          columns_(records.student_index()),
          shape_(RelationGetDescr(records.student_relation())),
          scan_(pg::begin_index_scan(records.table().relation, records.student_relation(), records.snapshot(), 1))
    {
        scan_->xs_want_itup = true;
    }

    // `reads_all`: the caller is likely to read all records of the student.
    void begin(Datum student, bool reads_all)
    {
        CHECK_FOR_INTERRUPTS();
        ScanKeyData key;
        ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, columns_.collation,
                                       &columns_.equal, student);
        index_rescan(scan_, &key, 1, nullptr, 0);
        if (!reads_all || !records_.asks())
            return;
        ask_ahead();
        index_rescan(scan_, &key, 1, nullptr, 0);
    }

    // Goes on to the student's next entry, the latest date first, and reads its date.
    bool next(Row &row)
    {
        if (index_getnext_tid(scan_, columns_.direction) == nullptr)
            return false;
        row.values[record::Date] =
            index_getattr(scan_->xs_itup, columns_.date_column, shape_, &row.nulls[record::Date]);
        return true;
    }

    // Reads the other keys of its record.  Returns false if the snapshot does not see it, or its type is not wanted.
    bool read(Row &row) { return read_entry(records_, scan_, row, visibility_); }

    void end()
    {
        if (BufferIsValid(visibility_))
            ReleaseBuffer(visibility_);
        index_endscan(scan_);
    }

private:
    // Lets the policies decide about the student's latest records together.
    void ask_ahead()
    {
        constexpr int kMost = 128;
        ItemPointerData ahead[kMost];
        int count = 0;
        while (count < kMost && index_getnext_tid(scan_, columns_.direction) != nullptr)
            ahead[count++] = scan_->xs_heaptid;
        records_.ask_ahead(ahead, count);
    }

    RecordCursor &records_;
    StudentIndex &columns_;
    TupleDesc shape_;
    IndexScanDesc scan_;
    Buffer visibility_ = InvalidBuffer;
};

// Collects the records of students, one part after another.
class NameMatches {
public:
    NameMatches(RecordParts &parts, const Datum *students, int count, int64 needed)
        : parts_(parts),
          students_(students),
          count_(count),
          needed_(needed),
          by_date_(parts.table(), {{record::Date, true}}),
          id_(parts.table().columns[record::Id])
    {
        parts_.find_students(students, count);
    }

    // Reads each student's records, the latest first.  Once it has more than kExactTotal, it walks through the latest
    // records of all students if that is cheaper; otherwise it reads each student's records only as far as they can be
    // among the latest.
    Matches find()
    {
        for (int part = 0; part < parts_.count() && !is_found_; ++part) {
            if (is_cut_ && parts_.are_earlier(part, last()))
                break;
            read_part(part);
        }
        if (!found_.complete)
            parts_.keep_first(found_.rows, needed_);
        return found_;
    }

private:
    const Row &last() const { return found_.rows.rows[needed_ - 1]; }

    void read_part(int part)
    {
        if (!parts_.may_have_any(part, count_))
            return;
        StudentRecords records(parts_.at(part));
        for (int i = 0; i < count_ && !is_found_; ++i) {
            if (!parts_.may_have(part, i))
                continue;
            read_student(records, students_[i]);
            ++read_;
            if (found_.rows.count > (found_.complete ? kExactTotal : needed_ + Max(needed_, kUnsorted)))
                cut();
        }
        records.end();
    }

    void read_student(StudentRecords &records, Datum student)
    {
        records.begin(student, !is_cut_);
        Row row;
        while (records.next(row) && !(is_cut_ && by_date_.compare(row, last()) > 0)) {
            if (!records.read(row))
                continue;
            if (!row.nulls[record::Id])
                row.values[record::Id] = datumCopy(row.values[record::Id], id_.by_value, id_.length);
            found_.rows.add() = row;
        }
    }

    void cut()
    {
        is_found_ = found_.complete && walk_looking_for_students();
        found_.complete = false;
        parts_.keep_first(found_.rows, needed_);
        is_cut_ = found_.rows.count == needed_;
    }

    // How often a student's records in a part are still to be read.
    int ahead() const
    {
        int all = 0;
        for (int part = 0; part < parts_.count(); ++part) {
            for (int i = 0; i < count_; ++i)
                all += parts_.may_have(part, i) ? 1 : 0;
        }
        return all - read_;
    }

    // Collects the latest records of the students by a walk, if that is cheaper than to read on.
    bool walk_looking_for_students()
    {
        const BoundColumn &column = parts_.table().columns[record::StudentId];
        // Students and records may pad the same id to different lengths.
        if (column.type == BPCHAROID ||
            (OidIsValid(column.collation) && !get_collation_isdeterministic(column.collation)))
            return false;
        const SearchParameters &parameters = parts_.parameters();
        StudentSet const wanted(students_, count_, column);
        RowList latest{};
        auto const fits = [&](RecordCursor &records) {
            bool is_null = false;
            Datum const student = records.attribute(record::StudentId, is_null);
            return !is_null && wanted.has(student) &&
                   records.is_wanted(parameters.has_excluded ? parameters.excluded() : Datum{0});
        };
        double const reading_on = ahead() * search_cost::kStudent;
        if (!walk_looking(parts_, search_cost::kFetch, needed_, latest, fits, [&](double) { return reading_on; }))
            return false;
        found_.rows = latest;
        return true;
    }

    RecordParts &parts_;
    const Datum *students_;
    int count_;
    int64 needed_;
    RowOrder by_date_;
    const BoundColumn &id_;
    Matches found_{};
    int read_ = 0;           // how often a student's records in a part have been read
    bool is_cut_ = false;    // the rows were cut to the latest `needed`; earlier records need not be read
    bool is_found_ = false;  // a walk has found the latest
};

static_assert(std::is_trivially_destructible_v<NameMatches>);

}  // namespace

bool have_more_than_counted(RecordParts &parts, const Datum *students, int count)
{
    int64 found = 0;
    parts.find_students(students, count);
    for (int part = 0; part < parts.count() && found <= kExactTotal; ++part) {
        if (!parts.may_have_any(part, count))
            continue;
        StudentRecords records(parts.at(part));
        for (int i = 0; i < count && found <= kExactTotal; ++i) {
            if (!parts.may_have(part, i))
                continue;
            records.begin(students[i], true);
            Row row;
            while (found <= kExactTotal && records.next(row))
                found += records.read(row) ? 1 : 0;
        }
        records.end();
    }
    return found > kExactTotal;
}

Matches find_of_students(RecordParts &parts, const Datum *students, int count, int64 needed)
{
    return NameMatches(parts, students, count, needed).find();
}

}  // namespace wc
