"""Two workers with the settings as they come: the one that drains is killed, and the other goes on."""

import signal
import statistics
import time

from district import table
from servers import Worker, until

ROUNDS = 10


def is_drainer(worker):
    return worker.metrics()["wc_worker_is_drainer"] == 1


def measure(district, quick):
    rounds = 2 if quick else ROUNDS
    settings = {"worker": {"name": "pair"}, "log": {"level": "warning"}}
    address = district.cluster.dsn(district.database)
    found = []
    with district.cluster.connect(district.database) as connection, district.redis.connect() as client, \
            Worker(district.ground, address, district.redis, "takeover-1", settings) as one, \
            Worker(district.ground, address, district.redis, "takeover-2", settings) as other:
        student = connection.execute("SELECT id FROM students LIMIT 1").fetchone()[0]
        for _ in range(rounds):
            until(lambda: is_drainer(one), 30, "a worker to drain", 0.05)
            until(lambda: not connection.execute("SELECT EXISTS (SELECT FROM white_cross.invalidation)").fetchone()[0], 30)
            client.set(f"student:{student}:growth_chart", "planted")
            one.stop(signal.SIGKILL)
            killed = time.perf_counter()
            connection.execute('UPDATE students SET "dateOfBirth" = "dateOfBirth" + interval \'1 day\' WHERE id = %s', [student])
            until(lambda: not client.exists(f"student:{student}:growth_chart"), 30, "the change to be seen", 0.001)
            found.append(time.perf_counter() - killed)
            one.start()
            one, other = other, one
        connection.execute("SELECT white_cross.unregister_worker('pair')")
        client.flushall()
    figures = {"median ms": statistics.median(found) * 1000, "slowest ms": max(found) * 1000}
    print(f"from the kill of the worker that drains to the removal by the other of what was written then; {rounds} times")
    table(list(figures), [list(figures.values())])
    return figures
