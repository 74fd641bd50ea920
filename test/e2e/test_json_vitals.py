"""Vitals in a column of type json, as Django and TypeORM make it: every function says what it says of the same values as jsonb."""

import json

import pytest
from psycopg import errors

from every_call import FAILED, OUTCOME, calls, outcome
from school import attached_school

# As json keeps them: names that come twice, in any order, with spaces, numbers and characters spelled in several ways.
VITALS = [
    '{"height": 140, "weight": 35, "temperature": 37.0}',
    ' { "weight" : 35.50,\n  "height":140, "height": 141 , "heightUnit":"cm"}\t',
    '{"weight": 3.5e1, "height": 1.42E2, "b": {"z": 1, "a": [1, 2, {"y": null, "x": 2, "x": 3}]}}',
    '{"temperature": "37.5 C", "heartRate": 80, "heartRate": "90 bpm", "note": "\\u00e9\\ud83d\\ude00 \\"x\\" \\/ \\t"}',
    '{"h\\u0065ight": 143, "weight": 36, "": 0, "height ": 1, "bmi": 17.60}',
    '{"height": "140 cm", "weight": "35", "weightUnit": null}',
    " null ", "null", "[1, 2 , 2]", '"text"', "12.50", "true", "{}", "[ ]", None,
    '{"weight": 1e999, "height": -0.0, "temperature": 0e5}',
]
EXTRA = ["wc_search_health_records('checkup')", "wc_search_health_records_jsonb('rash', highlight => true)", "wc_growth_prevalence('5', '2025-12-01'::timestamptz)",
         "wc_search_health_records('checkup', \"order\" => 'rank', page_size => 3)",
         "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history({id}) AS c), 'skip')",
         "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history({id}) AS c), 'update')"]
TO_JSON = "DROP INDEX IF EXISTS idx_health_records_vital_gin; ALTER TABLE health_records ALTER vital TYPE json USING given::json"


@pytest.fixture(scope="module")
def vitals(preloaded):
    school = attached_school(preloaded, "json_vitals")
    with school.connection:
        school.sql("ALTER TABLE health_records ADD given text")
        school.sql(OUTCOME)
        for student in "ada", "ben", "cleo":
            school.add_student(student, gender="FEMALE")
        for n, vital in enumerate(VITALS * 2):
            school.add_record("ada", f"r{n:02}", type=["CHECKUP", "VACCINATION", "VISION"][n % 3], date=f"2025-{1 + n % 10:02}-{1 + n // 10:02}",
                              description="checkup, no rash", vital=vital, given=vital)
        school.add_record("ben", "last", vital=VITALS[1], given=VITALS[1])
        yield school
    preloaded.drop_database(school.database)


def answers(school):
    """{(way, call): answer} of every function that reads."""
    found = {}
    listed = [call for ways in calls(school).values() for call in ways] + EXTRA
    for way in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {way}")
        for call in listed:
            for student in "'ada'", "'ben'", "'cleo'":
                found[way, call, student] = outcome(school, call.replace("{id}", student + "::text"))
    school.sql("RESET white_cross.direct_reads")
    return found


def test_json_reads_as_jsonb(vitals):
    """Byte by byte, through indexes and by queries; the second call of a summary is answered from shared memory."""
    expected = answers(vitals)
    assert len([1 for answer in expected.values() if not FAILED.match(answer)]) > 150
    vitals.sql(TO_JSON)
    vitals.sql("SELECT wc_attach('public')")
    school_hits = vitals.one("SELECT hits FROM wc_stat_cache")
    for turn in range(2):
        found = answers(vitals)
        assert {key: answer for key, answer in found.items() if answer != expected[key]} == {}, turn
    assert vitals.one("SELECT hits FROM wc_stat_cache") > school_hits
    assert vitals.rows("SELECT vital::text FROM health_records WHERE id = 'r01'") != [(VITALS[1],)], "an update has written it as jsonb prints it"
    # What plain SQL says of the same row.
    assert vitals.one("SELECT wc_recent_vitals('ben'::text) -> 0 -> 'vital'") == vitals.one("SELECT given::jsonb FROM health_records WHERE id = 'last'")


def test_an_index_of_the_vitals_is_not_wanted(vitals):
    vitals.sql(TO_JSON)
    assert vitals.rows("SELECT * FROM wc_index_statements('public')") == []
    assert vitals.rows("""SELECT status FROM wc_diagnose() WHERE "check" IN ('indexes', 'binding')""") == [("ok",), ("ok",)]


def test_an_import_into_json(vitals):
    vitals.sql(TO_JSON)
    exported = vitals.rows("SELECT c FROM wc_export_health_history('ada') AS c")
    with vitals.connection.transaction(force_rollback=True):
        vitals.sql("DELETE FROM students")
        vitals.sql("SELECT wc_import_health_history(%s)", json.dumps([chunk for chunk, in exported]))
        again = vitals.rows("SELECT c FROM wc_export_health_history('ada') AS c")
        assert [{**chunk, "exportDate": 0} for chunk, in again] == [{**chunk, "exportDate": 0} for chunk, in exported]
        assert vitals.one("SELECT count(*) FROM health_records WHERE vital IS NULL") == 2, "JSON's null comes back as that"


def test_what_only_json_can_hold(vitals):
    """It is an error to read it, as it is to cast it, and the error shows nothing of it."""
    vitals.sql(TO_JSON)
    with vitals.connection.transaction(force_rollback=True):
        vitals.add_record("cleo", "secret-1", date="2025-11-01", vital='{"note": "secret \\u0000"}')
        for call in "wc_health_summary('cleo')", "wc_recent_vitals('cleo')", "wc_export_health_history('cleo')", "wc_growth_chart('cleo')":
            with pytest.raises(errors.UntranslatableCharacter, match='"vital" has a value that jsonb cannot hold') as refused, vitals.connection.transaction():
                vitals.sql(f"SELECT {call}")
            diagnostics = refused.value.diag
            assert "secret" not in f"{diagnostics.message_primary}{diagnostics.message_detail}{diagnostics.message_hint}{diagnostics.context}"
        assert vitals.one("SELECT wc_health_summary('ada')"), "and stops nobody else's"


@pytest.mark.parametrize("vital, bmi", [
    ('{"height": 140, "weight": 35}', "17.9"), ('{"weight":35,"height":1,"height" : 140}', "17.9"), ('{"height": 140, "weight": 35, "bmi": 17.9}', "17.9"),
    ('{"height": 140, "weight": 35, "bmi": 3, "n": "\\ud83d\\ude00"}', "17.9"), ('{"height": 140}', None), ("null", None),
    # The write goes on.
    ('{"height": 140, "weight": 35, "n": "\\u0000"}', None), ('{"height": 140, "weight": 35, "n": "\\ud83d"}', None), ('{"height": 140, "weight": 1e200000}', None),
    ('{"height": 140, "weight": 35, "n": "' + "\\\\u0000" + '"}', "17.9"),
])
def test_the_bmi_is_filled_in(vitals, vital, bmi):
    vitals.sql(TO_JSON)
    with vitals.connection.transaction(force_rollback=True):
        vitals.sql("SELECT wc_attach('public', compute_bmi => true)")
        record = vitals.add_record("ben", vital=vital)
        stored = vitals.one("SELECT vital::text FROM health_records WHERE id = %s", record)
        if bmi is None:
            assert stored == vital
        else:
            assert str(json.loads(stored)["bmi"]) == bmi and len(stored) < 2 * len(vital) + 30
