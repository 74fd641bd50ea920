"""Who may see what: every function gives a role what plain SQL gives that role, or the same error, whichever way it reads.

The expectation is not written by hand.  What `SELECT *` shows a role is copied into a database of its own; what a superuser is
answered there is what the role must be answered here.  A role that lacks a column must be refused wherever the answer depends
on that column, which a scrambled column shows.
"""

import json
import random
import re

import psycopg
import pytest
from every_call import OUTCOME, calls
from every_call import outcome as outcome_of

from school import School
from servers import Cluster, until

pytestmark = pytest.mark.thorough

TABLES = "students", "health_records", "allergies", "chronic_conditions"
STUDENTS = "ann", "ben", "cleo"
PREFIX = "wc_access_"
# Policies of each role, table by table; True is all rows, a role without a policy sees none.
BY_STUDENT = """EXISTS (SELECT FROM students AS s WHERE s.id = "studentId")"""
ROLES = {
    "owner": {},
    "bypass": {},
    "reader": dict.fromkeys(TABLES, "true"),
    "tenant_a": {"students": "grade = '5'"} | dict.fromkeys(TABLES[1:], BY_STUDENT),
    "tenant_b": {"students": "grade = '6'"} | dict.fromkeys(TABLES[1:], BY_STUDENT),
    "partly": dict.fromkeys(TABLES, "true") | {"health_records": "type <> 'VACCINATION'", "allergies": "NOT verified"},
    "parents_only": {"students": "true"},
    "children_only": dict.fromkeys(TABLES[1:], "true"),
    "unseeing": {},
    "nobody": {},
}
SEES_ALL = "owner", "bypass", "reader"
MORE_CALLS = ["wc_search_health_records('Whoopingcough')", "wc_search_health_records('Whoopingcough', highlight => true)",
              "wc_search_health_records('Evelyn')", "wc_search_health_records('nosuchword')",
              "wc_growth_prevalence('6', '2025-07-01')", "wc_growth_prevalence('5', '2025-07-01')"]
NO_SNAPSHOT = re.compile(r',"snapshot":null')
REFUSED = "42501 "


def add_rows(school):
    for n, (student, grade) in enumerate(zip(STUDENTS, ["5", "6", "5"])):
        school.add_student(student, firstName="Evelyn", lastName=f"Hush{n}", grade=grade, dateOfBirth=f"201{n + 1}-07-09", gender=["FEMALE", "MALE"][n % 2])
        for verified in "true", "false":
            school.add_allergy(student, allergen=f"Latex{n}{verified}", verified=verified, reaction="Hives", treatment="Rest")
        school.add_condition(student, condition=f"Insomnia{n}")
        for month in range(1, 7):
            school.add_record(student, date=f"2025-0{month}-01 10:00", type=["CHECKUP", "VACCINATION"][month % 2], provider="W",
                              description=f"Whoopingcough {n} {month}", vital=json.dumps({"height": 130 + month, "weight": 30 + n * 9, "heartRate": 70 + n}))


def statements(school):
    """Every call, for each student and for one who is not there."""
    found = [call.replace("{id}", f"'{student}'::text") for of in calls(school).values() for call in of for student in (*STUDENTS, "none")]
    return [*found, *MORE_CALLS]


def function_of(statement):
    return statement.partition("(")[0]


def outcome(school, statement):
    return NO_SNAPSHOT.sub("", outcome_of(school, statement))


def plain_rows(school, role, table):
    """What `SELECT *` shows the role: a text for COPY, or the SQLSTATE of the refusal."""
    with school.cluster.connect(school.database, PREFIX + role) as connection:
        try:
            with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy:
                return b"".join(copy)
        except psycopg.errors.InsufficientPrivilege as refusal:
            return refusal.sqlstate


@pytest.fixture(scope="module")
def guarded(preloaded):
    """Three students of two tenants, every role of ROLES, and row-level security on all tables."""
    preloaded.create_database("access")
    with School(preloaded, "access") as school:
        school.attach()
        add_rows(school)
        school.sql(OUTCOME)
        for role, policies in ROLES.items():
            name = PREFIX + role
            school.sql(f"CREATE ROLE {name} LOGIN {'BYPASSRLS' if role == 'bypass' else ''}")
            if role != "nobody":
                school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
            for table, shown in policies.items():
                school.sql(f"CREATE POLICY {name} ON {table} TO {name} USING ({shown})")
        for table in TABLES:
            school.sql(f"ALTER TABLE {table} OWNER TO {PREFIX}owner; ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ANALYZE {table}")
        yield school
        school.sql("".join(f"DROP OWNED BY {PREFIX}{role} CASCADE; " for role in ROLES))
    preloaded.drop_database("access")
    with preloaded.connect() as connection:
        for role in ROLES:
            connection.execute(f"DROP ROLE {PREFIX}{role}")


@pytest.fixture(scope="module")
def expected(guarded):
    """{role: {statement: outcome}}: what a superuser is answered where only the rows are that plain SQL shows the role."""
    answers = {}
    for role in ROLES:
        seen = {table: plain_rows(guarded, role, table) for table in TABLES}
        refused = [found for found in seen.values() if isinstance(found, str)]
        assert refused == (["42501"] * len(TABLES) if role == "nobody" else []), role
        database = f"access_of_{role}"
        guarded.cluster.create_database(database)
        with School(guarded.cluster, database) as copy:
            copy.attach()
            copy.sql(OUTCOME)
            # Rows of a student whom the role does not see are there for it all the same.
            copy.sql("SET session_replication_role = replica")
            for table, rows in seen.items():
                with copy.connection.cursor().copy(f"COPY {table} FROM STDIN") as into:
                    into.write(b"" if isinstance(rows, str) else rows)
            copy.sql("RESET session_replication_role; ANALYZE")
            answers[role] = {statement: outcome(copy, statement) for statement in statements(guarded)}
            # A search shows no record of a student whom a policy hides.
            copy.sql('DELETE FROM health_records WHERE "studentId" NOT IN (SELECT id FROM students)')
            answers[role] |= {statement: outcome(copy, statement) for statement in MORE_CALLS if "search" in statement}
        guarded.cluster.drop_database(database)
    # A role without rights is refused each function whose answers depend on a row, and given what others do, such as a key.
    reading = {function_of(statement) for statement, answer in answers["nobody"].items() if any(answers[role][statement] != answer for role in ROLES)}
    answers["nobody"] |= {statement: REFUSED for statement in answers["nobody"] if function_of(statement) in reading}
    return answers


def is_as(found, wanted):
    return found.startswith(REFUSED) if wanted == REFUSED else found == wanted


def test_the_expectation_tells_roles_apart(expected):
    """Else all that follows would say nothing."""
    assert [statement for statement, answer in expected["owner"].items() if answer.startswith("42")] == [], "calls that are none"
    different = {role: json.dumps(answers) for role, answers in expected.items()}
    assert len({different[role] for role in SEES_ALL}) == 1
    # What belongs to a student whom the role does not see is not shown: so these two are answered alike.
    assert different["children_only"] == different["unseeing"]
    assert len(set(different.values())) == len(ROLES) - len(SEES_ALL)
    assert list(expected["nobody"].values()).count(REFUSED) > 60


@pytest.mark.parametrize("direct_reads", ["on", "off"])
@pytest.mark.parametrize("role", ROLES)
def test_rows(guarded, expected, role, direct_reads):
    """Twice, so that a summary may come from shared memory the second time."""
    with School(guarded.cluster, guarded.database, PREFIX + role) as session:
        session.sql(f"SET white_cross.direct_reads = {direct_reads}")
        for statement in statements(guarded) * 2:
            found = outcome(session, statement)
            assert is_as(found, expected[role][statement]), statement


def test_a_standby(guarded, expected, ground):
    with Cluster(ground, "access-standby", primary=guarded.cluster, settings={"shared_preload_libraries": "$libdir/white_cross"}) as standby:
        place = guarded.one("SELECT pg_current_wal_lsn()::text")
        with School(standby, guarded.database) as there:
            until(lambda: there.one("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", place), 30, "the standby to have all of it")
        for role in ROLES:
            with School(standby, guarded.database, PREFIX + role) as session:
                for statement in statements(guarded):
                    found = outcome(session, statement)
                    assert is_as(found, expected[role][statement]), f"{role}: {statement}"


def test_one_session_that_is_everybody_in_turn(guarded, expected):
    """Nothing that a session keeps for one role serves another: plans, indexes that it holds open, summaries, settings of a scan."""
    chance = random.Random(5)
    all_statements = statements(guarded)
    with School(guarded.cluster, guarded.database) as session:
        for _ in range(1500):
            role, statement = chance.choice(list(ROLES)), chance.choice(all_statements)
            session.sql(f"SET white_cross.direct_reads = {chance.choice(['on', 'off'])}")
            session.sql(f"SET ROLE {PREFIX}{role}")
            found = outcome(session, statement)
            assert is_as(found, expected[role][statement]), f"{role}: {statement}"


def test_what_a_policy_hides_from_the_caller_goes_into_no_cache(guarded):
    """All who may call Redis share it: a value that was built under a policy comes without the token that a fill takes."""
    for role in ROLES:
        if role == "nobody":
            continue
        with School(guarded.cluster, guarded.database, PREFIX + role) as session:
            rows = session.rows("SELECT value IS NULL, snapshot FROM wc_cache_entries(ARRAY['ann', 'ben'], '{health_summary,growth_chart}')")
            tokens = [token for absent, token in rows if not absent]
            if role in ("owner", "bypass"):
                assert len(tokens) == 4 and all(tokens), role
            else:
                assert not any(tokens), f"{role}: {rows}"


# ---- columns ----

# Another value for each row, by the type of the column.
SCRAMBLED = {
    "text": """coalesce({column}, '') || 'x' || id""",
    "character varying": """coalesce({column}, '') || 'x' || id""",
    "boolean": "NOT coalesce({column}, false)",
    "timestamp without time zone": "coalesce({column}, '2020-01-01') - interval '40 days 1 hour'",
    "date": "coalesce({column}, '2020-01-01') - 40",
    "jsonb": """'{{"height": 99, "weight": 16, "heartRate": 99}}'""",
    "ARRAY": """coalesce({column}, '{{}}') || 'x'::text""",
    "integer": "coalesce({column}, 0) + 1",
    "USER-DEFINED": "(enum_range(NULL::{type}))[1 + (array_position(enum_range(NULL::{type}), {column}) % cardinality(enum_range(NULL::{type})))]",
}


def columns(school):
    return school.rows("""
        SELECT c.table_name, c.column_name, c.data_type, quote_ident(c.udt_schema) || '.' || quote_ident(c.udt_name)
        FROM information_schema.columns AS c WHERE c.table_schema = 'public' AND c.table_name = ANY(%s) ORDER BY 1, c.ordinal_position""", list(TABLES))


def fill_shared_memory(school):
    """With the summaries of who may see all: those must not be what others are answered."""
    def hits():
        return school.one("SELECT hits FROM wc_stat_cache")

    before = hits()
    until(lambda: [school.summary(student) for student in STUDENTS] and hits() >= before + len(STUDENTS), 20, "summaries in shared memory")


@pytest.fixture(scope="module")
def open_tables(guarded):
    """Without policies: privileges alone decide."""
    for table in TABLES:
        guarded.sql(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    guarded.sql(f"CREATE ROLE {PREFIX}columns LOGIN")
    yield guarded
    guarded.sql(f"DROP OWNED BY {PREFIX}columns; DROP ROLE {PREFIX}columns")
    for table in TABLES:
        guarded.sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def test_a_role_that_lacks_a_column(open_tables):
    """Whatever shows the column, or depends on it, is refused; what is not refused is right."""
    school = open_tables
    asked = [statement for statement in statements(school) if "'ben'" not in statement and "'cleo'" not in statement]
    right = {statement: outcome(school, statement) for statement in asked}
    looked_at, refusals, seen_without = 0, 0, set()
    for table, column, type, its_name in columns(school):
        quoted = f'"{column}"'
        depends = set()
        if column not in ("id", "studentId"):
            with school.connection.transaction(force_rollback=True):
                school.sql(f"UPDATE {table} SET {quoted} = {SCRAMBLED[type].format(column=quoted, type=its_name)}")
                depends = {statement for statement in asked if outcome(school, statement) != right[statement]}
        granted = ", ".join(f'"{other}"' for of, other, *_ in columns(school) if of == table and other != column)
        school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PREFIX}columns; REVOKE SELECT ON {table} FROM {PREFIX}columns; "
                   f"GRANT SELECT ({granted}) ON {table} TO {PREFIX}columns")
        fill_shared_memory(school)
        with School(school.cluster, school.database, f"{PREFIX}columns") as session:
            for direct_reads in "on", "off":
                session.sql(f"SET white_cross.direct_reads = {direct_reads}")
                for statement in asked:
                    found = outcome(session, statement)
                    looked_at += 1
                    if found.startswith(REFUSED):
                        refusals += 1
                        continue
                    assert statement not in depends, f"shown without {table}.{column}: {statement}: {found[:300]}"
                    assert found == right[statement], f"without {table}.{column}: {statement}"
                    seen_without.add((table, column))
        school.sql(f"REVOKE SELECT ({granted}) ON {table} FROM {PREFIX}columns")
    assert looked_at > 2000 and refusals > looked_at / 10 and len(seen_without) > 20


def test_rights_that_are_taken_away_amid_a_transaction(open_tables):
    """The next call is refused, also where a plan was kept and a summary is in shared memory; given back, it is answered again."""
    school = open_tables
    asked = [statement for statement in statements(school) if "'ann'" in statement]
    school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PREFIX}columns")
    with School(school.cluster, school.database, f"{PREFIX}columns") as session:
        with session.connection.transaction():
            session.sql("SELECT 1")
            answered = {statement: outcome(session, statement) for statement in asked * 2}
            for table in TABLES:
                school.sql(f"REVOKE SELECT ON {table} FROM {PREFIX}columns")
            fill_shared_memory(school)
            # What reads no table, such as a key, is answered as before.
            for statement in asked:
                found = outcome(session, statement)
                assert found.startswith(REFUSED) or (found == answered[statement] and statement.startswith("wc_cache_key(")), f"{statement}: {found[:200]}"
            school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PREFIX}columns")
            assert {statement: outcome(session, statement) for statement in asked} == answered
