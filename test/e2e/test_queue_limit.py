"""A queue that nobody drains does not fill the disk, and nothing is lost by that."""

import pytest

from school import Cache
from servers import until

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


def test_writers_stop_queueing_when_it_is_full(small):
    small.sql("SELECT white_cross.register_worker('away')")
    small.psql(FILL)
    assert not is_registered(small)
    before = size(small)
    small.psql("UPDATE students SET grade = '5'")
    assert size(small) == before


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


def test_a_worker_that_comes_back_trusts_nothing(small, start_worker, redis_server):
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
        assert size(small) < 1_000_000, "the queue's file is small again"
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
