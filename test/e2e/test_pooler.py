"""Behind a transaction pooler there is no session: nothing is heard, and nothing may be left in one."""

import pytest

from school import Cache
from servers import PgBouncer, Worker, until

pytestmark = pytest.mark.thorough

SETTINGS = {"worker": {"name": "district"}, "queue": {"poll_interval_ms": 50, "takeover_interval_ms": 50}}


@pytest.fixture
def pooler(ground, school):
    school.allow_worker()
    with PgBouncer(ground, school.cluster, [school.worker_role]) as pooler:
        yield pooler


@pytest.fixture
def start_pooled(ground, school, pooler, redis_server):
    redis_server.connect().flushall()
    started = []

    def start(name="pooled", **settings):
        worker = Worker(ground, pooler.dsn(school.database, school.worker_role), redis_server, name, SETTINGS | settings)
        started.append(worker)
        return worker.__enter__()

    yield start
    for worker in started:
        worker.stop()


@pytest.fixture
def pooled(start_pooled):
    return start_pooled()


@pytest.fixture
def cache(redis_server, pooled, school):
    with redis_server.connect() as client:
        yield Cache(client, school)


def warnings(worker):
    return [line for line in worker.log.read_text().splitlines() if "transaction pooler" in line]


def test_it_says_so_once_and_polls(school, pooled, cache):
    student, other = school.add_student(), school.add_student()
    cache.until_drained()
    assert len(warnings(pooled)) == 1
    cache.load(student)
    cache.plant_summary(other)
    school.psql("UPDATE students SET grade = '6'")
    cache.until_invalidated(cache.key(other))
    until(lambda: cache.summary(student) and cache.is_current(student), 10, "the rebuilt summary")
    cache.until_drained()
    assert pooled.metrics()["wc_worker_failures_total{part=\"postgres\"}"] == 0
    assert pooled.metrics()["wc_worker_failures_total{part=\"prewarm\"}"] == 0
    assert len(warnings(pooled)) == 1


def sessions(school):
    """The server's sessions that the pooler uses for the worker: all of them, one after the other."""
    return school.rows("SELECT pid FROM pg_stat_activity WHERE usename = %s AND datname = %s", school.worker_role, school.database)


def test_nothing_is_left_in_the_sessions_that_others_use(school, pooled, pooler, cache):
    student = school.add_student()
    cache.until_drained()
    cache.load(student)
    school.psql("UPDATE students SET grade = '6'")
    until(lambda: cache.summary(student) and cache.is_current(student), 10, "the rebuilt summary")
    assert sessions(school)
    # Each in a transaction that stays open, so that every one of the server's sessions is seen.
    others = [pooler.connect(school.database, school.worker_role) for _ in sessions(school)]
    for other in others:
        other.execute("BEGIN")
        assert other.execute("SHOW search_path").fetchone()[0] == '"$user", public'
        assert other.execute("SHOW synchronous_commit").fetchone()[0] == "on"
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()[0] == 0
        assert other.execute("SELECT count(*) FROM pg_listening_channels()").fetchone()[0] == 0
    for other in others:
        other.close()
    pooled.stop()
    assert school.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                      "(SELECT oid FROM pg_database WHERE datname = current_database())") == 0


def test_a_worker_with_a_session_of_its_own_goes_before(school, pooled, cache, ground, redis_server):
    """Both ways to lock take the same lock."""
    cache.until_drained()
    with Worker(ground, school.worker_dsn, redis_server, "direct", SETTINGS) as direct:
        until(lambda: direct.metrics()["wc_worker_is_drainer"] == 1, 10, "the direct worker to drain")
        until(lambda: pooled.metrics()["wc_worker_is_drainer"] == 0, 10, "the pooled worker to stand by")
        student = school.add_student()
        cache.plant_summary(student)
        school.psql("UPDATE students SET grade = '6'")
        cache.until_invalidated(cache.key(student))
    until(lambda: pooled.metrics()["wc_worker_is_drainer"] == 1, 10, "the pooled worker to take over")
    cache.plant_summary(student)
    school.psql("UPDATE students SET grade = '7'")
    cache.until_invalidated(cache.key(student))


def test_two_of_them_take_turns(school, pooled, start_pooled, cache):
    other = start_pooled("pooled-2")
    students = [school.add_student() for _ in range(50)]
    cache.until_drained()
    for student in students:
        assert cache.load(student) == 1
    drained = "wc_worker_drained_rows_total"
    before = pooled.metrics()[drained] + other.metrics()[drained]
    for n in range(4):
        for student in students:
            school.sql("UPDATE students SET grade = %s WHERE id = %s", str(n), student)
        cache.until_drained()
    until(lambda: all(cache.summary(student) and cache.is_current(student) for student in students), 20, "all to be rebuilt")
    assert pooled.metrics()[drained] + other.metrics()[drained] - before == 200, "each row once"


def test_another_start_of_the_server_behind_the_pooler(start_own_school, ground, redis_server):
    """The pooler keeps its clients' connections: only the server's own answer tells."""
    school, direct, cache = start_own_school()
    direct.stop()
    with PgBouncer(ground, school.cluster, [school.worker_role], "own-pgbouncer") as pooler, \
            Worker(ground, pooler.dsn(school.database, school.worker_role), redis_server, "own-pooled", SETTINGS):
        students = [school.add_student() for _ in range(20)]
        cache.until_drained()
        before = cache.client.get("wc:epoch:of")
        cache.plant_summary(*students)
        school.cluster.restart()
        until(lambda: cache.client.get("wc:epoch:of") != before, 30, "another epoch")
        cache.until_invalidated(*map(cache.key, students), timeout=30)
        school.connection = school.cluster.connect(school.database)
        cache.plant_summary(*students)
        school.psql("UPDATE students SET grade = '7'")
        cache.until_invalidated(*map(cache.key, students))
        cache.until_drained()
