// Asks Sentinels where the master is.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "redis/connection.hpp"

namespace wc::redis {

/// An address that Sentinels give for the master, and how well it is founded.
struct Candidate {
    Endpoint master;
    long long epoch =
        0;           ///< of the failover that made it the master, as the Sentinels count; the latest is the largest
    int voices = 0;  ///< how many Sentinels name it

    bool operator==(const Candidate &) const = default;
};

/// What one Sentinel says.
struct Voice {
    Endpoint master;
    long long epoch = 0;
};

/// Returns the addresses that Sentinels name, the best first: the latest failover counts, as it does among Sentinels;
/// then how many name it.
std::vector<Candidate> rank(const std::vector<Voice> &voices);

/// Asks the Sentinel at the other end.  Throws Error if it names no master of that name.
Voice ask_master(Connection &sentinel, const std::string &master);

/// The Sentinels of one target.  Keeps its connections to them.  For one thread.
class Sentinels {
public:
    /// Connects to nobody yet.  REQUIRES: the target has Sentinels.
    explicit Sentinels(const Target &target);

    /// Asks each Sentinel, and waits for none of them for longer than a second.  Throws Error if none names a master.
    std::vector<Candidate> ask();

private:
    struct Sentinel {
        Target target;
        std::optional<Connection> connection{};
    };
    Voice ask(Sentinel &sentinel) const;

    std::vector<Sentinel> sentinels_;
    std::string master_;
};

/// Connects to the Redis that the target means: to its address, or to the server that its Sentinels name and that says
/// itself that it is the master.  Throws Error.
Connection connect(const Target &target);

}  // namespace wc::redis
