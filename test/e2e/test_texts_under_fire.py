"""Texts that applications pass on, after changes that nobody would make on purpose: cursors, filters, kinds of cached values, searches and
documents to import.  Each is taken as what it says, or refused with an error that has its class and shows none of it.
"""

import json
import random
import re

import psycopg
import pytest

from exported_history import exported
from school import Cache

SEED = 20251010
CHANGES = 250
SECRET = "Quill-9f3"
# What the caller did wrong, or asked too much of: never an internal error.
REFUSALS = re.compile("22...|23...|42804|54...|0A000|P0002")

MARKS = ['"', "\\", "{", "}", "[", "]", ":", ",", "null", "-1", "1e400", "9" * 30, "\\u0000", "\\ud800", "\\u00e9", "é", "\x7f", "\n", "%", "''",
         SECRET, '{"a":' * 20, "[" * 40, "true", "2025-02-30", "0x", " "]


def changed(draw, text):
    for _ in range(draw.randint(1, 4)):
        at, length = draw.randint(0, len(text)), draw.randint(1, 8)
        text = draw.choice([
            lambda: text[:at] + draw.choice(MARKS) + text[at:],
            lambda: text[:at] + text[at + length:],
            lambda: text[:at] + draw.choice(MARKS) + text[at + length:],
            lambda: text[:at] + text[at:at + length] + text[at:],
            lambda: text[:at] + chr(draw.randint(1, 0x24f)) + text[at + 1:],
            lambda: text[:at],
        ])()
    return text


def said(diag):
    return " ".join(text for text in (diag.message_primary, diag.message_detail, diag.message_hint, diag.context, diag.internal_query) if text)


def answer(school, query, *arguments):
    """The answer, or None after a refusal, which shows nothing of the arguments but the name of a filter or of a field that there is not."""
    try:
        with school.connection.transaction(force_rollback=True):
            return school.rows(query, *arguments)
    except psycopg.Error as error:
        assert error.sqlstate and REFUSALS.fullmatch(error.sqlstate), (error.sqlstate, str(error), query, arguments)
        # What the type json itself refuses, no function of ours has seen.
        is_type = error.sqlstate in ("22P02", "22P05", "54001") and re.search(r"::jsonb?\b", query)
        is_name = re.search('^unknown filter "|, field ".*": the table has no such column$', error.diag.message_primary, re.S)
        assert SECRET not in said(error.diag) or is_type or is_name, (str(error), arguments)
        assert len(error.diag.message_primary) < 300
        return None


@pytest.fixture
def student(school):
    # Ids of their own, so that the same changes are made whichever tests were before.
    student = school.add_student("fired-at", lastName=SECRET)
    for day in range(1, 10):
        school.add_record(student, f"fired-at-{day}", date=f"2025-03-0{day}", provider=SECRET)
    school.add_allergy(student, "fired-at", allergen=SECRET)
    return student


def counts(school):
    return [school.one(f"SELECT count(*) FROM {table}") for table in ("students", "health_records", "allergies", "chronic_conditions")]


def fire(school, query, student, seeds, checked):
    """Calls the query with the student and with a change of a seed, again and again → how many were taken, and how many refused."""
    draw = random.Random(SEED)
    process, before = school.one("SELECT pg_backend_pid()"), counts(school)
    taken = refused = 0
    for _ in range(CHANGES):
        seed = draw.choice(seeds)
        text = changed(draw, seed)
        rows = answer(school, query, *([student] if student else []), text)
        refused += rows is None
        taken += rows is not None
        if rows is not None:
            checked(seed, text, rows)
    print(f"seed {SEED}: {taken} taken, {refused} refused")
    assert school.one("SELECT pg_backend_pid()") == process and counts(school) == before
    return taken, refused


def test_a_cursor_is_the_one_that_was_given_or_none(school, student):
    query = "SELECT wc_student_records_after(%s::text, %s::text, 2)::text"
    cursors, cursor = [], None
    for _ in range(3):
        cursor = json.loads(school.one(query, student, cursor))["nextCursor"]
        cursors.append(cursor)

    def checked(seed, text, rows):
        assert text in cursors, "a cursor that nobody gave out"

    _, refused = fire(school, query, student, cursors, checked)
    assert refused > CHANGES / 2


FILTERS = ['{"type":"CHECKUP","dateFrom":"2025-01-01"}', '{"provider":"' + SECRET + '","dateTo":"2025-10-10T09:30:00.000Z"}', "{}",
           '{"type":null,"provider":"\\u00e9"}']


@pytest.mark.parametrize("type", ["text", "json", "jsonb"])
def test_filters_are_written_as_javascript_would_write_them(school, student, type):
    def checked(seed, text, rows):
        key, = rows[0]
        written = key.removeprefix(Cache.key(student, "records:1:20:"))
        told = json.loads(text, object_pairs_hook=lambda pairs: {name: value for name, value in pairs})
        assert json.loads(written) == told
        assert set(told) <= {"type", "dateFrom", "dateTo", "provider"} and all(value is None or isinstance(value, str) for value in told.values())
        answer(school, f"SELECT wc_student_records(%s::text, 1, 20, %s::{type})", student, text)

    taken, refused = fire(school, f"SELECT wc_cache_key(%s::text, 1, 20, %s::{type})", student, FILTERS, checked)
    assert taken > CHANGES / 50 and refused > CHANGES / 2


def test_kinds_of_cached_values(school, student):
    seeds = ["health_summary", "growth_chart", *(f"records:1:20:{filters}" for filters in FILTERS)]

    def checked(seed, text, rows):
        assert text in ("health_summary", "growth_chart") or text.startswith("records:")

    fire(school, "SELECT * FROM wc_cache_entries(ARRAY[%s::text], ARRAY[%s::text])", student, seeds, checked)


def test_write_tokens(school):
    seeds = [school.one("SELECT wc_write_token() FROM pg_current_xact_id()"), "1.7.1.5", "18446744073709551615.1.1.1"]

    def checked(seed, text, rows):
        assert re.fullmatch(r"(0|[1-9]\d*)(\.\d+){3}", text) and int(text.split(".")[0]) < 2**64

    taken, refused = fire(school, "SELECT wc_sees_write(%s::text)", None, seeds, checked)
    assert taken and refused > CHANGES / 2


def test_searches(school, student):
    def checked(seed, text, rows):
        json.loads(rows[0][0])

    taken, _ = fire(school, "SELECT wc_search_health_records(%s::text)::text", None, [f'"{SECRET} (a" -b*', "o'brien %_", "ann-marie 7"], checked)
    assert taken > CHANGES / 2


def test_documents_to_import(school, student):
    document = "[" + ",".join(exported(school, student)) + "]"

    def checked(seed, text, rows):
        assert rows[0][0]["student"] == {"inserted": 0, "updated": 1, "skipped": 0} or rows[0][0]["student"]["inserted"] == 1

    taken, refused = fire(school, "SELECT wc_import_health_history(%s::json, 'update')", None, [document], checked)
    assert taken and refused
