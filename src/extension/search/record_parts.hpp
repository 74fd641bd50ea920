// The records of the attached table, for the two direct ways to search: by text (direct_text.hpp) and by students
// (direct_names.hpp).  A plain table is one part; a partitioned one has a part for each partition that holds rows.
//
// Where row-level security applies and white_cross.search_under_rls is "index", policies decide about each record that
// an index has found, before anything is done with it (direct/shown_rows.hpp).
//
// Reading them is right under the conditions of direct reading (direct/eligibility.hpp).  `open` checks them every
// time, for all parts; if one does not hold, queries search instead (page.hpp).  Tests compare both.
//
// The parts are those that a query of the table would read: the partitions that the active snapshot sees, each locked
// until the end of the transaction.  It does not matter by what they are partitioned.  But ranges of the records' date
// say that a part has no record of a later date, and the student's id says in which part a student's records are: that
// is what keeps a search from looking into all parts.
#pragma once
#include "extension/direct/partition_key.hpp"
#include "extension/search/record_cursor.hpp"

namespace wc {

/// Matches of one kind.  The rows have only their place and the keys of record_order(), and are in any order.
struct Matches {
    RowList rows{};
    bool complete = true;  ///< there are no others
    bool latest = true;    ///< the latest ones, as many as were needed, are among them
};

class RecordParts {
public:
    /// Returns false, and opens nothing, if queries must search.
    ///
    /// REQUIRES: SPI is connected; `parameters` lives until close().
    bool open(const SearchParameters &parameters);
    void close();

    /// The parts; those that can have the latest records come first.
    int count() const noexcept { return count_; }
    RecordCursor &at(int part) { return parts_[part].records; }
    const RecordCursor &at(int part) const { return parts_[part].records; }

    /// Whether this part and all after it have only records of earlier dates than the row's.
    bool are_earlier(int part, const Row &row) const;

    /// Whether there are several, and each may have records of any date, so that none is known to have the latest.
    bool are_of_any_dates() const noexcept;

    /// Finds out where the records of these students are.
    void find_students(const Datum *students, int count);

    /// Whether the part may have records of a student, by its place among those of find_students(); or of any of the
    /// first `count`.
    bool may_have(int part, int student) const;
    bool may_have_any(int part, int count) const;

    /// The attached table.
    const BoundTable &table() const noexcept { return *whole_.bound; }
    const SearchParameters &parameters() const noexcept { return *parameters_; }

    /// Whether each part has an index of records by their student, and one of dates for a walk from the latest back.
    bool has_students();
    bool has_dates();

    /// Whether policies decide about each record.
    bool asks() const noexcept { return shown_ != nullptr; }
    double cost_of_asking() const noexcept
    {
        return asks() ? search_cost::kAsk + (count_ - 1) * search_cost::kAskOther : 0;
    }
    double cost_of_asking_alone() const noexcept
    {
        return asks() ? search_cost::kAskAlone + (count_ - 1) * search_cost::kAskOtherAlone : 0;
    }
    double cost_of_fetch() const noexcept { return search_cost::kFetch + cost_of_asking(); }

    /// Sorts the rows and drops all after the first `needed`.
    void keep_first(RowList &rows, int64 needed) const;

private:
    class Opening;

    // A partitioned table.
    struct Level {
        OpenTable table;
        const Level *above;  // null: it is the attached table
        int place;           // among the partitions of the level above
        bool is_by_student;
        PartitionKey key;
        const PartitionDescData *partitions;
        int *places;  // of the students' records, by find_students()
        Level *next;  // another one
    };

    // An end of a part's dates, which no record of it reaches.
    struct End {
        bool is_known;
        Datum date;
    };

    struct Part {
        RecordCursor records;
        const Level *level;  // null: it is the attached table
        int place;           // among the partitions of the level
        End end;
    };

    bool may_open();
    Part &add();
    bool is_before(Datum date, Datum other) const;
    void sort();

    const SearchParameters *parameters_ = nullptr;
    const char *shown_ = nullptr;  // the statement by which policies decide; null: none apply
    OpenTable whole_{};
    FmgrInfo *comparison_ = nullptr;  // of dates; owned by the type cache
    Level *levels_ = nullptr;
    Part *parts_ = nullptr;
    int count_ = 0;
    int capacity_ = 0;
};

}  // namespace wc
