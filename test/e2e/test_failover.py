"""Another PostgreSQL takes over: the worker goes there, and nothing that was lost on the way is served again."""

import signal
import threading

import psycopg
import pytest

from school import Cache, School
from servers import Cluster, Proxy, Worker, until

pytestmark = pytest.mark.thorough

PASSWORD = "for-tests"
SETTINGS = {"worker": {"name": "district"}, "backoff": {"longest_ms": 200}}


class Pair:
    """A primary with its standby, and the addresses of both."""

    def __init__(self, primary, standby, database):
        self.primary, self.standby, self.database = primary, standby, database

    def url(self, user, hosts=None):
        hosts = hosts or f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{user}:{PASSWORD}@{hosts}/{self.database}"

    def until_replayed(self):
        with self.primary.connect() as primary, self.standby.connect() as standby:
            position = primary.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0]
            until(lambda: standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]).fetchone()[0], 20,
                  "the standby to catch up")

    def fail_over(self):
        """The primary is gone at once, and the standby takes its place."""
        self.primary.stop(signal.SIGKILL)
        self.standby.promote()
        return School(self.standby, self.database)


@pytest.fixture
def pair(ground):
    with Cluster(ground, "primary") as primary:
        primary.create_database("school")
        with Cluster(ground, "its-standby", primary=primary) as standby:
            yield Pair(primary, standby, "school")


@pytest.fixture
def school(pair):
    school = School(pair.primary, pair.database)
    school.attach()
    school.allow_worker()
    school.sql(f"ALTER ROLE {school.worker_role} PASSWORD '{PASSWORD}'")
    return school


@pytest.fixture
def client(redis_server):
    with redis_server.connect() as client:
        client.flushall()
        yield client


@pytest.fixture
def worker(ground, redis_server, client, pair, school):
    with Worker(ground, pair.url(school.worker_role) + "?target_session_attrs=read-write", redis_server, "worker",
                SETTINGS) as worker:
        yield worker


@pytest.fixture
def cache(client, school, worker):
    cache = Cache(client, school)
    cache.until_drained()
    return cache


def load(school, student):
    return school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]


def store(cache, loaded):
    return cache.client.execute_command("FCALL", "wc_fill", 1, *loaded)


def use_up_transaction_ids(school):
    """Uses transaction ids of the old primary, so that they are ahead of those that the new primary assigns."""
    school.sql("DO $$ BEGIN FOR i IN 1 .. 500 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")


def last_name(cache, student):
    summary = cache.summary(student)
    return summary and summary["student"]["lastName"]


def test_what_the_promotion_lost_is_not_served_again(pair, school, worker, cache):
    student, other = school.add_student(lastName="Kept"), school.add_student()
    pair.until_replayed()
    cache.until_drained()
    assert cache.load(student) == 1
    pair.standby.stop_receiving()
    use_up_transaction_ids(school)
    school.sql("UPDATE students SET \"lastName\" = 'Lost' WHERE id = %s", student)
    until(lambda: last_name(cache, student) == "Lost", 10, "the summary to be rebuilt from what will be lost")
    slow_reader = load(school, student)
    of = cache.client.get("wc:epoch:of")

    cache.school = school = pair.fail_over()
    until(lambda: cache.client.get("wc:epoch:of") != of, 30, "another epoch")
    cache.until_drained()
    assert last_name(cache, student) != "Lost"
    assert store(cache, slow_reader) == 0, "the value was read from what the new primary has never seen"
    # Another student, whom no fence of the old primary holds up.
    assert cache.load(other) == 1
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{other}'")
    until(lambda: cache.summary(other) and cache.is_current(other), 10, "the new primary's change")
    until(worker.healthy, 10, "the worker to be healthy")


def test_what_a_standby_has_read_may_be_stored_while_nobody_else_is_promoted(pair, school, cache, ground):
    """A second standby has got from the old primary what the first, which is promoted, has not."""
    student, other = school.add_student(lastName="Kept"), school.add_student()
    with Cluster(ground, "second-standby", primary=pair.primary) as second:
        cache.until_drained()
        pair.until_replayed()
        pair.standby.stop_receiving()
        use_up_transaction_ids(school)
        school.sql("UPDATE students SET \"lastName\" = 'Lost' WHERE id = %s", student)
        cache.until_drained()
        reader = School(second, pair.database)
        until(lambda: reader.summary(student)["student"]["lastName"] == "Lost", 20, "the second standby to catch up")
        assert store(cache, load(reader, other)) == 1
        lost = load(reader, student)
        of = cache.client.get("wc:epoch:of")
        cache.school = promoted = pair.fail_over()
        until(lambda: cache.client.get("wc:epoch:of") != of, 30, "another epoch")
        assert store(cache, lost) == 0
        assert store(cache, load(reader, other)) == 0, "it has not followed the new primary"
        assert store(cache, load(promoted, other)) == 1


def test_writes_go_on_during_the_promotion(pair, school, worker, cache):
    students = [school.add_student() for _ in range(50)]
    pair.until_replayed()
    for student in students:
        cache.load(student)
    stop = threading.Event()
    written = []

    def write():
        while not stop.is_set():
            try:
                with psycopg.connect(pair.url(school.worker_role) + "?target_session_attrs=read-write", autocommit=True,
                                     connect_timeout=2) as connection:
                    for n in range(1_000_000):
                        if stop.is_set():
                            return
                        connection.execute("UPDATE students SET grade = %s WHERE id = %s", [str(n), students[n % 50]])
                        written.append(connection.info.port)
            except psycopg.OperationalError:
                pass

    school.sql(f"GRANT SELECT, UPDATE ON students TO {school.worker_role}")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: len(written) > 100, 20, "writes to the primary")
        cache.school = pair.fail_over()
        until(lambda: written.count(pair.standby.port) > 100, 60, "writes to the new primary")
    finally:
        stop.set()
        writer.join()
    until(worker.healthy, 30, "the worker to be healthy")
    cache.until_drained()
    until(lambda: all(cache.summary(student) is None or cache.is_current(student) for student in students), 20,
          "every cached summary to be that of the database")


def test_a_standby_is_not_worked_on(pair, school, ground, redis_server, client):
    """Neither alone, nor as the first of two hosts, nor where the URL asks for any."""
    alone = pair.url(school.worker_role, f"127.0.0.1:{pair.standby.port}")
    for url in alone, alone + "?target_session_attrs=any":
        worker = Worker(ground, url, redis_server, "worker", SETTINGS)
        worker.start(wait=False)
        until(lambda: "read-only" in worker.log.read_text() or "no writes" in worker.log.read_text(), 10, "the reason in the log")
        assert not worker.healthy()
        assert worker.stop() == 0
    both = pair.url(school.worker_role, f"127.0.0.1:{pair.standby.port},127.0.0.1:{pair.primary.port}")
    with Worker(ground, both, redis_server, "worker", SETTINGS):
        Cache(client, school).until_drained()


def test_a_first_host_that_does_not_answer(pair, school, ground, redis_server, client):
    """A machine that is gone takes the connection and says nothing, or does not even take it."""
    with Proxy(lambda: pair.primary.port) as gone:
        gone.refuse()
        url = pair.url(school.worker_role, f"127.0.0.1:{gone.port},127.0.0.1:{pair.primary.port}")
        settings = SETTINGS | {"postgres": {"connection_timeout_ms": 2000}}
        with Worker(ground, url, redis_server, "worker", settings):
            Cache(client, school).until_drained()
