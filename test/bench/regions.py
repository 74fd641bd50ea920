"""A region 80 ms away beside a near one: how fast changes reach each, and what the far one costs the near one."""

import multiprocessing
import statistics
import time
from contextlib import ExitStack, contextmanager

from burst import cache_all
from district import table
from latency import KEY, KeyEvents, percentile
from servers import Proxy, Redis, Worker, until

AWAY_MS = 80
CHANGED = 100_000
WRITES = 700
STUDENTS = 200


def carry(port, pipe):
    with Proxy(lambda: port, AWAY_MS / 2000) as proxy:
        pipe.send(proxy.port)
        pipe.recv()


@contextmanager
def long_line_to(port):
    """Its port.  In a process of its own, so that it takes nothing from the thread that measures."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=carry, args=(port, there))
    process.start()
    yield here.recv()
    here.send("end")
    process.join()


class Targets:
    """name → (Redis, the port at which the worker reaches it)."""

    def __init__(self, **targets):
        self._targets = targets

    def worker_settings(self):
        return {"target": [server.worker_settings() | {"name": name, "url": f"redis://127.0.0.1:{port}/0"}
                           for name, (server, port) in self._targets.items()]}


def gone(connection, redis, ids, writes, key_of=KEY.format):
    """Milliseconds from each commit until this Redis has not the key any more."""
    events = KeyEvents(redis)
    times = []
    with redis.connect() as client:
        for n in range(writes):
            key = key_of(ids[n % len(ids)])
            client.set(key, "{}", ex=300)
            connection.execute('UPDATE students SET "updatedAt" = clock_timestamp() WHERE id = %s', [ids[n % len(ids)]])
            committed = time.perf_counter()
            times.append(max(0.0, events.until(key, "del", "unlink") - committed) * 1000)
    events.close()
    return times


def burst(connection, clients, changed, value):
    """Students a second until each Redis has no summary any more."""
    for client in clients.values():
        cache_all(client, changed, value)
    last = KEY.format(f"c{changed:024d}")
    connection.execute('UPDATE students SET "updatedAt" = clock_timestamp() WHERE id <= student_id(%s)', [changed])
    started, rates = time.perf_counter(), {}

    def looked():
        for name, client in clients.items():
            if name not in rates and not client.exists(last):
                rates[name] = changed / (time.perf_counter() - started)
        return len(rates) == len(clients)

    until(looked, 120, "both to be through", 0.005)
    until(lambda: connection.execute("SELECT NOT EXISTS (SELECT FROM white_cross.invalidation)").fetchone()[0], 60, "the queue to be empty", 0.01)
    return rates | {"queue empty": changed / (time.perf_counter() - started)}


def measure(district, quick):
    changed, writes = (CHANGED // 10, WRITES // 10) if quick else (CHANGED, WRITES)
    results, times = {}, {"near alone": [], "near, with one 80 ms away": []}
    with ExitStack() as stack:
        connection = stack.enter_context(district.cluster.connect(district.database))
        connection.execute(
            'INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) '
            "SELECT student_id(n), 'B' || n, 'Burst', 'Student', '2014-01-01', '5', 'OTHER' "
            "FROM generate_series(%s::int, %s::int) n ON CONFLICT DO NOTHING", [district.students + 1, changed])
        connection.execute("VACUUM ANALYZE students")
        ids = [row[0] for row in connection.execute("SELECT id FROM students ORDER BY id LIMIT %s", [STUDENTS])]
        value = connection.execute("SELECT wc_health_summary(student_id(1))::text").fetchone()[0]
        far = stack.enter_context(Redis(district.ground, "far-redis"))
        line = stack.enter_context(long_line_to(far.port))
        near = district.redis, district.redis.port
        kinds = {"near alone": Targets(near=near), "near, with one 80 ms away": Targets(near=near, far=(far, line))}
        district.redis.connect().config_set("notify-keyspace-events", "KEA")
        # In turns, so that what else the machine does is the same for both.
        for turn in range(2 if quick else 4):
            for kind, targets in kinds.items():
                with Worker(district.ground, district.cluster.dsn(district.database), targets, name=f"regions-{turn}",
                            settings={"log": {"level": "warning"}, "prewarm": {"enabled": False}}):
                    until(lambda: connection.execute("SELECT EXISTS (SELECT FROM white_cross.worker) AND NOT EXISTS (SELECT FROM white_cross.invalidation)").fetchone()[0], 60, "it to begin")
                    times[kind] += gone(connection, district.redis, ids, writes)
                    if turn == 0:
                        clients = {"near": stack.enter_context(district.redis.connect())}
                        if "80" in kind:
                            clients["far"] = stack.enter_context(far.connect())
                        results[kind] = {f"{name}, students/s": rate for name, rate in burst(connection, clients, changed, value).items()}
                connection.execute("SELECT white_cross.unregister_worker(%s)", [f"regions-{turn}"])
        district.redis.connect().config_set("notify-keyspace-events", "")
        district.redis.connect().flushall()
    for kind, found in times.items():
        results[kind] |= {"gone p50 ms": statistics.median(found), "gone p99 ms": percentile(found, 0.99)}
    ratio = results["near, with one 80 ms away"]["gone p99 ms"] / results["near alone"]["gone p99 ms"]
    print(f"{changed:,} students changed at once, and {len(times['near alone'])} one after the other; near p99 with the far one: {ratio:.2f} times of alone")
    columns = ["near, students/s", "far, students/s", "queue empty, students/s", "gone p50 ms", "gone p99 ms"]
    table(["", *columns], [[kind, *(found.get(column, "") for column in columns)] for kind, found in results.items()])
    return results
