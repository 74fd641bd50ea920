"""ALTER EXTENSION white_cross UPDATE, from every version that was released, in databases with data.

test/upgrade has the install scripts of the released versions.
"""

import re
import shutil
from types import SimpleNamespace

import psycopg
import pytest
from psycopg import errors

from extension_catalog import differences, extension_catalog
from school import Cache, School
from servers import Cluster, Worker, until
from servers.ground import ROOT

RELEASED = sorted(re.search("--(.+)", path.stem)[1] for path in (ROOT / "test/upgrade").glob("white_cross--*.sql"))
SCHEMAS = "public", "health"
UPDATE = "ALTER EXTENSION white_cross UPDATE"
WORKER = "upgraded_worker"


class Upgraded(School):
    worker_role = WORKER


@pytest.fixture(scope="module")
def cluster(ground):
    """A server that finds the install scripts of the released versions beside the present one."""
    stage = ground.folder / "upgraded-stage"
    shutil.copytree(ground.stage, stage)
    scripts = next(stage.rglob("white_cross.control")).parent
    for path in (ROOT / "test/upgrade").glob("white_cross--*.sql"):
        shutil.copy(path, scripts)
        (scripts / path.name).chmod(0o644)
    with Cluster(ground, "upgraded-pg", stage=stage) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def fresh(cluster):
    """The catalog of a new installation, by the schema of its functions."""
    found = {}
    for schema in SCHEMAS:
        cluster.create_database(f"fresh_{schema}")
        with cluster.connect(f"fresh_{schema}") as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION white_cross SCHEMA {schema}")
            found[schema] = extension_catalog(connection)
    return found


def make_school(cluster, database, version, schema="public"):
    """Makes a database as one who has used that version for a while has it: rows, a worker's role and a queue."""
    cluster.create_database(database)
    school = Upgraded(cluster, database)
    school.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    school.sql(f"CREATE EXTENSION white_cross SCHEMA {schema} VERSION '{version}'")
    school.sql(f"SET search_path = public, {schema}")
    school.attach()
    school.allow_worker()
    school.add_student("ada")
    school.add_allergy("ada")
    school.add_record("ada", vital='{"height": 140, "weight": 35}')
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("UPDATE students SET grade = '6'")
    school.sql("SELECT wc_invalidate_pattern('student:a*')")
    school.sql("INSERT INTO white_cross.hot_student VALUES ('ada', 2)")
    school.sql("INSERT INTO white_cross.set_aside VALUES ('eve', 4, '{7}', 'WRONGTYPE', now())")
    return school


@pytest.fixture(scope="module", params=[(version, schema) for version in RELEASED for schema in SCHEMAS], ids=lambda param: "-".join(param))
def upgraded(request, cluster, fresh):
    """A database before its update: its school, its version and the catalog that it shall have."""
    version, schema = request.param
    database = f"from_{version}_{schema}".replace(".", "_")
    with make_school(cluster, database, version, schema) as school:
        yield SimpleNamespace(school=school, version=version, schema=schema, fresh=fresh[schema])
    cluster.drop_database(database)


TABLES = "binding", "bound_column", "worker", "worker_report", "invalidation", "set_aside", "hot_student"


def contents(school):
    return {table: school.rows(f"SELECT * FROM white_cross.{table} ORDER BY 1, 2") for table in TABLES}


def triggers(school):
    return school.rows("SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger "
                       "WHERE tgname LIKE 'white_cross_%' AND tgrelid::regclass::text NOT LIKE 'white_cross.%' ORDER BY 1, 2")


def library_finding(school):
    return school.rows("SELECT status, remedy FROM wc_diagnose() WHERE \"check\" = 'library'")


def queued_for(school, statement):
    """Returns the students whom a statement puts into the queue."""
    with school.connection.transaction():
        school.sql(statement)
        xid = school.one("SELECT pg_current_xact_id()::text")
    return [student for students, in school.rows("SELECT students FROM white_cross.invalidation WHERE xid = %s::xid8", xid) for student in students]


def test_the_new_library_serves_the_objects_of_the_old_version(upgraded):
    """As between the installation of a package and ALTER EXTENSION UPDATE."""
    school = upgraded.school
    assert school.summary("ada")["allergies"][0]["allergen"] == "Peanuts"
    assert queued_for(school, "UPDATE allergies SET allergen = 'Milk'") == ["ada"]
    assert queued_for(school, "SET LOCAL white_cross.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'; UPDATE students SET grade = '7'") == ["ada"]
    assert library_finding(school) == [("fail", f"{UPDATE};")]
    with school.connection.transaction(force_rollback=True):
        kinds = [row[0] for row in school.rows("SELECT kind::text FROM white_cross.take('{}', '0', 0, '0', 0, 10000)")]
        assert kinds.count("s") == 3 and kinds[-2:] == [".", ">"]
    # The role and the worker as they are.
    with school.cluster.connect(school.database, WORKER) as connection:
        assert connection.execute("SELECT count(*) FROM white_cross.worker").fetchone()[0] == 1


def test_an_update_that_is_rolled_back_changes_nothing(upgraded):
    school = upgraded.school
    before = extension_catalog(school.connection)
    with school.connection.transaction(force_rollback=True):
        school.sql(UPDATE)
    assert differences(before, extension_catalog(school.connection)) == []
    assert school.one("SELECT extversion FROM pg_extension WHERE extname = 'white_cross'") == upgraded.version


def test_an_update_leads_to_the_catalog_of_a_new_installation(upgraded):
    school = upgraded.school
    # Sessions with plans of the old functions go on.
    with school.cluster.connect(school.database) as other:
        other.execute(f"SET search_path = public, {upgraded.schema}")
        other.execute("PREPARE read AS SELECT wc_health_summary($1::text)::jsonb")
        other.execute("PREPARE change AS UPDATE students SET grade = '8'")
        read = other.execute("EXECUTE read('ada')").fetchone()
        before, attached = contents(school), triggers(school)
        school.sql(UPDATE)
        assert (contents(school), triggers(school)) == (before, attached)
        assert other.execute("EXECUTE read('ada')").fetchone() == read
        other.execute("EXECUTE change")
    assert school.queue_length() == len([row for row in before["invalidation"] if row[3] is not None]) + 1
    # What the database had granted to its worker stays, and is no part of a new installation.
    school.sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA white_cross, {upgraded.schema} FROM {WORKER}")
    school.sql(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA white_cross, {upgraded.schema} FROM {WORKER}")
    school.sql(f"REVOKE ALL ON SCHEMA white_cross, {upgraded.schema} FROM {WORKER}")
    found = differences(extension_catalog(school.connection), upgraded.fresh)
    assert not found, "\n".join(found)
    school.allow_worker()


def test_after_an_update_attached_tables_are_served_as_before(upgraded, ground, redis_server):
    school = upgraded.school
    assert library_finding(school) == [("ok", None)]
    before = contents(school), triggers(school)
    school.sql("SELECT * FROM wc_attach('public')")
    assert (contents(school), triggers(school)) == before
    redis_server.connect().flushall()
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.plant_summary("ada")
        with Worker(ground, school.worker_dsn, redis_server, "upgraded"):
            cache.until_drained()
            assert not cache.is_planted(cache.key("ada")), "the rows that were queued before the update"
            for statement in "UPDATE students SET grade = '9'", "DELETE FROM allergies", "TRUNCATE health_records":
                cache.plant_summary("ada")
                school.psql(statement)
                cache.until_invalidated(cache.key("ada"))


def test_a_dump_of_an_updated_database_is_a_new_installation(upgraded):
    school = upgraded.school
    copy = f"{school.database}_copy"
    school.cluster.create_database(copy)
    school.cluster.psql(school.cluster.program("pg_dump", database=school.database), copy)
    with school.cluster.connect(school.database) as one, school.cluster.connect(copy) as other:
        assert differences(extension_catalog(one), extension_catalog(other)) == []
    school.cluster.drop_database(copy)


@pytest.fixture(params=RELEASED)
def old(request, cluster):
    database = f"refused_{request.param}".replace(".", "_")
    with make_school(cluster, database, request.param) as school:
        yield school
    cluster.drop_database(database)


def refused(school, error, message, hint):
    with pytest.raises(error, match=message) as caught:
        school.sql(UPDATE)
    assert hint in caught.value.diag.message_hint


def test_an_update_is_refused_while_the_old_library_is_loaded(old):
    """As in a server that preloads it and was not restarted.  A function stands in for the old library."""
    old.sql("CREATE OR REPLACE FUNCTION white_cross.library_version() RETURNS text LANGUAGE sql AS $$ SELECT '0.1.0' $$")
    refused(old, errors.ObjectNotInPrerequisiteState, "the library that is loaded is version 0.1.0", "restart PostgreSQL")


def test_an_update_is_refused_where_the_objects_are_those_of_another_build(old):
    old.sql("ALTER EXTENSION white_cross DROP FUNCTION white_cross.fits(oid, text)")
    refused(old, errors.ObjectNotInPrerequisiteState, "are not those of version", "DROP EXTENSION white_cross; CREATE EXTENSION white_cross;")


def test_an_update_takes_no_object_of_others_for_its_own(old):
    """Whoever may create functions in the schema of ours could otherwise have one called as superuser."""
    old.sql("CREATE FUNCTION wc_help() RETURNS TABLE (subject text, function text, purpose text) LANGUAGE sql AS $$ SELECT 'a', 'b', 'c' $$")
    with pytest.raises(psycopg.Error, match="already exists"):
        old.sql(UPDATE)


def test_sessions_of_an_older_library_go_on_where_the_queue_has_more_columns(school):
    """This library is the older one of a version to come."""
    school.add_student("ada")
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("TRUNCATE white_cross.invalidation")
    school.sql("ALTER TABLE white_cross.invalidation ADD COLUMN one text, ADD COLUMN two bigint[]")
    school.sql("SELECT wc_invalidate(array_agg('s' || i)) FROM generate_series(1, 900) AS i")
    school.sql("UPDATE students SET grade = '6'")
    assert school.rows("SELECT DISTINCT one, two FROM white_cross.invalidation") == [(None, None)]
    taken = school.rows("SELECT name FROM white_cross.take('{}', '0', 0, '0', 0, 10000) WHERE kind = 's'")
    assert len(taken) == 901 and ("ada",) in taken
