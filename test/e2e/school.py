"""The application of the tests: a school's database, and the way it uses the cache."""

import itertools
import json
import os
import signal
import weakref

import psycopg

import told
from servers import opaque_keys, until
from servers.initdb import SUPERUSER

_numbers = itertools.count(1)

# The database that attached_school copies, and the clusters that have it.
ATTACHED = "attached"
_have_attached = weakref.WeakSet()


def attached_school(cluster, database):
    """Makes a database of that name with the application's four tables, attached, with no rows.

    It is copied from one that is made once for each cluster: that takes a fifth of the time of making it.
    """
    if cluster not in _have_attached:
        cluster.create_database(ATTACHED)
        with School(cluster, ATTACHED) as school:
            school.attach()
        _have_attached.add(cluster)
    cluster.create_database(database, ATTACHED)
    return School(cluster, database)


class School:
    """A database with the four tables, and short ways to write to them."""

    worker_role = "wc_test_worker"

    def __init__(self, cluster, database, user=SUPERUSER):
        self.cluster = cluster
        self.database = database
        self.connection = cluster.connect(database, user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def is_ended(self):
        """Has the server ended this session?"""
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return True
        return False

    def reconnect(self):
        """Connects again, once the server takes connections."""
        def connected():
            try:
                return self.cluster.connect(self.database)
            except psycopg.OperationalError:
                return None

        self.connection.close()
        self.connection = until(connected, 30, "PostgreSQL to take connections")

    def crash(self):
        """Kills one process of the server.  It then ends all others, recovers, and starts anew in the same memory."""
        with self.cluster.connect(self.database) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            self.until_ended()
        self.reconnect()

    def until_ended(self):
        """A server that has not seen yet that one of its processes was killed still takes connections, and ends them a moment later."""
        until(self.is_ended, 30, "PostgreSQL to end all sessions")

    def attach(self):
        """Makes the extension and the application's tables in an empty database, and attaches them."""
        self.sql("CREATE EXTENSION IF NOT EXISTS white_cross")
        self.sql("SELECT wc_create_tables('public')")
        self.sql("SELECT wc_attach('public')")

    def sql(self, statement, *parameters):
        return self.connection.execute(statement, parameters or None)

    def one(self, statement, *parameters):
        row = self.sql(statement, *parameters).fetchone()
        return row and row[0]

    def rows(self, statement, *parameters):
        return self.sql(statement, *parameters).fetchall()

    def psql(self, script):
        """Runs psql in a process and a connection of its own, as a user at a terminal does."""
        return self.cluster.psql(script, self.database)

    def allow_worker(self):
        """The worker's own role, with what wc_grant_worker gives and nothing else."""
        if not self.one("SELECT 1 FROM pg_roles WHERE rolname = %s", self.worker_role):
            self.sql(f"CREATE ROLE {self.worker_role} LOGIN")
        schema = self.one("SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
                          "WHERE e.extname = 'white_cross'")
        self.sql(f"SELECT {schema}.wc_grant_worker('{self.worker_role}')")

    @property
    def worker_dsn(self):
        return self.cluster.dsn(self.database, self.worker_role)

    # ---- rows ----

    def add_student(self, id=None, **columns):
        id = id or f"student-{next(_numbers)}"
        values = {"id": id, "studentNumber": f"N-{id}", "firstName": "Ada", "lastName": "Quill",
                  "dateOfBirth": "2014-03-02", "grade": "5", "gender": "FEMALE",
                  "updatedAt": "2025-09-01 08:00:00"} | columns
        self.insert("students", values)
        told.note(id)
        told.note_content(values["firstName"], values["lastName"], values["dateOfBirth"])
        return id

    def add_record(self, student, id=None, **columns):
        id = id or f"record-{next(_numbers)}"
        # All entered at once: of one date they come by their ids.
        self.insert("health_records", {"id": id, "type": "CHECKUP", "date": "2025-10-10 09:30:00", "description": "Checkup",
                                       "createdAt": "2025-10-10 09:30:00", "updatedAt": "2025-10-10 09:30:00", "studentId": student} | columns)
        return id

    def add_allergy(self, student, id=None, **columns):
        id = id or f"allergy-{next(_numbers)}"
        values = {"id": id, "allergen": "Peanuts", "severity": "SEVERE", "verified": False,
                  "updatedAt": "2025-09-01 08:00:00", "studentId": student} | columns
        self.insert("allergies", values)
        told.note_content(values["allergen"])
        return id

    def add_condition(self, student, id=None, **columns):
        id = id or f"condition-{next(_numbers)}"
        values = {"id": id, "condition": "Asthma", "diagnosedDate": "2022-01-01",
                  "updatedAt": "2025-09-01 08:00:00", "studentId": student} | columns
        self.insert("chronic_conditions", values)
        told.note_content(values["condition"])
        return id

    def insert(self, table, values):
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(["%s"] * len(values))
        self.sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def summary(self, student):
        return self.one("SELECT wc_health_summary(%s::text)", student)

    def queue_length(self):
        """Rows that name students.  A worker that registers for the first time leaves one that says "everybody"."""
        return self.one("SELECT count(*) FROM white_cross.invalidation WHERE students IS NOT NULL")

    def is_drained(self):
        """A worker is registered, and has done all that there was."""
        return self.one("SELECT EXISTS (SELECT FROM white_cross.worker) AND NOT EXISTS (SELECT FROM white_cross.invalidation)")


class Cache:
    """Redis as the application uses it."""

    PLANTED = '{"planted":true}'

    def __init__(self, client, school):
        self.client = client
        self.school = school

    @staticmethod
    def key(student, kind="health_summary"):
        return f"student:{opaque_keys.name_of(student)}:{kind}"

    @staticmethod
    def cluster_key(student, kind="health_summary"):
        """With white_cross.cluster_keys."""
        return f"student:{{{opaque_keys.name_of(student)}}}:{kind}"

    def load(self, student):
        """Loads and stores a value as an application does on a miss. Returns 1 if Redis took the value."""
        key, value, ttl, snapshot = self.school.rows(
            "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]
        return self.client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot or "")

    def summary(self, student):
        text = self.client.get(self.key(student))
        return None if text is None else json.loads(text)

    def is_current(self, student):
        """Is what is cached what the database says?"""
        return self.summary(student) == self.school.summary(student)

    # A planted value shows an invalidation even when the worker has put a new value in its place since.

    def plant(self, *keys):
        for key in keys:
            assert self.client.set(key, self.PLANTED, ex=300)

    def plant_summary(self, *students):
        self.plant(*map(self.key, students))

    def is_planted(self, key):
        return self.client.get(key) == self.PLANTED

    def until_invalidated(self, *keys, timeout=10):
        until(lambda: not any(map(self.is_planted, keys)), timeout, f"{keys} to be invalidated")

    def until_drained(self, timeout=10):
        """The worker has seen all that was committed before this call."""
        until(self.school.is_drained, timeout, "the queue to be empty")

    def assert_stays(self, *keys):
        """Nothing that was committed before this call invalidates these planted keys: a change that must be seen is made
        after it, and the worker works in order."""
        marker = self.school.add_student()
        self.plant_summary(marker)
        self.school.sql("UPDATE students SET grade = '6' WHERE id = %s", marker)
        self.until_invalidated(self.key(marker))
        self.until_drained()
        gone = [key for key in keys if not self.is_planted(key)]
        assert not gone, f"invalidated though nothing they are made of changed: {gone}"

