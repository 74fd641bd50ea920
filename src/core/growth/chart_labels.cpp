#include "core/growth/chart_labels.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace wc::growth {
namespace {

// From the most telling to the least: the median, for BMI what divides the categories, the outermost, and then the
// rest.
constexpr int kOfBmi[kMostCurves] = {50, 95, 5, 85, 97, 3, 75, 25, 10, 90};
constexpr int kOfOthers[] = {50, 97, 3, 90, 10, 75, 25};

// Further than this from its curve, and a label no longer says which it belongs to.
constexpr double kFarthestInGaps = 1.3;

// The nearest places in the same order, at least `gap` apart, between top and bottom: isotonic regression of the
// places less what must lie between them.
void spread(Curves &curves, double gap, double top, double bottom) noexcept
{
    struct Block {
        double sum;
        int count;
        double mean() const { return sum / count; }
    };
    Block blocks[kMostCurves];
    int used = 0;
    for (int i = 0; i < curves.count; ++i) {
        blocks[used++] = {curves.all[i].end - i * gap, 1};
        while (used > 1 && blocks[used - 2].mean() > blocks[used - 1].mean()) {
            blocks[used - 2].sum += blocks[used - 1].sum;
            blocks[used - 2].count += blocks[used - 1].count;
            --used;
        }
    }
    double const last = bottom - (curves.count - 1) * gap;
    for (int block = 0, i = 0; block < used; ++block) {
        double const place = std::max(top, std::min(blocks[block].mean(), last));
        for (int n = 0; n < blocks[block].count; ++n, ++i)
            curves.all[i].label = place + i * gap;
    }
}

double farthest(const Curves &curves) noexcept
{
    double distance = 0;
    for (int i = 0; i < curves.count; ++i)
        distance = std::max(distance, std::abs(curves.all[i].label - curves.all[i].end));
    return distance;
}

}  // namespace

Curves choose_curves(const Chart &chart, const Scale &scale, double gap) noexcept
{
    Curves curves{};
    if (chart.sex == Sex::Other)
        return curves;
    bool const is_bmi = chart.measure == Measure::Bmi;
    const int *const order = is_bmi ? kOfBmi : kOfOthers;
    for (int count = is_bmi ? kMostCurves : static_cast<int>(std::size(kOfOthers)); count > 0; --count) {
        curves.count = count;
        // Inserted in order, the highest percentile on top.
        for (int n = 0; n < count; ++n) {
            int at = n;
            for (; at > 0 && curves.all[at - 1].percentile < order[n]; --at)
                curves.all[at] = curves.all[at - 1];
            curves.all[at] = {order[n], scale.y(curve_value(chart, order[n], scale.last_year * 12)), 0};
        }
        spread(curves, gap, scale.top, scale.bottom);
        if ((count - 1) * gap <= scale.bottom - scale.top && farthest(curves) <= kFarthestInGaps * gap)
            break;
    }
    return curves;
}

}  // namespace wc::growth
