"""Ids of type char(n): blanks at the end mean nothing, whatever the lengths of the columns; citext is refused, with the reason."""

import json
import re

import pytest
from psycopg import errors

from every_call import FAILED, OUTCOME, calls, outcome
from school import Cache, attached_school

KEYS = {"students": ["id"], "health_records": ["id", "studentId"], "allergies": ["id", "studentId"], "chronic_conditions": ["id", "studentId"]}
EXTRA = ["wc_search_health_records('Quill')", "wc_search_health_records('checkup')", "wc_growth_prevalence('5', '2025-12-01'::timestamptz)",
         "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history({id}) AS c), 'update')"]
TYPES = {"char(n)": ["char(12)", "char(9)", "char(16)", "char(10)", "char(14)", "bpchar", "bpchar"], "char": ["bpchar"] * 7}


def become(school, types):
    types = iter(types)
    for table in list(KEYS)[1:]:
        school.sql(f'ALTER TABLE {table} DROP CONSTRAINT "{table}_studentId_fkey"')
    for table, columns in KEYS.items():
        for column in columns:
            school.sql(f'ALTER TABLE {table} ALTER "{column}" TYPE {next(types)}')
    for table in list(KEYS)[1:]:
        school.sql(f'ALTER TABLE {table} ADD CONSTRAINT "{table}_studentId_fkey" FOREIGN KEY ("studentId") REFERENCES students')
    school.sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for statement, in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    school.sql("SELECT wc_attach('public')")
    school.sql("VACUUM ANALYZE")


@pytest.fixture(params=TYPES)
def padded(request, cluster):
    school = attached_school(cluster, f"char_ids_{len(request.param)}")
    with school.connection:
        school.sql(OUTCOME)
        for n in range(3):
            school.add_student(f"s{n}")
            for day in range(7):
                school.add_record(f"s{n}", f"r{n}{day}", date=f"2025-03-0{1 + day // 2}", vital='{"height": 140, "weight": 35}', type=["CHECKUP", "VACCINATION"][day % 2])
            school.add_allergy(f"s{n}", f"a{n}")
            school.add_condition(f"s{n}", f"c{n}")
        school.types = TYPES[request.param]
        yield school
    cluster.drop_database(school.database)


def answers(school, id):
    found = {}
    listed = [(name, call) for name, ways in calls(school).items() for call in ways] + [(call, call) for call in EXTRA]
    for direct in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct}")
        for name, call in listed:
            # Functions of many students return the id as the caller wrote it.
            found[direct, call] = re.sub('"student_id":"s1 *"', '"asked"', outcome(school, call.replace("{id}", f"'{id}'::text")))
    school.sql("RESET white_cross.direct_reads")
    return found


def test_every_function_says_what_it_says_of_text(padded):
    expected = answers(padded, "s1")
    assert len([1 for answer in expected.values() if not FAILED.match(answer)]) > 50
    become(padded, padded.types)
    for spelling in "s1", "s1  ", "s1" + " " * 30:
        found = answers(padded, spelling)
        assert {key: (answer, expected[key]) for key, answer in found.items() if answer != expected[key]} == {}, spelling
    assert padded.one("SELECT wc_health_summary(' s1')") is None
    assert padded.one("SELECT wc_health_summary('s1 '::char(5)) -> 'student' ->> 'id'") == "s1"
    assert padded.one("SELECT wc_bulk_delete_records('{\"r11 \",r12,none}')") == {"deleted": 2, "notFound": 1}


def test_an_export_comes_back(padded):
    become(padded, padded.types)
    chunks = [chunk for chunk, in padded.rows("SELECT c FROM wc_export_health_history('s1  ') AS c")]
    assert {chunk["studentId"] for chunk in chunks} == {"s1"} and chunks[0]["student"]["id"] == "s1"
    assert padded.rows("SELECT wc_export_health_history_csv('s1  ', 'allergies')")[1][0].startswith("s1,a1,")
    before = padded.rows("SELECT r::text FROM health_records AS r ORDER BY id")
    padded.sql("""DELETE FROM health_records WHERE "studentId" = 's1'""")
    padded.sql("SELECT wc_import_health_history(%s, 'update')", json.dumps(chunks))
    assert padded.rows("SELECT r::text FROM health_records AS r ORDER BY id") == before


def test_a_student_has_one_key(padded):
    """Whichever table a change comes from, each of which pads otherwise, and however the caller spells the id."""
    become(padded, padded.types)
    padded.sql("SELECT white_cross.register_worker('test')")
    for change in ("UPDATE students SET grade = '6' WHERE id = 's1'", "UPDATE allergies SET reaction = 'x' WHERE id = 'a1'",
                   "UPDATE health_records SET notes = 'x' WHERE id = 'r11'", "UPDATE chronic_conditions SET notes = 'x' WHERE id = 'c1'",
                   "SELECT wc_invalidate('s1   ')", "SELECT wc_invalidate('{s1,\"s1 \"}'::text[])"):
        padded.sql("DELETE FROM white_cross.invalidation")
        padded.sql(change)
        assert padded.rows("SELECT students FROM white_cross.invalidation") == [(["s1"],)], change
    assert {key for key, in padded.rows("SELECT wc_cache_key(s, 'health_summary') FROM unnest('{s1,\"s1 \",\"s1    \"}'::text[]) AS s")} == {Cache.key("s1")}
    assert {key for key, in padded.rows("SELECT key FROM wc_cache_entries('{s1,\"s1  \"}'::text[])")} == {Cache.key("s1")}


def test_citext_is_refused_with_the_reason(school):
    school.sql("CREATE EXTENSION citext")
    for table in list(KEYS)[1:]:
        school.sql(f'ALTER TABLE {table} DROP CONSTRAINT "{table}_studentId_fkey"')
    for table, columns in KEYS.items():
        for column in columns:
            school.sql(f'ALTER TABLE {table} ALTER "{column}" TYPE citext')
    with pytest.raises(errors.DatatypeMismatch, match=r"students\.id is public\.citext, must be text, varchar, char, uuid, bigint or integer") as refused:
        school.sql("SELECT wc_attach('public')")
    assert "CHECK (id = lower(id))" in refused.value.diag.message_hint
    # What the error says to do.
    school.sql("ALTER TABLE students ALTER id TYPE text, ADD CHECK (id = lower(id))")
    for table, columns in list(KEYS.items())[1:]:
        for column in columns:
            school.sql(f'ALTER TABLE {table} ALTER "{column}" TYPE text')
    school.sql("SELECT wc_attach('public')")
    assert school.summary(school.add_student())


# ---- searches by name ------------------------------------------------------------------------------------------

SEARCHES = ["Smith", "Emma Smith", '"Emma Smith"', "Smith -Liam", "Emma", "STU0007", "Em", "Smith Emma Liam"]
# A search that has counted enough walks through the latest records of all students, where that is cheaper than each student's: one
# record of many students, most of whom have none.  It compares the ids of records with those of students.
ALL_SMITHS = """
    INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
    SELECT 's' || n, 'STU' || lpad(n::text, 4, '0'), (ARRAY['Emma', 'Liam'])[1 + n % 2], 'Smith', '2014-03-02', '5', 'FEMALE' FROM generate_series(1, 1500) AS n;
    INSERT INTO health_records (id, type, date, description, "studentId", "createdAt", "updatedAt")
    SELECT 'r' || n, 'CHECKUP', timestamp '2025-10-10' - n * interval '1 hour', 'visit', 's' || (1 + n % 60), '2025-10-10', '2025-10-10' FROM generate_series(1, 2400) AS n"""


def found_by_name(school):
    """Ids of what each way finds on a page of one and on a page of twenty, and whether it has counted to the end."""
    answers = {}
    for direct in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct}")
        for search in SEARCHES:
            for size in 1, 20:
                page = school.one("SELECT wc_search_health_records(%s, page_size => %s)", search, size)
                answers[direct, search, size] = [record["id"] for record in page["records"]], page["pagination"].get("totalIsLowerBound")
    school.sql("RESET white_cross.direct_reads")
    return answers


@pytest.mark.parametrize("student,of_record", [("char(12)", "char(16)"), ("char(16)", "char(12)"), ("bpchar", "char(16)"), ("char(12)", "char(12)")])
def test_a_search_by_names(cluster, request, student, of_record):
    school = attached_school(cluster, "char_searched")
    request.addfinalizer(lambda: cluster.drop_database(school.database))
    with school.connection:
        school.sql(ALL_SMITHS)
        become(school, ["text"] * 7)
        expected = found_by_name(school)
        assert expected["on", "Smith", 1] == (["r1"], True) and len(expected["on", "Emma", 20][0]) == 20 and expected["on", "STU0007", 1][0]
        become(school, [student, "char(9)", of_record, "text", of_record, "text", of_record])
        assert {key: (ids, expected[key]) for key, ids in found_by_name(school).items() if ids != expected[key]} == {}
    # Both ways gave one answer when the ids were text.
    assert {key: ids for key, ids in expected.items() if ids != expected["off", *key[1:]]} == {}
