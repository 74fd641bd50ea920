#!/usr/bin/python3
"""The main job of white_cross, on private servers, with what really happened at each step.

    make demo DEMO_OPTIONS="--once --students 500"

Each step is checked.  Exit status: 0 all held, 1 a step did not, 130 interrupted during the walk.
"""

import argparse
import contextlib
import json
import signal
import statistics
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))

from servers import Cluster, Ground, Prometheus, Redis, ServerFailed, Worker, until  # noqa: E402
from load import Load  # noqa: E402
from watch import KeyWatch  # noqa: E402

SUMMARIES = 1000
MORE_WRITES = 100
DATABASE = "demo"
LINE = 110
# The allergy that the walk adds.
ALLERGEN = "Sesame"


class StepFailed(Exception):
    """A step of the walk did not do what it should."""


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM."""


def check(condition, otherwise):
    if not condition:
        raise StepFailed(otherwise)


def say(text="", indent=4):
    for line in text.splitlines() or [""]:
        print(" " * indent + line if line else "", flush=True)


def milliseconds(seconds):
    return f"{seconds * 1000:.2f} ms"


class Demo:
    def __init__(self, cluster, redis, students):
        self.cluster = cluster
        self.redis = redis
        self.students = students
        self.step_number = 0

    def step(self, title):
        self.step_number += 1
        self.title = title
        print(f"\n{self.step_number}. {title}", flush=True)

    # ---- before the walk -----------------------------------------------------------------------------

    def prepare(self):
        self.step(f"An application's tables: {self.students:,} students, about 40 health records each")
        self.cluster.create_database(DATABASE)
        self.database = self.cluster.connect(DATABASE)
        self.run("CREATE EXTENSION white_cross")
        self.run("SELECT wc_create_tables('public', indexes => false)")
        say("loading demo/students.sql ...")
        started = time.monotonic()
        self.cluster.psql_file(ROOT / "demo/students.sql", DATABASE, students=self.students)
        records = self.one("SELECT count(*) FROM health_records")
        say(f"{records:,} health records in {time.monotonic() - started:.1f} s")
        check(30 * self.students < records < 50 * self.students, f"{records} records are not about 40 for each student")
        say(f"{DATABASE}=# SELECT wc_index_statements('public', false) \\gexec")
        for statement, in self.database.execute("SELECT wc_index_statements('public', false)").fetchall():
            self.database.execute(statement)
        self.database.execute("VACUUM ANALYZE")
        self.run("SELECT wc_attach('public')")
        check(self.one("SELECT wc_health_summary('nobody')") is None, "an unknown student should give NULL")

    def run(self, statement):
        """Show it and run it."""
        say(f"{DATABASE}=# {statement};")
        self.database.execute(statement)

    def one(self, statement, *parameters):
        return self.database.execute(statement, parameters).fetchone()[0]

    def allow_worker(self):
        self.step("The worker: it follows every change and keeps Redis right")
        self.run("CREATE ROLE wc_worker LOGIN")
        self.run("SELECT wc_grant_worker('wc_worker')")

    def until_drained(self):
        """A worker that registers for the first time first removes all that it finds in Redis: it cannot know how old it is."""
        until(lambda: self.one("SELECT EXISTS (SELECT FROM white_cross.worker) AND NOT EXISTS (SELECT FROM white_cross.invalidation)"),
              30, "the worker to catch up")

    # ---- the walk ------------------------------------------------------------------------------------

    def summary(self):
        self.step("A student's health summary, one function call")
        self.student = self.one(
            "SELECT s.id FROM students s JOIN allergies a ON a.\"studentId\" = s.id GROUP BY s.id "
            "HAVING count(*) >= 2 ORDER BY s.\"studentNumber\" LIMIT 1")
        say(f"{DATABASE}=# SELECT wc_health_summary('{self.student}');")
        summary = self.one("SELECT wc_health_summary(%s)", self.student)
        say(shortened(summary))
        allergies = self.one('SELECT count(*) FROM allergies WHERE "studentId" = %s', self.student)
        records = self.one('SELECT count(*) FROM health_records WHERE "studentId" = %s', self.student)
        check(summary["student"]["id"] == self.student, "the summary is of another student")
        check(len(summary["allergies"]) == allergies, f"{allergies} allergies in the table, others in the summary")
        check(sum(summary["recordCounts"].values()) == records, f"{records} records in the table, others in the summary")
        check(len(summary["recentVitals"]) == 5 == len(summary["recentVaccinations"]), "five of the latest are expected")

    def thousand(self):
        self.step(f"{SUMMARIES:,} summaries of different students")
        ids = [row[0] for row in self.database.execute("SELECT id FROM students ORDER BY id LIMIT %s", [SUMMARIES])]
        with self.database.cursor() as cursor:
            def call_each():
                return [cursor.execute("SELECT wc_health_summary(%s)::text", [id], prepare=True).fetchone()[0] for id in ids]

            call_each()
            started = time.perf_counter()
            texts = call_each()
            each = time.perf_counter() - started
            started = time.perf_counter()
            count = self.one("SELECT count(wc_health_summary(id)) FROM unnest(%s::text[]) AS id", ids)
            inside = time.perf_counter() - started
        check(all(texts) and count == len(ids), "a summary is missing")
        say(f"one call each, from Python and back:  {each * 1000:6.0f} ms, {each / len(ids) * 1e6:.0f} µs a call")
        say(f"all in one statement, in the server:  {inside * 1000:6.0f} ms, {inside / len(ids) * 1e6:.0f} µs a summary")
        say(f"{sum(map(len, texts)) / 1024:,.0f} KiB of JSON; nothing was cached")

    def fill(self):
        self.step("The application caches it in Redis, with the snapshot that says what the value has seen")
        client = self.client = self.redis.connect()
        say(f"demo=# SELECT key, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY['{self.student}']);")
        key, value, ttl, snapshot = self.database.execute(
            "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", [self.student]).fetchone()
        say(f"  {key} | {ttl} | {snapshot}")
        self.key = key
        say(f"redis> FCALL wc_fill 1 {key} '{value[:24]}…' {ttl} {snapshot}")
        stored = client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot)
        check(stored == 1, "Redis refused the value")
        check(client.get(key) == value, "Redis gives another value back")
        left = client.ttl(key)
        say(f"  1: stored, {len(value.encode()):,} bytes, to live {left} s more if nobody changes the student")
        check(0 < left <= ttl, f"a time to live of {left} s")

    def write(self):
        self.step("Somebody adds an allergy with plain psql, past every application")
        insert = (
            'INSERT INTO allergies (id, allergen, severity, reaction, treatment, verified, "updatedAt", "studentId")\n'
            f"VALUES ('demo-allergy', '{ALLERGEN}', 'SEVERE', 'Hives', 'Antihistamine, observe', true, now(), '{self.student}');")
        say("$ psql demo")
        say(insert)
        watch = self.watch = KeyWatch(self.redis, self.key)
        self.cluster.psql(insert, DATABASE)
        committed = self.committed("demo-allergy")
        gone = watch.first("del", "unlink")
        check(gone, f"the key was not removed; Redis still has {self.client.exists(self.key)} of it")
        warm = watch.first("rename_to")
        check(warm, "the key was removed and not built again")
        summary = json.loads(self.client.get(self.key))
        check(ALLERGEN in [allergy["allergen"] for allergy in summary["allergies"]], "the new allergy is not in the cached summary")
        check(summary == self.one("SELECT wc_health_summary(%s)", self.student), "the cached summary is not the database's")
        say(f"{(gone - committed) * 1e6:8,.0f} µs after the commit the old summary was gone from Redis")
        say(f"{(warm - committed) * 1e6:8,.0f} µs after the commit the new one was there, with {ALLERGEN} in it")
        say("(from PostgreSQL's commit timestamp, taken before it flushes the commit to disk, to the arrival of\n"
            "Redis's notification in this script)")

    def committed(self, allergy):
        """The server's own time of the commit that wrote this row, in seconds since the epoch."""
        return float(self.one("SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM allergies WHERE id = %s", allergy))

    def more_writes(self):
        self.step(f"The same {MORE_WRITES} times, waiting each time until the summary is there again")
        gone, warm = [], []
        for n in range(MORE_WRITES):
            self.watch.forget()
            self.database.execute("UPDATE allergies SET reaction = %s WHERE id = 'demo-allergy'", [f"Hives, seen {n + 1} times"])
            times = self.watch.first("del", "unlink"), self.watch.first("rename_to")
            check(all(times), f"after write {n + 1} the key was not {'built again' if times[0] else 'removed'}")
            committed = self.committed("demo-allergy")
            gone.append(times[0] - committed)
            warm.append(times[1] - committed)
        self.watch.close()
        reactions = [a["reaction"] for a in json.loads(self.client.get(self.key))["allergies"] if a["allergen"] == ALLERGEN]
        check(reactions == [f"Hives, seen {MORE_WRITES} times"], f"the last write is not in the cached summary: {reactions}")
        for name, times in ("gone", gone), ("warm", warm):
            say(f"commit → {name}   median {milliseconds(statistics.median(times))}, slowest {milliseconds(max(times))}")

    def metrics(self, worker):
        self.step("What the worker says of itself")
        say(f"$ curl {worker.url}/healthz")
        status, health = worker.get("/healthz")
        say(health.strip())
        check(status == 200, f"/healthz gave {status}")
        drained = until(lambda: self.drained(worker) > MORE_WRITES and self.drained(worker), 10, "the counters to show the writes")
        say(f"$ curl {worker.url}/metrics")
        for line in worker.get("/metrics")[1].splitlines():
            if not line.startswith("#") and "_bucket" not in line:
                say(line)
        check(drained > MORE_WRITES, "the worker counted fewer changes than were made")

    @staticmethod
    def drained(worker):
        return sum(value for name, value in worker.metrics().items() if name.startswith("wc_worker_drained"))


def shortened(summary):
    """Two entries of each list, a line each; a long line ends in …"""
    def line(value):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= LINE else text[:LINE] + "…"

    parts = []
    for name, value in summary.items():
        if isinstance(value, list):
            entries = [f"    {line(entry)}" for entry in value[:2]]
            if len(value) > 2:
                entries.append(f"    … {len(value) - 2} more")
            parts.append(f'  "{name}": [\n' + ",\n".join(entries) + "\n  ]")
        else:
            parts.append(f'  "{name}": {line(value)}')
    return "{\n" + ",\n".join(parts) + "\n}"


def observe(demo, worker, servers):
    """Puts the servers to work, with a Prometheus that looks on."""
    demo.step("An application at work, and who looks on")
    prometheus = servers.enter_context(Prometheus(demo.ground, worker))
    load = servers.enter_context(Load(lambda: demo.cluster.connect(DATABASE), demo.redis.connect))
    calls = 'sum by (function) (wc_function_duration_seconds_count) > 0'
    seen = until(lambda: load.failure or {labels["function"] for labels, _ in prometheus.query(calls)} >= {"wc_health_summary",
                 "wc_search_health_records"}, 60, "Prometheus to see calls")
    check(load.failure is None and seen, f"the load has ended: {load.failure}")
    say(f"console      {worker.url}/console")
    say(f"metrics      {worker.url}/metrics")
    say(f"figures      {worker.url}/api/admin/performance")
    say(f"slow calls   {worker.url}/api/admin/slow")
    say(f"Prometheus   {prometheus.url}/graph")
    say(f"alerts       {prometheus.url}/api/v1/alerts")
    say("All of them listen on 127.0.0.1 alone.")
    return prometheus


def stay_up(cluster, redis, worker, stop, others=()):
    print(f"""
All steps held.  The servers stay up until Ctrl-C:
    psql       {cluster.bin}/psql "{cluster.dsn(DATABASE)}"
    redis-cli  REDISCLI_AUTH={redis.password} redis-cli -p {redis.port}
    worker     curl {worker.url}/healthz      curl {worker.url}/metrics
    logs       {cluster.log}
               {redis.log}
               {worker.log}""", flush=True)
    while not stop.wait(1):
        for server in cluster, redis, worker, *others:
            if not server.running():
                raise ServerFailed(f"{type(server).__name__} has ended by itself; its log is {server.log}")


def walk(options, stop):
    with contextlib.ExitStack() as servers:
        print("Starting a private PostgreSQL and a private Redis with a password ...", flush=True)
        ground = servers.enter_context(Ground("demo", say=say))
        # Calls are counted where the library is preloaded.
        preloaded = {"shared_preload_libraries": "$libdir/white_cross"} if options.observe else {}
        cluster = servers.enter_context(Cluster(ground, settings={"fsync": "on", "track_commit_timestamp": "on"} | preloaded))
        redis = servers.enter_context(Redis(ground, settings={"notify-keyspace-events": "KA"}))
        say(f"PostgreSQL {cluster.version} on port {cluster.port}, Redis on port {redis.port}, files in {ground.folder}")
        demo = Demo(cluster, redis, options.students)
        demo.ground = ground
        others = []
        try:
            demo.prepare()
            demo.allow_worker()
            worker = servers.enter_context(Worker(ground, cluster.dsn(DATABASE, "wc_worker"), redis,
                                                 settings={"audit": {"rate_per_s": 1}}))
            say(f"$ wc-worker --config {worker.configuration}")
            say(f"connected; it answers on {worker.url}")
            demo.until_drained()
            demo.summary()
            demo.thousand()
            demo.fill()
            demo.write()
            demo.more_writes()
            demo.metrics(worker)
            if options.observe:
                others = [observe(demo, worker, servers)]
        except (StepFailed, ServerFailed, TimeoutError) as problem:
            raise StepFailed(f"step {demo.step_number}, {demo.title!r}: {problem}") from problem
        if options.once:
            print(f"\nAll {demo.step_number} steps held.", flush=True)
        else:
            stop.walking = False
            stay_up(cluster, redis, worker, stop, others)
            print("\nStopping the servers ...", flush=True)


class Stop(threading.Event):
    """Ctrl-C and SIGTERM: during the walk they interrupt it, later they end the stay.  A second one changes nothing."""

    walking = True

    def install(self):
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, self._arrived)

    def _arrived(self, number, frame):
        if self.is_set():
            return
        self.set()
        if self.walking:
            raise Interrupted


def main():
    parser = argparse.ArgumentParser(description="The main job of white_cross, on private servers.")
    parser.add_argument("--once", action="store_true", help="end after the walk instead of staying up")
    parser.add_argument("--students", type=int, default=2000, metavar="N", help="how many (default 2000)")
    parser.add_argument("--observe", action="store_true", help="put a load on the servers, and let Prometheus look on")
    options = parser.parse_args()
    if options.students < 20:
        parser.error("at least 20 students are needed to find one with allergies")
    stop = Stop()
    stop.install()
    try:
        walk(options, stop)
    except Interrupted:
        print("\ninterrupted; the servers are stopped", file=sys.stderr)
        return 130
    except (StepFailed, ServerFailed, TimeoutError, OSError) as problem:
        print(f"\nFAILED: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
