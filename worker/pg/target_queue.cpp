#include "pg/target_queue.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace wc::pg {
namespace {

constexpr std::string_view kLookTypes[] = {"xid8[]", "xid8", "integer", "xid8", "integer", "bigint"};
constexpr Statement kLook{"wc_look", kLookTypes, "SELECT * FROM white_cross.look($1, $2, $3, $4, $5, $6)"};

// The n of a row that is not in the queue.  No row of the extension, and none that it has given another xid, has it.
constexpr int kOwnSweep = std::numeric_limits<int>::max();

std::string list_of(const std::vector<app::Xid> &xids)
{
    std::string list;
    for (auto const xid : xids)
        list += (list.empty() ? "" : ",") + std::to_string(xid);
    return "{" + list + "}";
}

}  // namespace

TargetQueue::TargetQueue(const Target &database, const Timeouts &timeouts, std::string worker_name, bool wants_events,
                         TargetName target)
    : Queue(database, timeouts, std::move(worker_name), wants_events), target_(std::move(target))
{
    if (!keeps_session())
        throw Error("postgres.url leads to a transaction pooler: several Redis need a direct connection");
}

// A call whose first argument is the target.
std::string TargetQueue::call(const std::string &function, const std::string &more) const
{
    return "white_cross." + function + "(" + quote_literal(target_.name) + more + ")";
}

const Statement &TargetQueue::taking() const { return kLook; }

bool TargetQueue::try_elect()
{
    if (!drain().run("SELECT " + call("lock_target")).is_true(0, 0))
        return false;
    end_hung_session();
    return true;
}

void TargetQueue::release()
{
    drain().run("SET idle_session_timeout = 0; SELECT " + call("unlock_target"));
    forget_relay();
    rewind();
}

// Rows with an old xid get a new one (Releaser), so that nobody has to look for them.
app::Batch TargetQueue::take(std::size_t max_students)
{
    skip_whole_look();
    auto batch = Queue::take(max_students);
    if (!batch.lapsed)
        batch.everything.insert(batch.everything.end(), own_sweep_.begin(), own_sweep_.end());
    return batch;
}

// While the stream of events takes none, rows count as taken and not as done.
void TargetQueue::commit()
{
    Queue::commit();
    if (!keeps_rows() && seen().xmax != Seen{}.xmax)
        done_ = seen();
}

void TargetQueue::set_aside(std::span<const app::SetAside> changes)
{
    auto rows = nlohmann::json::array();
    for (auto const &[change, reason] : changes)
        rows.push_back({{"student", change.student},
                        {"sections", static_cast<std::int16_t>(change.sections)},
                        {"xids", list_of(change.xids)},
                        {"reason", reason},
                        {"age", change.age.count()}});
    auto const text = rows.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    drain().run("SELECT " + call("set_aside_for", ", " + quote_literal(text)));
}

app::Batch TargetQueue::take_set_aside()
{
    return take_aside("SELECT 's', a.* FROM " + call("take_set_aside_of") + " AS a");
}

void TargetQueue::forget(std::span<const app::Everything> rows)
{
    std::string xids, numbers;
    for (auto const &row : rows) {
        auto const *const comma = xids.empty() ? "" : ",";
        xids += comma + std::to_string(row.xid);
        numbers += comma + std::to_string(row.n);
    }
    drain().run("SELECT " + call("forget_rows", ", '{" + xids + "}', '{" + numbers + "}'"));
    std::erase_if(own_sweep_, [&](auto &own) { return std::find(rows.begin(), rows.end(), own) != rows.end(); });
}

void TargetQueue::note_sweep(std::string_view xid)
{
    own_sweep_ = {{std::strtoull(std::string(xid).c_str(), nullptr, 10), kOwnSweep}};
}

void TargetQueue::distrust_cache() { note_sweep(drain().run("SELECT " + call("distrust_target")).text(0, 0)); }

app::Served TargetQueue::serve(const std::string &process)
{
    auto const answer = drain().run("SELECT s.is_distrusted, s.may_answer, s.sweep FROM " +
                                    call("serve_target", ", " + quote_literal(process) +
                                                             (target_.keeps_rows ? ", true, " : ", false, ") +
                                                             std::to_string(life_.count())) +
                                    " AS s");
    process_ = process;
    own_sweep_.clear();
    if (!answer.is_null(0, 2))
        note_sweep(answer.text(0, 2));
    return {answer.is_true(0, 0),
            answer.is_true(0, 1) ? std::chrono::milliseconds(0) : std::chrono::milliseconds(std::chrono::hours(24))};
}

bool TargetQueue::vouch(std::chrono::milliseconds life)
{
    life_ = life;
    return drain()
        .run("SELECT " + call("vouch_target", ", " + quote_literal(process_) + ", '" + done_.in_progress + "', '" +
                                                  done_.xmax + "', " + std::to_string(life.count())))
        .is_true(0, 0);
}

// Whoever has another Redis under this name removes everything there when he takes over.
std::optional<app::OtherRedis> TargetQueue::other_redis(const std::string &, const std::string &)
{
    return std::nullopt;
}

std::optional<Failure> TargetQueue::report(const app::Report &report)
{
    auto refused =
        tell("SELECT " + call("report_target", ", " + quote_literal(worker_name()) +
                                                   (report.draining ? ", true, " : ", false, ") + report_of(report)));
    return refused || !target_.is_first ? refused : Queue::report(report);
}

}  // namespace wc::pg
