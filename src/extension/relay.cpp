#include "extension/relay.hpp"

#include <atomic>

#include "core/changes/queue.hpp"
#include "extension/boundary.hpp"

extern "C" {
#include "commands/async.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

PGDLLEXPORT void wc_relay_main(Datum database);
}

namespace wc::relay {
namespace {

constexpr int kSlots = 64;  // databases with changes to relay, at the same time
constexpr int kIdleMilliseconds = 1000;

// One for each database.  A slot that is taken stays that database's; a latch belongs to a process slot
// of shared memory, so setting that of a relay that is gone wakes, at worst, somebody for nothing.
struct Slot {
    std::atomic<Oid> database;
    std::atomic<bool> is_pending;
    std::atomic<bool> is_told;  // the worker, and it has not looked since
    std::atomic<bool> is_without_relay;
    std::atomic<Latch *> latch;  // of the running relay, or null
};
static_assert(std::atomic<Oid>::is_always_lock_free && std::atomic<Latch *>::is_always_lock_free);

struct Shared {
    LWLock *lock;  // taken to claim a slot
    Slot slots[kSlots];
};

Shared *shared = nullptr;
constexpr const char *kTranche = "white_cross";

#if PG_VERSION_NUM >= 150000
shmem_request_hook_type next_request = nullptr;
#endif
shmem_startup_hook_type next_startup = nullptr;

void request()
{
#if PG_VERSION_NUM >= 150000
    if (next_request != nullptr)
        next_request();
#endif
    RequestAddinShmemSpace(sizeof(Shared));
    RequestNamedLWLockTranche(kTranche, 1);
}

void startup()
{
    if (next_startup != nullptr)
        next_startup();
    bool is_there = false;
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    shared = static_cast<Shared *>(ShmemInitStruct("white_cross", sizeof(Shared), &is_there));
    if (!is_there) {
        shared = new (shared) Shared{};
        shared->lock = &GetNamedLWLockTranche(kTranche)->lock;
    }
    LWLockRelease(AddinShmemInitLock);
}

Slot *find(Oid database) noexcept
{
    for (Slot &slot : shared->slots) {
        if (slot.database.load(std::memory_order_acquire) == database)
            return &slot;
    }
    return nullptr;
}

// Null when all slots are taken.
Slot *claim(Oid database)
{
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    Slot *slot = find(database);
    if (slot == nullptr) {
        slot = find(InvalidOid);
        if (slot != nullptr)
            slot->database.store(database, std::memory_order_release);
    }
    LWLockRelease(shared->lock);
    return slot;
}

// What this backend found for its database; a slot never changes hands.
Slot *my_slot() noexcept
{
    static Slot *mine = nullptr;
    if (mine == nullptr && shared != nullptr)
        mine = find(MyDatabaseId);
    return mine;
}

bool start(Oid database)
{
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = 1;  // after a crash; it ends itself with status 0, which restarts nothing
    strlcpy(worker.bgw_library_name, "$libdir/white_cross", sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, "wc_relay_main", sizeof worker.bgw_function_name);
    strlcpy(worker.bgw_name, "white_cross relay", sizeof worker.bgw_name);
    strlcpy(worker.bgw_type, "white_cross relay", sizeof worker.bgw_type);
    worker.bgw_main_arg = ObjectIdGetDatum(database);
    worker.bgw_notify_pid = MyProcPid;
    BackgroundWorkerHandle *handle = nullptr;
    if (!RegisterDynamicBackgroundWorker(&worker, &handle))
        return false;
    pid_t pid = 0;
    return WaitForBackgroundWorkerStartup(handle, &pid) == BGWH_STARTED;
}

// Whether a wc-worker drains this database's queue.  Looks at the table of locks as pg_locks does: to try
// the lock itself could make a worker fail that tries it in the same moment.
bool is_anybody_draining()
{
    LOCKTAG wanted;
    SET_LOCKTAG_ADVISORY(wanted, MyDatabaseId, static_cast<uint32>(queue::kDrainLockClass),
                         static_cast<uint32>(queue::kDrainLockId), 2);
    const LockData *const locks = GetLockStatusData();
    for (int i = 0; i < locks->nelements; ++i) {
        const LockInstanceData &lock = locks->locks[i];
        if (lock.holdMask != 0 && memcmp(&lock.locktag, &wanted, sizeof wanted) == 0)
            return true;
    }
    return false;
}

void notify()
{
    StartTransactionCommand();
    Async_Notify(queue::kChannel, "");
    CommitTransactionCommand();
#if PG_VERSION_NUM < 150000
    ProcessCompletedNotifies();
#endif
}

void on_exit(int, Datum slot)
{
    reinterpret_cast<Slot *>(DatumGetPointer(slot))->latch.store(nullptr, std::memory_order_release);
}

[[noreturn]] void relay(Slot *slot)
{
    // The NOTIFY itself need not survive a crash, and must not wait for the disk.
    SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);
    before_shmem_exit(on_exit, PointerGetDatum(slot));
    slot->latch.store(MyLatch, std::memory_order_release);
    // What was committed before anybody could see the latch.  An earlier relay may have ended before its NOTIFY.
    slot->is_told.store(false);
    slot->is_pending.store(true);
    TimestampTz looked_at = GetCurrentTimestamp();
    MemoryContext const loop = AllocSetContextCreate(TopMemoryContext, "white_cross relay", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        MemoryContextSwitchTo(loop);
        MemoryContextReset(loop);
        CHECK_FOR_INTERRUPTS();
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
        }
        // Cleared before, so that whoever commits while this sends is sent for again.
        if (slot->is_pending.exchange(false) && !slot->is_told.exchange(true))
            notify();
        TimestampTz const now = GetCurrentTimestamp();
        if (TimestampDifferenceExceeds(looked_at, now, kIdleMilliseconds)) {
            looked_at = now;
            if (!is_anybody_draining())
                proc_exit(0);
        }
        if (!slot->is_pending.load())
            WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kIdleMilliseconds, PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
    }
}

}  // namespace

void reserve()
{
#if PG_VERSION_NUM >= 150000
    next_request = shmem_request_hook;
    shmem_request_hook = request;
#else
    request();
#endif
    next_startup = shmem_startup_hook;
    shmem_startup_hook = startup;
}

bool is_available() noexcept { return shared != nullptr; }

bool must_notify_directly() noexcept
{
    const Slot *const slot = my_slot();
    return slot != nullptr && slot->is_without_relay.load(std::memory_order_relaxed);
}

void announce() noexcept
{
    Slot *const slot = my_slot();
    if (slot == nullptr || slot->is_told.load() || slot->is_pending.exchange(true))
        return;
    if (Latch *const latch = slot->latch.load(std::memory_order_acquire))
        SetLatch(latch);
}

void begin_drain() noexcept
{
    if (Slot *const slot = my_slot())
        slot->is_told.store(false);
}

}  // namespace wc::relay

using namespace wc;

void wc_relay_main(Datum database)
{
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
    relay::Slot *const slot = relay::claim(DatumGetObjectId(database));
    // Two who started one at the same time: one is enough.
    if (slot == nullptr || slot->latch.load() != nullptr)
        proc_exit(0);
    relay::relay(slot);
}

// white_cross.start_relay() → boolean
WC_FUNCTION(wc_start_relay)
{
    if (!relay::is_available())
        PG_RETURN_BOOL(false);
    relay::Slot *const slot = relay::claim(MyDatabaseId);
    if (slot == nullptr) {
        ereport(WARNING, (errmsg("no room for another database's relay"),
                          errdetail("Up to %d databases of a cluster can have one.", relay::kSlots)));
        PG_RETURN_BOOL(false);
    }
    // Once more after a start that failed: somebody else's may have been faster.
    bool const is_running =
        slot->latch.load() != nullptr || relay::start(MyDatabaseId) || slot->latch.load() != nullptr;
    slot->is_without_relay.store(!is_running);
    if (!is_running)
        ereport(WARNING, (errmsg("could not start the relay"), errhint("Consider increasing max_worker_processes.")));
    PG_RETURN_BOOL(is_running);
}
