// The set-returning functions that export histories.  Each call returns one piece, until the caller stops calling.
#include "extension/binding/id.hpp"
#include "extension/history/export.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {
namespace {

constexpr int32 kDefaultBatch = 500;
constexpr int32 kLargestBatch = 10'000;

struct Ids {
    const Datum *given;      // in the type of the argument
    const Datum *converted;  // in the type of the students' id column
    const bool *nulls;       // NULL, or an id that no student can have
    int count;
};

// An export that is under way, in the memory of the set-returning function.
struct Run {
    Ids ids;
    HistoryExport history;
    Binding binding;
    // The last piece.  The caller no longer needs it when it asks for the next one, so all pieces share this memory: to
    // get it from the kernel and give it back for each piece would take longer than to write the piece.
    json::Buffer piece;
};

std::uint64_t checked_batch_size(FunctionCallInfo fcinfo, int argument)
{
    int64 const size = PG_ARGISNULL(argument) ? kDefaultBatch : PG_GETARG_INT64(argument);
    if (size < 1 || size > kLargestBatch)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a batch cannot have " INT64_FORMAT " records", size),
                 errhint("\"batch_size\" is from 1 to %d; a batch is held in memory as a whole.", kLargestBatch)));
    return static_cast<std::uint64_t>(size);
}

HistoryForm chunks(FunctionCallInfo fcinfo) { return JsonExport::chunks(checked_batch_size(fcinfo, 1)); }

HistoryForm lines(FunctionCallInfo) { return JsonExport::lines(); }

HistoryForm csv(FunctionCallInfo fcinfo)
{
    bool const harmless = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
    if (PG_ARGISNULL(1))
        return CsvExport(Entity::HealthRecords, harmless);
    const char *const name = text_to_cstring(PG_GETARG_TEXT_PP(1));
    for (int i = 0; i < kEntities; ++i) {
        if (kSectionNames[i] == name)
            return CsvExport(static_cast<Entity>(i), harmless);
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
    // A copy: the export goes on when the argument is gone.
    IdArray const ids = read_ids(DatumGetArrayTypePCopy(PointerGetDatum(id_array_argument(fcinfo, 0))));
    return convert(ids.values, ids.nulls, ids.count, ids.type);
}

void close(Datum run)
{
    guarded([run] { reinterpret_cast<Run *>(DatumGetPointer(run))->history.close(); });
}

// PostgreSQL calls `close` when the query ends before the export does (LIMIT, CLOSE).  After an error it does not call
// it, and the end of the transaction closes everything.
Run &begin(FunctionCallInfo fcinfo, FuncCallContext *call, const HistoryForm &form, Ids (*read_ids)(FunctionCallInfo))
{
    MemoryContext const caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
    Binding const binding =
        lock_tables({Entity::Students, Entity::HealthRecords, Entity::Allergies, Entity::ChronicConditions});
    Ids const ids = read_ids(fcinfo);
    auto *const run = static_cast<Run *>(palloc(sizeof(Run)));
    new (run) Run{ids, HistoryExport(form, ids.converted, ids.nulls, ids.count), binding, make_buffer()};
    call->user_fctx = run;
    auto *const result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    RegisterExprContextCallback(result->econtext, close, PointerGetDatum(run));
    MemoryContextSwitchTo(caller);
    return *run;
}

using MakeForm = HistoryForm (*)(FunctionCallInfo);
using MakeResult = Datum (*)(FunctionCallInfo, FuncCallContext *, Run &);

Datum next_piece(FunctionCallInfo fcinfo, MakeForm make_form, Ids (*read_ids)(FunctionCallInfo), MakeResult make_result)
{
    if (SRF_IS_FIRSTCALL()) {
        HistoryForm const form = make_form(fcinfo);
        FuncCallContext *const call = SRF_FIRSTCALL_INIT();
        begin(fcinfo, call, form, read_ids);
    }
    FuncCallContext *const call = SRF_PERCALL_SETUP();
    auto &run = *static_cast<Run *>(call->user_fctx);
    continue_reading(run.binding);
    run.piece.truncate(VARHDRSZ);
    if (run.history.next(run.piece))
        SRF_RETURN_NEXT(call, make_result(fcinfo, call, run));
    auto *const result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    UnregisterExprContextCallback(result->econtext, close, PointerGetDatum(&run));
    SRF_RETURN_DONE(call);
}

Datum text_alone(FunctionCallInfo, FuncCallContext *, Run &run) { return finish_text(run.piece); }

Datum json_alone(FunctionCallInfo fcinfo, FuncCallContext *, Run &run)
{
    return json_result(fcinfo, finish_text(run.piece));
}

Datum json_with_id(FunctionCallInfo, FuncCallContext *call, Run &run)
{
    Datum values[] = {run.ids.given[run.history.position()], json_column(call->tuple_desc, 1, finish_text(run.piece))};
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

// wc_export_health_history(student_id text | uuid | bigint, batch_size bigint) → json
WC_READING_FUNCTION(wc_export_health_history) { return next_piece(fcinfo, chunks, id_of, json_alone); }

// wc_export_health_history_ndjson(student_id text | uuid | bigint) → text
WC_READING_FUNCTION(wc_export_health_history_ndjson) { return next_piece(fcinfo, lines, id_of, text_alone); }

// wc_export_health_history_csv(student_id text | uuid | bigint, section text, harmless boolean) → text
WC_READING_FUNCTION(wc_export_health_history_csv) { return next_piece(fcinfo, csv, id_of, text_alone); }

// wc_export_health_histories(student_ids text[] | uuid[] | bigint[], batch_size bigint) → (student_id, chunk)
WC_READING_FUNCTION(wc_export_health_histories) { return next_piece(fcinfo, chunks, ids_and_shape, json_with_id); }
