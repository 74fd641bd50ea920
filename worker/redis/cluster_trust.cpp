// Which slots each process of a Redis Cluster is trusted with: taken, and given once what was cached there is removed.
#include <map>
#include <utility>

#include "app/horizon.hpp"
#include "process/log.hpp"
#include "redis/cluster.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long the removal of what is cached in new slots may keep a change waiting.
constexpr milliseconds kSlice{5};

}  // namespace

// Takes the trust from processes that no longer own their slots.  REQUIRES: changes are sent to the owners that
// `assign` found only after this.  `is_hopeless`: do not wait for shards that are away.
void Cluster::keep_trust(app::Queue &queue, bool is_hopeless)
{
    ledger_.load(queue, end_of_liveness());
    std::map<std::string, const Member *> present;
    for (auto const &[id, member] : members_)
        present[member.shard->process()] = &member;
    for (auto const &process : ledger_.processes()) {
        auto const found = present.find(process);
        SlotSet const lost = found != present.end() ? ~found->second->owned | doubted_
                             : is_hopeless          ? SlotSet{}.set()
                                                    : ~unowned_ | doubted_;
        ledger_.take(process, lost, end_of_liveness());
    }
    doubted_.reset();
    ledger_.store(queue);
    note_holds();
}

void Cluster::note_holds()
{
    if (ledger_.last_hold() > steady_clock::now())
        hold_ends_ = ledger_.last_hold();
}

// From now on this process is trusted with no slot.
void Cluster::distrust(Member &member, app::Queue &queue)
{
    ledger_.take(member.shard->process(), SlotSet{}.set(), {});
    ledger_.store(queue);
    member.sweeping.reset();
}

void Cluster::keep_epoch(Member &member, app::Queue &queue)
{
    auto const identity = queue.identity();
    auto const before = member.shard->process();
    auto const found = member.shard->epoch(identity);
    if (member.shard->process() != before)
        throw IoError("it was made a replica or a master meanwhile");
    member.evicts = found == app::Epoch::Evicting || found == app::Epoch::Closed;
    member.is_open = found == app::Epoch::Open;
    if (member.is_open || found == app::Epoch::Closed)
        return;
    // A worker that finds the epoch opened or closed relies on the note in the database, so note it first.
    if (found != app::Epoch::OtherLife && found != app::Epoch::MoreKeys)
        distrust(member, queue);
    if (found == app::Epoch::Evicting) {
        log::warning(
            "redis: the shard at {} evicts keys when its memory is full: nothing of it is stored or found until it has "
            "maxmemory-policy noeviction, or no maxmemory",
            describe(member.shard->endpoint()));
        member.shard->close_epoch();
    } else
        member.is_open = member.shard->open_epoch(identity, [&] { return queue.snapshot(); });
}

// Does one step of making a process trusted with slots that came to it.  First Redis must refuse values that lack an
// earlier change, because the fences of the slot may have stayed elsewhere.  Then the cached values are removed.
void Cluster::vouch(Member &member, app::Queue &queue)
{
    auto const process = member.shard->process();
    auto fresh = member.owned & ~ledger_.of(process);
    // A promoted replica may lack events that the worker, or one before it, has seen acknowledged.  Whoever reads the
    // stream learns of it before the database notes that this process is trusted, so that no crash hides it.
    if (auto const slot = stream_slot(); slot && fresh[*slot] && process != told_) {
        untold_ = process;
        fresh.reset(*slot);
    }
    member.sweeping &= fresh;
    if (!member.is_open || fresh.none())
        return;
    auto const now = steady_clock::now();
    if (member.sweeping.none()) {
        milliseconds const life = std::chrono::seconds(live_.get()->invalidate.fence_ttl_s);
        app::Horizon::Taken const taken{now, queue.snapshot()};
        if (!member.shard->try_advance(taken.snapshot, app::Horizon::end_of(taken, life), life))
            return;
        member.sweeping = fresh;
        member.cursor.assign(1, '0');
    }
    do
        member.cursor = member.shard->sweep(member.cursor, member.sweeping).cursor;
    while (member.cursor != "0" && steady_clock::now() < now + kSlice);
    auto const doubted = member.shard->take_doubted();
    doubted_ |= doubted;
    member.sweeping &= ~doubted;
    due_ = {};
    if (member.cursor != "0" || member.sweeping.none())
        return;
    // What it is told of once is over when the slot leaves it: it may come back without the newest events.
    if (auto const slot = stream_slot(); slot && member.sweeping[*slot])
        told_.clear();
    ledger_.give(process, std::exchange(member.sweeping, {}));
    ledger_.store(queue);
    log::info("redis: the shard at {} is trusted with the slots {}", describe(member.shard->endpoint()),
              describe(ledger_.of(process)));
    member.shard->cover(ledger_.number(), ledger_.of(process));
}

std::optional<std::size_t> Cluster::stream_slot() const
{
    auto const &stream = live_.get()->events.stream;
    return stream.empty() ? std::nullopt : std::optional<std::size_t>(cache::slot_of(stream));
}

void Cluster::told(const std::string &process)
{
    told_ = process;
    due_ = {};
}

}  // namespace wc::redis
