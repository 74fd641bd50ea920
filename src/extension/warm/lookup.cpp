#include "extension/warm/lookup.hpp"

#include "extension/binding/id.hpp"
#include "extension/server/settings.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace wc::warm {

static_assert(std::is_trivially_destructible_v<Lookup>);

namespace {

constexpr std::size_t kLongestId = 255;

void count(std::atomic<std::uint64_t> &what) { what.fetch_add(1, std::memory_order_relaxed); }

std::string_view bytes_of(Datum text)
{
    auto const *const at = static_cast<const char *>(DatumGetPointer(text));
    return {at, VARSIZE(at)};
}

bool is_usual(::Snapshot snapshot) { return snapshot->snapshot_type == SNAPSHOT_MVCC; }

Snapshot view_of(::Snapshot snapshot)
{
    Xid const next = next_xid();
    return {widen(snapshot->xmin, next), widen(snapshot->xmax, next), snapshot->xip, snapshot->xcnt};
}

}  // namespace

// A transaction that may have changed rows passes the cache by.  It sees its own changes, which nobody else sees, and
// it can see them before our trigger has marked them: a BEFORE trigger of the application sees the earlier rows of its
// statement.
bool Lookup::decide(Bypass &reason)
{
    if (TransactionIdIsValid(GetTopTransactionIdIfAny())) {
        reason = Bypass::Writing;
        return false;
    }
    if (IsolationIsSerializable()) {
        reason = Bypass::Serializable;
        return false;
    }
    if (!ActiveSnapshotSet() || !is_usual(GetActiveSnapshot())) {
        reason = Bypass::Snapshot;
        return false;
    }
    // A snapshot that was taken during recovery can outlive the promotion.  find() refuses it, because it is older than
    // the floor, unless it sees everything from before the floor.
    if (RecoveryInProgress()) {
        reason = Bypass::Recovery;
        return false;
    }
    if (!settings::direct_reads()) {
        reason = Bypass::Settings;
        return false;
    }
    const Definitions &definitions = current_definitions();
    changes_ = count_of_changes();
    if (!definitions.may_be_cached) {
        reason = definitions.reason;
        return false;
    }
    shape_ = definitions.shape;
    snapshot_ = view_of(GetActiveSnapshot());
    reason = Bypass::Definitions;
    return definitions.are_seen_by(snapshot_);
}

Lookup::Lookup()
{
    if (!is_available() || !settings::summary_cache())
        return;
    Bypass reason{};
    is_used_ = decide(reason);
    if (!is_used_)
        count(tally().bypassed[static_cast<int>(reason)]);
    id_type_ = bound_table(Entity::Students).columns[student::Id].type;
}

Datum Lookup::find(Datum id, Probe &probe)
{
    if (!is_used_)
        return 0;
    probe.id = student_id_text(id, id_type_);
    if (probe.id.size() > kLongestId) {
        count(tally().bypassed[static_cast<int>(Bypass::Id)]);
        return 0;
    }
    probe.hash = hash_of(probe.id);
    // The entry is often not in the processor's cache: fetch it while the registers are read.
    Partition const partition = partition_of(probe.hash);
    partition.prefetch(probe.hash);
    Reading const of_student = read(register_of(probe.hash));
    Reading const of_all = read(register_of_all());
    probe.versions = {of_student.version, of_all.version};
    probe.may_keep = floor_xid() <= snapshot_.xmin && sees_all(snapshot_, of_student) && sees_all(snapshot_, of_all);
    if (!probe.may_keep) {
        count(tally().refused);
        return 0;
    }

    Shelf &shelf = shelf_of(probe.hash);
    Datum found = 0;
    LWLockAcquire(&shelf.lock, LW_SHARED);
    const Entry *const entry = partition.find({probe.hash, shape_, probe.id});
    bool const is_current = entry != nullptr && entry->versions == probe.versions;
    if (is_current) {
        // If palloc reports an error, the server releases the lock.
        auto *const copy = static_cast<char *>(palloc(entry->text_length));
        memcpy(copy, entry->text().data(), entry->text_length);
        Partition::mark(*entry);
        found = PointerGetDatum(copy);
    }
    LWLockRelease(&shelf.lock);
    count(is_current ? shelf.hits : shelf.misses);
    if (is_current)
        audit::note_from_memory();
    if (entry != nullptr && !is_current)
        count(shelf.outdated);
    return found;
}

void Lookup::keep(const Probe &probe, Datum summary)
{
    if (!probe.may_keep)
        return;
    // Tables, labels or roles may have changed while the summary was built.
    AcceptInvalidationMessages();
    if (count_of_changes() != changes_)
        return;
    Shelf &shelf = shelf_of(probe.hash);
    Partition partition = partition_of(probe.hash);
    LWLockAcquire(&shelf.lock, LW_EXCLUSIVE);
    Partition::Put const put = partition.put({probe.hash, shape_, probe.id}, probe.versions, bytes_of(summary));
    LWLockRelease(&shelf.lock);
    if (put == Partition::Put::Kept)
        count(shelf.fills);
}

}  // namespace wc::warm
