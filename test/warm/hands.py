"""Threads that change everything except rows: definitions, triggers, labels, roles, settings, time, and running processes."""

import json
import os
import signal
import time
from contextlib import nullcontext, suppress

import psycopg

from servers.process import children
from session import Session

OURS = "white_cross_change"
CHANGE_UNSEEN = """UPDATE students SET "firstName" = 'Unseen ' || clock_timestamp() WHERE id IN ('s1', 's2', 's3')"""
SWAP = ['ALTER TABLE students RENAME "firstName" TO swapped', 'ALTER TABLE students RENAME "lastName" TO "firstName"',
        'ALTER TABLE students RENAME swapped TO "lastName"']
OTHER_MAPPING = json.dumps({"students": {"columns": {"firstName": "lastName", "lastName": "firstName"}},
                            "allergies": {"columns": {"reaction": "treatment", "treatment": "reaction"}}})

# name: steps.  A step is a list of statements, which are one transaction; what is done by the first is undone by the last.
# All of these lock the tables against their readers, or change nothing that a reader looks up past his snapshot.
LOCKING = {
    "an emptied table": [["TRUNCATE allergies"]],
    "an emptied table, as a replica": [["SET LOCAL session_replication_role = replica", "TRUNCATE allergies"]],
    "swapped columns": [SWAP, SWAP],
    "a column of another type": [['ALTER TABLE students ALTER "firstName" TYPE varchar'], ['ALTER TABLE students ALTER "firstName" TYPE text']],
    "a column whose text depends on settings": [["ALTER TABLE health_records ALTER date TYPE timestamptz"], ["ALTER TABLE health_records ALTER date TYPE timestamp(3)"]],
    "a column that comes and goes": [["ALTER TABLE allergies ADD extra text DEFAULT 'x'"], ["ALTER TABLE allergies DROP extra"]],
    "triggers off, a change unseen, and on": [[f"ALTER TABLE students DISABLE TRIGGER {OURS}"], [CHANGE_UNSEEN], [f"ALTER TABLE students ENABLE ALWAYS TRIGGER {OURS}"]],
    "the same at once": [[f"ALTER TABLE students DISABLE TRIGGER {OURS}", CHANGE_UNSEEN, f"ALTER TABLE students ENABLE ALWAYS TRIGGER {OURS}"]],
    "the same at once, as a replica": [["SET LOCAL session_replication_role = replica", f"ALTER TABLE students DISABLE TRIGGER {OURS}", CHANGE_UNSEEN,
                                        f"ALTER TABLE students ENABLE ALWAYS TRIGGER {OURS}"]],
    "triggers of origin alone": [[f"ALTER TABLE students ENABLE TRIGGER {OURS}"], ["SET LOCAL session_replication_role = replica", CHANGE_UNSEEN],
                                 [f"ALTER TABLE students ENABLE ALWAYS TRIGGER {OURS}"]],
    "triggers of nobody": [["ALTER TABLE students DISABLE TRIGGER ALL"], [CHANGE_UNSEEN],
                           ["ALTER TABLE students ENABLE TRIGGER ALL", f"ALTER TABLE students ENABLE ALWAYS TRIGGER {OURS}"]],
    "policies": [["ALTER TABLE students ENABLE ROW LEVEL SECURITY"], ["ALTER TABLE students DISABLE ROW LEVEL SECURITY"]],
    "a policy that changes": [["ALTER TABLE students ENABLE ROW LEVEL SECURITY"], ["ALTER POLICY half ON students USING (right(id, 1) IN ('2', '4'))"],
                              ["ALTER POLICY half ON students USING (right(id, 1) IN ('1', '3'))"], ["ALTER TABLE students DISABLE ROW LEVEL SECURITY"]],
    "a child of a table": [["CREATE TABLE child () INHERITS (allergies)",
                            """INSERT INTO child (id, allergen, severity, "updatedAt", "studentId") VALUES ('child', 'Child', 'MILD', now(), 's1')"""], ["DROP TABLE child"]],
    "a table that is written anew": [["VACUUM FULL allergies"]],
    "an index that is made anew": [["REINDEX TABLE students"]],
    "an index that goes": [["DROP INDEX idx_health_records_student_date_type"],
                           ['CREATE INDEX idx_health_records_student_date_type ON health_records ("studentId", date DESC, "createdAt" DESC, id) INCLUDE (type)']],
    "attached again": [["SELECT wc_detach('public')", "SELECT count(*) FROM wc_attach('public')"]],
    "everybody is invalid": [["SELECT wc_invalidate_all()"]],
}
# These are looked up as they are now, and nobody waits for them.
UNLOCKED = {
    "another label": [["""ALTER TYPE "AllergySeverity" RENAME VALUE 'SEVERE' TO 'GRAVE'"""], ["""ALTER TYPE "AllergySeverity" RENAME VALUE 'GRAVE' TO 'SEVERE'"""]],
    "another mapping": [[("SELECT count(*) FROM wc_attach('public', %s)", OTHER_MAPPING)], ["SELECT count(*) FROM wc_attach('public')"]],
    "a privilege that goes": [["REVOKE SELECT ON allergies FROM wc_hunt_nurse"], ["GRANT SELECT ON allergies TO wc_hunt_nurse"]],
    "a privilege of a column that goes": [["REVOKE SELECT ON health_records FROM wc_hunt_clerk", "GRANT SELECT ON allergies TO wc_hunt_clerk"],
                                          ["GRANT SELECT ON health_records TO wc_hunt_clerk", "REVOKE SELECT ON allergies FROM wc_hunt_clerk"]],
    "a role past policies": [["ALTER ROLE wc_hunt_tutor BYPASSRLS"], ["ALTER ROLE wc_hunt_tutor NOBYPASSRLS"]],
    "a member of the owner's": [["GRANT postgres TO wc_hunt_tutor"], ["REVOKE postgres FROM wc_hunt_tutor"]],
}


class Definer(Session):
    """Changes definitions one after another, and undoes what it did before the next."""

    kind = "hand"

    def __init__(self, connect, records, name, kinds, pause, is_locked):
        super().__init__(connect, records, name)
        self.kinds = kinds
        self.longest = pause
        self.is_locked = is_locked
        self.unfinished = []  # what is still to be done of the last one

    def turn(self):
        connection = self.connection()
        # Who looks up labels and privileges waits for nobody; a change that has to wait has them all uncompared.
        connection.execute(f"SET lock_timeout = '{'500ms' if self.is_locked else '50ms'}'")
        if not self.unfinished:
            least = min(self.records.tally[f"hand: {name}"] for name in self.kinds)
            name = self.dice.choice([name for name in self.kinds if self.records.tally[f"hand: {name}"] == least])
            self.records.count(f"hand: {name}")
            self.unfinished = [(name, step) for step in self.kinds[name]]
        while self.unfinished:
            name, step = self.unfinished[0]
            self.records.changed("hand", f"{name}: {step}")
            self.step(connection, step)
            del self.unfinished[0]
            self.pause(0.05)
        self.pause(self.longest)

    def step(self, connection, step):
        if self.is_locked:
            self.execute(connection, step)
        else:
            with self.records.unlocked_change():
                self.execute(connection, step)

    @staticmethod
    def execute(connection, step):
        # VACUUM and REINDEX stand alone, and in no transaction.
        with connection.transaction() if len(step) > 1 else nullcontext():
            for statement in step:
                text, *parameters = statement if isinstance(statement, tuple) else (statement,)
                connection.execute(text, parameters or None)

    def failed(self, error):
        """A lock that could not be had is asked for again; so is what a crash has undone, or done without saying so."""
        super().failed(error)
        self.pause(0.3)
        if error.sqlstate not in (None, "55P03", "40P01", "57014", "57P01", "57P02", "57P03"):
            # Done before the crash: the same again is an error, and the next step is right.
            self.records.changed("hand", f"refused: {error}")
            del self.unfinished[:1]


class Stopper:
    """Stops one process of the server after another, wherever it is, for a moment: every race gets its time."""

    def __init__(self, cluster, records, dice):
        self.cluster = cluster
        self.records = records
        self.dice = dice

    def run(self):
        pids, looked = [], 0
        while not self.records.stop.is_set():
            if time.monotonic() > looked + 0.5:
                with suppress(AttributeError):  # there is none at the moment
                    pids = children(self.cluster.pid)
                looked = time.monotonic()
            if not pids:
                self.records.stop.wait(0.05)
                continue
            pid = self.dice.choice(pids)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                try:
                    time.sleep(self.dice.random() ** 3 * 0.04)
                finally:
                    os.kill(pid, signal.SIGCONT)
                self.records.count("stopped for a moment")
            self.records.stop.wait(self.dice.random() * 0.01)


class Mender(Session):
    """Ends prepared transactions that have been open for a while, such as those that a crash left."""

    kind = "mender"

    def turn(self):
        self.pause(1)
        for name, in self.connection().execute("SELECT gid FROM pg_prepared_xacts WHERE prepared < now() - interval '1 second'").fetchall():
            with suppress(psycopg.errors.UndefinedObject):
                self.connection().execute(f"{self.dice.choice(['COMMIT', 'ROLLBACK'])} PREPARED '{name}'")
                self.records.count("prepared transactions ended by another")


class Ender(Session):
    """Cancels and ends sessions, in order."""

    kind = "ender"

    def turn(self):
        self.pause(0.4)
        how = self.dice.choice(["cancel", "cancel", "terminate"])
        self.connection().execute(f"SELECT pg_{how}_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hunt reader%' OR "
                                  "application_name LIKE 'hunt writer%' ORDER BY random() LIMIT 1")
        self.records.count(f"sessions: {how}")


class Killer:
    """Crashes, by the main thread: servers end with the thread that started them."""

    def __init__(self, cluster, settings, records, dice):
        self.cluster = cluster
        self.settings = settings  # that the cluster writes when it starts
        self.records = records
        self.dice = dice

    def strike(self):
        kind = self.dice.choices([self.kill_backend, self.kill_all, self.shut_down], [5, 3, 2])[0]
        self.records.count(f"crash: {kind.__name__}")
        self.records.changed("hand", f"crash: {kind.__name__}")
        kind()

    def kill_backend(self):
        """Kills one backend. The postmaster ends all others, and starts anew with the same memory."""
        with self.cluster.connect(connect_timeout=5) as connection:
            pids = [pid for pid, in connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'hunt %'")]
            with suppress(ProcessLookupError):
                os.kill(self.dice.choice(pids or [connection.info.backend_pid]), signal.SIGKILL)
            with suppress(psycopg.OperationalError):
                while True:
                    connection.execute("SELECT pg_sleep(0.01)")

    def kill_all(self):
        self.cluster.kill()
        self.cluster.stop()
        self.start()

    def shut_down(self):
        self.cluster.stop(self.dice.choice([signal.SIGQUIT, signal.SIGINT]))
        self.start()

    def start(self):
        """Now and then with so little memory that entries push each other out, and so few registers that students share them."""
        self.settings["white_cross.cache_memory"] = self.dice.choice(["64MB", "64MB", "1MB"])
        self.settings["white_cross.cache_registers"] = self.dice.choice([65536, 65536, 16])
        self.cluster.start()
