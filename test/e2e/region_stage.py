"""Several Redis at once for tests: their servers, and a student whose summary is cached in each."""

import signal
import time

import pytest

from school import Cache
from servers import Redis, library, until
from stray_reader import last_name

TTL_MS = 1000
SETTINGS = {"backoff": {"longest_ms": 200}, "queue": {"poll_interval_ms": 200, "heartbeat_s": 1}, "invalidate": {"alive_ttl_ms": TTL_MS}}
thorough = pytest.mark.thorough


def with_ttl(milliseconds):
    return SETTINGS | {"invalidate": {"alive_ttl_ms": milliseconds}}


class Regions:
    """Redis by name; a region with a proxy is reached by the worker through it, and by its readers directly."""

    def __init__(self, servers, proxies=None, timeout_ms=500):
        self.servers = servers
        self.proxies = proxies or {}
        self.timeout_ms = timeout_ms

    def worker_settings(self):
        def target(name, server):
            own = server.worker_settings() | {"name": name, "timeout_ms": self.timeout_ms}
            return own | ({"url": f"redis://127.0.0.1:{self.proxies[name].port}/0"} if name in self.proxies else {})
        return {"target": [target(name, server) for name, server in self.servers.items()]}


@pytest.fixture(scope="module")
def near(ground):
    with Redis(ground, "near") as server:
        yield server


@pytest.fixture(scope="module")
def far(ground):
    with Redis(ground, "far") as server:
        yield server


@pytest.fixture
def regions(near, far):
    for server in near, far:
        if not server.running():
            server.start()
        with server.connect() as client:
            client.flushall()
    yield Regions({"near": near, "far": far})
    for server in near, far:
        if server.running():
            server.send(signal.SIGCONT)


def read(server, student):
    with server.connect() as client:
        return last_name(client.execute_command(*library.get(Cache.key(student))))


def held(server, student):
    """What lies there, whoever would be answered with it."""
    with server.connect() as client:
        return last_name(client.get(Cache.key(student)))


class Stage:
    """A student whose summary is cached in each region."""

    def __init__(self, school, regions, worker):
        self.school, self.regions, self.worker = school, regions, worker
        self.student = school.add_student(lastName="Before")
        self.until_drained(30)  # a value that is stored before that is removed
        for name in regions.servers:
            self.load_into(name)

    def load_into(self, name):
        server = self.regions.servers[name]

        def is_read():
            with server.connect() as client:
                Cache(client, self.school).load(self.student)
            return read(server, self.student) is not None

        until(is_read, 30, f"a value to be found in {name}", 0.05)

    def rename(self, name):
        self.school.sql('UPDATE students SET "lastName" = %s WHERE id = %s', name, self.student)

    def until_drained(self, timeout=15):
        until(self.school.is_drained, timeout, "the queue to be empty")
        return time.monotonic()

    def is_away(self, name):
        return self.school.one("SELECT is_away FROM white_cross.target WHERE name = %s", name)

    def until_away(self, name):
        until(lambda: self.is_away(name), 20, f"{name} to count as away")

    def until_trusted(self, name):
        until(lambda: self.school.one("SELECT NOT is_away AND sweep IS NULL FROM white_cross.target WHERE name = %s", name), 30, f"{name} to be trusted")
        until(lambda: read_liveness(self.regions.servers[name]), 30, f"{name} to have a liveness")


def read_liveness(server):
    with server.connect() as client:
        return client.get("wc:alive")


@pytest.fixture
def start(start_worker, school):
    def start(regions, settings=SETTINGS, **options):
        return Stage(school, regions, start_worker(redis=regions, settings=settings, **options))
    return start
