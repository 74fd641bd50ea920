"""Prepared transactions: whichever session ends them, and whatever happens before that."""

import signal

import pytest

from school import Cache
from servers import until

PREPARE = "BEGIN; UPDATE students SET \"lastName\" = 'New' WHERE id = 'ada'; PREPARE TRANSACTION 'both'"


@pytest.fixture
def ada(school):
    school.add_student("grace")
    return school.add_student("ada", lastName="Old")


def load(school):
    return school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY['ada'])")[0]


def last_name(cache):
    summary = cache.summary("ada")
    return summary and summary["student"]["lastName"]


def test_committed_by_another_session(ada, school, cache):
    cache.until_drained()
    until(lambda: cache.load(ada) == 1, 10, "a fill")
    loaded = load(school)
    school.psql(PREPARE)
    # Rows of later transactions are drained meanwhile, so that the prepared one's lie behind.
    for n in range(3):
        school.sql("UPDATE students SET grade = %s WHERE id = 'grace'", str(n))
        cache.until_drained()
    assert last_name(cache) == "Old"
    school.psql("COMMIT PREPARED 'both'")
    until(lambda: last_name(cache) == "New", 10, "the new summary")
    assert cache.client.execute_command("FCALL", "wc_fill", 1, *loaded) == 0
    cache.until_drained()


def test_rolled_back_by_another_session(ada, school, cache):
    cache.until_drained()
    cache.plant_summary(ada)
    school.psql(PREPARE)
    school.psql("ROLLBACK PREPARED 'both'")
    cache.assert_stays(cache.key(ada))
    assert school.queue_length() == 0


def test_prepared_before_a_worker_was_there(ada, school, start_worker, redis_server):
    """When it was prepared, no worker was registered, so it queued nothing. The registration waits for it, and the values that it
    changed are not trusted."""
    school.psql(PREPARE)
    worker = start_worker(enter=False)
    worker.start(wait=False)  # it is not healthy before it is registered
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.plant_summary(ada)
        until(lambda: "it waits for prepared transaction 'both'" in worker.log.read_text(), 20, "the worker to say what it waits for")
        school.psql("COMMIT PREPARED 'both'")
        cache.until_invalidated(cache.key(ada))
        cache.until_drained()


def test_committed_after_a_crash(start_own_school):
    school, worker, cache = start_own_school()
    school.add_student("ada", lastName="Old")
    cache.until_drained()
    school.psql(PREPARE)
    before = cache.client.get("wc:epoch:of")
    school.cluster.restart(signal.SIGKILL)
    until(lambda: cache.client.get("wc:epoch:of") != before, 30, "another epoch")
    school.connection = school.cluster.connect(school.database)
    cache.until_drained()
    until(lambda: cache.load("ada") == 1, 10, "a fill")
    loaded = load(school)
    assert last_name(cache) == "Old"
    school.psql("COMMIT PREPARED 'both'")
    until(lambda: last_name(cache) == "New", 10, "the new summary")
    assert cache.client.execute_command("FCALL", "wc_fill", 1, *loaded) == 0, "it was loaded before the commit"
    cache.until_drained()
