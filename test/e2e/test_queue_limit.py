"""A queue that no worker drains does not fill the disk, and no change is lost by that limit."""

import signal
from contextlib import closing

import pytest

from school import Cache
from servers import until

pytestmark = pytest.mark.thorough

FILL = ("INSERT INTO students SELECT 'a-student-with-a-rather-long-id-' || n, 'N' || n, 'A', 'B', '2015-01-01', '4', 'OTHER' "
        "FROM generate_series(1, 40000) AS n")

ONE = "a-student-with-a-rather-long-id-1"


@pytest.fixture
def small(school):
    """At most 1 MB, the ids of some 20,000 students."""
    school.sql(f"ALTER DATABASE {school.database} SET white_cross.queue_limit = '1MB'")
    return school


def is_registered(school):
    return school.one("SELECT EXISTS (SELECT FROM white_cross.worker)")


def size(school):
    return school.one("SELECT pg_total_relation_size('white_cross.invalidation')")


def size_after_vacuum(school):
    """The worker truncates the queue, or deletes its rows if anybody, such as autovacuum, has a lock on it just then."""
    school.sql("VACUUM white_cross.invalidation")
    return size(school)


def rows_and_bytes(school):
    """Of the queue.  The bytes are of its rows alone, because vacuum may add a visibility map at any time."""
    return school.rows("SELECT count(*), pg_relation_size('white_cross.invalidation') FROM white_cross.invalidation")[0]


def test_writers_stop_queueing_when_it_is_full(small):
    small.sql("SELECT white_cross.register_worker('away')")
    small.psql(FILL)
    assert not is_registered(small)
    before = rows_and_bytes(small)
    small.psql("UPDATE students SET grade = '5'")
    assert rows_and_bytes(small) == before


def test_what_is_rolled_back_changes_no_registration(small):
    small.sql("SELECT white_cross.register_worker('away')")
    small.psql(f"BEGIN; {FILL}; ROLLBACK")
    assert is_registered(small)


def test_a_registration_that_two_take_back_at_once(small):
    """Neither waits for the other."""
    small.sql("SELECT white_cross.register_worker('away')")
    small.psql(FILL)
    small.sql("SELECT white_cross.register_worker('away')")
    with small.cluster.connect(small.database, autocommit=False) as one, \
            small.cluster.connect(small.database, autocommit=False) as other:
        one.execute("SET LOCAL lock_timeout = '10s'; UPDATE students SET grade = '6'; PREPARE TRANSACTION 'one'")
        other.execute("SET LOCAL lock_timeout = '10s'; DELETE FROM allergies; SELECT wc_invalidate(id) FROM students")
        other.commit()
    small.sql("COMMIT PREPARED 'one'")
    assert not is_registered(small)


def test_a_worker_that_comes_back_makes_the_whole_cache_stale(small, start_worker, redis_server):
    worker = start_worker()
    with redis_server.connect() as client:
        cache = Cache(client, small)
        small.psql(FILL)
        until(lambda: is_registered(small), 20, "the worker to be registered")
        cache.until_drained()
        worker.stop()
        cache.plant_summary(ONE, "whoever")
        small.psql("UPDATE students SET grade = '5'")
        assert not is_registered(small)
        small.psql(f"UPDATE students SET grade = '6' WHERE id = '{ONE}'")
        worker.start()
        cache.until_invalidated(cache.key(ONE), cache.key("whoever"))
        cache.until_drained()
        until(lambda: size_after_vacuum(small) < 1_000_000, 20, "the queue's file to be small again")
        cache.plant_summary(ONE)
        small.psql(f"UPDATE students SET grade = '7' WHERE id = '{ONE}'")
        cache.until_invalidated(cache.key(ONE))


def test_a_worker_that_runs_finds_out(small, start_worker, redis_server):
    """Its registration is taken back while it is connected and idle: it asks each time that it looks."""
    start_worker()
    with redis_server.connect() as client:
        cache = Cache(client, small)
        small.sql("INSERT INTO students SELECT 't' || n, 'T' || n, 'A', 'B', '2015-01-01', '4', 'OTHER' FROM generate_series(1, 3) AS n")
        cache.until_drained()
        cache.plant_summary("t1")
        small.sql("DELETE FROM white_cross.worker")
        small.psql("UPDATE students SET grade = '5' WHERE id = 't1'")
        cache.until_invalidated(cache.key("t1"))
        until(lambda: is_registered(small), 20, "the worker to be registered again")


@pytest.mark.parametrize("holder", ["a session", "a writer between two statements", "a prepared transaction"])
def test_dead_rows_cost_no_registration(small, start_worker, redis_server, holder):
    """Rows that were drained stay in the queue's file while an old snapshot may see them. The worker does not lose its
    registration for that."""
    start_worker(settings={"queue": {"heartbeat_s": 1}})
    until(small.is_drained, 10, "the worker to drain")
    registered = "SELECT registered_at FROM white_cross.worker"
    before = small.one(registered)
    with closing(small.cluster.connect(small.database)) as old, closing(small.cluster.connect(small.database)) as later:
        try:
            level = "READ COMMITTED" if holder == "a writer between two statements" else "REPEATABLE READ"
            old.execute(f"BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM students; CREATE TABLE old ()")
            if holder == "a prepared transaction":
                old.execute("PREPARE TRANSACTION 'old'")
            # As old, since it sees that the other one runs.
            later.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM students")
            small.psql(FILL)
            for grade in range(2):
                small.psql(f"UPDATE students SET grade = '{grade}'")
                until(small.is_drained, 20, "the worker to drain")
            assert size(small) > 2_000_000
            assert small.one(registered) == before
            small.psql(f"UPDATE students SET grade = '6' WHERE id = '{ONE}'")
            assert small.one(registered) == before
            until(small.is_drained, 20, "the worker to drain")
            # The doctor names who holds vacuum back, and no remedy locks the writers out.
            small.sql("VACUUM white_cross.invalidation")
            # By a session that has the limit of the database.
            status, detail, remedy = small.psql("SELECT status, detail, replace(remedy, E'\\n', ' ') FROM white_cross.check_queue()").split("|")
            assert status == "warn" and "rows that were drained" in detail and "FULL" not in remedy
            assert ("prepared transaction 'old'" if holder == "a prepared transaction" else f"process {old.info.backend_pid} of role") in detail
        finally:
            small.sql("ROLLBACK PREPARED 'old'" if holder == "a prepared transaction" else "SELECT 1")
    until(lambda: small.sql("VACUUM white_cross.invalidation") and
          small.psql("SELECT status FROM white_cross.check_queue()") == "ok\n", 20, "vacuum to shorten the file")


def test_a_worker_that_is_gone_loses_its_registration_whatever_it_said(small, start_worker):
    worker = start_worker()
    until(small.is_drained, 10, "the worker to drain")
    worker.stop(signal.SIGKILL)
    until(lambda: small.one("SELECT white_cross.drainer()") is None, 10, "its session to end")
    small.psql(FILL)
    small.psql("UPDATE students SET grade = '5'")
    assert not is_registered(small)
