// Port: what the auditing thread needs from the cache.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/change.hpp"
#include "core/protocol/section.hpp"

namespace wc::app {

/// Names a value that may be cached.
struct CachedName {
    std::string student;
    cache::Kind kind;
    std::size_t secret = 0;  ///< which of several secrets has made the key
};

/// One bounded step through the keyspace.
struct SampleStep {
    std::string cursor = "0";       ///< where the next step begins; "0": all keys were seen once, and it begins anew
    std::vector<CachedName> names;  ///< of the kinds that a worker builds
};

/// What the cache held at one moment.
struct CachedValue {
    std::string text;
    /// The student's fence, the fence of all students, the epoch, and the run of Redis.  If two readings have the same
    /// ground, and less time than `fence_life` has passed, no invalidation of this student was applied between them.
    std::string ground;
    std::string seen;  ///< the token of a snapshot: all that it sees has been drained; empty: not known
    std::chrono::milliseconds fence_life{};
};

/// For the auditing thread.  Every call may throw Failure.  REQUIRES: after a call that threw, only the destructor
/// follows.
class CacheSample {
public:
    virtual ~CacheSample() = default;

    /// REQUIRES: keys name students by their ids.
    virtual SampleStep scan(const std::string &cursor) = 0;
    /// Whether keys name students by opaque ids, which tell nobody whose they are.
    virtual bool are_opaque() const = 0;
    /// What is cached of these students.
    virtual std::vector<CachedName> cached(std::span<const std::string> students) = 0;
    /// What keys call the student, for the log.
    virtual std::string name(const std::string &student) const = 0;
    /// What a reader that uses the library would find now; nothing if it would find nothing.
    virtual std::optional<CachedValue> read(const CachedName &name) = 0;
    /// Removes all values of the student, and from now on Redis stores only values that contain this transaction.
    virtual void remove(const std::string &student, Xid xid) = 0;
};

}  // namespace wc::app
