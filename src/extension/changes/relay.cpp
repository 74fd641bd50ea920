#include "extension/changes/relay.hpp"

#include <atomic>

#include "core/protocol/queue.hpp"
#include "extension/changes/drain_lock.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/shared_memory.hpp"

extern "C" {
#include "commands/async.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

PGDLLEXPORT void wc_relay_main(Datum database);
}

namespace wc::relay {
namespace {

constexpr int kSlots = 64;  // databases with changes to relay, at the same time
constexpr int kIdleMilliseconds = 1000;
constexpr int kMostFailedStarts = 5;

// A slot belongs to one database from its first use on.  A latch belongs to a process slot of shared memory, so setting
// the latch of a relay that has ended wakes at worst another process without need.
struct Slot {
    std::atomic<Oid> database;
    std::atomic<bool> is_pending;
    std::atomic<bool> is_told;  // the worker was notified, and has not read the queue since
    std::atomic<bool> is_without_relay;
    std::atomic<int> failed_starts;  // in a row: the relay did not reach the database
    std::atomic<Latch *> latch;      // the running relay's; null if none runs
};
static_assert(std::atomic<Oid>::is_always_lock_free && std::atomic<Latch *>::is_always_lock_free);

struct Shared {
    LWLock *lock;  // held while a backend claims a slot
    Slot slots[kSlots];
};

Shared *shared = nullptr;

shared_memory::Area area{
    .name = "white_cross",
    .size = [] { return sizeof(Shared); },
    .locks = [] { return 1; },
    .build =
        [](void *memory, LWLockPadded *locks) {
            shared = new (memory) Shared{};
            shared->lock = &locks->lock;
        },
};

Slot *find(Oid database) noexcept
{
    for (Slot &slot : shared->slots) {
        if (slot.database.load(std::memory_order_acquire) == database)
            return &slot;
    }
    return nullptr;
}

// Claims a slot for a database.  Returns null if all slots are taken.
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

// Returns the slot of this backend's database, cached: a slot never gets another database.
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
    worker.bgw_restart_time = 1;  // after a crash; when it ends by itself with status 0, it is not restarted
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
    // A NOTIFY need not survive a crash, so its commit does not wait for the disk.
    SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);
    before_shmem_exit(on_exit, PointerGetDatum(slot));
    slot->latch.store(MyLatch, std::memory_order_release);
    // Notify for changes from before the latch was set: an earlier relay may have ended before its NOTIFY.
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
        // Clear the flag before sending, so that a commit during the sending is announced again.
        if (slot->is_pending.exchange(false) && !slot->is_told.exchange(true))
            notify();
        TimestampTz const now = GetCurrentTimestamp();
        if (TimestampDifferenceExceeds(looked_at, now, kIdleMilliseconds)) {
            looked_at = now;
            if (!drain_lock::is_held())
                proc_exit(0);
        }
        if (!slot->is_pending.load())
            WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kIdleMilliseconds, PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
    }
}

}  // namespace

void reserve() { shared_memory::reserve(area); }

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
    Oid const id = DatumGetObjectId(database);
    relay::Slot *const slot = relay::claim(id);
    // Two sessions may start a relay at the same time: one relay is enough.
    if (slot == nullptr || slot->latch.load() != nullptr)
        proc_exit(0);
    // The server starts a relay again that failed, and would do so for ever if the database was dropped.
    if (slot->failed_starts.fetch_add(1) >= relay::kMostFailedStarts) {
        slot->is_without_relay.store(true);
        proc_exit(0);
    }
    BackgroundWorkerInitializeConnectionByOid(id, InvalidOid, 0);
    slot->failed_starts.store(0);
    if (slot->latch.load() != nullptr)
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
        ereport(WARNING, (errmsg("no room for the relay of another database"),
                          errdetail("Up to %d databases of a cluster can have one.", relay::kSlots)));
        PG_RETURN_BOOL(false);
    }
    // After a failed start look again: another session may have started the relay.
    bool const is_running =
        slot->latch.load() != nullptr || relay::start(MyDatabaseId) || slot->latch.load() != nullptr;
    slot->is_without_relay.store(!is_running);
    if (!is_running)
        ereport(WARNING, (errmsg("could not start the relay"), errhint("Consider increasing max_worker_processes.")));
    PG_RETURN_BOOL(is_running);
}
