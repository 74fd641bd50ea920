#!/usr/bin/python3
"""The hunt for a summary from shared memory that differs from what the tables say, by so much as a byte.

    make warm WARM_OPTIONS="--seconds 600 --seed 7"

Readers ask for a summary with the cache and without it in one statement, so under one snapshot, while writers change students in
transactions of every kind, and hands change definitions, triggers, labels, roles and policies, stop processes for a moment, end
sessions, and crash the server.  Each life of the server has other sizes of its memory.
Status 0: held; 1: something differed, or a process crashed by itself; 2: the run proves nothing, since too little was compared, or
too little of it came from the cache.  --mutant: a library that lacks a condition (mutations.py); then something must differ.
"""

import argparse
import re
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from changes import STUDENTS  # noqa: E402
from hands import LOCKING, UNLOCKED, Definer, Ender, Killer, Mender, Stopper  # noqa: E402
from readers import STATEMENTS, WAYS, Reader  # noqa: E402
from records import Records  # noqa: E402
from servers import Cluster, Ground  # noqa: E402
from session import random_of  # noqa: E402
from writers import Writer  # noqa: E402

DATABASE = "hunt"
HERE = Path(__file__).resolve().parent
READERS, WRITERS = 6, 5
# What a run must have done at least, in each second of it and of all that it compared.
COMPARED_A_SECOND, HIT_SHARE = 25, 0.15
SECONDS_OF_A_LIFE = 12


class Hunt:
    def __init__(self, cluster, settings, options):
        self.cluster = cluster
        self.options = options
        self.records = Records(options.seed)
        self.hits = self.misses = 0  # of the lives of the server that are over
        self.seen = (0, 0)  # of this one
        dice = random_of(options.seed, "hands")
        self.killer = Killer(cluster, settings, self.records, dice)
        sessions = [Reader(self.connect, self.records, f"reader {n}") for n in range(READERS)]
        sessions += [Writer(self.connect, self.records, f"writer {n}") for n in range(WRITERS)]
        sessions += [Mender(self.connect, self.records, "mender"), Ender(self.connect, self.records, "ender")]
        sessions += [Definer(self.connect, self.records, "definer", LOCKING, options.calm, True),
                     Definer(self.connect, self.records, "labels and roles", UNLOCKED, options.calm, False)]
        self.threads = [self.guarded(session.name, session.run) for session in sessions]
        self.threads.append(self.guarded("stopper", Stopper(cluster, self.records, random_of(options.seed, "stopper")).run))

    def connect(self, **options):
        return self.cluster.connect(DATABASE, **options)

    def guarded(self, name, work):
        def run():
            try:
                work()
            except Exception as error:  # noqa: BLE001
                if not self.records.stop.is_set():
                    self.records.problem(f"{name}: {type(error).__name__}: {error}")
                    self.records.stop.set()
        return threading.Thread(target=run, name=name)

    # ---- the run ----

    def run(self):
        for thread in self.threads:
            thread.start()
        try:
            self.live()
        finally:
            self.records.stop.set()
            for thread in self.threads:
                thread.join()
        self.look_at_the_end()
        self.look_at_the_log()
        return self.verdict()

    def live(self):
        end = time.monotonic() + self.options.seconds
        dice = self.killer.dice
        crash = self.next_crash(dice)
        while time.monotonic() < end and not self.records.stop.wait(0.25):
            self.sample()
            if self.options.kills and time.monotonic() > crash and time.monotonic() < end - 3:
                with suppress(psycopg.OperationalError):  # it was just crashing
                    self.sample()
                    self.killer.strike()
                self.hits, self.misses = self.hits + self.seen[0], self.misses + self.seen[1]
                self.seen = (0, 0)
                crash = self.next_crash(dice)

    @staticmethod
    def next_crash(dice):
        return time.monotonic() + SECONDS_OF_A_LIFE * (0.5 + dice.random())

    def sample(self):
        with suppress(psycopg.Error):
            with self.connect(connect_timeout=5) as connection:
                self.seen = connection.execute("SELECT hits, misses FROM wc_stat_cache").fetchone()

    def look_at_the_end(self):
        """When all is quiet and nothing is left open: twice, so that the second time is from the cache."""
        with self.connect(options="-c lock_timeout=10s") as connection:
            for name, in connection.execute("SELECT gid FROM pg_prepared_xacts").fetchall():
                connection.execute(f"ROLLBACK PREPARED '{name}'")
            reader = Reader(self.connect, self.records, "the last reader")
            for _ in range(2):
                reader.compare(connection, STATEMENTS["at once"].format(way="summary"), [f"s{n}" for n in range(1, STUDENTS + 1)], "at the end", False)
        self.sample()
        self.hits, self.misses = self.hits + self.seen[0], self.misses + self.seen[1]

    def look_at_the_log(self):
        """Checks the signals that ended processes: only SIGKILL is ours."""
        for line in self.cluster.log.read_text(errors="replace").splitlines():
            if re.search(r"was terminated by signal (?!9:)|TRAP:|PANIC:|AddressSanitizer|runtime error:", line):
                self.records.problem(line)

    # ---- the verdict ----

    def verdict(self):
        tally, seconds = self.records.tally, self.records.seconds()
        compared = tally["compared"]
        print(f"{seconds:.0f} s, seed {self.options.seed}: {compared:,} compared, {self.hits:,} of the cache's answers were hits, {self.misses:,} misses, "
              f"{tally['wrong']:,} differ; {tally['transactions']:,} transactions")
        for what, count in sorted(tally.items()):
            print(f"    {what}: {count:,}")
        if self.options.mutant:
            found = tally["wrong"] or self.records.problems
            print(f"without {self.options.mutant}: {'found' if found else 'NOT FOUND'}")
            return 0 if found else 2
        if self.records.problems:
            print("FAILED")
            return 1
        missing = []
        if compared < COMPARED_A_SECOND * seconds:
            missing.append(f"only {compared:,} comparisons")
        if self.hits < HIT_SHARE * (compared + tally["compared while labels or privileges changed"]):
            missing.append(f"only {self.hits:,} hits")
        missing += [f"nothing {what}" for what in [f"compared, {level}" for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")] if not tally[what]]
        hands = [name for name in [*LOCKING, *UNLOCKED] if not tally[f"hand: {name}"]]
        if len(hands) > (len(LOCKING) + len(UNLOCKED)) / 2:
            missing.append(f"too little of {', '.join(hands)}")
        if self.options.kills and seconds > 30 and not any(what.startswith("crash: ") for what in tally):
            missing.append("no crash")
        if missing:
            print(f"PROVES NOTHING: {'; '.join(missing)}")
            return 2
        print("held: no byte differs")
        return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", default=str(time.time_ns() % 100000))
    parser.add_argument("--no-kills", dest="kills", action="store_false")
    parser.add_argument("--calm", type=float, default=0.8, help="at most so many seconds from one change of a definition to the next")
    parser.add_argument("--mutant", help="what the library lacks: something must differ")
    options = parser.parse_args()
    print(f"hunt of seed {options.seed} for {options.seconds:g} s", flush=True)
    settings = {"shared_preload_libraries": "$libdir/white_cross", "deadlock_timeout": "100ms", "max_connections": 60, "autovacuum_naptime": "1s",
                "max_prepared_transactions": 40, "max_worker_processes": 16, "max_parallel_workers": 8, "log_min_messages": "warning", "log_min_error_statement": "panic"}
    with Ground("test/warm-servers", say=print) as ground, Cluster(ground, settings=settings) as cluster:
        cluster.create_database(DATABASE)
        cluster.psql_file(HERE / "tables.sql", DATABASE, students=STUDENTS)
        return Hunt(cluster, settings, options).run()


if __name__ == "__main__":
    sys.exit(main())
