#include "extension/changes/drain_lock.hpp"

#include "core/protocol/queue.hpp"
#include "extension/server/boundary.hpp"

extern "C" {
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
