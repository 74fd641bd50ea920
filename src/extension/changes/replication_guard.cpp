// A publication FOR ALL TABLES carries the extension's own tables too.  Their rows would do harm at a subscriber: the
// queue would have transaction ids of another server; a worker would be registered that never comes; rows would be
// deleted that the subscriber's worker has not drained yet; and an existing key would stop the subscription.  So this
// trigger drops rows that replication brings.  It cannot drop a TRUNCATE: after one the queue is empty, so every
// student counts as changed.
#include "extension/changes/changes.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/trigger_call.hpp"

extern "C" {
#include "replication/logicalworker.h"
}

namespace wc {
namespace {

// Whether PostgreSQL's own subscription, or other software that sets a replication origin, applies the row.  A session
// that has only set session_replication_role, for instance to restore a dump, does not count.
bool is_replicated() { return IsLogicalWorker() || pg::has_replication_origin(); }

}  // namespace
}  // namespace wc

using namespace wc;

// Trigger on the extension's own tables, ENABLE REPLICA: BEFORE INSERT, UPDATE, DELETE for each row, and on the queue
// also AFTER TRUNCATE for each statement.
WC_FUNCTION(wc_drop_replicated)
{
    const TriggerData &call = trigger_call(fcinfo);
    if (TRIGGER_FIRED_BY_TRUNCATE(call.tg_event)) {
        mark_everything(cache::kAllSections);
        return Datum{0};
    }
    if (!TRIGGER_FIRED_BEFORE(call.tg_event) || !TRIGGER_FIRED_FOR_ROW(call.tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("must be called before each row")));
    if (is_replicated())
        return Datum{0};
    return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? call.tg_newtuple : call.tg_trigtuple);
}
