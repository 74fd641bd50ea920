#include "extension/query/row_stream.hpp"

#include "extension/query/kept_plan.hpp"
#include "extension/server/boundary.hpp"

extern "C" {
#include "utils/datum.h"
#include "utils/plancache.h"
}

namespace wc {

// The executor's destination of rows.  It begins with the DestReceiver, which is all that the executor knows of it.
struct RowStream::Receiver {
    DestReceiver destination;
    Receive receive;
    void *state;
    MemoryContext row_context;

    static bool on_row(TupleTableSlot *slot, DestReceiver *self)
    {
        return guarded([=] {
            auto *const receiver = reinterpret_cast<Receiver *>(self);
            slot_getallattrs(slot);
            MemoryContextReset(receiver->row_context);
            MemoryContext const executor = MemoryContextSwitchTo(receiver->row_context);
            receiver->receive(receiver->state, slot->tts_values, slot->tts_isnull);
            MemoryContextSwitchTo(executor);
            return true;
        });
    }
    static void on_start(DestReceiver *, int, TupleDesc) {}
    static void on_end(DestReceiver *) {}
};

static_assert(std::is_trivially_destructible_v<RowStream>);

void RowStream::open(KeptPlan &plan, const char *query, Datum argument, Oid type, MemoryContext context)
{
    context_ = AllocSetContextCreate(context, "white_cross row stream", ALLOCSET_DEFAULT_SIZES);
    MemoryContext const caller = MemoryContextSwitchTo(context_);
    owner_ = CurrentResourceOwner;
    SPI_connect();
    plan_ = SPI_plan_get_cached_plan(plan.get(query, 1, &type));
    SPI_finish();
    if (plan_ == nullptr || list_length(plan_->stmt_list) != 1)
        elog(ERROR, "no plan for a query of white_cross");
    check_names();
    MemoryContextSwitchTo(context_);

    ParamListInfo const parameters = makeParamList(1);
    int16 length = 0;
    bool by_value = false;
    get_typlenbyval(type, &length, &by_value);
    parameters->params[0] = {datumCopy(argument, by_value, length), false, PARAM_FLAG_CONST, type};

    receiver_ = static_cast<Receiver *>(palloc0(sizeof(Receiver)));
    receiver_->destination.receiveSlot = Receiver::on_row;
    receiver_->destination.rStartup = Receiver::on_start;
    receiver_->destination.rShutdown = Receiver::on_end;
    receiver_->destination.rDestroy = Receiver::on_end;
    receiver_->destination.mydest = DestNone;
    receiver_->row_context = AllocSetContextCreate(context_, "white_cross row", ALLOCSET_DEFAULT_SIZES);

    // A copy of the text: the plan's own may be freed before the query ends.
    query_ = CreateQueryDesc(linitial_node(PlannedStmt, plan_->stmt_list), pstrdup(query), GetActiveSnapshot(),
                             InvalidSnapshot, &receiver_->destination, parameters, nullptr, 0);
    ExecutorStart(query_, EXEC_FLAG_SKIP_TRIGGERS);
    MemoryContextSwitchTo(caller);
}

std::uint64_t RowStream::run(std::uint64_t limit, Receive receive, void *state)
{
    receiver_->receive = receive;
    receiver_->state = state;
    pg::run_executor(query_, limit);
    return query_->estate->es_processed;
}

void RowStream::close()
{
    if (query_ == nullptr)
        return;
    ExecutorFinish(query_);
    ExecutorEnd(query_);
    FreeQueryDesc(query_);
    ReleaseCachedPlan(plan_, owner_);
    query_ = nullptr;
    MemoryContextDelete(context_);
}

}  // namespace wc
