// The statements of a search.  All have the same parameters:
//
//     $1 tsquery        what the text of a record must fulfil
//     $2 text           a pattern that the student's name must match: the longest, which an index is searched for
//     $3 text[]         all others
//     $4 text[]         patterns that it must not match
//     $5 tsquery        what the text must fulfil where the name matches: excluded terms
//     $6                the type of the record
//     $7 $8 bigint      OFFSET and LIMIT of the page
//     $9 text           the second longest of the patterns, if the index can be searched for it too
#pragma once
#include "extension/binding/binding.hpp"
#include "extension/query/kept_plan.hpp"
#include "extension/search/query.hpp"

namespace wc {

/// Totals are exact up to this number.
inline constexpr int kExactTotal = 2000;

/// Ordering by rank ranks the latest matches: at most this many by text, and as many by name.
inline constexpr int kRanked = 2000;

/// The greatest number of matching students whose records are searched one student after the other.
inline constexpr int kMostStudents = 2000;

/// The greatest number of rows that a walk through the latest records examines, where an index finds words.
inline constexpr int kLongestWalk = 20'000;

struct SearchParameters {
    static constexpr int kCount = 9;

    SearchParameters(const SearchQuery &query, const BoundColumn &type_column, bool has_type, Datum type, int64 offset,
                     int64 limit);
    void set_text(Datum tsquery) noexcept;
    Datum type() const noexcept { return values[5]; }
    Datum excluded() const noexcept { return values[4]; }

    Oid types[kCount];
    Datum values[kCount];
    char nulls[kCount + 1];
    bool has_type;
    bool has_excluded;
    bool has_short_part;
    bool has_second_part;
    bool has_several_parts;
    bool has_excluded_names;
    bool only_excludes;
    bool students_may_be_hidden;

    /// Whether a query finds words only by making the document of each record: the server looks into no index of words
    /// before a policy has decided about the record, since the time would tell what other records say.
    bool words_need_each_record;

    /// Whether queries tell where they have found a record.
    bool reads_places = false;

    /// Which of the `kVariants` texts a statement has.
    int variant() const noexcept
    {
        return (has_type ? 1 : 0) + (has_excluded ? 2 : 0) + (has_short_part ? 4 : 0) + (only_excludes ? 8 : 0) +
               (students_may_be_hidden ? 16 : 0) + (has_several_parts ? 32 : 0) + (has_excluded_names ? 64 : 0) +
               (has_second_part ? 128 : 0) + (words_need_each_record ? 256 : 0);
    }
    static constexpr int kVariants = 512;
};

/// Select id, date and, if there is a column for it, time of entry, then its place or NULL, of at most
/// kExactTotal + 1 records that match by their text, or by their student's name; in any order.
char *matches_by_text(const SearchParameters &parameters);
char *matches_by_name(const SearchParameters &parameters);

/// Selects these columns of the latest records, and in the last column whether the record matches: by text, by name or
/// by either.
char *latest_records(const SearchParameters &parameters, bool by_text, bool by_name);

/// Select these columns of the latest kRanked + 1 matches, in order.
char *latest_by_text(const SearchParameters &parameters);
char *latest_by_name(const SearchParameters &parameters);

/// Select these columns of the latest matches, as many as there are to the end of the page, in order.
char *page_by_text(const SearchParameters &parameters);
char *page_by_name(const SearchParameters &parameters);

/// Selects the ids of at most kMostStudents + 1 students whose names match.  Some may be NULL: with the condition IS
/// NOT NULL the planner could choose the index on the id instead of the index of names.
char *students_by_name(const SearchParameters &parameters);

/// Selects the documents of all records, with the expression of the index of words.  It has no parameters.
char *documents_of_records();

/// Selects the positions of those records, or students, with the positions of the array $1 in the table $2 that the
/// caller may see, for direct/shown_rows.hpp.  A record is seen only with its student.
char *shown_records(const SearchParameters &parameters);
char *shown_students();

/// Selects the names of all students, with the expression of the index of names.  It has no parameters.
char *names_of_students();

/// Selects one row: the number of matches, and the array of the page's ids, the latest first.
char *whole_page(const SearchParameters &parameters);

/// Selects one row: the array of the page's ids, the best first.  $1: a tsquery; $2, $3: arrays of the ids of records
/// that match by text and by name; $4, $5: OFFSET and LIMIT.
char *ids_by_rank();

/// Selects the records with the ids of the array $1, in that order: all attributes, then the first four of their
/// students.
char *records_of_page();

}  // namespace wc
