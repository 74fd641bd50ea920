// The server's headers, and functions that hide differences between the supported major versions (14 to 19).
// Every file of src/extension gets postgres.h and the common headers from here, and includes special ones itself, in
// extern "C".  Core and the worker include none of them.
#pragma once
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "core/id/spelling.hpp"

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/gin_private.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/tidbitmap.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
#include "replication/origin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"
}

// Before 16 the macro may be empty.  The library is compiled with hidden symbols, so functions for SQL must be visible.
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

// Undefine the server's macros for its own printf functions: C++ headers need those of the C library.
#undef snprintf
#undef vsnprintf
#undef sprintf
#undef vsprintf
#undef printf
#undef fprintf

namespace wc::pg {

/// The number of a system cache, such as AUTHOID.
#if PG_VERSION_NUM >= 190000
using SystemCache = SysCacheIdentifier;
#else
using SystemCache = int;
#endif

inline bool may_use_schema(Oid schema, Oid role)
{
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK;
#else
    return pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK;
#endif
}

inline bool owns_table(Oid table, Oid role)
{
#if PG_VERSION_NUM >= 160000
    return object_ownercheck(RelationRelationId, table, role);
#else
    return pg_class_ownercheck(table, role);
#endif
}

/// Returns InvalidOid if the table has no primary key.
inline Oid primary_key(Relation table)
{
#if PG_VERSION_NUM >= 180000
    return RelationGetPrimaryKeyIndex(table, false);
#else
    return RelationGetPrimaryKeyIndex(table);
#endif
}

inline IndexScanDesc begin_index_scan(Relation heap, Relation index, Snapshot snapshot, int keys)
{
#if PG_VERSION_NUM >= 190000
    return index_beginscan(heap, index, snapshot, nullptr, keys, 0, SO_NONE);
#elif PG_VERSION_NUM >= 180000
    return index_beginscan(heap, index, snapshot, nullptr, keys, 0);
#else
    return index_beginscan(heap, index, snapshot, keys, 0);
#endif
}

inline IndexScanDesc begin_bitmap_scan(Relation index, Snapshot snapshot, int keys)
{
#if PG_VERSION_NUM >= 180000
    return index_beginscan_bitmap(index, snapshot, nullptr, keys);
#else
    return index_beginscan_bitmap(index, snapshot, keys);
#endif
}

inline IndexFetchTableData *begin_index_fetch(Relation table)
{
#if PG_VERSION_NUM >= 190000
    return table_index_fetch_begin(table, SO_NONE);
#else
    return table_index_fetch_begin(table);
#endif
}

/// Deletes a row that the snapshot sees.  If another transaction is changing or deleting it: waits for the end of that
/// one if `wait`; otherwise leaves the row alone.
inline TM_Result delete_row(Relation table, ItemPointer row, CommandId command, Snapshot snapshot, bool wait)
{
    TM_FailureData failure;
#if PG_VERSION_NUM >= 190000
    return table_tuple_delete(table, row, command, 0, snapshot, InvalidSnapshot, wait, &failure);
#else
    return table_tuple_delete(table, row, command, snapshot, InvalidSnapshot, wait, &failure, false);
#endif
}

/// Reads a number as int8in does, without an error.
inline id::Read read_int8(std::string_view text, std::int64_t &number)
{
#if PG_VERSION_NUM >= 160000
    ErrorSaveContext context{};
    context.type = T_ErrorSaveContext;
    context.details_wanted = true;
    std::int64_t const read =
        pg_strtoint64_safe(pnstrdup(text.data(), text.size()), reinterpret_cast<Node *>(&context));
    if (context.error_occurred)
        return context.error_data->sqlerrcode == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE ? id::Read::OutOfRange
                                                                                    : id::Read::Malformed;
    number = read;
    return id::Read::Done;
#else
    return id::parse_integer(text, number);
#endif
}

/// A page of a bitmap.  `all`: the bitmap is too large to know the rows of the page, so offsets are not set.
struct BitmapPage {
    BlockNumber block;
    bool all;
    bool recheck;
    int count;
    OffsetNumber offsets[MaxHeapTuplesPerPage];
};

/// Iterates over the pages of a bitmap in the table's order.
class BitmapPages {
public:
#if PG_VERSION_NUM >= 180000
    explicit BitmapPages(TIDBitmap *bitmap) : iterator_(tbm_begin_private_iterate(bitmap)) {}
    bool next(BitmapPage &page)
    {
        TBMIterateResult found;
        if (!tbm_private_iterate(iterator_, &found))
            return false;
        page.block = found.blockno;
        page.all = found.lossy;
        page.recheck = found.recheck;
        page.count = found.lossy ? 0 : tbm_extract_page_tuple(&found, page.offsets, MaxHeapTuplesPerPage);
        return true;
    }
    void end() { tbm_end_private_iterate(iterator_); }

private:
    TBMPrivateIterator *iterator_;
#else
    explicit BitmapPages(TIDBitmap *bitmap) : iterator_(tbm_begin_iterate(bitmap)) {}
    bool next(BitmapPage &page)
    {
        const TBMIterateResult *const found = tbm_iterate(iterator_);
        if (found == nullptr)
            return false;
        page.block = found->blockno;
        page.all = found->ntuples < 0;
        page.recheck = found->recheck;
        page.count = Max(found->ntuples, 0);
        memcpy(page.offsets, found->offsets, sizeof(OffsetNumber) * static_cast<Size>(page.count));
        return true;
    }
    void end() { tbm_end_iterate(iterator_); }

private:
    TBMIterator *iterator_;
#endif
};

/// Pins the first leaf of a B-tree and locks it for reading.  Returns InvalidBuffer if the index is empty.
inline Buffer lock_first_leaf(Relation btree, [[maybe_unused]] Snapshot snapshot)
{
#if PG_VERSION_NUM >= 170000
    return _bt_get_endpoint(btree, 0, false);
#else
    return _bt_get_endpoint(btree, 0, false, snapshot);
#endif
}

/// Finds the page of the search that was prepared in the index of words, pins it and locks it for reading.
inline GinBtreeStack *find_entry_page(GinBtree search, [[maybe_unused]] Snapshot snapshot)
{
#if PG_VERSION_NUM >= 170000
    return ginFindLeafPage(search, true, false);
#else
    return ginFindLeafPage(search, true, false, snapshot);
#endif
}

/// Finds the first leaf of the positions of one word, pins it and locks it for reading.
inline GinBtreeStack *find_first_positions(GinBtree search, Relation index, BlockNumber root,
                                           [[maybe_unused]] Snapshot snapshot)
{
#if PG_VERSION_NUM >= 170000
    return ginScanBeginPostingTree(search, index, root);
#else
    return ginScanBeginPostingTree(search, index, root, snapshot);
#endif
}

/// Whether the session applies rows that come from another server.
inline bool has_replication_origin()
{
#if PG_VERSION_NUM >= 190000
    return replorigin_xact_state.origin != InvalidReplOriginId;
#else
    return replorigin_session_origin != InvalidRepOriginId;
#endif
}

/// The number of the file that holds the table's rows; another one after a rewrite.
inline Oid file_of(Relation table)
{
#if PG_VERSION_NUM >= 160000
    return table->rd_locator.relNumber;
#else
    return table->rd_node.relNode;
#endif
}

/// Whether the table has virtual generated columns, which are computed when they are read and are not in the heap's
/// tuples.
inline bool has_virtual_columns([[maybe_unused]] Relation table)
{
#if PG_VERSION_NUM >= 180000
    const TupleConstr *const constraints = RelationGetDescr(table)->constr;
    return constraints != nullptr && constraints->has_generated_virtual;
#else
    return false;
#endif
}

/// Runs a started query for `count` rows, or to its end for 0.  It can be called again for the next rows.
inline void run_executor(QueryDesc *query, std::uint64_t count)
{
#if PG_VERSION_NUM >= 180000
    ExecutorRun(query, ForwardScanDirection, count);
#else
    ExecutorRun(query, ForwardScanDirection, count, false);
#endif
}

}  // namespace wc::pg
