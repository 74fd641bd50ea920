// The spans that show what became of the changes of traced writers: removed from the cache, and rebuilt.
//
// A writer's changes have spans in the writer's own trace, below the writer's span:
//
//   white_cross.gone   from the commit until Redis has removed what the change made stale
//   white_cross.queue  below it: from the commit until the worker takes the change out of the queue
//   white_cross.warm   from the commit until a removed value is rebuilt
//
// One drain works for many writers, so its own span, white_cross.drain, is in a trace of its own and has links to them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/change.hpp"
#include "app/span.hpp"
#include "app/writer.hpp"
#include "process/clock.hpp"

namespace wc::app {

/// A writer's span, and when its transaction was committed.
struct TracedWriter {
    std::string trace, span;
    Time committed{};
};

/// Follows the traced writers of one batch.  Without any, it does nothing.  For one thread.
class ChangeSpans {
public:
    ChangeSpans(const std::vector<Writer> &writers, Time began, Time taken);

    bool empty() const noexcept { return followed_.empty(); }
    /// Notes what became of a change.  Returns one of its traced writers, or null.
    std::shared_ptr<const TracedWriter> note(const Change &change, bool is_refused);
    void gone(Time at) noexcept { gone_ = at; }
    /// REQUIRES: gone() was called.  `now`: of the same clock as the other times.
    std::vector<Span> spans(Time now) const;

private:
    struct Followed {
        std::shared_ptr<const TracedWriter> writer;
        std::int64_t students = 0;
        bool is_stale = false;    ///< a change of it has made cached values stale
        bool is_refused = false;  ///< Redis has refused one of its changes
    };
    std::map<Xid, Followed> followed_;
    Time began_, taken_, gone_{};
};

/// How many values of each traced writer were rebuilt.
using RebuiltCounts = std::map<std::shared_ptr<const TracedWriter>, std::int64_t>;

/// Returns the spans of values of one kind that were stored at `now`.
std::vector<Span> warm_spans(const RebuiltCounts &rebuilt, std::string_view kind, Time now);

}  // namespace wc::app
