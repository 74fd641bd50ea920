"""A drain that takes more than one batch is complete only when nothing is left, whatever commits meanwhile."""

import pytest

from servers import until

BATCH = {"queue": {"batch_students": 7, "poll_interval_ms": 60_000}, "invalidate": {"alive_ttl_ms": 3_600_000},
         "prewarm": {"enabled": False}}


@pytest.fixture
def worker(start_worker):
    return start_worker(settings=BATCH)


def test_many_batches_are_drained_to_the_end(school, worker, cache):
    students = [school.add_student() for _ in range(100)]
    cache.until_drained()
    cache.plant_summary(*students)
    school.sql("UPDATE students SET grade = '6'")
    cache.until_invalidated(*map(cache.key, students))
    cache.until_drained()


def test_what_commits_between_batches_with_an_older_transaction_id(school, worker, cache):
    """An old transaction commits while a later one's many rows are being drained: it lies behind the drain's place."""
    students = [school.add_student() for _ in range(300)]
    cache.until_drained()
    old = school.cluster.connect(school.database, autocommit=False)
    for round in range(10):
        cache.plant_summary(*students)
        old.execute("UPDATE students SET grade = %s WHERE id = %s", [str(round), students[0]])
        school.sql("UPDATE students SET grade = %s WHERE id <> %s", str(round), students[0])
        old.commit()
        cache.until_invalidated(*map(cache.key, students))
        cache.until_drained()
    old.close()
    until(lambda: worker.metrics()["wc_worker_queue_rows"] == 0, 10, "the worker to know that the queue is empty")
