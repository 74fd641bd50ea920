"""The arguments of a caller may name a child, so no part of any error shows them."""

import json

import psycopg
import pytest

SECRET = "Quill"
FILTERS = {
    # what is wrong: the text, and the SQLSTATE where it is JSON
    "no JSON": (f'{{"provider":"{SECRET}', None),
    "no JSON behind it": (f'{{"provider":"{SECRET}"}} {SECRET}', None),
    "a wrong escape": (f'{{"provider":"{SECRET}\\x"}}', None),
    "no name": (f"{{{SECRET}}}", None),
    "a bare word": (SECRET, None),
    "a character that no text has": (f'{{"provider":"{SECRET}\\u0000"}}', "22P05"),
    "half of one": (f'{{"provider":"{SECRET}\\ud800 "}}', "22P05"),
    "a string": (f'"{SECRET}"', "22023"),
    "an array": (f'["{SECRET}"]', "22023"),
    "an object for a string": (f'{{"provider":{{"{SECRET}":1}}}}', "22023"),
    "an array for a string": (f'{{"provider":["{SECRET}"]}}', "22023"),
    "an unknown type": (f'{{"type":"{SECRET}"}}', "22023"),
    "a date that is none": (f'{{"dateFrom":"{SECRET}"}}', "22007"),
}


def error_of(school, query, *arguments):
    with pytest.raises(psycopg.Error) as raised:
        school.rows(query, *arguments)
    return raised.value.diag


def shown(diag):
    return [text for text in (diag.message_primary, diag.message_detail, diag.message_hint, diag.context, diag.internal_query,
                              diag.column_name, diag.constraint_name) if text]


@pytest.mark.parametrize("what", FILTERS)
def test_filters_in_a_kind(school, what):
    filters, sqlstate = FILTERS[what]
    student = school.add_student()
    diag = error_of(school, "SELECT * FROM wc_cache_entries(ARRAY[%s], ARRAY[%s])", student, f"records:1:20:{filters}")
    assert diag.sqlstate == (sqlstate or "22P02") and diag.message_hint
    assert not [text for text in shown(diag) if SECRET in text]


@pytest.mark.parametrize("what", [what for what, (_, sqlstate) in FILTERS.items() if sqlstate])
def test_filters_as_an_argument(school, what):
    filters, sqlstate = FILTERS[what]
    queries = [f"SELECT wc_cache_key(%s::text, 1, 20, %s::{type})" for type in ("json", "text")] if "type" not in what and "date" not in what else []
    queries += [f"SELECT {call}, 20, %s::{type})" for type in ("json", "text") for call in ("wc_student_records(%s::text, 1", "wc_student_records_after(%s::text, NULL")]
    # jsonb itself refuses what no text can hold, before any function is called.
    queries += ["SELECT wc_student_records(%s::text, 1, 20, %s::jsonb)", "SELECT wc_student_records_after(%s::text, NULL, 20, %s::jsonb)"] if sqlstate != "22P05" else []
    for query in queries:
        diag = error_of(school, query, school.add_student(), filters)
        assert diag.sqlstate == sqlstate and diag.message_hint
        assert not [text for text in shown(diag) if SECRET in text]


@pytest.mark.parametrize("kind", [f"record:1:20:{SECRET}", f"records:1:x{SECRET}", f"records:{SECRET}", f":{SECRET}"])
def test_kinds(school, kind):
    diag = error_of(school, "SELECT wc_cache_key('s'::text, %s)", kind)
    assert diag.sqlstate == "22023" and diag.message_hint
    assert not [text for text in shown(diag) if SECRET in text]


@pytest.mark.parametrize("call", ["wc_vital_trend('s'::text, %s)", "wc_vital_value('{}'::jsonb, %s)"])
def test_a_long_name_is_cut(school, call):
    diag = error_of(school, f"SELECT {call}", "ü" * 5000)
    assert diag.sqlstate == "22023" and diag.message_hint
    assert max(len(text.encode()) for text in shown(diag)) < 400


def test_in_a_database_of_another_encoding(cluster, empty_database):
    """Where text has no such character, the error does not show which it was, nor what stood beside it."""
    cluster.psql(f"DROP DATABASE {empty_database}; CREATE DATABASE {empty_database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public'); SELECT wc_attach('public')", empty_database)
    with cluster.connect(empty_database) as connection:
        assert connection.execute("SELECT wc_cache_key('s'::text, 1, 20, %s::json)", ['{"provider":"\\u00e9"}']).fetchone()[0].endswith('{"provider":"é"}')
        with pytest.raises(psycopg.errors.UntranslatableCharacter) as raised:
            connection.execute("SELECT wc_cache_key('s'::text, 1, 20, %s::json)", [json.dumps({"provider": f"{SECRET} \u20ac"})])
        assert not [text for text in shown(raised.value.diag) if SECRET in text or "0xe2" in text]


def test_an_import(school):
    student = school.add_student()
    school.add_record(student, description=SECRET)
    chunks = [chunk for chunk, in school.rows("SELECT wc_export_health_history(%s::text)", student)]
    for field, value in ("date", SECRET), ("type", SECRET), ("description", [SECRET]), ("vital", SECRET + "\0"), ("notes", SECRET + "\0"), ("id", None):
        wrong = json.loads(json.dumps(chunks))
        wrong[1]["records"][0][field] = value
        diag = error_of(school, "SELECT wc_import_health_history(%s::json, 'update')", json.dumps(wrong))
        assert "chunk 2 (records), row 1" in diag.message_primary and f'"{field}"' in diag.message_primary
        assert not [text for text in shown(diag) if SECRET in text]
