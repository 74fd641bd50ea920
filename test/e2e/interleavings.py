"""A model of PostgreSQL, its writers, readers and worker, which calls the real library in every possible order.

A scenario lists the steps of each actor.  For each order in which the steps of all actors can happen, the model computes
PostgreSQL's snapshots, the invalidations that have been acknowledged, and every call to Redis; all calls go to Redis in
long pipelines.  After each step that changes Redis a reader reads: a value must contain all changes that have been
acknowledged, and, for a reader with the token of a writer, all that this writer has committed.  It reads with wc_get, and
without Lua, as a client that asks wc_hello on each connection.  Snapshots are as PostgreSQL makes them: xmax follows the latest transaction that has ended,
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
              library.OPENING, library.SEEN)
BATCH = 400  # orders in one pipeline


@dataclass
class Scenario:
    """actors: the steps of each, as (name of a method of World, argument); needs: step → steps that must come before it.

    Readers with the same steps are interchangeable: of the orders that differ only in the readers' names, one is played.
    Likewise, of the orders that differ only in which of two independent steps comes first, one is played."""
    actors: list
    needs: dict = field(default_factory=dict)
    exact: bool = False  # the library refuses a fill only if it must
    epoch: bool = True  # an epoch is open at the beginning

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
    """Returns whether it makes no difference if `step` comes before `last` instead of directly after it."""
    if step == "load":
        return last not in ("load", "commit", "roll_back", "crash", "outlive_fences")
    return step == "commit" and last in ("fill", "empty", "save", "restore", "fence_all", "renew_liveness_late")


def steps(who, *names):
    return [(name, who) for name in names]


class World:
    """The state of everything but Redis, at one moment of one order.  calls: [(command, the expected answer)]."""

    def __init__(self, scenario, now_us, source):
        self.scenario = scenario
        self.source = source
        self.xids = {1: 9, 2: 10}
        self.tokens = {}  # of those who have committed
        self.committed = set()
        self.acknowledged = set()
        self.lost = set()
        self.rolled_back = set()  # ids
        self.fenced = set()  # writers whose fence exists
        self.loaded = {}
        self.life = 1
        self.time_us = 0  # the time that has passed
        self.is_open = scenario.epoch
        self.is_sweeping = False
        self.trusts_the_lost = True  # the worker does not know yet that commits were lost
        self.opening = None
        self.until_ms = now_us // 1000 + 3_600_000
        self.calls = []
        self.call("UNLINK", *PERSISTENT)
        self.ahead_us = BEGAN - now_us
        self.call("SET", library.CLOCK, self.ahead_us)
        if scenario.epoch:
            self.call("MSET", library.EPOCH_OF, self.servers, "wc:epoch:life", LIFE_MS, library.EPOCH, self.snapshot(),
                      library.HORIZON, self.snapshot())
            self.renew_liveness_and_read()

    # ---- Redis ----

    def call(self, *words, expect=None):
        self.calls.append((words, expect))

    def read(self):
        """Reads the value, with the writers whose change it must contain and those whose change it must not."""
        lost = frozenset() if self.trusts_the_lost else frozenset(self.lost)
        self.call(*library.get(KEY), expect=("shows", frozenset(self.acknowledged), lost))
        self.call(*library.direct(KEY), expect=("shows", frozenset(self.acknowledged), lost))
        for writer in self.committed:
            self.call(*library.get(KEY, self.tokens[writer]), expect=("shows", frozenset(self.acknowledged | {writer}), lost))

    def renew_liveness_and_read(self):
        """Renews liveness if the worker may: all committed changes are acknowledged, and no sweep is due.  Then reads."""
        if self.may_renew_liveness():
            self.call(*library.renew_liveness(self.until_ms, self.servers, self.snapshot()))
        self.call(*library.hello(KEY), expect=("hello",))
        self.read()

    def may_renew_liveness(self):
        return self.is_open and not self.is_sweeping and self.committed <= self.acknowledged

    @property
    def servers(self):
        return f"redis {self.life}"

    # ---- PostgreSQL ----

    def snapshot(self):
        ended = {self.xids[writer] for writer in self.committed} | self.rolled_back
        xmax = max(ended, default=8) + 1
        running = sorted(xid for writer, xid in self.xids.items() if xid < xmax and xid not in ended)
        return (f"{min(running, default=xmax)}:{xmax}:{','.join(map(str, running))}@{BEGAN + self.time_us}#7.1.{self.life}")

    def commit(self, writer):
        self.committed.add(writer)
        self.tokens[writer] = f"{self.xids[writer]}.7.1.{self.life}"
        self.read()

    def roll_back(self, writer):
        self.rolled_back.add(self.xids[writer])
        self.renew_liveness_and_read()

    def crash(self, _):
        """Loses the commits that were not acknowledged, as they may not have reached the disk; the worker's transaction
        takes acknowledged ones there."""
        self.lost = self.committed - self.acknowledged
        self.committed -= self.lost
        self.trusts_the_lost = True
        # PostgreSQL gives the ids of lost transactions, and of those that left no trace, again.
        self.rolled_back = set()
        self.xids = {writer: xid for writer, xid in self.xids.items() if writer in self.committed}
        self.xids[2] = max(self.xids.values(), default=8) + 1
        self.life += 1

    # ---- readers ----

    def load(self, reader):
        self.loaded[reader] = ("v" + "".join(map(str, sorted(self.committed))), self.snapshot(), set(self.committed))

    def load_behind(self, reader):
        """Loads from a standby that has replayed nothing since the beginning, but whose clock is right."""
        self.loaded[reader] = ("v", f"9:9:@{BEGAN + self.time_us}#7.1", set())

    def fill(self, reader):
        value, snapshot, visible = self.loaded[reader]
        expect = ("is", b":%d" % (self.fenced <= visible)) if self.scenario.exact else None
        self.call(*library.fill(KEY, value, 300, snapshot), expect=expect)
        self.read()

    # ---- the worker ----

    def invalidate(self, writer):
        self.acknowledged.add(writer)
        self.call(*library.invalidate(LIFE_MS, (P, library.SUMMARY, [self.xids[writer]]),
                                      seen=self.snapshot() if self.may_renew_liveness() else None))
        self.fenced.add(writer)
        self.renew_liveness_and_read()

    def fence_all(self, writer):
        self.call("UNLINK", library.ALIVE)
        self.call(*library.fence_all(LIFE_MS, [self.xids[writer]]))
        self.is_sweeping = True
        self.read()

    def sweep(self, writer):
        self.call("UNLINK", KEY)
        self.is_sweeping = False
        self.acknowledged.add(writer)
        self.renew_liveness_and_read()

    def begin_epoch(self, worker):
        self.opening = (f"opening {worker}", self.snapshot())
        self.call("SET", library.OPENING, self.opening[0])

    def end_epoch(self, _):
        self.call(*library.open_epoch(*self.opening, self.servers, LIFE_MS))
        self.is_open = True
        self.trusts_the_lost = False
        self.renew_liveness_and_read()

    def open_epoch(self, worker):
        self.begin_epoch(worker)
        self.end_epoch(worker)

    def distrust(self, worker):
        """The worker notices a restart, and sweeps the values that may be of lost commits before it renews liveness."""
        self.is_sweeping = True
        self.open_epoch(worker)

    def sweep_the_distrusted(self, _):
        self.call("UNLINK", library.ALIVE)
        self.call(*library.fence_all(LIFE_MS, [max([8, *(self.xids[writer] for writer in self.committed)])]))
        self.call("UNLINK", KEY)
        self.is_sweeping = False
        self.renew_liveness_and_read()

    def renew_liveness_late(self, _):
        """A worker sends it before the crash, and it arrives when another worker has taken over."""
        self.call(*library.renew_liveness(self.until_ms, "redis 1", f"11:11:@{BEGAN}#7.1.1"))
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
        """Redis restarts with the saved keys; the library's variables are lost."""
        self.call("UNLINK", *PERSISTENT)
        for key in PERSISTENT:
            self.call("COPY", f"saved:{key}", key)
        self.call(*library.load(self.source))
        self.call(*library.hello(KEY), expect=("hello",))
        self.is_open = False
        self.read()

    def outlive_fences(self, _):
        """Fences expire, and the worker publishes a new horizon."""
        self.time_us += LIFE_MS * 1000
        self.call("UNLINK", FENCE, library.FENCE_ALL)
        self.call("INCRBY", library.CLOCK, LIFE_MS * 1000)
        self.call("SET", library.HORIZON, self.snapshot())
        self.read()


READERS = [steps(reader, "load", "fill") for reader in (1, 2)]
WRITER_1, WRITER_2 = (steps(writer, "commit", "invalidate") for writer in (1, 2))
AFTER_CRASH = {("distrust", 0): [("crash", 0)], ("commit", 2): [("crash", 0)], ("invalidate", 2): [("distrust", 0)],
               ("renew_liveness_late", 0): [("crash", 0)]}
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
    "PostgreSQL gives an id again": Scenario([[("roll_back", 1), ("crash", 0)], steps(0, "distrust", "sweep_the_distrusted"), WRITER_2, *READERS],
                                             needs=AFTER_CRASH),
    "PostgreSQL loses a commit, and a worker's call arrives late": Scenario([*CRASH, READERS[0], steps(0, "renew_liveness_late")], needs=AFTER_CRASH),
}


class DirectReader:
    """A client without Lua."""

    def __init__(self):
        self.run = None

    def is_told(self, run):
        self.run = run

    def find(self, alive, value, expect):
        """→ the value, with what is expected of it; None where wc_get is to be asked."""
        return (value, expect) if alive is not None and alive == self.run else (None, expect)


class ComparesWithNothing(DirectReader):
    def find(self, alive, value, expect):
        return (value if alive is not None else None), expect


class TakesNilForTheRun(DirectReader):
    def find(self, alive, value, expect):
        return (value if alive == self.run else None), expect


class KeepsWhatAnEarlierConnectionWasTold(DirectReader):
    def is_told(self, run):
        self.run = self.run or run


class ReadsTheLivenessSecond(DirectReader):
    """Reads with two commands, so that another step can happen between them."""

    def __init__(self):
        super().__init__()
        self._read = (None, None)

    def find(self, alive, value, expect):
        before, self._read = self._read, (value, expect)
        return before if alive is not None and alive == self.run else (None, expect)


@dataclass
class Outcome:
    orders: int = 0
    stored: int = 0
    found: int = 0
    found_directly: int = 0
    found_with_a_token: int = 0
    wrong: str = ""  # the first order with a wrong answer


def run(redis_server, scenario, source, reader=DirectReader):
    """Plays every order of the scenario, or those up to the first with a wrong answer."""
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
            # Redis runs the next pipeline while this process judges the answers of the last one.
            for world in asked:
                judge(world, pipe, outcome, reader())
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


def judge(world, pipe, outcome, reader):
    outcome.orders += 1
    for words, expect in world.calls:
        answer = pipe.answer()
        if "wc_fill" in words:
            outcome.stored += answer == b":1"
        if isinstance(answer, bytes) and answer.startswith(b"-"):
            outcome.wrong = outcome.wrong or f"{words}: {answer.decode()}"
        if expect is None or outcome.wrong:
            continue
        if expect[0] == "hello":
            reader.is_told(answer)
            continue
        if expect[0] == "is":
            good = answer == expect[1]
        else:
            if words[0] == "MGET":
                answer, expect = reader.find(*answer, expect)
                outcome.found_directly += answer is not None
            elif len(words) > 4:
                outcome.found_with_a_token += answer is not None
            outcome.found += answer is not None
            shown = set(map(int, answer.decode()[1:])) if answer is not None else None
            good = shown is None or shown >= expect[1] and not shown & expect[2]
        if not good:
            outcome.wrong = (f"{' '.join(map(str, words[:5]))} answered {answer and answer.decode()}, expected {expect[0]} "
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
        """Sends commands.  The caller must read an answer for each."""
        self._socket.sendall(b"".join(map(self._encoded, commands)))

    def _encoded(self, words):
        text = self._known.get(words)
        if text is None:
            parts = [str(word).encode() for word in words]
            text = self._known[words] = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        return text

    def answer(self):
        """A text, None for nil, a list of them; numbers and errors as the line that they are."""
        line = self._answers.readline()
        if line.startswith(b"*"):
            return [self.answer() for _ in range(int(line[1:]))]
        if line.startswith(b"$"):
            return None if line == b"$-1\r\n" else self._answers.read(int(line[1:]) + 2)[:-2]
        return line[:-2]
