// The record of one call that reads a student's data, which becomes one line of the server's log.
//
// The line is JSON behind `white_cross audit: `.  It goes through the server's log, so a rollback does not take it
// back, a standby has it too, and log_destination says where it goes.  docs/security.md describes its members.
//
// A call within a call, such as a call of a function that a policy uses, has no line of its own: what it reads is noted
// in the line of the call around it.  All functions below do nothing while no call is recorded.
#pragma once
#include <string_view>

#include "core/trace/traceparent.hpp"
#include "extension/audit/subject.hpp"
#include "extension/server/prelude.hpp"

namespace wc::audit {

struct Record;

/// Returns whether new calls are recorded (white_cross.audit).
bool is_on() noexcept;

/// What a call is to the audit: it has a record of its own, or it runs within a call that has one, or neither.
struct Part {
    Record *record;
    bool is_within;
};

/// Begins to record a call if calls are recorded, and none is being recorded already.  Reads the catalog for the names
/// of roles.
Part begin(std::string_view function, Subject subject);

/// A set is fetched by several calls, and between them nothing is noted.  Call leave() after each call, also after one
/// that failed.  Call resume() with the record before the next one.
void leave(const Part &part) noexcept;
Part resume(Record *record) noexcept;

/// How a call ended.
struct End {
    int sqlstate;          // 0: no error
    bool is_complete;      // whether all rows of a set were fetched
    trace::TraceId trace;  // zero: the call belongs to no trace
};

/// Writes the line, if one is due, and frees the record.  Neither reads the catalog nor reports an error, so it may run
/// where an error is being handled.  Accepts null.  REQUIRES: leave() was called.
void end(Record *record, const End &end);

/// Returns whether a call is being recorded, so that what it reads is worth noting.
bool is_recording() noexcept;

/// Notes an id that was asked for, or a student whose data is shown.  The line has the first 100 ids and counts all.
void note_id(std::string_view id);

/// Like note_id(), but an id that the line has already is not counted again.
void note_id_once(std::string_view id);

/// Notes that a row that the call returns holds no data: there is no such student, or the caller may not see
/// it, or nothing was found.
void note_nothing() noexcept;

/// Notes that a summary came from shared memory.
void note_from_memory() noexcept;

/// Notes what the call has returned, from `fcinfo`.
void note_result(Record *record, FunctionCallInfo fcinfo);

}  // namespace wc::audit
