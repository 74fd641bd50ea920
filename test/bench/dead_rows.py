"""A transaction that stays open for long, and a million rows of the queue that were drained and cannot be vacuumed."""

import statistics
import time

from district import table
from latency import KEY, KeyEvents, fill, percentile
from servers import Worker

ROWS = 1_000_000
ROUNDS = 5


def gone(district, connection, client, events, ids, writes):
    """Returns percentiles of the time from the commit's return to the removal of the key."""
    fill(client, connection, ids)
    found = []
    for n in range(writes):
        student = ids[n % len(ids)]
        connection.execute('UPDATE allergies SET "updatedAt" = clock_timestamp() WHERE "studentId" = %s', [student])
        committed = time.perf_counter()
        found.append(max(0.0, events.until(KEY.format(student), "del", "unlink") - committed))
        events.until(KEY.format(student), "rename_to")
    return {"gone p50 ms": statistics.median(found) * 1000, "gone p99 ms": percentile(found, 0.99) * 1000}


def die(connection, rows):
    """Queued and drained, one transaction each."""
    connection.execute("SET synchronous_commit = off")
    connection.execute(f"DO $$ BEGIN FOR i IN 1 .. {rows} LOOP PERFORM wc_invalidate('nobody'::text); COMMIT; END LOOP; END $$")
    connection.execute("RESET synchronous_commit")


def until_drained(connection):
    while connection.execute("SELECT EXISTS (SELECT FROM white_cross.invalidation)").fetchone()[0]:
        time.sleep(0.05)


def measure(district, quick):
    rows = ROWS // 20 if quick else ROWS
    writes, rounds = (100, 1) if quick else (1_000, ROUNDS)
    with district.cluster.connect(district.database) as connection, district.redis.connect() as client, \
            district.cluster.connect(district.database, autocommit=False) as old, \
            Worker(district.ground, district.cluster.dsn(district.database), district.redis, "dead-rows",
                   settings={"log": {"level": "warning"}}):
        ids = [row[0] for row in connection.execute('SELECT DISTINCT "studentId" FROM allergies ORDER BY 1 LIMIT 100')]
        until_drained(connection)
        events = KeyEvents(district.redis)
        measured = {}

        def rounds_of(name):
            gone(district, connection, client, events, ids, writes // 10)
            found = [gone(district, connection, client, events, ids, writes) for _ in range(rounds)]
            measured[name] = {figure: statistics.median(one[figure] for one in found) for figure in found[0]}

        rounds_of("a clean queue")
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM white_cross.invalidation")
        die(connection, rows)
        until_drained(connection)
        rounds_of(f"{rows:,} dead rows")
        old.rollback()
        connection.execute("VACUUM white_cross.invalidation")
        rounds_of("after they were vacuumed")
        events.close()
        connection.execute("SELECT white_cross.unregister_worker('dead-rows')")
        client.flushall()
    clean = measured["a clean queue"]
    figures = list(clean)
    for found in measured.values():
        found |= {f"{name[:-3]} of clean": found[name] / clean[name] for name in figures}
    print(f"{writes:,} single writes, each acknowledged before the next; medians of {rounds} rounds")
    table(["", *clean], [[name, *found.values()] for name, found in measured.items()])
    return measured
