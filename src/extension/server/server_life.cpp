// After a crash the postmaster may go on, with the same start time, and transactions that were committed without
// waiting for the disk are gone.  What cannot survive is shared memory: a number there, drawn when it is first asked
// for, lives exactly as long as such transactions do.
#include "extension/server/server_life.hpp"

#include "core/json/writer.hpp"
#include "core/protocol/snapshot_token.hpp"

extern "C" {
#include "access/xlog.h"
#if PG_VERSION_NUM >= 150000
#include "access/xlogrecovery.h"
#endif
#include "storage/lwlock.h"
#include "storage/shmem.h"
}

namespace wc {
namespace {

std::uint64_t draw_number()
{
    std::uint64_t number = 0;
    if (!pg_strong_random(&number, sizeof number))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
    return number >> 1;
}

std::int64_t life()
{
    // A session cannot outlive the shared memory, so the number that it knows stays right.
    static std::uint64_t known = 0;
    if (known != 0)
        return static_cast<std::int64_t>(known);
    std::uint64_t const fresh = draw_number();
    bool is_there = false;
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    auto *const shared =
        static_cast<std::uint64_t *>(ShmemInitStruct("white_cross life", sizeof(std::uint64_t), &is_there));
    if (!is_there)
        *shared = fresh;
    known = *shared;
    LWLockRelease(AddinShmemInitLock);
    return static_cast<std::int64_t>(known);
}

std::int64_t timeline(bool is_standby)
{
    TimeLineID id = 0;
    if (is_standby) {
        GetXLogReplayRecPtr(&id);
        return id;
    }
#if PG_VERSION_NUM >= 150000
    return GetWALInsertionTimeLine();
#else
    // Known to a session once it has asked whether the recovery is over.
    RecoveryInProgress();
    return ThisTimeLineID;
#endif
}

}  // namespace

void append_server_life(json::Buffer &out, bool is_standby)
{
    char system[24];
    pg_snprintf(system, sizeof system, UINT64_FORMAT, GetSystemIdentifier());
    out.append(std::string_view(system));
    out.append(snapshot_token::kBetweenServerParts);
    json::write_integer(out, timeline(is_standby));
    if (is_standby)
        return;
    out.append(snapshot_token::kBetweenServerParts);
    json::write_integer(out, life());
}

}  // namespace wc
