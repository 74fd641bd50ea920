// The parts of Queue that measure and report, apart from those that drain.
#include "pg/backlog.hpp"
#include "pg/queue.hpp"

namespace wc::pg {

app::Backlog Queue::backlog()
{
    prepare(kBacklog, can_count_);
    auto const place = keeps_ ? Place{} : place_, first = keeps_ ? Place{} : first_unseen();
    auto const in_progress = keeps_ ? Seen{}.in_progress : seen_.in_progress;
    auto const result =
        drain_.run(drain_.call(kBacklog, std::vector{in_progress, place.xid, place.n, first.xid, first.n}));
    return {static_cast<std::size_t>(result.integer(0, 0)), std::chrono::microseconds(result.integer(0, 1)),
            std::string(result.text(0, 2))};
}

// The arguments that white_cross.report_worker and report_target have in common, from `draining` on.
std::string Queue::report_of(const app::Report &report) const
{
    // Replace what is not ASCII: an error message of a server may be in any encoding.
    auto const text = [](std::string_view said) {
        std::string ascii;
        for (char const c : said)
            ascii += c >= ' ' && c <= '~' ? c : '?';
        return ascii.empty() ? "NULL" : pg::quote_literal(ascii) + "::text";
    };
    auto const reads = [&](auto count) { return report.reads ? std::to_string((*report.reads).*count) : "NULL"; };
    return std::to_string(report.next.count()) + ", jsonb_build_object('state', " + text(name(report.standing.state)) +
           ", 'detail', " + text(report.standing.detail) + ", 'oldest_seconds', " +
           std::to_string(std::chrono::duration<double>(report.backlog.oldest).count()) + ", 'queue_rows', " +
           std::to_string(report.backlog.rows) + ", 'redis', " + text(report.redis_address) + ", 'redis_run_id', " +
           text(report.redis_run_id) + ", 'cache_hits', " + reads(&app::Reads::hits) + ", 'cache_misses', " +
           reads(&app::Reads::misses) + ")";
}

std::optional<Failure> Queue::tell(const std::string &statement)
{
    try {
        drain_.run(statement);
        return std::nullopt;
    } catch (const Error &error) {
        if (error.sqlstate().empty())
            throw;
        return error;
    }
}

std::optional<Failure> Queue::report(const app::Report &report)
{
    return tell("SELECT white_cross.report_worker(" + pg::quote_literal(worker_name_) +
                (report.draining ? ", true" : ", false") + (keeps_session() ? ", true, " : ", false, ") +
                report_of(report) + ")");
}

std::string Queue::holders(app::Held what)
{
    std::string_view const names[] = {"registration", "queue", "drain"};
    auto const result = drain_.run("SELECT string_agg(h.who, '; ') FROM white_cross.holders('" +
                                   std::string(names[static_cast<std::size_t>(what)]) + "') AS h");
    return std::string(result.text(0, 0));
}

app::Served Queue::serve(const std::string &process)
{
    std::chrono::milliseconds const since(
        drain_.run("SELECT white_cross.serve_redis(" + quote_literal(process) + ")").integer(0, 0));
    return {since.count() == 0, since};
}

app::Everything Queue::everything_by_now()
{
    auto const result = drain_.run(
        "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint,"
        " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
    app::Everything everything;
    everything.xid = static_cast<app::Xid>(result.integer(0, 0));
    everything.time = std::chrono::microseconds(result.integer(0, 1));
    return everything;
}

void Queue::distrust_cache() { drain_.run("SELECT white_cross.distrust_cache()"); }

std::vector<app::ServedShard> Queue::served_shards()
{
    auto const result = drain_.run("SELECT s.process, s.slots FROM white_cross.served_shards() AS s");
    std::vector<app::ServedShard> shards;
    for (int row = 0; row < result.rows(); ++row)
        shards.push_back({std::string(result.text(row, 0)), std::string(result.text(row, 1))});
    return shards;
}

std::string Queue::serve_shards(std::span<const app::ServedShard> shards)
{
    std::string processes, slots;
    for (auto const &shard : shards) {
        auto const *const comma = processes.empty() ? "" : ",";
        processes += comma + quote_literal(shard.process);
        slots += comma + quote_literal(shard.slots);
    }
    return std::string(drain_
                           .run("SELECT white_cross.serve_shards(ARRAY[" + processes + "]::text[], ARRAY[" + slots +
                                "]::text[])::text")
                           .text(0, 0));
}

bool Queue::has_cluster_keys()
{
    return drain_.run("SELECT current_setting('white_cross.cluster_keys')::boolean").is_true(0, 0);
}

std::string Queue::key_fingerprints()
{
    constexpr std::string_view kConfigFileError = "F0000";
    try {
        return std::string(drain_.run("SELECT white_cross.key_fingerprints()").text(0, 0));
    } catch (const Error &error) {
        if (error.sqlstate() != kConfigFileError)
            throw;
        throw Failure(Part::Redis, std::string("the database: ") + error.what(), Cause::OtherKeys);
    }
}

std::optional<app::OtherRedis> Queue::other_redis(const std::string &address, const std::string &run_id)
{
    auto const result =
        drain_.run("SELECT o.name, o.redis FROM white_cross.other_redis(" + pg::quote_literal(worker_name_) + ", " +
                   pg::quote_literal(address) + ", " + pg::quote_literal(run_id) + ") AS o");
    if (result.rows() == 0)
        return std::nullopt;
    return app::OtherRedis{std::string(result.text(0, 0)), std::string(result.text(0, 1))};
}

}  // namespace wc::pg
