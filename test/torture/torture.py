#!/usr/bin/python3
"""The proof: writers of every kind, cache-aside readers, and a hand that kills, with real servers.

    make torture TORTURE_OPTIONS="--minutes 10 --seed 1"

No reader may find a value older than an invalidation that had been acknowledged before it began to read; and when all is
quiet, cache, database and queue must agree.  The same seed makes the same plan, though not the same race.
Status 0: held; 1: something was stale or did not agree; 2: the run proves nothing.

--without fences: what readers store goes through a library that lacks this cure (test/servers/cures.py has others), and there
must be stale values, else the torture could not find any.
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aftermath  # noqa: E402
import report  # noqa: E402
from arena import DATABASE, Arena  # noqa: E402
from board import Board  # noqa: E402
from hand import Hand, plan  # noqa: E402
from judge import Judge  # noqa: E402
from readers import Reader  # noqa: E402
from servers import Ground, ServerFailed, cures, library, until  # noqa: E402
from writers import end_prepared, lanes, prepared_transactions  # noqa: E402

READERS = 2
PROGRESS_SECONDS = 5
# Stale values after which a run is over: there is nothing more to learn, or enough was shown.
ENOUGH, ENOUGH_WITHOUT = 3, 25
FILLED = 1000  # keys in Redis, before the end is looked at
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
        self.students = set()  # that something stale was found of
        self.compared = 0
        arena.first_floors(self.board)
        with arena.cluster.connect(DATABASE) as connection:
            self.identity = connection.execute("SELECT split_part(white_cross.snapshot(), '#', 2)").fetchone()[0]
        self.judge = self._process("judge", lambda: Judge(arena, self.board, 0, self.suspects, self.news).run())
        self.readers = [self._process(f"reader {slot}", lambda slot=slot: Reader(
            arena, self.board, slot, options.seed, self.suspects, options.without).run()) for slot in range(1, READERS + 1)]
        self.writers = [self._process(f"writers {n}", lambda n=n: self._write(n)) for n in range(2)]

    # ---- processes ----

    def _process(self, name, work):
        def run():
            # Ctrl-C is for the main process, which then ends the others; without it they must not stay.
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
        """What the processes have to say."""
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
        self.hand = Hand(self.arena, self.board, plan(self.options.seed, seconds))
        self.began = time.monotonic()
        next_line = self.began + PROGRESS_SECONDS
        while time.monotonic() < self.began + seconds and not self.is_over():
            self.hand.step()
            self.listen()
            if self.hand.problems or self.problems:
                break
            if time.monotonic() >= next_line:
                self.progress()
                next_line += PROGRESS_SECONDS
            time.sleep(0.005)

    def is_over(self):
        if not self.options.without:
            return self.board.stale >= ENOUGH
        return self.board.stale >= ENOUGH_WITHOUT and len(self.students) >= 3

    def progress(self):
        say(report.progress(time.monotonic() - self.began, self.board.totals(), sum(self.hand.done.values()), self.board.stale))

    def quiet(self):
        """Everybody ends what is open; until nothing is owed any more."""
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
            with self.arena.redis.connect() as client:
                until(lambda: client.dbsize() > FILLED, 60, "the cache to fill again")
            self.board.stop = 2
            for process in [*self.readers, self.judge]:
                process.join(60)
            self.listen()
            self.look(connection)

    def look(self, connection):
        with self.arena.redis.connect() as client:
            self.compared, wrong = aftermath.disagreements(connection, client)
            self.problems += wrong
            client.set("student:s0:growth_chart", "{}", ex=60)
            until(lambda: client.execute_command(*library.get("student:s0:growth_chart")) == "{}", 30,
                  "a worker to vouch for the cache")
        until(lambda: not aftermath.what_is_left(connection), 10, "nothing to be left")
        self.problems += aftermath.crashes_of_its_own(self.arena.cluster.log)

    def end(self):
        """Of the processes, by pid, whatever happened."""
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
                         self.compared, self.lost))
        for problem in self.hand.problems + self.problems:
            say(f"PROBLEM, seed {self.options.seed}: {problem}")
        if self.hand.problems or self.problems or (not self.options.without and self.board.stale):
            say("FAILED")
            return 1
        if missing := report.shortcomings(minutes, self.options.without, totals, sum(strokes.values()), self.board.stale,
                                          self.compared):
            say("PROVES NOTHING: " + "; ".join(missing))
            return 2
        say(f"without {self.options.without}: {self.board.stale} stale reads, of {len(self.students)} students" if self.options.without
            else "held: nothing stale")
        return 0


def torture(options):
    say(f"torture: {options.minutes:g} minutes, seed {options.seed}" + (f", without {options.without}" if options.without else ""))
    with Ground("torture", say=say) as ground, Arena(ground) as arena:
        run = Run(arena, options)
        interrupted = False
        try:
            try:
                run.torture()
            except KeyboardInterrupt:
                interrupted = True
                say("interrupted: ends in order")
            try:
                if not options.without:  # else nothing is promised of the end
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
    parser.add_argument("--without", choices=cures.CURES)
    return torture(parser.parse_args())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # it would remark on each connection that is cut
    sys.exit(main())
