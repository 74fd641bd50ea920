"""What it costs to count a call: the same loop where calls are counted and where they are not, in turns.

A summary of NULL is the shortest call that is counted: it reads nothing.
"""

import statistics
from pathlib import Path

from district import rounds_in_turns, table
from servers import Cluster

LOOP = "SELECT count(wc_health_summary(NULL::text)) FROM generate_series(1, {calls})"


def counted_cluster(ground, name, databases):
    return Cluster(ground, name, {"shared_preload_libraries": "$libdir/white_cross", "white_cross.track_databases": databases})


def on_cpu(connection):
    """Nanoseconds that the session has run for, without those in which others had its processor."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0])


def nanoseconds(connection, calls):
    """Returns how long one call takes."""
    before = on_cpu(connection)
    connection.execute(LOOP.format(calls=calls))
    return (on_cpu(connection) - before) / calls


def measure(district, quick):
    calls, rounds = (100_000, 3) if quick else (1_000_000, 15)
    with counted_cluster(district.ground, "counted", 1) as on, counted_cluster(district.ground, "uncounted", 0) as off:
        with on.connect() as first, off.connect() as second:
            for connection in first, second:
                connection.execute("CREATE EXTENSION white_cross; SET jit = off; SET max_parallel_workers_per_gather = 0")
            found = rounds_in_turns({"counted": lambda: nanoseconds(first, calls),
                                     "not counted": lambda: nanoseconds(second, calls)}, rounds)
    medians = {name: statistics.median(times) for name, times in found.items()}
    medians["counting a call"] = statistics.median(a - b for a, b in zip(*found.values()))
    print("nanoseconds a call")
    table(["", "median"], [[name, f"{time:,.1f}"] for name, time in medians.items()])
    return medians
