// wc_statistics: a parallel aggregate.
//
// Its state is one array of the values, 8 bytes each, because the median needs all of them.  The sum has more digits
// than the result, so that the result does not depend on the order in which parallel workers deliver their parts.  The
// median is selected in linear time, without sorting.  The state of one group always stays in memory, as with
// array_agg. A group can have at most 1 GB: 134 million values.
#include "core/vitals/statistics.hpp"

#include "extension/server/aggregate.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_value.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;
using vitals::ExactSum;

struct Values {
    std::int64_t count;
    std::int64_t capacity;
    ExactSum scaled_sum;
    double *values;
};
static_assert(std::is_trivially_copyable_v<Values>);

// The serialized state, which parallel workers send to their leader.
struct Shipped {
    std::int32_t varlena_header;
    std::int32_t padding;
    std::int64_t count;
    ExactSum scaled_sum;
    double values[FLEXIBLE_ARRAY_MEMBER];
};

constexpr std::int64_t kFirstCapacity = 8;
constexpr auto kMostValues = static_cast<std::int64_t>((MaxAllocSize - sizeof(Shipped)) / sizeof(double));

void make_room(Values &state, std::int64_t more)
{
    if (state.capacity - state.count >= more)
        return;
    if (state.count + more > kMostValues)
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("wc_statistics takes at most %lld values in a group", static_cast<long long>(kMostValues)),
                 errhint("Group more finely, or use avg, stddev_pop and percentile_cont, which spill to disk.")));
    state.capacity = Min(Max(2 * state.capacity, state.count + more), kMostValues);
    state.values =
        static_cast<double *>(repalloc_huge(state.values, static_cast<Size>(state.capacity) * sizeof(double)));
}

Values *make_values(MemoryContext context, std::int64_t capacity)
{
    auto *const state = static_cast<Values *>(MemoryContextAllocZero(context, sizeof(Values)));
    state->capacity = Max(capacity, kFirstCapacity);
    state->values =
        static_cast<double *>(MemoryContextAllocHuge(context, static_cast<Size>(state->capacity) * sizeof(double)));
    return state;
}

Values *state_argument(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) ? nullptr : static_cast<Values *>(static_cast<void *>(PG_GETARG_POINTER(n)));
}

void append(Values &state, const double *values, std::int64_t count, const ExactSum &scaled_sum)
{
    make_room(state, count);
    memcpy(state.values + state.count, values, static_cast<Size>(count) * sizeof(double));
    state.count += count;
    state.scaled_sum.add(scaled_sum);
}

void write_statistics(json::Buffer &out, const vitals::Statistics &found)
{
    out.append(R"({"count":)"sv);
    json::write_integer(out, found.count);
    out.append(R"(,"sum":)"sv);
    json::write_double(out, found.sum);
    out.append(R"(,"average":)"sv);
    json::write_double(out, found.average);
    out.append(R"(,"min":)"sv);
    json::write_double(out, found.min);
    out.append(R"(,"max":)"sv);
    json::write_double(out, found.max);
    out.append(R"(,"median":)"sv);
    json::write_double(out, found.median);
    out.append(R"(,"stdDev":)"sv);
    json::write_double(out, found.standard_deviation);
    out.append('}');
}

// Computes the statistics.  In a window the same state is used several times: this may change the order of its values
// only.
bool find_statistics(FunctionCallInfo fcinfo, vitals::Statistics &found)
{
    aggregate_context(fcinfo);
    Values *const state = state_argument(fcinfo, 0);
    if (state == nullptr || state->count == 0)
        return false;
    found = vitals::statistics(state->values, state->count, state->scaled_sum);
    if (!std::isfinite(found.sum))
        ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("the sum of the values is out of range")));
    return true;
}

Datum statistics_as_json(const vitals::Statistics &found)
{
    json::Buffer out = make_buffer();
    write_statistics(out, found);
    return finish_text(out);
}

}  // namespace
}  // namespace wc

using namespace wc;

// (state, value double precision) → state
WC_FUNCTION(wc_statistics_add)
{
    MemoryContext const context = aggregate_context(fcinfo);
    Values *state = state_argument(fcinfo, 0);
    if (PG_ARGISNULL(1)) {
        if (state == nullptr)
            PG_RETURN_NULL();
        PG_RETURN_POINTER(state);
    }
    double const value = finite_value(PG_GETARG_FLOAT8(1));
    if (state == nullptr)
        state = make_values(context, kFirstCapacity);
    make_room(*state, 1);
    state->values[state->count++] = value;
    state->scaled_sum.add(value * vitals::kSumScale);
    PG_RETURN_POINTER(state);
}

// (state, state) → state: the second is another worker's
WC_FUNCTION(wc_statistics_combine)
{
    MemoryContext const context = aggregate_context(fcinfo);
    Values *state = state_argument(fcinfo, 0);
    const Values *const other = state_argument(fcinfo, 1);
    if (other == nullptr) {
        if (state == nullptr)
            PG_RETURN_NULL();
        PG_RETURN_POINTER(state);
    }
    if (state == nullptr)
        state = make_values(context, other->count);
    append(*state, other->values, other->count, other->scaled_sum);
    PG_RETURN_POINTER(state);
}

// state → bytea
WC_FUNCTION(wc_statistics_serialize)
{
    aggregate_context(fcinfo);
    const Values *const state = state_argument(fcinfo, 0);
    Size const size = offsetof(Shipped, values) + static_cast<Size>(state->count) * sizeof(double);
    auto *const shipped = static_cast<Shipped *>(palloc(size));
    SET_VARSIZE(shipped, size);
    shipped->padding = 0;
    shipped->count = state->count;
    shipped->scaled_sum = state->scaled_sum;
    memcpy(shipped->values, state->values, static_cast<Size>(state->count) * sizeof(double));
    return PointerGetDatum(shipped);
}

// (bytea, internal) → state
WC_FUNCTION(wc_statistics_deserialize)
{
    aggregate_context(fcinfo);
    // Copy the bytes: they may not be aligned after they went through a tuple.
    const bytea *const bytes = PG_GETARG_BYTEA_PP(0);
    const char *const data = VARDATA_ANY(bytes) - VARHDRSZ;
    Shipped head;
    Size const head_size = offsetof(Shipped, values);
    memcpy(reinterpret_cast<char *>(&head) + VARHDRSZ, data + VARHDRSZ, head_size - VARHDRSZ);
    Values *const state = make_values(CurrentMemoryContext, head.count);
    memcpy(state->values, data + head_size, static_cast<Size>(head.count) * sizeof(double));
    state->count = head.count;
    state->scaled_sum = head.scaled_sum;
    PG_RETURN_POINTER(state);
}

WC_FUNCTION(wc_statistics_rounded)
{
    vitals::Statistics found;
    if (!find_statistics(fcinfo, found))
        PG_RETURN_NULL();
    return statistics_as_json(vitals::rounded(found));
}

WC_FUNCTION(wc_statistics_exact)
{
    vitals::Statistics found;
    if (!find_statistics(fcinfo, found))
        PG_RETURN_NULL();
    return statistics_as_json(found);
}
