"""wc_diagnose: each thing is broken, found, and mended by the remedy that it gives, pasted into psql."""

import os
import re
import shutil
import signal
from contextlib import ExitStack, closing

import pytest

from servers import Cluster, until
from servers.process import own

CHECKS = ["library", "schemas", "binding", "triggers", "event triggers", "indexes", "statistics", "labels", "sexes", "row-level security", "worker", "queue",
          "set aside", "cache", "notifications", "relay", "summary cache", "calls", "keys", "audit", "connections", "settings"]


def findings(school):
    return school.rows('SELECT "check", status, detail, remedy FROM wc_diagnose()')


def troubles(school):
    return [row for row in findings(school) if row[1] != "ok"]


def test_a_sound_school(school):
    assert [(check, status) for check, status, _, _ in findings(school)] == [(check, "ok") for check in CHECKS]
    assert all(remedy is None for _, _, _, remedy in findings(school))


def test_not_attached(cluster, empty_database):
    with cluster.connect(empty_database) as connection:
        connection.execute("CREATE EXTENSION white_cross; SELECT wc_create_tables('public')")
        ((*found, remedy),) = connection.execute("SELECT \"check\", status, remedy FROM wc_diagnose() WHERE status <> 'ok'").fetchall()
        assert found == ["binding", "fail"]
        connection.execute(remedy)
        assert {row[1] for row in connection.execute("SELECT * FROM wc_diagnose()")} == {"ok"}


@pytest.mark.parametrize("breakage", [
    "ALTER TABLE allergies DISABLE TRIGGER white_cross_change",
    "ALTER TABLE allergies DISABLE TRIGGER ALL",
    "ALTER TABLE students ENABLE TRIGGER white_cross_truncate",
    "ALTER TABLE students ENABLE REPLICA TRIGGER white_cross_change",
    "DROP TRIGGER white_cross_change ON health_records",
    "DROP TRIGGER white_cross_truncate ON chronic_conditions",
    "ALTER EVENT TRIGGER white_cross_ddl DISABLE",
    "ALTER EVENT TRIGGER white_cross_drop ENABLE",
    "ALTER EXTENSION white_cross DROP EVENT TRIGGER white_cross_ddl; DROP EVENT TRIGGER white_cross_ddl",
])
def test_a_trigger_that_does_not_fire(school, breakage):
    school.psql(breakage)
    found = troubles(school)
    assert found and all(status == "fail" for _, status, _, _ in found)
    for _, _, _, remedy in found:
        school.psql(remedy)
    assert troubles(school) == []


def test_the_remedy_makes_the_cache_stale_because_changes_were_missed(school, cache):
    student = school.add_student()
    school.psql("ALTER TABLE students DISABLE TRIGGER white_cross_change")
    cache.until_drained()
    cache.plant_summary(student)
    school.psql("UPDATE students SET grade = '12'")
    cache.until_drained()
    assert cache.is_planted(cache.key(student)), "nobody saw it"
    for _, _, _, remedy in troubles(school):
        school.psql(remedy)
    cache.until_invalidated(cache.key(student))


def test_partitions_are_looked_at(school):
    school.psql("""
        DROP TABLE allergies;
        CREATE TABLE allergies (id text, allergen text, severity "AllergySeverity", reaction text, treatment text, verified boolean,
            "verifiedBy" text, "verifiedAt" timestamp(3), "createdAt" timestamp(3), "updatedAt" timestamp(3), "studentId" text)
            PARTITION BY HASH ("studentId");
        CREATE TABLE allergies_0 PARTITION OF allergies FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE allergies_1 PARTITION OF allergies FOR VALUES WITH (MODULUS 2, REMAINDER 1);""")
    mend(school, "indexes")
    school.psql("ALTER TABLE allergies_1 DISABLE TRIGGER white_cross_change; DROP TRIGGER white_cross_truncate ON allergies_0;")
    assert {row[2].split()[0] for row in troubles(school)} == {"public.allergies_0", "trigger"}
    for _, _, _, remedy in troubles(school):
        school.psql(remedy)
    assert troubles(school) == []


TWO = {
    "HASH": ["WITH (MODULUS 2, REMAINDER 0)", "WITH (MODULUS 2, REMAINDER 1)"],
    "LIST": ["IN ('CHECKUP')", "IN ('ILLNESS')"],
    "RANGE": ["FROM (MINVALUE) TO ('2020-01-01')", "FROM ('2020-01-01') TO (MAXVALUE)"],
    "RANGE of two": ["FROM (MINVALUE, MINVALUE) TO ('2020-01-01', MINVALUE)", "FROM ('2020-01-01', MINVALUE) TO (MAXVALUE, MAXVALUE)"],
}


@pytest.mark.parametrize("key, years, by_queries", [
    ('HASH ("studentId")', None, None),
    ("RANGE (date)", None, None),
    ("RANGE (date)", 'HASH ("studentId")', None),
    ("LIST (type)", None, "health_records"),
    ('RANGE (date, "studentId")', None, "health_records"),
    ("RANGE ((date::date))", None, "health_records"),
    ("HASH (date)", None, "health_records"),
    ("RANGE (date)", "LIST (type)", "years"),
])
def test_how_partitions_are_read(school, key, years, by_queries):
    school.psql(f"ALTER TABLE health_records RENAME TO plain; CREATE TABLE health_records (LIKE plain) PARTITION BY {key}; DROP TABLE plain")
    bounds = TWO["RANGE of two" if "," in key else key.split()[0]]
    if years:
        school.psql(f"CREATE TABLE years PARTITION OF health_records FOR VALUES FROM (MINVALUE) TO (MAXVALUE) PARTITION BY {years}")
        bounds = TWO[years.split()[0]]
    for number, bound in enumerate(bounds):
        school.psql(f"CREATE TABLE part_{number} PARTITION OF {'years' if years else 'health_records'} FOR VALUES {bound}")
    says = "the rows of a student are read directly from its 2 partitions"
    if by_queries:
        by = school.one("SELECT pg_get_partkeydef(%s::regclass)", by_queries)
        says = (f"queries read it, which takes longer, since public.{by_queries} is partitioned by {by}. "
                "What is partitioned by the student alone, and records by ranges of their date alone, is read directly")
    assert [row[1:] for row in findings(school) if row[0] == "partitions"] == [("warn" if by_queries else "ok", f"public.health_records: {says}", None)]


def mend(school, *checks):
    """Finds trouble in these checks and nowhere else, pastes the remedies, and finds none."""
    found = troubles(school)
    assert tuple(dict.fromkeys(row[0] for row in found)) == checks, found
    for _, _, _, remedy in found:
        school.psql(remedy)
    assert troubles(school) == []
    return [row[2] for row in found]


@pytest.mark.parametrize("breakage, says", [
    ("ALTER TABLE allergies RENAME reaction TO effect", "allergies.reaction"),
    ("ALTER TABLE chronic_conditions RENAME TO conditions", "public.chronic_conditions"),
    ("ALTER TABLE allergies RENAME reaction TO effect; ALTER TABLE allergies RENAME TO aversions", "public.allergies"),
])
def test_what_is_attached_is_gone(school, breakage, says):
    student = school.add_student()
    school.add_allergy(student, reaction="Hives")
    school.psql(breakage)
    (detail,) = mend(school, "binding")
    assert says in detail
    if "effect" in breakage:
        assert school.summary(student)["allergies"][0]["reaction"] == "Hives"


def test_indexes(school):
    school.psql("DROP INDEX idx_health_records_search, idx_allergies_student_severity; "
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_health_records_date'::regclass")
    details = mend(school, "indexes")
    assert len(details) == 3 and "a search reads all records" in details[0] and "is invalid" in details[2]


def test_names_without_trigrams(school):
    school.psql("UPDATE pg_class SET reltuples = 20000 WHERE oid = 'students'::regclass")
    (detail,) = mend(school, "indexes")
    assert "pg_trgm is not installed" in detail


def test_statistics(school):
    school.psql("ALTER TABLE health_records SET (autovacuum_enabled = false)")
    student = school.add_student()
    # By processes that end: sessions hand in what they count when they like.
    insert = f"""INSERT INTO health_records (id, type, date, description, "studentId")
                 SELECT '%s' || n, 'DENTAL', now(), repeat('x', 200), '{student}' FROM generate_series(1, 3000) n"""
    school.psql(insert % "a")
    until(lambda: school.one("SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'health_records'") == 3000)
    (detail,) = mend(school, "statistics")
    assert "never been analyzed" in detail
    school.psql(insert % "b")
    until(lambda: any("3000 rows" in row[2] for row in troubles(school)))
    for _, _, _, remedy in troubles(school):
        school.psql(remedy)
    until(lambda: troubles(school) == [])


def state_of(school, check):
    return [row[1:] for row in findings(school) if row[0] == check]


def test_a_worker_that_was_killed(school, start_worker):
    worker = start_worker(settings={"queue": {"heartbeat_s": 1}})
    until(lambda: "drains the queue" in state_of(school, "worker")[0][1])
    assert state_of(school, "worker")[0][0] == "ok"
    worker.send(signal.SIGKILL)
    until(lambda: state_of(school, "worker")[0][0] == "fail")
    (_, detail, remedy), = state_of(school, "worker")
    assert "nobody drains" in detail and "systemctl restart" in remedy
    school.psql(remedy)
    assert state_of(school, "worker")[0][0] == "ok"


def test_a_worker_that_hangs(school, start_worker):
    worker = start_worker(settings={"queue": {"heartbeat_s": 1, "hung_after_ms": 3_600_000}})
    until(lambda: "drains the queue, last" in state_of(school, "worker")[0][1])
    worker.send(signal.SIGSTOP)
    until(lambda: state_of(school, "worker")[0][0] == "fail")
    (_, detail, remedy), = state_of(school, "worker")
    assert "does nothing" in detail
    school.psql(remedy)
    worker.send(signal.SIGCONT)
    until(lambda: state_of(school, "worker")[0][0] == "ok", 20)


def test_the_hit_rate(school, start_worker, redis_server):
    start_worker(settings={"queue": {"heartbeat_s": 1}})
    student = school.add_student()
    with redis_server.connect() as client:
        before = client.execute_command("FCALL", "wc_reads", 0)
        key, value, ttl, snapshot = school.rows(
            "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]
        until(lambda: client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot) == 1)
        until(lambda: client.execute_command("FCALL", "wc_get", 1, key))
        client.execute_command("FCALL", "wc_get", 1, "student:nobody:health_summary")
        hits, misses = client.execute_command("FCALL", "wc_reads", 0)
    assert hits == before[0] + 1 and misses > before[1]
    until(lambda: f"of {hits + misses} reads with wc_get" in state_of(school, "cache")[0][1])
    assert school.one("SELECT count(*) FROM white_cross.worker_report WHERE draining") == 1


def test_a_redis_that_evicts(school, start_worker, redis_server):
    start_worker()
    with redis_server.connect() as client:
        try:
            client.config_set("maxmemory", "100mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
            until(lambda: state_of(school, "cache")[-1][0] == "fail")
            (command,) = re.findall("^-- (CONFIG SET .*)$", state_of(school, "cache")[-1][2], re.M)
            client.execute_command(*command.split())
            until(lambda: [status for status, *_ in state_of(school, "cache")] == ["ok"])
        finally:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "0")


def test_rows_that_nobody_takes(school):
    school.psql("SELECT white_cross.register_worker('gone'); UPDATE white_cross.invalidation SET queued_at = now() - interval '10 minutes'")
    (status, detail, remedy), = state_of(school, "queue")
    assert status == "fail" and re.search("1 rows, the oldest 60[0-9] s", detail)
    school.psql(remedy)
    assert state_of(school, "queue")[0][0] == "ok"


def test_not_preloaded(school):
    school.psql("SELECT white_cross.register_worker('w')")
    (status, detail, remedy), = state_of(school, "relay")
    assert status == "warn" and "not preloaded" in detail
    try:
        school.psql(remedy)
        assert school.one("SELECT setting FROM pg_file_settings WHERE name = 'shared_preload_libraries'") == "white_cross"
    finally:
        school.psql("ALTER SYSTEM RESET shared_preload_libraries")


def test_a_server_of_its_own(start_own_school):
    """The relay, and connections near their limit."""
    school, _, _ = start_own_school({"queue": {"heartbeat_s": 3600}}, shared_preload_libraries="$libdir/white_cross", max_connections=20)
    until(lambda: "a relay notifies" in state_of(school, "relay")[0][1])
    school.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'white_cross relay'")
    until(lambda: state_of(school, "relay")[0][0] == "warn")
    school.psql(state_of(school, "relay")[0][2])
    until(lambda: state_of(school, "relay")[0][0] == "ok")
    with ExitStack() as stack:
        while state_of(school, "connections")[0][0] != "fail":
            stack.enter_context(school.cluster.connect("school"))
        _, detail, remedy = state_of(school, "connections")[0]
        assert "idle" in detail
        school.psql(remedy)
        until(lambda: state_of(school, "connections")[0][0] == "ok")


def write_in_place_of(path, content):
    """Replaces a file as a package manager does: a process that has the old file open keeps the old content."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    shutil.copymode(path, new)
    own(new)
    os.replace(new, path)


def test_versions(ground, tmp_path):
    """A newer version is installed while a session is open: first the objects are behind, then that session's library."""
    folder = ground.folder_for("versions")
    shutil.copytree(ground.stage, folder / "stage")
    for path in [folder / "stage", *(folder / "stage").rglob("*")]:
        own(path)
    control, = (folder / "stage").rglob("white_cross.control")
    library, = (folder / "stage").rglob("white_cross.so")
    version = next(line.split("'")[1] for line in control.read_text().splitlines() if line.startswith("default_version"))
    newer = version[:-1] + chr(ord(version[-1]) + 1)
    with Cluster(ground, "versions-pg", stage=folder / "stage") as cluster:
        def state(connection):
            return connection.execute("SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'library'").fetchone()

        with cluster.connect() as old:
            old.execute("CREATE EXTENSION white_cross")
            assert state(old) == ("ok", f"version {version}", None)

            assert library.read_bytes().count(f"{version}\0".encode()) == 1
            write_in_place_of(library, library.read_bytes().replace(f"{version}\0".encode(), f"{newer}\0".encode()))
            write_in_place_of(control, control.read_bytes().replace(version.encode(), newer.encode()))
            update = control.with_name(f"white_cross--{version}--{newer}.sql")
            update.write_text("-- nothing\n")
            own(update)

            assert state(old)[0] == "ok"
            with cluster.connect() as new:
                status, detail, remedy = state(new)
                assert status == "fail" and detail == f"the library is version {newer}, its SQL objects {version}"
                new.execute(remedy)
                assert state(new) == ("ok", f"version {newer}", None)
            status, detail, remedy = state(old)
            assert status == "fail" and detail == f"the library is version {version}, its SQL objects {newer}"
            assert "restart the server" in remedy
        # psql takes the remedy too, and connects again.
        assert cluster.psql(f"{remedy}\nSELECT status FROM wc_diagnose() WHERE \"check\" = 'library'") == "ok\n"


def test_a_listener_that_keeps_the_queue_of_notifications(cluster, start_own_school):
    """Megabytes wait for it: on 15 a thousandth of the queue, which can be made smaller from 17 on."""
    limit = {"max_notify_queue_pages": 3600} if cluster.version >= 17 else {}
    school, _, _ = start_own_school({"queue": {"heartbeat_s": 3600}}, **limit)
    notify = "SELECT count(pg_notify('somebody', repeat('x', 7900) || n)) FROM generate_series(1, %s) AS n"
    with closing(school.cluster.connect("school")) as listener, school.cluster.connect("school") as bystander:
        for statement in "LISTEN somebody", "BEGIN", "SELECT 1":
            listener.execute(statement)
        bystander.execute("BEGIN")
        bystander.execute("SELECT 1")
        school.psql(notify % 1000)
        assert state_of(school, "notifications")[0][0] == ("warn" if limit else "ok")
        school.psql(notify % 1100)
        (status, detail, remedy), = state_of(school, "notifications")
        assert status == ("fail" if limit else "warn") and "16 MB" in detail
        assert f"pg_terminate_backend({listener.info.backend_pid})" in remedy
        school.psql(remedy)
        until(lambda: state_of(school, "notifications")[0][0] == "ok")


def test_a_queue_that_vacuum_does_not_keep_up_with(school):
    school.sql("SET white_cross.queue_limit = '1MB'")
    assert state_of(school, "queue")[0][0] == "ok"
    school.psql("INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at) "
                "SELECT pg_current_xact_id(), n, 1, ARRAY['s' || n], clock_timestamp() FROM generate_series(1, 20000) AS n; "
                "DELETE FROM white_cross.invalidation")
    (status, detail, remedy), = state_of(school, "queue")
    assert status == "warn" and detail.startswith("0 rows") and "of at most 1024 kB" in detail
    school.psql(remedy)
    assert state_of(school, "queue")[0][0] == "ok"


def test_a_transaction_that_somebody_left_open(school):
    look = "SELECT status, detail, remedy FROM white_cross.check_connections(%s) WHERE detail LIKE 'process%%'"
    with closing(school.cluster.connect(school.database)) as forgotten:
        forgotten.execute("BEGIN")
        forgotten.execute("SELECT 1")
        assert school.rows(look, "5 minutes") == []
        until(lambda: len(school.rows(look, "100 ms")) == 1)
        ((status, detail, remedy),) = school.rows(look, "100 ms")
        assert status == "warn" and f"process {forgotten.info.backend_pid} holds" in detail
        school.psql(remedy)
        until(lambda: school.rows(look, "100 ms") == [])


def test_row_level_security(school):
    school.allow_worker()
    school.psql("ALTER TABLE health_records ENABLE ROW LEVEL SECURITY")
    # Whom policies are meant for is not let past them because it may drain too.
    for grant, revoke in (("GRANT INSERT ON students TO {}", "REVOKE INSERT ON students FROM {}"),
                          ("CREATE TABLE other (); ALTER TABLE other ENABLE ROW LEVEL SECURITY; GRANT SELECT ON other TO {}", "DROP TABLE other")):
        school.psql(grant.format(school.worker_role))
        (_, detail, remedy), *_ = [row for row in state_of(school, "row-level security") if row[0] == "warn"]
        assert "one of its own" in detail and remedy is None
        school.psql(revoke.format(school.worker_role))
    try:
        (detail,) = mend(school, "row-level security")
        assert school.worker_role in detail and "health_records" in state_of(school, "row-level security")[0][1]
    finally:
        school.psql(f"ALTER ROLE {school.worker_role} NOBYPASSRLS")


def test_for_a_plain_role(school):
    school.psql("DROP INDEX idx_health_records_search")
    school.sql("CREATE ROLE wc_test_doctor LOGIN")
    try:
        with school.cluster.connect(school.database, "wc_test_doctor") as connection:
            with pytest.raises(Exception, match="permission denied"):
                connection.execute("SELECT FROM wc_diagnose()")
            school.sql("GRANT EXECUTE ON FUNCTION wc_diagnose() TO wc_test_doctor")
            seen = connection.execute("SELECT \"check\", status FROM wc_diagnose()").fetchall()
            assert seen == [row[:2] for row in findings(school)] and ("indexes", "warn") in seen
        # An owner of less power: the function says what it could not see.
        school.sql("GRANT USAGE ON SCHEMA white_cross TO wc_test_doctor; GRANT SELECT ON ALL TABLES IN SCHEMA white_cross TO wc_test_doctor")
        school.sql("ALTER FUNCTION wc_diagnose() OWNER TO wc_test_doctor")
        (status, detail, remedy), = state_of(school, "sight")
        assert status == "warn" and "shared memory" in detail and "other roles' sessions" in detail and "preloaded" in detail
        assert state_of(school, "calls") == []
        school.psql(remedy)
        assert state_of(school, "sight") == [] and state_of(school, "calls") and state_of(school, "summary cache")
    finally:
        school.sql("ALTER FUNCTION wc_diagnose() OWNER TO CURRENT_USER; DROP OWNED BY wc_test_doctor; DROP ROLE wc_test_doctor")
