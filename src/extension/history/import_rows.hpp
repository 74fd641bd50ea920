// Writes imported rows into one table.
#pragma once
#include "extension/history/field.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace wc {

/// What happens to a row whose id exists already.
enum class OnConflict { Error, Skip, Update };

/// What has become of a row.  The first three are counted.
enum class Written {
    Inserted,
    Updated,
    Skipped,
    Conflict,   // a row with this id exists, and OnConflict is Error
    OfAnother,  // a row of another student has this id
    Fixed,      // the row exists with another value of a field that no update can change
    Vanished    // the update changed no row
};

class ImportRows {
public:
    void open(Entity entity, OnConflict on_conflict);

    const HistoryFields &fields() const noexcept { return fields_; }

    /// Writes a row.  `given` says which fields the row has.  A field that it does not have, or that is generated from
    /// others, gets the column's default in a new row, and stays as it is in an existing one.  `student` is the id of
    /// the student to whom the row belongs; for a row of students it is the row's own id.
    ///
    /// REQUIRES: the caller has connected to SPI.
    Written write(const Datum *values, const bool *nulls, const bool *given, Datum student);

    /// The field that no update can change.  REQUIRES: write() returned Written::Fixed.
    const char *fixed_field() const noexcept { return fixed_field_; }

    /// Returns the field that a constraint or a unique index begins with; nullptr when it is not one of the fields.
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
    bool is_fixed(int field) const;
    bool find_fixed_field(const Datum *values, const bool *given);
    Oid id_type() const;

    HistoryFields fields_;
    OnConflict on_conflict_;
    SPIPlanPtr lookup_ = nullptr;
    SPIPlanPtr insert_ = nullptr;  // for the fields of `given_`
    SPIPlanPtr update_ = nullptr;  // for the same; nullptr: no field is left to set
    bool *given_ = nullptr;
    const char *fixed_field_ = nullptr;
    int64 plan_again_at_ = 64;
    bool plans_are_old_ = false;
    Constraint *constraints_ = nullptr;
    int count_of_constraints_ = 0;
    int64 counts_[static_cast<int>(Written::Vanished) + 1] = {};
};

}  // namespace wc
