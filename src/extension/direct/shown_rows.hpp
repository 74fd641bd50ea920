// Which rows of a table the policies show to the caller: the executor decides.
//
// Whoever finds rows through an index that the planner would not use under row-level security finds rows that are
// hidden from the caller too.  Nothing may be computed from such a row, nor compared with it, that could be seen or
// could raise an error or a notice.  So the finder asks here first.  The executor reads the rows by their positions, as
// the caller, with the same snapshot, and applies the policies to them as to every query.
//
// A policy may call any function: one that raises an error, changes settings, runs DDL or searches itself.
#pragma once
#include "extension/query/kept_plan.hpp"

namespace wc {

class ShownRows {
public:
    /// Begins to ask with `statement` about rows of a table: it selects the ctid of the shown ones of the rows with the
    /// positions $1, of type tid[], in the table with the oid $2, which may be a partition of the table that it names.
    /// Before that, all rows are shown.
    ///
    /// REQUIRES: `statement` lives as long as this.
    void begin(KeptPlan &plan, const char *statement, Oid table) noexcept;

    bool are_asked_about() const noexcept { return plan_ != nullptr; }

    /// Asks about many rows at once, for the next calls of has(): one by one they take several times as long.
    ///
    /// REQUIRES: are_asked_about(); SPI is connected; no lock on a buffer is held.
    void ask(const ItemPointerData *positions, int count);

    /// Whether the row is shown.  Asks, unless the last ask() was about it too.  The position is that of the version
    /// that the snapshot sees, not that of the first one in its chain.
    ///
    /// REQUIRES: as for ask().
    bool has(const ItemPointerData &position);

private:
    struct Asked {
        ItemPointerData position;
        bool is_shown;
    };

    void decide(Asked *rows, int count);

    KeptPlan *plan_ = nullptr;
    const char *statement_ = nullptr;
    Oid table_ = InvalidOid;
    Asked *asked_ = nullptr;  // by position
    int count_ = 0;
    int capacity_ = 0;
};

}  // namespace wc
