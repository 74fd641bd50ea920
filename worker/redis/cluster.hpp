// The cache in a Redis Cluster, for the draining thread.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/cache.hpp"
#include "app/shards.hpp"
#include "redis/cluster_watch.hpp"
#include "redis/shard.hpp"
#include "redis/slot_ledger.hpp"

namespace wc::redis {

/// Has one connection to each master.  If a master fails, its connection is closed, and its students' changes are
/// refused as `Rejection::is_away` until a master serves its slots again; the other masters go on.
///
/// Throws only if no master is left.
class Cluster : public app::Cache, public app::Shards {
public:
    /// Connects to the masters that the watch knows.  `watch` outlives this.
    Cluster(const Target &target, const config::Live &live, ClusterWatch &watch);

    app::Invalidated invalidate(std::span<const app::Change> changes, const std::string &seen) override;
    std::string append_events(std::span<const app::Event> events) override;
    void fence_all(std::span<const app::Xid> xids) override;
    app::SweepStep sweep(const std::string &cursor, const std::string &pattern) override;
    void renew_liveness(Time end, const std::string &seen, std::span<const std::string> except) override;
    void advance(const std::string &snapshot, Time end, std::chrono::milliseconds life) override;
    bool set_clock(std::chrono::microseconds database) override;
    std::string run_id() const override { return watch_.name(); }
    std::string process() const override { return watch_.name(); }
    std::string address() const override { return describe(target_.address); }
    std::size_t take_misfits() override;
    app::Fences fences() override;
    app::Reads reads() override;
    int fd() const override { return watch_.fd(); }
    void check() override;
    void ping() override;
    app::Shards *shards() override { return this; }

    void check_keys(const std::string &database) override { keys_.require(*live_.get(), true, database); }
    /// Each shard has an epoch of its own, which `tend` opens and closes.
    app::Epoch epoch(const std::string &) override { return app::Epoch::Open; }
    bool open_epoch(const std::string &, const std::function<std::string()> &) override { return true; }
    void close_epoch() override {}

    void begin() override;
    app::ShardsSight tend(app::Queue &queue, std::size_t set_aside) override;
    void told(const std::string &process) override;
    Time due() const override { return due_; }
    bool take_returned() override;
    std::string trouble() const override;

private:
    struct Member {
        std::unique_ptr<Shard> shard{};
        SlotSet owned{};     ///< changes of their students are sent to it
        SlotSet sweeping{};  ///< what was cached in them is being removed
        std::string cursor = "0";
        bool is_open = false, evicts = false;
    };

    /// The changes of a shard, with names in the place of ids, and where each stands among all changes.
    struct Share {
        std::vector<app::Change> changes{};
        std::vector<std::size_t> places{};
    };

    const char *obstacle(std::size_t slot) const;
    void invalidate(const std::string &id, const Share &share, app::Invalidated &done);
    template <class Act>
    bool attempt(const std::string &id, Act act);
    template <class Act>
    void each(Act act);
    void lose(const std::string &id, const std::string &why);
    void take_up_masters();
    void connect(const ClusterMaster &master);
    void assign();
    void keep_trust(app::Queue &queue, bool is_hopeless);
    void keep_epoch(Member &member, app::Queue &queue);
    void distrust(Member &member, app::Queue &queue);
    void vouch(Member &member, app::Queue &queue);
    std::optional<std::size_t> stream_slot() const;
    void warn_of_plain_keys(app::Queue &queue);
    void note_holds();
    Time end_of_liveness() const;

    Target target_;
    const config::Live &live_;
    KeyNames keys_;
    ClusterWatch &watch_;
    std::map<std::string, Member> members_;  // by the node's id
    std::array<Member *, cache::kSlots> owners_{};
    SlotSet unowned_;
    SlotLedger ledger_;
    SlotSet doubted_;
    std::map<std::string, std::string> failures_;  // of masters that were let go
    std::map<std::string, int> rests_;             // until which look of the watch they are left alone
    std::optional<std::chrono::microseconds> database_lead_;
    std::string told_, untold_;  // processes: see ShardsSight::untold
    Time due_{}, next_look_{};
    Time hold_ends_{};
    bool returned_ = true;
    bool sweeps_all_ = false;
    bool has_asked_for_keys_ = false;
    std::vector<std::string> to_sweep_;
    std::string sweep_cursor_ = "0";
};

}  // namespace wc::redis
