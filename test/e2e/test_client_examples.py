"""The fenced way, as the README shows it: examples/ with the application's user of config/users.acl."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager

import pytest

from school import Cache
from servers import Redis, until
from servers.ground import ROOT

sys.path.insert(0, str(ROOT / "examples"))
from fenced import health_summary  # noqa: E402

FOREVER = 600  # seconds: a test that waits so long has failed


class Database:
    """What an application loads from: counts the loads, and lets a test do something between load and fill."""

    def __init__(self, school):
        self.school = school
        self.between = lambda: None
        school.sql("CREATE SEQUENCE loads")

    @property
    def loads(self):
        return self.school.one("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM loads")

    def execute(self, statement, parameters):
        with self.school.cluster.connect(self.school.database) as connection:
            connection.execute("SELECT nextval('loads')")
            found = connection.execute(statement, parameters)
        self.between()
        return found


class Leases:
    """Who asked for a lease: Redis's MONITOR, read by a thread of its own."""

    def __init__(self, client):
        self.asked = Counter()
        self._monitor = client.monitor()
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        for seen in self._monitor.listen():
            if seen["command"] == "ECHO enough":
                return
            if seen["command"].startswith("FCALL wc_lease"):
                self.asked[seen["client_port"]] += 1

    def stop(self, client):
        client.echo("enough")
        self._thread.join(FOREVER)
        self._monitor.__exit__(None, None, None)


class Python:
    """The application with redis-py: a connection for each call."""

    connections = 200

    def __init__(self, server, database):
        self.server = server
        self.database = database

    def one(self, student, patience=FOREVER):
        with self.server.connect("wc_application") as client:
            return health_summary(client, self.database, student, patience)

    def many(self, student, times):
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.one(student))) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(FOREVER)
        return results

    def stop(self):
        pass


class Node:
    """The application with node-redis: a process of its own, all calls over one connection."""

    connections = 1

    def __init__(self, server, database):
        self.database = database
        url = server.url.replace("//", f"//wc_application:{server.passwords['wc_application']}@")
        self._process = subprocess.Popen(
            ["node", ROOT / "test/e2e/fenced_client.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env=os.environ | {"NODE_PATH": "/usr/share/nodejs", "REDIS_URL": url})

    def one(self, student, patience=FOREVER):
        return self._run(student, patience, 1)[0]

    def many(self, student, times):
        return self._run(student, FOREVER, times)

    def _run(self, student, patience, times):
        self._say({"student": student, "patience": patience * 1000, "times": times})
        while True:
            message = json.loads(self._process.stdout.readline())
            if "query" not in message:
                assert "error" not in message, message
                return message["results"]
            values = message["values"]
            found = self.database.execute(message["text"].replace("$1", "%s"), values)
            names = [column.name for column in found.description]
            self._say({"answer": message["query"], "rows": [dict(zip(names, row)) for row in found.fetchall()]})

    def _say(self, message):
        self._process.stdin.write(json.dumps(message) + "\n")

    def stop(self):
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        self._process.stdout.close()


@pytest.fixture(scope="module")
def secured(ground):
    with Redis(ground, "redis-examples", access=True) as server:
        yield server


@pytest.fixture
def cache(secured, start_worker, school):
    """As the worker's user sees it."""
    with secured.connect("admin") as administrator:
        administrator.flushall()
    start_worker(redis=secured)
    with secured.connect("wc_worker") as client:
        cache = Cache(client, school)
        cache.until_drained()
        until(lambda: client.exists("wc:alive"), 10, "the worker to vouch for the cache")
        yield cache


@pytest.fixture
def database(school):
    return Database(school)


@pytest.fixture(params=[Python, Node], ids=["python", "node"])
def application(request, secured, database):
    application = request.param(secured, database)
    yield application
    application.stop()


@pytest.fixture
def student(school, cache):
    student = school.add_student(firstName="Zoë", lastName="O'Neil \U0001F9EA")
    school.add_allergy(student)
    cache.until_drained()
    return student


def test_the_value_is_right_and_cached_from_then_on(application, database, student, school, cache):
    assert application.one(student) == school.summary(student)
    assert database.loads == 1
    assert cache.is_current(student) and 0 < cache.client.pttl(cache.key(student)) <= 300_000
    assert application.one(student) == school.summary(student)
    assert database.loads == 1


def test_a_change_is_seen(application, database, student, school, cache):
    application.one(student)
    school.psql("UPDATE allergies SET reaction = 'Hives'")
    cache.until_drained()
    assert application.one(student)["allergies"][0]["reaction"] == "Hives"
    until(lambda: cache.summary(student) and cache.is_current(student), 10, "the new summary")
    loads = database.loads
    assert application.one(student) == school.summary(student)
    assert database.loads == loads


def test_what_was_loaded_before_a_change_is_not_stored_after_it(application, database, student, school, cache):
    old = school.summary(student)

    def change():
        database.between = lambda: None
        school.psql("UPDATE allergies SET reaction = 'Hives'")
        cache.until_drained()

    database.between = change
    assert application.one(student) == old, "it was right when it was loaded"
    assert cache.summary(student) in (None, school.summary(student)), "and is not stored"
    assert application.one(student) == school.summary(student) != old


def test_nobody_has_this_student(application, database, cache):
    for loads in 1, 2:
        assert application.one("nobody") is None
        assert database.loads == loads, "at once: the lease was given back"
    assert cache.client.mget("student:nobody:health_summary") == [None]


def test_row_level_security_stores_nothing(application, database, student, school, cache):
    """wc_cache_entries gives no snapshot where a value is not for everybody."""
    expected = school.summary(student)
    rows = database.execute("SELECT value::text, ttl_seconds, NULL::text AS snapshot FROM wc_cache_entries(ARRAY[%s])", [student])
    database.execute = lambda *_: rows
    assert application.one(student) == expected
    assert cache.summary(student) is None


@pytest.fixture
def leases(secured):
    with secured.connect() as client:
        leases = Leases(client)
        with secured.connect() as another:
            yield leases
            leases.stop(another)


@contextmanager
def somebody_loading(cache, student):
    assert cache.client.set(cache.key(student) + ":lease", "1")
    yield
    cache.client.unlink(cache.key(student) + ":lease")  # unless whoever stored has given it back


def test_whoever_waits_gets_what_the_other_stored(application, database, student, school, cache, leases):
    result = []
    with somebody_loading(cache, student):
        thread = threading.Thread(target=lambda: result.append(application.one(student)))
        thread.start()
        until(lambda: leases.asked, 30, "it to ask for the lease")
        assert cache.load(student) == 1
        thread.join(FOREVER)
    assert result == [school.summary(student)] and database.loads == 0


def test_whoever_has_no_patience_loads(application, database, student, school, cache):
    with somebody_loading(cache, student):
        assert application.one(student, patience=0.05) == school.summary(student)
    assert database.loads == 1 and cache.is_current(student)


def test_200_misses_load_once(application, database, student, school, cache, leases):
    """The one who loads does not finish before all have asked whether they shall load."""
    def all_have_asked():
        return len(leases.asked) >= application.connections and leases.asked.total() >= 200

    database.between = lambda: until(all_have_asked, FOREVER, "all 200 to ask for the lease")
    results = application.many(student, 200)
    assert len(results) == 200 and all(result == school.summary(student) for result in results)
    assert database.loads == 1
