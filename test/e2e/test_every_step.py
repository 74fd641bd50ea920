"""Each process is killed, stopped and cut off between any two steps of a drain: take, invalidate, commit.

The worker reaches both servers through proxies, one of which holds back one message: its request, so that the server has not
heard of it, or the server's answer, so that the worker does not know.  What happens then happens just there.
"""

import os
import signal
from contextlib import ExitStack

import pytest

from school import Cache, School
from servers import Cluster, Proxy, Redis, Worker, until

pytestmark = pytest.mark.thorough

PASSWORD = "for-tests"
STUDENTS = [f"s{n}" for n in range(40)]

# Short times, so that the tests need not wait long; two workers of one name share the work.
SETTINGS = {"worker": {"name": "district"}, "backoff": {"longest_ms": 100},
            "queue": {"poll_interval_ms": 200, "takeover_interval_ms": 50, "hung_after_ms": 1000, "heartbeat_s": 1}}

# Which server's conversation stands still, at which message, and whether its answer is held back rather than itself.
STEPS = {
    "it is about to look": ("postgresql", b"EXECUTE wc_take", False),
    "it has taken and does not know": ("postgresql", b"EXECUTE wc_take", True),
    "it is about to invalidate": ("redis", b"wc_invalidate", False),
    "it has invalidated and does not know": ("redis", b"wc_invalidate", True),
    "it is about to commit": ("postgresql", b"COMMIT", False),
    "it has committed and does not know": ("postgresql", b"COMMIT", True),
}


class Arena:
    """A school with its worker behind proxies, and a second worker without, which is started where it is wanted."""

    def __init__(self, ground, cluster, redis, proxies):
        self.cluster, self.redis, self.proxies = cluster, redis, proxies
        self.client = redis.connect()
        self.school = School(cluster, "school")
        self.cache = Cache(self.client, self.school)
        for statement in "CREATE EXTENSION white_cross", "SELECT wc_create_tables('public')", "SELECT wc_attach('public')":
            self.school.sql(statement)
        self.school.allow_worker()
        self.school.sql(f"ALTER ROLE {School.worker_role} PASSWORD '{PASSWORD}'")
        for student in STUDENTS:
            self.school.add_student(student)
        address = f"postgresql://{School.worker_role}:{PASSWORD}@127.0.0.1:{proxies['postgresql'].port}/school?sslmode=disable"
        through = {"redis": {"url": f"redis://127.0.0.1:{proxies['redis'].port}/0", "timeout_ms": 300}}
        self.worker = Worker(ground, address, redis, "stepping", SETTINGS | through)
        self.second = Worker(ground, self.school.worker_dsn, redis, "second", SETTINGS)
        self._writes = 0

    def reconnect(self):
        """After the cluster has ended all sessions."""
        self.school.until_ended()
        self.school.reconnect()

    def fill(self):
        """Every student's summary is cached, and something under another key.

        Redis refuses a value that has not seen a new epoch's fence: then one that was built later is tried."""
        def filled():
            entries = self.school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%s::text[])", STUDENTS)
            return entries and all(self.client.execute_command("FCALL", "wc_fill", 1, *entry) == 1 for entry in entries)

        until(filled, 30, "Redis to store the summaries")
        self.cache.plant(*(self.cache.key(student, "growth_chart") for student in STUDENTS))

    def write(self, students):
        self._writes += 1
        self.school.psql(f"""UPDATE students SET "lastName" = 'Name {self._writes}', "dateOfBirth" = '2014-01-01'::date + {self._writes}
                             WHERE id = ANY ('{{{",".join(students)}}}')""")

    def hold(self, step):
        """The drain that takes what is written here stands still at this step."""
        server, needle, answer = STEPS[step]
        self.worker.send(signal.SIGSTOP)
        self.write(STUDENTS[:20])
        hold = self.proxies[server].hold(needle, answer)
        self.worker.send(signal.SIGCONT)
        hold.wait()
        return hold

    def until_quiet(self):
        until(self.worker.healthy, 30, "the worker to be connected")
        until(self.school.is_drained, 30, "the queue to be empty")
        until(lambda: self.client.exists("wc:alive"), 30, "a worker to renew liveness")

    def check(self):
        """Everybody was changed.  Whatever is cached is what the database says, and the queue is empty."""
        self.until_quiet()
        truth = dict(self.school.rows("SELECT student_id, summary FROM wc_health_summaries(%s::text[])", STUDENTS))
        cached = {student: self.cache.summary(student) for student in STUDENTS}
        assert {student: summary for student, summary in cached.items() if summary and summary != truth[student]} == {}
        charts = {student: self.client.get(self.cache.key(student, "growth_chart")) for student in STUDENTS}
        assert {student: chart for student, chart in charts.items() if chart not in (None, "[]")} == {}
        assert self.school.is_drained()


@pytest.fixture(scope="module")
def arena(ground):
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(ground, "steps-pg"))
        redis = stack.enter_context(Redis(ground, "steps-redis"))
        cluster.create_database("school")
        proxies = {"postgresql": stack.enter_context(Proxy(lambda: cluster.port)), "redis": stack.enter_context(Proxy(lambda: redis.port))}
        arena = Arena(ground, cluster, redis, proxies)
        stack.enter_context(arena.worker)
        stack.callback(arena.second.stop)
        yield arena


@pytest.fixture(params=STEPS)
def held(request, arena):
    """The worker stands between two steps: the hold.  Afterwards all agree."""
    arena.until_quiet()
    arena.fill()
    hold = arena.hold(request.param)
    yield hold
    hold.release()
    arena.check()


def write_more(arena):
    """Commits more changes while a component does not work."""
    arena.write(STUDENTS[10:])


def test_the_worker_is_killed(held, arena):
    """Commands that the worker has sent may still arrive."""
    arena.worker.stop(signal.SIGKILL)
    held.release()
    write_more(arena)
    arena.worker.start()


def test_the_worker_is_stopped_replaced_and_wakes_up_late(held, arena):
    """Its last words arrive when another has done its work and more."""
    arena.worker.send(signal.SIGSTOP)
    arena.second.start()
    write_more(arena)
    until(arena.school.is_drained, 20, "the second worker to have drained all")
    held.release()
    arena.worker.send(signal.SIGCONT)
    until(lambda: arena.worker.failures("postgres") > 0 and arena.worker.healthy(), 20, "the first worker to be connected again")
    arena.second.stop()


def test_redis_is_killed_and_comes_back_empty(held, arena):
    arena.redis.stop(signal.SIGKILL)
    held.release()
    write_more(arena)
    arena.redis.start()


def test_redis_is_stopped_and_goes_on(held, arena):
    failures = arena.worker.failures("redis")
    arena.redis.send(signal.SIGSTOP)
    held.release()
    write_more(arena)
    until(lambda: arena.worker.failures("redis") > failures, 20, "the worker to notice")
    arena.redis.send(signal.SIGCONT)


def test_redis_is_emptied(held, arena):
    arena.client.flushall()
    held.release()
    write_more(arena)


def test_a_backend_is_killed(held, arena):
    """The backend of the drain is killed: PostgreSQL ends all sessions, and recovers."""
    drain = arena.school.one("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'wc-worker drain%' AND datname = 'school'")
    os.kill(drain, signal.SIGKILL)
    held.release()
    arena.reconnect()
    write_more(arena)


def test_postgresql_is_killed(held, arena):
    arena.cluster.restart(signal.SIGKILL)
    held.release()
    arena.reconnect()
    write_more(arena)


def test_postgresql_is_stopped_and_goes_on(held, arena):
    arena.cluster.send(signal.SIGSTOP)
    held.release()
    until(lambda: arena.worker.get("/healthz")[0], 10, "the worker's other thread to answer")
    arena.cluster.send(signal.SIGCONT)
    write_more(arena)


def test_both_connections_are_cut(held, arena):
    for proxy in arena.proxies.values():
        proxy.cut()
    write_more(arena)
