// Copies of rows that a scan has put into a slot.
#pragma once
#include "extension/binding/row.hpp"

extern "C" {
#include "executor/tuptable.h"
}

namespace wc {

/// The memory of a copied row.
struct CopyMemory {
    char *bytes = nullptr;
    Size size = 0;
};

/// Takes the slot's values into a row.  They are valid as long as the slot holds the row.
void take_row(TupleTableSlot *slot, const BoundTable &table, int count, Row &row);

/// Copies the slot's row, so that it outlives the slot's buffer pin.  Takes `memory` if the row fits there, or else
/// frees that and allocates in the current context.
///
/// REQUIRES: the slot holds a tuple of the heap.
void copy_row(TupleTableSlot *slot, const BoundTable &table, int count, Row &row, CopyMemory &memory);
void copy_row(TupleTableSlot *slot, const BoundTable &table, int count, Row &row);

}  // namespace wc
