#include "redis/removal.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/protocol/library.hpp"
#include "redis/error.hpp"
#include "redis/refusal.hpp"

namespace wc::redis {
namespace {

// A function call blocks all other clients of Redis; with this many students for about a millisecond.
constexpr std::size_t kStudentsPerCall = 64;

// The bits of an answer that stand for kinds of values.
constexpr app::KindSet kAllKinds = app::stale_kinds(cache::kAllSections);

using library::kLostPages, library::kMorePages, library::kSweep, library::kWasMisfit;

// The id of the probe.  If a student had this id, one invalidation too many would do no harm.
constexpr std::string_view kProbeId = "wc:nobody";

class Remover {
public:
    Remover(Connection &connection, std::span<const Stale> students, const std::string &fence_life_ms,
            cache::KeyForm form, std::string_view seen, std::size_t calls_per_flight, bool in_cluster)
        : connection_(connection),
          students_(students),
          life_ms_(fence_life_ms),
          form_(form),
          in_cluster_(in_cluster),
          per_call_(in_cluster ? 1 : kStudentsPerCall),
          per_flight_(in_cluster ? kStudentsPerCall * calls_per_flight : calls_per_flight),
          seen_(students.size() <= per_call_ ? seen : std::string_view{})
    {
        removal_.existed.resize(students.size(), 0);
    }

    Removal run()
    {
        std::vector<std::size_t> all(students_.size());
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i] = i;
        add(all);
        while (!waiting_.empty())
            run_flight();
        return std::move(removal_);
    }

private:
    using Places = std::vector<std::size_t>;

    void add(std::span<const std::size_t> places)
    {
        for (std::size_t i = 0; i < places.size(); i += per_call_) {
            auto const some = places.subspan(i, std::min(per_call_, places.size() - i));
            waiting_.emplace_back(some.begin(), some.end());
        }
    }

    void append(std::span<const Stale *const> students, app::KindSet also, std::string_view seen = {})
    {
        auto const count = std::to_string(students.size());
        std::vector<std::string> kinds;
        std::vector<std::string_view> words{"FCALL", "wc_invalidate", count};
        for (auto const *student : students) {
            words.push_back(student->prefix);
            kinds.push_back(std::to_string(student->kinds | also));
        }
        words.push_back(life_ms_);
        for (std::size_t i = 0; i < students.size(); ++i) {
            words.push_back(kinds[i]);
            words.push_back(students[i]->xids);
        }
        if (!seen.empty())
            words.push_back(seen);
        connection_.append(words);
    }

    void append(const Places &places, app::KindSet also = 0, std::string_view seen = {})
    {
        std::vector<const Stale *> students;
        for (auto const place : places)
            students.push_back(&students_[place]);
        append(students, also, seen);
    }

    // Reads all answers before it acts on any, so that no later command reads an answer of this flight.
    void run_flight()
    {
        auto const end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), per_flight_));
        std::vector<Places> const calls(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
        waiting_.erase(waiting_.begin(), end);
        auto const seen = std::exchange(seen_, {});
        for (auto const &call : calls)
            append(call, 0, seen);
        connection_.flush();
        std::vector<Reply> answers;
        for (std::size_t i = 0; i < calls.size(); ++i)
            answers.push_back(connection_.read_any());
        Places more;
        for (std::size_t i = 0; i < calls.size(); ++i) {
            if (answers[i].is_error())
                bisect(calls[i], answers[i].text());
            else
                note(calls[i], answers[i], more);
        }
        removal_.has_noted_seen = removal_.has_noted_seen || (!seen.empty() && leaves_nothing(answers.front()));
        add(more);
    }

    /// As the library judges it.
    static bool leaves_nothing(const Reply &answer)
    {
        if (answer.is_error())
            return false;
        for (std::size_t i = 0; i < answer.size(); ++i)
            if (answer.integer(i) & ~static_cast<long long>(kAllKinds))
                return false;
        return true;
    }

    void note(const Places &places, const Reply &answer, Places &more)
    {
        for (std::size_t i = 0; i < places.size(); ++i) {
            auto const bits = answer.integer(i);
            removal_.existed[places[i]] |= static_cast<app::KindSet>(bits & kAllKinds);
            removal_.misfits += (bits & kWasMisfit) != 0;
            if (bits & kLostPages)
                removal_.lost_pages.push_back(places[i]);
            if (bits & kMorePages)
                more.push_back(places[i]);
        }
    }

    void bisect(const Places &places, std::string_view refusal)
    {
        if (in_cluster_ && is_elsewhere(refusal)) {
            removal_.elsewhere.push_back(places.front());
            return;
        }
        if (refuses_everybody(refusal))
            throw ReplyError(connection_.explain(refusal));
        if (places.size() == 1) {
            replace_misfits(places, refusal);
            return;
        }
        auto const middle = places.begin() + static_cast<std::ptrdiff_t>(places.size() / 2);
        waiting_.emplace_back(places.begin(), middle);
        waiting_.emplace_back(middle, places.end());
    }

    void replace_misfits(const Places &alone, std::string_view refusal)
    {
        append(alone, kSweep);
        connection_.flush();
        auto const answer = connection_.read_any();
        Places more;
        if (!answer.is_error()) {
            note(alone, answer, more);
            add(more);
            return;
        }
        auto reason = describe_refusal(refusal);
        if (!accepts_probe(students_[alone.front()]))
            throw ReplyError(reason);
        removal_.rejected.emplace_back(alone.front(), std::move(reason));
    }

    /// Whether Redis accepts the call for a student that does not exist; in a cluster, one of the same slot.
    bool accepts_probe(const Stale &refused)
    {
        Stale const probe{
            0, kAllKinds,
            in_cluster_ ? refused.prefix + std::string(kProbeId) + ":" : cache::student_prefix(kProbeId, form_), "0"};
        const Stale *const students[] = {&probe};
        append(students, 0);
        connection_.flush();
        return !connection_.read_any().is_error();
    }

    Connection &connection_;
    std::span<const Stale> students_;
    const std::string &life_ms_;
    cache::KeyForm form_;
    bool in_cluster_;
    std::size_t per_call_, per_flight_;
    std::string_view seen_;  // until it is sent
    std::deque<Places> waiting_;
    Removal removal_;
};

}  // namespace

Removal remove_stale(Connection &connection, std::span<const Stale> students, const std::string &fence_life_ms,
                     cache::KeyForm form, std::string_view seen, std::size_t calls_per_flight, bool in_cluster)
{
    return Remover(connection, students, fence_life_ms, form, seen, calls_per_flight, in_cluster).run();
}

}  // namespace wc::redis
