// Change tracking: what a transaction changed goes into the queue with its commit.
#pragma once
#include <string_view>

#include "core/cache/section.hpp"

namespace wc {

/// Marks a student, or all of them, as changed by the running transaction.
void mark_student(std::string_view student, cache::Sections sections);
void mark_everything(cache::Sections sections);

/// The keys of students that match a glob of Redis are to be removed.
void mark_keys(std::string_view pattern);

/// Registers the callbacks of transactions.  Called once, when the library is loaded.
void watch_changes();

}  // namespace wc
