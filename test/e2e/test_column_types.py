"""No column's type, changed after wc_attach, crashes a function or makes it say something else."""

import re
from pathlib import Path

import pytest
from psycopg import OperationalError

from column_types import CALLS, ID_TYPES, KINDS, TYPES, bound_columns, called, normal, typed_school, value_in

pytestmark = pytest.mark.thorough

SOURCES = Path(__file__).resolve().parents[2] / "src/extension"


def test_every_function_that_reads_is_called():
    reading = {match[1] for path in SOURCES.rglob("*.cpp") for match in re.finditer(r"^WC_READING_FUNCTION\((\w+)\)", path.read_text(), re.M)}
    assert len(reading) > 15 and reading - called() == set()


@pytest.fixture(params=["text", "bigint"])
def school(request, cluster, empty_database):
    with typed_school(cluster, empty_database, request.param) as school:
        school.id_type = request.param
        yield school


def answers_after(school, *changes):
    """Returns the answers of all calls after these changes: [(call, answer)], and undoes the changes. A change: table, column,
    type, original value."""
    try:
        with school.connection.transaction(force_rollback=True):
            for table, column, type, original in changes:
                value = value_in(type, column, original)
                named = {"a domain": "some_domain", "another enum": "another"}.get(type, type)
                if type == "a domain":
                    school.sql("DROP DOMAIN IF EXISTS some_domain")
                    school.sql(f"CREATE DOMAIN some_domain AS {original}")
                school.sql("SELECT change(%s, %s, %s, %s)", table, column, named, value)
            return school.rows("SELECT * FROM attempt(%s)", CALLS)
    except OperationalError as error:
        pytest.fail(f"{changes}: {error}")


def test_every_column_of_every_type(school):
    before = answers_after(school)
    assert not [answer for _, answer in before if answer and answer.startswith("ERROR")]
    assert [normal(answer) for _, answer in before[:len(CALLS)]] == [normal(answer) for _, answer in before[len(CALLS):]]
    wrong = []
    refused = same = 0
    for entity, attribute, kind, column, original in bound_columns(school):
        is_id = kind in ("id", "student")
        if school.id_type != "text" and not is_id:
            continue  # they are as in the other school
        for type in TYPES + (ID_TYPES if is_id else []):
            if type == original:
                continue
            allowed = type in KINDS[kind] and not (entity == "students" and is_id)
            told = f'column "{column}" of table "public.{entity}", attached as attribute "{attribute}" of {entity}, '
            for (call, answer), (_, was) in zip(answers_after(school, (entity, column, type, original)), before):
                if answer and answer.startswith("ERROR"):
                    refused += 1
                    named = told in answer or (entity == "students" and is_id and 'attached as attribute "studentId"' in answer)
                    if allowed or not answer.startswith("ERROR 42804 ") or not named or "must " not in answer \
                            or not answer.endswith('overrides" names another.'):
                        wrong.append((entity, column, type, call, answer))
                elif normal(answer) == normal(was):
                    same += 1
                else:
                    wrong.append((entity, column, type, call, normal(answer), normal(was)))
    assert not wrong, f"{len(wrong)} of {refused + same}, such as {[str(what)[:1500] for what in wrong[:2]]}"
    assert refused > 500 and same > 500


@pytest.mark.parametrize("type", ["varchar", "char(40)", "uuid", "bigint", "integer", 'text COLLATE "C"'])
def test_all_ids_of_another_type(school, type):
    """Nothing is refused, where the ids of all tables are alike."""
    if type == school.id_type:
        return
    before = [normal(answer) for _, answer in answers_after(school)]
    changes = [(entity, column, type, original) for entity, _, kind, column, original in bound_columns(school) if kind in ("id", "student")]
    found = answers_after(school, *changes)
    differing = [(call, normal(answer), was) for (call, answer), was in zip(found, before) if normal(answer) != was]
    assert not differing, differing[0]
