"""The import of an export restores the same rows, or it changes nothing and its error names the place."""

import copy
import json
import random
import re

import psycopg
import pytest

from awkward import CONDITIONS, DATA, parsed
from backend_memory import LOOPS, resident_kb
from exported_history import add_records, exported, import_, undated
from own_ids import own_tables  # noqa: F401 (a fixture)

STUDENTS = 60
SECRET = "Secret-9f3"


@pytest.mark.parametrize("form", ["", "_ndjson"])
def test_round_trips(school, form):
    """Every character, every form of vitals, lists with NULLs; into tables that are empty."""
    school.psql(f"\\set students {STUDENTS}\n{DATA}\n{CONDITIONS}")
    ids = [id for id, in school.rows("SELECT id FROM students ORDER BY id")]
    exports = {id: exported(school, id, form) for id in ids}
    tables = "students", "health_records", "allergies", "chronic_conditions"
    rows = {table: school.rows(f"SELECT t::text FROM {table} AS t ORDER BY id") for table in tables}
    school.sql("DELETE FROM students")
    for id in ids:
        done = import_(school, exports[id])
        assert done["student"] == {"inserted": 1, "updated": 0, "skipped": 0} and done["studentId"] == id
    assert {id: undated(exported(school, id, form)) for id in ids} == {id: undated(export) for id, export in exports.items()}
    # Times in the tables have three digits of a second, as in JSON: nothing was lost.
    assert {table: school.rows(f"SELECT t::text FROM {table} AS t ORDER BY id") for table in tables} == rows


def test_other_ids_and_other_names(own_tables):  # noqa: F811
    student, allergy, record = own_tables.ids
    chunks = exported(own_tables, student)
    assert {"studentNumber", "grade"} <= json.loads(chunks[0])["student"].keys()
    rows = own_tables.rows("SELECT t::text FROM health_records AS t")
    own_tables.sql("DELETE FROM students WHERE id::text = %s", student)
    import_(own_tables, chunks)
    assert undated(exported(own_tables, student)) == undated(chunks)
    assert own_tables.rows("SELECT t::text FROM health_records AS t") == rows
    with pytest.raises(psycopg.errors.UniqueViolation, match='chunk 1 .*field "id"'):
        import_(own_tables, chunks)
    assert import_(own_tables, chunks, "update")["allergies"] == {"inserted": 0, "updated": 1, "skipped": 0}


def mutated(chunks, dice):
    """One of the things that can happen to an export on its way."""
    chunks = copy.deepcopy(chunks)
    junk = [None, True, -1, 1e300, 12345678901234567890, "", SECRET, "2025-13-01T00:00:00.000Z", "infinity", "now", [], [SECRET], {}, {SECRET: None},
            "\x01", "x" * 3000, [[None]], "ILLNESS", "SEVERE"]
    for _ in range(dice.randint(1, 3)):
        chunk = dice.choice(chunks)
        spots = [(chunks, dice.randrange(len(chunks)))]
        if isinstance(chunk, dict) and chunk:
            spots.append((chunk, dice.choice(list(chunk))))
            for rows in chunk.values():
                for row in rows if isinstance(rows, list) else [rows]:
                    if isinstance(row, dict) and row:
                        spots += [(row, key) for key in row]
        place, key = dice.choice(spots)
        change = dice.random()
        if change < 0.6:
            place[key] = dice.choice(junk)
        elif change < 0.8:
            del place[key]
        elif isinstance(place, list):
            place.insert(key, copy.deepcopy(dice.choice(place)))
        else:
            place[dice.choice([SECRET.lower(), "id", "notes", "vital", "type"])] = dice.choice(junk)
        if not chunks:
            return chunks
    return chunks


def test_what_happened_on_the_way(school):
    """A changed export is imported and then is what the tables say, or it is refused with its place, and nothing of it is there."""
    student = school.add_student()
    for n in range(4):
        school.add_record(student, vital='{"height": 140}', notes="note", attachments=["a"])
    school.add_allergy(student)
    school.add_condition(student, medications=["m", None])
    whole = [json.loads(line) for line in exported(school, student)]
    school.sql("DELETE FROM students")
    dice, outcomes = random.Random(7), {"imported": 0, "refused": 0}
    states = set()
    for _ in range(500):
        chunks = mutated(whole, dice)
        try:
            # A surrogate half, here and there, past what json.dumps would write.
            text = json.dumps(chunks).replace('"note"', dice.choice(['"note"'] * 20 + [r'"\ud83e"', r'"\u0000"']))
            with school.connection.transaction(force_rollback=True):
                school.one("SELECT wc_import_health_history(%s::json)", text)
                imported = [dict(parsed(chunk)) for chunk in exported(school, json.loads(text)[0]["studentId"])]
                assert [chunk["type"] for chunk in imported][0] == "student"
                assert imported[-1]["records"] == chunks[-1]["records"]
            outcomes["imported"] += 1
        except psycopg.Error as error:
            message = error.diag.message_primary
            assert re.match(r"cannot import (chunk \d+( \(\w+\))?(, row \d+)?(, field \".*\")?|the history): ", message), message
            shown = " ".join(filter(None, (message, error.diag.message_detail, error.diag.message_hint, error.diag.context)))
            assert SECRET not in shown or f'field "{SECRET}"' in shown
            outcomes["refused"] += 1
            states.add(error.sqlstate)
        assert school.one("SELECT count(*) FROM students") == 0 == school.one("SELECT count(*) FROM health_records")
    assert min(outcomes.values()) > 30
    assert states <= {"22032", "23502", "23505", "22P02", "22007", "22008", "22003", "22P05"} and len(states) > 4


def test_an_error_of_the_table_says_nothing_of_the_row(school):
    student = school.add_student()
    school.add_record(student, notes=SECRET, description=SECRET, provider=SECRET)
    chunks = exported(school, student)
    school.sql("DELETE FROM students")
    school.sql("ALTER TABLE health_records ADD CHECK (notes IS NULL)")
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        import_(school, chunks)
    diagnostics = refused.value.diag
    assert SECRET not in str(refused.value) + str(diagnostics.message_detail) + str(diagnostics.context)
    assert diagnostics.column_name == "notes" and 'chunk 2 (records), row 1, field "notes"' in diagnostics.message_primary


def test_policies_hold(school):
    """A role imports what it might insert, and a row that a policy hides from it is not overwritten."""
    student = school.add_student("seen")
    school.add_allergy(student, "mine", allergen="Milk")
    chunks = exported(school, student)
    school.sql("DELETE FROM students")
    school.sql("DO $$ BEGIN CREATE ROLE wc_test_importer LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    school.sql("GRANT SELECT, INSERT, UPDATE ON students, health_records, allergies, chronic_conditions TO wc_test_importer")
    school.sql("GRANT EXECUTE ON FUNCTION wc_import_health_history(json, text) TO wc_test_importer")
    school.sql("ALTER TABLE allergies ENABLE ROW LEVEL SECURITY")
    school.sql("CREATE POLICY p ON allergies USING (allergen <> 'Milk')")
    with school.cluster.connect(school.database, "wc_test_importer") as importer:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="allergies"):
            importer.execute("SELECT wc_import_health_history(%s::json)", [f"[{','.join(chunks)}]"])
        school.sql("DROP POLICY p ON allergies")
        school.sql("CREATE POLICY p ON allergies USING (true)")
        importer.execute("SELECT wc_import_health_history(%s::json)", [f"[{','.join(chunks)}]"])
    assert school.one("SELECT allergen FROM allergies") == "Milk"


def test_no_row_costs_more_than_the_one_before(school):
    """Four times as many records must not need sixteen times the work. The test counts the rows that are read, which does not
    depend on how busy the machine is."""
    looked_at = []
    for count in 1_000, 4_000:
        add_records(school, school.add_student("long"), count)
        chunks = exported(school, "long")
        school.sql("DELETE FROM students")
        school.sql("VACUUM ANALYZE")
        # A session of its own, and tables that are known to be empty: a plan that is made now reads all of them.
        with school.cluster.connect(school.database) as connection, connection.transaction():
            connection.execute("SELECT wc_import_health_history(%s::json)", [f"[{','.join(chunks)}]"])
            looked_at.append(connection.execute(
                "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables").fetchone()[0])
        school.sql("DELETE FROM students")
    print(looked_at)
    assert looked_at[1] < 8 * looked_at[0]


@pytest.mark.parametrize("function, expression, gives", [
    ("calls", "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history('ada') AS c), 'update')", ""),
    ("errors", "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history('ada') AS c))", "23505")])
def test_memory_stays_flat(school, function, expression, gives):
    """An import prepares its statements anew: fewer of them than of other calls, and each would leak more."""
    school.add_student("ada")
    school.add_record("ada")
    school.sql(LOOPS.format(expression=expression))
    pid = school.connection.info.backend_pid
    with school.connection.transaction():
        school.sql(f"SELECT {function}(150)")
        before = resident_kb(pid)
        assert school.one(f"SELECT {function}(600)") == gives
        assert resident_kb(pid) - before < 1_000
