#include "extension/direct/leaf_walk.hpp"

extern "C" {
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<LeafWalk>);

namespace {

BTPageOpaque opaque_of(Page page)
{
    return static_cast<BTPageOpaque>(static_cast<void *>(PageGetSpecialPointer(page)));
}

// Copies the positions of all entries of a leaf, also of those that the index takes for dead: on a standby the
// snapshot may still see their rows.
int copy_positions(Page page, ItemPointerData *to)
{
    BTPageOpaque const opaque = opaque_of(page);
    if (P_IGNORE(opaque))
        return 0;
    int count = 0;
    OffsetNumber const last = PageGetMaxOffsetNumber(page);
    for (OffsetNumber at = P_FIRSTDATAKEY(opaque); at <= last; ++at) {
        auto *const entry = static_cast<IndexTuple>(static_cast<void *>(PageGetItem(page, PageGetItemId(page, at))));
        if (!BTreeTupleIsPosting(entry)) {
            to[count++] = entry->t_tid;
            continue;
        }
        int const more = BTreeTupleGetNPosting(entry);
        memcpy(to + count, BTreeTupleGetPosting(entry), sizeof(ItemPointerData) * static_cast<Size>(more));
        count += more;
    }
    return count;
}

}  // namespace

LeafWalk::LeafWalk(Relation btree, Snapshot snapshot)
    : btree_(btree),
      page_(P_NONE),
      snapshot_(snapshot),
      positions_(static_cast<ItemPointerData *>(palloc(sizeof(ItemPointerData) * kMost)))
{}

// It follows the links to the right, as the server's scans do.  A page that is split after it was read leaves nothing
// new to the right but entries that were read already or that the snapshot does not see.
bool LeafWalk::next()
{
    Buffer buffer = InvalidBuffer;
    if (!has_begun_) {
        pgstat_count_index_scan(btree_);
        // Of a serializable transaction it locks all of the index at once.
        PredicateLockRelation(btree_, snapshot_);
        buffer = pg::lock_first_leaf(btree_, snapshot_);
        has_begun_ = true;
    } else if (page_ != P_NONE) {
        CHECK_FOR_INTERRUPTS();
        buffer = _bt_getbuf(btree_, page_, BT_READ);
    }
    if (!BufferIsValid(buffer))
        return false;
    Page const page = BufferGetPage(buffer);
    count_ = copy_positions(page, positions_);
    page_ = opaque_of(page)->btpo_next;
    _bt_relbuf(btree_, buffer);
    return true;
}

}  // namespace wc
