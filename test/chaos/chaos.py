#!/usr/bin/python3
"""Reads of every kind while other sessions change what they read from, each answer compared with plain SQL.

    make chaos CHAOS_OPTIONS="--seconds 600 --seed 7"

A reader calls one or several functions in a REPEATABLE READ transaction.  Then it runs plain SQL in the same transaction,
with each mapping that is ever attached: one of the results must equal the function's.  If a function reports an error, the
error must be documented and concern something that hands.py changes.  No backend may end by a signal.
Exit status 0: passed; 1: an answer was wrong, an error was not one of these, or the server crashed; 2: the run proves nothing.
"""

import argparse
import collections
import random
import re
import sys
import threading
import time
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from answers import FUNCTIONS, plain_sql, read  # noqa: E402
from hands import ATTACHING, HEAVY, LIGHT, Hand  # noqa: E402
from servers import Cluster, Ground  # noqa: E402
from tables import ALL, SCHEMA, STUDENTS, TABLES  # noqa: E402

DATABASE = "chaos"
READERS = 3
ENOUGH_PROBLEMS = 5
PATIENCE = 20

# A run goes on for as many times its length at most, until it has done enough to prove something.
PATIENCE_FOR_ENOUGH = 10

# Errors that the hands may cause in a read: (SQLSTATE, beginning of the message).
DOCUMENTED = [
    ("42804", r'column "\w+" of table "clinic\.\w+", attached as attribute "\w+" of \w+, (is|has) .*must (be|have) '),
    ("42703", r'column "\w+" of table "clinic\.\w+", attached as attribute "\w+" of \w+, does not exist'),
    ("42P01", r'table "clinic\.\w+", attached as \w+, does not exist'),
    ("55000", r"white_cross is not attached to any tables"),
    ("40001", r'schema "clinic" was renamed while its tables were read'),
    # The schema was renamed, or replaced by another one, between a read's beginning and one of its queries.
    ("3F000", r'schema "clinic" does not exist'),
    ("42P01", r'relation "clinic\.\w+" does not exist'),
    ("42703", r'column [ts]\."?\w+"? does not exist'),
    ("42883", r"operator does not exist: pg_catalog\.\w+|operator does not exist: integer pg_catalog\.= "),
    # The extension is not installed, or was just dropped.
    ("42883", r"function wc_\w+\(.*\) does not exist"),
    ("XX000", r"cache lookup failed for function \d+$"),
    ("40P01", r"deadlock detected"),
]
# Errors of the application's own writes that would happen without the extension too.
OF_WRITES = [
    ("55P03", ""), ("40P01", ""), ("3F000", ""), ("42P01", r'relation "clinic\.\w+" does not exist'),
    ("42703", r'column "\w+" of relation "(health_records|allergies)" does not exist'),
]


def is_among(error, documented):
    message = error.diag.message_primary or ""
    return any(error.sqlstate == sqlstate and re.match(begins, message) for sqlstate, begins in documented)


class Chaos:
    def __init__(self, cluster, options):
        self.cluster = cluster
        self.options = options
        self.stop = threading.Event()
        self.calm = threading.Event()  # readers leave the hands more time
        self.lock = threading.Lock()
        self.tally = collections.Counter()
        self.problems = []
        self.last = ALL[0]  # the mapping that matched last
        with self.connect() as connection:
            self.students = connection.execute(f"SELECT '{SCHEMA}.students'::regclass::oid").fetchone()[0]

    def connect(self):
        return self.cluster.connect(DATABASE)

    def note(self, problem):
        with self.lock:
            self.problems.append(problem)
            print(problem, flush=True)
            if len(self.problems) >= ENOUGH_PROBLEMS:
                self.stop.set()

    def count(self, *what):
        with self.lock:
            self.tally.update(what)

    def guarded(self, name, work):
        """Starts a thread; if it fails, the whole run ends."""
        def run():
            try:
                work()
            except Exception as error:  # noqa: BLE001
                self.note(f"{name}: {type(error).__name__}: {error}")
                self.stop.set()
        return threading.Thread(target=run, name=name)

    # ---- readers ----

    def read_on(self, seed):
        dice = random.Random(seed)
        with self.connect() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not self.stop.is_set():
                if self.calm.is_set():
                    self.stop.wait(0.5)
                names = dice.sample(list(FUNCTIONS), dice.choice([1, 1, 3]))
                self.look(connection, names, f"s{dice.randint(1, STUDENTS)}", dice.choice(["on", "off"]))

    def look(self, connection, names, id, direct_reads, must_answer=False):
        try:
            with connection.transaction():
                # The transaction has no snapshot yet.
                connection.execute(f"SET LOCAL white_cross.direct_reads = {direct_reads}")
                for name in names:
                    self.compare(connection, name, id, direct_reads, must_answer)
        except psycopg.errors.DeadlockDetected:
            self.count("deadlocks")

    def compare(self, connection, name, id, direct_reads, must_answer):
        statement, part_of, expected_of, agree, sections = FUNCTIONS[name]
        try:
            with connection.transaction():
                found = part_of(read(connection.execute(statement, {"id": id}, prepare=False).fetchone()[0]))
        except psycopg.Error as error:
            if error.sqlstate is None or connection.closed:
                raise
            if must_answer or not is_among(error, DOCUMENTED):
                self.note(f"{name} of {id} (direct_reads {direct_reads}): {error.sqlstate} {error}")
            self.count(f"error {error.sqlstate}")
            self.stop.wait(0.003)  # gives the processors to the comparing readers and to the hand that undoes its change
            return
        # The tables that were read are locked, and only their schema's name can change: try again until the names are right.
        for _ in range(PATIENCE):
            possible, refused = [], []
            for mapping in sorted(ALL, key=lambda mapping: mapping is not self.last):
                schema = connection.execute("SELECT %s::oid::regclass::text", [self.students], prepare=False).fetchone()[0].split(".")[0]
                try:
                    with connection.transaction():
                        whole = read(connection.execute(plain_sql(schema, mapping, sections), {"id": id}, prepare=False).fetchone()[0])
                except psycopg.errors.DeadlockDetected:
                    raise
                except psycopg.Error as error:
                    if error.sqlstate is None or connection.closed:
                        raise
                    refused.append(f"{error.sqlstate} {error.diag.message_primary}")
                    continue
                expected = expected_of(whole)
                if agree(expected, found):
                    self.last = mapping
                    self.count("compared", f"compared {name}")
                    if whole["students"]:
                        self.count("of somebody")
                    return
                possible.append(expected)
            if not refused:
                break
        self.note(f"{name} of {id} (direct_reads {direct_reads}) is none of {len(possible)} answers of plain SQL: {shortened(found)}\n"
                  f"    such as {shortened(possible[0]) if possible else 'none'}; {refused}")

    # ---- the run ----

    def run(self):
        seed = self.options.seed
        hands = [Hand(self.connect, f"{seed} {n}", self.stop) for n in range(4)]
        heavy, light, attaching, writer = hands
        changing = (heavy, HEAVY), (light, LIGHT), (attaching, ATTACHING)
        threads = [self.guarded(f"reader {n}", lambda n=n: self.read_on(f"{seed} reader {n}")) for n in range(READERS)]
        threads += [self.guarded("heavy hand", heavy.change_heavily), self.guarded("light hand", lambda: light.change_lightly(LIGHT, 0.5)),
                    self.guarded("attaching hand", lambda: attaching.change_lightly(ATTACHING, 0.02)),
                    self.guarded("writer", lambda: writer.write(lambda error: is_among(error, OF_WRITES)))]
        for thread in threads:
            thread.start()
        self.stop.wait(self.options.seconds)
        # A slow server, as one under a sanitizer, gets more time to do enough of everything.
        last = time.monotonic() + PATIENCE_FOR_ENOUGH * self.options.seconds
        self.calm.set()
        while self.too_little(changing, writer) and time.monotonic() < last and not self.stop.wait(1):
            pass
        self.stop.set()
        for thread in threads:
            thread.join()
        if not self.problems:
            self.look_at_the_end(attaching)
        crashes = [line for line in self.cluster.log.read_text(errors="replace").splitlines()
                   if re.search(r"was terminated by signal|TRAP:|PANIC:|AddressSanitizer|runtime error:", line)]
        self.problems += crashes
        for line in crashes:
            print(line)
        return self.report(changing, writer)

    def look_at_the_end(self, hand):
        """At the end everything is as at the beginning, and every function must answer so, by direct reads and by queries."""
        if not hand.change("mapping 0 is attached", ATTACHING["mapping 0 is attached"]):
            self.note(f"cannot attach at the end: {hand.refused['mapping 0 is attached']}")
            return
        with self.connect() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            for direct_reads in "on", "off":
                for n in range(1, STUDENTS + 1):
                    self.look(connection, list(FUNCTIONS), f"s{n}", direct_reads, must_answer=True)

    def report(self, hands, writer):
        print(", ".join(f"{what}: {count}" for what, count in sorted(self.tally.items())))
        changes = self.changes(hands)
        print(", ".join(f"{name}: {count}" for name, count in changes.items()) + f", writes: {writer.done.get('write', 0)}")
        if self.problems:
            print(f"{len(self.problems)} problems; the first: {self.problems[0]}".partition("\n")[0])
            return 1
        if too_little := self.too_little(hands, writer):
            print(f"the run proves nothing: too little of {too_little}")
            return 2
        return 0

    def changes(self, hands):
        return {name: hand.done.get(name, 0) for hand, kinds in hands for name in kinds}

    def too_little(self, hands, writer):
        """What was done so seldom that the run says nothing of it; empty if there was enough of all."""
        changes = self.changes(hands)
        missing = [name for name, count in changes.items() if count == 0]
        unseen = [name for name in FUNCTIONS if self.tally[f"compared {name}"] < 5]
        if len(missing) > len(changes) / 3 or unseen:
            return missing + unseen
        return ["comparing and writing"] if self.tally["of somebody"] < 150 or writer.done.get("write", 0) < 50 else []


def shortened(answer):
    return re.sub(r"(\w{1,4}?)(?:\1){20,}", r"\1...", str(answer))[:800]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--seed", default=str(time.time_ns() % 100000))
    options = options.parse_args()
    print(f"chaos of seed {options.seed} for {options.seconds:g} s", flush=True)
    # Preloaded, so that answers also come out of shared memory.
    settings = {"shared_preload_libraries": "$libdir/white_cross", "deadlock_timeout": "100ms", "max_connections": 30, "autovacuum_naptime": "1s"}
    with Ground("test/chaos-servers", say=print) as ground, Cluster(ground, settings=settings) as cluster:
        cluster.create_database(DATABASE)
        prepare(cluster)
        return Chaos(cluster, options).run()


def prepare(cluster):
    cluster.psql(f"CREATE EXTENSION white_cross; {TABLES}", DATABASE)
    cluster.psql(f"SELECT wc_attach('{SCHEMA}'); SELECT white_cross.register_worker('chaos');", DATABASE)
    cluster.psql("VACUUM ANALYZE", DATABASE)


if __name__ == "__main__":
    sys.exit(main())
