// Writes imported rows into one table.
#pragma once
#include "extension/history_field.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace wc {

/// What happens to a row whose id is there already.
enum class OnConflict { Error, Skip, Update };

enum class Written { Inserted, Updated, Skipped, Conflict, OfAnother, Vanished };

class ImportRows {
public:
    void open(Entity entity, OnConflict on_conflict);

    const HistoryFields &fields() const noexcept { return fields_; }

    /// Writes a row.  `given`: which of the fields it has; the others become the column's default, or stay as they are
    /// when a row is updated.  `student` is its student's id, for students themselves too.
    Written write(const Datum *values, const bool *nulls, const bool *given, Datum student);

    /// The field that a constraint or a unique index begins with; nullptr when it is unknown.
    const char *field_of_constraint(const char *name) const;

    int64 count_of(Written what) const noexcept { return counts_[static_cast<int>(what)]; }
    int64 count() const noexcept
    {
        return count_of(Written::Inserted) + count_of(Written::Updated) + count_of(Written::Skipped);
    }

private:
    struct Constraint {
        const char *name;
        const char *field;
    };

    void read_constraints();
    void prepare_lookup();
    void prepare(const bool *given);
    Oid id_type() const;

    HistoryFields fields_;
    OnConflict on_conflict_;
    SPIPlanPtr lookup_ = nullptr;
    SPIPlanPtr insert_ = nullptr;  // for the fields of `given_`
    SPIPlanPtr update_ = nullptr;  // nullptr: there is nothing to set
    bool *given_ = nullptr;
    int64 plan_again_at_ = 64;
    bool plans_are_old_ = false;
    Constraint *constraints_ = nullptr;
    int count_of_constraints_ = 0;
    int64 counts_[static_cast<int>(Written::Vanished) + 1] = {};
};

}  // namespace wc
