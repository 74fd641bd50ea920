#!/usr/bin/python3
"""Reads of partitioned records while their partitions are attached, detached and detached concurrently.

    make chaos-partitions CHAOS_OPTIONS="--seconds 120 --seed 7"

A reader is in a REPEATABLE READ transaction.  It reads the records with plain SQL, asks a function, and reads them once more.  An
attachment can commit in between, and its rows are then seen by the next statement; nothing else can, because the first read locks the
table.  So the answer must be of the records of one of the two reads, also where a function reads by several queries.  Plain SQL is
planned each time: with a kept plan, PostgreSQL 15 may read a partition under concurrent detachment that the snapshot does not see, or
pass over one that it sees.  So queries are tried without concurrent detachment.  No error is expected but those of deadlocks and locks
that plain SQL gives too.
Exit status 0: passed; 1: an answer was wrong, or an error came; 2: the run proves nothing.
"""

import argparse
import collections
import csv
import io
import json
import random
import sys
import threading
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers import Cluster, Ground  # noqa: E402

READERS = 3
STUDENTS = 12
ENOUGH = 20  # changes of each kind, and answers of each kind
PATIENCE_FOR_ENOUGH = 10

BOUNDS = ["MINVALUE", "'2021-01-01'", "'2022-01-01'", "'2023-01-01'", "MAXVALUE"]
LAYOUTS = {
    "hash": ('HASH ("studentId")', [f"WITH (MODULUS 4, REMAINDER {n})" for n in range(4)]),
    "dates": ("RANGE (date)", [f"FROM ({low}) TO ({high})" for low, high in zip(BOUNDS, BOUNDS[1:])]),
}
DETACHMENTS = {"on": ["", " CONCURRENTLY"], "off": [""]}  # by white_cross.direct_reads
TABLES = """
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public', indexes => false);
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, 'N' || n, 'Ada', 'Quill', '2014-03-02', '5', 'FEMALE' FROM generate_series(1, {students}) n;
ALTER TABLE health_records RENAME TO whole;
CREATE TABLE health_records (LIKE whole INCLUDING DEFAULTS) PARTITION BY {key};
{parts}
INSERT INTO health_records (id, type, date, description, notes, vital, "studentId")
SELECT 'r' || n || '-' || r, (enum_range(NULL::"HealthRecordType"))[1 + r % 4], timestamp '2020-06-01' + r * interval '100 days', repeat('z', 3000), 'child' || n || 'x',
       jsonb_build_object('height', 130 + r / 10.0, 'weight', 30 + r / 10.0), 's' || n
FROM generate_series(1, {students}) n, generate_series(0, 15) r;
CREATE INDEX ON health_records ("studentId", date DESC, "createdAt" DESC, id) INCLUDE (type);
CREATE INDEX ON health_records (date DESC, "createdAt" DESC, id);
CREATE INDEX ON health_records USING gin (to_tsvector('english', coalesce(description, '') || ' ' || coalesce(notes, '') || ' ' || coalesce(provider, '')));
CREATE INDEX ON allergies ("studentId");
SELECT wc_attach('public');
"""
PLAIN = """SELECT id, date::date::text FROM health_records WHERE "studentId" = %s ORDER BY date DESC, "createdAt" DESC, id"""


def ids(records):
    return [record["id"] for record in records]


def page(text):
    answer = json.loads(text)
    return ids(answer["records"]), answer["pagination"]["total"]


def summary(text):
    answer = json.loads(text)
    return ids(answer["recentVitals"]), sum(answer["recordCounts"].values())


# {name: (call, what its answer tells of the records, the same of all records, the latest first)}
CALLS = {
    "summary": ("SELECT wc_health_summary(%s::text)::text", summary, lambda all: (ids(all)[:5], len(all))),
    "page": ("SELECT wc_student_records(%s::text, 1, 7)::text", page, lambda all: (ids(all)[:7], len(all))),
    "later page": ("SELECT wc_student_records(%s::text, 2, 5)::text", page, lambda all: (ids(all)[5:10], len(all))),
    "by cursor": ("SELECT wc_student_records_after(%s::text, NULL, 30)::text", lambda text: ids(json.loads(text)["records"]), ids),
    "export": ("SELECT string_agg(line, E'\n') FROM wc_export_health_history_csv(%s::text, 'records') AS line",
               lambda text: ids(csv.DictReader(io.StringIO(text))), ids),
    "latest BMI": ("SELECT measured_at::date::text FROM wc_latest_bmi(%s::text, '2026-01-01'::date)", lambda text: text,
                   lambda all: all[0]["date"] if all else None),
    "search": ("SELECT wc_search_health_records('child' || substr(%s::text, 2) || 'x', page_size => 7)::text", page, lambda all: (ids(all)[:7], len(all))),
}


class Chaos:
    def __init__(self, cluster, database, parts, direct_reads):
        self.cluster = cluster
        self.database = database
        self.parts = parts
        self.direct_reads = direct_reads
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.tally = collections.Counter()
        self.problems = []

    def connect(self):
        return self.cluster.connect(self.database)

    def count(self, what):
        with self.lock:
            self.tally[what] += 1

    def note(self, problem):
        with self.lock:
            self.problems.append(problem)
            print(problem, flush=True)
        self.stop.set()

    def guarded(self, work, *arguments):
        def run():
            try:
                work(*arguments)
            except Exception as error:  # noqa: BLE001
                self.note(f"{work.__name__}: {type(error).__name__}: {error}")
        return threading.Thread(target=run)

    def read_on(self, seed):
        dice = random.Random(seed)
        with self.connect() as connection:
            connection.execute("SELECT set_config('white_cross.direct_reads', %s, false)", [self.direct_reads])
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not self.stop.is_set():
                try:
                    with connection.transaction():
                        self.compare(connection, dice.choice(list(CALLS)), f"s{dice.randint(1, STUDENTS)}")
                except psycopg.errors.DeadlockDetected:
                    self.count("deadlocks")

    def compare(self, connection, name, student):
        call, part_of, expected_of = CALLS[name]

        def expected():
            rows = connection.execute(PLAIN, [student], prepare=False).fetchall()
            return expected_of([{"id": id, "date": date} for id, date in rows])

        before = expected()
        found = part_of(connection.execute(call, [student]).fetchone()[0])
        after = expected()
        if found not in (before, after):
            self.note(f"{name} of {student} is {found}, and by plain SQL {before} and then {after}")
        self.count(name)
        if before != after:
            self.count("changed in between")

    def change_on(self, seed):
        """Attaches and detaches, in both ways."""
        dice = random.Random(seed)
        with self.connect() as connection:
            connection.execute("SET lock_timeout = '2s'")
            while not self.stop.is_set():
                part, bounds = dice.choice(list(enumerate(self.parts)))
                way = dice.choice(DETACHMENTS[self.direct_reads])
                if not self.change(connection, f"detached{way.lower()}", f"ALTER TABLE health_records DETACH PARTITION part{part}{way}"):
                    continue
                self.stop.wait(dice.random() * 0.02)
                while not self.change(connection, "attached", f"ALTER TABLE health_records ATTACH PARTITION part{part} FOR VALUES {bounds}"):
                    pass
                self.stop.wait(dice.random() * 0.02)

    def change(self, connection, name, statement):
        try:
            connection.execute(statement)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            self.count(f"{name}: refused")
            # What was detached by half must be detached before anything else can be.
            for part, in connection.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhdetachpending").fetchall():
                while True:
                    try:
                        connection.execute(f"ALTER TABLE health_records DETACH PARTITION {part} FINALIZE")
                        return True
                    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                        self.count("finalized: refused")
            return False
        self.count(name)
        return True

    def lacks(self):
        wanted = [*CALLS, "attached", *(f"detached{way.lower()}" for way in DETACHMENTS[self.direct_reads]), "changed in between"]
        return [name for name in wanted if self.tally[name] < (1 if name == "changed in between" else ENOUGH)]

    def run(self, seconds, seed):
        threads = [self.guarded(self.read_on, seed + n) for n in range(READERS)] + [self.guarded(self.change_on, seed)]
        for thread in threads:
            thread.start()
        for _ in range(PATIENCE_FOR_ENOUGH):
            if self.stop.wait(seconds) or not self.lacks():
                break
        self.stop.set()
        for thread in threads:
            thread.join()
        print(f"direct reads {self.direct_reads}: " + ", ".join(f"{name} {count:,}" for name, count in sorted(self.tally.items())), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    status = 0
    with Ground("chaos-partitions", say=print) as ground, Cluster(ground) as cluster:
        for layout, direct_reads in [(layout, direct_reads) for layout in LAYOUTS for direct_reads in DETACHMENTS]:
            key, parts = LAYOUTS[layout]
            kind = f"{layout}_{direct_reads}"
            cluster.create_database(kind)
            made = "\n".join(f"CREATE TABLE part{n} PARTITION OF health_records FOR VALUES {bounds};" for n, bounds in enumerate(parts))
            cluster.psql(TABLES.format(students=STUDENTS, key=key, parts=made), kind)
            chaos = Chaos(cluster, kind, parts, direct_reads)
            chaos.run(options.seconds / len(LAYOUTS) / len(DETACHMENTS), options.seed)
            if chaos.problems:
                status = 1
            elif lacks := chaos.lacks():
                print(f"{layout}, direct reads {direct_reads}: too few: {', '.join(lacks)}")
                status = status or 2
    return status


if __name__ == "__main__":
    sys.exit(main())
