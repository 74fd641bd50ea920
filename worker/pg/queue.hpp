// The queue in PostgreSQL: two connections, one that listens and one that drains.
#pragma once
#include <optional>
#include <string>

#include "app/queue.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

/// The listening connection does nothing else and never opens a transaction, or it would hold up the server's
/// notification queue for everybody.
class Queue : public app::Queue {
public:
    /// Connects, listens, and checks by a notification to itself that LISTEN works on this connection.  Behind a
    /// transaction pooler it does not, which is logged: then each transaction stands for itself, nothing is left in the
    /// server's sessions, and the poll has to do.
    Queue(const Target &target, const Timeouts &timeouts, std::string worker_name);

    bool try_lead() override;
    void release() override;
    std::optional<bool> enroll() override;
    app::Batch take(std::size_t max_students) override;
    void commit() override;
    void give_back() override;
    void forget(std::span<const app::Everything> rows) override;
    app::Backlog backlog() override;
    int wake_fd() const override { return (listener_ ? *listener_ : drain_).fd(); }
    bool consume_wakes() override;
    void heartbeat() override;
    void report(const app::Report &report) override;
    std::string identity() override;
    std::string snapshot() override;
    std::optional<std::chrono::microseconds> clock() override;
    void distrust() override;

private:
    /// Nothing: no worker is registered, and the transaction is over.
    std::optional<Result> run_registered(const std::string &sql);
    /// A snapshot that a complete drain was made with, as the arguments of the prepared statements: all that it sees
    /// was drained.
    struct Seen {
        std::string in_progress = "{}";
        std::string xmax = "0";
    };
    /// A place between two rows of the queue.
    struct Place {
        std::string xid = "0";
        std::string n = "-2";
    };

    Place first_unseen() const;
    void prepare();
    void start_relay();
    void test_listen();
    void check_identity(std::string found);
    std::string begin();
    bool keeps_session() const noexcept { return drain_.keeps_session(); }
    static Seen parse_snapshot(std::string_view text);

    std::string worker_name_;
    std::string heartbeat_channel_;
    std::chrono::milliseconds hung_after_;
    std::optional<Connection> listener_;  // empty where LISTEN does not work
    Connection drain_;
    bool heartbeat_pending_ = false;
    std::string identity_;         // empty: not asked yet; it stays for a connection's life
    std::optional<bool> relayed_;  // while draining: whether a process of the server notifies for all writers
    bool woken_ = false;

    Seen seen_;    ///< rows that this snapshot sees are gone
    Place place_;  ///< where the round under way has come to
    Seen round_;   ///< the snapshot of its first batch
    bool round_began_ = false;
    Seen next_seen_;  ///< what these become with the commit
    Place next_place_;
    bool next_round_began_ = false;
};

}  // namespace wc::pg
