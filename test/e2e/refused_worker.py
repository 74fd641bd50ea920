"""A worker that a server refuses: it tries again, complains once, and does its job once the fault is repaired."""

from school import Cache
from servers import until

IMPATIENT = {"backoff": {"first_ms": 10, "longest_ms": 50}}


def tries_again(worker, times=5):
    """It goes on trying."""
    until(lambda: worker.get("/metrics")[0] == 200, 30, "/metrics to answer")
    before = worker.failures("redis")
    until(lambda: worker.failures("redis") >= before + times, 30, "more tries")
    assert worker.running()


def complains_once(worker, *words):
    """However often it has tried, in one line that holds these words."""
    tries_again(worker)
    assert len(worker.warnings()) == 1, worker.warnings()
    for word in words:
        assert word in worker.warnings()[0]


def keeps_the_cache_fresh(worker, redis_server, school):
    """The job is done, as if nothing had been."""
    until(worker.healthy, 30, "the worker to be healthy")
    with redis_server.connect() as client:
        cache, student = Cache(client, school), school.add_student()
        cache.until_drained()
        until(lambda: cache.load(student) == 1, 10, "a fill")
        school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
        until(lambda: cache.summary(student) and cache.is_current(student), 10, "the new summary")
