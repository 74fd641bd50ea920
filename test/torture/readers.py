"""Cache-aside readers: wc_get, on a miss load from PostgreSQL, and after a real delay wc_fill.

Each notes what has been acknowledged, reads, and looks whether what it found is older than that.
"""

import heapq
import itertools
import json
import time
from collections import namedtuple
from contextlib import suppress

import psycopg
import redis

from board import clock
from checks import Fault, Note, faults
from components import CHART, HOT, KINDS, PAGE, STUDENTS, SUMMARY, Shown, Torn, key
from lane import Connecting, random_of
from servers import cures, library

BATCH = 32  # reads in one pipeline
PENDING = 400  # loaded values that wait for being stored, at most
SUSPECTS = 200  # that one reader reports, at most
LEASE_MS = 1000
HOTTEST = 16
KIND_WEIGHTS = (80, 10, 10)

LOAD = {
    SUMMARY: "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%(ids)s::text[])",
    # What the application builds by itself: one statement, so one snapshot.
    PAGE: "SELECT 'student:' || id || ':records:1:20:{}', torture.page(id), 300, snapshot FROM unnest(%(ids)s::text[]) AS id, "
          "(SELECT snapshot FROM wc_cache_entries(ARRAY[(%(ids)s::text[])[1]])) AS e",
    CHART: "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%(ids)s::text[], '{growth_chart}')",
}

Value = namedtuple("Value", "key text ttl snapshot")


class Loader(Connecting):
    """isolation: None for one statement at a time, or that of a transaction that is kept open for many loads.
    changes: the transaction has changed something itself, so that nothing it reads may be cached."""

    def __init__(self, dsn, name, random, isolation=None, changes=False):
        super().__init__(dsn, name, "SET statement_timeout = '15s'; SET lock_timeout = '2s'")
        self._random = random
        self._isolation = isolation
        self._changes = changes
        self._end = 0

    def load(self, kind, students):
        connection = self.connected()
        if self._isolation:
            now = time.monotonic()
            if not self._end:
                self._end = now + min(self._random.expovariate(1 / 0.8), 12)
                self._gives_way = self._random.random() < 0.9
                connection.execute(f"BEGIN ISOLATION LEVEL {self._isolation}")
                if self._changes:
                    connection.execute("SELECT torture.change(%s, %s, 'x')", (self._random.randrange(4), [students[0]]))
        rows = connection.execute(LOAD[kind], {"ids": [f"s{student}" for student in students]}).fetchall()
        if self._changes:
            self.end()
        return [Value(*row) for row in rows if row[1] is not None]

    def end_when_due(self, early):
        if self._end and (time.monotonic() >= self._end or early and self._gives_way):
            self.end()

    def end(self):
        self._end = 0
        if self._connection is not None:
            self._connection.rollback()

    def recover(self):
        self._end = 0
        super().recover()


class Reader:
    def __init__(self, arena, board, slot, seed, suspects, without=None):
        name = f"reader {slot}"
        self.board = board
        self.count = board.counter(slot)
        self.random = random_of(seed, name)
        self.suspects = suspects
        self.without = without  # a cure
        self.client = arena.redis.connect(socket_timeout=2, socket_connect_timeout=2)
        self.loaders = [
            Loader(arena.dsn, f"torture {name}", self.random),
            Loader(arena.dsn, f"torture {name} repeatable", self.random, "REPEATABLE READ"),
            Loader(arena.dsn, f"torture {name} long", self.random, "READ COMMITTED"),
            Loader(arena.dsn, f"torture {name} changing", self.random, "READ COMMITTED", changes=True),
            Loader(arena.standby_dsn, f"torture {name} standby", self.random),
        ]
        self.loader_weights = (60, 12, 12, 4, 12)
        self.pending = []  # (when it is due, number, Value)
        self.numbers = itertools.count()
        self.known = {}  # key → (text, what it shows): hits repeat
        self.reported = 0

    # ---- life ----

    def run(self):
        while self.board.stop < 2:
            try:
                self.turn()
                self.fill()
                for loader in self.loaders:
                    loader.end_when_due(self.board.clearance)
            except psycopg.Error:
                for loader in self.loaders:
                    loader.recover()
            except (redis.ConnectionError, redis.TimeoutError):
                self.count.add("errors")
                time.sleep(0.01)
        with suppress(redis.ConnectionError, redis.TimeoutError):
            self.fill()
        for loader in self.loaders:
            loader.disconnect()

    def turn(self):
        batch = [(self.student(), self.random.choices(KINDS, KIND_WEIGHTS)[0]) for _ in range(BATCH)]
        plain = self.random.random() < 0.25
        pipe = self.client.pipeline(transaction=False)
        for student, kind in batch:
            name = key(student, kind)
            pipe.execute_command(*(("GET", name) if plain else library.get(name)))
        # All that is acknowledged by now must be in what is read from here on.
        began = clock()
        note = Note(self.board, {student for student, _ in batch})
        maybe_rewound = self.board.is_rewound
        rewinds = self.board.rewind_wanted
        answers = pipe.execute(raise_on_error=False)
        maybe_rewound = maybe_rewound or self.board.rewind_wanted != rewinds
        missed = []
        self.count.add("reads", BATCH)
        for (student, kind), text in zip(batch, answers):
            if isinstance(text, str):
                self.count.add("hits")
                if plain:
                    self.count.add("plain_gets")
                if not (plain and maybe_rewound):
                    self.check(began, note, student, kind, text, "GET" if plain else "wc_get")
                if self.random.random() < 0.02:
                    missed.append((student, kind))
            elif text is None:
                self.count.add("misses")
                missed.append((student, kind))
            else:  # no library yet, or still loading from disk
                self.count.add("errors")
        if missed:
            self.load(missed)

    def student(self):
        toss = self.random.random()
        if toss < 0.5:
            return self.random.randrange(HOTTEST)
        return self.random.randrange(HOT) if toss < 0.9 else self.random.randrange(HOT, STUDENTS)

    # ---- what was found ----

    def check(self, began, note, student, kind, text, how):
        self.count.add("checked")
        name = key(student, kind)
        known = self.known.get(name)
        if known is None or known[0] != text:
            try:
                known = self.known[name] = (text, Shown(student, kind, text))
            except (Torn, KeyError, ValueError, TypeError) as error:
                self.report(began, student, kind, how, text, [], f"is of no state at all: {type(error).__name__} {error}")
                return
        found = faults(note, student, kind, known[1])
        if self.board.losses:
            found += self.lost(note, known[1])
        if found:
            self.report(began, student, kind, how, text, found)

    def lost(self, note, shown):
        """Versions that a crash of PostgreSQL has lost."""
        board = self.board
        return [Fault(component, version, None, 0) for component, version in shown.versions.items()
                if board.lost_above[component] < version < board.lost_below[component]]

    def report(self, began, student, kind, how, text, found, reason=None):
        self.count.add("suspects")
        self.reported += 1
        if self.reported > SUSPECTS:
            return
        names = (f"student:s{student}:fence", library.FENCE_ALL, library.EPOCH, library.EPOCH_OF, library.CLOCK, library.ALIVE)
        try:
            context = dict(zip(names, self.client.mget(names)))
            context["ttl of the value, ms"] = self.client.pttl(key(student, kind))
        except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
            context = {"redis": str(error)}
        self.suspects.put({"began": began, "at": time.time(), "student": student, "kind": kind, "how": how, "text": text,
                           "faults": [tuple(fault) for fault in found], "redis": context, "reason": reason})

    # ---- misses ----

    def load(self, missed):
        if len(self.pending) + len(missed) > PENDING:
            return
        # One that waits here cannot give way with its other transactions.
        if self.board.clearance and self.random.random() < 0.95:
            return
        loader = self.random.choices(self.loaders, self.loader_weights)[0]
        for kind in KINDS:
            students = sorted({student for student, its_kind in missed if its_kind == kind})
            if students and self.random.random() < 0.2:
                students = self.leased(kind, students)
            if not students:
                continue
            try:
                values = loader.load(kind, students)
            except psycopg.Error:
                self.count.add("errors")
                loader.recover()
                return
            self.count.add("loads", len(values))
            now = time.monotonic()
            for value in values:
                heapq.heappush(self.pending, (now + self.delay(), next(self.numbers), value))

    def leased(self, kind, students):
        answers = self.pipelined([library.lease(key(student, kind), LEASE_MS) for student in students])
        self.count.add("leases", sum(answer == 1 for answer in answers))
        self.count.add("lease_held", sum(answer == 0 for answer in answers))
        return [student for student, answer in zip(students, answers) if answer == 1]

    def delay(self):
        """From loading to storing, in seconds: a heavy tail."""
        toss = self.random.random()
        if toss < 0.3:
            return 0
        if toss > 0.996:  # longer than a fence lives
            return self.random.uniform(8, 15)
        return min(self.random.expovariate(1 / (0.01 if toss < 0.7 else 0.2 if toss < 0.95 else 2)), 15)

    def fill(self):
        due = []
        now = time.monotonic()
        while self.pending and (self.pending[0][0] <= now or self.board.stop == 2):
            due.append(heapq.heappop(self.pending)[2])
        if not due:
            return
        function = "wc_fill_without" if self.without else "wc_fill"
        for value, answer in zip(due, self.pipelined([library.fill(*value, function) for value in due])):
            if isinstance(answer, redis.ResponseError):
                self.count.add("errors")
                # Nobody else loads it again after a restart.
                if self.without:
                    self.client.execute_command(*library.load(cures.beside(cures.without(self.without))))
            elif not value.snapshot:
                self.count.add("uncacheable")
                if answer != 0:
                    self.suspects.put({"reason": "a value without a snapshot was stored", "text": json.dumps(value)})
            else:
                self.count.add("stored" if answer == 1 else "refused")

    def pipelined(self, commands):
        pipe = self.client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return pipe.execute(raise_on_error=False)
