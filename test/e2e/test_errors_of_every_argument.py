"""No error shows what it was given: each argument of each function, each field of an import and each value of a table, wrong in every way."""

import json
import random

import psycopg
import pytest

from every_call import calls
from school import School

# Errors name what is unknown in an argument that names something of ours: see NAMES.
pytestmark = pytest.mark.may_tell("gives a student's name where a name of ours belongs")

SECRET = "Quill"
BIRTH = "2013-07-19"
MEASURED = "137.25"
SECRETS = [SECRET, "quill", BIRTH, "19.07.2013", "07-19-2013", "1931", MEASURED, "13725", "31.75"]

# Arguments that name something of ours, not a child's: an error may say which name is unknown, as it may of a filter.
NAMES = {"measure", "name", "reference", "section", "vital", "on_conflict", "include", "application_schema", "overrides", "role", "entity", "attribute"}

RIGHT = {
    "text": f"{SECRET}", "text[]": f"{{{SECRET}}}", "uuid": "6f9619ff-8b86-d011-b42d-00c04fc964f0", "uuid[]": "{6f9619ff-8b86-d011-b42d-00c04fc964f0}",
    "bigint": "7", "bigint[]": "{7}", "integer": "1", "boolean": "true", "double precision": MEASURED, "double precision[]": f"{{{MEASURED},31.75}}",
    "date": BIRTH, "timestamp without time zone": BIRTH, "timestamp with time zone": BIRTH, "interval": "1 year", "json": "{}", "jsonb": "{}", "name": "public",
    "regrole": "postgres", "numeric": MEASURED,
}
RIGHT_BY_NAME = {"measure": "height", "sex": "male", "sexes": "{male,male}", "vital": "height", "section": "records", "on_conflict": "error", "order": "date",
                 "kind": "health_summary", "kinds": "{health_summary}", "reference": "cdc", "include": "{}", "type": "CHECKUP", "percentile": "50",
                 "percentiles": "{50,60}", "age_months": "100", "ages_months": "{100,100}", "cursor": "", "pattern": "student:*", "query": SECRET, "as_of": "2025-12-31", "since": "2025-12-31",
                 "filters": "{}", "history": "[]", "overrides": "{}", "page": "1", "page_size": "20", "n": "1", "batch_size": "1", "width": "300", "height": "300"}
WRONG = {
    "text": [SECRET, f"{SECRET}:1:2", f'records:1:20:{{"provider":"{SECRET}"', f"{SECRET}\n{BIRTH} {MEASURED}", BIRTH, MEASURED, SECRET * 3000],
    "text[]": [f"{{{SECRET}}}", f'{{NULL,"{BIRTH} {MEASURED}"}}', f"{{{{{SECRET}}}}}"],
    "double precision": [f"-{MEASURED}", f"{MEASURED}e300", f"{MEASURED}e-300", "NaN", "-Infinity", "0", "-0"],
    "double precision[]": [f"{{-{MEASURED},1}}", f"{{{MEASURED}e300,{MEASURED}e-300}}", "{NaN,0}", f"{{{MEASURED}}}", f"{{{{{MEASURED}}},{{31.75}}}}", f"{{NULL,-{MEASURED}}}"],
    "date": ["infinity", "-infinity"], "timestamp without time zone": ["infinity", "-infinity", "294276-12-31", "4713-01-01 BC"],
    "timestamp with time zone": ["infinity", "-infinity", "294276-12-31", "4713-01-01 BC"],
    "bigint": ["-1", "0", "2147483648", "9223372036854775807", "-9223372036854775808"], "bigint[]": ["{9223372036854775807,NULL}"],
    "json": [f'"{SECRET}"', f'["{SECRET}"]', f'{{"{SECRET}":1}}', f'{{"provider":["{SECRET}"]}}', f'[{{"type":"student","student":{{"id":"{SECRET}","dateOfBirth":"{BIRTH}"}}}}]',
             f'{{"dateFrom":"{SECRET} {BIRTH}"}}', f'{{"provider":"{SECRET * 3000}"}}', "[" * 3000 + f'"{SECRET}"' + "]" * 3000],
    "numeric": [f"-{MEASURED}", "NaN"],
}
WRONG["jsonb"] = WRONG["json"]


@pytest.fixture(scope="module")
def school_of_all(cluster):
    cluster.create_database("errors")
    school = School(cluster, "errors")
    school.connection.prepare_threshold = None
    school.sql("CREATE EXTENSION white_cross")
    school.sql("SELECT wc_create_tables('public')")
    school.sql("SELECT wc_attach('public', compute_bmi => true)")
    student = school.add_student(id="s", firstName="Ada", lastName=SECRET, dateOfBirth=BIRTH)
    school.add_record(student, id="r", description=SECRET, vital=f'{{"height": {MEASURED}, "weight": 31.75}}', provider=SECRET)
    school.add_allergy(student, id="a", reaction=SECRET)
    school.add_condition(student, id="c", notes=SECRET)
    with school.connection:
        yield school
    cluster.psql("DROP DATABASE errors WITH (FORCE)")


@pytest.fixture
def school(school_of_all):
    school_of_all.sql("BEGIN")
    yield school_of_all
    school_of_all.sql("ROLLBACK")


def error_of(school, statement, arguments=None):
    """Returns all parts of the error as one text, which is empty if there is no error."""
    school.sql("SAVEPOINT before")
    try:
        school.connection.execute(statement, arguments)
        said = None
    except psycopg.Error as error:
        diag = error.diag
        said = " | ".join(f"{part}" for part in (diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint, diag.context,
                                                  diag.internal_query, diag.column_name, diag.constraint_name) if part)
    school.sql("ROLLBACK TO before")
    return said


def shown(said):
    return [secret for secret in SECRETS if secret in said]


def test_every_argument_of_every_function(school):
    functions = school.rows("""
        SELECT p.oid::regproc::text, p.proargnames[1:p.pronargs], ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS u (t, n) ORDER BY n)
        FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'white_cross'
        WHERE p.pronamespace = e.extnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype AND NOT 'anyenum'::regtype = ANY (p.proargtypes)
          AND p.proname NOT IN ('wc_detach', 'wc_create_tables') ORDER BY 1, 3""")
    assert len(functions) > 80
    leaks, errors, tried = [], 0, 0
    functions = [(name, arguments, [form if type == "anycompatible" else type for type in types])
                 for name, arguments, types in functions for form in (["json", "jsonb", "text"] if "anycompatible" in types else [None])]
    for name, arguments, types in functions:
        assert len(arguments or []) == len(types), f"{name} has an argument without a name"
        right = [RIGHT.get(type) if type in ("json", "jsonb") else RIGHT_BY_NAME.get(argument, RIGHT.get(type)) for argument, type in zip(arguments or [], types)]
        assert None not in right, (name, types)
        for place, (argument, type) in enumerate(zip(arguments or [], types)):
            for wrong in WRONG.get(type, []):
                given = [*right[:place], wrong, *right[place + 1:]]
                said = error_of(school, f"SELECT * FROM {name}({', '.join(f'%s::{one}' for one in types)})", given)
                tried += 1
                errors += said is not None
                if said and shown(said) and argument not in NAMES and not said.startswith(("22P02 | malformed array", "22023 | unknown filter")):
                    leaks.append((name, argument, wrong[:60], said[:200]))
                assert not (said or "").startswith(("XX", "58")), (name, given, said)
    assert not leaks, (len(leaks), {leak[:2]: leak[2:] for leak in leaks})
    assert tried > 500 and errors > 150


def test_every_field_of_an_import(school):
    chunks = [chunk for chunk, in school.rows("SELECT wc_export_health_history('s'::text)")]
    wrongs = [SECRET, 137.25, 1e300, [SECRET], [[SECRET]], {SECRET: 1}, f"{BIRTH}T99:00:00Z", f"{BIRTH}T00:00:00+99:99", f"{MEASURED} {BIRTH}", True, None, f"{SECRET}\0",
              f"{SECRET}\ud800", SECRET * 5000, "infinity", "294277-01-01T00:00:00Z"]
    leaks, errors = [], 0
    for at, chunk in enumerate(chunks):
        for part in "student", "records", "allergies", "conditions":
            if part not in chunk or chunk["type"] == "end":
                continue
            row = chunk[part][0] if isinstance(chunk[part], list) else chunk[part]
            for field in [*row, SECRET]:
                for wrong in wrongs:
                    changed = json.loads(json.dumps(chunks))
                    of_row = changed[at][part]
                    (of_row[0] if isinstance(of_row, list) else of_row)[field] = wrong
                    said = error_of(school, "SELECT wc_import_health_history(%s::json, 'update')", [json.dumps(changed)])
                    errors += said is not None
                    if said and shown(said) and field != SECRET:
                        leaks.append((part, field, str(wrong)[:40], said[:300]))
    assert not leaks, (len(leaks), leaks[:5])
    assert errors > 100


def test_rows_that_are_there_already(school):
    """Keys that collide, rows that another table's key forbids, values that a check refuses."""
    chunks = json.dumps([chunk for chunk, in school.rows("SELECT wc_export_health_history('s'::text)")])
    other = chunks.replace('"studentNumber": "N-s"', f'"studentNumber": "{SECRET}-2"').replace('"s"', f'"{SECRET}-1"')
    school.add_student(id="other", studentNumber=f"{SECRET}-2")
    school.sql(f"ALTER TABLE health_records ADD CHECK (description <> '{SECRET}') NOT VALID")
    for text, how in (chunks, "error"), (other, "error"), (other, "update"), (chunks, "update"):
        said = error_of(school, "SELECT wc_import_health_history(%s::json, %s)", [text, how])
        assert said and not [secret for secret in SECRETS if secret in said.replace(f"description <> '{SECRET}'", "")], said


def test_every_value_of_a_table(school):
    """No value of a row causes an error, and no error shows a value of a row."""
    asked = [call.replace("{id}", "'s'") for ways in calls(school).values() for call in ways] + ["wc_growth_prevalence()", f"wc_search_health_records('{SECRET}')"]
    vitals = [f'{{"height": {MEASURED}e300, "weight": 31.75e-300}}', f'{{"height": -{MEASURED}, "weight": 0}}', f'{{"height": "{SECRET}", "weight": ["{MEASURED}"]}}',
              '{"height": 1e-400, "weight": 1e400, "bmi": 1e5000}', f'"{SECRET}"', f'[{MEASURED}]', f'{{"height": {{"{SECRET}": 1}}, "weight": null}}',
              f'{{"height": {MEASURED}, "heightUnit": "{SECRET}", "weight": 31.75, "weightUnit": 7}}', "[" * 2000 + "]" * 2000]
    days = ["infinity", "-infinity", "294276-12-31", "4713-01-01 BC", "0001-01-01", BIRTH]
    failed = []
    for vital in vitals:
        said = error_of(school, 'INSERT INTO health_records (id, type, date, description, vital, "studentId") VALUES (\'x\', \'CHECKUP\', %s, %s, %s, \'s\')', [BIRTH, SECRET, vital])
        assert said is None, said
        school.sql("UPDATE health_records SET vital = %s", vital)
        failed += [(vital, call, said) for call in asked if (said := error_of(school, f"SELECT * FROM {call}"))]
    school.sql("UPDATE health_records SET vital = %s", f'{{"height": {MEASURED}, "weight": 31.75}}')
    for table, column in ("students", "dateOfBirth"), ("health_records", "date"), ("allergies", "createdAt"), ("chronic_conditions", "diagnosedDate"):
        before = school.one(f'SELECT "{column}"::text FROM {table}')
        for day in days:
            school.sql(f'UPDATE {table} SET "{column}" = %s', day)
            failed += [(table, day, call, said) for call in asked if (said := error_of(school, f"SELECT * FROM {call}"))]
        school.sql(f'UPDATE {table} SET "{column}" = %s', before)
    assert not failed, (len(failed), failed[:5])


def test_cursors(school):
    for n in range(30):
        school.add_record("s", date=f"{BIRTH} 00:00:{n:02}")
    cursor = school.one("SELECT wc_student_records_after('s'::text, NULL, 5) ->> 'nextCursor'")
    chance = random.Random(1)
    wrong = [cursor[:-2], cursor[2:], cursor + "00", cursor.upper(), BIRTH.replace("-", ""), SECRET.encode().hex() * 8, MEASURED]
    wrong += [cursor[:at] + chance.choice("0123456789abcdef".replace(cursor[at], "")) + cursor[at + 1:] for at in range(len(cursor))]
    for one in wrong:
        said = error_of(school, "SELECT wc_student_records_after('s'::text, %s, 5)", [one])
        assert said and said.startswith("22023") and not shown(said) and one not in said and cursor[4:20] not in said


@pytest.mark.parametrize("depth", [17, 5000, 100_000])
def test_filters_that_are_nested(school, depth):
    """In the name of a cached value our own code reads the filters; as json, PostgreSQL has read them already."""
    for text in "[" * depth, "[" * depth + "]" * depth, '{"provider":' * depth, '{"provider":' + "[" * depth + "]" * depth + "}", '{"a":[' * depth:
        for statement in "SELECT wc_cache_key('x'::text, %s)", "SELECT * FROM wc_cache_entries(ARRAY['s'], ARRAY[%s::text])":
            said = error_of(school, statement, [f"records:1:20:{text}"])
            assert said.startswith("22023") and ("nested" in said or "longer" in said), said
        for statement in [f"SELECT {call}, 20, %s::{type})" for type in ("json", "jsonb", "text")
                          for call in ("wc_cache_key('x'::text, 1", "wc_student_records('s'::text, 1", "wc_student_records_after('s'::text, NULL")]:
            said = error_of(school, statement, [text])
            assert said[:5] in ("22023", "22P02", "54001"), said


def test_filters_have_a_bound(school):
    for length, sqlstate in (9_900, None), (10_100, "22023"), (2_000_000, "22023"):
        filters = json.dumps({"provider": "x" * length})
        for statement, value in (("SELECT wc_cache_key('x'::text, %s)", f"records:1:20:{filters}"), ("SELECT wc_cache_key('x'::text, 1, 20, %s::json)", filters),
                                 ("SELECT * FROM wc_cache_entries(ARRAY['s'], ARRAY[%s::text])", f"records:1:20:{filters}"),
                                 ("SELECT wc_student_records('s'::text, 1, 20, %s::jsonb)", filters), ("SELECT wc_student_records_after('s'::text, NULL, 20, %s::text)", filters)):
            said = error_of(school, statement, [value])
            assert (said or "")[:5] == (sqlstate or ""), (length, statement, said and said[:200])
