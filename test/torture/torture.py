#!/usr/bin/python3
"""The proof: writers of every kind, cache-aside readers, and a hand that kills, with real servers.

    make torture TORTURE_OPTIONS="--minutes 10 --seed 1"
    make torture TORTURE_OPTIONS="--redis cluster"        three shards with a replica each; sentinel: a master, its replica and three Sentinels

No reader may find a value older than an invalidation that had been acknowledged before it began to read.  After the run,
cache, database and queue must agree.  The same seed makes the same plan, though not the same races.
Exit status 0: passed; 1: a value was stale, or they did not agree; 2: the run proves nothing.

--without fences: readers store through a library that lacks this cure, and must find stale values: this shows that the torture
test can find any.  --without "triggers on children": the extension lacks this cure.  test/servers/cures.py has others.
"""

import argparse
import collections
import ctypes
import logging
import multiprocessing
import queue
import random
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import psycopg

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "clients/python")]

import aftermath  # noqa: E402
import partitions  # noqa: E402
import report  # noqa: E402
from arena import DATABASE, Arena  # noqa: E402
from board import Board  # noqa: E402
from components import CHART, CHILD, TRUNCATED, key  # noqa: E402
from hand import plan  # noqa: E402
from judge import Judge  # noqa: E402
from readers import Reader  # noqa: E402
from redis_hands import HANDS  # noqa: E402
from servers import Ground, ServerFailed, cures, library, until  # noqa: E402
from stores import KINDS  # noqa: E402
from writers import end_prepared, lanes, prepared_transactions  # noqa: E402

READERS = 2
PROGRESS_SECONDS = 5
# The number of stale values after which a run ends early.
ENOUGH, ENOUGH_WITHOUT = 3, 25
LONGEST = 3  # a run ends after that many times its length, whatever is missing
FILLED = 1000  # keys that Redis must have before the final comparison
AUDITED = 100  # values that the workers' audit must have compared by then
FORK = multiprocessing.get_context("fork")
PR_SET_PDEATHSIG = 1


def say(line=""):
    print(line, flush=True)


class Run:
    def __init__(self, arena, options):
        self.arena = arena
        self.options = options
        self.board = Board()
        self.suspects = FORK.Queue()
        self.news = FORK.Queue()
        self.tally = collections.Counter()
        self.failed = collections.Counter()
        self.lost = 0
        self.problems = []
        self.students = set()  # students of which a stale value was found
        self.compared = 0
        self.from_memory = 0  # summaries that PostgreSQL had in its shared memory, as of the last look
        self.hits = 0  # of this life of PostgreSQL
        arena.first_floors(self.board)
        if options.without in cures.DATABASE_CURES:
            # Take the cure out before the tables are made.
            arena.cluster.psql(f"{cures.DATABASE_CURES[options.without]}; SELECT torture.make_anew({TRUNCATED}, {CHILD}, true); "
                               f"SELECT torture.bear({CHILD}, 1, true)", DATABASE)
        with arena.cluster.connect(DATABASE) as connection:
            self.identity = connection.execute("SELECT split_part(white_cross.snapshot(), '#', 2)").fetchone()[0]
        self.judge = self._process("judge", lambda: Judge(arena, self.board, 0, self.suspects, self.news).run())
        self.readers = [self._process(f"reader {slot}", lambda slot=slot: Reader(
            arena, self.board, slot, options.seed, self.suspects,
            None if options.without in cures.DATABASE_CURES else options.without).run()) for slot in range(1, READERS + 1)]
        self.writers = [self._process(f"writers {n}", lambda n=n: self._write(n)) for n in range(2)]

    # ---- processes ----

    def _process(self, name, work):
        def run():
            # Ctrl-C is for the main process, which then ends the others; if it dies, they must end too.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            for network in self.arena.networks:
                network.disown()
            try:
                work()
            except BaseException:
                self.news.put(("broken", f"{name}:\n{traceback.format_exc()}"))

        process = FORK.Process(target=run, name=name, daemon=True)
        process.start()
        return process

    def _write(self, group):
        members = lanes(self.arena, self.board, READERS + 1, self.options.seed)[group]
        for lane in members:
            lane.start()
        tally = collections.Counter()
        failed = collections.Counter()
        for lane in members:
            lane.join()
            tally += lane.tally
            failed += lane.failed
            if lane.failure:
                raise lane.failure
        self.news.put(("tally", tally, failed))

    def listen(self):
        """Reads the messages of the processes."""
        try:
            while True:
                self._hear(*self.news.get_nowait())
        except queue.Empty:
            pass

    def _hear(self, what, *said):
        if what == "tally":
            self.tally += said[0]
            self.failed += said[1]
        elif what == "lost":
            self.lost = said[0]
        elif what == "broken":
            self.problems.append(said[0])
        else:
            student, text = said
            self.students.add(student)
            if not self.options.without or len(self.students) <= 1:
                say(f"STALE, seed {self.options.seed}, after {time.monotonic() - self.began:.1f} s: {text}")
                for stroke in self.hand.recent:
                    say(f"    before that: {stroke}")

    # ---- the run ----

    def torture(self):
        seconds = self.options.minutes * 60
        hand = HANDS[self.options.redis]
        self.hand = hand(self.arena, self.board, plan(self.options.seed, seconds, hand.weights))
        self.began = time.monotonic()
        next_line = self.began + PROGRESS_SECONDS
        while not self.is_over(seconds):
            self.hand.step()
            self.listen()
            if self.hand.problems or self.problems:
                break
            if time.monotonic() >= next_line:
                self.look_at_memory()
                self.progress()
                next_line += PROGRESS_SECONDS
            time.sleep(0.005)

    def is_over(self, seconds):
        ran = time.monotonic() - self.began
        if self.options.without:
            return ran >= seconds or self.board.stale >= ENOUGH_WITHOUT and len(self.students) >= 3
        # On a busy machine it may take longer until there was enough of everything.
        return self.board.stale >= ENOUGH or ran >= LONGEST * seconds or ran >= seconds and not self.missing(self.options.minutes, at_work=True)

    def missing(self, minutes, at_work=False):
        """What the run has done too little of to prove anything; while it is at work, apart from the comparison at its end."""
        return report.shortcomings(minutes, self.options.redis, self.options.without, self.board.totals(), sum(self.hand.done.values()), self.board.stale,
                                   1 if at_work else self.compared, self.from_memory)

    def look_at_memory(self):
        """Its counts begin anew with each life of the server."""
        with suppress(psycopg.Error):
            with self.arena.cluster.connect(DATABASE, connect_timeout=2) as connection:
                hits, = connection.execute("SELECT hits FROM wc_stat_cache").fetchone()
            self.from_memory += hits - (self.hits if hits >= self.hits else 0)
            self.hits = hits

    def progress(self):
        say(report.progress(time.monotonic() - self.began, self.board.totals(), sum(self.hand.done.values()), self.board.stale))

    def quiet(self):
        """Lets all writers finish, and waits until every change is acknowledged."""
        self.hand.rest()
        self.board.stop = 1
        for process in self.writers:
            process.join(60)
        self.listen()
        with self.arena.cluster.connect(DATABASE) as connection:
            end_prepared(connection, [gid for gid, _ in prepared_transactions(connection)])
            until(lambda: self.arena.is_quiet(connection), 60, "the queue to be empty")
            until(lambda: not connection.execute("SELECT EXISTS (SELECT FROM torture.ledger)").fetchone()[0], 30,
                  "all changes to be acknowledged")
            until(lambda: self.board.epoch_done == self.board.epoch_due, 30, "a new epoch after the crash of PostgreSQL")
            until(lambda: not self.board.is_rewound, 30, "what Redis brought back to be swept")
            for worker in self.arena.workers:
                until(worker.healthy, 30, "the workers to be healthy")
            until(lambda: self.cached() > FILLED, 60, "the cache to fill again")
            self.board.stop = 2
            for process in [*self.readers, self.judge]:
                process.join(60)
            self.listen()
            self.look(connection)

    def cached(self):
        """How many keys there are."""
        found = 0
        for server in self.arena.store.masters():
            with server.connect() as client:
                found += client.dbsize()
        return found

    def look(self, connection):
        self.compared, wrong = aftermath.disagreements(connection, self.arena.store.masters())
        self.problems += wrong
        self.problems += aftermath.differing_summaries(connection)
        self.look_at_memory()
        until(lambda: sum(worker.audited() for worker in self.arena.workers) >= AUDITED, 30, "the audit to compare values")
        for worker in self.arena.workers:
            self.problems += aftermath.accusations(worker.log)
        client, name = self.arena.store.client(), key(0, CHART)
        until(lambda: client.pipelined([("SET", name, "{}", "EX", "60"), library.get(name)]) == [True, "{}"], 30, "a worker to renew liveness")
        until(lambda: not aftermath.what_is_left(connection), 10, "nothing to be left")
        self.problems += aftermath.crashes_of_its_own(self.arena.cluster.log)

    def end(self):
        """Ends the processes by pid, whatever happened."""
        self.board.stop = 2
        for process in [*self.writers, *self.readers, self.judge]:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()

    # ---- the verdict ----

    def verdict(self, interrupted):
        totals = self.board.totals()
        minutes = (time.monotonic() - self.began) / 60 if interrupted else self.options.minutes
        strokes = self.hand.done
        say(report.table(round(minutes, 1), self.options.seed, totals, self.tally, self.failed, strokes, self.board.stale,
                         self.compared, self.lost, self.from_memory))
        for problem in self.hand.problems + self.problems:
            say(f"PROBLEM, seed {self.options.seed}: {problem}")
        if self.hand.problems or self.problems or (not self.options.without and self.board.stale):
            say("FAILED")
            return 1
        if missing := self.missing(minutes):
            say("PROVES NOTHING: " + "; ".join(missing))
            return 2
        say(f"without {self.options.without}: {self.board.stale} stale reads, of {len(self.students)} students" if self.options.without
            else "held: nothing stale")
        return 0


def torture(options):
    say(f"torture: {options.minutes:g} minutes, seed {options.seed}, Redis: {options.redis}" + (f", without {options.without}" if options.without else ""))
    with Ground("torture", say=say) as ground, Arena(ground, options.redis) as arena:
        run = Run(arena, options)
        interrupted = False
        try:
            try:
                run.torture()
            except KeyboardInterrupt:
                interrupted = True
                say("interrupted: ends in order")
            try:
                if not options.without:  # without a cure, cache and database need not agree at the end
                    run.quiet()
            except (TimeoutError, ServerFailed) as error:
                with arena.cluster.connect(DATABASE) as connection:
                    left = aftermath.what_is_left(connection)
                run.problems.append(f"{error}; there is: {left[:5]}")
            return run.verdict(interrupted)
        finally:
            run.hand.let_go()
            run.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--redis", choices=KINDS, default="one")
    parser.add_argument("--without", choices=[*cures.CURES, *cures.READER_CURES, *cures.DATABASE_CURES])
    options = parser.parse_args()
    if options.redis == "cluster":
        partitions.enter()
        if partitions.is_there():
            partitions.prepare()
        else:
            say("no network of its own can be had here: no node is cut off from the others")
    return torture(options)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # otherwise it logs each connection that is cut
    sys.exit(main())
