#include "extension/changes/drain_lock.hpp"

#include "core/protocol/queue.hpp"
#include "extension/server/boundary.hpp"

extern "C" {
#include "common/hashfn.h"
#include "storage/lock.h"
}

namespace wc::drain_lock {
namespace {

LOCKTAG tag()
{
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(queue::kDrainLockClass),
                         static_cast<uint32>(queue::kDrainLockId), queue::kDrainLockKind);
    return tag;
}

// Of two names with the same hash, one target is never drained: with a handful of names that does not happen.
LOCKTAG tag_of(const text *target)
{
    auto const *const name = reinterpret_cast<const unsigned char *>(VARDATA_ANY(target));
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(queue::kDrainLockClass),
                         hash_bytes(name, static_cast<int>(VARSIZE_ANY_EXHDR(target))), queue::kTargetLockKind);
    return tag;
}

}  // namespace

bool is_held()
{
    LOCKTAG const wanted = tag();
    const LockData *const locks = GetLockStatusData();
    for (int i = 0; i < locks->nelements; ++i) {
        const LockInstanceData &lock = locks->locks[i];
        if (lock.holdMask != 0 && memcmp(&lock.locktag, &wanted, sizeof wanted) == 0)
            return true;
    }
    return false;
}

}  // namespace wc::drain_lock

using namespace wc;

// white_cross.lock_drain(for_session boolean, wait boolean) → boolean
WC_FUNCTION(wc_lock_drain)
{
    LOCKTAG const tag = drain_lock::tag();
    bool const for_session = PG_GETARG_BOOL(0);
    bool const waits = PG_GETARG_BOOL(1);
    PG_RETURN_BOOL(LockAcquire(&tag, ExclusiveLock, for_session, !waits) != LOCKACQUIRE_NOT_AVAIL);
}

// white_cross.unlock_drain() → boolean
WC_FUNCTION(wc_unlock_drain)
{
    LOCKTAG const tag = drain_lock::tag();
    PG_RETURN_BOOL(LockRelease(&tag, ExclusiveLock, true));
}

// white_cross.lock_target(target text) → boolean
WC_FUNCTION(wc_lock_target)
{
    LOCKTAG const drain = drain_lock::tag();
    LOCKTAG const target = drain_lock::tag_of(PG_GETARG_TEXT_PP(0));
    if (LockAcquire(&drain, ShareLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
        PG_RETURN_BOOL(false);
    if (LockAcquire(&target, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
        PG_RETURN_BOOL(true);
    LockRelease(&drain, ShareLock, true);
    PG_RETURN_BOOL(false);
}

// white_cross.unlock_target(target text) → boolean
WC_FUNCTION(wc_unlock_target)
{
    LOCKTAG const drain = drain_lock::tag();
    LOCKTAG const target = drain_lock::tag_of(PG_GETARG_TEXT_PP(0));
    bool const was_held = LockRelease(&target, ExclusiveLock, true);
    PG_RETURN_BOOL(LockRelease(&drain, ShareLock, true) && was_held);
}
