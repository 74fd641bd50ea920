"""The worker as a process: signals, exit statuses, what its HTTP says, what it logs."""

import json
import re
import signal
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from school import Cache
from servers import until
from servers.worker import run_worker

pytestmark = pytest.mark.thorough


def test_sigterm_ends_it_with_status_0(worker):
    assert worker.stop(signal.SIGTERM) == 0


def test_sigint_ends_it_with_status_0(worker):
    assert worker.stop(signal.SIGINT) == 0


def test_sigterm_while_nothing_answers(start_worker, redis_server):
    """Neither server is there: it waits and tries again, and still ends when it is told to."""
    worker = start_worker(enter=False, settings={"postgres": {"url": "postgresql://127.0.0.1:1/none"},
                                                 "redis": {"url": "redis://127.0.0.1:1/0"}})
    worker.start(wait=False)
    until(lambda: worker.get("/healthz")[0] == 503, 10, "its HTTP to answer")
    assert worker.running()
    assert worker.stop(signal.SIGTERM) == 0


def has_unread_bytes(port):
    """Somebody has sent something to a server on loopback, and it has not read it."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state, queues = (line.split()[column] for column in (1, 3, 4))
        if int(local.split(":")[1], 16) == port and state == "01" and int(queues.split(":")[1], 16) > 0:
            return True
    return False


def test_a_second_sigterm_ends_it_at_once(school, worker, cache, redis_server):
    """Redis hangs, so that the work in hand cannot be finished."""
    cache.until_drained()
    redis_server.send(signal.SIGSTOP)
    try:
        school.add_student()
        until(lambda: has_unread_bytes(redis_server.port), 10, "the worker to wait for Redis")
        worker.send(signal.SIGTERM)
        until(lambda: "stopping after the current batch" in worker.log.read_text(), 10, "the first to be noticed")
        worker.send(signal.SIGTERM)
        assert worker.wait(2) == 143
    finally:
        redis_server.send(signal.SIGCONT)


def test_sigterm_ends_it_while_its_statements_wait(school, start_worker, redis_server):
    """Somebody has locked a table: a value that is rebuilt and one that is audited wait for that, and may for a minute."""
    student = school.add_student()
    worker = start_worker(settings={"audit": {"rate_per_s": 100}})
    with redis_server.connect() as client:
        until(lambda: school.is_drained() and Cache(client, school).load(student) == 1, 10, "a cached value")
    with school.cluster.connect(school.database) as other, other.transaction():
        other.execute("LOCK TABLE students IN ACCESS EXCLUSIVE MODE")
        school.sql("SELECT wc_prewarm(ARRAY[%s])", student)
        until(lambda: {name.split()[1] for name, in school.rows("SELECT application_name FROM pg_stat_activity WHERE datname = current_database() "
                                                                "AND application_name LIKE 'wc-worker%' AND wait_event_type = 'Lock'")}
              == {"audit", "prewarm"}, 20, "both to wait")
        began = time.monotonic()
        worker.send(signal.SIGTERM)
        # The unit's TimeoutStopSec, after which systemd kills.
        assert worker.wait(30) == 0
        print(f"ended after {time.monotonic() - began:.1f} s")
    until(lambda: school.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'wc-worker%'") == 0, 10)


def test_unregister(school, worker):
    assert worker.stop() == 0
    school.add_student()
    assert school.queue_length() == 1
    done = run_worker("--config", worker.configuration, "--unregister")
    assert done.returncode == 0, done.stderr
    school.sql("DELETE FROM white_cross.invalidation")
    school.add_student()
    assert school.queue_length() == 0


def test_sigterm_finishes_the_work_in_hand(school, worker, cache):
    students = [school.add_student() for _ in range(300)]
    cache.until_drained()
    school.psql("UPDATE students SET grade = '6'")
    assert worker.stop(signal.SIGTERM) == 0
    left = school.queue_length()
    worker.start()
    cache.until_drained()
    assert left >= 0 and worker.healthy() and students


def test_health(school, worker, cache):
    status, body = worker.get("/healthz")
    assert status == 200
    json.loads(body)
    assert worker.get("/nowhere")[0] == 404


def test_slow_clients_keep_no_health_check_waiting(worker):
    """They say nothing, drip, or do not read what they asked for; before, three of them were enough."""
    with ExitStack() as stack:
        slow = []
        for n in range(300):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", worker.port)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall([b"", b"GET /metrics HTTP/1.1\r\nX-Drip: ", b"GET /metrics HTTP/1.1\r\n\r\n"][n % 3])
            slow.append(client)
            if n % 30 == 2:
                for other in slow:
                    with suppress(OSError):
                        other.send(b"x")
                assert worker.get("/healthz")[0] == 200
                assert worker.metrics()
    assert worker.healthy()


def test_health_shows_the_age_of_a_row_that_waits(school, worker, cache, redis_server):
    cache.until_drained()
    redis_server.stop()
    school.add_student()
    until(lambda: worker.get("/healthz")[0] == 503, 10, "not healthy without Redis")
    redis_server.start()
    until(worker.healthy, 15, "healthy again")


def test_metrics_count_what_was_done(school, worker, cache):
    cache.until_drained()

    def total(part):
        return sum(value for name, value in worker.metrics().items()
                   if part in name and "bucket" not in name and not name.endswith("_sum"))

    drained, invalidated, prewarmed = total("drained"), total("invalidated"), total("prewarmed")
    student = school.add_student()
    cache.until_drained()
    cache.load(student)
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
    until(lambda: total("drained") > drained, 10, "drained to grow")
    until(lambda: total("invalidated") > invalidated, 10, "invalidated to grow")
    until(lambda: total("prewarmed") > prewarmed, 10, "prewarmed to grow")


def test_no_health_data_in_logs_or_http(school, worker, cache):
    student = school.add_student(firstName="Xanthippe", lastName="Zyzzyva")
    school.add_allergy(student, allergen="Unobtainium")
    cache.until_drained()
    cache.load(student)
    school.psql(f"UPDATE allergies SET reaction = 'Quetzalitis' WHERE \"studentId\" = '{student}'")
    until(lambda: cache.is_current(student), 10, "the new summary")
    seen = worker.log.read_text() + worker.get("/metrics")[1] + worker.get("/healthz")[1]
    for word in "Xanthippe", "Zyzzyva", "Unobtainium", "Quetzalitis":
        assert word not in seen


def test_no_password_on_the_command_line_or_in_the_log(worker, redis_server):
    command = open(f"/proc/{worker.pid}/cmdline").read()
    assert redis_server.password not in command + worker.log.read_text()


def test_json_logs(start_worker):
    worker = start_worker(settings={"log": {"format": "json"}})
    pid = worker.pid
    assert worker.stop() == 0
    lines = worker.log.read_text().splitlines()
    assert lines
    for line in map(json.loads, lines):
        assert list(line) == ["time", "level", "pid", "message"], "as docs/operations.md says"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]) and line["pid"] == pid
        assert line["level"] in ("debug", "info", "warning", "error") and line["message"]


def test_hot_students_survive_a_restart(school, worker, cache):
    """The worker saves the hot students, and builds them at its next start, even into an empty Redis."""
    student = school.add_student()
    cache.until_drained()
    for n in range(3):
        until(lambda: cache.load(student) == 1, 5, "a fill")
        school.psql(f"UPDATE students SET grade = '{n}' WHERE id = '{student}'")
        cache.until_drained()
    until(lambda: cache.summary(student), 10, "the prewarmed summary")
    assert worker.stop() == 0
    assert school.one("SELECT weight > 0 FROM white_cross.hot_student WHERE student = %s", student)
    cache.client.flushall()
    worker.start()
    until(lambda: cache.summary(student), 10, "the summary to be built again")
    assert cache.is_current(student)
