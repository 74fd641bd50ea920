"""If the library is preloaded, a process of the server sends NOTIFY for all writers, but only while a worker drains."""

import os
import re
import select
import signal

import pytest

from school import Cache, School
from servers import Worker, until

pytestmark = pytest.mark.thorough

# Only a NOTIFY can wake a worker that polls so seldom within the time that these tests wait.
NO_POLL = {"queue": {"poll_interval_ms": 60_000}, "invalidate": {"alive_ttl_ms": 3_600_000}}
PRELOADED = {"shared_preload_libraries": "$libdir/white_cross"}


@pytest.fixture
def relayed(start_own_school):
    return start_own_school(worker_settings=NO_POLL, **PRELOADED)


def relays(school):
    return [pid for pid, in school.rows(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'white_cross relay' AND datname = current_database()")]


def changes_are_seen(school, cache, student):
    cache.plant_summary(student)
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
    cache.until_invalidated(cache.key(student))


def test_writers_do_not_notify_and_the_worker_is_woken(relayed):
    school, worker, cache = relayed
    assert school.one("SHOW white_cross.notify") == "relay"
    student = school.add_student()
    until(lambda: relays(school), 10, "the relay to run")
    for _ in range(20):
        changes_are_seen(school, cache, student)


def test_a_worker_is_notified_once_for_each_drain(relayed):
    school, worker, cache = relayed
    student = school.add_student()
    until(lambda: relays(school), 10, "the relay to run")
    changes_are_seen(school, cache, student)
    with school.cluster.connect(school.database) as listener:
        listener.execute("LISTEN white_cross")

        def heard():
            count = 0
            while select.select([listener], [], [], 0.2)[0]:
                listener.pgconn.consume_input()
                while listener.pgconn.notifies():
                    count += 1
            return count

        def write(times):
            for _ in range(times):
                school.sql("UPDATE students SET grade = grade || 'x'")

        worker.send(signal.SIGSTOP)
        write(1)
        until(lambda: heard() == 1, 10, "the worker to be told")
        write(200)
        assert heard() <= 1, "a look that was under way when the worker was stopped may ask for one more"
        write(200)
        assert heard() == 0, "it knows already"
        worker.send(signal.SIGCONT)
        cache.until_drained()
        for _ in range(3):
            changes_are_seen(school, cache, student)
        assert heard() >= 3


def test_the_relay_ends_with_its_worker_and_does_not_block_drop_database(relayed):
    school, worker, cache = relayed
    until(lambda: relays(school), 10, "the relay to run")
    worker.stop()
    until(lambda: not relays(school), 10, "the relay to end")
    school.sql("UPDATE students SET grade = '6'")
    school.connection.close()
    school.cluster.psql(f"DROP DATABASE {school.database}")


def test_a_killed_relay_is_started_again(relayed):
    school, worker, cache = relayed
    student = school.add_student()
    old = until(lambda: relays(school), 10, "the relay to run")
    # PostgreSQL restarts all of its processes after such an end: the test's connection and the worker's are gone too.
    os.kill(old[0], signal.SIGKILL)

    school.until_ended()
    school.reconnect()
    until(lambda: relays(school) not in ([], old), 30, "another relay")
    changes_are_seen(school, cache, student)


def test_terminated_it_comes_back(relayed):
    school, worker, cache = relayed
    student = school.add_student()
    old = until(lambda: relays(school), 10, "the relay to run")
    school.sql("SELECT pg_terminate_backend(%s)", old[0])
    until(lambda: relays(school) not in ([], old), 30, "another relay")
    changes_are_seen(school, cache, student)


def test_the_relay_of_a_dropped_database_is_given_up(relayed):
    """The server starts it again and again, and it finds no database."""
    school, worker, cache = relayed
    until(lambda: relays(school), 10, "the relay to run")
    school.connection.close()
    school.cluster.psql(f"DROP DATABASE {school.database} WITH (FORCE)")

    def failed_starts():
        return len(re.findall(r"FATAL: +database \d+ does not exist", school.cluster.log.read_text()))

    until(lambda: failed_starts() == 5, 30, "the relay to be started in vain")
    with school.cluster.connect("postgres") as watcher:
        later, = watcher.execute("SELECT clock_timestamp() + interval '3 s'").fetchone()
        until(lambda: watcher.execute("SELECT clock_timestamp() > %s", (later,)).fetchone()[0], 10, "time for two more starts")
    assert failed_starts() == 5


def test_databases_of_one_cluster_each_have_their_own(relayed, ground, redis_server):
    school, worker, cache = relayed
    school.cluster.create_database("second")
    second = School(school.cluster, "second")
    for statement in "CREATE EXTENSION white_cross", "SELECT wc_create_tables('public')", "SELECT wc_attach('public')":
        second.sql(statement)
    second.allow_worker()
    with Worker(ground, second.worker_dsn, redis_server, "second-worker", settings=NO_POLL), second.connection:
        until(lambda: relays(school) and relays(second), 10, "a relay in each")
        here, there = school.add_student("here"), second.add_student("there")
        other = Cache(cache.client, second)
        for _ in range(3):
            changes_are_seen(school, cache, here)
            changes_are_seen(second, other, there)


def test_without_room_for_a_relay_writers_notify_by_themselves(start_own_school):
    school, worker, cache = start_own_school(worker_settings=NO_POLL, max_worker_processes="1", **PRELOADED)
    student = school.add_student()
    assert relays(school) == []  # the one place is taken by the server's own logical replication launcher
    changes_are_seen(school, cache, student)


@pytest.fixture
def nobody_else_may_notify(relayed):
    """A session that holds the lock that every NOTIFY takes at its commit: it waits for a standby that there is not."""
    school, _, _ = relayed

    def wait_for_standby(name):
        school.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        school.sql("SELECT pg_reload_conf()")
        until(lambda: school.one("SHOW synchronous_standby_names") == name, 10, "the setting")

    wait_for_standby("nobody")
    holder = school.cluster.connect(school.database)
    holder.pgconn.send_query(b"BEGIN; SELECT pg_logical_emit_message(true, 'any', ''); NOTIFY elsewhere; COMMIT")
    until(lambda: school.one("SELECT wait_event FROM pg_stat_activity WHERE pid = %s", holder.info.backend_pid) == "SyncRep",
          10, "the session to hold the lock")
    yield lambda: wait_for_standby("")
    holder.close()


def test_a_relay_that_ends_before_its_notification_is_out(relayed, nobody_else_may_notify):
    """It has noted that the worker is told, and dies before that is true: the next one begins with telling it."""
    school, worker, cache = relayed
    old = until(lambda: relays(school), 10, "the relay to run")
    cache.plant_summary("ada")
    school.sql("SET synchronous_commit = off")
    school.sql("SELECT wc_invalidate('ada'::text)")
    until(lambda: school.one("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", old[0]) == "Lock", 10,
          "the relay to be about to notify")
    school.sql("SELECT pg_terminate_backend(%s)", old[0])
    until(lambda: relays(school) not in ([], old), 30, "another relay")
    assert cache.is_planted(cache.key("ada"))
    nobody_else_may_notify()
    cache.until_invalidated(cache.key("ada"))
