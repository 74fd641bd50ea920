// The positions of all rows that fulfil a tsquery, read from the index of words.
//
// The server's own scan of a GIN index takes some hundred nanoseconds for each row, and for a pair of words as much for
// each row of both.  Here the positions of a word are decoded page by page, as the server does it for prefixes, and go
// into a set of bits (position_set.hpp); sets are combined as the tsquery says.  That takes about ten nanoseconds for
// each row of each word.
#pragma once
#include "extension/direct/position_set.hpp"
#include "extension/search/word_entry.hpp"

extern "C" {
#include "tsearch/ts_type.h"
}

namespace wc {

class WordIndex {
public:
    /// What rows fulfil a tsquery.  `exact`: a row that the snapshot sees fulfils it exactly if it is in the set;
    /// otherwise some in the set may not.
    struct Found {
        PositionSet rows;
        bool exact;
    };

    /// Reads what the index has not sorted in yet.
    ///
    /// REQUIRES: the index is a GIN index of documents only, and the tsquery lives as long as this.
    WordIndex(Relation index, Relation table, Snapshot snapshot, Datum tsquery);

    /// Estimates how many rows fulfil the tsquery, at most; 0 only if none does.  It reads some pages for each word.
    double estimate() { return estimate(GETQUERY(query_)); }

    /// Finds all rows that have one of the words, in the table's order, if the estimate has met each of them.  Returns
    /// false if there may be others, or the tsquery asks for more than one of its words.  `exact` is as for Found.
    bool find_few(PositionList &rows, bool &exact) const;

    /// Estimates how many positions find() reads.
    double work();

    /// Lets find() look only at the first rows, in the table's order: this share of them.
    void look_at(double share);

    /// Whether the sets that find() needs at once take no more memory than a search may.
    bool fits();

    /// Finds all, or those among the first rows.
    ///
    /// REQUIRES: each row that fulfils the tsquery has one of its words (tsquery_requires_match).
    Found find();

private:
    // Rows that fulfil a part of the tsquery: those in the set, or `negated` all others.
    struct Part {
        PositionSet rows;
        bool negated;
        bool exact;
    };

    BlockNumber blocks();
    int word_of(const QueryItem *item) const;
    double estimate(const QueryItem *item);
    PositionSet rows_of(const QueryItem *item);
    Part evaluate(const QueryItem *item, bool in_phrase);

    void read_pending();
    void read_pending_page(Page page);

    GinState state_;
    Snapshot snapshot_;
    TSQuery query_;
    Relation table_;
    BlockNumber blocks_ = InvalidBlockNumber;  // that are looked at; invalid: not known yet
    WordEntry *words_;                         // of each operand of the tsquery
    int count_;
};

}  // namespace wc
