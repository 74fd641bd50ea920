#include "extension/calls/counts.hpp"

#include <ctime>
#include <new>

#include "extension/server/settings.hpp"

namespace wc::calls {
namespace {

struct alignas(alignof(Counts)) Shared {
    LWLock *lock;  // held by the session that claims a place for its database
    int places;
    Counts *begin() { return reinterpret_cast<Counts *>(this + 1); }
    Counts *end() { return begin() + places; }
};
// The server's memory is aligned to cache lines.
static_assert(alignof(Counts) <= PG_CACHE_LINE_SIZE);

Shared *shared = nullptr;

Size bytes_of(int places) { return places == 0 ? 0 : sizeof(Shared) + sizeof(Counts) * static_cast<Size>(places); }

void build(void *memory, LWLockPadded *locks)
{
    int const places = settings::track_databases();
    memset(memory, 0, bytes_of(places));
    shared = new (memory) Shared{&locks[0].lock, places};
    // Only the locks are set here; claim() initializes the rest of a place.
    for (int i = 0; i < places; ++i)
        shared->begin()[i].lock = &locks[i + 1].lock;
}

shared_memory::Area area{
    .name = "white_cross calls",
    .size = [] { return bytes_of(settings::track_databases()); },
    .locks = [] { return settings::track_databases() + 1; },
    .build = build,
};

Counts *find(Oid database) noexcept
{
    for (Counts &counts : *shared) {
        if (counts.database.load(std::memory_order_acquire) == database)
            return &counts;
    }
    return nullptr;
}

const latency::Tally &read_tally(const Counts &counts, std::size_t function) noexcept
{
    static latency::Tally sum;
    counts.tallies[function].read(sum);
    return sum;
}

// Claims a place of database `of_whom` for this database.  Returns false if another session was faster.
bool claim(Counts &counts, Oid of_whom)
{
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    bool const is_mine = find(MyDatabaseId) == nullptr && counts.database.load() == of_whom;
    if (is_mine) {
        LWLock *const lock = counts.lock;
        // All members begin with all bytes 0.
        memset(static_cast<void *>(&counts), 0, sizeof counts);
        counts.lock = lock;
        LWLockAcquire(counts.lock, LW_EXCLUSIVE);
        begin_anew(counts);
        LWLockRelease(counts.lock);
        counts.database.store(MyDatabaseId, std::memory_order_release);
    }
    LWLockRelease(shared->lock);
    return is_mine;
}

Counts *find_or_claim()
{
    Counts *found = find(MyDatabaseId);
    for (Counts *counts = shared->begin(); found == nullptr && counts != shared->end(); ++counts) {
        Oid const whose = counts->database.load(std::memory_order_acquire);
        // The place of a dropped database is free, because no session can be in that database.
        if (whose == InvalidOid || !SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(whose)))
            claim(*counts, whose);
        found = find(MyDatabaseId);
    }
    return found;
}

}  // namespace

Counts *current_counts()
{
    static Counts *mine = nullptr;
    static bool is_known = false;
    if (!is_known) [[unlikely]] {
        mine = shared == nullptr ? nullptr : find_or_claim();
        is_known = true;
    }
    return mine;
}

Counting counting()
{
    if (current_counts() != nullptr)
        return Counting::Yes;
    if (shared != nullptr)
        return Counting::NoRoom;
    return settings::is_preloaded() ? Counting::TurnedOff : Counting::NotPreloaded;
}

std::int64_t clock_ns() noexcept
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void take_snapshot(Counts &counts, std::int64_t now) noexcept
{
    if (counts.window.is_due(now))
        counts.window.take(now, [&](std::size_t i) -> const latency::Tally & { return read_tally(counts, i); });
}

void try_to_take_snapshot(Counts &counts, std::int64_t now) noexcept
{
    if (!LWLockConditionalAcquire(counts.lock, LW_EXCLUSIVE))
        return;
    take_snapshot(counts, now);
    LWLockRelease(counts.lock);
}

void begin_anew(Counts &counts)
{
    counts.since = GetCurrentTimestamp();
    for (std::size_t i = 0; i < kFunctionCount; ++i)
        counts.tallies[i].read(counts.ignored[i]);
    counts.window.start(clock_ns(), [&](std::size_t i) -> const latency::Tally & { return counts.ignored[i]; });
    counts.first_slow_call = counts.slow_calls.next();
}

void reserve() { shared_memory::reserve(area); }

}  // namespace wc::calls
