"""What change tracking costs writers: single-row inserts, each its own transaction, with fsync."""

import contextlib
import signal
import statistics
import threading

from district import rounds_in_turns, shares, table
from servers import Worker, until

INSERT = """\\set n random(1, :students)
INSERT INTO allergies (id, allergen, severity, "studentId")
VALUES (gen_random_uuid()::text, 'Peanuts', 'MILD', student_id(:n));
"""


@contextlib.contextmanager
def bare(district):
    """No trigger at all."""
    district.cluster.psql("SELECT wc_detach('public')", district.database)
    yield
    district.cluster.psql("SELECT wc_attach('public')", district.database)


@contextlib.contextmanager
def naive(district):
    """Measures a row trigger with pg_notify, while one session listens."""
    district.cluster.psql("SELECT wc_detach('public'); CREATE TRIGGER naive AFTER INSERT ON allergies FOR EACH ROW "
                          "EXECUTE FUNCTION naive_notify();", district.database)
    ended = threading.Event()

    def listen():
        with district.cluster.connect(district.database) as connection:
            connection.execute("LISTEN naive")
            for _ in connection.notifies():
                if ended.is_set():
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    yield
    ended.set()
    district.cluster.psql("NOTIFY naive", district.database)
    listener.join()
    district.cluster.psql("DROP TRIGGER naive ON allergies; SELECT wc_attach('public');", district.database)


@contextlib.contextmanager
def tracked(district, paused=False):
    """Measures our triggers, while the worker drains on the same cores, or stands still."""
    with Worker(district.ground, district.cluster.dsn(district.database), district.redis, name="inserts",
                settings={"log": {"level": "warning"}}) as worker, district.cluster.connect(district.database) as connection:
        # What it has to do because it is new, it has done.
        until(lambda: is_idle(worker, connection), 60, "the worker to have nothing to do")
        if paused:
            worker.send(signal.SIGSTOP)
        yield
        worker.send(signal.SIGCONT)
    district.cluster.psql("SELECT white_cross.unregister_worker('inserts'); DELETE FROM white_cross.invalidation;",
                          district.database)


def is_idle(worker, connection):
    return (not connection.execute("SELECT EXISTS (SELECT FROM white_cross.invalidation)").fetchone()[0]
            and worker.metrics()["wc_worker_prewarm_backlog"] == 0)


RELAY, DIRECT = "-c white_cross.notify=relay", "-c white_cross.notify=direct"


def measure(district, quick):
    # Many short rounds: the speed of a disk that is not ours alone drifts by a third within minutes.
    seconds, warm_up, rounds = (2, 1, 1) if quick else (8, 4, 5)
    script = district.script("insert", INSERT)
    worlds = {
        "no trigger": (bare, ""),
        "white_cross, notify = relay, worker paused": (lambda d: tracked(d, paused=True), RELAY),
        "white_cross, notify = relay, worker draining": (tracked, RELAY),
        "white_cross, notify = direct, worker draining": (tracked, DIRECT),
        "row trigger with pg_notify, a listener": (naive, ""),
    }
    results = {}
    client = district.redis.connect()
    notifies = client.config_get("notify-keyspace-events")
    # Nobody listens to Redis's own notifications here, and by default it sends none.
    client.config_set("notify-keyspace-events", "")
    for clients in (1, 8, 32):
        def run(world, settings):
            with world(district):
                return district.pgbench(script, clients, seconds, settings, warm_up=warm_up)
        seen = rounds_in_turns({name: lambda world=world: run(*world) for name, world in worlds.items()}, rounds)
        share = shares(seen, "no trigger")
        results[f"{clients} clients"] = {name: {"tps": statistics.median(found), "share": share[name]} for name, found in seen.items()}
    client.config_set("notify-keyspace-events", notifies["notify-keyspace-events"])
    print("inserts a second (share of those without a trigger in the same round)")
    table(["", *results], [[name, *[f"{found[name]['tps']:,.0f} ({found[name]['share']:.2f})" for found in results.values()]]
                           for name in worlds])
    return results
