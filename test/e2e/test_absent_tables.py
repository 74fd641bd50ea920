"""An application without a table of allergies or of chronic conditions: that section is an empty list everywhere."""

import json

import pytest
from psycopg import errors

from every_call import FAILED, OUTCOME, calls, outcome
from school import School

OPTIONAL = ["allergies", "chronic_conditions"]
SECTIONS = {"allergies": "allergies", "chronic_conditions": "conditions"}
CASES = [["allergies"], ["chronic_conditions"], OPTIONAL]
EXTRA = ["wc_search_health_records('checkup')", "wc_search_health_records('Quill')", "wc_growth_prevalence('5', '2025-12-01'::timestamptz)",
         "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history({id}) AS c), 'skip')"]


@pytest.fixture(params=CASES, ids="-".join)
def lacking(request, preloaded):
    """Tables are made, and nothing is attached yet."""
    name = "lacking_" + "_".join(request.param)
    preloaded.create_database(name)
    school = School(preloaded, name)
    with school.connection:
        school.sql("CREATE EXTENSION white_cross")
        school.sql("SELECT wc_create_tables('public')")
        school.sql(OUTCOME)
        for student in "ada", "ben":
            school.add_student(student)
            for n in range(8):
                school.add_record(student, f"{student}-{n}", date=f"2025-03-0{1 + n // 2}", vital='{"height": 140, "weight": 35}' if n % 3 else None,
                                  type=["CHECKUP", "VACCINATION"][n % 2])
        school.absent = request.param
        school.notices = []
        school.connection.add_notice_handler(lambda notice: school.notices.append(notice.message_primary))
        yield school
    preloaded.drop_database(name)


def answers(school):
    """The header of a section's CSV is left out: a table that is not there has no columns."""
    found = {}
    listed = [call for ways in calls(school).values() for call in ways if not any(f"'{SECTIONS[table]}'" in call for table in OPTIONAL)] + EXTRA
    for direct in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct}")
        for call in listed:
            for id in "ada", "nobody":
                found[direct, call, id] = outcome(school, call.replace("{id}", f"'{id}'::text"))
    school.sql("RESET white_cross.direct_reads")
    return found


def test_every_function_reads_an_empty_list(lacking):
    """Byte by byte what it says of an empty table, from shared memory too; then the table comes, and its rows are read."""
    lacking.sql("SELECT wc_attach('public')")
    assert not lacking.notices or "no table" not in "".join(lacking.notices)
    expected = answers(lacking)
    assert len([1 for answer in expected.values() if not FAILED.match(answer)]) > 50
    lacking.sql("SELECT wc_detach('public')")
    for table in lacking.absent:
        lacking.sql(f"ALTER TABLE {table} RENAME TO later_{table}")
    assert lacking.rows("""SELECT status, remedy FROM wc_diagnose() WHERE "check" = 'binding'""") == [("fail", None)], "it may have another name"
    attached = lacking.rows("SELECT entity, attached_table, columns, other_names FROM wc_attach('public')")
    assert [row for row in attached if row[1] is None] == [(table, None, 0, None) for table in lacking.absent] and len(attached) == 4
    assert len([notice for notice in lacking.notices if "has no table for" in notice]) == len(lacking.absent)
    for _ in range(2):
        found = answers(lacking)
        assert {key: (answer, expected[key]) for key, answer in found.items() if answer != expected[key]} == {}
    for table in lacking.absent:
        assert lacking.rows(f"SELECT wc_export_health_history_csv('ada', '{SECTIONS[table]}')") == [("studentId",)]
    told = lacking.rows("""SELECT status, detail FROM wc_diagnose() WHERE "check" = 'binding' AND detail LIKE 'no table%'""")
    assert [(status, detail.split()[5].rstrip(":")) for status, detail in told] == [("ok", table) for table in lacking.absent]
    assert lacking.one("""SELECT count(*) FROM wc_diagnose() WHERE status = 'fail' AND "check" IN ('binding', 'triggers', 'indexes', 'labels')""") == 0

    # The table comes, and is not read before it is attached.
    lacking.sql("SELECT white_cross.register_worker('test')")
    for table in lacking.absent:
        lacking.sql(f"ALTER TABLE later_{table} RENAME TO {table}")
    told = lacking.rows("""SELECT status, remedy FROM wc_diagnose() WHERE "check" = 'binding' AND detail LIKE '%%is not attached%%'""")
    assert [status for status, _ in told] == ["warn"] * len(lacking.absent), "what it holds is hidden"
    lacking.add_allergy("ada") if "allergies" in lacking.absent else None
    lacking.add_condition("ada") if "chronic_conditions" in lacking.absent else None
    before = lacking.one("SELECT wc_health_summary('ada', '{chronicConditions}')")
    assert all(before[section] == [] for section in ("allergies", "chronicConditions"))
    lacking.sql("DELETE FROM white_cross.invalidation")
    for _, remedy in told:
        lacking.sql(remedy)
    assert lacking.one("SELECT bool_or(students IS NULL) FROM white_cross.invalidation"), "all cached values are stale"
    for direct in "on", "off":
        lacking.sql(f"SET white_cross.direct_reads = {direct}")
        after = lacking.one("SELECT wc_health_summary('ada', '{chronicConditions}')")
        assert len(after["allergies"]) == ("allergies" in lacking.absent)
        assert len(after["chronicConditions"]) == ("chronic_conditions" in lacking.absent)
        assert len(lacking.one("SELECT wc_student_allergies('ada')")) == ("allergies" in lacking.absent)
        assert len(lacking.one("SELECT wc_student_conditions('ada')")) == ("chronic_conditions" in lacking.absent)
    lacking.sql("RESET white_cross.direct_reads")


def test_another_session_sees_it_come(lacking):
    for table in lacking.absent:
        lacking.sql(f"ALTER TABLE {table} RENAME TO later_{table}")
    lacking.sql("SELECT wc_attach('public')")
    with School(lacking.cluster, lacking.database) as other:
        assert other.summary("ada")["allergies"] == [] == other.one("SELECT wc_student_conditions('ada')")
        for table in lacking.absent:
            lacking.sql(f"ALTER TABLE later_{table} RENAME TO {table}")
        lacking.sql("SELECT wc_attach('public')")
        lacking.add_allergy("ada")
        lacking.add_condition("ada")
        assert len(other.summary("ada")["allergies"]) == len(other.one("SELECT wc_student_conditions('ada')")) == 1


def test_an_import_of_rows_that_no_table_can_hold(lacking):
    lacking.add_allergy("ada")
    lacking.add_condition("ada")
    lacking.sql("SELECT wc_attach('public')")
    history = json.dumps([chunk for chunk, in lacking.rows("SELECT c FROM wc_export_health_history('ada') AS c")])
    lacking.sql("SELECT wc_detach('public')")
    for table in lacking.absent:
        lacking.sql(f"DROP TABLE {table}")
    lacking.sql("SELECT wc_attach('public')")
    with pytest.raises(errors.ObjectNotInPrerequisiteState, match="no table is attached that could hold it") as refused:
        lacking.sql("SELECT wc_import_health_history(%s, 'update')", history)
    assert "wc_attach" in refused.value.diag.message_hint


def test_what_was_attached_is_not_forgotten_unasked(lacking):
    """A table that is missing may have been renamed: reads and wc_attach fail until they are told."""
    lacking.sql("SELECT wc_attach('public')")
    for table in lacking.absent:
        lacking.sql(f"ALTER TABLE {table} RENAME TO renamed_{table}")
    for statement in "SELECT wc_attach('public')", "SELECT wc_attach('public', '{}')", "SELECT wc_health_summary('ada', '{chronicConditions}')":
        with pytest.raises(errors.UndefinedTable, match="allergies|chronic_conditions"):
            lacking.sql(statement)
    none = json.dumps({table: {"table": None} for table in lacking.absent})
    lacking.sql("SELECT wc_attach('public', %s)", none)
    assert lacking.one("SELECT wc_health_summary('ada', '{chronicConditions}')")["allergies"] == []
    left = {table for table, in lacking.rows("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgfoid = 'white_cross.record_change()'::regprocedure")}
    assert not left & {f"renamed_{table}" for table in lacking.absent} and {"students", "health_records"} <= left


def test_what_is_told_to_be_absent_makes_all_stale(lacking):
    """Also if somebody has dropped the triggers before, whose going is a change of its own."""
    lacking.sql("SELECT wc_attach('public'); SELECT white_cross.register_worker('test')")
    for table in lacking.absent:
        lacking.sql(f"DROP TRIGGER white_cross_change ON {table}; DROP TRIGGER white_cross_truncate ON {table}")
    lacking.sql("DELETE FROM white_cross.invalidation")
    lacking.sql("SELECT wc_attach('public', %s)", json.dumps({table: {"table": None} for table in lacking.absent}))
    assert lacking.one("SELECT bool_or(students IS NULL) FROM white_cross.invalidation")


def test_a_table_of_that_name_which_is_something_else(lacking):
    """It is no obstacle once it is left out, and to anything."""
    for table in lacking.absent:
        lacking.sql(f"DROP TABLE {table}; CREATE TABLE {table} (id text, something integer)")
    with pytest.raises(errors.UndefinedColumn, match="missing columns: public") as refused:
        lacking.sql("SELECT wc_attach('public')")
    assert f'{{"{lacking.absent[-1]}": {{"table": null}}}}' in refused.value.diag.message_hint
    none = json.dumps({table: {"table": None} for table in lacking.absent})
    lacking.sql("SELECT wc_attach('public', %s)", none)
    assert lacking.one("SELECT wc_health_summary('ada', '{chronicConditions}')")["allergies"] == []
    assert {status for status, in lacking.rows("""SELECT status FROM wc_diagnose() WHERE "check" = 'binding'""")} == {"ok"}
    lacking.sql("SELECT wc_index_statements('public')")
    lacking.sql("CREATE ROLE wc_lacking_worker; SELECT wc_grant_worker('wc_lacking_worker'); SELECT wc_detach('public'); DROP OWNED BY wc_lacking_worker; DROP ROLE wc_lacking_worker")


@pytest.mark.parametrize("table", ["students", "health_records"])
def test_students_and_records_are_required(school, table):
    school.sql("SELECT wc_detach('public')")
    school.sql(f"ALTER TABLE {table} RENAME TO elsewhere")
    for overrides in "{}", json.dumps({table: {"table": None}}):
        with pytest.raises(errors.UndefinedTable, match=f"missing tables: public.{table}"):
            school.sql("SELECT wc_attach('public', %s)", overrides)
