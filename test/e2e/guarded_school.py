"""A school with a policy for every role: who may see what, and what each role must be answered."""

import json
import re

import psycopg
import pytest

from every_call import OUTCOME, calls
from every_call import outcome as outcome_of
from school import School
from servers import until

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
