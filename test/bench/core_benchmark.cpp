// Google Benchmark for the core: the JSON writer, cache keys, opaque ids, the dirty set.  Growth is in
// growth_benchmark.cpp.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/changes/dirty_set.hpp"
#include "core/json/writer.hpp"
#include "core/opaque/key_secrets.hpp"
#include "core/protocol/key.hpp"
#include "test/fuzz/memory.hpp"

namespace {

using wc::json::Buffer;

// Runs `write` over and over into one buffer; an item is one call.
template <class Write>
void write_json(benchmark::State &state, Write write)
{
    wc::fuzz::OwnBuffer own(1 << 20);
    Buffer &out = own.buffer;
    for (auto _ : state) {
        out.truncate(0);
        write(out);
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

void json_string_plain(benchmark::State &state)
{
    std::string const text(static_cast<std::size_t>(state.range(0)), 'a');
    write_json(state, [&](Buffer &out) { wc::json::write_string(out, text); });
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(json_string_plain)->Arg(8)->Arg(64)->Arg(4096);

void json_string_escapes(benchmark::State &state)
{
    write_json(state, [](Buffer &out) { wc::json::write_string(out, "Said \"no nuts\"\nTwice, O'Brien\\Smith"); });
}
BENCHMARK(json_string_escapes);

void json_timestamp(benchmark::State &state)
{
    std::int64_t at = 813'404'400'000'000;
    write_json(state, [&](Buffer &out) { wc::json::write_timestamp(out, at += 86'399'999'000); });
}
BENCHMARK(json_timestamp);

void json_integer(benchmark::State &state)
{
    std::int64_t value = 1;
    write_json(state, [&](Buffer &out) { wc::json::write_integer(out, value += 104729); });
}
BENCHMARK(json_integer);

void cache_key(benchmark::State &state)
{
    for (auto _ : state)
        benchmark::DoNotOptimize(wc::cache::key("clx0d5k3s0000qwer1234abcd", wc::cache::Kind::HealthSummary));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(cache_key);

void opaque_id(benchmark::State &state)
{
    wc::opaque::Secret const secret("first-secret-of-thirty-two-letters-");
    for (auto _ : state)
        benchmark::DoNotOptimize(secret.id_of("clx0d5k3s0000qwer1234abcd"));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(opaque_id);

// Memory as a context gives it: freed as a whole.
std::vector<void *> blocks;
void *allocate(std::size_t bytes) { return blocks.emplace_back(std::malloc(bytes)); }
void release(void *) {}

void dirty_set_add(benchmark::State &state)
{
    std::vector<std::string> ids;
    for (std::int64_t i = 0; i < state.range(0); ++i)
        ids.push_back("clx0d5k3s0000qwer" + std::to_string(10'000'000 + i));
    for (auto _ : state) {
        wc::changes::DirtySet set(allocate, release, 1'000'000);
        for (const std::string &id : ids) {
            set.add(id, wc::cache::kHealthRecords);
            set.add(id, wc::cache::kAllergies);
        }
        benchmark::DoNotOptimize(set.size());
        for (void *block : blocks)
            std::free(block);
        blocks.clear();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0) * 2);
}
BENCHMARK(dirty_set_add)->Arg(1)->Arg(100)->Arg(100'000);

}  // namespace

BENCHMARK_MAIN();
