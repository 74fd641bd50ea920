#include "extension/settings.hpp"

#include "extension/prelude.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace wc::settings {
namespace {

int notify_value = static_cast<int>(Notify::Direct);
int max_students_value = 250'000;
int queue_limit_value = 1024;
bool cluster_keys_value = false;
bool direct_reads_value = true;

const config_enum_entry kNotify[] = {
    {"relay", static_cast<int>(Notify::Relay), false},
    {"direct", static_cast<int>(Notify::Direct), false},
    {"off", static_cast<int>(Notify::Off), false},
    {nullptr, 0, false},
};

}  // namespace

Notify notify() noexcept { return static_cast<Notify>(notify_value); }
int max_students_per_transaction() noexcept { return max_students_value; }
std::int64_t queue_limit_bytes() noexcept { return std::int64_t{queue_limit_value} * 1024 * 1024; }
bool cluster_keys() noexcept { return cluster_keys_value; }
bool direct_reads() noexcept { return direct_reads_value; }

void define(bool is_preloaded)
{
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
    DefineCustomBoolVariable("white_cross.cluster_keys", "Write cache keys as student:{ID}:... for a Redis Cluster.",
                             "Must be the same as in the worker's configuration.", &cluster_keys_value,
                             cluster_keys_value, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("white_cross.direct_reads", "Read summaries through index and heap where that is right.",
                             "Off: always by queries. Both give the same; this is for comparing them.",
                             &direct_reads_value, direct_reads_value, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    // 14 knows the call by its older name only.
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved("white_cross");
#else
    EmitWarningsOnPlaceholders("white_cross");
#endif
}

}  // namespace wc::settings
