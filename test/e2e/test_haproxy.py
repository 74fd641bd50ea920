"""Behind HAProxy, as config/haproxy.cfg has it, with a primary and a standby that a real Patroni looks after."""

import itertools
import os
import shutil
import threading
from contextlib import ExitStack

import psycopg
import pytest

from school import Cache, School
from servers import Etcd, HaProxy, Member, Worker, until

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not all(map(shutil.which, ("patroni", "etcd"))) or not shutil.which("haproxy", path="/usr/sbin"),
                       reason="HAProxy, Patroni or etcd is not installed (of Debian: haproxy, patroni, etcd-server, python3-etcd)"),
    pytest.mark.skipif("WC_SERVER_PRELOAD" in os.environ, reason="Patroni's Python does not start with a sanitizer's library"),
]

APPLICATION, PASSWORD = "of_the_application", "for-tests"
SETTINGS = {"worker": {"name": "district"}, "backoff": {"longest_ms": 200}}
LOAD = "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])"
numbers = itertools.count(1)


class District:
    """Two members of which one leads, a HAProxy before them, and who asks it."""

    def __init__(self, ground):
        self._ground = ground
        self._stack = ExitStack()

    def __enter__(self):
        with ExitStack() as stack:
            etcd = stack.enter_context(Etcd(self._ground))
            first = stack.enter_context(Member(self._ground, etcd, "one"))
            until(lambda: first.role() == "primary", 60, "the first to lead")
            self._members = [first, stack.enter_context(Member(self._ground, etcd, "two"))]
            self.haproxy = stack.enter_context(HaProxy(self._ground, self._members))
            until(self.haproxy.knows_roles, 20, "HAProxy to know who leads and who follows")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def find_roles(self):
        """Who leads, and who follows, until this is called again."""
        def roles():
            roles = {member.role(): member for member in self._members}
            return roles if {"primary", "replica"} <= roles.keys() else None
        roles = until(roles, 60, "a primary and a standby")
        self.leader, self.other = roles["primary"], roles["replica"]

    @property
    def primary_url(self):
        return self.url(APPLICATION, self.haproxy.primary_port)

    @property
    def standbys_url(self):
        return self.url(APPLICATION, self.haproxy.standbys_port)

    def url(self, user, port):
        return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{port}/{self.database}"

    def until_replayed(self):
        position = self.leader.psql("SELECT pg_current_wal_insert_lsn()").strip()
        until(lambda: self.other.psql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'").strip() == "t", 20, "the standby to catch up")


def until_served(url, member):
    """Until new sessions of that address come to the member."""
    def is_served():
        try:
            with psycopg.connect(url, connect_timeout=2) as connection:
                return connection.execute("SHOW port").fetchone() == (str(member.port),)
        except psycopg.OperationalError:
            return False
    until(is_served, 60, f"HAProxy to use {member.name}")


@pytest.fixture(scope="module")
def district(ground):
    with District(ground) as district:
        yield district


@pytest.fixture
def school(district):
    district.find_roles()
    district.database = f"school_{next(numbers)}"
    district.leader.create_database(district.database)
    school = School(district.leader, district.database)
    school.attach()
    school.allow_worker()
    school.sql(f"ALTER ROLE {school.worker_role} PASSWORD '{PASSWORD}'")
    if not school.rows("SELECT FROM pg_roles WHERE rolname = %s", APPLICATION):
        school.sql(f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_write_all_data, pg_read_all_data")
    district.until_replayed()
    until_served(district.primary_url, district.leader)
    until_served(district.standbys_url, district.other)
    return school


@pytest.fixture
def reader(district, school):
    """What comes to a standby."""
    with psycopg.connect(district.standbys_url, autocommit=True) as reader:
        yield reader


@pytest.fixture
def cache(redis_server, district, school, ground):
    with redis_server.connect() as client:
        client.flushall()
        with Worker(ground, district.url(school.worker_role, district.haproxy.primary_port), redis_server, "worker", SETTINGS) as worker:
            cache = Cache(client, school)
            cache.worker = worker
            cache.until_drained()
            yield cache


def store(cache, loaded):
    return cache.client.execute_command("FCALL", "wc_fill", 1, *loaded)


def last_name(cache, student):
    summary = cache.summary(student)
    return summary and summary["student"]["lastName"]


def test_reads_and_fills_of_a_standby(district, school, cache, reader):
    students = [school.add_student(lastName=f"Name {n}") for n in range(20)]
    for student in students:
        school.add_record(student, vital='{"height": 140}')
        school.add_allergy(student)
    cache.until_drained()
    district.until_replayed()
    assert reader.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
    for call in "wc_health_summary(%s)", "wc_student_records(%s)", "(SELECT json_agg(chunk::jsonb - 'exportDate') FROM wc_export_health_history(%s) AS chunk)":
        for student in students:
            assert reader.execute(f"SELECT {call}", [student]).fetchone() == (school.one(f"SELECT {call}", student),)
    assert [store(cache, reader.execute(LOAD, [student]).fetchone()) for student in students] == [1] * 20
    assert [last_name(cache, student) for student in students] == [f"Name {n}" for n in range(20)]

    # It falls behind, and HAProxy does not know of it yet.
    district.other.psql("SELECT pg_wal_replay_pause()")
    until(lambda: district.other.psql("SELECT pg_get_wal_replay_pause_state()").strip() == "paused", 20, "the standby to pause")
    school.sql("UPDATE students SET \"lastName\" = 'New' WHERE id = %s", students[0])
    cache.until_drained()
    late = reader.execute(LOAD, [students[0]]).fetchone()
    assert "Name 0" in late[1] and store(cache, late) == 0 and last_name(cache, students[0]) != "Name 0"
    # More than the 16 MB of the configuration: it gets no reads, and the primary does its work.
    district.leader.stop_sending()
    school.sql("CREATE TABLE much AS SELECT repeat(md5(n::text), 8) AS text FROM generate_series(1, 90000) AS n")
    until_served(district.standbys_url, district.leader)
    with psycopg.connect(district.standbys_url, autocommit=True) as primary:
        assert store(cache, primary.execute(LOAD, [students[0]]).fetchone()) == 1 and last_name(cache, students[0]) == "New"
    district.other.psql("SELECT pg_wal_replay_resume()")
    district.leader.send_again()
    until_served(district.standbys_url, district.other)


class Writer(threading.Thread):
    """Changes students at the primary's port, one after the other, and connects anew when it is thrown out."""

    def __init__(self, url, students):
        super().__init__()
        self.ports = []  # of the server that each change was committed on
        self.failed = None
        self._url, self._students, self._ended = url, students, threading.Event()

    def run(self):
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=2) as connection:
                    (port,) = connection.execute("SHOW port").fetchone()
                    while not self._ended.is_set():
                        connection.execute("UPDATE students SET grade = %s WHERE id = %s", [str(len(self.ports) % 1000), self._students[len(self.ports) % len(self._students)]])
                        self.ports.append(int(port))
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction):
                pass  # the one that is being replaced

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()


def test_another_member_takes_over_while_writes_go_on(district, school, cache, reader):
    students = [school.add_student() for _ in range(50)]
    cache.until_drained()
    district.until_replayed()
    assert sum(store(cache, reader.execute(LOAD, [student]).fetchone()) for student in students) == 50
    of = cache.client.get("wc:epoch:of")
    with Writer(district.primary_url, students) as writer:
        until(lambda: writer.ports.count(district.leader.port) > 100, 20, "writes to the first primary")
        district.leader.hand_over_to(district.other)
        until(lambda: writer.ports.count(district.other.port) > 100, 60, "writes to the new primary")
        until(lambda: cache.client.get("wc:epoch:of") != of, 60, "another epoch")
    cache.school = School(district.other, district.database)
    until(cache.worker.healthy, 30, "the worker to be healthy")
    cache.until_drained()
    until(lambda: all(cache.summary(student) is None or cache.is_current(student) for student in students), 20, "every cached summary to be the database's")
    # The former primary is the standby now, and what it reads may be stored.
    until_served(district.standbys_url, district.leader)
    student = cache.school.add_student(lastName="After")
    cache.until_drained()
    with psycopg.connect(district.standbys_url, autocommit=True) as reader:
        until(lambda: reader.execute("SELECT FROM students WHERE id = %s", [student]).fetchone() is not None, 20, "the standby to follow")
        assert store(cache, reader.execute(LOAD, [student]).fetchone()) == 1 and last_name(cache, student) == "After"


def test_the_machine_of_the_primary_is_gone(district, school, cache, reader):
    """The last test here, as one machine is missing afterwards.  What it had not sent is lost: that is not served again, nor is a value stored that was read from it."""
    student, other = school.add_student(lastName="Kept"), school.add_student()
    cache.until_drained()
    district.until_replayed()
    assert store(cache, reader.execute(LOAD, [student]).fetchone()) == 1
    district.leader.stop_sending()
    school.sql("UPDATE students SET \"lastName\" = 'Lost' WHERE id = %s", student)
    until(lambda: last_name(cache, student) == "Lost", 10, "the summary to be rebuilt from what will be lost")
    slow_reader = school.rows(LOAD, student)[0]
    of = cache.client.get("wc:epoch:of")
    district.leader.kill()
    until(lambda: district.other.role() == "primary", 90, "the standby to lead")
    until(lambda: cache.client.get("wc:epoch:of") != of, 60, "another epoch")
    cache.school = School(district.other, district.database)
    cache.until_drained()
    assert last_name(cache, student) != "Lost" and store(cache, slow_reader) == 0
    # There is no standby: the primary serves reads, too.
    until_served(district.standbys_url, district.other)
    with psycopg.connect(district.standbys_url, autocommit=True) as primary:
        assert [store(cache, primary.execute(LOAD, [one]).fetchone()) for one in (student, other)] == [1, 1]
    assert last_name(cache, student) == "Kept"
    until(cache.worker.healthy, 30, "the worker to be healthy")
