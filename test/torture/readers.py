"""Cache-aside readers: wc_get, on a miss load from PostgreSQL, and after a real delay wc_fill.

Each reader notes what has been acknowledged, then reads, and checks that the value is not older.
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
from components import CHART, HOT, KINDS, PAGE, SHOWN_PARTS, STUDENTS, SUMMARY, Shown, Torn, key
from lane import Connecting, random_of
from servers import cures, library

BATCH = 32  # reads in one pipeline
PENDING = 400  # loaded values that wait to be stored, at most
SUSPECTS = 200  # suspects that one reader reports, at most
LEASE_MS = 1000
ASKED = 8  # summaries in one statement
HOTTEST = 16
KIND_WEIGHTS = (80, 10, 10)

LOAD = {
    SUMMARY: "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%(ids)s::text[])",
    # A value that the application builds by itself, with one statement and so with one snapshot.
    PAGE: "SELECT wc_cache_key(id, 'records:1:20:{}'), torture.page(id), 300, snapshot FROM unnest(%(ids)s::text[]) AS id, "
          "(SELECT snapshot FROM wc_cache_entries(ARRAY[(%(ids)s::text[])[1]])) AS e",
    CHART: "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%(ids)s::text[], '{growth_chart}')",
}

# How one reads.
PLAIN, FENCED, DIRECT, TOKEN = WAYS = "GET", "wc_get", "MGET", "wc_get with a token"
COUNTED = {PLAIN: "plain_gets", DIRECT: "direct_hits", TOKEN: "token_hits"}
IGNORES_TOKENS, COMPARES_NOTHING = cures.READER_CURES

Value = namedtuple("Value", "key text ttl snapshot")
Write = namedtuple("Write", "component version token")


def answer_of(connection):
    """None for an error."""
    try:
        return connection.read_response()
    except redis.ResponseError:
        return None


class Loader(Connecting):
    """isolation: None for a transaction per statement; otherwise that of a transaction that stays open for many loads.
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
        self.without = without  # the name of a cure that the library lacks, or None
        self.way_weights = arena.store.ways
        self.client = arena.store.client()
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
        self.known = {}  # key → (text, parsed text), because hits often have the same text
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
        how = self.random.choices(WAYS, self.way_weights)[0]
        writes = self.writes() if how is TOKEN else []
        batch = [(self.student(), self.random.choices(KINDS, KIND_WEIGHTS)[0]) for _ in range(BATCH - len(writes))]
        reads = [(student, kind, None) for student, kind in batch] + writes
        # Values that are read from here on must contain all that has been acknowledged by now.
        began = clock()
        note = Note(self.board, {student for student, _, _ in reads})
        maybe_rewound = self.board.is_rewound
        rewinds = self.board.rewind_wanted
        answers = self.find(how, reads)
        maybe_rewound = maybe_rewound or self.board.rewind_wanted != rewinds
        missed = []
        self.count.add("reads", len(reads))
        for (student, kind, write), (text, found_by) in zip(reads, answers):
            if isinstance(text, str):
                self.count.add("hits")
                if found_by in COUNTED:
                    self.count.add(COUNTED[found_by])
                if not (found_by is PLAIN and maybe_rewound):
                    self.check(began, note.after(write.component, write.version) if write else note, student, kind, text,
                               f"{found_by} {write or ''}")
                if self.random.random() < 0.02:
                    missed.append((student, kind))
            elif text is None:
                self.count.add("misses")
                missed.append((student, kind))
            else:  # Redis has no library yet, or still loads its data
                self.count.add("errors")
        if missed:
            self.load(missed)
        if self.random.random() < 0.25:
            self.ask()

    def ask(self):
        """Asks PostgreSQL without Redis: its own shared memory must be as new as the changes that were acknowledged."""
        if self.board.clearance and self.random.random() < 0.95:
            return
        students = [self.student() for _ in range(ASKED)]
        crashes = self.board.crash
        began = clock()
        note = Note(self.board, set(students))
        try:
            rows = self.loaders[0].connected().execute("SELECT wc_health_summary(id)::text FROM unnest(%s::text[]) AS id",
                                                       [[f"s{student}" for student in students]]).fetchall()
        except psycopg.Error:
            self.count.add("errors")
            self.loaders[0].recover()
            return
        # Around a crash floors may be of changes that it loses.
        if self.board.is_crashing or self.board.crash != crashes:
            return
        self.count.add("asked", len(students))
        for student, (text,) in zip(students, rows):
            if text is not None:
                self.check(began, note, student, SUMMARY, text, "SQL")

    def writes(self):
        """Reads with tokens that writers of other processes have handed over, of what those wrote."""
        held = [Write(*entry) for entry in self.board.handover.held()]
        chosen = self.random.sample(held, min(len(held), BATCH))
        return [(write.component // 4, self.random.choice([kind for kind in KINDS if write.component % 4 in SHOWN_PARTS[kind]]), write)
                for write in chosen]

    def find(self, how, reads):
        """[(answer, which way it was found)]."""
        names = [(key(student, kind), "" if write is None or self.without == IGNORES_TOKENS else write.token) for student, kind, write in reads]
        if how is DIRECT:
            answers = self.find_directly([name for name, _ in names])
            asked = [at for at, answer in enumerate(answers) if answer is None]
            found = [(answer and answer[0], DIRECT) for answer in answers]
            for at, answer in zip(asked, self.client.pipelined([library.get(*names[at]) for at in asked])):
                found[at] = (answer, FENCED)
            return found
        answers = self.client.pipelined([("GET", name) if how is PLAIN else library.get(name, token) for name, token in names])
        return [(answer, how if how is PLAIN else TOKEN if write else FENCED) for answer, (_, _, write) in zip(answers, reads)]

    def find_directly(self, names):
        """Reads many values at once as clients/python does: [value] of each, or None if wc_get must be asked."""
        pool = self.client.connected.connection_pool
        connection = pool.get_connection("MGET")
        try:
            connection.send_packed_command(connection.pack_commands([library.direct(name) for name in names]))
            answers = [answer_of(connection) for _ in names]
            alive = next((answer[0] for answer in answers if answer and answer[0]), None)
            if alive and alive != connection.run and time.monotonic() >= connection.ask_again:
                connection.ask(names[0])
            return [[answer[1]] if answer and answer[0] and (answer[0] == connection.run or self.without == COMPARES_NOTHING) else None
                    for answer in answers]
        finally:
            pool.release(connection)

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
        """Returns the versions that a crash of PostgreSQL has lost."""
        board = self.board
        return [Fault(component, version, None, 0) for component, version in shown.versions.items()
                if board.lost_above[component] < version < board.lost_below[component]]

    def report(self, began, student, kind, how, text, found, reason=None):
        self.count.add("suspects")
        self.reported += 1
        if self.reported > SUSPECTS:
            return
        names = (key(student, "fence"), library.FENCE_ALL, library.EPOCH, library.EPOCH_OF, library.CLOCK, library.ALIVE)
        try:
            context = self.client.about(key(student, kind), names)
        except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
            context = {"redis": str(error)}
        self.suspects.put({"began": began, "at": time.time(), "student": student, "kind": kind, "how": how, "text": text,
                           "faults": [tuple(fault) for fault in found], "redis": context, "reason": reason})

    # ---- misses ----

    def load(self, missed):
        if len(self.pending) + len(missed) > PENDING:
            return
        # While this loader waits, it cannot end its other transactions to give way.
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
        answers = self.client.pipelined([library.lease(key(student, kind), LEASE_MS) for student in students])
        self.count.add("leases", sum(answer == 1 for answer in answers))
        self.count.add("lease_held", sum(answer == 0 for answer in answers))
        return [student for student, answer in zip(students, answers) if answer == 1]

    def delay(self):
        """Returns the seconds between loading and storing, with a heavy tail."""
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
        function = "wc_fill_without" if self.without in cures.CURES else "wc_fill"
        for value, answer in zip(due, self.client.pipelined([library.fill(*value, function) for value in due])):
            if isinstance(answer, redis.ResponseError):
                self.count.add("errors")
                # No other reader loads this library again after a restart.
                if self.without in cures.CURES:
                    self.client.connected.execute_command(*library.load(cures.beside(cures.without(self.without))))
            elif not value.snapshot:
                self.count.add("uncacheable")
                if answer != 0:
                    self.suspects.put({"reason": "a value without a snapshot was stored", "text": json.dumps(value)})
            else:
                self.count.add("stored" if answer == 1 else "refused")
