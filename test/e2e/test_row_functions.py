"""Functions on the rows of students, and the view student_summaries: what wc_row_functions proposes, and what that gives."""

import re
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import errors

from own_ids import TABLES
from school import School, attached_school

# Behind a row, and behind an id: the same call.
CALLS = {
    "s.health_summary": "wc_health_summary(s.id, '{}'::text[])",
    "s.growth_chart": "wc_growth_chart(s.id, '{}'::text[])",
    "s.recent_vitals": "wc_recent_vitals(s.id, '5'::bigint)",
    "s.vaccinations": "wc_vaccinations(s.id)",
    "s.student_allergies": "wc_student_allergies(s.id)",
    "s.student_conditions": "wc_student_conditions(s.id)",
    "s.bmi_category_of": "wc_bmi_category_of(s.id, NULL::text, false)",
    "student_records(s)": "wc_student_records(s.id, '1'::bigint, '20'::bigint, '{}'::jsonb)",
    "s.student_records": "wc_student_records(s.id, '1'::bigint, '20'::bigint, '{}'::jsonb)",
    "student_records(s, 2, 1, '{\"type\": \"CHECKUP\"}')": "wc_student_records(s.id, '2'::bigint, '1'::bigint, '{\"type\": \"CHECKUP\"}'::jsonb)",
    "vital_trend(s, 'height')": "wc_vital_trend(s.id, 'height'::text, NULL::timestamptz)",
    "growth_chart_svg(s, 'height')": "wc_growth_chart_svg(s.id, 'height'::text, '800'::bigint, '600'::bigint)",
}
NAMES = sorted({re.sub(r"^s\.|\(.*", "", call) for call in CALLS})


def statements(school, arguments="'public'"):
    return [statement for statement, in school.rows(f"SELECT wc_row_functions({arguments})")]


def create(school, arguments="'public'"):
    for statement in statements(school, arguments):
        school.sql(statement)


def add_rows(school):
    for student in "ada", "bob":
        school.add_student(student)
        for n in range(3):
            school.add_record(student, f"{student}-{n}", vital=f'{{"height": {130 + n}, "weight": 30}}', date=f"2025-03-{1 + n:02}")
    school.add_record("ada", "shot", type="VACCINATION")
    school.add_allergy("ada")
    school.add_condition("ada")


@pytest.fixture(scope="module")
def rows(cluster):
    school = attached_school(cluster, "rows")
    add_rows(school)
    school.sql("CREATE ROLE wc_row_reader; GRANT USAGE ON SCHEMA public TO wc_row_reader")
    with school.connection:
        yield school
    cluster.drop_database("rows")
    cluster.psql("DROP ROLE wc_row_reader")


@pytest.fixture
def undone(rows):
    """Undoes what a test does."""
    rows.sql("BEGIN")
    yield rows
    rows.sql("ROLLBACK")


@pytest.fixture
def made(undone):
    create(undone)
    return undone


def plan(school, expression):
    return [line for line, in school.rows(f"EXPLAIN (VERBOSE, COSTS off) SELECT {expression} AS it FROM students AS s")]


@contextmanager
def fails(school, error):
    school.sql("SAVEPOINT before")
    with pytest.raises(error) as failed:
        yield failed
    school.sql("ROLLBACK TO before")


# ---- what they are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
def test_a_call_behind_a_row_is_the_plain_call(made, call):
    assert plan(made, call) == plan(made, CALLS[call])
    assert "wc_" in plan(made, call)[1]
    assert made.rows(f"SELECT s.id, ({call})::text FROM students AS s ORDER BY 1") == made.rows(f"SELECT s.id, ({CALLS[call]})::text FROM students AS s ORDER BY 1")


def test_what_graphql_makes_of_them(made):
    """A function that is not stable would be a mutation, and a bigint is text."""
    assert made.rows("SELECT DISTINCT provolatile::text, proparallel::text FROM pg_proc WHERE proname = ANY (%s)", NAMES) == [("s", "s")]
    assert made.one("SELECT oidvectortypes(proargtypes) FROM pg_proc WHERE proname = 'student_records'") == "students, integer, integer, jsonb"


def test_as_jsonb(undone):
    create(undone, "'public', as_jsonb => true")
    for call, plain in CALLS.items():
        if "svg" not in call and "bmi" not in call:
            assert plan(undone, call) == plan(undone, plain.replace("(", "_jsonb(", 1))
            assert undone.one(f"SELECT pg_typeof({call})::text FROM students AS s LIMIT 1") == "jsonb"
    assert undone.one("SELECT count(*) FROM (SELECT DISTINCT summary, growth_chart FROM student_summaries) AS d") == 2


def test_the_view_has_a_row_for_each_student(made):
    assert made.rows("SELECT * FROM student_summaries ORDER BY id") == [(id, made.summary(id), made.one("SELECT wc_growth_chart(%s::text)", id)) for id in ("ada", "bob")]
    described = [(d.name, d.type_code) for d in made.sql("SELECT * FROM student_summaries LIMIT 0").description]
    assert described == [("id", 25), ("summary", 114), ("growth_chart", 114)]


def test_the_view_computes_only_what_is_asked_for(made):
    for asked, there in ("id", []), ("summary", ["wc_health_summary"]), ("id, growth_chart", ["wc_growth_chart"]):
        text = "\n".join(line for line, in made.rows(f"EXPLAIN (VERBOSE) SELECT {asked} FROM student_summaries WHERE id = 'ada'"))
        assert re.findall(r"wc_\w+", text) == there
        assert "students_pkey" in text or "Seq Scan on public.students" in text


@pytest.fixture(scope="module")
def bare(cluster):
    """A database with the extension in another schema, and no tables."""
    cluster.create_database("bare_rows")
    with School(cluster, "bare_rows") as school:
        school.sql('CREATE SCHEMA "Ext 1"; CREATE EXTENSION white_cross SCHEMA "Ext 1"')
        yield school
    cluster.drop_database("bare_rows")


@pytest.fixture
def bare_undone(bare):
    bare.sql("BEGIN")
    yield bare
    bare.sql("ROLLBACK")


@pytest.mark.parametrize("id", ["text", "varchar", "varchar(40)", "uuid", "bigint", "integer"])
def test_ids_of_each_type_in_a_schema_and_columns_of_other_names(bare_undone, id):
    bare = bare_undone
    ids = {"uuid": ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"],
           "bigint": ["9007199254740993", "-5"], "integer": ["7", "-5"]}.get(id, ["o'brien", "Zoë 1"])
    bare.sql('CREATE SCHEMA "Our ""Clinic"; SET LOCAL search_path = "Our ""Clinic"')
    bare.connection.execute(TABLES.format(id=id, time="timestamp(3)"))
    bare.sql('ALTER TABLE students RENAME TO "Pupils"; ALTER TABLE "Pupils" RENAME id TO "Pupil Id"')
    for one in ids:
        bare.sql('INSERT INTO "Pupils" VALUES (%s::text::' + id + ', \'N1\', \'Ada\', \'Quill\', \'2014-03-02\', \'FEMALE\', \'5\')', one)
    bare.sql("SET LOCAL search_path = pg_catalog")
    bare.sql("""SELECT "Ext 1".wc_attach('Our "Clinic', '{"students": {"table": "Pupils", "columns": {"id": "Pupil Id"}}}'::jsonb)""")
    made = bare.rows("""SELECT "Ext 1".wc_row_functions('Our "Clinic')""")
    overload = "pg_catalog.uuid" if id == "uuid" else "bigint" if "int" in id else "pg_catalog.text"
    for statement, in made:
        assert f'"Pupil Id"::{overload}' in statement, "a call of another one would still answer"
        bare.sql(statement)
    assert len(made) == len(NAMES) + 1 and bare.rows("""SELECT "Ext 1".wc_row_functions('Our "Clinic')""") == []
    # A name behind a dot is looked for in the search path; a call may have its schema.
    summaries = [('"Our ""Clinic".health_summary(s)', "pg_catalog"), ('(SELECT summary FROM "Our ""Clinic".student_summaries AS v WHERE v.id = s."Pupil Id")', "pg_catalog"),
                 ("s.health_summary", '"Our ""Clinic"')]
    plain = f'"Ext 1".wc_health_summary(s."Pupil Id"::{"text" if "char" in id else "bigint" if "int" in id else id})'
    for summary, path in summaries:
        bare.sql(f"SET LOCAL search_path = {path}")
        found = bare.rows(f'SELECT s."Pupil Id"::text, {summary}, {plain} FROM "Our ""Clinic"."Pupils" AS s')
        assert len(found) == 2 and all(one == expected and str(one["student"]["id"]) == key for key, one, expected in found)
    assert bare.one('SELECT s.vaccinations FROM "Pupils" AS s LIMIT 1') == []


# ---- what is proposed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["gexec", "pipe"])
def test_psql_runs_the_statements(rows, way):
    try:
        ask = "SELECT wc_row_functions('public')"
        if way == "gexec":
            assert rows.psql(ask + " \\gexec") is not None
        else:
            rows.psql("\n".join(statements(rows)))
        assert statements(rows) == []
        assert rows.psql("SELECT s.health_summary -> 'student' ->> 'id' FROM students AS s WHERE id = 'ada'").strip() == "ada"
        rows.psql(ask + " \\gexec")
    finally:
        rows.psql("DROP VIEW student_summaries; " + "".join(f"DROP FUNCTION {name};" for name in NAMES))
    assert len(statements(rows)) == len(NAMES) + 1


def test_only_what_is_missing_has_a_statement(made):
    assert statements(made) == statements(made, "'public', NULL, NULL") == []
    made.sql("DROP FUNCTION vaccinations")
    assert [re.search(r"vaccinations|$", statement)[0] for statement in statements(made)] == ["vaccinations"]
    made.sql("DROP VIEW student_summaries")
    assert len(statements(made)) == 2
    create(made)
    assert statements(made) == []


def test_a_prefix(made):
    assert len(statements(made, "'public', 'students_'")) == len(NAMES)  # the view is there
    create(made, "'public', 'students_'")
    assert made.rows("SELECT s.students_health_summary FROM students AS s ORDER BY id") == made.rows("SELECT s.health_summary FROM students AS s ORDER BY id")
    create(made, "'public', 'a \"b'")
    assert made.one("SELECT s.\"a \"\"bhealth_summary\" FROM students AS s WHERE id = 'bob'") == made.summary("bob")
    assert statements(made, "'public', 'a \"b'") == []
    longest = "x" * (63 - len("student_conditions"))
    assert len(statements(made, f"'public', '{longest}'")) == len(NAMES)
    with fails(made, errors.NameTooLong):
        statements(made, f"'public', '{longest}x'")


# What is in the way; which of the statements are left out then, and why.
OBSTACLES = {
    "a column": ("ALTER TABLE students ADD health_summary text", {"health_summary"}, "the table has a column of this name"),
    "a function of somebody else": ("CREATE FUNCTION growth_chart(students) RETURNS text LANGUAGE sql AS 'SELECT 1::text'", {"growth_chart"},
                                    "there is another function of this name that takes a student"),
    "one of PL/pgSQL that calls ours": ("CREATE FUNCTION growth_chart(s students) RETURNS json LANGUAGE plpgsql AS 'BEGIN RETURN wc_growth_chart(s.id); END'", {"growth_chart"},
                                        "there is another function of this name that takes a student"),
    "one that takes more": ("CREATE FUNCTION vaccinations(students, integer DEFAULT 1) RETURNS json LANGUAGE sql AS 'SELECT NULL::json'", {"vaccinations"},
                            "there is another function of this name that takes a student"),
    "a function with another result": ("CREATE FUNCTION vaccinations(s students) RETURNS text LANGUAGE sql RETURN wc_vaccinations(s.id)::text", {"vaccinations"},
                                       "there is another function of this name that takes a student"),
    "two obstacles": ("ALTER TABLE students ADD recent_vitals text, ADD vital_trend text", {"recent_vitals", "vital_trend"}, "the table has a column of this name"),
    "a table": ("CREATE TABLE student_summaries ()", {"student_summaries"}, "there is another object of this name"),
    "a view of somebody else": ("CREATE VIEW student_summaries AS SELECT id FROM students", {"student_summaries"}, "there is another object of this name"),
    "an index": ("CREATE INDEX student_summaries ON students (grade)", {"student_summaries"}, "there is another object of this name"),
    "a type": ("CREATE DOMAIN student_summaries AS text", {"student_summaries"}, "there is another object of this name"),
    "a function that takes no student": ("CREATE FUNCTION health_summary(text) RETURNS text LANGUAGE sql AS 'SELECT $1'", set(), None),
    "names in another schema": ("CREATE SCHEMA other; CREATE TABLE other.student_summaries (health_summary text); "
                                "CREATE FUNCTION other.health_summary(students) RETURNS text LANGUAGE sql AS 'SELECT 1::text'", set(), None),
    "a dropped column": ("ALTER TABLE students ADD health_summary text; ALTER TABLE students DROP health_summary", set(), None),
    "one that does the same": ("CREATE FUNCTION vaccinations(s students) RETURNS json LANGUAGE sql RETURN wc_vaccinations(s.id)", None, None),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_names_that_others_have(undone, obstacle):
    making, left_out, why = OBSTACLES[obstacle]
    undone.sql(making)
    notices = []
    undone.connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    proposed = statements(undone)
    undone.connection._notice_handlers.clear()
    expected = [f"'{name}' is left out: {why}" for name in sorted(left_out or ())]
    assert sorted(notices) == expected and sorted(line[3:] for line in proposed if line.startswith("--")) == expected
    assert len(proposed) == len(NAMES) + 1 - (left_out is None)
    for statement in proposed:
        undone.sql(statement)
    assert statements(undone) == ["-- " + line for line in notices]


def test_those_with_another_result_are_not_replaced(made):
    assert {why for _, why in (line.split(": ", 1) for line in statements(made, "'public', as_jsonb => true"))} == {
        "there is another function of this name that takes a student", "there is another object of this name"}


def test_a_prefix_does_not_leave_the_comment(undone):
    prefix = "a\nDROP TABLE students; --"
    undone.sql(f'ALTER TABLE students ADD "{prefix}vaccinations" text')
    found = [statement for statement in statements(undone, f"'public', '{prefix}'") if statement.startswith("--")]
    assert found == ["-- E'a\\x0aDROP TABLE students; --vaccinations' is left out: the table has a column of this name"]


def test_errors(undone):
    for arguments in "'other'", "NULL":
        with fails(undone, errors.ObjectNotInPrerequisiteState):
            statements(undone, arguments)
    undone.sql("SELECT wc_detach('public')")
    with fails(undone, errors.ObjectNotInPrerequisiteState) as failed:
        statements(undone)
    assert failed.value.diag.message_hint == "Run SELECT public.wc_attach('public') first."


# ---- whose they are --------------------------------------------------------------------------------------------


def test_they_read_with_the_rights_of_their_caller(made):
    made.sql("GRANT SELECT ON student_summaries TO wc_row_reader")
    ids, view, function = "SELECT id FROM student_summaries", "SELECT id, summary IS NULL FROM student_summaries ORDER BY id", "SELECT id, s.health_summary IS NULL FROM students AS s ORDER BY id"
    made.sql("SET LOCAL ROLE wc_row_reader")
    for query in ids, view:
        with fails(made, errors.InsufficientPrivilege):
            made.rows(query)
    made.sql("RESET ROLE; GRANT SELECT ON students TO wc_row_reader; SET LOCAL ROLE wc_row_reader")
    for query in view, function:  # the other tables
        with fails(made, errors.InsufficientPrivilege):
            made.rows(query)
    made.sql("RESET ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA public TO wc_row_reader; SET LOCAL ROLE wc_row_reader")
    for query in view, function:
        assert made.rows(query) == [("ada", False), ("bob", False)]


def test_policies_hold(made):
    made.sql("""GRANT SELECT ON ALL TABLES IN SCHEMA public TO wc_row_reader; ALTER TABLE students ENABLE ROW LEVEL SECURITY;
                CREATE POLICY mine ON students TO wc_row_reader USING (id = 'bob'); SET LOCAL ROLE wc_row_reader""")
    assert made.rows("SELECT id, summary -> 'student' ->> 'id' FROM student_summaries") == [("bob", "bob")]
    assert made.rows("SELECT id, s.health_summary -> 'student' ->> 'id' FROM students AS s") == [("bob", "bob")]
    # Rows that somebody makes up are answered as the plain call is.
    assert made.rows("SELECT health_summary(jsonb_populate_record(NULL::students, '{\"id\": \"ada\"}')), wc_health_summary('ada'::text)") == [(None, None)]


def test_they_are_no_members_of_the_extension(made):
    assert made.one("""SELECT count(*) FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid AND e.extname = 'white_cross' AND d.deptype = 'e'
                       WHERE d.objid IN (SELECT oid FROM pg_proc WHERE proname = ANY (%s)) OR d.objid = 'student_summaries'::regclass""", NAMES) == 0
    owners = {owner for owner, in made.rows("SELECT proowner::regrole::text FROM pg_proc WHERE proname = ANY (%s) AND NOT prosecdef", NAMES)}
    assert owners == {made.one("SELECT current_user::text")}


def detach(school):
    """Returns the notices."""
    notices = []
    school.connection.add_notice_handler(lambda notice: notices.append((notice.message_primary, notice.message_hint)))
    school.sql("SELECT wc_detach('public')")
    school.connection._notice_handlers.clear()
    return notices


def test_what_detaching_does(made):
    before = made.rows("SELECT s.health_summary FROM students AS s ORDER BY id")
    detach(made)
    for query in "SELECT s.health_summary FROM students AS s", "SELECT summary FROM student_summaries":
        with fails(made, errors.ObjectNotInPrerequisiteState):
            made.rows(query)
    made.sql("SELECT wc_attach('public')")
    assert made.rows("SELECT s.health_summary FROM students AS s ORDER BY id") == before and statements(made) == []


LEFT = """SELECT pg_describe_object('pg_proc'::regclass, oid, 0) FROM pg_proc WHERE proargtypes[0] = 'students'::regtype
          UNION ALL SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY 1"""


def test_detaching_says_what_stays(undone):
    assert detach(undone) == []
    undone.sql("""SELECT wc_attach('public');
                  CREATE FUNCTION mine(s students) RETURNS json LANGUAGE sql RETURN wc_vaccinations(s.id);
                  CREATE FUNCTION his_vaccinations(s students) RETURNS text LANGUAGE sql RETURN 'none';
                  CREATE VIEW others AS SELECT id, wc_health_summary(id) AS summary FROM students""")
    of_others = undone.rows(LEFT)
    create(undone)
    create(undone, "'public', 'Students.', true")
    (said, hint), = detach(undone)
    both = sorted([*(f'"Students.{name}"' for name in NAMES), *NAMES, "student_summaries"], key=lambda name: (name == "student_summaries", name))
    beginning = "what wc_row_functions made stays, and fails until public.students is attached again: "
    assert said.startswith(beginning) and sorted(said.removeprefix(beginning).split(", ")) == sorted(both)
    assert re.fullmatch("To drop it: DROP FUNCTION .+; DROP VIEW public.student_summaries;", hint)
    undone.sql(hint.removeprefix("To drop it: "))
    assert undone.rows(LEFT) == of_others
    undone.sql("SELECT wc_attach('public')")
    assert detach(undone) == []


def test_detaching_says_what_stays_of_a_table_that_was_renamed(made):
    made.sql("ALTER TABLE students RENAME TO pupils")
    (said, hint), = detach(made)
    assert "public.pupils" in said and "public.health_summary(public.pupils)" in hint


def test_what_dropping_the_extension_does(made):
    with fails(made, errors.DependentObjectsStillExist):
        made.sql("DROP EXTENSION white_cross")
    made.sql("DROP EXTENSION white_cross CASCADE")
    assert made.one("SELECT count(*) FROM pg_proc WHERE proname = ANY (%s)", NAMES) == 0
    assert made.one("SELECT to_regclass('student_summaries') IS NULL AND count(*) = 2 FROM students")


def test_renaming_changes_nothing(made):
    before = made.rows("SELECT id, summary FROM student_summaries ORDER BY id")
    made.sql("""CREATE SCHEMA home; ALTER TABLE students RENAME id TO pupil; SELECT wc_attach('public', '{"students": {"columns": {"id": "pupil"}}}'::jsonb)""")
    assert made.rows("SELECT id, summary FROM student_summaries ORDER BY id") == made.rows("SELECT s.pupil, s.health_summary FROM students AS s ORDER BY 1") == before
    assert statements(made) == []


def test_the_type_of_the_id_waits_for_them(made):
    with fails(made, psycopg.Error) as failed:
        made.sql("ALTER TABLE students ALTER id TYPE varchar")
    assert failed.value.sqlstate == "0A000"


def test_a_dump_has_them(rows, cluster, empty_database):
    try:
        create(rows)
        cluster.psql(cluster.program("pg_dump", database=rows.database), empty_database)
        with School(cluster, empty_database) as restored:
            assert restored.rows("SELECT s.health_summary, v.summary FROM students AS s JOIN student_summaries AS v USING (id) ORDER BY id") == [
                (rows.summary(id),) * 2 for id in ("ada", "bob")]
            assert statements(restored) == []
    finally:
        rows.sql("DROP VIEW IF EXISTS student_summaries; " + "".join(f"DROP FUNCTION IF EXISTS {name};" for name in NAMES))
