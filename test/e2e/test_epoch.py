"""Fences are lost with Redis' memory, and PostgreSQL may lose transactions: then nothing from before is taken or kept."""

import os
import signal

import pytest

from late_fill import load, store, until_stored
from school import Cache
from servers import Redis, Worker, until
from servers.process import pause

pytestmark = pytest.mark.thorough


def epoch_is_open(cache):
    return cache.client.get("wc:epoch") is not None


def test_a_value_from_before_a_lost_fence_is_refused(school, worker, cache):
    student = school.add_student(lastName="Old")
    cache.until_drained()
    loaded = load(school, student)
    school.psql(f"UPDATE students SET \"lastName\" = 'New' WHERE id = '{student}'")
    cache.until_drained()
    cache.client.flushall()
    assert store(cache, loaded) == 0, "there is no epoch"
    until(lambda: epoch_is_open(cache), 10, "a new epoch")
    assert store(cache, loaded) == 0, "it has not seen what the epoch saw"
    until_stored(cache, student)


def test_a_transaction_that_stays_open_hinders_nobody_else(school, worker, cache):
    student = school.add_student()
    cache.until_drained()
    with school.cluster.connect(school.database, autocommit=False) as long:
        long.execute("UPDATE students SET grade = 'x' WHERE id = 'nobody'; SELECT pg_current_xact_id()")
        cache.client.flushall()
        until(lambda: epoch_is_open(cache), 10, "a new epoch")
        assert store(cache, load(school, student)) == 1


@pytest.fixture
def evicting(redis_server):
    """A call that has Redis evict what it likes when it is full, and one that has it stop."""
    with redis_server.connect() as client:
        def evict(policy="allkeys-lru", limit="100mb"):
            client.config_set("maxmemory", limit)
            client.config_set("maxmemory-policy", policy)
        yield evict
        evict("noeviction", "0")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_redis_that_may_evict_fences_stores_nothing(school, worker, cache, evicting, policy):
    student, other = school.add_student(lastName="Old"), school.add_student()
    cache.until_drained()
    assert cache.load(other) == 1
    loaded = load(school, student)
    evicting(policy)
    school.psql(f"UPDATE students SET \"lastName\" = 'New' WHERE id = '{student}'")
    until(lambda: not epoch_is_open(cache), 10, "the epoch to be closed")
    cache.until_drained()
    cache.client.delete(cache.key(student, "fence"))  # as Redis may, from now on
    assert store(cache, loaded) == 0 and store(cache, load(school, student)) == 0
    assert cache.summary(other) is None, "it may have been stored over a fence that was evicted"
    assert cache.client.execute_command("FCALL", "wc_get", 1, cache.key(other)) is None
    assert worker.metrics()["wc_worker_epoch_open"] == 0
    assert len([line for line in worker.warnings() if "maxmemory-policy noeviction" in line]) == 1
    # Changes are removed all the same, for those who GET and SET by hand.
    cache.plant_summary(student)
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
    cache.until_invalidated(cache.key(student))
    evicting("noeviction")
    until(lambda: epoch_is_open(cache), 10, "a new epoch")
    assert store(cache, loaded) == 0, "it has not seen what the epoch saw"
    until_stored(cache, student)
    until(lambda: worker.metrics()["wc_worker_epoch_open"] == 1, 10, "the metric")


def test_where_the_epoch_is_lost_other_things_may_be(school, worker, cache):
    student = school.add_student()
    cache.until_drained()
    cache.plant_summary(student)
    cache.client.delete("wc:epoch")
    cache.until_invalidated(cache.key(student))
    until(lambda: epoch_is_open(cache), 10, "a new epoch")


def test_a_limit_without_eviction_is_none_of_ours(school, worker, cache, evicting):
    student = school.add_student()
    cache.until_drained()
    evicting("noeviction")
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
    cache.until_drained()
    assert cache.load(student) == 1 and worker.warnings() == []


@pytest.fixture
def own_redis(ground):
    """One that finds its last snapshot on disk when it starts."""
    with Redis(ground, "own-redis", {"save": "3600 1000000"}) as redis:
        yield redis


def test_what_redis_finds_on_its_disk_is_not_trusted(school, own_redis, ground):
    school.allow_worker()
    student = school.add_student()
    with Worker(ground, school.worker_dsn, own_redis, "own-redis-worker") as worker, own_redis.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        cache.plant_summary(student)
        client.save()
        school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
        cache.until_invalidated(cache.key(student))
        own_redis.restart(signal.SIGKILL)
        until(worker.healthy, 30, "the worker to be connected again")
        cache.until_invalidated(cache.key(student))


def test_a_value_of_a_commit_that_a_crash_has_lost(start_own_school):
    """synchronous_commit = off: it was acknowledged, read and cached, and never reached the disk."""
    school, worker, cache = start_own_school(wal_writer_delay="10s", checkpoint_timeout="1h")
    student = school.add_student(lastName="Kept")
    cache.until_drained()
    worker.stop()  # what it writes itself would take the commit along to the disk
    school.psql(f"SET synchronous_commit = off; UPDATE students SET \"lastName\" = 'Lost' WHERE id = '{student}'")
    assert cache.load(student) == 1
    loaded = load(school, student)
    school.cluster.restart(signal.SIGKILL)
    with school.cluster.connect(school.database) as connection:
        school.connection = connection
        assert school.summary(student)["student"]["lastName"] == "Kept", "the crash has lost nothing: the test says nothing"
        assert cache.summary(student)["student"]["lastName"] == "Lost"
        worker.start()
        until(lambda: not cache.summary(student) or cache.is_current(student), 10, "the lost value to be gone")
        until(lambda: cache.client.exists("wc:alive"), 10, "the worker to renew liveness again")
        assert cache.client.execute_command("FCALL", "wc_get", 1, cache.key(student)) is None or cache.is_current(student)
        assert store(cache, loaded) == 0, "read before the crash, stored after it"
        assert cache.load(student) == 1 and cache.is_current(student)


def test_another_start_of_postgresql_is_another_epoch(start_own_school):
    school, worker, cache = start_own_school()
    student = school.add_student()
    cache.until_drained()
    before = cache.client.get("wc:epoch:of")
    cache.plant_summary(student)
    school.cluster.restart(signal.SIGKILL)
    cache.until_invalidated(cache.key(student), timeout=30)
    assert cache.client.get("wc:epoch:of") != before


def test_what_a_crash_undoes_is_not_served_again(start_own_school):
    """A change is committed without waiting for the disk, and read into the cache. Then one session is killed, and the server
    ends all others. The commit is undone, but the postmaster goes on, and its start time stays the same."""
    school, worker, cache = start_own_school(fsync="on", autovacuum="off")
    student, other = school.add_student(lastName="Kept"), school.add_student()
    cache.until_drained()
    assert cache.load(student) == 1
    before = cache.client.get("wc:epoch:of")
    writers = [pid for pid, in school.rows(
        "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'background writer')")]
    assert len(writers) == 2
    for pid in writers:
        pause(pid)
    try:
        school.sql("SET synchronous_commit = off")
        school.sql("UPDATE students SET \"lastName\" = 'Lost' WHERE id = %s", student)
        until(lambda: (cache.summary(student) or {}).get("student", {}).get("lastName") == "Lost", 10, "the summary to be rebuilt")
        loaded = load(school, student)
        started = school.one("SELECT pg_postmaster_start_time()")
        with school.cluster.connect(school.database) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            # Told to quit, as the two are, which find that when they wake up.
            school.until_ended()
    finally:
        for pid in writers:
            os.kill(pid, signal.SIGCONT)
    school.reconnect()
    assert school.summary(student)["student"]["lastName"] == "Kept", "the crash was to lose this commit"
    assert school.one("SELECT pg_postmaster_start_time()") == started
    until(lambda: cache.client.get("wc:epoch:of") != before, 30, "another epoch")
    cache.until_drained()
    assert cache.summary(student) is None or cache.is_current(student)
    # As many transactions as were lost, and more: their ids are given again.
    for _ in range(20):
        school.sql("SELECT pg_current_xact_id()")
    assert store(cache, loaded) == 0
    assert cache.load(other) == 1
