#include "extension/query/each_row.hpp"

#include "extension/server/boundary.hpp"

namespace wc {
namespace {

// The executor's destination of rows.  It begins with the DestReceiver, which is all that the executor knows of it.
struct RowReceiver {
    DestReceiver destination;
    ReceiveRow receive;
    void *state;
    MemoryContext row_context;

    static bool on_row(TupleTableSlot *slot, DestReceiver *self)
    {
        return guarded([=] {
            auto *const receiver = reinterpret_cast<RowReceiver *>(self);
            slot_getallattrs(slot);
            MemoryContext const executor = MemoryContextSwitchTo(receiver->row_context);
            receiver->receive(receiver->state, slot->tts_values, slot->tts_isnull);
            MemoryContextSwitchTo(executor);
            MemoryContextReset(receiver->row_context);
            return true;
        });
    }
    static void on_start(DestReceiver *, int, TupleDesc) {}
    static void on_end(DestReceiver *) {}
};

ParamListInfo parameters_of(int count, const Oid *types, const Datum *values, const char *nulls)
{
    ParamListInfo const parameters = makeParamList(count);
    for (int i = 0; i < count; ++i)
        parameters->params[i] = {values[i], nulls != nullptr && nulls[i] == 'n', PARAM_FLAG_CONST, types[i]};
    return parameters;
}

}  // namespace

void receive_rows(KeptPlan &plan, const char *text, int count, Oid *types, const Datum *values, const char *nulls,
                  ReceiveRow receive, void *state)
{
    RowReceiver receiver{};
    receiver.destination.receiveSlot = RowReceiver::on_row;
    receiver.destination.rStartup = RowReceiver::on_start;
    receiver.destination.rShutdown = RowReceiver::on_end;
    receiver.destination.rDestroy = RowReceiver::on_end;
    receiver.destination.mydest = DestTuplestore;  // any of those that take rows
    receiver.receive = receive;
    receiver.state = state;
    receiver.row_context = AllocSetContextCreate(CurrentMemoryContext, "white_cross row", ALLOCSET_DEFAULT_SIZES);

    SPIExecuteOptions options{};
    options.params = parameters_of(count, types, values, nulls);
    options.read_only = true;
    options.dest = &receiver.destination;
    int const code = SPI_execute_plan_extended(plan.get(text, count, types), &options);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(code));
    check_names();
    MemoryContextDelete(receiver.row_context);
}

}  // namespace wc
