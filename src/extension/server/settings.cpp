#include "extension/server/settings.hpp"

#include "extension/server/prelude.hpp"
#include "extension/server/time_zone.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace wc::settings {
namespace {

int notify_value = static_cast<int>(Notify::Direct);
int max_students_value = 250'000;
int queue_limit_value = 1024;
bool cluster_keys_value = false;
bool opaque_keys_value = false;
char *key_secret_file_value = nullptr;
std::uint64_t times_key_secret_file_assigned = 0;
bool direct_reads_value = true;
int search_under_rls_value = static_cast<int>(SearchUnderRls::Scan);
bool summary_cache_value = true;
int cache_memory_value = 64;
int cache_registers_value = 65'536;
int track_databases_value = 4;
int slow_query_threshold_value = 1000;
int audit_value = static_cast<int>(Audit::Off);
char *purpose_value = nullptr;
char *traceparent_value = nullptr;
trace::Traceparent traceparent_read{};
bool is_preloaded_value = false;

const config_enum_entry kNotify[] = {
    {"relay", static_cast<int>(Notify::Relay), false},
    {"direct", static_cast<int>(Notify::Direct), false},
    {"off", static_cast<int>(Notify::Off), false},
    {nullptr, 0, false},
};

const config_enum_entry kAudit[] = {
    {"on", static_cast<int>(Audit::On), false},
    {"failed", static_cast<int>(Audit::Failed), false},
    {"off", static_cast<int>(Audit::Off), false},
    {nullptr, 0, false},
};

const config_enum_entry kSearchUnderRls[] = {
    {"scan", static_cast<int>(SearchUnderRls::Scan), false},
    {"index", static_cast<int>(SearchUnderRls::Index), false},
    {nullptr, 0, false},
};

// Each audited line has it, and an application may set it to anything.
constexpr std::size_t kLongestPurpose = 200;

bool check_purpose(char **value, void **, GucSource)
{
    if (strlen(*value) <= kLongestPurpose)
        return true;
    GUC_check_errdetail("A purpose has at most %d bytes.", static_cast<int>(kLongestPurpose));
    return false;
}

// What is no traceparent is ignored: no statement may fail by the way in which it is watched.
void assign_traceparent(const char *value, void *)
{
    traceparent_read = trace::parse_traceparent(value == nullptr ? "" : value).value_or(trace::Traceparent{});
}

}  // namespace

Notify notify() noexcept { return static_cast<Notify>(notify_value); }
int max_students_per_transaction() noexcept { return max_students_value; }
std::int64_t queue_limit_bytes() noexcept { return std::int64_t{queue_limit_value} * 1024 * 1024; }
bool cluster_keys() noexcept { return cluster_keys_value; }
bool opaque_keys() noexcept { return opaque_keys_value; }
const char *key_secret_file() noexcept { return key_secret_file_value; }
std::uint64_t times_key_secret_file_was_assigned() noexcept { return times_key_secret_file_assigned; }
bool direct_reads() noexcept { return direct_reads_value; }
SearchUnderRls search_under_rls() noexcept { return static_cast<SearchUnderRls>(search_under_rls_value); }
bool summary_cache() noexcept { return summary_cache_value; }
int cache_memory_megabytes() noexcept { return cache_memory_value; }
int cache_registers() noexcept { return cache_registers_value; }
int track_databases() noexcept { return track_databases_value; }
int slow_query_threshold() noexcept { return slow_query_threshold_value; }
Audit audit() noexcept { return static_cast<Audit>(audit_value); }
const char *purpose() noexcept { return purpose_value; }
const trace::Traceparent &traceparent() noexcept { return traceparent_read; }
bool is_preloaded() noexcept { return is_preloaded_value; }

namespace {

// Shared memory is there from the server's start on, or not at all.
void define_cache(bool is_preloaded)
{
    DefineCustomBoolVariable("white_cross.summary_cache", "Take summaries from shared memory where they are there.",
                             "Off: always read the tables. Both give the same; this is for comparing them.",
                             &summary_cache_value, summary_cache_value, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    if (!is_preloaded)
        return;
    constexpr int kMostMegabytes = 128 * 1024;
    DefineCustomIntVariable("white_cross.cache_memory", "Shared memory for finished summaries.",
                            "A summary takes about 3.4 kB. 0: keep none.", &cache_memory_value, cache_memory_value, 0,
                            kMostMegabytes, PGC_POSTMASTER, GUC_UNIT_MB, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "white_cross.cache_registers", "Registers of changes in shared memory, 64 bytes each; students share them.",
        "A change makes the kept summaries of all students of its register useless.", &cache_registers_value,
        cache_registers_value, 1, 16 * 1024 * 1024, PGC_POSTMASTER, 0, nullptr, nullptr, nullptr);
}

void assign_key_secret_file(const char *, void *) { ++times_key_secret_file_assigned; }

// For the whole server: all that write and remove keys must agree, and a session must not write an id where none shall
// be read.
void define_keys()
{
    DefineCustomBoolVariable("white_cross.cluster_keys", "Write cache keys as student:{ID}:... for a Redis Cluster.",
                             "Must be the same as in the worker's configuration.", &cluster_keys_value,
                             cluster_keys_value, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("white_cross.opaque_keys", "Name students in cache keys by opaque ids.",
                             "Must be the same as redis.opaque_keys of the worker's configuration.", &opaque_keys_value,
                             opaque_keys_value, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("white_cross.key_secret_file", "The file with the secret that makes opaque ids.",
                               "Only the server and the worker may read it.", &key_secret_file_value, "", PGC_SIGHUP,
                               GUC_SUPERUSER_ONLY, nullptr, assign_key_secret_file, nullptr);
}

// The caller must not choose it: whoever has it at "index" can measure what is hidden.
void define_search()
{
    DefineCustomEnumVariable(
        "white_cross.search_under_rls", "How a search finds records where row-level security applies to its caller.",
        "scan: it examines each row that the policies show. index: it looks into indexes of all rows and then asks the "
        "policies; that finds the same and is fast, but its time and work tell how many hidden rows have a word.",
        &search_under_rls_value, search_under_rls_value, kSearchUnderRls, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

int times_audit_was_assigned = 0;

void assign_audit(int, void *) { ++times_audit_was_assigned; }

// Before a library that is not preloaded is there, any role may set a name like ours to anything.  PostgreSQL then
// refuses what the role may not set, and forgets what the database or the server had.  So whoever tried is audited.
void define_audit()
{
    const char *const name = "white_cross.audit";
    const char *const found = GetConfigOption(name, true, false);
    char *const before = found == nullptr ? nullptr : pstrdup(found);
    DefineCustomEnumVariable("white_cross.audit", "Calls that read a student's data leave a line in the server's log.",
                             "on: who asked, of which students, and how it ended, never what was read; failed: only "
                             "calls that failed or found nothing; off: none.",
                             &audit_value, audit_value, kAudit, PGC_SUSET, 0, nullptr, assign_audit, nullptr);
    // A value that was accepted has been assigned after the default.
    bool const is_refused = before != nullptr &&
                            (times_audit_was_assigned == 1 || strcmp(before, GetConfigOption(name, false, false)) != 0);
    if (is_refused)
        SetConfigOption(name, "on", PGC_SUSET, PGC_S_OVERRIDE);
    DefineCustomStringVariable("white_cross.purpose", "Why the application reads, for the lines of white_cross.audit.",
                               "At most 200 bytes, in the application's own words.", &purpose_value, "", PGC_USERSET, 0,
                               check_purpose, nullptr, nullptr);
}

}  // namespace

void define(bool is_preloaded)
{
    is_preloaded_value = is_preloaded;
    if (is_preloaded)
        notify_value = static_cast<int>(Notify::Relay);
    DefineCustomEnumVariable(
        "white_cross.notify", "How a transaction that changed student data wakes the worker.",
        "relay: a background process notifies for all, which needs shared_preload_libraries and is direct without; "
        "direct: one NOTIFY in each such transaction; off: the worker polls.",
        &notify_value, notify_value, kNotify, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("white_cross.max_students_per_transaction",
                            "Students that one transaction remembers as changed, before all count as changed.",
                            "Bounds the memory of bulk changes: about 100 bytes a student.", &max_students_value,
                            max_students_value, 1, 100'000'000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("white_cross.queue_limit",
                            "Size of the queue at which workers lose their registration, and writers stop queueing.",
                            "A worker that comes back registers anew, and all that is cached counts as stale.",
                            &queue_limit_value, queue_limit_value, 1, 1024 * 1024, PGC_SUSET, GUC_UNIT_MB, nullptr,
                            nullptr, nullptr);
    define_keys();
    DefineCustomBoolVariable("white_cross.direct_reads", "Read summaries through index and heap where that is right.",
                             "Off: always by queries. Both give the same; this is for comparing them.",
                             &direct_reads_value, direct_reads_value, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    define_search();
    define_cache(is_preloaded);
    // It decides how much memory is reserved.  A library that is loaded later reserves none.
    DefineCustomIntVariable("white_cross.track_databases",
                            "Databases whose calls of functions that read are counted; needs shared_preload_libraries.",
                            "Each takes about 4 MB of shared memory.", &track_databases_value, track_databases_value, 0,
                            1024, is_preloaded ? PGC_POSTMASTER : PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("white_cross.slow_query_threshold",
                            "Calls of functions that read and take longer are counted and logged as slow.",
                            "-1 turns this off. The log shows function and duration, and no argument.",
                            &slow_query_threshold_value, slow_query_threshold_value, -1, INT_MAX, PGC_SUSET,
                            GUC_UNIT_MS, nullptr, nullptr, nullptr);
    define_audit();
    DefineCustomStringVariable("white_cross.traceparent", "The W3C trace context of the caller.",
                               "What is none is ignored. A comment at the end of a statement has precedence.",
                               &traceparent_value, "", PGC_USERSET, 0, nullptr, assign_traceparent, nullptr);
    zone::define("white_cross.time_zone");
    // 14 knows the call by its older name only.
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved("white_cross");
#else
    EmitWarningsOnPlaceholders("white_cross");
#endif
}

}  // namespace wc::settings
