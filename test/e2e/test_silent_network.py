"""A cable that is pulled: nothing arrives any more, not even an end, and both sides think that they are connected."""

from pathlib import Path

import pytest

from school import Cache, School
from servers import Proxy, Worker, until

PASSWORD = "for-tests"
# A worker that neither polls nor renews liveness while the test goes on, but looks after its connections.
SETTINGS = {"worker": {"name": "district"}, "backoff": {"longest_ms": 100}, "prewarm": {"enabled": False},
            "postgres": {"statement_timeout_ms": 100},
            "queue": {"poll_interval_ms": 3_600_000, "heartbeat_s": 1, "takeover_interval_ms": 50},
            "invalidate": {"alive_ttl_ms": 3_600_000}}


class Wires:
    """A worker with a proxy before each server."""

    def __init__(self, postgresql, redis, worker, cache):
        self.postgresql, self.redis, self.worker, self.cache = postgresql, redis, worker, cache

    def change_is_seen(self, student):
        self.cache.plant_summary(student)
        self.cache.school.psql(f"UPDATE students SET grade = grade || '+' WHERE id = '{student}'")
        self.cache.until_invalidated(self.cache.key(student), timeout=20)


@pytest.fixture
def wires(ground, cluster, redis_server, school):
    school.allow_worker()
    school.sql(f"ALTER ROLE {School.worker_role} PASSWORD '{PASSWORD}'")
    with Proxy(lambda: cluster.port) as postgresql, Proxy(lambda: redis_server.port) as redis, redis_server.connect() as client:
        client.flushall()
        address = f"postgresql://{School.worker_role}:{PASSWORD}@127.0.0.1:{postgresql.port}/{school.database}?sslmode=disable"
        through = {"redis": {"url": f"redis://127.0.0.1:{redis.port}/0", "timeout_ms": 300}}
        with Worker(ground, address, redis_server, "wired", SETTINGS | through) as worker:
            cache = Cache(client, school)
            cache.until_drained()
            yield Wires(postgresql, redis, worker, cache)


@pytest.mark.parametrize("connection", ["wc-worker listen", "wc-worker drain"])
def test_a_connection_to_postgresql(wires, school, connection):
    """The connection is silently cut, and polling is off. Only the heartbeat, which goes the whole way round, can notice. The new
    connection finds the changes that were committed in between, and listens."""
    student, meanwhile = school.add_student(), school.add_student()
    wires.change_is_seen(student)
    wires.cache.plant_summary(meanwhile)
    (link,) = wires.postgresql.links(connection.encode())
    failures = wires.worker.failures("postgres")
    wires.postgresql.silence(connection.encode())
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{meanwhile}'")
    until(lambda: wires.worker.failures("postgres") > failures, 20, "the worker to notice")
    # Its lock is held by a session of which the server thinks that it is well: it ends as one of a worker that hangs would.
    link.go_on()
    link.close()
    wires.cache.until_invalidated(wires.cache.key(meanwhile), timeout=20)
    until(wires.worker.healthy, 20, "the worker to be connected again")
    wires.change_is_seen(student)


def test_the_connection_to_redis(wires, school):
    student = school.add_student()
    wires.change_is_seen(student)
    failures = wires.worker.failures("redis")
    wires.redis.silence()
    until(lambda: wires.worker.failures("redis") > failures, 20, "the worker to notice")
    wires.change_is_seen(student)


def sockets_of(pid):
    """{remote port: whether a timer for keepalives runs} of a process's connections."""
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(fd.readlink().name)
        except FileNotFoundError:
            continue  # closed since
    found = {}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, _, timer, _, _, _, inode, *_ = line.split()
        if f"socket:[{inode}]" in inodes and state == "01":
            found.setdefault(int(remote.split(":")[1], 16), []).append(timer.startswith("02:"))
    return found


def test_connections_are_kept_alive(wires, school):
    """The operating system sends keepalives at both ends, also while there is nothing to send."""
    def all_kept():
        sockets = sockets_of(wires.worker.pid)
        return all(sockets.get(port) and all(sockets[port]) for port in (wires.postgresql.port, wires.redis.port))

    until(all_kept, 10, "keepalives on every connection of the worker")
