"""Several workers: one drains, and another goes on where it ended or hangs.  In the middle of a drain: test_every_step."""

import signal
import time

import pytest

from district_workers import QUICK
from servers import Proxy, Worker, until

DRAINED = "wc_worker_drained_rows_total"


def is_drainer(worker):
    return worker.metrics()["wc_worker_is_drainer"] == 1


@pytest.fixture
def worker(start_worker):
    return start_worker("first", settings=QUICK)


@pytest.fixture
def second(start_worker, worker, school, cache):
    """Started when the first one drains."""
    cache.until_drained()
    return start_worker("second", settings=QUICK)


@pytest.fixture
def students(school):
    return [school.add_student() for _ in range(50)]


def change_and_see(school, cache, students, grade):
    cache.plant_summary(*students)
    school.psql(f"UPDATE students SET grade = '{grade}'")
    cache.until_invalidated(*map(cache.key, students))
    cache.until_drained()


def test_three_workers_end_one_after_the_other(students, school, start_worker, worker, second, cache):
    third = start_worker("third", settings=QUICK)
    waiting = [worker, second, third]
    while waiting:
        until(lambda: any(map(is_drainer, waiting)), 10, "a worker to drain")
        change_and_see(school, cache, students, len(waiting))
        drainer = next(filter(is_drainer, waiting))
        assert not any(is_drainer(other) for other in waiting if other is not drainer)
        waiting.remove(drainer)
        assert all(other.metrics()[DRAINED] == 0 for other in waiting), "who stands by drains nothing"
        drainer.stop(signal.SIGKILL)


def test_what_changes_is_drained_and_rebuilt_once(students, school, worker, second, cache):
    """Two workers are no two answers to one change."""
    for student in students:
        assert cache.load(student) == 1
    for student in students:
        school.sql("UPDATE students SET grade = '6' WHERE id = %s", student)
    cache.until_drained()
    until(lambda: all(cache.summary(student) and cache.is_current(student) for student in students), 10, "all to be rebuilt")
    assert second.metrics()[DRAINED] == 0
    assert second.metrics()["wc_worker_prewarmed_total"] == 0
    assert worker.metrics()['wc_worker_invalidated_total{kind="health_summary"}'] == len(students)


def test_a_killed_drainer_is_replaced(students, school, worker, second, cache):
    cache.plant_summary(*students)
    worker.stop(signal.SIGKILL)
    killed = time.monotonic()
    school.psql("UPDATE students SET grade = '6'")
    cache.until_invalidated(*map(cache.key, students))
    print(f"taken over and drained {time.monotonic() - killed:.3f} s after the kill")
    until(lambda: is_drainer(second), 10, "it to say that it drains")


def test_a_drainer_that_is_stopped_while_idle_is_replaced(students, school, worker, second, cache):
    """Its connections stay; the server ends the session of one that does not even poll."""
    worker.send(signal.SIGSTOP)
    change_and_see(school, cache, students, 6)
    until(lambda: is_drainer(second), 10, "it to say that it drains")
    worker.send(signal.SIGCONT)
    until(worker.healthy, 10, "the first worker to be connected again")
    change_and_see(school, cache, students, 7)
    until(lambda: is_drainer(second) and not is_drainer(worker), 10, "the second worker to say that it drains, and it alone")
    second.stop(signal.SIGKILL)
    change_and_see(school, cache, students, 8)
    until(lambda: is_drainer(worker), 10, "it to say that it drains")


def test_an_idle_drainer_is_not_taken_for_hung(students, school, worker, second, cache):
    """It polls."""
    session = "SELECT white_cross.drainer()"
    before = school.one(session)
    polls = school.one("SELECT clock_timestamp() + interval '2.5 s'")
    until(lambda: school.one("SELECT clock_timestamp() > %s", polls), 10, "more time than a hung worker is given")
    assert school.one(session) == before is not None
    until(lambda: is_drainer(worker), 10, "it to say that it drains")


def test_a_worker_that_wakes_up_late_fills_nothing_old(school, start_worker, worker, second, cache, ground, redis_server):
    """Stopped with a summary in hand that it has built; what happens meanwhile makes it old."""
    worker.stop()
    second.stop()
    student = school.add_student(lastName="Old")
    with Proxy(lambda: redis_server.port) as proxy, \
            Worker(ground, school.worker_dsn, Through(redis_server, proxy), "late", QUICK) as late:
        cache.until_drained()
        assert cache.load(student) == 1
        hold = proxy.hold(b"wc_fill")
        school.psql(f"UPDATE students SET \"lastName\" = 'Older' WHERE id = '{student}'")
        hold.wait()
        late.send(signal.SIGSTOP)
        second.start()
        until(lambda: is_drainer(second), 10, "the second worker to take over")
        school.psql(f"UPDATE students SET \"lastName\" = 'New' WHERE id = '{student}'")
        cache.until_drained()
        late.send(signal.SIGCONT)
        hold.release()
        until(lambda: late.metrics()["wc_worker_fills_refused_total"] == 1, 10, "the late fill to be refused")
        assert cache.summary(student) is None or cache.is_current(student)


class Through:
    """A Redis as it is seen through a proxy."""

    def __init__(self, redis, proxy):
        self._redis = redis
        self.url = f"redis://127.0.0.1:{proxy.port}/0"

    def worker_settings(self):
        return self._redis.worker_settings() | {"url": self.url}
