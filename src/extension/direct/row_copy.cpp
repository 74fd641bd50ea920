#include "extension/direct/row_copy.hpp"

namespace wc {
namespace {

bool points_into(Datum value, const HeapTupleData &tuple)
{
    auto const *const at = static_cast<const char *>(DatumGetPointer(value));
    auto const *const begin = reinterpret_cast<const char *>(tuple.t_data);
    return at >= begin && at < begin + tuple.t_len;
}

// `shift` leads from the tuple to a copy of it: values that point into the tuple come to point into the copy.
void take_values(TupleTableSlot *slot, const BoundTable &table, int count, const HeapTupleData *tuple, ptrdiff_t shift,
                 Row &row)
{
    for (int i = 0; i < count; ++i) {
        const BoundColumn &column = table.columns[i];
        Datum value = slot->tts_values[column.number - 1];
        row.nulls[i] = slot->tts_isnull[column.number - 1];
        // A value may lie outside of the tuple: that of a column added later is the default in the table's definition.
        if (!column.by_value && !row.nulls[i] && tuple != nullptr && points_into(value, *tuple))
            value = PointerGetDatum(static_cast<char *>(DatumGetPointer(value)) + shift);
        row.values[i] = value;
    }
}

}  // namespace

void take_row(TupleTableSlot *slot, const BoundTable &table, int count, Row &row)
{
    slot_getsomeattrs(slot, table.last_number);
    take_values(slot, table, count, nullptr, 0, row);
}

void copy_row(TupleTableSlot *slot, const BoundTable &table, int count, Row &row, CopyMemory &memory)
{
    slot_getsomeattrs(slot, table.last_number);
    bool is_copy = false;
    HeapTuple const tuple = ExecFetchSlotHeapTuple(slot, false, &is_copy);
    Assert(!is_copy);
    if (memory.size < tuple->t_len) {
        if (memory.bytes != nullptr)
            pfree(memory.bytes);
        memory = {static_cast<char *>(palloc(tuple->t_len)), tuple->t_len};
    }
    memcpy(memory.bytes, tuple->t_data, tuple->t_len);
    take_values(slot, table, count, tuple, memory.bytes - reinterpret_cast<char *>(tuple->t_data), row);
}

void copy_row(TupleTableSlot *slot, const BoundTable &table, int count, Row &row)
{
    CopyMemory memory;
    copy_row(slot, table, count, row, memory);
}

}  // namespace wc
