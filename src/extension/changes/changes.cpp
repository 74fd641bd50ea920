// Change tracking.  Why it is right and cheap:
//
// A row trigger only remembers, in the memory of the transaction, which student a changed row belongs
// to.  Just before the commit (XACT_EVENT_PRE_COMMIT, after deferred triggers have run) the same transaction
// inserts these students into white_cross.invalidation: either both the change and its queue row are
// committed, or neither is.  Writers only insert, each its own rows, so no writer waits for another one or
// for the worker.
//
// ROLLBACK TO SAVEPOINT does not undo what is remembered: one student too many only costs a refill, but one too
// few would leave a stale summary.
#include "extension/changes/changes.hpp"

#include "core/changes/dirty_set.hpp"
#include "core/protocol/queue.hpp"
#include "extension/binding/id.hpp"
#include "extension/binding/tracked_table.hpp"
#include "extension/calls/trace_context.hpp"
#include "extension/changes/change_queue.hpp"
#include "extension/changes/registration.hpp"
#include "extension/changes/relay.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/settings.hpp"
#include "extension/server/trigger_call.hpp"
#include "extension/warm/registering.hpp"

extern "C" {
#include "commands/async.h"
#include "utils/datum.h"
}

namespace wc {
namespace {

using changes::DirtySet;

// The changes of the running transaction.  They are in TopTransactionContext, which frees them at its end.
DirtySet *dirty = nullptr;
KeyPattern *patterns = nullptr;

// The caller's trace at the first change that has a sampled one.  The pre-commit would be too late to read it, because
// a statement's comment is known only while the statement runs.
trace::Traceparent writer{};

// After the pre-commit has written the queue, later changes (such as by a trigger that fires in another
// extension's pre-commit work) must be written at once, because no second pre-commit comes.
enum class Phase { Running, Committing, Preparing };
Phase phase = Phase::Running;

// Whether the relay must be told after the commit.
bool is_to_be_announced = false;

void *allocate(std::size_t bytes) { return MemoryContextAllocHuge(TopTransactionContext, bytes); }
void release(void *memory) { pfree(memory); }

void remember_trace() noexcept
{
    if (writer.is_sampled)
        return;
    if (const trace::Traceparent &current = calls::current_trace(); current.is_sampled) [[unlikely]]
        writer = current;
}

DirtySet &dirty_set()
{
    if (dirty == nullptr)
        dirty = new (allocate(sizeof(DirtySet)))
            DirtySet(allocate, release, static_cast<std::uint32_t>(settings::max_students_per_transaction()));
    return *dirty;
}

cache::Sections section_of(Entity entity)
{
    switch (entity) {
        case Entity::Students: return cache::kStudent;
        case Entity::HealthRecords: return cache::kHealthRecords;
        case Entity::Allergies: return cache::kAllergies;
        case Entity::ChronicConditions: return cache::kChronicConditions;
    }
    return cache::kAllSections;
}

void mark(const TrackedTable &table, TupleDesc shape, HeapTuple tuple, cache::Sections sections)
{
    bool is_null = true;
    Datum id = 0;
    // The column was renamed or dropped since wc_attach.  The write must go on, so every student counts as changed.
    if (table.student == InvalidAttrNumber) {
        mark_everything(sections);
        return;
    }
    id = heap_getattr(tuple, table.student, shape, &is_null);
    if (!is_null)
        mark_student(student_id_text(id, table.student_type), sections);
}

bool has_vital(const TrackedTable &table, TupleDesc shape, HeapTuple tuple)
{
    return table.vital == InvalidAttrNumber || !heap_attisnull(tuple, table.vital, shape);
}

bool is_changed(TupleDesc shape, AttrNumber number, HeapTuple before, HeapTuple after)
{
    if (number == InvalidAttrNumber)
        return true;
    bool was_null = false;
    bool is_null = false;
    Datum const old_value = heap_getattr(before, number, shape, &was_null);
    Datum const new_value = heap_getattr(after, number, shape, &is_null);
    if (was_null || is_null)
        return was_null != is_null;
    auto const *const column = TupleDescAttr(shape, number - 1);
    return !datum_image_eq(old_value, new_value, column->attbyval, column->attlen);
}

// Whether a change makes growth charts stale.  A chart shows the student's birth date and sex, and for each record with
// a vital the measurements, the date and the type.
bool is_growth_changed(const TrackedTable &table, TupleDesc shape, HeapTuple before, HeapTuple after)
{
    if (table.growth_count == 0)
        return false;
    if (table.entity == Entity::HealthRecords && !has_vital(table, shape, before) &&
        (after == nullptr || !has_vital(table, shape, after)))
        return false;
    if (after == nullptr || is_changed(shape, table.student, before, after))
        return true;
    for (int i = 0; i < table.growth_count; ++i) {
        if (is_changed(shape, table.growth[i], before, after))
            return true;
    }
    return false;
}

void record_row_change(const TriggerData &call)
{
    TrackedTable const table = find_tracked_table(call.tg_relation, *call.tg_trigger);
    TupleDesc const shape = RelationGetDescr(call.tg_relation);
    HeapTuple const before = call.tg_trigtuple;
    HeapTuple const after = TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? call.tg_newtuple : nullptr;
    cache::Sections sections = section_of(table.entity);
    if (is_growth_changed(table, shape, before, after))
        sections |= cache::kGrowth;
    mark(table, shape, before, sections);
    // A row that moved to another student changes both students.
    if (after != nullptr && is_changed(shape, table.student, before, after))
        mark(table, shape, after, sections);
}

void record_truncate(const TriggerData &call)
{
    Entity const entity = parse_entity(*call.tg_trigger);
    cache::Sections sections = section_of(entity);
    if (entity == Entity::Students || entity == Entity::HealthRecords)
        sections |= cache::kGrowth;
    mark_everything(sections);
}

void wake_worker()
{
    settings::Notify const how = settings::notify();
    if (how == settings::Notify::Off)
        return;
    if (how == settings::Notify::Relay && relay::is_available() && !relay::must_notify_directly())
        is_to_be_announced = true;
    else
        Async_Notify(queue::kChannel, "");
}

void flush()
{
    if ((dirty == nullptr || dirty->empty()) && patterns == nullptr)
        return;
    DirtySet const set = dirty_set();
    const KeyPattern *const wanted = patterns;
    dirty = nullptr;
    patterns = nullptr;
    warm::enter_changes(set);
    if (!has_worker())
        return;
    put_changes(set, wanted, writer);
    // Do not notify when preparing: NOTIFY makes PREPARE TRANSACTION fail.  The worker's poll finds the rows.
    if (phase == Phase::Committing)
        wake_worker();
}

void on_transaction_event(XactEvent event, void *)
{
    switch (event) {
        case XACT_EVENT_PRE_COMMIT:
        case XACT_EVENT_PRE_PREPARE:
            phase = event == XACT_EVENT_PRE_COMMIT ? Phase::Committing : Phase::Preparing;
            guarded([] { flush(); });
            break;
        case XACT_EVENT_COMMIT:
            if (is_to_be_announced)
                relay::announce();
            [[fallthrough]];
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            is_to_be_announced = false;
            dirty = nullptr;
            patterns = nullptr;
            writer = {};
            phase = Phase::Running;
            end_of_changes();
            break;
        default: break;
    }
}

}  // namespace

void mark_student(std::string_view student, cache::Sections sections)
{
    remember_trace();
    dirty_set().add(student, sections);
    if (phase != Phase::Running)
        flush();
}

void mark_everything(cache::Sections sections)
{
    remember_trace();
    dirty_set().add_everything(sections);
    if (phase != Phase::Running)
        flush();
}

void mark_keys(std::string_view pattern)
{
    remember_trace();
    auto *const remembered = static_cast<KeyPattern *>(allocate(sizeof(KeyPattern) + pattern.size()));
    remembered->length = pattern.size();
    memcpy(remembered + 1, pattern.data(), pattern.size());
    remembered->next = patterns;
    patterns = remembered;
    if (phase != Phase::Running)
        flush();
}

void watch_changes()
{
    RegisterXactCallback(on_transaction_event, nullptr);
    watch_tracked_tables();
}

}  // namespace wc

// Trigger on the application's tables: AFTER INSERT, UPDATE, DELETE for each row, and AFTER TRUNCATE for
// each statement.  Its argument names the entity.
WC_FUNCTION(wc_record_change)
{
    const TriggerData &call = wc::trigger_call(fcinfo);
    if (!TRIGGER_FIRED_AFTER(call.tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("must be called after the event")));
    if (TRIGGER_FIRED_FOR_ROW(call.tg_event))
        wc::record_row_change(call);
    else
        wc::record_truncate(call);
    return Datum{0};
}
