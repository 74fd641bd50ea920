#include "extension/audit/reader.hpp"

#include "extension/audit/member.hpp"
#include "extension/server/catalog_watch.hpp"
#include "extension/server/settings.hpp"
#include "extension/server/text_buffer.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "common/ip.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
}

namespace wc::audit {
namespace {

using namespace std::string_view_literals;

// What the text was made of.  All of it but the roles' ids lives in `memory`.
struct Kept {
    MemoryContext memory;
    std::string_view text;  // empty: there is none
    std::uint64_t role_changes;
    Oid session_user;
    Oid user;
    const char *application;
    const char *purpose;
};

Kept kept{};
std::uint64_t role_changes = 0;

void on_role_changed() { ++role_changes; }

bool is_current()
{
    return !kept.text.empty() && kept.role_changes == role_changes && kept.user == GetUserId() &&
           kept.session_user == GetSessionUserId() && strcmp(kept.application, application_name) == 0 &&
           strcmp(kept.purpose, settings::purpose()) == 0;
}

// A connection stays in its database, and a database with connections is not renamed.
const char *database_name()
{
    static NameData name;
    if (NameStr(name)[0] == '\0')
        namestrcpy(&name, get_database_name(MyDatabaseId));
    return NameStr(name);
}

// Null where there is no client.  A connection keeps its address.
const char *client_address()
{
    static char address[NI_MAXHOST] = "";
    const SockAddr &client = MyBEEntry->st_clientaddr;
    if (address[0] == '\0' && client.addr.ss_family == AF_UNIX)
        strlcpy(address, "[local]", sizeof address);
    else if (address[0] == '\0' && client.addr.ss_family != AF_UNSPEC)
        (void)pg_getnameinfo_all(&client.addr, static_cast<int>(client.salen), address, sizeof address, nullptr, 0,
                                 NI_NUMERICHOST);
    return address;
}

// A parallel worker works for the session of its leader.
int session_pid() { return MyProc->lockGroupLeader == nullptr ? MyProcPid : MyProc->lockGroupLeader->pid; }

// REQUIRES: the current memory context is `kept.memory`, and empty.
void make()
{
    // A role that changes while its name is looked up makes the text old at once.
    kept.role_changes = role_changes;
    kept.session_user = GetSessionUserId();
    kept.user = GetUserId();
    kept.application = pstrdup(application_name);
    kept.purpose = pstrdup(settings::purpose());
    json::Buffer out = make_buffer();
    std::size_t const start = out.size();
    append_member(out, R"(,"database":)"sv, database_name());
    append_member(out, R"(,"session_user":)"sv, GetUserNameFromId(kept.session_user, true));
    append_member(out, R"(,"user":)"sv, GetUserNameFromId(kept.user, true));
    append_member(out, R"(,"address":)"sv, client_address());
    append_member(out, R"(,"application":)"sv, kept.application);
    append_member(out, R"(,"pid":)"sv, session_pid());
    append_member(out, R"(,"purpose":)"sv, kept.purpose);
    kept.text = out.view().substr(start);
}

}  // namespace

std::string_view reader()
{
    if (is_current()) [[likely]]
        return kept.text;
    kept.text = {};
    if (kept.memory == nullptr)
        kept.memory = AllocSetContextCreate(TopMemoryContext, "white_cross audit reader", ALLOCSET_DEFAULT_SIZES);
    MemoryContextReset(kept.memory);
    MemoryContext const caller = MemoryContextSwitchTo(kept.memory);
    make();
    MemoryContextSwitchTo(caller);
    return kept.text;
}

void watch_roles() { watch_catalog(AUTHOID, on_role_changed); }

}  // namespace wc::audit
