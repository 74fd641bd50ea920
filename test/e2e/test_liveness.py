"""wc_get finds values only while the liveness key exists, so staleness is bounded even if no worker drains."""

import signal

import pytest

from school import Cache
from servers import until

ALIVE_MS = 900


@pytest.fixture
def worker(start_worker):
    return start_worker(settings={"invalidate": {"alive_ttl_ms": ALIVE_MS}})


@pytest.fixture
def student(school, cache):
    student = school.add_student()
    cache.until_drained()
    until(lambda: cache.load(student) == 1, 10, "a fill")
    return student


def found(cache, student):
    return cache.client.execute_command("FCALL", "wc_get", 1, cache.key(student))


def test_an_idle_worker_renews_liveness(student, cache):
    until(lambda: found(cache, student), 10, "wc_get to find the value")
    # A renewal lengthens what is left of its life.  They go on for longer than one of them lasts.
    left = [cache.client.pttl("wc:alive")]

    def renewals():
        left.append(cache.client.pttl("wc:alive"))
        return sum(before < after for before, after in zip(left, left[1:]))
    until(lambda: renewals() > 4, 30, "liveness to be renewed several times")
    assert found(cache, student)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSTOP])
def test_without_a_worker_liveness_expires(student, cache, worker, stop):
    until(lambda: found(cache, student), 10, "wc_get to find the value")
    worker.send(stop)
    until(lambda: not found(cache, student), 10, "liveness to expire")
    assert cache.client.get(cache.key(student)) is not None, "GET still finds it"
    if stop == signal.SIGSTOP:
        worker.send(signal.SIGCONT)
        until(lambda: found(cache, student), 10, "wc_get to find the value again")


def test_a_worker_that_cannot_finish_a_drain_does_not_renew_liveness(student, school, cache):
    """It is connected to both servers, but a lock keeps it from taking the committed rows."""
    until(lambda: found(cache, student), 10, "wc_get to find the value")
    with school.cluster.connect(school.database, autocommit=False) as other:
        other.execute("LOCK TABLE white_cross.invalidation IN SHARE ROW EXCLUSIVE MODE")
        until(lambda: not found(cache, student), 10, "liveness to expire")
        assert cache.client.get(cache.key(student)) is not None
    until(lambda: found(cache, student), 10, "wc_get to find the value again")


def test_liveness_is_not_renewed_before_a_sweep_ends(student, school, cache, worker):
    until(lambda: found(cache, student), 10, "wc_get to find the value")
    worker.send(signal.SIGSTOP)
    other = school.add_student()
    school.psql("SELECT wc_invalidate_all()")
    worker.send(signal.SIGCONT)
    cache.until_drained()
    until(lambda: cache.load(other) == 1 and found(cache, other), 10, "wc_get to find the value again")
    assert found(cache, student) is None or cache.is_current(student)


def test_more_changes_than_may_have_fences_of_their_own(start_worker, redis_server, school):
    """All of them share one fence, so that Redis's memory is bounded. A late fill is still refused."""
    school.sql("INSERT INTO students SELECT 's' || n, 'N' || n, 'A', 'B', '2015-01-01', '4', 'OTHER' FROM generate_series(1, 300) AS n")
    worker = start_worker(settings={"invalidate": {"fence_limit": 100}})
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        loaded = school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY(SELECT id FROM students))")
        school.psql("UPDATE students SET grade = '9'")
        cache.until_drained()
        assert len(client.keys("student:*:fence")) == 100
        assert [client.execute_command("FCALL", "wc_fill", 1, *entry) for entry in loaded] == [0] * 300
        until(lambda: cache.load("s300") == 1, 10, "a fill that has seen the change")
        until(lambda: worker.metrics()["wc_worker_fences"] == 100, 10, "the metric")
        used = sum(client.memory_usage(key) for key in client.keys("student:*:fence"))
        assert used <= worker.metrics()["wc_worker_fence_bytes"] <= 3 * used


def test_fences_that_shall_live_longer_begin_an_epoch(school, cache, worker):
    """Older fences are shorter-lived than the age that is accepted from then on: nothing from before them may come."""
    student = school.add_student()
    cache.until_drained()
    until(lambda: cache.load(student) == 1, 10, "a fill")
    loaded = school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
    cache.until_drained()
    epoch = cache.client.get("wc:epoch")
    worker.write_configuration({"invalidate": {"fence_ttl_s": 3600, "alive_ttl_ms": ALIVE_MS}})
    worker.send(signal.SIGHUP)
    until(lambda: cache.client.get("wc:epoch:life") == "3600000", 10, "the new life")
    assert cache.client.get("wc:epoch") != epoch
    cache.client.delete(cache.key(student, "fence"))  # as if its life were over
    assert cache.client.execute_command("FCALL", "wc_fill", 1, *loaded) == 0
    until(lambda: cache.load(student) == 1, 10, "a fill that has seen the change")
    school.psql(f"UPDATE students SET grade = '7' WHERE id = '{student}'")
    cache.until_drained()
    assert cache.client.pttl(cache.key(student, "fence")) > 3_000_000


def test_an_old_transaction_must_not_fill(school, cache, worker):
    """REPEATABLE READ, a stuck client: what it reads may be older than any fence remembers."""
    student = school.add_student()
    cache.until_drained()
    worker.write_configuration({"invalidate": {"fence_ttl_s": 2, "alive_ttl_ms": ALIVE_MS}})
    worker.send(signal.SIGHUP)
    until(lambda: cache.client.get("wc:epoch:life") == "2000", 10, "the short life")
    cache.client.delete(cache.key(student, "fence"))  # the one that lives longer
    with school.cluster.connect(school.database, autocommit=False) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        entry = "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])"
        old.execute(entry, [student]).fetchone()
        school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
        cache.until_drained()
        until(lambda: not cache.client.exists(cache.key(student, "fence")), 20, "the fence's life to be over")
        cache.client.delete(cache.key(student))
        assert cache.client.execute_command("FCALL", "wc_fill", 1, *old.execute(entry, [student]).fetchone()) == 0
    assert cache.load(student) == 1
