// All settings that the extension adds to postgresql.conf.
#pragma once
#include <cstdint>

#include "core/trace/traceparent.hpp"

namespace wc::settings {

enum class Notify : int { Off, Direct, Relay };

/// white_cross.notify: how a transaction that changed something wakes the worker.
Notify notify() noexcept;

/// white_cross.max_students_per_transaction: a transaction that changes more students counts as a change of every
/// student.
int max_students_per_transaction() noexcept;
std::int64_t queue_limit_bytes() noexcept;

/// white_cross.cluster_keys: whether keys are `student:{ID}:…`, for a Redis Cluster.
bool cluster_keys() noexcept;

/// white_cross.opaque_keys: whether keys name students by opaque ids; and white_cross.key_secret_file, which has the
/// secret of these.  The count grows whenever the latter is set, also to the same.
bool opaque_keys() noexcept;
const char *key_secret_file() noexcept;
std::uint64_t times_key_secret_file_was_assigned() noexcept;

/// white_cross.direct_reads: whether functions may read through index and heap; if not, they always run queries.
bool direct_reads() noexcept;

/// white_cross.search_under_rls: how a search finds candidates where row-level security applies to its caller: it
/// examines each row that the policies show, or looks into indexes of all rows and then asks the policies.
enum class SearchUnderRls : int { Scan, Index };
SearchUnderRls search_under_rls() noexcept;

/// white_cross.summary_cache: whether functions take summaries from shared memory.
bool summary_cache() noexcept;

/// white_cross.cache_memory and white_cross.cache_registers: how much shared memory summaries get, 0 for none; and how
/// many registers there are.
int cache_memory_megabytes() noexcept;
int cache_registers() noexcept;
/// white_cross.track_databases: how many databases may have their calls counted; 0 for none.
int track_databases() noexcept;

/// white_cross.slow_query_threshold: a call that takes more milliseconds is slow; with -1 no call is.
int slow_query_threshold() noexcept;

/// white_cross.audit: which calls leave a line in the server's log: those that read a student's data, or of these only
/// the ones that failed or found nothing.
enum class Audit : int { Off, Failed, On };
Audit audit() noexcept;

/// white_cross.purpose: why the application reads, in its own words; "" where it does not say.
const char *purpose() noexcept;

/// white_cross.traceparent, parsed.  is_set() is false if the setting is no traceparent.
const trace::Traceparent &traceparent() noexcept;

/// Returns whether shared_preload_libraries loaded the library.
bool is_preloaded() noexcept;

/// Defines the settings.  `is_preloaded`: shared_preload_libraries loads the library.  REQUIRES: called once
/// (_PG_init).
void define(bool is_preloaded);

}  // namespace wc::settings
