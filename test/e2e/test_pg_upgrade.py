"""pg_upgrade: a cluster with the extension, its tables and a worker goes to another major version, by copies and by links.

make check-upgrade OLD_PG_CONFIG=… NEW_PG_CONFIG=… builds for both.
"""

import os
import re
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from every_call import FAILED, OUTCOME, PASSING, calls, outcome
from extension_catalog import differences, extension_catalog
from late_fill import load, store, until_stored
from own_ids import IDS, TABLES
from school import Cache, School
from servers import Cluster, Worker, until
from servers.process import as_server_user

OLD = os.environ.get("WC_OLD_PG_CONFIG")
pytestmark = [pytest.mark.thorough, pytest.mark.skipif(not OLD, reason="needs two versions of PostgreSQL: make check-upgrade")]
PRELOADED = {"shared_preload_libraries": "$libdir/white_cross"}
DATABASES = {"text": "text", "uuids": "uuid", "parted": "bigint"}  # by the type of their ids


class Upgraded(School):
    worker_role = "upgrade_worker"


def make_text(school):
    """Roles, policies, settings, functions on rows, names of columns that differ, an index of another extension."""
    school.sql("""
        CREATE EXTENSION pg_trgm; CREATE EXTENSION white_cross; SELECT wc_create_tables('public');
        ALTER TABLE students RENAME grade TO form; SELECT wc_attach('public', '{"students": {"columns": {"grade": "form"}}}'::jsonb, compute_bmi => true);
        CREATE ROLE upgrade_reader; GRANT SELECT ON students, health_records, allergies, chronic_conditions TO upgrade_reader;
        CREATE POLICY mine ON students TO upgrade_reader USING (id = 's1'); ALTER TABLE students ENABLE ROW LEVEL SECURITY;
        ALTER DATABASE text SET white_cross.queue_limit = 777; ALTER ROLE upgrade_reader SET white_cross.purpose = 'ward'""")
    for statement, in school.rows("SELECT wc_row_functions('public')"):
        school.sql(statement)
    school.sql("GRANT SELECT ON student_summaries TO upgrade_reader")
    for n in range(30):
        school.insert("students", {"id": f"s{n}", "studentNumber": f"N{n}", "firstName": "Zoë", "lastName": "O'Brien", "dateOfBirth": "2014-03-02", "form": "5", "gender": "FEMALE"})
        school.add_allergy(f"s{n}")
        school.add_condition(f"s{n}")
        for day in range(9):
            school.add_record(f"s{n}", date=f"2025-03-0{1 + day}", vital='{"height": 140, "weight": 35}', type=["CHECKUP", "VACCINATION"][day % 2])


def make_uuids(school):
    """The extension in a schema of its own, its objects where nobody looks first."""
    school.sql("CREATE SCHEMA health; CREATE EXTENSION white_cross SCHEMA health")
    school.sql(TABLES.format(id="uuid", time="timestamptz"))
    school.sql("SET search_path = public, health; SELECT wc_attach('public'); ALTER DATABASE uuids SET search_path = public, health")
    add_rows(school, IDS["uuid"])


def make_parted(school):
    school.sql(TABLES.format(id="bigint", time="timestamptz"))
    school.sql("""CREATE EXTENSION white_cross;
        DROP TABLE health_records; CREATE TABLE health_records (id bigint, student_id bigint, type text, date timestamptz, description text, vital jsonb, provider text, notes text,
            attachments text[], created_at timestamptz, updated_at timestamptz) PARTITION BY RANGE (date);
        CREATE TABLE past PARTITION OF health_records FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
        CREATE TABLE present PARTITION OF health_records FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
        SELECT wc_attach('public')""")
    add_rows(school, IDS["bigint"])


def add_rows(school, ids):
    for id in ids:
        school.sql("INSERT INTO students VALUES (%s, 'N1', 'Ada', 'Quill', '2014-03-02', 'FEMALE', '5')", id)
    school.sql("INSERT INTO allergies (id, allergen, severity, student_id) VALUES (%s, 'Milk', 'SEVERE', %s)", ids[1], ids[0])
    for n, date in enumerate(("2024-10-10", "2025-10-10")):
        school.sql("INSERT INTO health_records VALUES (%s, %s, 'VACCINATION', %s, 'Tdap', '{\"height\": 140}', NULL, NULL, NULL, now(), now())", ids[n], ids[0], date)


def queue(school):
    """What a worker that is away finds when it comes."""
    school.sql("SELECT white_cross.register_worker('w'); UPDATE allergies SET reaction = 'Hives'; SELECT wc_invalidate_pattern('student:a*')")
    school.sql("INSERT INTO white_cross.hot_student VALUES ('s1', 2); INSERT INTO white_cross.set_aside VALUES ('eve', 4, '{7}', 'WRONGTYPE', now())")


KEPT = "binding", "bound_column", "worker", "invalidation", "set_aside", "hot_student"


def state(school):
    """All that a database says of itself and of its students."""
    type = DATABASES[school.database]
    found = {f"white_cross.{table}": school.rows(f"SELECT t::text FROM white_cross.{table} AS t ORDER BY 1") for table in KEPT}
    found["triggers"] = school.rows("SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2")
    found["settings"] = school.rows("SELECT setdatabase <> 0, setrole::regrole::text, setconfig FROM pg_db_role_setting ORDER BY setconfig")
    found["indexes wanted"] = school.rows("SELECT wc_index_statements('public', false)")
    for direct in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct}")
        for id, in school.rows("SELECT id::text FROM students ORDER BY id LIMIT 4"):
            for name, ways in calls(school, type).items():
                for way in ways:
                    found[direct, id, way] = PASSING.sub("", outcome(school, way.replace("{id}", f"'{id}'::{type}")))
    found["search"] = school.one("SELECT wc_search_health_records('a -none')::text")
    if school.database == "text":
        found["rows"] = school.rows("SELECT s.health_summary::text, student_records(s, 1, 5)::text, v.summary::text FROM students AS s JOIN student_summaries AS v USING (id) ORDER BY id")
        found["policy"] = seen_by_reader(school)
    return found


def seen_by_reader(school):
    with school.connection.transaction():
        school.sql("SET LOCAL ROLE upgrade_reader")
        return school.rows("SELECT id, summary::text FROM student_summaries")


def run_pg_upgrade(old, new, ways):
    done = subprocess.run([new.bin / "pg_upgrade", "-b", old.bin, "-B", new.bin, "-d", old.data, "-D", new.data, "-U", new.superuser, "-s", new.folder, *ways],
                          cwd=new.folder, capture_output=True, text=True, **as_server_user())
    logs = "".join(f"\n==== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in new.data.glob("pg_upgrade_output.d/*/log/*.log")) if done.returncode else ""
    assert done.returncode == 0, done.stdout + done.stderr + logs


def checksums(cluster):
    return re.search(r"page checksum version: +(\d+)", subprocess.run([cluster.bin / "pg_controldata", cluster.data], capture_output=True, text=True, check=True, env={"LC_ALL": "C"}).stdout)[1] != "0"


@pytest.fixture(scope="module", params=["copied", "linked"])
def upgraded(request, ground, redis_server):
    """The databases before and after, and Redis as the old server's worker has left it."""
    old = Cluster(ground, f"old-{request.param}", PRELOADED, stage=Path(os.environ["WC_OLD_STAGE"]), postgres=OLD)
    with old:
        schools = []
        for database, make in (("text", make_text), ("uuids", make_uuids), ("parted", make_parted)):
            old.create_database(database)
            schools.append(Upgraded(old, database))
            make(schools[-1])
            for statement, in schools[-1].rows("SELECT wc_index_statements('public', false)"):
                schools[-1].sql(statement)
            schools[-1].allow_worker()
            schools[-1].sql(OUTCOME + f"; ALTER ROLE {Upgraded.worker_role} BYPASSRLS")
        cached = fill_redis(ground, redis_server, schools[0])
        for school in schools:
            queue(school)
        before = {school.database: state(school) for school in schools}
        xid = int(schools[0].one("SELECT pg_current_xact_id()::text"))
        for school in schools:
            school.connection.close()
    with Cluster(ground, f"new-{request.param}", PRELOADED) as new:
        new.stop()
        if checksums(new) and not checksums(old):
            subprocess.run([old.bin / "pg_checksums", "--enable", "--no-sync", "-D", old.data], check=True, capture_output=True, **as_server_user())
        run_pg_upgrade(old, new, ["--link"] if request.param == "linked" else [])
        new.start()
        yield SimpleNamespace(cluster=new, before=before, xid=xid, cached=cached)


def fill_redis(ground, redis_server, school):
    """A worker and readers of the old server.  Returns what they have left: an epoch, a summary, and a value that is not stored yet."""
    with redis_server.connect() as client:
        client.flushall()
        cache = Cache(client, school)
        with Worker(ground, school.worker_dsn, redis_server, "w"):
            cache.until_drained()
            until_stored(cache, "s1")
        return SimpleNamespace(epoch=client.get("wc:epoch:of"), text=client.get(cache.key("s1")), loaded=load(school, "s2"))


@pytest.fixture(params=DATABASES)
def school(request, upgraded):
    with Upgraded(upgraded.cluster, request.param) as school:
        with school.connection:
            yield school


def test_nothing_differs(upgraded, school):
    before, after = upgraded.before[school.database], state(school)
    assert len([answer for answer in after.values() if isinstance(answer, str) and not FAILED.match(answer)]) > 100
    assert {key: (before.get(key), after.get(key)) for key in before | after if before.get(key) != after.get(key)} == {}


def test_nothing_is_found_wrong(school):
    of_the_worker = "worker", "queue", "set aside"  # it is away, and left a queue
    assert [row for row in school.rows("SELECT * FROM wc_diagnose() WHERE status <> 'ok'") if not row[0].startswith(of_the_worker)] == []


def test_the_objects_are_those_of_a_new_installation(upgraded, school):
    cluster = upgraded.cluster
    schema = school.one("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'white_cross'")
    cluster.create_database("fresh")
    try:
        with cluster.connect("fresh") as fresh:
            fresh.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION white_cross SCHEMA {schema}")
            # As pg_upgrade makes them: of what a dump says.
            for statement, in fresh.execute("""SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e'
                                               JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'white_cross' WHERE p.prosqlbody IS NOT NULL""").fetchall():
                fresh.execute(statement)
            wanted = extension_catalog(fresh)
        school.sql("BEGIN")
        for what in f"ALL TABLES IN SCHEMA white_cross, {schema}", f"ALL FUNCTIONS IN SCHEMA white_cross, {schema}", f"SCHEMA white_cross, {schema}":
            school.sql(f"REVOKE ALL ON {what} FROM {school.worker_role}")
        found = differences(extension_catalog(school.connection), wanted)
        school.sql("ROLLBACK")
        assert not found, "\n".join(found)
    finally:
        cluster.drop_database("fresh")


def test_the_worker_serves_nothing_of_the_old_server(upgraded, ground, redis_server):
    """Redis has gone on: values, fences and an epoch of the old server, of which a change was not drained yet."""
    with Upgraded(upgraded.cluster, "text") as school, redis_server.connect() as client:
        cache, seen, done = Cache(client, school), set(), threading.Event()
        assert int(school.one("SELECT pg_current_xact_id()::text")) > upgraded.xid
        client.set(cache.key("s1"), upgraded.cached.text)
        assert "Hives" not in upgraded.cached.text and "Hives" in school.one("SELECT wc_health_summary('s1')::text")

        def read():
            with redis_server.connect() as reader:
                while not done.is_set():
                    seen.add(reader.execute_command("FCALL", "wc_get", 1, cache.key("s1"), ""))
        thread = threading.Thread(target=read)
        with Worker(ground, school.worker_dsn, redis_server, "w") as worker:
            thread.start()
            try:
                assert store(cache, upgraded.cached.loaded) == 0, "loaded from the old server"
                until(lambda: client.get("wc:epoch") and client.get("wc:epoch:of") != upgraded.cached.epoch, 30, "another epoch")
                cache.until_drained()
                assert store(cache, upgraded.cached.loaded) == 0, "loaded from the old server"
                until_stored(cache, "s1")
                cache.plant_summary("s1")
                school.psql("UPDATE allergies SET reaction = 'Rash'")
                cache.until_invalidated(cache.key("s1"))
                until_stored(cache, "s1")
            finally:
                done.set()
                thread.join()
            assert worker.failures("postgres") == 0
        assert upgraded.cached.text not in seen
        assert [row for row in school.rows("SELECT * FROM wc_diagnose() WHERE status NOT IN ('ok')") if row[0].startswith("trigger")] == []


def test_the_extension_can_be_dropped_and_made(upgraded):
    """What ties its objects to it is there too: the last test, for it takes the extension out."""
    with Upgraded(upgraded.cluster, "uuids") as school, school.connection.transaction(force_rollback=True):
        school.sql("SET search_path = public, health")
        summary = school.one("SELECT wc_health_summary(%s::uuid)::text", IDS["uuid"][0])
        school.sql("DROP EXTENSION white_cross CASCADE; CREATE EXTENSION white_cross SCHEMA health; SELECT wc_attach('public')")
        assert school.one("SELECT wc_health_summary(%s::uuid)::text", IDS["uuid"][0]) == summary
