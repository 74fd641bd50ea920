"""What all processes of a run can see: flags, floors, and counts.

64-bit cells in shared memory, without locks: each cell has one writer, and a reader of an aligned cell sees an old or a
new number and nothing between.  Made before the processes are forked.
"""

import time
from multiprocessing.sharedctypes import RawArray

from components import COMPONENTS, HOT, MOVERS

FLAGS = (
    "stop",  # 1: no new work, finish what is open; 2: end
    "gate",  # of writers: 0 open, 1 only those that do not wait for the disk, 2 closed
    "clearance",  # 1: somebody wants a table for himself
    "crash",  # crashes and restarts of PostgreSQL that have begun: odd while one is not settled
    "settle_wanted", "settled",  # of the hand, of the judge: floors are those of the database again
    "losses",  # times that a crash lost something that was acknowledged
    "rewind_wanted", "rewind_ready", "rewind_done",  # restarts of Redis with what is on its disk: begun, up again, swept
    "epoch_due", "epoch_done",  # starts of PostgreSQL for which the cache must be swept, and was
    "epoch_since",  # the clock's time of the last one
    "stale",
)
COUNTS = ("reads", "hits", "checked", "misses", "loads", "leases", "lease_held", "stored", "refused", "uncacheable", "late",
          "plain_gets", "errors", "suspects", "writes", "rows", "acked", "failed")
SLOTS = 32


def clock():
    """The same in all processes, in nanoseconds."""
    return time.monotonic_ns()


class Board:
    def __init__(self):
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
        """Plain GET may find what Redis had on its disk."""
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
    """counter.add("reads", 16): of one process's slot."""

    _places = {name: at for at, name in enumerate(COUNTS)}

    def __init__(self, cells, first):
        self._cells = cells
        self._first = first

    def add(self, name, n=1):
        self._cells[self._first + self._places[name]] += n
