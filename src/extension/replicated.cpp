// A publication FOR ALL TABLES carries our own tables too.  At a subscriber their rows would do harm: transaction ids
// in the queue that mean nothing there, or the same as one of its own; a worker that never comes; the deletion of what
// its worker has not seen yet; and a key that is there already stops the subscription.  So what replication brings is
// dropped.  A TRUNCATE cannot be: it has emptied the queue, so every student counts as changed.
#include "extension/boundary.hpp"
#include "extension/changes.hpp"

extern "C" {
#include "replication/logicalworker.h"
#include "replication/origin.h"
}

namespace wc {
namespace {

// PostgreSQL's own subscriptions, and other software that says where its rows come from.  A session that has only set
// session_replication_role, to restore a dump for instance, means what it says.
bool is_replicated() { return IsLogicalWorker() || replorigin_session_origin != InvalidRepOriginId; }

}  // namespace
}  // namespace wc

using namespace wc;

// Trigger on our own tables, ENABLE REPLICA: BEFORE INSERT, UPDATE, DELETE for each row, and on the queue AFTER
// TRUNCATE for each statement.
WC_FUNCTION(wc_drop_replicated)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("must be called as a trigger")));
    auto const &call = *reinterpret_cast<const TriggerData *>(fcinfo->context);
    if (TRIGGER_FIRED_BY_TRUNCATE(call.tg_event)) {
        mark_everything(cache::kAllSections);
        return PointerGetDatum(nullptr);
    }
    if (!TRIGGER_FIRED_BEFORE(call.tg_event) || !TRIGGER_FIRED_FOR_ROW(call.tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("must be called before each row")));
    if (is_replicated())
        return PointerGetDatum(nullptr);
    return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? call.tg_newtuple : call.tg_trigtuple);
}
