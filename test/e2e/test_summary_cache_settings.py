"""Summaries from shared memory under every setting that changes text, for every role, and for ids of every type."""

import itertools
from contextlib import ExitStack

import psycopg
import pytest

from own_ids import OwnSchool
from warm_fixtures import cluster, empty_warm  # noqa: F401 (fixtures)
from warm_school import PLAIN, answers

pytestmark = pytest.mark.thorough

SETTINGS = {
    "DateStyle": ["ISO, MDY", "SQL, DMY", "German, DMY", "Postgres, MDY"],
    "IntervalStyle": ["postgres", "sql_standard", "iso_8601", "postgres_verbose"],
    "TimeZone": ["UTC", "Asia/Tokyo", "America/St_Johns", "-11:30"],
    "extra_float_digits": ["1", "-15", "3"],
    "bytea_output": ["hex", "escape"],
    "xmloption": ["content", "document"],
    "xmlbinary": ["base64", "hex"],
    "array_nulls": ["on", "off"],
    "quote_all_identifiers": ["on", "off"],
    "standard_conforming_strings": ["on", "off"],
    "lc_monetary": ["C", "C.UTF-8"],
    "lc_numeric": ["C", "C.UTF-8"],
    "lc_time": ["C", "C.UTF-8"],
    "client_encoding": ["UTF8", "LATIN1"],
    "search_path": ["public", "pg_catalog, public", '""', "public, pg_catalog"],
    "default_text_search_config": ["pg_catalog.simple", "pg_catalog.english"],
    "row_security": ["on"],
    "session_replication_role": ["origin", "replica", "local"],
    "enable_indexscan": ["on", "off"],
    "enable_seqscan": ["on", "off"],
    "default_transaction_read_only": ["on", "off"],
    "jit": ["on", "off"],
    "white_cross.direct_reads": ["on", "off"],
    "white_cross.queue_limit": ["1GB"],
    "white_cross.notify": ["relay", "direct"],
    "white_cross.cluster_keys": ["on", "off"],
}
COMPARE = "SELECT public.wc_health_summary(id)::text, public.plain(id) FROM (SELECT %s::{type} AS id OFFSET 0) AS q"
TIMES = "timestamp(3)", "timestamptz"


@pytest.fixture
def warm(empty_warm):  # noqa: F811 (a fixture)
    """A student whose texts need escapes in JSON."""
    empty_warm.add_student("ada", firstName="Zoë")
    empty_warm.add_allergy("ada", verified=True, verifiedAt="2025-01-02 03:04:05.678")
    empty_warm.add_record("ada", type="VACCINATION", vital='{"height": 140.10, "weight": 1e2, "note": "\\u00e9\\n"}', notes='"quoted" \\ back\tslash')
    return empty_warm


def answer(session, id, type="text"):
    """Returns the answer with the cache, and checks that the answer without it is the same. An error is an answer too."""
    found = []
    for name in "public.wc_health_summary(id)::text", "public.plain(id)":
        try:
            with session.transaction():
                found.append(session.execute(f"SELECT {name} FROM (SELECT %s::{type} AS id OFFSET 0) AS q", [id]).fetchone()[0])
        except psycopg.Error as error:
            found.append((error.sqlstate, error.diag.message_primary))
    assert found[0] == found[1], found
    return found[0]


def test_every_setting_fills_for_every_other(warm):
    """The session that fills the entry has one value of a setting, and the session that reads it has another one."""
    hits = warm.hits()
    with warm.session(prepare_threshold=None) as filling, warm.session(prepare_threshold=None) as reading:
        for name, values in SETTINGS.items():
            if not warm.one("SELECT EXISTS (SELECT FROM pg_settings WHERE name = %s)", name):
                continue
            for n, one in enumerate(values):
                warm.rename("ada", f"{name.replace('.', ' ')} {n}")
                for session, value in (filling, one), (reading, values[(n + 1) % len(values)]):
                    session.execute("SELECT set_config(%s, %s, false)", [name, value])
                    assert f"{name.replace('.', ' ')} {n}" in answer(session, "ada"), (name, value)
            filling.execute(f'RESET "{name}"' if "." not in name else f"RESET {name}"), reading.execute(f'RESET "{name}"' if "." not in name else f"RESET {name}")
    assert warm.hits() > hits + 50


def test_settings_come_together(warm):
    """Each session has a value of each setting of its own."""
    with ExitStack() as stack:
        sessions = []
        for n in range(4):
            session = stack.enter_context(warm.session(prepare_threshold=None))
            for name, values in SETTINGS.items():
                if name != "default_transaction_read_only" and warm.one("SELECT EXISTS (SELECT FROM pg_settings WHERE name = %s)", name):
                    session.execute("SELECT set_config(%s, %s, false)", [name, values[n % len(values)]])
            sessions.append(session)
        for n, (one, other) in enumerate(itertools.permutations(sessions, 2)):
            warm.rename("ada", f"Name {n}")
            assert answer(one, "ada") == answer(other, "ada") == answer(one, "ada")


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("type", ["text", "varchar", "uuid", "integer", "bigint"])
def test_every_type_of_ids_and_times(cluster, empty_database, type, time):
    with cluster.connect() as connection:
        connection.execute(f'DROP DATABASE "{empty_database}"')
    declared = {"varchar": "text", "integer": "bigint"}.get(type, type)
    school = OwnSchool(cluster, empty_database, declared, time)
    with school.connection:
        school.sql(PLAIN.format(type=declared))
        if declared != type:
            school.sql("SELECT wc_detach('public')")
            for table in "health_records", "allergies", "chronic_conditions":
                school.sql(f'ALTER TABLE {table} DROP CONSTRAINT {table}_student_id_fkey')
                school.sql(f"ALTER TABLE {table} ALTER student_id TYPE {type}")
            school.sql(f"ALTER TABLE students ALTER id TYPE {type}")
            school.sql("SELECT wc_attach('public')")
        if declared != "text":
            school.sql(PLAIN.format(type="text"))
        for n in 1, 2:
            school.add(n)
            school.measure(n, "2025-10-10 23:30:00", '{"height": 140, "weight": 35}', type="VACCINATION")
        key = str(school.key(1))
        spellings = {"uuid": [key, key.upper(), key.replace("-", ""), f"{{{key}}}"], "bigint": ["1", "01", " 1", "1 "]}.get(declared, [key])
        with school.cluster.connect(school.database) as one, school.cluster.connect(school.database) as other:
            one.execute("SET timezone = 'Asia/Tokyo'")
            other.execute("SET timezone = 'America/St_Johns'")
            for n in range(3):
                school.sql("UPDATE students SET last_name = %s WHERE id = %s", f"Name {n}", school.key(1))
                said = {answer(session, school.key(1), declared) for session in (one, other, one)}
                assert len(said) == 1 and f"Name {n}" in said.pop()
                for spelling in spellings:
                    said = answer(one, spelling)
                    assert said == answer(other, spelling)
                    assert spelling.strip() != spelling or f"Name {n}" in said
            before = school.one("SELECT hits FROM wc_stat_cache")
            answer(one, school.key(2), declared), answer(other, school.key(2), declared), answer(one, school.key(2), declared)
            is_used = school.one("SELECT hits FROM wc_stat_cache") > before
            assert is_used is (time == TIMES[0]), "a birth date with a zone is a day of the session's zone"


# ---- roles ----

ROLES = """
CREATE ROLE {all}; CREATE ROLE {some}; CREATE ROLE {none}; CREATE ROLE {member}; CREATE ROLE {past} BYPASSRLS; CREATE ROLE {owner};
GRANT SELECT ON students, health_records, allergies, chronic_conditions TO {all}, {past};
GRANT SELECT ON students, health_records TO {some};
GRANT SELECT (id, "studentId", allergen, severity) ON allergies TO {some};
GRANT {all} TO {member};
"""
# Whatever is done to the tables or to roles, then undone.
SITUATIONS = {
    "as it is": [("", "")],
    "a privilege less": [("REVOKE SELECT ON allergies FROM {all}", "GRANT SELECT ON allergies TO {all}")],
    "a column less": [("REVOKE SELECT ON allergies FROM {all}; GRANT SELECT (id, \"studentId\", allergen) ON allergies TO {all}",
                       "REVOKE ALL ON allergies FROM {all}; GRANT SELECT ON allergies TO {all}")],
    "all columns one by one": [("REVOKE SELECT ON students FROM {all}; GRANT SELECT (id, \"firstName\", \"lastName\", \"studentNumber\", \"dateOfBirth\", gender) "
                                "ON students TO {all}", "REVOKE ALL ON students FROM {all}; GRANT SELECT ON students TO {all}")],
    "no schema": [("REVOKE USAGE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {some}", "GRANT USAGE ON SCHEMA public TO PUBLIC")],
    "a member no more": [("REVOKE {all} FROM {member}", "GRANT {all} TO {member}")],
    "heir no more": [("ALTER ROLE {member} NOINHERIT", "ALTER ROLE {member} INHERIT")],
    "a superuser for a while": [("ALTER ROLE {some} SUPERUSER", "ALTER ROLE {some} NOSUPERUSER")],
    "a policy": [("ALTER TABLE students ENABLE ROW LEVEL SECURITY; CREATE POLICY bea ON students USING (id = 'bea')",
                  "DROP POLICY bea ON students; ALTER TABLE students DISABLE ROW LEVEL SECURITY")],
    "a policy of allergies": [("ALTER TABLE allergies ENABLE ROW LEVEL SECURITY", "ALTER TABLE allergies DISABLE ROW LEVEL SECURITY")],
    "a policy also for the owner": [("ALTER TABLE students OWNER TO {owner}; ALTER TABLE students ENABLE ROW LEVEL SECURITY; ALTER TABLE students FORCE ROW LEVEL SECURITY",
                                     "ALTER TABLE students NO FORCE ROW LEVEL SECURITY; ALTER TABLE students DISABLE ROW LEVEL SECURITY; ALTER TABLE students OWNER TO postgres")],
}


@pytest.fixture
def roles(warm):
    names = {name: f"{warm.database}_{name}" for name in ("all", "some", "none", "member", "past", "owner")}
    warm.psql(ROLES.format(**names))
    for name, role in names.items():
        warm.psql(f"""CREATE FUNCTION by_{name}(id text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
                        AS $$ SELECT public.wc_health_summary(id)::text $$; ALTER FUNCTION by_{name} OWNER TO {role};
                      CREATE FUNCTION plain_by_{name}(id text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
                        SET white_cross.summary_cache = off AS $$ SELECT public.wc_health_summary(id)::text $$; ALTER FUNCTION plain_by_{name} OWNER TO {role};""")
    yield names
    for role in names.values():
        warm.psql(f"REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")


def said_to(session, role, name):
    """To a role, and by a function of that role's to others."""
    found = []
    for setting, call in (("on", "wc_health_summary('ada')::text"), ("off", "wc_health_summary('ada')::text"),
                          ("on", f"by_{name}('ada')"), ("on", f"plain_by_{name}('ada')")):
        try:
            with session.transaction():
                if "by_" not in call:
                    session.execute(f"SET LOCAL ROLE {role}")
                session.execute(f"SET LOCAL white_cross.summary_cache = {setting}")
                found.append(session.execute(f"SELECT public.{call}").fetchone()[0])
        except psycopg.Error as error:
            found.append((error.sqlstate, error.diag.message_primary))
    assert found[0] == found[1] and found[2] == found[3], (role, found)
    return found[0]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_role_is_told_what_it_may_read(warm, roles, situation):
    """Each role fills the entry in turn, also in a session that has been every other role before."""
    with warm.session(prepare_threshold=None) as one, warm.session(prepare_threshold=None) as other:
        for change in "", *(part for pair in SITUATIONS[situation] for part in pair):
            if change:
                warm.psql(change.format(**roles))
            for n in range(2):
                warm.rename("ada", f"Name {n}")
                told = {}
                for session in one, other:
                    for name, role in [*roles.items(), *reversed(roles.items())]:
                        told.setdefault(name, said_to(session, role, name))
                        assert said_to(session, role, name) == told[name]
                assert told["none"][0] == "42501", "who may read nothing is told so"


TABLES = "students, health_records, allergies, chronic_conditions"
KEPT = SITUATIONS | {"the database's owner for a while": [(f'GRANT SELECT ON {TABLES} TO pg_database_owner; ALTER DATABASE :"DBNAME" OWNER TO {{none}}',
                                                          'ALTER DATABASE :"DBNAME" OWNER TO postgres'), ("", f"REVOKE SELECT ON {TABLES} FROM pg_database_owner")]}


@pytest.mark.parametrize("situation", KEPT)
def test_a_session_that_keeps_its_role(warm, roles, situation):
    """What it remembers of the role's rights ends with each change of them, also if no event trigger says that something has changed."""
    warm.sql("ALTER EVENT TRIGGER white_cross_ddl DISABLE")
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(warm.session(prepare_threshold=None)) for name in roles}
        for name, session in sessions.items():
            session.execute(f"SET ROLE {roles[name]}")
        for change in "", *(part for pair in KEPT[situation] for part in pair):
            if change:
                warm.psql(change.format(**roles))
            for name, session in sessions.items():
                assert len(set(answers(session))) == 1, (change, name)


def test_a_session_whose_role_loses_the_schema_of_the_tables(warm, roles):
    """The functions are in another one, which it may still use."""
    warm.psql("""CREATE SCHEMA app; SELECT wc_create_tables('app'); INSERT INTO app.students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
                 SELECT id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender::text::app."Gender", "updatedAt" FROM students;
                 SELECT wc_detach('public'); SELECT count(*) FROM wc_attach('app'); GRANT USAGE ON SCHEMA app TO {all}; GRANT SELECT ON ALL TABLES IN SCHEMA app TO {all};
                 ALTER EVENT TRIGGER white_cross_ddl DISABLE""".format(**roles))
    with warm.session(prepare_threshold=None) as session:
        session.execute(f"SET ROLE {roles['all']}")
        before = warm.hits()
        assert len(set(answers(session))) == 1 and warm.hits() > before
        warm.psql("REVOKE USAGE ON SCHEMA app FROM {all}".format(**roles))
        assert {answer[0] for answer in answers(session)} == {"42501"}


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if "policy" not in name and "is" not in name.split()])
def test_a_privilege_that_goes_in_an_open_transaction(warm, roles, situation):
    for change, back in SITUATIONS[situation]:
        with warm.session(autocommit=False, prepare_threshold=None) as session:
            session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            before = said_to(session, roles["all"], "all")
            warm.psql(change.format(**roles))
            said_to(session, roles["all"], "all"), said_to(session, roles["member"], "member")
            warm.psql(back.format(**roles))
            said_to(session, roles["all"], "all")
            session.rollback()  # PostgreSQL itself may not have heard of it before
            assert said_to(session, roles["all"], "all") == before
