// The queue as one of several Redis sees it: it takes nothing away from the others.
#pragma once
#include <string>
#include <vector>

#include "pg/queue.hpp"

namespace wc::pg {

/// What a target is called, and how the database treats it.
struct TargetName {
    std::string name;
    bool keeps_rows = false;  ///< rows wait for it however long it is away, since it has the stream of events
    bool is_first = false;    ///< of the configuration: its report is also that of the worker
};

/// Looks at rows and leaves them in the queue.  `commit` remembers how far it has come, and `vouch` tells the database,
/// which deletes what all targets have done (Releaser).  What is to be removed of this target alone, as after a restart
/// of its Redis, comes with the next batch as a row for every student that is not in the queue.
///
/// REQUIRES: a session of its own.  Throws Error behind a transaction pooler.
class TargetQueue : public Queue {
public:
    TargetQueue(const Target &database, const Timeouts &timeouts, std::string worker_name, bool wants_events,
                TargetName target);

    bool try_elect() override;
    void release() override;
    app::Batch take(std::size_t max_students) override;
    void commit() override;
    void set_aside(std::span<const app::SetAside> changes) override;
    app::Batch take_set_aside() override;
    void forget(std::span<const app::Everything> rows) override;
    void distrust_cache() override;
    app::Served serve(const std::string &process) override;
    bool vouch(std::chrono::milliseconds life) override;
    std::optional<app::OtherRedis> other_redis(const std::string &address, const std::string &run_id) override;
    std::optional<Failure> report(const app::Report &report) override;

private:
    const Statement &taking() const override;
    std::string call(const std::string &function, const std::string &more = {}) const;
    void note_sweep(std::string_view xid);

    TargetName target_;
    std::chrono::milliseconds life_{5000};    ///< of the last vouch
    std::string process_;                     ///< that is served
    Seen done_;                               ///< what the database may be told of
    std::vector<app::Everything> own_sweep_;  ///< what is to be removed of this target alone
};

}  // namespace wc::pg
