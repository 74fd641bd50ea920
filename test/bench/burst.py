"""100,000 students changed at once: how fast the worker is through, and what memory it takes."""

import re
import time
from pathlib import Path

from district import table
from servers import Worker, until

CHANGED = 100_000


def peak_memory_mb(pid):
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024


def queue_is_empty(connection):
    return connection.execute("SELECT NOT EXISTS (SELECT FROM white_cross.invalidation)").fetchone()[0]


def cache_all(client, count, value):
    pipe = client.pipeline(transaction=False)
    for n in range(1, count + 1):
        pipe.set(f"student:c{n:024d}:health_summary", value, ex=3600)
        if n % 10_000 == 0:
            pipe.execute()
    pipe.execute()


def measure(district, quick):
    changed = CHANGED // 10 if quick else CHANGED
    results = {}
    with district.cluster.connect(district.database) as connection, district.redis.connect() as client:
        connection.execute(
            'INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) '
            "SELECT student_id(n), 'B' || n, 'Burst', 'Student', '2014-01-01', '5', 'OTHER' "
            "FROM generate_series(%s::int, %s::int) n ON CONFLICT DO NOTHING", [district.students + 1, changed])
        connection.execute("VACUUM ANALYZE students")
        value = connection.execute("SELECT wc_health_summary(student_id(1))::text").fetchone()[0]
        for name, cached in (("nobody's summary cached", 0), ("everybody's summary cached", changed)):
            with Worker(district.ground, district.cluster.dsn(district.database), district.redis,
                        name=f"burst-{cached}", settings={"log": {"level": "warning"}}) as worker:
                cache_all(client, cached, value)
                connection.execute("UPDATE students SET \"updatedAt\" = clock_timestamp() WHERE id <= student_id(%s)", [changed])
                started = time.perf_counter()
                until(lambda: queue_is_empty(connection), 120, "the queue to be empty", 0.01)
                seconds = time.perf_counter() - started
                results[name] = {"students/s": changed / seconds, "seconds": seconds,
                                 "peak MB": peak_memory_mb(worker.pid)}
            connection.execute("SELECT white_cross.unregister_worker(%s)", [f"burst-{cached}"])
            client.flushall()
    print(f"{changed:,} students changed by one transaction, from its commit until the queue is empty")
    table(["", "students/s", "seconds", "peak MB"], [[name, *found.values()] for name, found in results.items()])
    return results
