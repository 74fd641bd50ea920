"""Writers of every kind.  Each lane is a thread with a connection of its own and a seed of its own."""

import collections
import threading
import time

import psycopg

from components import COLD, FIRST_MOVER, HOT, LABEL, MOVERS, NAME, NOTES, PARTS, STUDENTS, TRUNCATED, is_record_mover
from lane import Connecting, random_of

HOTTEST = 16  # students that get half of the changes
MOVE = "SELECT torture.move(%s, %s, %s, %s, %s)"
CHANGE = "SELECT component, version FROM torture.change(%s, %s, %s)"

# What happens to writers among which processes are killed, tables are locked, and rows are fought over.
EXPECTED = {
    "40001", "40P01", "40003",  # serialization failure, deadlock, unknown completion
    "55P03", "57014",  # lock timeout, statement timeout
    "57P01", "57P02", "57P03", "08006", "08001", "08003", "08000",  # shutdown, crash, starting; connections
    "53300", "53400", "55000",  # too many connections, too many prepared transactions
    "22023",  # a label that somebody else renamed meanwhile
    "23503",  # a student that somebody else deletes and makes again: whoever waited for that does not see the new row
    "42704",  # a prepared transaction that is gone
}
ROLLED_BACK = object()


class Lane(Connecting, threading.Thread):
    """kinds: {method: weight}; pace: the mean pause in seconds; gate: the highest state of the gate that lets it through."""

    def __init__(self, arena, board, slot, name, seed, kinds, pace, gate=0, setup=""):
        threading.Thread.__init__(self, name=name, daemon=True)
        Connecting.__init__(self, arena.dsn, f"torture {name}",
                            "SET lock_timeout = '150ms'; SET statement_timeout = '15s'; " + setup)
        self.board = board
        self.count = board.counter(slot)
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
        except BaseException as error:  # carried to the process's end, which reports it
            self.failure = error
        self.disconnect()

    def write(self, kind):
        name = kind.__name__.replace("_", " ")
        try:
            connection = self.connected()
            # Again: to connect may have taken until after a crash, when nobody is to write yet.
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
        """Ends early when the run does."""
        end = time.monotonic() + seconds
        while not self.board.stop and not until() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))

    def is_in_the_way(self):
        """Somebody waits for a lock on a whole table."""
        return self.board.clearance

    # ---- what to change ----

    def hot(self):
        return self.random.randrange(HOTTEST if self.random.random() < 0.5 else HOT)

    def warm(self):
        """Not one of the hottest: its row will be locked for long."""
        return self.random.randrange(HOTTEST, HOT)

    def student(self):
        return self.random.randrange(HOT, STUDENTS) if self.random.random() < 0.15 else self.hot()

    def many(self, n):
        return self.random.sample(range(STUDENTS), n) + self.random.sample(range(HOT), n // 20)

    def part(self):
        return self.random.choice(PARTS)

    def change(self, connection, student, mark="v", part=None):
        return connection.execute(CHANGE, (self.part() if part is None else part, [student], mark)).fetchall()

    def move(self, connection, mark="v"):
        mover = self.random.randrange(MOVERS)
        target = None if self.random.random() < 0.2 else self.hot()
        component = FIRST_MOVER + mover
        connection.execute(MOVE, (mover, is_record_mover(component), component, target, mark))

    # ---- kinds ----

    def single_row(self, connection):
        self.change(connection, self.student())

    def bulk_update(self, connection):
        numbers = self.many(self.random.randrange(200, 500))
        connection.execute(CHANGE, (self.part(), numbers, "v"))

    def insert_select(self, connection):
        connection.execute("SELECT torture.upsert(%s)", (sorted(set(self.many(self.random.randrange(100, 300)))),))

    def several_rows(self, connection):
        with connection.transaction():
            for student in sorted({self.student() for _ in range(self.random.randrange(2, 6))}):
                self.change(connection, student)
            if self.random.random() < 0.5:
                self.move(connection)

    def rolled_back(self, connection):
        with connection.transaction(force_rollback=True):
            self.change(connection, self.student(), "x")
            if self.random.random() < 0.5:
                self.move(connection, "x")

    def savepoints(self, connection):
        # more than 64 of them overflow what a snapshot says of subtransactions
        count = 70 if self.random.random() < 0.05 else self.random.randrange(1, 5)
        with connection.transaction():
            self.change(connection, self.student())
            for _ in range(count):
                undone = self.random.random() < 0.5
                with connection.transaction(force_rollback=undone):
                    self.change(connection, self.student(), "x" if undone else "v")

    def moved(self, connection):
        self.move(connection)

    def deleted_with_cascade(self, connection):
        numbers = self.random.sample(range(HOT, HOT + COLD), self.random.randrange(1, 4))
        with connection.transaction():
            connection.execute("SELECT torture.make(%s)", (sorted(numbers),))

    def repeatable_read(self, connection):
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self.change(connection, self.student())

    def as_replica(self, connection):
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            self.change(connection, self.student())

    def copied(self, connection):
        """Records that only count; and those of before are deleted."""
        now = connection.execute("SELECT torture.clock()").fetchone()[0]
        notes = connection.execute("SELECT 'x' || version FROM torture.notes").fetchone()[0]
        with connection.transaction():
            connection.execute("DELETE FROM health_records WHERE id LIKE 'j%'")
            with connection.cursor().copy('COPY health_records (id, type, date, description, notes, "updatedAt", "studentId") '
                                          "FROM STDIN") as copy:
                for n in range(50):
                    copy.write_row((f"j{now + n}", "HEARING", "2024-01-01", "copied", notes, "2024-01-01", f"s{self.student()}"))

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
        """Committed, or rolled back, by another lane: `ended`."""
        self.pause(2, until=lambda: not self.is_in_the_way())
        undone = self.random.random() < 0.25
        connection.execute("BEGIN")
        changed = [row for student in sorted({self.warm() for _ in range(self.random.randrange(1, 3))})
                   for row in self.change(connection, student, "x" if undone else "v")]
        # Which versions these are must be known after a crash too, when the rows cannot be seen.
        gid = f"torture {'r' if undone else 'c'} " + " ".join(f"{component}:{version}" for component, version in changed)
        connection.execute(f"PREPARE TRANSACTION '{gid}'")
        return ROLLED_BACK if undone else None

    def ended(self, connection):
        end_prepared(connection, [gid for gid, age in prepared_transactions(connection)
                                  if age > (hash_of(gid) % 40) / 10 or self.is_in_the_way()])

    def truncated(self, connection):
        self.with_clearance(connection, "SELECT torture.truncate(%s)", TRUNCATED)

    def rewritten_by_alter_table(self, connection):
        self.with_clearance(connection, "SELECT torture.rewrite(%s)", NOTES)

    def label_renamed(self, connection):
        self.with_clearance(connection, "SELECT torture.relabel(%s)", LABEL)

    def with_clearance(self, connection, statement, component):
        self.board.clearance = 1
        try:
            self.pause(0.4)
            connection.execute(statement, (component,))
        finally:
            self.board.clearance = 0

    def all_by_hand(self, connection):
        connection.execute("SELECT wc_invalidate_all()")


def hash_of(text):
    """The same in all processes, as Python's own is not."""
    return sum(text.encode())


def prepared_transactions(connection):
    """[(gid, age in seconds)] of ours."""
    return connection.execute("SELECT gid, extract(epoch FROM now() - prepared)::float8 FROM pg_prepared_xacts "
                              "WHERE gid LIKE 'torture %'").fetchall()


def end_prepared(connection, gids):
    for gid in gids:
        connection.execute(f"{'ROLLBACK' if gid.startswith('torture r') else 'COMMIT'} PREPARED '{gid}'")


FAST = {"single_row": 50, "bulk_update": 1, "insert_select": 1, "several_rows": 8, "rolled_back": 8, "savepoints": 6, "moved": 14,
        "deleted_with_cascade": 2, "repeatable_read": 4, "as_replica": 4, "copied": 1, "invalidated_by_hand": 2}
DISTRICT = {"truncated": 2, "rewritten_by_alter_table": 2, "label_renamed": 3, "all_by_hand": 1}


def lanes(arena, board, slot, seed):
    """Two processes' worth of lanes; each counts in a slot of its own, from `slot` on."""
    fast = [("fast", FAST, 0.006, 0, "")] * 3
    slow = [
        ("no sync", {"not_waiting_for_disk": 1}, 0.03, 1, "SET synchronous_commit = off"),
        ("long 1", {"held_open": 1}, 0.2, 0, ""), ("long 2", {"held_open": 1}, 0.2, 0, ""),
        ("two-phase", {"prepared": 1}, 0.6, 0, ""), ("second phase", {"ended": 1}, 0.3, 0, ""),
        # waits for all who read, and all who read and write wait meanwhile
        ("district", DISTRICT, 4, 0, "SET lock_timeout = '1200ms'"),
    ]
    made = []
    for group in (fast, slow):
        members = []
        for name, kinds, pace, gate, setup in group:
            at = slot + len(members) + sum(map(len, made))
            members.append(Lane(arena, board, at, f"{name} {at}", seed, kinds, pace, gate, setup))
        made.append(members)
    return made
