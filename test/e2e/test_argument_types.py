"""Arguments as drivers bind them: JSON as json, jsonb or text, numbers of any width, values of no type, and NULL.

The functions come from the catalog, so that a new one is tested without being listed.
"""

import json
from itertools import groupby

import psycopg
import pytest

from calls import BY_TYPE, VALUES, functions, literal
from school import Cache, attached_school

HOLDS_JSON = {"json", "jsonb", "anycompatible"}
NUMBERS = {"bigint", "integer", "smallint", "numeric", "real"}
IDS = {"student_id", "student_ids", "ids"}
# What arguments that hold JSON are given.
JSON = {"filters": '{"type": "CHECKUP", "provider": "nurse"}', "vital": '{"height": 130, "weight": 30}', "overrides": "{}"}
OTHERS = VALUES | {"student_id": ["s"], "application_schema": ["public"], "compute_bmi": ["false"], "include": ["{}"], "indexes": ["false"]}


@pytest.fixture(scope="module")
def school_of_all(cluster):
    school = attached_school(cluster, "arguments")
    with school.connection:
        school.add_student("s")
        for n in range(30):
            school.add_record("s", f"r{n:02}", provider="Nurse Hall", vital='{"height": 130}', date=f"2025-03-{1 + n % 28:02}")
        yield school
    cluster.drop_database("arguments")


@pytest.fixture
def school(school_of_all):
    """Calls that change something are undone."""
    with school_of_all.connection.transaction(force_rollback=True):
        yield school_of_all


def public(school):
    found = [f for f in functions(school.connection) if f.schema == "public" and f.kind == "f" and f.result != "trigger"]
    assert len(found) > 100
    return found


def value_of(argument, type, history):
    if argument == "history":
        return history
    if type in HOLDS_JSON or argument in ("filters", "overrides"):
        return JSON[argument]
    return (OTHERS.get(argument) or [BY_TYPE.get(type)])[0]


def with_argument(school, wanted):
    """(function, place of an argument) of every function that has text, or nothing, for ids, and an argument of a kind."""
    return [(f, place) for f in public(school) for place, (argument, type) in enumerate(zip(f.arguments, f.types))
            if wanted(argument, type) and f.types[0] in ("text", "text[]", "json", "jsonb", "name", "anycompatible")]


def calls_of(f, place, given, history):
    """Calls with `given` for one argument: of all arguments, and of this one by its name behind those that have no default."""
    written = [literal(value_of(argument, type, history), type) for argument, type in zip(f.arguments, f.types)]
    yield f"SELECT * FROM {f.name}({', '.join([*written[:place], given, *written[place + 1:]])})"
    required = [given if at == place else written[at] for at in range(f.required)]
    named = [] if place < f.required else [f"{f.arguments[place]} => {given}"]
    yield f"SELECT * FROM {f.name}({', '.join(required + named)})"


# No such function, not unique, a type that does not fit or is not known, text that is no such value.
UNRESOLVED = {"42883", "42725", "42804", "42P18", "22P02"}


def answer(school, statement, parameters=None, **options):
    """The rows as text: json and jsonb print the same values differently. Or the error, which is one of the function itself."""
    school.sql("SAVEPOINT before")
    try:
        return str(school.connection.execute(statement, parameters, **options).fetchall())
    except psycopg.Error as error:
        assert error.sqlstate not in UNRESOLVED, (statement[:300], parameters, str(error))
        return f"{error.sqlstate} {error}"
    finally:
        school.sql("ROLLBACK TO before")


@pytest.fixture
def history(school):
    return json.dumps([chunk for chunk, in school.rows("SELECT wc_export_health_history('s'::text, 7)")])


def test_json_in_every_type(school, history):
    found = with_argument(school, lambda argument, type: type in HOLDS_JSON)
    assert {f.name for f, _ in found} >= {"wc_student_records", "wc_student_records_after", "wc_cache_key", "wc_import_health_history",
                                          "wc_vital_value", "wc_attach", "wc_student_records_jsonb"}
    for f, place in found:
        value = value_of(f.arguments[place], f.types[place], history)
        quoted = "'" + value.replace("'", "''") + "'"
        typed = [f"{quoted}::{type}" for type in ("json", "jsonb", "text", "varchar", "character varying(100000)")]
        for calls in zip(*(calls_of(f, place, given, history) for given in [*typed, quoted])):
            answers = {answer(school, call) for call in calls}
            for prepare in False, True:
                untyped = calls[0].replace(typed[0], "%s")
                answers.add(answer(school, untyped, [value], prepare=prepare))
            assert len(answers) == 1, (f.name, answers)
        for calls in zip(*(calls_of(f, place, given, history) for given in ("NULL", *(f"NULL::{type}" for type in ("json", "jsonb", "text", "varchar"))))):
            answers = {answer(school, call) for call in calls}
            untyped = calls[0].replace(f"{f.arguments[place]} => NULL", f"{f.arguments[place]} => %s") if "=> NULL" in calls[0] else None
            if untyped:
                answers.add(answer(school, untyped, [None]))
            assert len(answers) == 1, (f.name, answers)


def test_numbers_of_every_width(school, history):
    """A number that a caller gives is bigint: to that PostgreSQL converts the other widths, and drivers have no other for a long."""
    narrow = [(f.name, argument) for f in public(school) for argument, type in zip(f.arguments, f.types) if type in NUMBERS - {"bigint"}]
    assert narrow == []
    found = with_argument(school, lambda argument, type: type == "bigint" and argument not in IDS)
    assert {(f.name, f.arguments[place]) for f, place in found} >= {
        ("wc_student_records", "page"), ("wc_student_records", "page_size"), ("wc_student_records_after", "page_size"), ("wc_recent_vitals", "n"),
        ("wc_search_health_records", "page"), ("wc_cache_key", "page"), ("wc_cache_key", "page_size"), ("wc_export_health_history", "batch_size"),
        ("wc_export_health_histories", "batch_size"), ("wc_growth_chart_svg", "width")}
    for f, place in found:
        value = value_of(f.arguments[place], "bigint", history)
        typed = [f"{value}::{type}" for type in ("bigint", "integer", "smallint")]
        for calls in zip(*(calls_of(f, place, given, history) for given in [*typed, value, f"'{value}'"])):
            answers = {hide_time(answer(school, call)) for call in calls}
            for parameter in int(value), value:
                answers.add(hide_time(answer(school, calls[0].replace(typed[0], "%s"), [parameter])))
            assert len(answers) == 1, (f.name, answers)
        for calls in zip(*(calls_of(f, place, given, history) for given in ("NULL", "NULL::bigint", "NULL::integer", "NULL::smallint"))):
            assert len({hide_time(answer(school, call)) for call in calls}) == 1, f.name


def hide_time(text):
    at = text.find("'exportDate': ")
    return text if at < 0 else text[:at] + hide_time(text[text.index(",", at):])


def test_no_call_without_types_is_ambiguous(school):
    """All arguments as parameters of no type, as NULL and as literals: as many as have no default, up to all of them."""
    failed, tried = {}, 0
    for name, overloads in groupby(sorted(public(school), key=lambda f: f.name), key=lambda f: f.name):
        counts = {count for f in overloads for count in range(f.required, len(f.types) + 1)}
        for count in counts:
            for write in (lambda n: f"${n + 1}", lambda n: "NULL"):
                school.sql("SAVEPOINT before")
                tried += 1
                try:
                    school.sql(f"PREPARE untyped AS SELECT * FROM {name}({', '.join(map(write, range(count)))})")
                    school.sql("DEALLOCATE untyped")
                except psycopg.Error as error:
                    failed[name, count] = str(error)
                school.sql("ROLLBACK TO before")
    assert failed == {} and tried > 100


def test_calls_as_they_were_before(school):
    """With jsonb, integers, and only some of the arguments."""
    page = school.one("SELECT wc_student_records('s'::text, 1, 20, '{\"type\": \"CHECKUP\"}'::jsonb)")
    assert page["pagination"] == {"page": 1, "limit": 20, "total": 30, "pages": 2}
    for call in ("wc_student_records('s')", "wc_student_records('s', 1)", "wc_student_records('s', 1, 20)", "wc_student_records('s', page_size => 20)",
                 "wc_student_records('s', filters => '{}')", "wc_student_records('s', filters => '{}'::jsonb, page => 1)",
                 "wc_student_records(student_id => 's', filters => '{}'::json, page_size => 20::smallint, page => 1::bigint)"):
        assert school.one(f"SELECT {call}") == page, call
    assert school.one("SELECT wc_cache_key('s', 1, 20)") == school.one("SELECT wc_cache_key('s', 1::bigint, 20, filters => '{}'::jsonb)") == Cache.key("s", "records:1:20:{}")


def test_filters_in_a_view_a_function_and_a_prepared_statement(school):
    school.sql("""CREATE VIEW pages AS SELECT wc_student_records(id, 1, 5, '{"type": "CHECKUP"}') AS page FROM students;
                  CREATE FUNCTION pages(wanted json) RETURNS json LANGUAGE sql STABLE RETURN wc_student_records('s', 1, 5, wanted);
                  CREATE FUNCTION dynamic(wanted varchar) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RETURN wc_student_records('s', 1, 5, wanted); END $$;
                  CREATE DOMAIN wish AS jsonb; PREPARE page (wish) AS SELECT wc_student_records('s', 1, 5, $1)""")
    wanted = '{"type": "CHECKUP"}'
    pages = [school.one("SELECT page FROM pages"), school.one("SELECT pages(%s::json)", wanted), school.one("SELECT dynamic(%s)", wanted),
             school.one(f"EXECUTE page('{wanted}')"), school.one("SELECT wc_student_records('s', 1, 5, wanted) FROM (VALUES (%s::text)) AS v (wanted)", wanted)]
    school.sql("CREATE VIEW restored AS " + school.one("SELECT pg_get_viewdef('pages'::regclass)"))
    pages.append(school.one("SELECT page FROM restored"))
    assert len(pages[0]["records"]) == 5 and all(page == pages[0] for page in pages)


@pytest.mark.parametrize("given", ["5", "true", "'{a}'::text[]", "now()", "'x'::name", "ROW(1)"])
@pytest.mark.parametrize("call", ["wc_student_records('s', 1, 20, {})", "wc_student_records_after('s', NULL, 20, {})", "wc_cache_key('s', 1, 20, {})"])
def test_filters_of_another_type(school, call, given):
    with pytest.raises(psycopg.errors.DatatypeMismatch, match='"filters" must be JSON, and is ') as error, school.connection.transaction():
        school.sql(f"SELECT {call.format(given)}")
    assert error.value.diag.message_hint == "Give it as json, as jsonb or as text."


@pytest.mark.parametrize("call", ["wc_student_records('s', 1, 20, %s)", "wc_student_records_after('s', NULL, 20, %s)", "wc_cache_key('s', 1, 20, %s)",
                                  "wc_import_health_history(%s)", "wc_vital_value(%s, 'height')"])
@pytest.mark.parametrize("given", ["Quill", '{"provider": "Quill', '{"provider": Quill}', ""])
def test_text_that_is_not_json(school, call, given):
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="is not JSON") as error, school.connection.transaction():
        school.sql(f"SELECT {call}", given)
    said = error.value.diag
    assert "Quill" not in " ".join(filter(None, (said.message_primary, said.message_detail, said.message_hint, said.context)))


@pytest.mark.parametrize("given, sqlstate", [('{"height": "\\u0000"}', "22P05"), ('{"height": 1e200000}', "22003")])
@pytest.mark.parametrize("type", ["text", "json"])
def test_vitals_that_jsonb_cannot_hold(school, given, sqlstate, type):
    with pytest.raises(psycopg.Error, match='"vital" has a value that jsonb cannot hold') as error, school.connection.transaction():
        school.sql(f"SELECT wc_vital_value(%s::{type}, 'height')", given)
    assert error.value.sqlstate == sqlstate


@pytest.mark.parametrize("page", [2**31, 2**53, 2**62, 2**63 - 1])
def test_pages_beyond_all_records(school, page):
    empty = {"records": [], "pagination": {"page": page, "limit": 500, "total": 30, "pages": 1}}
    assert school.one("SELECT wc_student_records('s', %s, 500)", page) == empty
    for order in "date", "rank":
        found = school.one("SELECT wc_search_health_records('checkup', NULL, %s, 500, %s)", page, order)
        assert found["records"] == [] and found["pagination"]["page"] == page and found["pagination"]["total"] == 30
    key = Cache.key("s", f"records:{page}:500:{{}}")
    assert school.one("SELECT wc_cache_key('s', %s, 500)", page) == school.one("SELECT wc_cache_key('s', %s)", f"records:{page}:500:{{}}") == key
    assert school.rows("SELECT key, value FROM wc_cache_entries(ARRAY['s'], ARRAY[%s])", f"records:{page}:500:{{}}") == [(key, empty)]


@pytest.mark.parametrize("call", ["wc_student_records('s', %s)", "wc_student_records('s', 1, %s)", "wc_student_records_after('s', NULL, %s)",
                                  "wc_recent_vitals('s', %s)", "wc_search_health_records('x', NULL, %s)", "wc_search_health_records('x', NULL, 1, %s)",
                                  "wc_export_health_history('s', %s)", "wc_growth_chart_svg('s', 'height', %s)", "wc_cache_key('s', %s, 20)"])
@pytest.mark.parametrize("number", [0, -1, -2**63])
def test_numbers_out_of_range(school, call, number):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=str(number)), school.connection.transaction():
        school.sql(f"SELECT {call}", number)


def test_jsonb_has_an_order_of_its_own_in_keys(school):
    given = '{"provider": "x", "type": "CHECKUP"}'
    assert school.one("SELECT wc_cache_key('s', 1, 20, %s)", given) == Cache.key("s", 'records:1:20:{"provider":"x","type":"CHECKUP"}')
    assert school.one("SELECT wc_cache_key('s', 1, 20, %s::jsonb)", given) == Cache.key("s", 'records:1:20:{"type":"CHECKUP","provider":"x"}')


def test_a_cursor_does_not_depend_on_the_type_of_its_filters(school):
    given = '{"provider": "nurse", "type": "CHECKUP"}'
    first = school.one("SELECT wc_student_records_after('s', NULL, 10, %s)", given)
    for type in "json", "jsonb", "varchar":
        after = school.one(f"SELECT wc_student_records_after('s', %s, 10, %s::{type})", first["nextCursor"], given)
        assert len(after["records"]) == 10 and after["records"] != first["records"]
