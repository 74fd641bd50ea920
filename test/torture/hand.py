"""The hand kills and stops processes and cuts connections, by a plan that depends on the seed alone.

It starts killed processes again, and continues stopped ones, after the time that the plan says.  It does everything in the
main thread, by events, because a process ends when the thread that started it ends.
"""

import collections
import heapq
import itertools
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import namedtuple
from contextlib import suppress

import psycopg
import redis

from arena import DATABASE
from lane import random_of
from servers import until

Stroke = namedtuple("Stroke", "at name toss pause mode")  # toss: 0..1, for whom; pause: seconds until it goes on

# Weights: a crash of PostgreSQL takes longest and stops all others, so it is rare.
STROKES = {
    "kill the draining worker": 10, "kill the waiting worker": 4, "stop and continue the draining worker": 7,
    "stop and continue the waiting worker": 3, "end and start a worker": 3,
    "kill Redis": 9, "end and start Redis": 3, "stop and continue Redis": 5, "empty Redis": 3, "cut the connections of Redis": 4,
    "silence a worker's network": 6, "cut a worker's network": 3,
    "take the library away": 2, "save Redis to disk": 6,
    "end a connection of PostgreSQL": 8, "end a worker's connection": 5, "stop and continue a backend": 5, "end the relay": 3,
    "kill a backend": 5, "kill the relay": 2, "kill PostgreSQL": 4, "immediate shutdown": 3, "fast shutdown": 2,
    "stop and continue the postmaster": 2, "stop and continue the standby": 2, "kill the standby": 1,
}
MODES = ("empty", "as saved", "as logged")  # what a restarted Redis finds


def plan(seed, seconds, weights):
    """Returns the [Stroke] of a run, ordered by time, with none in the first two and the last three seconds."""
    random = random_of(seed, "hand")
    strokes = []
    at = 2.0
    while at < seconds - 3:
        strokes.append(Stroke(at, random.choices(list(weights), weights.values())[0], random.random(),
                              min(random.expovariate(1 / 0.8), 5), random.choice(MODES)))
        at += 0.3 + random.expovariate(1 / 1.2)
    return strokes


class Hand:
    weights = STROKES

    def __init__(self, arena, board, strokes):
        self.arena = arena
        self.board = board
        self.strokes = collections.deque(strokes)
        self.done = collections.Counter()
        self.recent = collections.deque(maxlen=8)
        self.problems = []  # processes that ended although the hand did not end them
        self._events = []  # (when, number, what to do)
        self._watched = []  # (condition, what to do then)
        self._numbers = itertools.count()
        self._down = set()  # servers that the hand has ended or stopped
        self._stopped = set()  # pids that got SIGSTOP
        self._logs = False  # Redis writes its log of commands in this life
        self._control = None
        self._began = time.monotonic()

    # ---- time ----

    def step(self):
        """Does what is due.  Returns at once, unless it starts a server."""
        now = time.monotonic()
        self._look_for_the_dead()
        while self.strokes and self.strokes[0].at <= now - self._began:
            self.strike(self.strokes.popleft())
        while self._events and self._events[0][0] <= now:
            heapq.heappop(self._events)[2]()
        watched, self._watched = self._watched, []
        for condition, then in watched:
            if condition():
                then()
            else:
                self._watched.append((condition, then))

    def after(self, seconds, action):
        heapq.heappush(self._events, (time.monotonic() + seconds, next(self._numbers), action))

    def when(self, condition, action):
        self._watched.append((condition, action))

    @property
    def is_idle(self):
        """Whether all that was killed or stopped runs again."""
        return not self._events and not self._watched and not self._stopped

    def methods(self):
        """{name of a stroke: (method, its arguments after the stroke)}."""
        return {
            "kill the draining worker": (self.kill_worker, True), "kill the waiting worker": (self.kill_worker, False),
            "stop and continue the draining worker": (self.stop_worker, True),
            "stop and continue the waiting worker": (self.stop_worker, False), "end and start a worker": (self.end_worker,),
            "kill Redis": (self.end_redis, signal.SIGKILL), "end and start Redis": (self.end_redis, signal.SIGTERM),
            "stop and continue Redis": (self.stop_redis,), "empty Redis": (self.command_redis, "FLUSHALL"),
            "cut the connections of Redis": (self.command_redis, "CLIENT KILL TYPE NORMAL"),
            "take the library away": (self.command_redis, "FUNCTION FLUSH"), "save Redis to disk": (self.command_redis, "SAVE"),
            "silence a worker's network": (self.silence_network,), "cut a worker's network": (self.cut_network,),
            "end a connection of PostgreSQL": (self.end_backend, "TRUE"),
            "end a worker's connection": (self.end_backend, "usename = 'wc_worker'"),
            "stop and continue a backend": (self.stop_backend,),
            "end the relay": (self.end_backend, "backend_type = 'white_cross relay'"),
            "kill a backend": (self.kill_backend, "backend_type = 'client backend'"),
            "kill the relay": (self.kill_backend, "backend_type = 'white_cross relay'"),
            "kill PostgreSQL": (self.end_postgresql, signal.SIGKILL), "immediate shutdown": (self.end_postgresql, signal.SIGQUIT),
            "fast shutdown": (self.end_postgresql, signal.SIGINT), "stop and continue the postmaster": (self.stop_postmaster,),
            "stop and continue the standby": (self.stop_standby,), "kill the standby": (self.kill_standby,),
        }

    def strike(self, stroke):
        method, *arguments = self.methods()[stroke.name]
        try:
            happened = method(stroke, *arguments)
        except (psycopg.OperationalError, redis.ConnectionError, redis.TimeoutError, redis.ResponseError, ProcessLookupError):
            happened = False  # the stroke's target does not run at the moment
        if happened:
            self.done[stroke.name] += 1
            self.recent.append(f"{time.monotonic() - self._began:.2f} s: {stroke.name}"
                               + (f", {stroke.mode}" if method == self.end_redis else ""))

    def _look_for_the_dead(self):
        servers = {f"worker {n}": worker for n, worker in enumerate(self.arena.workers, 1)}
        servers |= self.arena.store.servers() | {"PostgreSQL": self.arena.cluster, "the standby": self.arena.standby}
        for name, server in servers.items():
            if name not in self._down and not server.running():
                self._down.add(name)
                self.problems.append(f"{name} ended by itself; the last strokes: {'; '.join(self.recent)}")

    # ---- signals ----

    def _stop_pid(self, pid, name, seconds):
        """SIGSTOP now, SIGCONT later; under a name that is then free again.

        By a thread: this one may have to wait for a server that waits for what was stopped."""
        os.kill(pid, signal.SIGSTOP)
        self._stopped.add(pid)
        self._down.add(name)

        def go_on():
            with suppress(ProcessLookupError):  # killed meanwhile
                os.kill(pid, signal.SIGCONT)
            self._down.discard(name)
            self._stopped.discard(pid)

        timer = threading.Timer(seconds, go_on)
        timer.daemon = True
        timer.start()
        return True

    # ---- workers ----

    def _worker(self, stroke, draining):
        """Returns (name, worker) of a running worker, in that role if the roles are known; None if there is none."""
        there = [(f"worker {n}", worker) for n, worker in enumerate(self.arena.workers, 1) if f"worker {n}" not in self._down]
        if draining is not None:
            there = [one for one in there if self._drains(one[1]) == draining] or there
        return there[int(stroke.toss * len(there))] if there else None

    @staticmethod
    def _drains(worker):
        try:
            with urllib.request.urlopen(worker.url + "/metrics", timeout=0.3) as answer:
                return "wc_worker_is_drainer 1" in answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None

    def kill_worker(self, stroke, draining):
        return self._end_worker(stroke, draining, signal.SIGKILL)

    def end_worker(self, stroke):
        return self._end_worker(stroke, None, signal.SIGTERM)

    def _end_worker(self, stroke, draining, number):
        found = self._worker(stroke, draining)
        if not found:
            return False
        name, worker = found
        self._down.add(name)
        worker.send(number)

        def start():
            worker.stop()
            worker.start(wait=False)
            self._down.discard(name)

        self.when(lambda: not worker.running(), lambda: self.after(stroke.pause, start))
        return True

    def stop_worker(self, stroke, draining):
        found = self._worker(stroke, draining)
        return bool(found) and self._stop_pid(found[1].pid, found[0], stroke.pause)

    # ---- Redis ----

    def end_redis(self, stroke, number):
        server = self.arena.store.redis
        if "Redis" in self._down:
            return False
        mode = "as saved" if stroke.mode == "as logged" and not self._logs else stroke.mode
        self._down.add("Redis")
        if mode != "empty":
            self.board.rewind_wanted += 1
        pid = server.pid

        def end():
            # While Redis writes its first log of commands, it takes a SIGTERM and goes on: ask again.
            if server.running() and server.pid == pid:
                server.send(number)
                self.after(0.5, end)

        end()

        def start():
            server.stop()
            server.start(clear=mode == "empty", appendonly="yes" if mode == "as logged" else "no")
            self._logs = stroke.toss < 0.5
            with server.connect() as client:
                client.config_set("appendonly", "yes" if self._logs else "no")
            self._down.discard("Redis")
            self.board.rewind_ready = self.board.rewind_wanted

        self.when(lambda: not server.running(), lambda: self.after(stroke.pause / 2, start))
        return True

    def stop_redis(self, stroke):
        return "Redis" not in self._down and self._stop_pid(self.arena.store.redis.pid, "Redis", stroke.pause)

    def command_redis(self, stroke, command):
        if "Redis" in self._down:
            return False
        with self.arena.store.redis.connect(socket_timeout=2) as client:
            client.execute_command(*command.split())
        return True

    # ---- the network between workers and servers ----

    def silence_network(self, stroke):
        """Stops all bytes without closing a connection.  They arrive late, when their sender has long given up."""
        proxy = self._network(stroke)
        links = proxy.links()
        for link in links:
            link.stop_requests()
            link.stop_answers()
        self.after(stroke.pause, lambda: [link.go_on() for link in links])
        return bool(links)

    def cut_network(self, stroke):
        proxy = self._network(stroke)
        proxy.cut()
        return True

    def _network(self, stroke):
        return self.arena.networks[int(stroke.toss * len(self.arena.networks))]

    # ---- backends ----

    def _connection(self):
        if "PostgreSQL" in self._down:
            raise psycopg.OperationalError("down")
        if self._control is None or self._control.closed:
            self._control = self.arena.cluster.connect(DATABASE, connect_timeout=2, application_name="torture hand",
                                                       options="-c statement_timeout=2s")
        return self._control

    def _backend(self, stroke, condition):
        """Returns the pid of a backend that fulfils the condition; None if there is none."""
        try:
            pids = [pid for pid, in self._connection().execute(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND "
                f"(backend_type LIKE 'client%' OR backend_type LIKE 'white_cross%') AND {condition} ORDER BY pid")]
        except psycopg.Error:
            self._control = None
            raise
        return pids[int(stroke.toss * len(pids))] if pids else None

    def end_backend(self, stroke, condition):
        pid = self._backend(stroke, condition)
        return pid is not None and self._connection().execute("SELECT pg_terminate_backend(%s)", (pid,)).fetchone()[0]

    def stop_backend(self, stroke):
        """Kills it at any point of its work, perhaps while it holds a lock that all others wait for."""
        pid = self._backend(stroke, "backend_type = 'client backend'")
        return pid is not None and self._stop_pid(pid, f"backend {pid}", min(stroke.pause, 1.5))

    # ---- PostgreSQL as a whole ----

    def _before_crash(self, crash):
        """Pauses all writers except those that do not wait for the disk: the crash loses what these commit now."""
        self.board.crash += 1
        self.board.gate = 1
        self._down.add("PostgreSQL")
        self.after(0.25, crash)

    def _after_crash(self):
        """PostgreSQL takes connections again: lets the judge lower the floors, then the writers go on."""
        self._control = None
        self.board.settle_wanted += 1
        self.when(lambda: self.board.settled == self.board.settle_wanted, self._settled)

    def _settled(self):
        self.board.epoch_due += 1
        self.board.crash += 1
        self.board.gate = 0
        self._down.discard("PostgreSQL")

    def end_postgresql(self, stroke, number):
        cluster = self.arena.cluster
        if "PostgreSQL" in self._down:
            return False

        def crash():
            self.board.gate = 2
            if number == signal.SIGKILL:
                cluster.kill()
            else:
                cluster.send(number)
            self.when(lambda: not cluster.running(), lambda: self.after(stroke.pause / 2, start))

        def start():
            cluster.stop()
            cluster.start()
            self._after_crash()

        self._before_crash(crash)
        return True

    def kill_backend(self, stroke, condition):
        """Kills a backend; the postmaster then ends all others and restarts by itself."""
        if "PostgreSQL" in self._down:
            return False
        pid = self._backend(stroke, condition)
        if pid is None:
            return False
        control = self._connection()

        def crash():
            self.board.gate = 2
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it has ended by itself: take another one
                os.kill(control.info.backend_pid, signal.SIGKILL)
            self.when(lambda: not answers(control), lambda: self.when(self._takes_connections, self._after_crash))

        self._before_crash(crash)
        return True

    def _takes_connections(self):
        try:
            self.arena.cluster.connect(DATABASE, connect_timeout=2).close()
            return True
        except psycopg.OperationalError:
            return False

    def stop_postmaster(self, stroke):
        return "PostgreSQL" not in self._down and self._stop_pid(self.arena.cluster.pid, "the postmaster", min(stroke.pause, 2))

    # ---- the standby ----

    def stop_standby(self, stroke):
        return "the standby" not in self._down and self._stop_pid(self.arena.standby.pid, "the standby", stroke.pause)

    def kill_standby(self, stroke):
        standby = self.arena.standby
        if "the standby" in self._down:
            return False
        self._down.add("the standby")
        standby.kill()

        def start():
            standby.stop()
            standby.start()
            self._down.discard("the standby")

        self.when(lambda: not standby.running(), lambda: self.after(stroke.pause, start))
        return True

    # ---- the end ----

    def rest(self):
        """Ends the strokes, and waits until all that was killed or stopped runs again."""
        self.strokes.clear()

        def is_idle():
            self.step()
            return self.is_idle

        try:
            until(is_idle, 90, "what the hand has killed or stopped to be back")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; not there: {sorted(self._down)}, stopped: {sorted(self._stopped)}, "
                               f"{len(self._events)} events and {len(self._watched)} conditions, the last strokes: "
                               f"{'; '.join(self.recent)}") from None

    def let_go(self):
        """Continues everything that is stopped, so that it can be ended.  Called whatever happens."""
        for pid in list(self._stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def answers(connection):
    try:
        connection.execute("SELECT 1")
        return True
    except psycopg.Error:
        return False
