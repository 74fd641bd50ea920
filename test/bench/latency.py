"""From a commit to the key being gone, and to the new summary being there, with few and with many other keys."""

import socket
import statistics
import time

from district import table
from servers import Worker

KEY = "student:{}:health_summary"
ROUNDS = 5


class KeyEvents:
    """Redis's notifications of key events, read by the thread that writes: nothing polls, nothing competes.

    From a bare socket: a client library takes longer to parse a notification than what is measured here.
    """

    def __init__(self, redis):
        self._socket = socket.create_connection(("127.0.0.1", redis.port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._seen = b""
        self._socket.sendall(f"AUTH {redis.password}\r\nPSUBSCRIBE __keyspace@0__:student:*:health_summary\r\n".encode())
        self._until(b"psubscribe")

    def _until(self, *endings):
        """Reads until one of these was sent, and forgets what came before it."""
        while True:
            for ending in endings:
                at = self._seen.find(ending)
                if at >= 0:
                    self._seen = self._seen[at + len(ending):]
                    return time.perf_counter()
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("Redis closed the connection")
            self._seen += received

    def until(self, key, *events):
        """The time at which one of the events of the key arrived."""
        return self._until(*(f"__keyspace@0__:{key}\r\n${len(event)}\r\n{event}\r\n".encode() for event in events))

    def close(self):
        self._socket.close()


def fill(client, connection, ids):
    """Fills the cache as an application does on a miss."""
    rows = connection.execute("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%s::text[])", [ids])
    for key, value, ttl, snapshot in rows:
        if client.fcall("wc_fill", 1, key, value, ttl, snapshot) != 1:
            raise RuntimeError(f"the fill of {key} was refused")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure_writes(district, writes, ids):
    gone, warm = [], []
    with district.cluster.connect(district.database) as connection, district.redis.connect() as client:
        fill(client, connection, ids)
        events = KeyEvents(district.redis)
        for n in range(writes):
            student = ids[n % len(ids)]
            connection.execute('UPDATE allergies SET "updatedAt" = clock_timestamp() WHERE "studentId" = %s', [student])
            committed = time.perf_counter()
            gone.append(max(0.0, events.until(KEY.format(student), "del", "unlink") - committed))
            warm.append(max(0.0, events.until(KEY.format(student), "rename_to") - committed))
        events.close()
    return {"gone p50 ms": statistics.median(gone) * 1000, "gone p99 ms": percentile(gone, 0.99) * 1000,
            "warm p50 ms": statistics.median(warm) * 1000, "warm p99 ms": percentile(warm, 0.99) * 1000}


def populate(client, count):
    """Other keys, as a busy application would have them: other students' pages."""
    pipe = client.pipeline(transaction=False)
    for n in range(count):
        pipe.set(f"student:other{n}:records:1:20:{{}}", "{}")
        if n % 10_000 == 9_999:
            pipe.execute()
    pipe.execute()


MEASURED = 1_000  # students; the other writers take those after them, so that no value is refused for their sake
UPDATE = f"""\\set n random({MEASURED} + 1, :students)
UPDATE allergies SET "updatedAt" = clock_timestamp() WHERE "studentId" = student_id(:n);
"""


def rounds_of(district, writes, ids, rounds):
    measure_writes(district, writes // 10, ids)  # what is first of its kind is not of interest
    found = [measure_writes(district, writes, ids) for _ in range(rounds)]
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def measure(district, quick):
    rounds = 1 if quick else ROUNDS
    writes = 200 if quick else 2_000
    with district.cluster.connect(district.database) as connection:
        ids = [row[0] for row in connection.execute(
            'SELECT DISTINCT "studentId" FROM allergies WHERE "studentId" IN (SELECT student_id(n) FROM generate_series(1, %s) AS n) '
            'ORDER BY 1 LIMIT 500', [MEASURED])]
    results = {}
    others = 0
    with Worker(district.ground, district.cluster.dsn(district.database), district.redis,
                settings={"log": {"level": "warning"}}), district.redis.connect() as client:
        for count in (10_000, 100_000 if quick else 1_000_000):
            populate(client, count - others)
            others = count
            results[f"{count:,} other keys"] = rounds_of(district, writes, ids, rounds)
        with district.writers(district.script("update", UPDATE), clients=8, a_second=1_000):
            results["the same, others write 1,000 times a second"] = rounds_of(district, writes, ids, rounds)
        client.flushall()
    print(f"{writes:,} single writes, each acknowledged before the next; medians of {rounds} rounds")
    figures = list(next(iter(results.values())))
    table(["", *figures], [[name, *found.values()] for name, found in results.items()])
    return results
