// Read your own writes: a writer takes a token in its transaction, and whoever reads with it is not answered from
// before.
#include "core/protocol/write_token.hpp"

#include "core/json/writer.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/server_life.hpp"
#include "extension/server/text_view.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xlog.h"
}

namespace wc {
namespace {

// The error does not show the text: it is not ours, and may be anything.
[[noreturn]] void report_malformed()
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("the text is not a write token"),
                    errhint("Pass on what wc_write_token() returned, as it is.")));
    pg_unreachable();
}

// Whether the token is of this server, in this life of it.  A standby knows only the timeline of its primary's life.
bool is_of_this_server(std::string_view token_server, bool is_standby)
{
    json::Buffer here = make_buffer();
    append_server_life(here, is_standby);
    auto const server = text_view(finish_text(here));
    if (!is_standby)
        return token_server == server;
    return token_server.starts_with(server) && token_server.substr(server.size()).starts_with(write_token::kAfterXid);
}

bool is_visible(std::uint64_t xid, Snapshot snapshot)
{
    FullTransactionId const next = ReadNextFullTransactionId();
    if (xid >= U64FromFullTransactionId(next))
        return false;
    // The ids of a snapshot are within 2^31 of the next one.
    if (U64FromFullTransactionId(next) - xid >= UINT64CONST(1) << 31)
        return true;
    return !XidInMVCCSnapshot(static_cast<TransactionId>(xid), snapshot);
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_write_token() → text
WC_FUNCTION(wc_write_token)
{
    // A transaction that cannot write has nothing to wait for.  One that has written before it became read-only has.
    if (RecoveryInProgress() || (XactReadOnly && !FullTransactionIdIsValid(GetTopFullTransactionIdIfAny())))
        PG_RETURN_NULL();
    // Gives an id also to a transaction that has not written yet: the token may be asked for before the first change.
    FullTransactionId const xid = GetTopFullTransactionId();
    json::Buffer out = make_buffer();
    json::write_integer(out, static_cast<std::int64_t>(U64FromFullTransactionId(xid)));
    out.append(write_token::kAfterXid);
    append_server_life(out, false);
    return finish_text(out);
}

// wc_sees_write(token text) → boolean
WC_FUNCTION(wc_sees_write)
{
    auto const token = write_token::parse(text_view(PG_GETARG_TEXT_PP(0)));
    if (!token)
        report_malformed();
    Snapshot const snapshot = GetActiveSnapshot();
    if (!is_of_this_server(token->server, snapshot->takenDuringRecovery))
        PG_RETURN_BOOL(false);
    FullTransactionId const own = GetTopFullTransactionIdIfAny();
    if (FullTransactionIdIsValid(own) && U64FromFullTransactionId(own) == token->xid)
        PG_RETURN_BOOL(true);
    PG_RETURN_BOOL(is_visible(token->xid, snapshot));
}
