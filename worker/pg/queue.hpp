// The queue in PostgreSQL: two connections, one that listens and one that drains.
#pragma once
#include <optional>
#include <string>

#include "app/queue.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

/// The listening connection does nothing else and never opens a transaction: an open one would keep the server from
/// truncating its notification queue.
class Queue : public app::Queue {
public:
    /// Connects, listens, and checks by a notification to itself that LISTEN works on this connection.  Behind a
    /// transaction pooler it does not work, which is logged: then each transaction sets its own settings, nothing is
    /// left in the server's sessions, and the worker finds changes by polling.
    /// `wants_events`: batches say what the stream of events is to be told.
    Queue(const Target &target, const Timeouts &timeouts, std::string worker_name, bool wants_events = false);

    bool try_elect() override;
    void release() override;
    std::optional<bool> register_worker() override;
    app::Batch take(std::size_t max_students) override;
    void commit() override;
    void give_back() override;
    void keep() override;
    void rewind() override;
    void set_aside(std::span<const app::SetAside> changes) override;
    app::Batch take_set_aside() override;
    void forget(std::span<const app::Everything> rows) override;
    app::Backlog backlog() override;
    int wake_fd() const override { return (listener_ ? *listener_ : drain_).fd(); }
    bool consume_wakes() override;
    void heartbeat() override;
    std::string holders(app::Held what) override;
    std::optional<app::OtherRedis> other_redis(const std::string &address, const std::string &run_id) override;
    std::optional<Failure> report(const app::Report &report) override;
    std::string identity() override;
    std::string snapshot() override;
    app::Everything everything_by_now() override;
    std::optional<std::chrono::microseconds> clock() override;
    void distrust_cache() override;
    app::Served serve(const std::string &process) override;
    std::vector<app::ServedShard> served_shards() override;
    std::string serve_shards(std::span<const app::ServedShard> shards) override;
    bool has_cluster_keys() override;
    std::string key_fingerprints() override;

protected:
    /// The snapshot of a complete drain, as arguments of the prepared statements: every row that it sees was drained.
    struct Seen {
        std::string in_progress = "{}";
        std::string xmax = "0";
    };

    /// How rows are taken.  Its arguments and its result are those of white_cross.take.
    virtual const Statement &taking() const;
    /// `statement` takes what was set aside, in the form of rows of `taking`.
    app::Batch take_aside(const std::string &statement);
    /// What follows the worker's name and its role in the call that stores a report.
    std::string report_of(const app::Report &report) const;
    /// Runs it.  Returns why the server refused, if it did and the connection still works.
    std::optional<Failure> tell(const std::string &statement);
    void end_hung_session();
    void forget_relay() { relayed_.reset(); }
    void skip_whole_look() { is_whole_look_due_ = false; }
    bool keeps_session() const noexcept { return drain_.keeps_session(); }
    /// All rows that this snapshot sees were taken and committed.
    const Seen &seen() const noexcept { return seen_; }
    bool keeps_rows() const noexcept { return keeps_; }
    const std::string &worker_name() const noexcept { return worker_name_; }
    Connection &drain() { return drain_; }

private:
    /// Returns nothing if no worker is registered; then the transaction is over.
    std::optional<Result> run_registered(const std::string &sql);
    /// A place in the queue, just after the row of this xid and n.
    struct Place {
        std::string xid = "0";
        std::string n = "-2147483648";
    };

    /// What a take found, with the snapshot that it was made with and the place of its last row.
    struct Taken {
        app::Batch batch;
        Seen snapshot;
        Place last;
    };

    Place first_unseen() const;
    Taken read_taken(const Result &result) const;
    void adopt();
    void plan_next(Taken &taken);
    void check_extension();
    void prepare(const Statement &statement, bool &is_prepared);
    void start_relay();
    void test_listen();
    void check_identity(std::string found);
    std::string begin();
    static Seen parse_snapshot(std::string_view text);

    std::string worker_name_;
    bool wants_events_;
    std::string heartbeat_channel_;
    std::chrono::milliseconds hung_after_;
    std::optional<Connection> listener_;  // empty if LISTEN does not work
    Connection drain_;
    bool can_take_ = false, can_count_ = false;  // the statements are prepared
    bool heartbeat_pending_ = false;
    std::string identity_;         // empty: not asked yet; the same for this object's life
    std::optional<bool> relayed_;  // while draining: whether the server's relay process notifies for all writers
    bool woken_ = false;

    Seen seen_;    ///< all rows that this snapshot sees were drained
    Place place_;  ///< the last row that the current round has taken
    Seen round_;   ///< the snapshot of the round's first batch
    bool round_began_ = false;
    bool keeps_ = false;              ///< rows that were taken are in the queue
    bool is_whole_look_due_ = false;  ///< the next round looks through the whole queue, at rows of any xid
    std::chrono::steady_clock::time_point next_whole_look_{}, round_since_{};
    Seen next_seen_;  ///< the values that seen_, place_ and round_began_ get with the commit
    Place next_place_;
    bool next_round_began_ = false;
};

}  // namespace wc::pg
