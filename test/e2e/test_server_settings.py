"""config/postgresql.conf and config/redis.conf in real servers: no setting is unknown, and each claim of them that can be looked at holds."""

import re

import psycopg
import pytest

from school import Cache, attached_school
from servers import Cluster, Redis, Worker, until
from servers.ground import ROOT
from servers.process import own

POSTGRESQL = (ROOT / "config/postgresql.conf").read_text()
REDIS = dict(line.split(None, 1) for line in (ROOT / "config/redis.conf").read_text().splitlines() if line and line[0] != "#")
NAMES = re.findall(r"^([a-z_.]+) = ", POSTGRESQL, re.M)
WORKER_BESIDE_PREWARM = 6
BYTES_OF_A_STUDENT = 6000


@pytest.fixture(scope="module")
def cluster(ground):
    """A server that includes the file; only where the library is differs."""
    path = ground.folder_for("included") / "postgresql.conf"
    cluster = Cluster(ground, "settings-pg", {"include": path})
    path.write_text(POSTGRESQL if cluster.version >= 18 else POSTGRESQL.replace("'white_cross'", "'$libdir/white_cross'"))
    own(path.parent)
    own(path)
    with cluster:
        cluster.included = path
        yield cluster


@pytest.fixture(scope="module")
def redis_server(ground):
    with Redis(ground, "settings-redis", {name: REDIS[name] for name in REDIS if not re.search("tls|port|acl", name)}) as server:
        yield server


@pytest.fixture(scope="module")
def school(cluster):
    school = attached_school(cluster, "settings")
    school.allow_worker()
    with school.connection:
        yield school


def test_no_setting_of_postgresql_is_unknown(cluster, school):
    assert len(NAMES) == len(set(NAMES)) > 20
    rows = school.rows("SELECT name, applied, error FROM pg_file_settings WHERE sourcefile = %s", str(cluster.included))
    assert sorted(rows) == sorted((name, True, None) for name in NAMES)
    # One that nobody defines would not be among them.
    assert {name for name, in school.rows("SELECT name FROM pg_settings WHERE sourcefile = %s", str(cluster.included))} == set(NAMES)
    assert "WARNING" not in cluster.log.read_text()


def test_a_school_on_that_server(cluster, school, redis_server, ground):
    student = school.add_student(lastName="Hushington")
    for _ in range(2):
        assert school.summary(student)["student"]["lastName"] == "Hushington"
    assert school.one("SELECT hits FROM wc_stat_cache") >= 1
    with Worker(ground, school.worker_dsn, redis_server, "settings-worker", {"postgres": {"pool_min": 1, "pool_max": 3}, "audit": {"rate_per_s": 1}}):
        until(lambda: "drains the queue, last" in school.one("SELECT detail FROM wc_diagnose() WHERE \"check\" = 'worker'"))
        assert school.rows("SELECT * FROM wc_diagnose() WHERE status <> 'ok'") == []
        for n in range(40):
            school.sql('UPDATE students SET grade = %s', str(n))
        most = school.one("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'wc-worker%'")
        assert 2 <= most <= 3 + WORKER_BESIDE_PREWARM
        until(school.is_drained)


def test_the_log_has_no_statement_and_no_value(cluster, school):
    school.add_student("entered-twice")
    for statement, value in [("INSERT INTO students (id) SELECT %s FROM students WHERE id = 'entered-twice'", "entered-twice"), ("SELECT %s::text::date", "Tellnobody"),
                             ("SELECT pg_sleep(%s)", 1.1)]:
        try:
            school.rows(statement, value)
        except psycopg.Error:
            pass
    with pytest.raises(psycopg.Error, match="Tellnobody"):
        school.rows("SELECT 'Tellnobody'::date")
    log = cluster.log.read_text()
    assert "SELECT" not in log and "INSERT" not in log and "DETAIL" not in log and log.count("Tellnobody") <= 2  # the error's own words


def test_redis_says_no_when_it_is_full_and_keeps_nothing_on_disk(redis_server):
    with redis_server.connect() as client:
        said = client.config_get("*")
        assert said["maxmemory-policy"] == "noeviction" and said["maxmemory"] == str(1024 ** 3)
        assert said["save"] == "" and said["appendonly"] == "no"
        client.set("anything", "x")
        redis_server.restart()
        assert client.get("anything") is None
    assert not list(redis_server.folder.glob("*.rdb")) + list(redis_server.folder.glob("appendonlydir"))


def test_the_slow_log_of_redis_would_show_a_child(redis_server):
    with redis_server.connect() as client:
        installed = client.config_get("slowlog-log-slower-than")
        for slower_than, is_shown in (0, True), (installed["slowlog-log-slower-than"], False):
            client.slowlog_reset()
            client.config_set("slowlog-log-slower-than", slower_than)
            client.set("student:ada:health_summary", '{"student":{"firstName":"Tellnobody"}}')
            assert ("Tellnobody" in str(client.execute_command("SLOWLOG", "GET"))) == is_shown


def test_what_a_student_takes_of_redis(ground, school, redis_server):
    """With ten records, allergies and conditions, which is what a summary has at most of a usual student, and a fence."""
    student = school.add_student()
    for n in range(10):
        school.add_record(student, date=f"2025-01-{n + 1:02} 10:00", type="VACCINATION", description="Influenza, yearly, left arm " * 3)
        school.add_allergy(student, reaction="Hives, swelling of lips and tongue")
        school.add_condition(student)
    with Worker(ground, school.worker_dsn, redis_server, "memory-worker"), redis_server.connect() as client:
        until(school.is_drained)
        cache = Cache(client, school)
        until(lambda: (cache.load(student), cache.summary(student))[1])
        school.sql("UPDATE students SET \"lastName\" = 'Later'")
        until(lambda: cache.is_current(student) and cache.summary(student)["student"]["lastName"] == "Later")
        keys = [key for key in client.scan_iter("*") if key.startswith(cache.key(student, ""))]
        taken = {key: client.memory_usage(key) for key in keys}
    assert any("fence" in key for key in keys), keys
    assert 1000 < sum(taken.values()) <= BYTES_OF_A_STUDENT, taken
