"""Real servers for the tests: one PostgreSQL and one Redis for each process that runs tests, a database and a worker for each test."""

import itertools
import logging
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# A failed assertion shows its values there too.
pytest.register_assert_rewrite(*(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith(("test_", "conftest"))))

import counted as counting  # noqa: E402
import told  # noqa: E402
from school import Cache, School, attached_school  # noqa: E402
from servers import Cluster, Ground, Receiver, Redis, Worker, opaque_keys  # noqa: E402
from servers.process import tail  # noqa: E402
from servers.server import Server  # noqa: E402

_numbers = itertools.count(1)
_shared = []  # the servers that tests of all files use


def pytest_configure(config):
    config.addinivalue_line("markers", "plain_keys(reason): cannot run with WC_OPAQUE_KEYS=1")
    config.addinivalue_line("markers", "may_tell(reason): its servers are made to tell texts that students have too")
    config.addinivalue_line("markers", "thorough: takes long, and says little new on a second machine: run_tests.py --quick leaves it out")


def pytest_collection_modifyitems(items):
    for item in items:
        plain = item.get_closest_marker("plain_keys")
        if plain and opaque_keys.IS_ON:
            item.add_marker(pytest.mark.skip(reason=plain.args[0]))


def assert_silence(node):
    """Of a test or a file."""
    heard = told.take()
    assert heard == [] or node.get_closest_marker("may_tell"), "nobody tells a student in passing"


class Heard(logging.Handler):
    """The log of the Python client."""

    def emit(self, record):
        told.search("the log of a client", self.format(record))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_told_by_the_last():
    """The first fixture, and so the last that ends."""
    logging.getLogger("white_cross").addHandler(Heard())
    Server.look_at = Receiver.look_at = told.look_at
    Server.hear = told.search
    yield
    assert told.take() == []


@pytest.fixture(scope="module", autouse=True)
def nothing_is_told_by_a_file(request):
    """The first of a file's fixtures: those servers that started with it have ended."""
    yield
    told.forget(_shared)
    assert_silence(request.node)


@pytest.fixture(autouse=True)
def nothing_is_told(request):
    yield
    if "redis_server" in request.fixturenames:
        told.search_redis(request.getfixturevalue("redis_server"))
    assert_silence(request.node)


@pytest.fixture(scope="session")
def ground():
    with Ground("test/e2e-servers", say=print, in_memory=True) as ground:
        yield ground


@pytest.fixture(scope="session")
def cluster(ground):
    with Cluster(ground, settings={"wal_level": "logical", "max_connections": 60}) as cluster:
        _shared.append(cluster)
        yield cluster


@pytest.fixture(scope="session")
def preloaded_cluster(ground):
    """A server that keeps summaries in shared memory."""
    with Cluster(ground, "preloaded-pg", settings={"shared_preload_libraries": "$libdir/white_cross", "wal_level": "logical",
                                                   "max_connections": 60}) as cluster:
        _shared.append(cluster)
        yield cluster


@pytest.fixture(scope="session")
def redis_server(ground):
    with Redis(ground) as redis:
        _shared.append(redis)
        yield redis


@pytest.fixture
def empty_database(cluster):
    """A database with nothing in it: its name."""
    name = f"test_{next(_numbers)}"
    cluster.create_database(name)
    yield name
    cluster.drop_database(name)


@pytest.fixture
def school(cluster):
    """The application's four tables, attached, with no rows."""
    school = attached_school(cluster, f"test_{next(_numbers)}")
    with school.connection:
        yield school
    cluster.drop_database(school.database)


@pytest.fixture
def start_worker(ground, redis_server, school):
    """start_worker(settings=…, environment=…, redis=…): a running worker on the test's database, ended with the test."""
    redis_server.connect().flushall()
    started = []
    school.allow_worker()

    def start(name="worker", enter=True, redis=redis_server, **options):
        worker = Worker(ground, school.worker_dsn, redis, name=name, **options)
        started.append(worker)
        return worker.__enter__() if enter else worker

    yield start
    for worker in started:
        worker.stop()


@pytest.fixture
def worker(start_worker):
    return start_worker()


@pytest.fixture
def cache(redis_server, worker, school):
    """The application's view of Redis, while the worker runs."""
    with redis_server.connect() as client:
        yield Cache(client, school)


@pytest.fixture
def start_own_school(ground, redis_server):
    """start_own_school(worker_settings, **settings) → school, worker and cache on a cluster of their own."""
    with ExitStack() as stack:
        def start(worker_settings=None, **settings):
            cluster = stack.enter_context(Cluster(ground, "own-pg", settings))
            cluster.create_database("school")
            school = School(cluster, "school")
            school.attach()
            school.allow_worker()
            client = stack.enter_context(redis_server.connect())
            client.flushall()
            worker = stack.enter_context(Worker(ground, school.worker_dsn, redis_server, "own-worker",
                                                settings=worker_settings))
            return school, worker, Cache(client, school)
        yield start


@pytest.fixture(scope="module")
def preloaded(ground):
    """A server on which calls are counted, by us and by PostgreSQL."""
    with Cluster(ground, "counting-pg", {"shared_preload_libraries": "$libdir/white_cross", "track_functions": "all"}) as cluster:
        yield cluster


@pytest.fixture
def counted(preloaded):
    """A school whose calls are counted, with one student.  There is room for four; this is more, one after the other."""
    school = counting.make_school(preloaded, f"counted_{next(_numbers)}")
    yield school
    counting.drop(school)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the logs that its servers wrote to."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and "ground" in item.funcargs:
        for log in sorted(item.funcargs["ground"].folder.rglob("*.log")):
            if log.stat().st_mtime >= call.start:
                report.sections.append((str(log), tail(log, 25)))
