"""The shared memory of a run's processes: flags, floors, and counts.

It consists of 64-bit cells without locks: each cell has one writer, and a reader of an aligned cell sees either the old or
the new number.  It is made before the processes are forked.
"""

import time
from multiprocessing.sharedctypes import RawArray

from components import COMPONENTS, HOT, MOVERS

FLAGS = (
    "stop",  # 1: no new work, finish what is open; 2: end
    "gate",  # of writers: 0 open, 1 only those that do not wait for the disk, 2 closed
    "clearance",  # 1: a writer waits for an exclusive lock on a table
    "crash",  # crashes and restarts of PostgreSQL that have begun: odd while one is not settled
    "settle_wanted", "settled",  # of the hand, of the judge: floors are those of the database again
    "losses",  # times that a crash lost something that was acknowledged
    "rewind_wanted", "rewind_ready", "rewind_done",  # restarts of Redis with what is on its disk: begun, up again, swept
    "epoch_due", "epoch_done",  # starts of PostgreSQL for which the cache must be swept, and was
    "epoch_since",  # the clock's time of the last one
    "stale",
)
COUNTS = ("reads", "hits", "checked", "misses", "loads", "leases", "lease_held", "stored", "refused", "uncacheable", "late",
          "plain_gets", "direct_hits", "token_hits", "asked", "errors", "suspects", "writes", "rows", "acked", "failed")
SLOTS = 32
TOKENS_KEPT = 6  # of each lane
TOKEN_BYTES = 96


def clock():
    """Returns a time in nanoseconds that all processes share."""
    return time.monotonic_ns()


class Handover:
    """Tokens of writes on their way to readers of other processes: a ring for each lane, which alone writes there.

    A reader that meets a half-written place sees two different numbers around it."""

    def __init__(self):
        places = SLOTS * TOKENS_KEPT
        self._begun, self._done = RawArray("q", places), RawArray("q", places)
        self._components, self._versions = RawArray("q", places), RawArray("q", places)
        self._texts = [RawArray("c", TOKEN_BYTES) for _ in range(places)]

    def give(self, slot, changed, token):
        """changed: [(component, version)] of a transaction that is committed."""
        for component, version in changed:
            first = slot * TOKENS_KEPT
            number = max(self._begun[first:first + TOKENS_KEPT]) + 1
            at = first + number % TOKENS_KEPT
            self._begun[at] = number
            self._components[at], self._versions[at], self._texts[at].value = component, version, token.encode()
            self._done[at] = number

    def held(self):
        """[(component, version, token)]."""
        found = []
        for at in range(len(self._done)):
            if number := self._done[at]:
                entry = (self._components[at], self._versions[at], self._texts[at].value.decode())
                if self._begun[at] == number:
                    found.append(entry)
        return found


class Board:
    def __init__(self):
        self.handover = Handover()
        self._flags = RawArray("q", len(FLAGS))
        self._counts = RawArray("q", SLOTS * len(COUNTS))
        self.floors = RawArray("q", COMPONENTS)
        self.xids = RawArray("q", COMPONENTS)  # that raised them
        self.visits = RawArray("q", HOT * MOVERS)  # floors of what movers mean to each student
        # Versions between these were lost by a crash.
        self.lost_above = RawArray("q", COMPONENTS)
        self.lost_below = RawArray("q", COMPONENTS)

    def counter(self, slot):
        return Counter(self._counts, slot * len(COUNTS))

    def totals(self):
        width = len(COUNTS)
        return {name: sum(self._counts[at::width]) for at, name in enumerate(COUNTS)}

    @property
    def is_crashing(self):
        return self.crash % 2 == 1

    @property
    def is_rewound(self):
        """Whether a plain GET may find a value that Redis has restored from its disk."""
        return self.rewind_done < self.rewind_wanted


def _flag(at):
    def get(board):
        return board._flags[at]

    def put(board, value):
        board._flags[at] = value

    return property(get, put)


for _at, _name in enumerate(FLAGS):
    setattr(Board, _name, _flag(_at))


class Counter:
    """Counts in the slot of one process: counter.add("reads", 16)."""

    _places = {name: at for at, name in enumerate(COUNTS)}

    def __init__(self, cells, first):
        self._cells = cells
        self._first = first

    def add(self, name, n=1):
        self._cells[self._first + self._places[name]] += n
