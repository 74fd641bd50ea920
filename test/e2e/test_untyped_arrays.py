"""Ids as drivers send them that name no type: the text of an array, which the server has to give one."""

import psycopg
import pytest

from node_client import run_in_node
from own_ids import OwnSchool

# Of each function that takes an array of ids: a call, and what it says of the students ada and bob, and the one of a hundred.
CALLS = {
    "summaries": ("SELECT student_id::text, summary::text FROM wc_health_summaries({})"),
    "entries": ("SELECT student_id::text, key, value::text FROM wc_cache_entries({})"),
    "entries of a kind": ("SELECT student_id::text, key, value::text FROM wc_cache_entries({}, '{{growth_chart}}')"),
    "histories": ("SELECT student_id::text, (chunk::jsonb - 'exportDate')::text FROM wc_export_health_histories({})"),
    "pieces of histories": ("SELECT student_id::text, (chunk::jsonb - 'exportDate')::text FROM wc_export_health_histories({}, 1)"),
    "prewarm": ("SELECT wc_prewarm({})"),
}


@pytest.fixture
def two(school):
    for student in "ada", "b,o b":
        school.add_student(student)
        school.add_record(student, id=f"r {student}")
    return school


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("prepared", [False, True])
def test_a_list_of_psycopg(two, name, prepared):
    ids = ["b,o b", "ada", None, "nobody"]
    typed = two.rows(CALLS[name].format("%s::text[]"), ids)
    cursor = two.connection.execute(CALLS[name].format("%s"), [ids], prepare=prepared)
    assert cursor.fetchall() == typed and typed
    assert two.rows(CALLS[name].format("""'{"b,o b",ada,NULL,nobody}'""")) == typed, "a literal"
    assert two.rows(CALLS[name].format("""'{"b,o b",ada,NULL,nobody}'::varchar""")) == typed


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("wrong, sqlstate", [("SECRET", "22P02"), ("{SECRET", "22P02"), ("{SECRET,}", "22P02"), ("", "22P02")])
def test_text_that_is_no_array(two, name, wrong, sqlstate):
    with pytest.raises(psycopg.Error) as error:
        two.rows(CALLS[name].format("%s"), wrong)
    said = error.value.diag
    assert said.sqlstate == sqlstate and said.message_primary == "the given text is no array of ids" and "{a,b}" in said.message_hint
    assert "SECRET" not in " ".join(filter(None, (said.message_primary, said.message_detail, said.message_hint, said.context)))


def test_none_and_nothing(two):
    for name, call in CALLS.items():
        if name != "prewarm":
            assert two.rows(call.format("NULL")) == [] and two.rows(call.format("'{}'")) == [], name
    assert two.one("SELECT wc_bulk_delete_records(NULL)") is None
    assert two.one("SELECT wc_bulk_delete_records('{}')") == {"deleted": 0, "notFound": 0}


def test_deleting(two):
    assert two.one("SELECT wc_bulk_delete_records(%s)", ["r ada", "r nobody"]) == {"deleted": 1, "notFound": 1}
    assert two.rows("SELECT id FROM health_records") == [("r b,o b",)]
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        two.one("SELECT wc_bulk_delete_records(%s)", "r b,o b")
    assert two.rows("SELECT id FROM health_records") == [("r b,o b",)]


def test_in_plpgsql_and_in_the_select_list(two):
    two.sql("""CREATE FUNCTION found(ids text) RETURNS bigint LANGUAGE plpgsql AS
               $$ BEGIN RETURN (SELECT count(summary) FROM wc_health_summaries(ids)); END $$""")
    assert two.one("SELECT found('{ada,nobody}')") == 1
    assert two.rows("SELECT (wc_health_summaries(ids)).student_id FROM (VALUES ('{ada}'), ('{nobody}')) AS v (ids) ORDER BY 1") == [("ada",), ("nobody",)]


@pytest.mark.parametrize("id_type", ["uuid", "bigint"])
def test_the_column_decides_what_the_text_means(cluster, id_type):
    school = OwnSchool(cluster, f"untyped_{id_type}", id_type)
    with school.connection:
        school.add(1)
        key = str(school.key(1))
        for call in "%s", f"%s::{id_type}[]", "%s::text[]":
            (found,), = school.rows(f"SELECT student_id::text FROM wc_health_summaries({call}) WHERE summary IS NOT NULL", "{" + key + "}")
            assert found == key, call


NODE = """
  const results = [];
  for (const call of argument) results.push(await rows(call, [['b,o b', 'ada', null]]));
  return results;
"""


def test_an_array_of_node_postgres(two):
    calls = [call for name, call in CALLS.items() if name != "prewarm"]
    found = run_in_node(two, NODE, [call.format("$1") for call in calls])
    for call, rows in zip(calls, found):
        assert [tuple(row) for row in rows] == two.rows(call.format("%s::text[]"), ["b,o b", "ada", None]), call
