"""Who may see what, where something stands around our functions: views, leaky predicates, functions with the rights of others, policies
that do more than decide, roles that change amid a session, and rights that go between two calls of a prepared statement.

Roles, rows, calls and what each role must be answered are those of guarded_school.py.
"""

import contextlib
import random

import psycopg
import pytest
from every_call import OUTCOME, PASSING, calls

from guarded_school import (BY_STUDENT, NO_SNAPSHOT, PREFIX, REFUSED, ROLES, STUDENTS, TABLES, expected, fill_shared_memory,  # noqa: F401 (fixtures)
                            function_of, guarded, is_as, open_tables, outcome, statements)
from school import School
from servers import Cluster, until

pytestmark = pytest.mark.thorough

WAYS = {"direct": {"direct_reads": "on", "summary_cache": "off"}, "query": {"direct_reads": "off", "summary_cache": "off"},
        "warm": {"direct_reads": "on", "summary_cache": "on"}}
# It says what it is given, costs nothing, and claims to have no effect, so that the planner may call it wherever it likes.
LEAK = """
CREATE FUNCTION leak(seen text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 0.0000001
    AS $$ BEGIN RAISE NOTICE 'leaked %', seen; RETURN true; END $$;
GRANT EXECUTE ON FUNCTION leak(text) TO PUBLIC;
"""
ANSWER = "(SELECT coalesce(string_agg(to_json(f)::text, E'\\n'), 'nothing') FROM {call} AS f)"
SEES_STUDENTS = [role for role in ROLES if role != "nobody"]


def choose(session, way):
    for name, value in WAYS[way].items():
        session.sql(f"SET white_cross.{name} = {value}")


def reading_calls(school):
    """Calls with the id of a row in the place of a student's."""
    return [call.replace("{id}", "s.id") for of in calls(school).values() for call in of]


def of_student(call, student):
    return call.replace("s.id", f"'{student}'::text")


def cleaned(text):
    return NO_SNAPSHOT.sub("", PASSING.sub("", text))


@contextlib.contextmanager
def leaked(session):
    """What a leaky function was given, as a list that fills."""
    seen = []

    def listen(notice):
        if notice.message_primary.startswith("leaked "):
            seen.append(notice.message_primary.removeprefix("leaked "))

    session.connection.add_notice_handler(listen)
    yield seen
    session.connection.remove_notice_handler(listen)


@pytest.fixture(scope="module")
def surrounded(guarded):  # noqa: F811 (a fixture)
    """A view that is a barrier and one that is none, over every call, for the students of grade 5; and the view that we propose."""
    guarded.sql(LEAK + "CREATE SCHEMA around; GRANT USAGE ON SCHEMA around TO PUBLIC")
    for barrier in "barrier", "open":
        for n, call in enumerate(reading_calls(guarded)):
            guarded.sql(f"CREATE VIEW around.{barrier}_{n} WITH (security_barrier = {barrier == 'barrier'}) AS "
                        f"SELECT s.id, {ANSWER.format(call=call)} AS answer FROM public.students AS s WHERE s.grade = '5'")
    for statement, in guarded.rows("SELECT wc_row_functions('public')"):
        guarded.sql(statement)
    guarded.sql("GRANT SELECT ON ALL TABLES IN SCHEMA around TO PUBLIC")
    for role in SEES_STUDENTS:
        guarded.sql(f"DO $$ BEGIN IF to_regclass('student_summaries') IS NOT NULL THEN GRANT SELECT ON student_summaries TO {PREFIX}{role}; END IF; END $$")
    yield guarded
    guarded.sql("DROP VIEW IF EXISTS student_summaries; DROP SCHEMA around CASCADE; DROP FUNCTION leak")


@pytest.fixture(scope="module")
def standby(surrounded, ground):
    with Cluster(ground, "around-standby", primary=surrounded.cluster, settings={"shared_preload_libraries": "$libdir/white_cross"}) as cluster:
        yield cluster


@pytest.fixture(params=["primary", "standby"])
def enter(request, surrounded, standby):
    """enter(role): a session of the role, on the primary or on a standby that has all of it."""
    cluster = surrounded.cluster
    if request.param == "standby":
        cluster, place = standby, surrounded.one("SELECT pg_current_wal_lsn()::text")
        with School(cluster, surrounded.database) as there:
            until(lambda: there.one("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", place), 30, "the standby to have all of it")
    return lambda role: School(cluster, surrounded.database, PREFIX + role)


# ---- what a leaky function sees ----

def rows_or_refusal(session, statement):
    try:
        return [tuple(map(cleaned, row)) for row in session.rows(statement)]
    except psycopg.errors.InsufficientPrivilege:
        return REFUSED


@pytest.mark.parametrize("role", ROLES)
def test_a_leaky_predicate_sees_what_its_caller_sees(surrounded, expected, enter, role):  # noqa: F811
    """In front of every function and behind it, on a table whose policies hide rows, and on a view that is a barrier."""
    with enter(role) as session:
        shown = rows_or_refusal(session, "SELECT id FROM students")
        for n, call in enumerate(reading_calls(surrounded)):
            answers = {student: expected[role][of_student(call, student)] for student in STUDENTS}
            for source, may_be in (f"(SELECT s.id, {ANSWER.format(call=call)} AS answer FROM students AS s) AS q", shown), \
                                  (f"around.barrier_{n}", [("ann",), ("cleo",)]):
                with leaked(session) as seen:
                    found = rows_or_refusal(session, f"SELECT id, answer FROM {source} WHERE leak(id) AND leak(answer) AND leak(id || answer)")
                if found == REFUSED:
                    assert seen == [] or role == "nobody", call
                    assert role == "nobody" and all(is_as(answers[student], REFUSED) for student in STUDENTS) or shown == REFUSED
                    continue
                assert {(id,) for id, _ in found} == set(may_be), call
                assert all(answer == answers[id] for id, answer in found), call
                may_see = {id for id, in may_be}
                may_see |= {answers[id] for id in may_see} | {id + answers[id] for id in may_see}
                assert {cleaned(text) for text in seen} <= may_see and (len(seen) > 0 or not found), call


def test_a_view_that_is_no_barrier_leaks(surrounded):
    """Else the test above would prove nothing."""
    with School(surrounded.cluster, surrounded.database, PREFIX + "tenant_a") as session, leaked(session) as seen:
        session.rows("SELECT id FROM around.open_0 WHERE leak(id)")
        assert "ben" in seen


@pytest.mark.parametrize("role", SEES_STUDENTS)
def test_a_leaky_predicate_on_the_view_and_the_row_functions(surrounded, expected, enter, role):  # noqa: F811
    if surrounded.cluster.version < 15:
        pytest.skip("the view needs PostgreSQL 15")
    with enter(role) as session:
        hidden = set(STUDENTS) - {id for id, in session.rows("SELECT id FROM students")}
        assert hidden or role not in ("tenant_a", "tenant_b")
        for statement in ("SELECT id, summary::text FROM student_summaries WHERE leak(id) AND leak(summary::text) AND leak(growth_chart::text)",
                          "SELECT s.id, s.health_summary::text FROM students AS s WHERE leak(s.id) AND leak(s.health_summary::text) AND leak(s.student_records::text)"):
            with leaked(session) as seen:
                found = session.rows(statement)
            assert [cleaned(answer) for _, answer in found] == [expected[role][f"wc_health_summary('{id}'::text)"] for id, _ in found]
            assert {id for id, _ in found} == set(STUDENTS) - hidden
            assert not [text for text in seen if any(id in text for id in hidden)] and (seen or not found)


def test_no_function_of_ours_is_leakproof(guarded):  # noqa: F811
    """The planner calls such a function on rows before a policy has decided on them."""
    assert guarded.rows("""SELECT p.proname FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                           JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'white_cross' WHERE p.proleakproof""") == []


# ---- functions with the rights of somebody else ----

@pytest.fixture(scope="module")
def definers(surrounded):
    """around.as_ROLE(call): the outcome of a call with the rights of the role."""
    for role in ROLES:
        surrounded.sql(OUTCOME.replace("FUNCTION outcome", f"FUNCTION around.as_{role}") + " SECURITY DEFINER")
        surrounded.sql(f"ALTER FUNCTION around.as_{role} OWNER TO {PREFIX}{role}")
    return surrounded


def as_definer(session, role, statement):
    return cleaned(session.one(f"SELECT around.as_{role}(%s)", statement))


@pytest.mark.parametrize("way", ["query", "warm"])
def test_a_function_with_the_rights_of_its_owner(definers, expected, enter, way):  # noqa: F811
    """It is answered as its owner, and its caller as ever behind it."""
    chance = random.Random(7)
    for caller in ROLES:
        with enter(caller) as session:
            choose(session, way)
            for statement in chance.sample(statements(definers), 120):
                definer = chance.choice(list(ROLES))
                found = as_definer(session, definer, statement)
                assert is_as(found, expected[definer][statement]), f"{caller} through {definer}: {statement}"
                found = outcome(session, statement)
                assert is_as(found, expected[caller][statement]), f"{caller} behind {definer}: {statement}"


# ---- a role that changes ----

def step(chance):
    """Something that may change who the session is; what it is then, the server says."""
    role = PREFIX + chance.choice(list(ROLES))
    return chance.choice([f"SET ROLE {role}", f"SET LOCAL ROLE {role}", "RESET ROLE", f"SET SESSION AUTHORIZATION {role}", f"SET LOCAL SESSION AUTHORIZATION {role}",
                          "RESET SESSION AUTHORIZATION", "SAVEPOINT here", "ROLLBACK TO here", "COMMIT", "ROLLBACK", "BEGIN",
                          f"SET white_cross.direct_reads = {chance.choice(['on', 'off'])}"])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_session_whose_role_changes_within_its_transactions(surrounded, expected, seed):  # noqa: F811
    """Prepared statements alike: whoever the session is when it executes one."""
    chance, names = random.Random(seed), {}
    asked = statements(surrounded)
    answered = set()
    with School(surrounded.cluster, surrounded.database) as session:
        session.connection.prepare_threshold = None
        for _ in range(900):
            with contextlib.suppress(psycopg.errors.NoActiveSqlTransaction, psycopg.errors.InvalidSavepointSpecification, psycopg.errors.InsufficientPrivilege):
                session.sql(step(chance))
            if session.connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                session.sql("ROLLBACK")
            user = session.one("SELECT current_user::text")
            role = user.removeprefix(PREFIX) if user.startswith(PREFIX) else "owner"
            answered.add(role)
            statement = chance.choice(asked)
            if statement not in names:
                names[statement] = f"p{len(names)}"
                text = statement.replace("'", "''")
                session.sql(f"PREPARE {names[statement]} AS SELECT outcome('{text}')")
            found = cleaned(session.one(f"EXECUTE {names[statement]}"))
            assert is_as(found, expected[role][statement]), f"{role}: {statement}"
    assert answered == set(ROLES)


# ---- policies that do more than decide ----

EFFECTS = {
    "says": "RAISE NOTICE 'policy %', seen; RETURN true;",
    "writes": "INSERT INTO around.trace VALUES (seen); RETURN true;",
    "sets": "PERFORM set_config('white_cross.direct_reads', 'on', false), set_config('white_cross.summary_cache', 'on', false), set_config('app.seen', seen, true); RETURN true;",
    "reads ours": "RETURN wc_growth_chart(seen) IS NOT NULL AND wc_student_records(seen) IS NOT NULL AND wc_cache_key(seen, 'records') IS NOT NULL;",
    "asks for settings": "RETURN (current_setting('timezone'), current_setting('datestyle'), current_setting('search_path')) = ('Etc/Zulu', 'German, DMY', 'public, around');",
    "catches errors": "BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN RETURN true; END;",
}


@pytest.fixture
def with_effect(surrounded):
    """with_effect(body): the policies of tenant_a and tenant_b call a function of that body on each row of allergies."""
    surrounded.sql("CREATE TABLE around.trace (seen text)")

    def arrange(body):
        surrounded.sql(f"CREATE OR REPLACE FUNCTION around.effect(seen text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 SECURITY "
                       f"{'DEFINER' if 'INSERT' in body else 'INVOKER'} AS $$ BEGIN {body} END $$")
        for role in "tenant_a", "tenant_b":
            surrounded.sql(f'ALTER POLICY {PREFIX}{role} ON allergies USING ({BY_STUDENT} AND around.effect("studentId"))')

    yield arrange
    for role in "tenant_a", "tenant_b":
        surrounded.sql(f"ALTER POLICY {PREFIX}{role} ON allergies USING ({BY_STUDENT})")
    surrounded.sql("DROP FUNCTION around.effect; DROP TABLE around.trace")


@pytest.mark.parametrize("effect", EFFECTS)
def test_policies_with_effects(surrounded, expected, with_effect, effect):  # noqa: F811
    with_effect(EFFECTS[effect])
    for role in "tenant_a", "tenant_b":
        with School(surrounded.cluster, surrounded.database, PREFIX + role) as session:
            session.sql("SET timezone = 'Etc/Zulu'; SET datestyle = German; SET search_path = public, around")
            for way in "direct", "query":
                choose(session, way)
                for statement in statements(surrounded):
                    assert (found := outcome(session, statement)) == expected[role][statement], f"{role}: {statement}: {found}"
    if effect == "writes":
        assert {student for student, in surrounded.rows("SELECT seen FROM around.trace")} >= set(STUDENTS)


def test_a_policy_that_fails_on_hidden_rows(surrounded, expected, with_effect):  # noqa: F811
    """The error is that of the policy, or there is none: no answer has a row that the policy had not decided on."""
    with_effect("IF seen = 'ben' THEN RAISE 'refused' USING ERRCODE = 'ZZ999'; END IF; RETURN true;")
    failed = 0
    for role in "tenant_a", "tenant_b":
        with School(surrounded.cluster, surrounded.database, PREFIX + role) as session:
            for statement in statements(surrounded):
                found = outcome(session, statement)
                failed += found.startswith("ZZ999")
                assert found in (expected[role][statement], "ZZ999 refused"), f"{role}: {statement}"
    assert failed > 3


def test_a_policy_that_writes_is_refused_in_a_parallel_worker(surrounded, with_effect):
    """As in a function of SQL that is declared PARALLEL SAFE: PostgreSQL's error, and no answer."""
    with_effect(EFFECTS["writes"])
    surrounded.sql("CREATE TABLE around.ids AS SELECT 'ann'::text AS id FROM generate_series(1, 2000); GRANT SELECT ON around.ids TO PUBLIC; ANALYZE around.ids")
    with School(surrounded.cluster, surrounded.database, PREFIX + "tenant_a") as session:
        session.sql("SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET parallel_leader_participation = off")
        asked = "SELECT count(wc_health_summary(id)) FROM around.ids"
        assert "Workers Planned" in str(session.rows("EXPLAIN " + asked))
        with pytest.raises(psycopg.errors.InvalidTransactionState, match="parallel"):
            session.sql(asked)
        session.sql("SET max_parallel_workers_per_gather = 0")
        assert session.one(asked) == 2000
    surrounded.sql("DROP TABLE around.ids")


# ---- without policies; from here to the end of the file, as open_tables lasts as long ----

def test_rights_of_an_owner_without_policies(definers, open_tables):  # noqa: F811
    """Where reads are direct, and summaries in shared memory: for who may, through whomever, and for nobody else."""
    school = definers
    asked = statements(school)
    right = {statement: outcome(school, statement) for statement in asked}
    fill_shared_memory(school)
    for way in WAYS:
        for caller in "reader", "nobody":
            with School(school.cluster, school.database, PREFIX + caller) as session:
                choose(session, way)
                for statement in asked * 2:
                    assert as_definer(session, "reader", statement) == right[statement], f"{way}: {caller}: {statement}"
                    refused = as_definer(session, "nobody", statement)
                    assert refused.startswith(REFUSED) or refused == right[statement] and statement.startswith("wc_cache_key("), f"{way}: {statement}"


# ---- rights that go between two calls ----

ROLE = PREFIX + "columns"
# What takes a right from the role, and what gives it back.  Without policies, unless the change makes one.
TAKEN = {f"SELECT on {table}": (f"REVOKE SELECT ON {table} FROM {ROLE}", f"GRANT SELECT ON {table} TO {ROLE}") for table in TABLES} | {
    "a column": (f'REVOKE SELECT ON students FROM {ROLE}; GRANT SELECT (id, grade) ON students TO {ROLE}',
                 f'REVOKE SELECT (id, grade) ON students FROM {ROLE}; GRANT SELECT ON students TO {ROLE}'),
    "membership": (f"GRANT SELECT ON students TO {PREFIX}group; GRANT {PREFIX}group TO {ROLE}; REVOKE SELECT ON students FROM {ROLE}; REVOKE {PREFIX}group FROM {ROLE}",
                   f"GRANT SELECT ON students TO {ROLE}"),
    "superuser": (f"REVOKE SELECT ON students FROM {ROLE}; ALTER ROLE {ROLE} SUPERUSER; ALTER ROLE {ROLE} NOSUPERUSER", f"GRANT SELECT ON students TO {ROLE}"),
    "policies": ("ALTER TABLE allergies ENABLE ROW LEVEL SECURITY", "ALTER TABLE allergies DISABLE ROW LEVEL SECURITY"),
    "a policy": (f"CREATE POLICY narrow ON students TO {ROLE} USING (id = 'ben'); ALTER TABLE students ENABLE ROW LEVEL SECURITY",
                 "ALTER TABLE students DISABLE ROW LEVEL SECURITY; DROP POLICY narrow ON students"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("isolation", ["none", "REPEATABLE READ"])
def test_rights_that_go_between_two_calls_of_a_prepared_statement(open_tables, way, isolation):  # noqa: F811
    """The second call is answered as one of a session that begins then, in which plain SQL is refused."""
    school = open_tables
    asked = list({function_of(statement): statement for statement in statements(school) if "'ann'" in statement}.values())
    school.sql(f"CREATE ROLE {PREFIX}group; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}")
    with School(school.cluster, school.database, ROLE) as session:
        choose(session, way)
        for n, statement in enumerate(asked):
            session.sql(f"PREPARE p{n} AS SELECT string_agg(to_json(f)::text, E'\\n') FROM {statement} AS f")
        answers = lambda: [execute(session, f"EXECUTE p{n}") for n in range(len(asked))]  # noqa: E731
        before = answers()
        for name, (take, give) in TAKEN.items():
            if isolation != "none":
                session.sql(f"BEGIN ISOLATION LEVEL {isolation}")
            fill_shared_memory(school)
            assert answers() == answers() == before
            if isolation == "none" or "ALTER TABLE" not in take:  # which would wait for a transaction that has read
                school.sql(take)
                if "ROW LEVEL" not in take:
                    # What was there is of the table as it was: it must not be given what is of the table as it is, either.
                    fill_shared_memory(school)
                after = answers()
                with School(school.cluster, school.database, ROLE) as fresh:
                    choose(fresh, "query")
                    wanted = [execute(fresh, f"SELECT string_agg(to_json(f)::text, E'\\n') FROM {statement} AS f") for statement in asked]
                assert after == wanted, name
                assert after != before, name
                school.sql(give)
            assert answers() == before, name
            if isolation != "none":
                session.sql("COMMIT")
    school.sql(f"DROP OWNED BY {PREFIX}group; DROP ROLE {PREFIX}group")


@pytest.mark.parametrize("begin, end", [("SET ROLE", "RESET ROLE"), ("BEGIN; SET LOCAL ROLE", "COMMIT"),
                                        ("SET SESSION AUTHORIZATION", "RESET SESSION AUTHORIZATION")], ids=["role", "local", "session"])
def test_one_session_is_answered_from_shared_memory_and_refused_in_turn(open_tables, begin, end):  # noqa: F811
    """What the session learnt about the tables as one role does not hold for the other."""
    school = open_tables
    school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}; REVOKE SELECT ON allergies FROM {ROLE}")
    fill_shared_memory(school)
    summary = "SELECT wc_health_summary('ann'::text)::text"
    with School(school.cluster, school.database) as session:
        choose(session, "warm")
        for _ in range(3):
            hits = school.one("SELECT hits FROM wc_stat_cache")
            assert "allergies" in execute(session, summary) and school.one("SELECT hits FROM wc_stat_cache") > hits
            session.sql(f"{begin} {ROLE}")
            assert execute(session, summary) == "42501"
            session.sql(end)
    school.sql(f"GRANT SELECT ON allergies TO {ROLE}")


def execute(session, statement):
    """The answer or the SQLSTATE; a failure ends no transaction."""
    try:
        with session.connection.transaction():
            return cleaned(session.one(statement) or "nothing")
    except psycopg.Error as error:
        return error.sqlstate
