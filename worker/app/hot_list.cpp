#include "app/hot_list.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace wc::app {

void HotList::configure(std::size_t limit, std::chrono::seconds half_life)
{
    std::lock_guard const lock(mutex_);
    limit_ = limit;
    half_life_s_ = static_cast<double>(half_life.count());
}

double HotList::decayed(const Weight &weight, Time now) const
{
    std::chrono::duration<double> const passed = now - weight.at;
    return weight.value * std::exp2(-std::max(0.0, passed.count()) / half_life_s_);
}

double HotList::touch(const std::string &student, Time now)
{
    std::lock_guard const lock(mutex_);
    changed_ = true;
    auto const [entry, is_new] = students_.try_emplace(student, Weight{0, now});
    double const weight = decayed(entry->second, now) + 1;
    entry->second = {weight, now};
    if (is_new && students_.size() > limit_)
        shrink(now);
    return weight;
}

double HotList::weight(const std::string &student, Time now) const
{
    std::lock_guard const lock(mutex_);
    auto const found = students_.find(student);
    return found == students_.end() ? 0 : decayed(found->second, now);
}

void HotList::erase(const std::string &student)
{
    std::lock_guard const lock(mutex_);
    changed_ = students_.erase(student) > 0 || changed_;
}

void HotList::merge(std::span<const Hot> saved, Time now)
{
    std::lock_guard const lock(mutex_);
    for (auto const &hot : saved)
        students_.try_emplace(hot.student, Weight{hot.weight, now});
    if (students_.size() > limit_)
        shrink(now);
}

std::vector<Hot> HotList::heaviest(Time now) const
{
    std::vector<Hot> list;
    {
        std::lock_guard const lock(mutex_);
        list.reserve(students_.size());
        for (auto const &[student, weight] : students_)
            list.push_back({student, decayed(weight, now)});
    }
    std::sort(list.begin(), list.end(), [](auto &a, auto &b) { return a.weight > b.weight; });
    return list;
}

std::size_t HotList::size() const
{
    std::lock_guard const lock(mutex_);
    return students_.size();
}

bool HotList::take_changed()
{
    std::lock_guard const lock(mutex_);
    return std::exchange(changed_, false);
}

// Drops a tenth at once, so that many new students share the cost of one search for the lightest.
void HotList::shrink(Time now)
{
    std::size_t const keep = limit_ - limit_ / 10;
    std::vector<double> weights;
    weights.reserve(students_.size());
    for (auto const &[student, weight] : students_)
        weights.push_back(decayed(weight, now));
    auto const cut = weights.begin() + static_cast<std::ptrdiff_t>(weights.size() - keep);
    std::nth_element(weights.begin(), cut, weights.end());
    double const lightest_kept = *cut;
    // Many students may have the same weight: keep all above the cut, and as many at the cut as there is room for.
    std::size_t room = keep;
    for (auto const &[student, weight] : students_)
        room -= decayed(weight, now) > lightest_kept ? 1 : 0;
    std::erase_if(students_, [&](auto &entry) {
        double const weight = decayed(entry.second, now);
        if (weight > lightest_kept)
            return false;
        if (weight == lightest_kept && room > 0) {
            --room;
            return false;
        }
        return true;
    });
}

}  // namespace wc::app
