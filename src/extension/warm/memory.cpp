#include "extension/warm/memory.hpp"

#include "extension/server/settings.hpp"
#include "extension/server/shared_memory.hpp"

extern "C" {
#include "access/transam.h"
#include "common/hashfn.h"
#include "storage/s_lock.h"
}

namespace wc::warm {
namespace {

static_assert(std::atomic<Xid>::is_always_lock_free && sizeof(void *) == 8);

constexpr int kMostShelves = 128;
constexpr Size kLeastShelf = 256 * 1024;  // so that a value of 32 kB fits
constexpr Size kMostShelf = 1024 * 1024 * 1024;
constexpr int kRegistersOfAll = 64;
constexpr Xid kUnknown = ~Xid{0};

struct Shared {
    std::atomic<Xid> floor;  // kUnknown until the first look outside recovery
    Register of_all[kRegistersOfAll];
    Tally tallies[kTallies];
    Shelf shelves[kMostShelves];
};

// Where the parts of the memory are.  The postmaster builds it before it forks, so all processes have the same
// addresses.
struct Layout {
    Shared *shared;
    Register *registers;
    std::uint32_t register_count;
    std::uint32_t shelf_count;  // a power of two
    std::uint32_t chains;
    std::uint32_t capacity;
    std::uint32_t *heads;
    char *entries;
};
Layout layout{};

// Returns the sizes that the settings ask for; the pointers are still null.
Layout plan()
{
    Layout wanted{};
    Size const bytes = Size{1024} * 1024 * static_cast<Size>(settings::cache_memory_megabytes());
    wanted.shelf_count = kMostShelves;
    while (wanted.shelf_count > 1 && bytes / wanted.shelf_count < kLeastShelf)
        wanted.shelf_count /= 2;
    Size const capacity = Min(bytes / wanted.shelf_count, kMostShelf);
    wanted.capacity = static_cast<std::uint32_t>(capacity) & ~(Ring::kAlignment - 1);
    wanted.chains = Partition::chains_for(wanted.capacity);
    wanted.register_count = static_cast<std::uint32_t>(settings::cache_registers());
    return wanted;
}

// Places the parts one behind the other from `memory` on, and returns where the last one ends.
char *arrange(Layout &wanted, char *memory)
{
    auto const put = [&memory]<class Part>(Part *&part, Size bytes) {
        memory += TYPEALIGN(PG_CACHE_LINE_SIZE, memory) - reinterpret_cast<std::uintptr_t>(memory);
        part = reinterpret_cast<Part *>(memory);
        memory += bytes;
    };
    put(wanted.shared, sizeof(Shared));
    put(wanted.registers, sizeof(Register) * wanted.register_count);
    put(wanted.heads, sizeof(std::uint32_t) * wanted.chains * wanted.shelf_count);
    put(wanted.entries, Size{wanted.capacity} * wanted.shelf_count);
    return memory;
}

Size needed_bytes()
{
    if (settings::cache_memory_megabytes() == 0)
        return 0;
    Layout wanted = plan();
    // Sizes do not depend on the address, as long as it begins a cache line.
    auto *const somewhere = reinterpret_cast<char *>(PG_CACHE_LINE_SIZE);
    return static_cast<Size>(arrange(wanted, somewhere) - somewhere) + PG_CACHE_LINE_SIZE;
}

void build(void *memory, LWLockPadded *locks)
{
    layout = plan();
    arrange(layout, static_cast<char *>(memory));
    new (layout.shared) Shared{};
    layout.shared->floor.store(kUnknown, std::memory_order_relaxed);
    for (Shelf &shelf : layout.shared->shelves) {
        LWLockInitialize(&shelf.lock, locks->lock.tranche);
        shelf.state.ring.capacity = layout.capacity;
        shelf.state.chains = layout.chains;
    }
    memset(static_cast<void *>(layout.registers), 0, sizeof(Register) * layout.register_count);
    memset(layout.heads, 0, sizeof(std::uint32_t) * layout.chains * layout.shelf_count);
}

shared_memory::Area area{
    .name = "white_cross summaries", .size = needed_bytes, .locks = [] { return 1; }, .build = build};

std::uint32_t number_of(std::uint64_t hash) noexcept
{
    return static_cast<std::uint32_t>(hash) & (layout.shelf_count - 1);
}

void enter_into(Register &into, Xid xid) noexcept
{
    SpinDelayStatus delay;
    init_local_spin_delay(&delay);
    enter(into, xid, [&delay] { perform_spin_delay(&delay); });
    finish_spin_delay(&delay);
}

}  // namespace

void reserve_memory() { shared_memory::reserve(area); }

bool is_available() noexcept { return layout.shared != nullptr; }

// The server changes the number under a lock, with a single store.  Reading it without the lock gives a number that may
// be a little old, which is enough for widen().
Xid next_xid() noexcept
{
#if PG_VERSION_NUM >= 170000
    return *const_cast<const volatile std::uint64_t *>(&TransamVariables->nextXid.value);
#else
    return *const_cast<const volatile std::uint64_t *>(&ShmemVariableCache->nextXid.value);
#endif
}

Xid floor_xid()
{
    Xid floor = layout.shared->floor.load(std::memory_order_acquire);
    if (floor != kUnknown)
        return floor;
    Xid const next = U64FromFullTransactionId(ReadNextFullTransactionId());
    return layout.shared->floor.compare_exchange_strong(floor, next) ? next : floor;
}

bool is_floor_known() noexcept { return layout.shared->floor.load(std::memory_order_acquire) != kUnknown; }

std::uint64_t hash_of(std::string_view student) noexcept
{
    return hash_bytes_extended(reinterpret_cast<const unsigned char *>(student.data()),
                               static_cast<int>(student.size()), MyDatabaseId);
}

Register &register_of(std::uint64_t hash) noexcept
{
    return layout.registers[static_cast<std::uint32_t>(hash >> 32) % layout.register_count];
}

Register &register_of_all() noexcept { return layout.shared->of_all[murmurhash32(MyDatabaseId) % kRegistersOfAll]; }

Shelf &shelf_of(std::uint64_t hash) noexcept { return layout.shared->shelves[number_of(hash)]; }

Partition partition_of(std::uint64_t hash) noexcept
{
    std::uint32_t const number = number_of(hash);
    return {layout.shared->shelves[number].state, layout.heads + Size{number} * layout.chains,
            layout.entries + Size{number} * layout.capacity};
}

Tally &tally() noexcept { return layout.shared->tallies[MyProcPid % kTallies]; }

int shelf_count() noexcept { return static_cast<int>(layout.shelf_count); }
Shelf &shelf(int number) noexcept { return layout.shared->shelves[number]; }
Tally &tally(int number) noexcept { return layout.shared->tallies[number]; }
std::uint64_t memory_for_entries() noexcept { return std::uint64_t{layout.capacity} * layout.shelf_count; }

void enter_student(std::string_view student, Xid xid) noexcept { enter_into(register_of(hash_of(student)), xid); }
void enter_all(Xid xid) noexcept { enter_into(register_of_all(), xid); }

}  // namespace wc::warm
