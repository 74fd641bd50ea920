// Change tracking: a transaction puts the students that it has changed into the queue just before its commit.
#pragma once
#include <string_view>

#include "core/protocol/section.hpp"

namespace wc {

/// The names of the triggers on the application's tables: for each row, for TRUNCATE, and the one that fills in BMI.
inline constexpr const char *kChangeTrigger = "white_cross_change";
inline constexpr const char *kTruncateTrigger = "white_cross_truncate";
inline constexpr const char *kBmiTrigger = "white_cross_bmi";

/// Mark one student, or every student, as changed by the running transaction.
void mark_student(std::string_view student, cache::Sections sections);
void mark_everything(cache::Sections sections);

/// Makes the worker remove the keys of students that match a pattern of Redis, once the running transaction commits.
void mark_keys(std::string_view pattern);

/// Registers the callbacks of transactions.  Called once, when the library is loaded.
void watch_changes();

}  // namespace wc
