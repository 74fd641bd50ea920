// The server's headers, and what differs between the major versions that are supported (14 to 18).
// Every file of this folder includes this one first; nobody outside this folder does.
#pragma once
#include <cstdint>
#include <string_view>
#include <type_traits>

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/tidbitmap.h"
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
#include "utils/typcache.h"
}

// Before 16 the macro may be empty; the library is compiled with hidden symbols, and these are not.
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

// The server's own printf family must not take the place of the library's in C++ headers.
#undef snprintf
#undef vsnprintf
#undef sprintf
#undef vsprintf
#undef printf
#undef fprintf

namespace wc::pg {

inline bool may_use_schema(Oid schema, Oid role)
{
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK;
#else
    return pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK;
#endif
}

inline IndexScanDesc begin_index_scan(Relation heap, Relation index, Snapshot snapshot, int keys)
{
#if PG_VERSION_NUM >= 180000
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

/// A page of a bitmap.  `all`: the bitmap has become too large to know which rows of the page; offsets are not set.
struct BitmapPage {
    BlockNumber block;
    bool all;
    bool recheck;
    int count;
    OffsetNumber offsets[MaxHeapTuplesPerPage];
};

/// Goes through the pages of a bitmap in the table's order.
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

/// Runs a query that was started, for `count` rows or to its end (0); it can be run on.
inline void run_executor(QueryDesc *query, std::uint64_t count)
{
#if PG_VERSION_NUM >= 180000
    ExecutorRun(query, ForwardScanDirection, count);
#else
    ExecutorRun(query, ForwardScanDirection, count, false);
#endif
}

}  // namespace wc::pg
