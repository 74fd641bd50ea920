// The settings that the extension adds to postgresql.conf, all of them.
#pragma once
#include <cstdint>

namespace wc::settings {

enum class Notify : int { Off, Direct, Relay };

/// white_cross.notify: how a transaction that changed something wakes the worker.
Notify notify() noexcept;

/// white_cross.max_students_per_transaction: more than this, and the transaction changed "everything".
int max_students_per_transaction() noexcept;
std::int64_t queue_limit_bytes() noexcept;

/// white_cross.cluster_keys: keys as `student:{ID}:…`, for a Redis Cluster.
bool cluster_keys() noexcept;

/// white_cross.direct_reads: read through index and heap where that is right, else always by queries.
bool direct_reads() noexcept;

/// Called once, when the library is loaded.  `is_preloaded`: by shared_preload_libraries.
void define(bool is_preloaded);

}  // namespace wc::settings
