#include "extension/value/snapshot_token.hpp"

#include "core/json/writer.hpp"
#include "core/protocol/snapshot_token.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/server_life.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "access/transam.h"
}

namespace wc {
namespace {

// Widens a transaction id to 64 bits.  The ids of a snapshot are within 2^31 of the next id.
std::int64_t widen(TransactionId xid, FullTransactionId next)
{
    auto epoch = static_cast<std::uint64_t>(EpochFromFullTransactionId(next));
    if (xid > XidFromFullTransactionId(next))
        --epoch;
    return static_cast<std::int64_t>((epoch << 32) | xid);
}

}  // namespace

void append_snapshot_token(json::Buffer &out)
{
    Snapshot const snapshot = GetActiveSnapshot();
    FullTransactionId const next = ReadNextFullTransactionId();
    bool const is_standby = snapshot->takenDuringRecovery;
    bool const is_incomplete = is_standby && snapshot->suboverflowed;
    json::write_integer(out, widen(snapshot->xmin, next));
    out.append(snapshot_token::kAfterBound);
    json::write_integer(out, widen(is_incomplete ? snapshot->xmin : snapshot->xmax, next));
    out.append(snapshot_token::kAfterBound);
    // A standby keeps all transactions in progress in the array of subtransactions.
    const TransactionId *const in_progress = is_standby ? snapshot->subxip : snapshot->xip;
    auto const count = is_standby ? static_cast<std::uint32_t>(Max(snapshot->subxcnt, 0)) : snapshot->xcnt;
    if (!is_incomplete) {
        for (std::uint32_t i = 0; i < count; ++i) {
            if (i != 0)
                out.append(snapshot_token::kBetweenIds);
            json::write_integer(out, widen(in_progress[i], next));
        }
    }
    out.append(snapshot_token::kBeforeStart);
    constexpr std::int64_t kFromUnixEpoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
    json::write_integer(out, GetCurrentTransactionStartTimestamp() + kFromUnixEpoch);
    out.append(snapshot_token::kBeforeServer);
    append_server_life(out, is_standby);
}

bool may_cache_reads() { return !TransactionIdIsValid(GetTopTransactionIdIfAny()); }

}  // namespace wc

using namespace wc;

// white_cross.snapshot() → text
WC_FUNCTION(wc_snapshot)
{
    json::Buffer out = make_buffer();
    append_snapshot_token(out);
    return finish_text(out);
}
