#include "redis/cluster.hpp"

#include <algorithm>
#include <utility>

#include "process/log.hpp"
#include "redis/error.hpp"
#include "redis/refusal.hpp"

namespace wc::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How often each shard is asked for its epoch and its slots, beside what the renewals of the liveness find.
constexpr milliseconds kLookInterval{500};

// A master that failed is left alone until a look of the watch that began later has found it: it may hang.
constexpr int kRest = 2;

// More students than this do not wait for shards that are away: what those have is removed as a whole when they are
// back.
constexpr std::size_t kMostWaiting = 100'000;

}  // namespace

Cluster::Cluster(const Target &target, const config::Live &live, ClusterWatch &watch)
    : target_(target), live_(live), keys_(live.get()->redis, true), watch_(watch)
{
    watch_.wait_for_masters();
    take_up_masters();
    if (members_.empty())
        throw IoError("no master of the cluster can be used: " + trouble());
}

template <class Act>
bool Cluster::attempt(const std::string &id, Act act)
{
    try {
        act(members_.at(id));
        return true;
    } catch (const Error &error) {
        lose(id, error.what());
        return false;
    }
}

template <class Act>
void Cluster::each(Act act)
{
    std::vector<std::string> ids;
    for (auto const &[id, member] : members_)
        ids.push_back(id);
    for (auto const &id : ids)
        attempt(id, act);
    if (members_.empty())
        throw IoError("no master of the cluster answers: " + trouble());
}

void Cluster::lose(const std::string &id, const std::string &why)
{
    auto const found = members_.find(id);
    auto const named = describe(found->second.shard->endpoint());
    log::warning("redis: the shard at {} with the slots {} is let go: {}", named, describe(found->second.owned), why);
    failures_[id] = named + ": " + why;
    unowned_ |= found->second.owned;
    for (auto &owner : owners_)
        if (owner == &found->second)
            owner = nullptr;
    rests_[id] = watch_.looks() + kRest;
    // If all shards are being swept, the sweep of this one is not complete.
    if (sweeps_all_)
        doubted_ |= found->second.owned;
    members_.erase(found);
    next_look_ = due_ = {};
    watch_.poke();
}

void Cluster::connect(const ClusterMaster &master)
{
    try {
        auto shard = std::make_unique<Shard>(node_of(target_, master.endpoint), live_, keys_, master.slots);
        // The next calls use names that must be in a slot of this master.
        if (shard->claim().id != master.id || !shard->has_tag())
            return;
        if (database_lead_)
            shard->set_clock(*database_lead_);
        log::info("redis: {} serves the slots {}", describe(master.endpoint), describe(shard->here()));
        failures_.erase(master.id);
        members_[master.id].shard = std::move(shard);
    } catch (const Error &error) {
        rests_[master.id] = watch_.looks() + kRest;
        auto const why = describe(master.endpoint) + ": " + error.what();
        if (std::exchange(failures_[master.id], why) != why)
            log::warning("redis: {}", why);
    }
}

void Cluster::take_up_masters()
{
    auto const masters = watch_.masters();
    for (auto const &master : masters)
        if (!members_.contains(master.id) && watch_.looks() >= rests_[master.id])
            connect(master);
    // Forget the failures of masters that are gone for good.
    std::erase_if(failures_, [&](auto &failure) {
        return !unowned_.any() &&
               std::none_of(masters.begin(), masters.end(), [&](auto &one) { return one.id == failure.first; });
    });
}

// Of two masters that claim a slot the one with the newer claim has it, as among the nodes themselves.
void Cluster::assign()
{
    std::vector<Member *> order;
    for (auto &[id, member] : members_)
        order.push_back(&member);
    std::sort(order.begin(), order.end(),
              [](auto *left, auto *right) { return left->shard->claim().epoch > right->shard->claim().epoch; });
    auto const before = owners_;
    owners_.fill(nullptr);
    SlotSet taken;
    for (auto *const member : order) {
        member->owned = member->shard->here() & ~taken;
        taken |= member->shard->claim().slots;
        for (std::size_t slot = 0; slot < cache::kSlots; ++slot)
            if (member->owned[slot])
                owners_[slot] = member;
    }
    unowned_.reset();
    for (std::size_t slot = 0; slot < cache::kSlots; ++slot)
        unowned_[slot] = owners_[slot] == nullptr;
    returned_ = returned_ || owners_ != before;
}

Time Cluster::end_of_liveness() const
{
    return steady_clock::now() + milliseconds(live_.get()->invalidate.alive_ttl_ms);
}

void Cluster::warn_of_plain_keys(app::Queue &queue)
{
    if (std::exchange(has_asked_for_keys_, true) || queue.has_cluster_keys())
        return;
    log::warning(
        "this Redis is a cluster, and white_cross.cluster_keys of the database is off: wc_cache_entries gives keys "
        "that "
        "wc_fill refuses; ALTER DATABASE ... SET white_cross.cluster_keys = on");
}

void Cluster::begin()
{
    ledger_ = {};
    told_.clear();
    hold_ends_ = next_look_ = due_ = {};
    returned_ = true;
    for (auto &[id, member] : members_)
        member.sweeping.reset();
}

app::ShardsSight Cluster::tend(app::Queue &queue, std::size_t set_aside)
{
    auto const now = steady_clock::now();
    bool const is_due = now >= next_look_;
    due_ = next_look_ = is_due ? now + kLookInterval : next_look_;
    warn_of_plain_keys(queue);
    if (is_due) {
        take_up_masters();
        each([](Member &member) {
            member.shard->look();
            if (!member.shard->has_tag())
                throw IoError("the slot of its shared names is on its way");
        });
    }
    for (auto &[id, member] : members_)
        doubted_ |= member.shard->take_doubted();
    assign();
    keep_trust(queue, sweeps_all_ || set_aside > kMostWaiting);
    if (is_due)
        each([&](Member &member) { keep_epoch(member, queue); });
    untold_.clear();
    each([&](Member &member) { vouch(member, queue); });
    app::ShardsSight sight{true, false, untold_};
    for (auto const &[id, member] : members_) {
        sight.is_open = sight.is_open && member.is_open;
        sight.evicts = sight.evicts || member.evicts;
    }
    if (hold_ends_ > now)
        due_ = std::min(due_, hold_ends_);
    return sight;
}

bool Cluster::take_returned()
{
    if (hold_ends_ != Time{} && hold_ends_ <= steady_clock::now()) {
        hold_ends_ = {};
        returned_ = true;
    }
    return std::exchange(returned_, false);
}

std::string Cluster::trouble() const
{
    if (unowned_.none() && !members_.empty())
        return {};
    std::string why;
    for (auto const &[id, failure] : failures_)
        why += (why.empty() ? "" : "; ") + failure;
    return "no shard has the slots " + describe(unowned_) + (why.empty() ? "" : " (" + why + ")");
}

// A student has several names if there are several key secrets, and each name has a slot of its own.
app::Invalidated Cluster::invalidate(std::span<const app::Change> changes, const std::string &)
{
    app::Invalidated done;
    done.existed.resize(changes.size(), 0);
    std::map<std::string, Share> shares;
    std::map<const Member *, const std::string *> ids;
    for (auto const &[id, member] : members_)
        ids[&member] = &id;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        if (app::stale_kinds(changes[i].sections) == 0)
            continue;
        for (auto &name : keys_.names(changes[i].student)) {
            // If the keys of a name are in several slots, Redis has stored nothing under it.
            if (!cache::has_one_slot(name))
                continue;
            auto const slot = cache::slot_of(cache::student_prefix(name, cache::KeyForm::HashTag));
            if (auto const *const why = obstacle(slot)) {
                done.rejected.push_back({i, why, true});
            } else if (owners_[slot]) {
                auto &share = shares[*ids.at(owners_[slot])];
                share.places.push_back(i);
                share.changes.push_back(changes[i]);
                share.changes.back().student = std::move(name);
            }
        }
    }
    for (auto const &[id, share] : shares)
        invalidate(id, share, done);
    return done;
}

// The stream is one key.  Events wait while its shard is away, and while its slot is moving.
std::string Cluster::append_events(std::span<const app::Event> events)
{
    auto *const owner = owners_[cache::slot_of(live_.get()->events.stream)];
    auto const found = std::find_if(members_.begin(), members_.end(), [&](auto &one) { return &one.second == owner; });
    std::string refusal = "the shard of the stream is away";
    if (found != members_.end())
        attempt(found->first, [&](Member &member) { refusal = member.shard->append_events(keys_.named(events)); });
    if (is_elsewhere(refusal))
        next_look_ = due_ = {};
    return refusal;
}

// Returns why nothing of this slot can be removed now; null if it can, or if readers find nothing of it.
const char *Cluster::obstacle(std::size_t slot) const
{
    if (!ledger_.is_loaded())
        return "shard: not known yet";
    if (steady_clock::now() < ledger_.held_until(slot))
        return "shard: another one had the slot a moment ago";
    return !owners_[slot] && ledger_.trusted()[slot] ? "shard: away" : nullptr;
}

void Cluster::invalidate(const std::string &id, const Share &share, app::Invalidated &done)
{
    bool const is_done = attempt(id, [&](Member &member) {
        auto part = member.shard->invalidate(share.changes, {});
        for (std::size_t at = 0; at < share.places.size(); ++at)
            done.existed[share.places[at]] |= part.existed[at];
        done.misfits += part.misfits;
        auto const doubted = member.shard->take_doubted();
        doubted_ |= doubted;
        // A refused change is set aside: from then on readers must not find the old value in its old place.
        if (doubted.any()) {
            next_look_ = due_ = {};
            member.shard->cover(ledger_.number(), ledger_.of(member.shard->process()) & ~doubted);
        }
        for (auto &rejection : part.rejected)
            done.rejected.push_back({share.places[rejection.change], std::move(rejection.reason), rejection.is_away});
    });
    for (std::size_t at = 0; !is_done && at < share.places.size(); ++at)
        done.rejected.push_back({share.places[at], "shard: away", true});
}

void Cluster::fence_all(std::span<const app::Xid> xids)
{
    // From now on `tend` does not trust shards that are away, because the sweep does not reach them.
    sweeps_all_ = true;
    each([&](Member &member) { member.shard->fence_all(xids); });
}

// Sweeps one shard after the other.  The sweep is over only when shards that are away are not trusted any more, and no
// longer answer readers.
app::SweepStep Cluster::sweep(const std::string &cursor, const std::string &pattern)
{
    app::SweepStep step;
    if (cursor == "0") {
        to_sweep_.clear();
        for (auto const &[id, member] : members_)
            to_sweep_.push_back(id);
        sweep_cursor_ = "0";
    }
    step.cursor = "1";
    if (to_sweep_.empty()) {
        bool const is_over = (ledger_.trusted() & unowned_).none() && doubted_.none() &&
                             (unowned_.none() || ledger_.last_hold() <= steady_clock::now());
        if (is_over) {
            step.cursor = "0";
            sweeps_all_ = false;
        }
        due_ = {};
        return step;
    }
    auto const id = to_sweep_.back();
    bool const is_done = !members_.contains(id) || !attempt(id, [&](Member &member) {
        step = member.shard->Cache::sweep(sweep_cursor_, pattern);
        doubted_ |= member.shard->take_doubted();
        sweep_cursor_ = std::exchange(step.cursor, "1");
    });
    if (is_done || sweep_cursor_ == "0") {
        to_sweep_.pop_back();
        sweep_cursor_ = "0";
    }
    return step;
}

void Cluster::renew_liveness(Time end, const std::string &seen, std::span<const std::string> except)
{
    each([&](Member &member) {
        auto const trusted = ledger_.of(member.shard->process());
        if (!member.is_open || trusted.none())
            return;
        std::vector<std::string> own;
        for (auto const &student : except)
            for (auto &name : keys_.names(student))
                if (trusted[cache::slot_of(cache::student_prefix(name, cache::KeyForm::HashTag))])
                    own.push_back(std::move(name));
        member.shard->renew(end, seen, own, ledger_.number(), trusted);
        if (member.shard->here() != member.owned)
            next_look_ = due_ = {};
    });
}

void Cluster::advance(const std::string &snapshot, Time end, milliseconds life)
{
    each([&](Member &member) {
        if (member.is_open)
            member.shard->advance(snapshot, end, life);
    });
}

bool Cluster::set_clock(std::chrono::microseconds database)
{
    database_lead_ = database;
    bool are_set = true;
    each([&](Member &member) { are_set = member.shard->set_clock(database) && are_set; });
    return are_set;
}

std::size_t Cluster::take_misfits()
{
    std::size_t count = 0;
    for (auto &[id, member] : members_)
        count += member.shard->take_misfits();
    return count;
}

app::Fences Cluster::fences()
{
    app::Fences sum;
    for (auto &[id, member] : members_) {
        auto const own = member.shard->fences();
        sum.count += own.count;
        sum.bytes += own.bytes;
    }
    return sum;
}

app::Reads Cluster::reads()
{
    app::Reads sum;
    each([&](Member &member) {
        auto const own = member.shard->reads();
        sum.hits += own.hits;
        sum.misses += own.misses;
    });
    return sum;
}

void Cluster::check()
{
    if (watch_.take_news())
        next_look_ = due_ = {};
    each([](Member &member) { member.shard->check(); });
}

void Cluster::ping()
{
    each([](Member &member) { member.shard->ping(); });
}

}  // namespace wc::redis
