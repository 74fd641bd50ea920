#!/usr/bin/python3
"""Takes each condition that keeps summaries in shared memory right out of the source, one at a time, and shows who finds that.

    make warm-mutations MUTATIONS="own version"     some of them; all, if none is named

`found_by` is a test of test/e2e, as pytest's -k takes it, or the hunt.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mutants import ROOT, Mutants, Mutation, in_tree  # noqa: E402

HUNT = "the hunt"
HUNT_SECONDS = 25

LOOKUP, DEFINITIONS, MEMORY = (f"src/extension/warm/{name}.cpp" for name in ("lookup", "definitions", "memory"))
BINDING, CHANGES, REGISTERING = "src/extension/binding/binding.cpp", "src/extension/changes/changes.cpp", "src/extension/warm/registering.cpp"
REGISTER, REGISTER_HEAD, SNAPSHOT = "src/core/warm/register.cpp", "src/core/warm/register.hpp", "src/core/warm/snapshot.hpp"
PARTITION = "src/core/warm/partition.cpp"

SCHEDULES = "test_summary_cache_schedules"
MUTATIONS = {
    # the rule
    "reader": Mutation([(LOOKUP, "        count(tally().refused);\n        return 0;\n", "        count(tally().refused);\n")], SCHEDULES),
    "builder": Mutation([(LOOKUP, "        count(tally().refused);\n        return 0;\n", "        count(tally().refused);\n        probe.may_keep = true;\n        return 0;\n")], SCHEDULES),
    "version": Mutation([(LOOKUP, "entry != nullptr && entry->versions == probe.versions", "entry != nullptr")], SCHEDULES),
    "version of all": Mutation([(LOOKUP, "entry->versions == probe.versions", "entry->versions.of_student == probe.versions.of_student")], "every_change_makes_a_miss"),
    "register of all": Mutation([(LOOKUP, " && sees_all(snapshot_, of_all)", "")], "every_order"),
    "older": Mutation([(REGISTER, "!of.is_whole || of.older >= snapshot.xmin", "!of.is_whole")], "no_room_for"),
    "latest": Mutation([(REGISTER, "        if (!snapshot.sees(xid))\n            return false;\n", "")], SCHEDULES),
    "running": Mutation([(SNAPSHOT, "        if (running[i] == wanted)\n                return false;", "        if (running[i] == wanted)\n                return true;")], SCHEDULES),
    "xmax": Mutation([(SNAPSHOT, "        if (xid >= xmax)\n            return false;\n", "")], SCHEDULES),
    "what was pushed out": Mutation([(REGISTER_HEAD, "        into.older.store(moving, std::memory_order_relaxed);", "        (void)moving;")], "no_room_for"),
    "a new version": Mutation([(REGISTER_HEAD, "into.version.store(version + 2,", "into.version.store(version,")], SCHEDULES),
    # entering
    "entered late": Mutation([
        (CHANGES, "    warm::enter_changes(set);\n", "    late = &set;\n    static DirtySet *kept = nullptr;\n    kept = static_cast<DirtySet *>(MemoryContextAlloc(TopTransactionContext, sizeof(DirtySet)));\n"
                  "    new (kept) DirtySet{set};\n    late = kept;\n"),
        (CHANGES, "void flush()\n{", "const DirtySet *late = nullptr;\n\nvoid flush()\n{"),
        (CHANGES, "        case XACT_EVENT_COMMIT:\n", "        case XACT_EVENT_COMMIT:\n            if (late != nullptr) {\n                pg_usleep(2000);\n                warm::enter_changes(*late);\n            }\n"
                                                        "            late = nullptr;\n"),
        (CHANGES, "        case XACT_EVENT_ABORT:\n", "        case XACT_EVENT_ABORT:\n            late = nullptr;\n            [[fallthrough]];\n")], HUNT),
    "entered for a worker alone": Mutation([(CHANGES, "    warm::enter_changes(set);\n    if (!has_worker())\n        return;\n", "    if (!has_worker())\n        return;\n    warm::enter_changes(set);\n")],
                                           "a_change_is_seen_by_the_next_statement"),
    "entered at commit, not when prepared": Mutation([(CHANGES, "    warm::enter_changes(set);\n", "    if (phase != Phase::Preparing)\n        warm::enter_changes(set);\n")], SCHEDULES),
    "changes of everybody": Mutation([(REGISTERING, "        enter_all(xid);\n        return;", "        return;")], "every_change_makes_a_miss"),
    # who may not
    "own": Mutation([(LOOKUP, "TransactionIdIsValid(GetTopTransactionIdIfAny())", "false")], "a_transaction_with_changes_of_its_own"),
    "serializable": Mutation([(LOOKUP, "    if (IsolationIsSerializable()) {", "    if (false) {")], "a_serializable_transaction"),
    "recovery": Mutation([(LOOKUP, "    if (RecoveryInProgress()) {", "    if (false) {")], "a_standby_and_its_promotion"),
    "floor": Mutation([(LOOKUP, "floor_xid() <= snapshot_.xmin && ", "")], "a_prepared_transaction_that_stays"),
    # definitions
    "triggers": Mutation([(DEFINITIONS, "    if (!has_each_row || !has_truncation)\n        look.refuse(Bypass::Triggers);\n", "")], "triggers_that_do_not_see_everything"),
    "always": Mutation([(DEFINITIONS, " || trigger.tgenabled != TRIGGER_FIRES_ALWAYS", "")], "triggers_that_do_not_see_everything"),
    "our function": Mutation([(DEFINITIONS, "trigger.tgfoid != function || ", "(static_cast<void>(function), false) || ")], "triggers_that_do_not_see_everything"),
    "no condition": Mutation([(DEFINITIONS, "        !heap_attisnull(row, Anum_pg_trigger_tgqual, RelationGetDescr(triggers)))", "        false)")], "triggers_that_do_not_see_everything"),
    "all columns": Mutation([(DEFINITIONS, "        trigger.tgattr.dim1 != 0 || ", "        ")], "triggers_that_do_not_see_everything"),
    "as that entity": Mutation([(DEFINITIONS, "    return bytes != nullptr && VARSIZE_ANY_EXHDR(bytes) == strlen(name) + 1 &&\n           memcmp(VARDATA_ANY(bytes), name, strlen(name) + 1) == 0;", "    return bytes != nullptr && name != nullptr;")],
                               "a_trigger_that_names_another_table"),
    "word of changes": Mutation([(BINDING, "    AcceptInvalidationMessages();\n    Binding binding{};", "    Binding binding{};")], "a_reader_that_holds_its_locks"),
    "who made the trigger": Mutation([(DEFINITIONS, "        look.add(trigger->oid);\n        look.add_maker(row);\n", "        look.add(trigger->oid);\n")], "triggers_off_and_on_in_one_transaction"),
    "makers that are seen": Mutation([(LOOKUP, "return definitions.are_seen_by(snapshot_);", "return true;")], "triggers_off_and_on_in_one_transaction"),
    "labels": Mutation([(DEFINITIONS, "            look_at_labels(look, column.type);", "            if (false) look_at_labels(look, column.type);")], "definitions_that_change"),
    "columns": Mutation([(DEFINITIONS, "        look.add(column.number);\n", "")], "definitions_that_change"),
    "files": Mutation([(DEFINITIONS, "        look.add(pg::file_of(table.relation));\n", ""), (DEFINITIONS, "        look.add_maker(row);\n        ReleaseSysCache(row);", "        ReleaseSysCache(row);")],
                      "definitions_that_change"),
    "shape": Mutation([(PARTITION, " && entry.shape == key.shape", "")], "definitions_that_change"),
    "database": Mutation([(DEFINITIONS, "    look.add(HeapTupleHeaderGetRawXmin(row->t_data));\n    ReleaseSysCache(row);\n}\n\n// The labels", "    ReleaseSysCache(row);\n}\n\n// The labels")], "takes_the_number_of_another"),
    "zone of birth dates": Mutation([(DEFINITIONS, "        look.refuse(Bypass::Settings);", "        (void)0;")], "every_type_of_ids_and_times"),
    # roles
    "privileges": Mutation([(DEFINITIONS, "!may_select_all(table) || ", "")], "every_role_is_told"),
    "the role of the look": Mutation([(DEFINITIONS, "    return kept.role == GetUserId();", "    return true;")], "every_role_is_told"),
    "word of roles": Mutation([(DEFINITIONS, "{AUTHOID, AUTHMEMROLEMEM, DATABASEOID, ENUMOID}", "{AUTHMEMROLEMEM, DATABASEOID, ENUMOID}")], "a_session_that_keeps_its_role"),
    "word of members": Mutation([(DEFINITIONS, "{AUTHOID, AUTHMEMROLEMEM, DATABASEOID, ENUMOID}", "{AUTHOID, DATABASEOID, ENUMOID}")], "a_session_that_keeps_its_role"),
    "word of databases": Mutation([(DEFINITIONS, "{AUTHOID, AUTHMEMROLEMEM, DATABASEOID, ENUMOID}", "{AUTHOID, AUTHMEMROLEMEM, ENUMOID}")], "a_session_that_keeps_its_role"),
    "word of labels": Mutation([(DEFINITIONS, "{AUTHOID, AUTHMEMROLEMEM, DATABASEOID, ENUMOID}", "{AUTHOID, AUTHMEMROLEMEM, DATABASEOID}")], "definitions_that_change"),
    "plain tables": Mutation([(DEFINITIONS, "    if (!is_plain_table(table) || ", "    if (")], "definitions_that_change or every_role_is_told"),
}


def files(which):
    return (ROOT / "test/e2e").glob("test_summary_cache*.py")


def hunt(name):
    return in_tree("test/warm/warm.py", "--seconds", str(HUNT_SECONDS), "--no-kills", "--mutant", name)[0] == 0


if __name__ == "__main__":
    sys.exit(Mutants(MUTATIONS, files, {HUNT: hunt}).run(sys.argv[1:]))
