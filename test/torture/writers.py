"""Writers of every kind.  Each lane is a thread with a connection of its own and a seed of its own."""

import collections
import threading
import time
from contextlib import contextmanager

import psycopg

from components import CHILD, COLD, FIRST_MOVER, HOT, LABEL, MOVERS, NAME, NOTES, PARTS, STUDENTS, TRUNCATED, is_record_mover
from lane import Connecting, random_of

HOTTEST = 16  # students that get half of the changes
MOVE = "SELECT torture.move(%s, %s, %s, %s, %s)"
CHANGE = "SELECT component, version FROM torture.change(%s, %s, %s)"

# Errors that writers meet when processes are killed, tables are locked, and others write the same rows.
EXPECTED = {
    "40001", "40P01", "40003",  # serialization failure, deadlock, unknown completion
    "55P03", "57014",  # lock timeout, statement timeout
    "57P01", "57P02", "57P03", "08006", "08001", "08003", "08000",  # shutdown, crash, starting; connections
    "53300", "53400", "55000",  # too many connections, too many prepared transactions
    "22023",  # another writer has renamed a label
    "23503",  # another writer has deleted a student and made it again: a transaction that waited does not see the new row
    "42704",  # a prepared transaction that is gone
}
ROLLED_BACK = object()
TOKENS_OF_PREPARED = {}  # gid → (token, what it changed): the lanes of two-phase commit are threads of one process


class Lane(Connecting, threading.Thread):
    """kinds: {method: weight}; pace: the mean pause in seconds; gate: the highest state of the gate that lets it through."""

    def __init__(self, arena, board, slot, name, seed, kinds, pace, gate=0, setup=""):
        threading.Thread.__init__(self, name=name, daemon=True)
        Connecting.__init__(self, arena.dsn, f"torture {name}",
                            "SET lock_timeout = '150ms'; SET statement_timeout = '15s'; " + setup)
        self.board = board
        self.count = board.counter(slot)
        self.slot = slot
        self.random = random_of(seed, name)
        self.kinds = [getattr(self, kind) for kind in kinds]
        self.weights = list(kinds.values())
        self.pace = pace
        self.gate = gate
        self.tally = collections.Counter()
        self.failed = collections.Counter()
        self.failure = None

    # ---- life ----

    def run(self):
        try:
            while not self.board.stop:
                self.pause(self.random.expovariate(1 / self.pace))
                if self.board.stop:
                    break
                if self.board.gate > self.gate:
                    self.pause(0.005)
                else:
                    self.write(self.random.choices(self.kinds, self.weights)[0])
        except BaseException as error:  # the process reports it when it ends
            self.failure = error
        self.disconnect()

    def write(self, kind):
        name = kind.__name__.replace("_", " ")
        try:
            connection = self.connected()
            # Wait at the gate again: connecting may have taken until after a crash, when nobody may write yet.
            if self.board.gate > self.gate:
                return
            outcome = kind(connection)
            self.tally[name + (" rolled back" if outcome is ROLLED_BACK else "")] += 1
            self.count.add("writes")
        except psycopg.Error as error:
            if error.sqlstate and error.sqlstate not in EXPECTED:
                raise
            self.count.add("failed")
            self.failed[f"{name}: {type(error).__name__}"] += 1
            self.recover()

    def pause(self, seconds, until=lambda: False):
        """Pauses; ends early if the run ends."""
        end = time.monotonic() + seconds
        while not self.board.stop and not until() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))

    def is_in_the_way(self):
        """Whether a writer waits for a lock on a whole table."""
        return self.board.clearance

    # ---- what to change ----

    def hot(self):
        return self.random.randrange(HOTTEST if self.random.random() < 0.5 else HOT)

    def warm(self):
        """Returns a student that is not one of the hottest, because its row will be locked for long."""
        return self.random.randrange(HOTTEST, HOT)

    def student(self):
        return self.random.randrange(HOT, STUDENTS) if self.random.random() < 0.15 else self.hot()

    def many(self, n):
        return self.random.sample(range(STUDENTS), n) + self.random.sample(range(HOT), n // 20)

    def part(self):
        return self.random.choice(PARTS)

    def change(self, connection, student, mark="v", part=None):
        return connection.execute(CHANGE, (self.part() if part is None else part, [student], mark)).fetchall()

    @contextmanager
    def handing_over(self, connection, setup=""):
        """A transaction whose token goes to readers of other processes as soon as it is committed.  What is put into the list
        is what it changed."""
        changed = []
        asks_first = self.random.random() < 0.5
        with connection.transaction():
            connection.execute(setup)
            token = self.token(connection) if asks_first else None
            yield changed
            token = token or self.token(connection)
        self.board.handover.give(self.slot, changed, token)

    @staticmethod
    def token(connection):
        return connection.execute("SELECT wc_write_token()").fetchone()[0]

    def move(self, connection, mark="v"):
        mover = self.random.randrange(MOVERS)
        target = None if self.random.random() < 0.2 else self.hot()
        component = FIRST_MOVER + mover
        connection.execute(MOVE, (mover, is_record_mover(component), component, target, mark))

    # ---- kinds ----

    def single_row(self, connection):
        toss = self.random.random()
        if toss < 0.5:
            self.change(connection, self.student())
        elif toss < 0.6:
            changed = self.change(connection, self.student())
            self.board.handover.give(self.slot, changed, self.token(connection))
        else:
            with self.handing_over(connection) as changed:
                changed += self.change(connection, self.student())

    def bulk_update(self, connection):
        numbers = self.many(self.random.randrange(200, 500))
        connection.execute(CHANGE, (self.part(), numbers, "v"))

    def insert_select(self, connection):
        connection.execute("SELECT torture.upsert(%s)", (sorted(set(self.many(self.random.randrange(100, 300)))),))

    def several_rows(self, connection):
        with self.handing_over(connection) as changed:
            for student in sorted({self.student() for _ in range(self.random.randrange(2, 6))}):
                changed += self.change(connection, student)
            if self.random.random() < 0.5:
                self.move(connection)

    def rolled_back(self, connection):
        with connection.transaction(force_rollback=True):
            self.change(connection, self.student(), "x")
            if self.random.random() < 0.5:
                self.move(connection, "x")

    def savepoints(self, connection):
        # a snapshot lists at most 64 subtransactions; more make it overflow
        count = 70 if self.random.random() < 0.05 else self.random.randrange(1, 5)
        with self.handing_over(connection) as changed:
            changed += self.change(connection, self.student())
            for _ in range(count):
                undone = self.random.random() < 0.5
                with connection.transaction(force_rollback=undone):
                    rows = self.change(connection, self.student(), "x" if undone else "v")
                if not undone:
                    changed += rows

    def moved(self, connection):
        self.move(connection)

    def deleted_with_cascade(self, connection):
        numbers = self.random.sample(range(HOT, HOT + COLD), self.random.randrange(1, 4))
        with connection.transaction():
            connection.execute("SELECT torture.make(%s)", (sorted(numbers),))

    def repeatable_read(self, connection):
        with self.handing_over(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ") as changed:
            changed += self.change(connection, self.student())

    def as_replica(self, connection):
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            self.change(connection, self.student())

    def copied(self, connection):
        """Copies records that only counts show, and deletes earlier ones."""
        # The batch has a random number of its own, because two writers may see the same microsecond.
        batch = self.random.getrandbits(60)
        notes = connection.execute("SELECT 'x' || version FROM torture.notes").fetchone()[0]
        with connection.transaction():
            connection.execute("DELETE FROM health_records WHERE id LIKE 'j%'")
            with connection.cursor().copy('COPY health_records (id, type, date, description, notes, "updatedAt", "studentId") '
                                          "FROM STDIN") as copy:
                for n in range(50):
                    copy.write_row((f"j{batch}-{n}", "HEARING", "2024-01-01", "copied", notes, "2024-01-01", f"s{self.student()}"))

    def invalidated_by_hand(self, connection):
        connection.execute("SELECT wc_invalidate(%s::text[])", ([f"s{self.student()}" for _ in range(5)],))

    def not_waiting_for_disk(self, connection):
        self.change(connection, self.hot(), part=self.random.choice(PARTS))

    def held_open(self, connection):
        self.pause(2, until=lambda: not self.is_in_the_way())
        undone = self.random.random() < 0.2
        with connection.transaction(force_rollback=undone):
            for student in sorted({self.warm() for _ in range(self.random.randrange(1, 4))}):
                self.change(connection, student, "x" if undone else "v", part=NAME)
            self.pause(min(self.random.expovariate(1 / 1.2), 6), until=self.is_in_the_way)
        return ROLLED_BACK if undone else None

    def prepared(self, connection):
        """Prepares a transaction, which another lane commits or rolls back (see `ended`)."""
        self.pause(2, until=lambda: not self.is_in_the_way())
        undone = self.random.random() < 0.25
        connection.execute("BEGIN")
        changed = [row for student in sorted({self.warm() for _ in range(self.random.randrange(1, 3))})
                   for row in self.change(connection, student, "x" if undone else "v")]
        # The gid names the versions, which must be known after a crash too, when the rows cannot be seen.
        gid = f"torture {'r' if undone else 'c'} " + " ".join(f"{component}:{version}" for component, version in changed)
        TOKENS_OF_PREPARED[gid] = self.token(connection), changed
        connection.execute(f"PREPARE TRANSACTION '{gid}'")
        return ROLLED_BACK if undone else None

    def ended(self, connection):
        for gid, age in prepared_transactions(connection):
            if age > (hash_of(gid) % 40) / 10 or self.is_in_the_way():
                end_prepared(connection, [gid])
                token, changed = TOKENS_OF_PREPARED.pop(gid, (None, []))
                if token and gid.startswith("torture c"):
                    self.board.handover.give(self.slot, changed, token)

    def truncated(self, connection):
        self.with_clearance(connection, "SELECT torture.truncate(%s)", TRUNCATED)

    def rewritten_by_alter_table(self, connection):
        self.with_clearance(connection, "SELECT torture.rewrite(%s)", NOTES)

    def label_renamed(self, connection):
        self.with_clearance(connection, "SELECT torture.relabel(%s)", LABEL)

    def child_made(self, connection):
        self.with_clearance(connection, "SELECT torture.bear(%s, %s, %s)", CHILD, self.random.randrange(4), self.random.random() < 0.5)

    def child_dropped(self, connection):
        self.with_clearance(connection, "SELECT torture.bury(%s)", CHILD)

    def child_changed(self, connection):
        connection.execute("SELECT torture.raise_child(%s)", (CHILD,))

    def made_anew(self, connection):
        self.with_clearance(connection, "SELECT torture.make_anew(%s, %s, %s)", TRUNCATED, CHILD, self.random.random() < 0.5)

    def with_clearance(self, connection, statement, *arguments):
        self.board.clearance = 1
        try:
            self.pause(0.4)
            connection.execute(statement, arguments)
        finally:
            self.board.clearance = 0

    def all_by_hand(self, connection):
        connection.execute("SELECT wc_invalidate_all()")


def hash_of(text):
    """Returns a hash that is the same in all processes, unlike Python's own."""
    return sum(text.encode())


def prepared_transactions(connection):
    """Returns [(gid, age in seconds)] of the run's prepared transactions."""
    return connection.execute("SELECT gid, extract(epoch FROM now() - prepared)::float8 FROM pg_prepared_xacts "
                              "WHERE gid LIKE 'torture %'").fetchall()


def end_prepared(connection, gids):
    for gid in gids:
        connection.execute(f"{'ROLLBACK' if gid.startswith('torture r') else 'COMMIT'} PREPARED '{gid}'")


FAST = {"single_row": 50, "bulk_update": 1, "insert_select": 1, "several_rows": 8, "rolled_back": 8, "savepoints": 6, "moved": 14,
        "deleted_with_cascade": 2, "repeatable_read": 4, "as_replica": 4, "copied": 1, "invalidated_by_hand": 2}
# No summary comes from shared memory while allergies has a child, so the child must not live long.
DISTRICT = {"truncated": 2, "rewritten_by_alter_table": 2, "label_renamed": 3, "all_by_hand": 1, "child_made": 4, "child_dropped": 4, "made_anew": 3}


def lanes(arena, board, slot, seed):
    """Returns the lanes of two processes; each process counts in a slot of its own, from `slot` on."""
    fast = [("fast", FAST, 0.006, 0, "")] * 3
    slow = [
        ("no sync", {"not_waiting_for_disk": 1}, 0.03, 1, "SET synchronous_commit = off"),
        ("long 1", {"held_open": 1}, 0.2, 0, ""), ("long 2", {"held_open": 1}, 0.2, 0, ""),
        ("child", {"child_changed": 1}, 0.4, 0, ""),
        ("two-phase", {"prepared": 1}, 0.6, 0, ""), ("second phase", {"ended": 1}, 0.3, 0, ""),
        # waits for all readers, and meanwhile all readers and writers wait for it
        ("district", DISTRICT, 2.5, 0, "SET lock_timeout = '1200ms'"),
    ]
    made = []
    for group in (fast, slow):
        members = []
        for name, kinds, pace, gate, setup in group:
            at = slot + len(members) + sum(map(len, made))
            members.append(Lane(arena, board, at, f"{name} {at}", seed, kinds, pace, gate, setup))
        made.append(members)
    return made
