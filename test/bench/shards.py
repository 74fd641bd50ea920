"""What a shard of a Redis Cluster that is away costs the students of the other shards: from a commit to the key being gone."""

import signal
import statistics

from district import table
from latency import KeyEvents, percentile
from regions import gone
from servers import RedisCluster, Worker, until
from servers.redis_cluster import slot_of

WRITES = 700
STUDENTS = 100
KINDS = ("all there", "one away")


def key_of(student):
    return f"student:{{{student}}}:health_summary"


def students_of(connection, node):
    slots = node.slots()
    ids = (row[0] for row in connection.execute("SELECT id FROM students ORDER BY id LIMIT 2000"))
    return [student for student in ids if slot_of(key_of(student)) in slots][:STUDENTS]


def change(connection, student):
    connection.execute('UPDATE students SET "updatedAt" = clock_timestamp() WHERE id = %s', [student])


class Away:
    """`with` stops the process of a shard, and has one of its students changed, whose change waits from then on."""

    def __init__(self, connection, node, student):
        self._connection, self._node, self._student = connection, node, student

    def set_aside(self):
        return self._connection.execute("SELECT count(*) FROM white_cross.set_aside").fetchone()[0]

    def __enter__(self):
        self._node.send(signal.SIGSTOP)
        change(self._connection, self._student)

    def __exit__(self, *error):
        self._node.send(signal.SIGCONT)
        until(lambda: self.set_aside() == 0, 60, "the shard to be back")


def measure(district, quick):
    writes, turns = (WRITES // 10, 2) if quick else (WRITES, 6)
    times = {kind: [] for kind in KINDS}
    waited = []
    with RedisCluster(district.ground, "bench-shards") as cluster, district.cluster.connect(district.database) as connection:
        connection.execute(f"ALTER DATABASE {district.database} SET white_cross.cluster_keys = on")
        connection.execute("SET white_cross.cluster_keys = on")
        away, other = cluster.masters[:2]
        held, ids = students_of(connection, away)[0], students_of(connection, other)
        with other.connect() as client:
            client.config_set("notify-keyspace-events", "KEA")
        with Worker(district.ground, district.cluster.dsn(district.database), cluster, name="shards",
                    settings={"log": {"level": "warning"}, "prewarm": {"enabled": False}}):
            until(lambda: connection.execute("SELECT count(*) FROM white_cross.served_shard").fetchone()[0] == 3, 60, "each shard to be trusted")
            gone(connection, other, ids, writes // 10, key_of)  # what is first of its kind is not of interest
            for turn in range(turns):
                times["all there"] += gone(connection, other, ids, writes, key_of)
                with (absence := Away(connection, away, held)):
                    times["one away"] += gone(connection, other, ids, writes, key_of)
                    waited.append(absence.set_aside())
        connection.execute("SELECT white_cross.unregister_worker('shards')")
        connection.execute(f"ALTER DATABASE {district.database} RESET white_cross.cluster_keys")
    if set(waited) != {1}:
        raise RuntimeError(f"the student of the shard that is away should be the one that waits: {waited}")
    results = {kind: {"gone p50 ms": statistics.median(found), "gone p99 ms": percentile(found, 0.99), "longest ms": max(found)}
               for kind, found in times.items()}
    ratio = results["one away"]["gone p99 ms"] / results["all there"]["gone p99 ms"]
    print(f"three shards, {len(times['all there']):,} writes of one of them; its p99 with another one away: {ratio:.2f} times of with all")
    columns = list(results["all there"])
    table(["", *columns], [[kind, *found.values()] for kind, found in results.items()])
    return results
