// The set-returning functions that export histories: each call gives one piece, for as long as the caller asks.
#include "extension/boundary.hpp"
#include "extension/history_export.hpp"
#include "extension/json_value.hpp"
#include "extension/student_id.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {
namespace {

constexpr int32 kDefaultBatch = 500;
constexpr int32 kLargestBatch = 10'000;

struct Ids {
    const Datum *given;      // in the type of the call
    const Datum *converted;  // in that of the students' column
    const bool *nulls;       // nobody's id
    int count;
};

// An export that is under way, in the memory of the set-returning function.
struct Run {
    Ids ids;
    HistoryExport history;
    // The last piece: the caller is through with it when it asks for the next.  Memory that is asked for and given back
    // for each takes the kernel longer than the piece takes us.
    json::Buffer piece;
};

std::uint64_t checked_batch_size(FunctionCallInfo fcinfo, int argument)
{
    int32 const size = PG_ARGISNULL(argument) ? kDefaultBatch : PG_GETARG_INT32(argument);
    if (size < 1 || size > kLargestBatch)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a batch cannot have %d records", size),
                 errhint("\"batch_size\" is from 1 to %d; a batch is held in memory as a whole.", kLargestBatch)));
    return static_cast<std::uint64_t>(size);
}

HistoryRequest chunks(FunctionCallInfo fcinfo)
{
    return {HistoryForm::Chunks, checked_batch_size(fcinfo, 1), Entity::Students, false};
}

HistoryRequest lines(FunctionCallInfo) { return {HistoryForm::Lines, 1, Entity::Students, false}; }

HistoryRequest csv(FunctionCallInfo fcinfo)
{
    constexpr const char *kSections[kEntities] = {"student", "records", "allergies", "conditions"};
    HistoryRequest request{HistoryForm::Csv, 1, Entity::HealthRecords, PG_ARGISNULL(2) || PG_GETARG_BOOL(2)};
    if (PG_ARGISNULL(1))
        return request;
    const char *const name = text_to_cstring(PG_GETARG_TEXT_PP(1));
    for (int i = 0; i < kEntities; ++i) {
        if (strcmp(kSections[i], name) == 0) {
            request.section = static_cast<Entity>(i);
            return request;
        }
    }
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown section \"%s\"", name),
                    errhint("\"section\" is student, records, allergies or conditions.")));
    pg_unreachable();
}

Ids convert(Datum *given, bool *nulls, int count, Oid type)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    auto *const converted = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(count + 1)));
    for (int i = 0; i < count; ++i) {
        if (!nulls[i])
            nulls[i] = !convert_student_id(given[i], type, column, converted[i]);
    }
    return {given, converted, nulls, count};
}

Ids id_of(FunctionCallInfo fcinfo)
{
    Oid const type = get_fn_expr_argtype(fcinfo->flinfo, 0);
    int16 length = 0;
    bool by_value = false;
    get_typlenbyval(type, &length, &by_value);
    auto *const id = static_cast<Datum *>(palloc0(sizeof(Datum)));
    auto *const is_null = static_cast<bool *>(palloc(sizeof(bool)));
    *is_null = PG_ARGISNULL(0);
    if (!*is_null)
        *id = datumCopy(PG_GETARG_DATUM(0), by_value, length);
    return convert(id, is_null, 1, type);
}

Ids ids_of(FunctionCallInfo fcinfo)
{
    if (PG_ARGISNULL(0))
        return {};
    ArrayType *const array = PG_GETARG_ARRAYTYPE_P_COPY(0);
    Oid const type = ARR_ELEMTYPE(array);
    int16 length = 0;
    bool by_value = false;
    char alignment = 0;
    get_typlenbyvalalign(type, &length, &by_value, &alignment);
    Datum *given = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(array, type, length, by_value, alignment, &given, &nulls, &count);
    return convert(given, nulls, count, type);
}

void close(Datum run)
{
    guarded([run] { reinterpret_cast<Run *>(DatumGetPointer(run))->history.close(); });
}

// PostgreSQL calls `close` when the query ends before the export does (LIMIT, CLOSE).  After an error it does not,
// and the end of the transaction gives everything back.
Run &begin(FunctionCallInfo fcinfo, FuncCallContext *call, const HistoryRequest &request,
           Ids (*read_ids)(FunctionCallInfo))
{
    MemoryContext const caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
    Ids const ids = read_ids(fcinfo);
    auto *const run = static_cast<Run *>(palloc(sizeof(Run)));
    new (run) Run{ids, HistoryExport(request, ids.converted, ids.nulls, ids.count), make_buffer()};
    call->user_fctx = run;
    auto *const result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    RegisterExprContextCallback(result->econtext, close, PointerGetDatum(run));
    MemoryContextSwitchTo(caller);
    return *run;
}

using MakeRequest = HistoryRequest (*)(FunctionCallInfo);
using MakeResult = Datum (*)(FuncCallContext *, Run &);

Datum next_piece(FunctionCallInfo fcinfo, MakeRequest make_request, Ids (*read_ids)(FunctionCallInfo),
                 MakeResult make_result)
{
    if (SRF_IS_FIRSTCALL()) {
        HistoryRequest const request = make_request(fcinfo);
        FuncCallContext *const call = SRF_FIRSTCALL_INIT();
        begin(fcinfo, call, request, read_ids);
    }
    FuncCallContext *const call = SRF_PERCALL_SETUP();
    auto &run = *static_cast<Run *>(call->user_fctx);
    run.piece.truncate(VARHDRSZ);
    if (run.history.next(run.piece))
        SRF_RETURN_NEXT(call, make_result(call, run));
    auto *const result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    UnregisterExprContextCallback(result->econtext, close, PointerGetDatum(&run));
    SRF_RETURN_DONE(call);
}

Datum text_alone(FuncCallContext *, Run &run) { return finish_text(run.piece); }

Datum text_with_id(FuncCallContext *call, Run &run)
{
    Datum values[] = {run.ids.given[run.history.position()], finish_text(run.piece)};
    bool nulls[] = {false, false};
    return HeapTupleGetDatum(heap_form_tuple(call->tuple_desc, values, nulls));
}

Ids ids_and_shape(FunctionCallInfo fcinfo)
{
    TupleDesc shape = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &shape) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    static_cast<FuncCallContext *>(fcinfo->flinfo->fn_extra)->tuple_desc = BlessTupleDesc(shape);
    return ids_of(fcinfo);
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_export_health_history(student_id text | uuid | bigint, batch_size integer) → json
WC_FUNCTION(wc_export_health_history) { return next_piece(fcinfo, chunks, id_of, text_alone); }

// wc_export_health_history_ndjson(student_id text | uuid | bigint) → text
WC_FUNCTION(wc_export_health_history_ndjson) { return next_piece(fcinfo, lines, id_of, text_alone); }

// wc_export_health_history_csv(student_id text | uuid | bigint, section text, harmless boolean) → text
WC_FUNCTION(wc_export_health_history_csv) { return next_piece(fcinfo, csv, id_of, text_alone); }

// wc_export_health_histories(student_ids text[] | uuid[] | bigint[], batch_size integer) → (student_id, chunk)
WC_FUNCTION(wc_export_health_histories) { return next_piece(fcinfo, chunks, ids_and_shape, text_with_id); }
