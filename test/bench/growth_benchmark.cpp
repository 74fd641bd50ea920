// Google Benchmark for growth: LMS z-scores and percentiles at random ages, of values as children have them.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "core/growth/bmi.hpp"
#include "core/growth/zscore.hpp"

namespace {

using namespace wc::growth;

constexpr std::size_t kChildren = 1 << 16;

struct Child {
    Measure measure;
    Sex sex;
    double age_months;
    double value;
};

std::vector<Child> children(int first_measure, int last_measure)
{
    std::mt19937_64 random(20001);
    std::uniform_int_distribution<int> measure(first_measure, last_measure);
    std::uniform_int_distribution<int> sex(0, 1);
    std::uniform_real_distribution<double> age(kCdcFirstAge, kCdcEndAge);
    std::uniform_real_distribution<double> percentile(0.5, 99.5);
    std::vector<Child> made;
    for (std::size_t i = 0; i < kChildren; ++i) {
        Child child{static_cast<Measure>(measure(random)), static_cast<Sex>(sex(random)), age(random), 0};
        Norm norm;
        cdc_norm(child.measure, child.sex, child.age_months, norm);
        child.value = value_at(norm, percentile(random));
        made.push_back(child);
    }
    return made;
}

template <class Work>
void of_children(benchmark::State &state, const std::vector<Child> &all, Work work)
{
    std::size_t i = 0;
    for (auto _ : state) {
        const Child &child = all[i++ % kChildren];
        Norm norm;
        cdc_norm(child.measure, child.sex, child.age_months, norm);
        benchmark::DoNotOptimize(work(norm, child.value));
    }
    state.SetItemsProcessed(state.iterations());
}

void growth_lms_zscore(benchmark::State &state)
{
    of_children(state, children(0, 2), [](const Norm &norm, double value) { return lms_zscore(norm.lms, value); });
}
BENCHMARK(growth_lms_zscore);

void growth_zscore(benchmark::State &state) { of_children(state, children(0, 2), zscore); }
BENCHMARK(growth_zscore);

void growth_percentile(benchmark::State &state) { of_children(state, children(0, 2), percentile); }
BENCHMARK(growth_percentile);

void growth_percentile_bmi(benchmark::State &state) { of_children(state, children(0, 0), percentile); }
BENCHMARK(growth_percentile_bmi);

// Many at once, ages looked up with them; an item is one child.
template <class Work>
void of_many(benchmark::State &state, Work work)
{
    std::vector<Child> const all = children(0, 2);
    constexpr std::size_t kBlock = 128;
    Norm norms[kBlock];
    double values[kBlock];
    double results[kBlock];
    for (auto _ : state) {
        for (std::size_t from = 0; from < kChildren; from += kBlock) {
            for (std::size_t i = 0; i < kBlock; ++i) {
                const Child &child = all[from + i];
                cdc_norm(child.measure, child.sex, child.age_months, norms[i]);
                values[i] = child.value;
            }
            work(norms, values, results, kBlock);
            benchmark::DoNotOptimize(results);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kChildren));
}

void growth_zscores(benchmark::State &state) { of_many(state, zscores); }
BENCHMARK(growth_zscores);

void growth_percentiles(benchmark::State &state) { of_many(state, percentiles); }
BENCHMARK(growth_percentiles);

void growth_value(benchmark::State &state)
{
    of_children(state, children(0, 2), [](const Norm &norm, double value) { return value_at(norm, 1 + value / 10); });
}
BENCHMARK(growth_value);

}  // namespace
