#include "app/auditing.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "app/stale_share.hpp"
#include "core/protocol/key.hpp"
#include "core/protocol/snapshot_cover.hpp"
#include "process/failure.hpp"
#include "process/log.hpp"

namespace wc::app {
namespace {

using std::chrono::milliseconds;

// How often to check again whether there is something to do, while this worker does not drain or audit.rate_per_s is 0.
constexpr milliseconds kIdle{500};
// Limits for one comparison, if most keys are not the worker's or have expired meanwhile.
constexpr int kMostSteps = 10;
constexpr int kMostAbsent = 10;
constexpr int kStudentsAStep = 200;

// A value counts as stale if so many looks find a difference, and no invalidation came between them.
constexpr int kLooks = 2;
// The pause between two readings while a look waits for the drain.  An idle worker says about once a second how far it
// has drained.
constexpr milliseconds kBetweenReadings{50};
constexpr milliseconds kLongestLook{10000};

// An application may have written the value's JSON anew, with other spaces or another order of keys.
bool is_same(const std::string &cached, const std::vector<Entry> &built)
{
    if (built.empty())
        return false;
    auto const &value = built.front().value;
    if (cached == value)
        return true;
    auto const left = nlohmann::json::parse(cached, nullptr, false);
    return !left.is_discarded() && left == nlohmann::json::parse(value, nullptr, false);
}

}  // namespace

Auditor::Auditor(AuditorPorts ports)
    : ports_(std::move(ports)),
      retry_("audit", milliseconds(ports_.live.get()->backoff.first_ms),
             milliseconds(ports_.live.get()->backoff.longest_ms))
{}

// In the other states values may differ for a reason that the state already names.
bool Auditor::may_look() const
{
    auto const state = ports_.health.standing(ports_.clock.now()).state;
    return ports_.health.role == Role::Draining && (state == State::Healthy || state == State::Idle);
}

Time Auditor::step()
{
    auto const now = ports_.clock.now();
    auto const rate = ports_.live.get()->audit.rate_per_s;
    if (rate == 0 || !may_look()) {
        // A worker that stands by, or does not audit, keeps no connections for it.
        if (rate == 0 || ports_.health.role != Role::Draining)
            disconnect();
        return now + kIdle;
    }
    if (auto const due = std::max(due_, retry_.due()); now < due)
        return std::min(due, now + kIdle);
    try {
        if (!builder_)
            builder_ = ports_.connect_builder();
        if (!sample_)
            sample_ = ports_.connect_sample();
        audit_one();
        retry_.succeeded();
    } catch (const Failure &failure) {
        disconnect();
        retry_.failed(ports_.clock.now(), failure.what());
    }
    due_ = now + std::chrono::nanoseconds(std::chrono::seconds(1)) / rate;
    return due_;
}

void Auditor::disconnect()
{
    builder_.reset();
    sample_.reset();
}

void Auditor::audit_one()
{
    for (int absent = 0; absent < kMostAbsent; ++absent) {
        auto const name = next_name();
        if (!name)
            return;
        auto const finding = compare(*name);
        note(*name, finding);
        if (finding != Finding::Absent)
            return;
    }
}

std::optional<CachedName> Auditor::next_name()
{
    for (int steps = 0; names_.empty() && steps < kMostSteps; ++steps) {
        auto step = next_step();
        cursor_ = std::move(step.cursor);
        std::move(step.names.begin(), step.names.end(), std::back_inserter(names_));
    }
    if (names_.empty())
        return std::nullopt;
    auto name = std::move(names_.front());
    names_.pop_front();
    return name;
}

// Opaque keys do not tell whose they are, so the auditor then goes round all students instead of all keys.
SampleStep Auditor::next_step()
{
    if (!sample_->are_opaque())
        return sample_->scan(cursor_);
    auto const students = builder_->students_after(last_student_, kStudentsAStep);
    last_student_ = students.size() < static_cast<std::size_t>(kStudentsAStep) ? std::string() : students.back();
    return {"0", sample_->cached(students)};
}

Auditor::Finding Auditor::compare(const CachedName &name)
{
    auto const began = ports_.clock.now();
    auto cached = sample_->read(name);
    if (!cached)
        return Finding::Absent;
    // A fence that was raised and has expired again would leave no trace.
    auto const until = began + std::min<Time::duration>(kLooks * kLongestLook, cached->fence_life / 2);
    for (int look = 0; look < kLooks; ++look) {
        // Built with a snapshot that was taken after the value was read, so that it is not older than the value.
        auto const built = builder_->build(std::span(&name.student, 1), name.kind);
        if (is_same(cached->text, built))
            return Finding::Fresh;
        // If the student does not exist, there is no entry with a snapshot: take a new one, which sees no less.
        auto const snapshot = built.empty() ? builder_->snapshot() : built.front().snapshot;
        if (snapshot.empty())
            return Finding::Undecided;
        auto later = read_once_drained(name, *cached, snapshot, until);
        if (!later)
            return Finding::Undecided;
        cached = std::move(later);
    }
    return Finding::Stale;
}

// Waits until all that the snapshot sees has been drained, and returns the value as it is then.  Returns nothing if the
// value or its ground changed meanwhile, or if the wait took too long.
std::optional<CachedValue> Auditor::read_once_drained(const CachedName &name, const CachedValue &before,
                                                      const std::string &snapshot, Time until)
{
    until = std::min(until, ports_.clock.now() + kLongestLook);
    for (;;) {
        auto now = sample_->read(name);
        if (!now || now->text != before.text || now->ground != before.ground || ports_.clock.now() >= until)
            return std::nullopt;
        if (snapshot_token::covers(now->seen, snapshot))
            return now;
        if (!ports_.pause(kBetweenReadings))
            return std::nullopt;
    }
}

void Auditor::show_share()
{
    auto const totals = ports_.metrics.totals();
    ports_.metrics.set_stale_share_at_most(stale_share_at_most(totals.audited_stale, totals.audited));
}

void Auditor::note(const CachedName &name, Finding finding)
{
    switch (finding) {
        case Finding::Absent: return;
        case Finding::Undecided: ports_.metrics.audit_undecided(); return;
        case Finding::Fresh:
        case Finding::Stale: break;
    }
    // Count it before removing it: then it is reported even if the removal fails.
    ports_.metrics.audited(name.kind, finding == Finding::Stale);
    show_share();
    if (finding == Finding::Fresh)
        return;
    log::error(
        "audit: a cached {} differs from the database, and no change explains it; all cached values of that student "
        "are removed",
        cache::name(name.kind));
    log::debug("audit: it was that of student {}", sample_->name(name.student));
    sample_->remove(name.student, builder_->commit_transaction());
}

Auditing::Auditing(AuditorPorts ports)
    : auditor_(with_pause(std::move(ports))), thread_(log::thread([this] {
          while (wait_until(auditor_.step())) {
          }
      }))
{}

AuditorPorts Auditing::with_pause(AuditorPorts ports)
{
    ports.pause = [this](milliseconds time) { return wait_until(std::chrono::steady_clock::now() + time); };
    return ports;
}

// Returns false if the thread must end.
bool Auditing::wait_until(Time time)
{
    std::unique_lock lock(mutex_);
    return !stop_.wait_until(lock, time, [this] { return stopping_; });
}

Auditing::~Auditing()
{
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    stop_.notify_all();
    thread_.join();
}

}  // namespace wc::app
