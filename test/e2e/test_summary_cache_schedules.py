"""Summaries from shared memory under every order of snapshots, changes, commits and reads of a few transactions."""

import itertools
import random
from contextlib import ExitStack

import psycopg
import pytest

from warm_fixtures import cluster, empty_warm  # noqa: F401 (fixtures)

pytestmark = pytest.mark.thorough

WRITERS, READERS = 8, 3
SCHEDULES, STEPS = 15, 60


@pytest.fixture
def warm(empty_warm):  # noqa: F811 (a fixture)
    for student in "ada", "bea":
        empty_warm.add_student(student)
    return empty_warm


# ---- all orders of two snapshots and a change ----

def orders(*lines):
    """Every order of these lines' steps in which each line keeps its own."""
    names = [n for n, line in enumerate(lines) for _ in line]
    for order in sorted(set(itertools.permutations(names))):
        at = [0] * len(lines)
        steps = []
        for n in order:
            steps.append(lines[n][at[n]])
            at[n] += 1
        yield steps


WAYS = {
    "committed": ["change", "commit"],
    "rolled back": ["change", "roll back"],
    "prepared": ["change", "prepare", "commit prepared"],
    "prepared and rolled back": ["change", "prepare", "roll back prepared"],
    "of a subtransaction": ["change in pieces", "commit"],
    "of everybody": ["change of all", "commit"],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_order_of_two_snapshots_and_a_change(warm, way):
    """A builder and a reader: each takes a snapshot and reads, and reads again at the end.  What an entry may show is decided by
    whether exactly one of the two sees the change."""
    numbers = itertools.count()
    with ExitStack() as stack:
        builder, reader, writer, now = (stack.enter_context(warm.session(autocommit=False)) for _ in range(4))
        now.autocommit = True
        for steps in orders(["builder's snapshot", "builder reads"], ["reader's snapshot", "reader reads"], WAYS[way]):
            number = next(numbers)
            snapshots = set()
            for session in builder, reader:
                session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for step in steps:
                if "snapshot" in step:
                    session = builder if step.startswith("builder") else reader
                    session.execute("SELECT count(*) FROM students")
                    snapshots.add(session)
                elif "reads" in step:
                    warm.both("ada", builder if step.startswith("builder") else reader)
                elif step == "change":
                    warm.rename("ada", f"Name {number}", writer)
                elif step == "change of all":
                    # It is registered for all students at once, and for none of them by name.
                    warm.rename("ada", f"Name {number}", writer)
                    writer.execute("SELECT wc_invalidate_all()")
                elif step == "change in pieces":
                    for piece in range(3):
                        writer.execute(f"SAVEPOINT p{piece}")
                        warm.rename("ada", f"Name {number} {piece}", writer)
                        if piece == 1:
                            writer.execute(f"ROLLBACK TO p{piece}")
                elif step == "prepare":
                    writer.execute("PREPARE TRANSACTION 'order'")
                elif step.endswith("prepared"):
                    writer.commit()
                    writer.autocommit = True
                    writer.execute(f"{'COMMIT' if step.startswith('commit') else 'ROLLBACK'} PREPARED 'order'")
                    writer.autocommit = False
                else:
                    writer.commit() if step == "commit" else writer.rollback()
                warm.both("ada", now)
            warm.twice("ada", builder), warm.twice("ada", reader), warm.twice("ada", now)
            builder.commit(), reader.commit()
        assert number > 80


# ---- more transactions than a register has room for ----

class Writer:
    def __init__(self, session, number):
        self.session = session
        self.number = number
        self.state = "idle"

    def step(self, dice):
        if self.state == "idle":
            self.session.execute(dice.choice(["BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ"]))
            self.state = "open"
        student = dice.choice(["ada", "ada", "ada", "bea"])
        act = dice.choice(["insert", "insert", "savepoint", "commit", "commit", "roll back", "prepare"])
        if act == "savepoint":
            self.session.execute("SAVEPOINT s")
            self.insert(student, dice)
            self.session.execute(dice.choice(["ROLLBACK TO s", "RELEASE s"]))
        elif act == "insert" or self.state == "open":
            self.insert(student, dice)
            self.state = "changed"
        elif act == "prepare":
            self.session.execute(f"PREPARE TRANSACTION 'writer {self.number}'")
            self.state = "prepared"
        else:
            self.end(act == "commit")

    def insert(self, student, dice):
        """Inserts a row that no other transaction waits for."""
        self.session.execute('INSERT INTO allergies (id, allergen, severity, "updatedAt", "studentId") VALUES (%s, %s, %s, now(), %s)',
                             [f"{dice.getrandbits(60):x}", "Nuts", "MILD", student])

    def end(self, commits):
        if self.state == "prepared":
            self.session.execute(f"{'COMMIT' if commits else 'ROLLBACK'} PREPARED 'writer {self.number}'")
        elif self.state != "idle":
            self.session.execute("COMMIT" if commits else "ROLLBACK")
        self.state = "idle"


@pytest.mark.parametrize("first", ["now", "before"])
def test_a_change_that_a_register_has_no_room_for(warm, first):
    """It began before those that fill the register, and ended behind them: of its like the register knows the highest alone."""
    dice = random.Random(1)
    with ExitStack() as stack:
        early, later, now = (Writer(stack.enter_context(warm.session()), n) for n in range(3))
        early.session.execute("BEGIN")
        early.insert("ada", dice)
        for _ in range(6):
            later.insert("ada", dice)
        before = stack.enter_context(warm.session(autocommit=False))
        before.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before.execute("SELECT count(*) FROM students")
        early.session.execute("COMMIT")
        readers = [now.session, before] if first == "now" else [before, now.session]
        for reader in readers * 2:
            warm.both("ada", reader)


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_a_schedule(warm, seed):
    """Transactions begin, change the same student and end in an order that the seed decides. Sessions with snapshots of every age
    read."""
    dice = random.Random(seed)
    with ExitStack() as stack:
        writers = [Writer(stack.enter_context(warm.session()), n) for n in range(WRITERS)]
        readers = [stack.enter_context(warm.session()) for _ in range(READERS)]
        try:
            for _ in range(STEPS):
                writer = dice.choice(writers)
                if writer.state == "prepared" and dice.random() < 0.5:
                    writer.end(dice.random() < 0.7)
                elif writer.state != "prepared":
                    writer.step(dice)
                for reader in dice.sample(readers, 2):
                    in_transaction = reader.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
                    if in_transaction and dice.random() < 0.25:
                        reader.execute("COMMIT")
                    elif not in_transaction and dice.random() < 0.4:
                        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                    warm.both("ada", reader)
        finally:
            for writer in writers:
                writer.end(False)
        warm.twice("ada"), warm.twice("bea")
        assert warm.is_hit("ada")
