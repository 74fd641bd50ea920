"""Schemas of any name, and schemas that get another one."""

import psycopg
import pytest
from psycopg import errors, sql

from school import Cache, School
from servers import Worker, until


@pytest.fixture
def bare(cluster, empty_database):
    school = School(cluster, empty_database)
    with school.connection:
        yield school


def named(statement, *names, **values):
    """The statement with names put in its {}, and values in its {name}."""
    return sql.SQL(statement).format(*map(sql.Identifier, names), **{key: sql.Literal(value) for key, value in values.items()})


def troubles(school, home):
    return school.rows(named("SELECT * FROM {}.wc_diagnose() WHERE status <> 'ok'", home))


@pytest.mark.parametrize("home", ["Odd Schema", "UPPER", "select", "a.b", "e\u0301t\u00e9", "x;y", "%s", "white_cross", "a" * 63])
def test_a_home_of_any_name(bare, home):
    app = 'the "app"\'s $$ %I \\ schema'
    bare.sql(named("CREATE SCHEMA {}", home))
    bare.sql(named("CREATE SCHEMA {}", app))
    bare.sql(named("CREATE EXTENSION white_cross SCHEMA {}", home))
    bare.sql(named("SELECT {}.wc_create_tables({app}, false)", home, app=app))
    notices = []
    bare.connection.add_notice_handler(lambda notice: notices.append((notice.message_primary, notice.message_hint)))
    bare.sql(named("SELECT {}.wc_attach({app})", home, app=app))
    ((notice, hint),) = notices
    assert notice.endswith(": 8")
    # What is printed can be pasted.
    bare.psql(hint.split("psql: ")[1] + "\n")
    assert troubles(bare, home) == []
    bare.sql(named("SET search_path = {}", app))
    student = bare.add_student()
    bare.sql("SET search_path = ''")
    assert bare.one(named("SELECT {}.wc_health_summary({id}::text)", home, id=student))["student"]["id"] == student
    assert bare.one(named("SELECT students FROM {}.wc_growth_prevalence()", home)) == 1
    if home == "Odd Schema":  # a name that nothing else has: no body keeps it when it changes
        bare.sql(named("ALTER SCHEMA {} RENAME TO elsewhere", home))
        assert bare.rows("SELECT p.proname FROM pg_proc AS p WHERE strpos(p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), ''), %s) > 0", home) == []
        for type in "json", "text", "jsonb":
            assert len(bare.rows(f"SELECT * FROM elsewhere.wc_attach(%s, NULL::{type})", app)) == 4
        bare.sql(named("ALTER SCHEMA elsewhere RENAME TO {}", home))
    bare.sql(named("ALTER TABLE {}.allergies DISABLE TRIGGER ALL", app))
    for _, _, _, remedy in troubles(bare, home):
        bare.psql(remedy)
    assert troubles(bare, home) == []
    bare.sql(f"SELECT {bare.connection.execute('SELECT white_cross.home()').fetchone()[0]}.wc_grant_worker('pg_monitor'::regrole)")
    bare.sql(named("SELECT {}.wc_detach({app})", home, app=app))
    bare.sql("DROP EXTENSION white_cross CASCADE")
    assert bare.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'white_cross'") == (1 if home == "white_cross" else 0)


@pytest.mark.parametrize("home", ['with "quotes"', "with 'quotes'", "with $", "with \\", "-- with a comment"])
def test_a_home_that_a_script_cannot_name(bare, home):
    """PostgreSQL refuses to put such names into the scripts of extensions (some of them since a minor version); nothing is left."""
    bare.sql(named("CREATE SCHEMA {}", home))
    try:
        bare.sql(named("CREATE EXTENSION white_cross SCHEMA {}", home))
    except psycopg.Error as refused:
        assert "must not contain" in str(refused)
        assert bare.one("SELECT to_regnamespace('white_cross')") is None
    else:
        assert "--" in home and bare.one(named("SELECT {}.wc_version()", home))


def test_the_schema_is_dropped_with_all_that_is_in_it(school):
    """Scripts that reset test databases begin like this."""
    school.sql("SELECT white_cross.register_worker('w')")
    school.add_student()
    school.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert school.rows("SELECT evtname FROM pg_event_trigger") == []
    school.sql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public'); SELECT wc_attach('public')")
    assert school.summary(school.add_student())


def test_a_home_that_is_renamed(school, ground, redis_server):
    """The application's schema was made anew, the old one put aside: migrations do that."""
    student = school.add_student()
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("ALTER SCHEMA public RENAME TO old; CREATE SCHEMA public")
    school.sql("SET search_path = old")
    # DDL of every kind that the event triggers look at, writes, and all of the cache
    school.sql("""CREATE TABLE other (id text); ALTER TABLE other ADD COLUMN more text; DROP TABLE other; CREATE TABLE other AS SELECT 1 AS one;
                  CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood ADD VALUE 'sad'; ALTER TYPE "Gender" RENAME VALUE 'OTHER' TO 'DIVERSE';
                  ALTER TABLE students ADD COLUMN more text""")
    school.sql("UPDATE students SET grade = '6'; TRUNCATE allergies")
    school.sql("SELECT white_cross.distrust_cache(), wc_invalidate_all(), wc_version()")
    assert school.queue_length() > 0
    assert [row[:2] for row in troubles(school, "old") if row[0] == "binding"] == [("binding", "fail")]
    # Attached anew, under the new name of the tables' schema and to tables that are made in the one of the old name.
    for schema in "old", "public":
        school.sql(f"SELECT wc_detach('{'public' if schema == 'old' else 'old'}')")
        if schema == "public":
            school.sql("SELECT wc_create_tables('public')")
        school.sql(f"SELECT wc_attach('{schema}')")
        school.sql(f"SET search_path = {schema}, old")
        if schema == "public":
            student = school.add_student()
        assert school.summary(student)["student"]["id"] == student
        assert sum(row[0] for row in school.rows("SELECT students FROM wc_growth_prevalence()")) == 1
        assert school.rows(f"SELECT wc_index_statements('{schema}')") == []
    school.allow_worker()
    assert {row[0] for row in troubles(school, "old")} <= {"worker", "relay", "queue"}
    school.sql("SELECT white_cross.unregister_worker('w')")
    redis_server.connect().flushall()
    with redis_server.connect() as client, Worker(ground, school.worker_dsn, redis_server, "moved"):
        cache = Cache(client, school)
        cache.until_drained()
        cache.load(student)
        school.sql("""UPDATE students SET "lastName" = 'Byron'""")
        until(lambda: (cache.summary(student) or {}).get("student", {}).get("lastName") == "Byron", 10, "the new summary")


def test_the_schema_of_ours_keeps_its_name(school):
    with pytest.raises(errors.FeatureNotSupported, match="cannot be renamed"):
        school.sql("ALTER SCHEMA white_cross RENAME TO internal")
    school.sql("CREATE TABLE other (); DROP TABLE other; CREATE SCHEMA third; ALTER SCHEMA third RENAME TO fourth")
    # Where somebody turned off what refuses it, the way back is open.
    ours = [name for (name,) in school.rows("SELECT evtname FROM pg_event_trigger WHERE evtname LIKE 'white_cross%'")]
    for name in ours:
        school.sql(f"ALTER EVENT TRIGGER {name} DISABLE")
    school.sql("ALTER SCHEMA white_cross RENAME TO internal")
    for name in ours:
        school.sql(f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS")
    school.sql("ALTER SCHEMA internal RENAME TO white_cross")
    school.sql("CREATE TABLE other ()")
    assert school.summary(school.add_student())


@pytest.mark.parametrize("made, home", [
    ("CREATE SCHEMA white_cross", "public"),
    ("CREATE SCHEMA white_cross AUTHORIZATION wc_other", "public"),
    ("CREATE SCHEMA white_cross AUTHORIZATION wc_other", "white_cross"),
    ("CREATE SCHEMA white_cross; GRANT CREATE ON SCHEMA white_cross TO wc_other", "white_cross"),
    ("CREATE SCHEMA white_cross; GRANT CREATE ON SCHEMA white_cross TO PUBLIC", "white_cross"),
])
def test_a_schema_white_cross_of_others_is_refused(bare, made, home):
    if not bare.one("SELECT 1 FROM pg_roles WHERE rolname = 'wc_other'"):
        bare.sql("CREATE ROLE wc_other")
    bare.sql(made)
    with pytest.raises(errors.DuplicateSchema, match=r"exists already") as refused:
        bare.sql(f"CREATE EXTENSION white_cross SCHEMA {home}")
    if "wc_other" in made:
        assert "wc_other" in str(refused.value)
    bare.sql("DROP SCHEMA white_cross")


@pytest.mark.parametrize("whom", ["PUBLIC", '"wc Other"'])
def test_default_privileges_grant_no_internal_objects(bare, whom):
    if not bare.one("SELECT 1 FROM pg_roles WHERE rolname = 'wc Other'"):
        bare.sql('CREATE ROLE "wc Other"')
    bare.sql(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO {whom}; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {whom}")
    bare.sql("CREATE EXTENSION white_cross")
    bare.sql(f"ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM {whom}; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {whom}")
    assert bare.rows("SELECT has_schema_privilege('wc Other', 'white_cross', p) FROM unnest('{USAGE,CREATE}'::text[]) AS p") == [(False,)] * 2
    assert bare.rows("SELECT relname FROM pg_class WHERE relnamespace = 'white_cross'::regnamespace AND relkind = 'r' "
                     "AND has_table_privilege('wc Other', oid, 'SELECT, INSERT, UPDATE, DELETE')") == []


@pytest.mark.parametrize("grant, whom", [("GRANT CREATE ON SCHEMA public TO PUBLIC", "PUBLIC"),
                                         ('GRANT CREATE ON SCHEMA public TO "wc Other"', '"wc Other"'),
                                         ("GRANT CREATE ON SCHEMA white_cross TO PUBLIC", "PUBLIC")])
def test_wc_diagnose_names_roles_that_may_create_functions_in_our_schemas(school, grant, whom):
    if not school.one("SELECT 1 FROM pg_roles WHERE rolname = 'wc Other'"):
        school.sql('CREATE ROLE "wc Other"')
    school.sql(grant)
    ((check, status, detail, remedy),) = troubles(school, "public")
    assert (check, status) == ("schemas", "warn") and detail.startswith(whom)
    school.psql(remedy)
    assert troubles(school, "public") == []


def test_an_owner_of_the_schema_who_is_no_superuser_is_named(school):
    if not school.one("SELECT 1 FROM pg_roles WHERE rolname = 'wc_other'"):
        school.sql("CREATE ROLE wc_other")
    school.sql(f'ALTER DATABASE "{school.database}" OWNER TO wc_other')
    owned = school.one("SELECT detail FROM wc_diagnose() WHERE \"check\" = 'schemas' AND status = 'ok'")
    assert owned.startswith("wc_other owns schema public")
    school.sql(f'ALTER DATABASE "{school.database}" OWNER TO postgres')


@pytest.mark.parametrize("way", ["gexec", "pipe"])
def test_index_statements_are_run_by_psql(school, way):
    school.sql("DROP INDEX idx_health_records_search, idx_allergies_student_severity, idx_health_records_date")
    statement = "SELECT wc_index_statements('public')"
    if way == "gexec":
        school.psql(statement + " \\gexec\n")
    else:
        school.psql(school.psql(statement))
    assert school.rows(statement) == []


def test_attaching_says_how_many_indexes_are_missing(school):
    notices = []
    school.connection.add_notice_handler(lambda notice: notices.append((notice.message_primary, notice.message_hint)))
    school.sql("SELECT wc_attach('public')")
    assert notices == []
    school.sql("DROP INDEX idx_health_records_search, idx_allergies_student_severity")
    school.sql("SELECT wc_attach('public')")
    assert notices == [('indexes that the functions want are missing or invalid in schema "public": 2',
                        "To create them, run in psql: SELECT public.wc_index_statements('public') \\gexec")]
