"""A model of PostgreSQL, its writers, readers and worker, run against the real library in every order that is possible.

A scenario is what each actor does, one step after the other.  For each order in which the steps of all actors can happen
the model knows what PostgreSQL's snapshots say, which invalidations have been acknowledged, and what every call to Redis
would be; all calls go to Redis in long pipelines.  After each step that changes Redis somebody reads: a value must show
all that had been acknowledged.  Snapshots are as PostgreSQL makes them: xmax follows the latest transaction that has ended,
and what is still in progress below it stands in the list.

The two writers have the transaction ids 9 and 10, both in progress at the beginning: either may end first, and as text
neither number is as large as it looks.
"""

import itertools
import socket
from dataclasses import dataclass, field

from servers import library

P = "student:ada:"
KEY = P + "health_summary"
FENCE = P + "fence"
LIFE_MS = 120_000
BEGAN = 1_760_000_000_000_000  # by PostgreSQL's clock
PERSISTENT = (KEY, FENCE, library.FENCE_ALL, library.EPOCH, library.EPOCH_OF, "wc:epoch:life", library.CLOCK, library.HORIZON, library.ALIVE,
              library.OPENING)
BATCH = 400  # orders in one pipeline


@dataclass
class Scenario:
    """actors: the steps of each, as (name of a method of World, argument); needs: step → step that comes before it.

    Readers who do the same are interchangeable: of orders that differ in their names one is run.  So it is of those that
    differ only in which of two steps comes first that do not touch each other."""
    actors: list
    needs: dict = field(default_factory=dict)
    exact: bool = False  # a fill is refused only where it must be
    epoch: bool = True  # there is one at the beginning

    def orders(self):
        readers = [actor[0] for actor in self.actors if actor[0][0] == "load"]

        def ways(at, last=None):
            if all(n == len(actor) for n, actor in zip(at, self.actors)):
                yield ()
                return
            for i, actor in enumerate(self.actors):
                if at[i] == len(actor):
                    continue
                step = actor[at[i]]
                if not all(is_done(other, at) for other in self.needs.get(step, ())):
                    continue
                if step in readers and not all(is_done(other, at) for other in readers[:readers.index(step)]):
                    continue
                if last and place[last][0] != i and is_as_well_before(step[0], last[0]):
                    continue
                for rest in ways(at[:i] + (at[i] + 1,) + at[i + 1:], step):
                    yield (step,) + rest

        place = {step: (i, n) for i, actor in enumerate(self.actors) for n, step in enumerate(actor)}

        def is_done(step, at):
            i, n = place[step]
            return at[i] > n

        return ways((0,) * len(self.actors))


def is_as_well_before(step, last):
    """Whether it makes no difference to come before `last` instead of directly after it."""
    if step == "load":
        return last not in ("load", "commit", "crash", "outlive_fences")
    return step == "commit" and last in ("fill", "empty", "save", "restore", "fence_all", "vouch_late")


def steps(who, *names):
    return [(name, who) for name in names]


class World:
    """All but Redis, at one moment of one order.  calls: [(command, what is expected of the answer)]."""

    def __init__(self, scenario, now_us, source):
        self.scenario = scenario
        self.source = source
        self.xids = {1: 9, 2: 10}
        self.committed = set()
        self.acknowledged = set()
        self.lost = set()
        self.fenced = set()  # whose fences stand
        self.loaded = {}
        self.life = 1
        self.time_us = 0  # that has gone by
        self.is_open = scenario.epoch
        self.is_sweeping = False
        self.trusts_the_lost = True  # nobody knows yet that something was lost
        self.opening = None
        self.until_ms = now_us // 1000 + 3_600_000
        self.calls = []
        self.call("UNLINK", *PERSISTENT)
        self.ahead_us = BEGAN - now_us
        self.call("SET", library.CLOCK, self.ahead_us)
        if scenario.epoch:
            self.call("MSET", library.EPOCH_OF, self.servers, "wc:epoch:life", LIFE_MS, library.EPOCH, self.snapshot(),
                      library.HORIZON, self.snapshot())
            self.vouch_and_read()

    # ---- Redis ----

    def call(self, *words, expect=None):
        self.calls.append((words, expect))

    def read(self):
        """What has to be in it, and what must not."""
        self.call(*library.get(KEY), expect=("shows", frozenset(self.acknowledged),
                                             frozenset() if self.trusts_the_lost else frozenset(self.lost)))

    def vouch_and_read(self):
        """As soon as the worker may: when all that is committed has been acknowledged, and nothing is to be swept."""
        if self.is_open and not self.is_sweeping and self.committed <= self.acknowledged:
            self.call(*library.alive(self.until_ms, self.servers))
        self.read()

    @property
    def servers(self):
        return f"redis {self.life}"

    # ---- PostgreSQL ----

    def snapshot(self):
        ended = {self.xids[writer] for writer in self.committed}
        xmax = max(ended, default=8) + 1
        running = sorted(xid for writer, xid in self.xids.items() if xid < xmax and xid not in ended)
        return (f"{min(running, default=xmax)}:{xmax}:{','.join(map(str, running))}@{BEGAN + self.time_us}#7.1.{self.life}")

    def commit(self, writer):
        self.committed.add(writer)

    def crash(self, _):
        """What was not acknowledged had not reached the disk; the worker's own transaction takes it there."""
        self.lost = self.committed - self.acknowledged
        self.committed -= self.lost
        self.trusts_the_lost = True
        # The ids of the lost are given again.
        self.xids = {writer: xid for writer, xid in self.xids.items() if writer in self.committed}
        self.xids[2] = max(self.xids.values(), default=8) + 1
        self.life += 1

    # ---- readers ----

    def load(self, reader):
        self.loaded[reader] = ("v" + "".join(map(str, sorted(self.committed))), self.snapshot(), set(self.committed))

    def load_behind(self, reader):
        """From a standby that has heard nothing since the beginning, and has the time of day."""
        self.loaded[reader] = ("v", f"9:9:@{BEGAN + self.time_us}#7.1", set())

    def fill(self, reader):
        value, snapshot, visible = self.loaded[reader]
        expect = ("is", b":%d" % (self.fenced <= visible)) if self.scenario.exact else None
        self.call(*library.fill(KEY, value, 300, snapshot), expect=expect)
        self.read()

    # ---- the worker ----

    def invalidate(self, writer):
        self.call(*library.invalidate(LIFE_MS, (P, library.SUMMARY, [self.xids[writer]])))
        self.acknowledged.add(writer)
        self.fenced.add(writer)
        self.vouch_and_read()

    def fence_all(self, writer):
        self.call("UNLINK", library.ALIVE)
        self.call(*library.fence_all(LIFE_MS, [self.xids[writer]]))
        self.is_sweeping = True
        self.read()

    def sweep(self, writer):
        self.call("UNLINK", KEY)
        self.is_sweeping = False
        self.acknowledged.add(writer)
        self.vouch_and_read()

    def begin_epoch(self, worker):
        self.opening = (f"opening {worker}", self.snapshot())
        self.call("SET", library.OPENING, self.opening[0])

    def end_epoch(self, _):
        self.call(*library.open_epoch(*self.opening, self.servers, LIFE_MS))
        self.is_open = True
        self.trusts_the_lost = False
        self.vouch_and_read()

    def open_epoch(self, worker):
        self.begin_epoch(worker)
        self.end_epoch(worker)

    def distrust(self, worker):
        """What a restart may have brought back is to be swept before anybody vouches."""
        self.is_sweeping = True
        self.open_epoch(worker)

    def sweep_the_distrusted(self, _):
        self.call("UNLINK", library.ALIVE)
        self.call(*library.fence_all(LIFE_MS, [max([8, *(self.xids[writer] for writer in self.committed)])]))
        self.call("UNLINK", KEY)
        self.is_sweeping = False
        self.vouch_and_read()

    def vouch_late(self, _):
        """Said by a worker before the crash, and heard when another has taken over."""
        self.call(*library.alive(self.until_ms, "redis 1"))
        self.read()

    # ---- what happens to Redis ----

    def empty(self, _):
        self.call("UNLINK", *PERSISTENT)
        self.call("SET", library.CLOCK, self.ahead_us)
        self.is_open = False
        self.read()

    def save(self, _):
        for key in PERSISTENT:
            self.call("COPY", key, f"saved:{key}", "REPLACE")

    def restore(self, _):
        """A restart that finds what was saved: its memory of the library's own is gone."""
        self.call("UNLINK", *PERSISTENT)
        for key in PERSISTENT:
            self.call("COPY", f"saved:{key}", key)
        self.call(*library.load(self.source))
        self.is_open = False
        self.read()

    def outlive_fences(self, _):
        """The worker publishes what it saw meanwhile."""
        self.time_us += LIFE_MS * 1000
        self.call("UNLINK", FENCE, library.FENCE_ALL)
        self.call("INCRBY", library.CLOCK, LIFE_MS * 1000)
        self.call("SET", library.HORIZON, self.snapshot())
        self.read()


READERS = [steps(reader, "load", "fill") for reader in (1, 2)]
WRITER_1, WRITER_2 = (steps(writer, "commit", "invalidate") for writer in (1, 2))
AFTER_CRASH = {("distrust", 0): [("crash", 0)], ("commit", 2): [("crash", 0)], ("invalidate", 2): [("distrust", 0)],
               ("vouch_late", 0): [("crash", 0)]}
CRASH = [[("commit", 1), ("crash", 0)], steps(0, "distrust", "sweep_the_distrusted"), WRITER_2]

SCENARIOS = {
    "two writers, two readers": Scenario([WRITER_1, WRITER_2, *READERS], exact=True),
    "Redis is emptied": Scenario([WRITER_1, WRITER_2, *READERS, steps(0, "empty", "open_epoch")]),
    "Redis is emptied while an epoch is opened": Scenario([WRITER_1, *READERS, steps(0, "begin_epoch", "end_epoch"), steps(0, "empty")],
                                                          epoch=False),
    "Redis finds what it has saved": Scenario([WRITER_1, *READERS, steps(0, "save", "restore", "distrust", "sweep_the_distrusted")]),
    "all students change": Scenario([WRITER_1, steps(2, "commit", "fence_all", "sweep"), *READERS]),
    "fences run out": Scenario([WRITER_1, *READERS, steps(0, "outlive_fences")]),
    "fences run out, and a standby lags": Scenario([WRITER_1, steps(1, "load", "fill"), steps(2, "load_behind", "fill"),
                                                    steps(0, "outlive_fences")]),
    "PostgreSQL loses a commit": Scenario([*CRASH, *READERS], needs=AFTER_CRASH),
    "PostgreSQL loses a commit, and a worker speaks late": Scenario([*CRASH, READERS[0], steps(0, "vouch_late")], needs=AFTER_CRASH),
}


@dataclass
class Outcome:
    orders: int = 0
    stored: int = 0
    found: int = 0
    wrong: str = ""  # the first order in which something was


def run(redis_server, scenario, source):
    """Every order of the scenario, or those up to the first in which something is wrong."""
    outcome = Outcome()
    with redis_server.connect() as client:
        client.flushall()
        client.execute_command(*library.load(source))
        seconds, rest = client.time()
    now_us = seconds * 1_000_000 + rest
    orders = scenario.orders()
    asked = []
    with Pipe(redis_server) as pipe:
        while not outcome.wrong:
            batch = [play(order, scenario, now_us, source) for order in itertools.islice(orders, BATCH)]
            pipe.ask([words for world in batch for words, _ in world.calls])
            # Redis answers while this looks at what it said before.
            for world in asked:
                judge(world, pipe, outcome)
            if not batch:
                break
            asked = batch
    return outcome


def play(order, scenario, now_us, source):
    world = World(scenario, now_us, source)
    world.order = order
    for name, who in order:
        getattr(world, name)(who)
    return world


def judge(world, pipe, outcome):
    outcome.orders += 1
    for words, expect in world.calls:
        answer = pipe.answer()
        if "wc_fill" in words:
            outcome.stored += answer == b":1"
        if answer.startswith(b"-"):
            raise RuntimeError(f"{words}: {answer.decode()}")
        if expect is None or outcome.wrong:
            continue
        if expect[0] == "is":
            good = answer == expect[1]
        else:
            outcome.found += answer != b"$-1"
            shown = set(map(int, answer.decode()[1:])) if answer != b"$-1" else None
            good = shown is None or shown >= expect[1] and not shown & expect[2]
        if not good:
            outcome.wrong = (f"{' '.join(map(str, words[:4]))} answered {answer.decode()}, expected {expect[0]} "
                             f"{[set(part) if isinstance(part, frozenset) else part for part in expect[1:]]}: "
                             + ", ".join(f"{name} {who}" for name, who in world.order))


class Pipe:
    """A connection for long pipelines, of commands whose answers are a number, a text, or a list of one of them."""

    def __init__(self, redis_server):
        self._server = redis_server
        self._known = {}

    def __enter__(self):
        self._socket = socket.create_connection(("127.0.0.1", self._server.port))
        self._answers = self._socket.makefile("rb", 1 << 20)
        if self._server.password:
            self.ask([("AUTH", self._server.password)])
            self.answer()
        return self

    def __exit__(self, *_):
        self._answers.close()
        self._socket.close()

    def ask(self, commands):
        """Each has an answer, which must be read."""
        self._socket.sendall(b"".join(map(self._encoded, commands)))

    def _encoded(self, words):
        text = self._known.get(words)
        if text is None:
            parts = [str(word).encode() for word in words]
            text = self._known[words] = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        return text

    def answer(self):
        line = self._answers.readline()
        if line.startswith(b"*"):
            for _ in range(int(line[1:])):
                self.answer()
        elif line.startswith(b"$") and line != b"$-1\r\n":
            return self._answers.read(int(line[1:]) + 2)[:-2]
        return line[:-2]
