"""No crash of the worker, of Redis or of PostgreSQL loses a committed change."""

import signal

import pytest

from servers import until


@pytest.fixture
def students(school):
    return [school.add_student() for _ in range(200)]


def test_changes_made_while_no_worker_runs_are_drained_later(students, school, worker, cache):
    cache.until_drained()
    worker.stop()
    cache.plant_summary(*students)
    school.psql("UPDATE students SET grade = '6'")
    assert school.queue_length() > 0
    worker.start()
    cache.until_invalidated(*map(cache.key, students))
    cache.until_drained()


def test_a_worker_killed_with_rows_in_the_queue(students, school, worker, cache):
    cache.until_drained()
    cache.plant_summary(*students)
    for round in range(5):
        for student in students[round::5]:
            school.sql("UPDATE students SET grade = '7' WHERE id = %s", student)
        worker.stop(signal.SIGKILL)
        worker.start()
    cache.until_invalidated(*map(cache.key, students), timeout=20)
    cache.until_drained()


def test_a_stopped_redis_keeps_the_rows_in_the_queue(students, school, worker, cache, redis_server):
    """A row leaves the queue only when Redis has acknowledged it."""
    cache.until_drained()
    redis_server.stop()
    school.psql("UPDATE students SET grade = '6'")
    until(lambda: worker.get("/healthz")[0] == 503, 10, "the worker to notice")
    assert school.queue_length() > 0
    redis_server.start()
    cache.until_drained()
    until(worker.healthy, 10, "the worker to be healthy again")
    # the library was loaded again, into a Redis that knew nothing
    assert cache.load(students[0]) == 1


def test_redis_killed_and_empty_again(students, school, cache, redis_server):
    cache.until_drained()
    redis_server.restart(signal.SIGKILL)
    until(lambda: "wc_fill" in str(cache.client.execute_command("FUNCTION", "LIST")), 15, "the library to be loaded again")
    student = students[0]
    until(lambda: cache.load(student) == 1, 15, "a new epoch, and with it a fill")
    school.psql(f"UPDATE students SET \"lastName\" = 'Byron' WHERE id = '{student}'")
    until(lambda: cache.summary(student) and cache.is_current(student), 10, "the new summary")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["restart", "crash"])
def test_postgresql_ends_and_comes_back(how, start_own_school):
    """Its own cluster, with fsync on: the shared one serves other tests."""
    school, worker, cache = start_own_school(fsync="on")
    students = [school.add_student() for _ in range(20)]
    cache.until_drained()
    cache.plant_summary(*students)
    worker.send(signal.SIGSTOP)
    school.psql("UPDATE students SET grade = '6'")
    school.cluster.restart(how)
    worker.send(signal.SIGCONT)
    school.connection = school.cluster.connect(school.database)
    cache.until_invalidated(*map(cache.key, students), timeout=30)
    until(worker.healthy, 30, "the worker to be healthy again")
    cache.plant_summary(*students)
    school.psql("UPDATE students SET grade = '7'")
    cache.until_invalidated(*map(cache.key, students))


def test_the_workers_connections_are_cut(students, school, worker, cache):
    cache.until_drained()
    cache.plant_summary(*students)
    school.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND datname = %s",
               school.worker_role, school.database)
    school.psql("UPDATE students SET grade = '6'")
    cache.until_invalidated(*map(cache.key, students))
    until(worker.healthy, 10, "the worker to be healthy again")


def test_a_second_worker_takes_over(students, school, start_worker, worker, cache):
    other = start_worker("other")
    cache.until_drained()
    worker.stop(signal.SIGKILL)
    cache.plant_summary(*students)
    school.psql("UPDATE students SET grade = '6'")
    cache.until_invalidated(*map(cache.key, students))
    until(other.healthy, 10, "the second worker to be healthy")
