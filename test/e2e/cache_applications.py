"""Applications that read through clients/python and clients/node, and the fixtures that their tests share."""

import json
import os
import subprocess
import sys
import threading

import pytest

import told
from school import Cache
from servers import Redis, opaque_keys, until
from servers.ground import ROOT

sys.path.insert(0, str(ROOT / "clients/python"))
import white_cross  # noqa: E402

FOREVER = 600  # seconds: a test that waits so long has failed


class Database:
    """The database that an application loads from. It counts the loads, and lets a test act between load and fill.

    With opaque keys an application asks it for the keys too, which is a query and no load.
    """

    def __init__(self, school):
        self.school = school
        self.between = lambda: None
        school.sql("CREATE SEQUENCE loads")
        school.sql("CREATE SEQUENCE queries")

    @property
    def loads(self):
        return self._counted("loads")

    @property
    def queries(self):
        return self._counted("queries")

    def _counted(self, sequence):
        return self.school.one(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")

    def execute(self, statement, parameters):
        is_load = "wc_cache_entries" in statement
        with self.school.cluster.connect(self.school.database) as connection:
            connection.execute("SELECT nextval('queries')")
            if is_load:
                connection.execute("SELECT nextval('loads')")
            found = connection.execute(statement, parameters)
        if is_load:
            self.between()
        return found

    def query(self, statement, parameters):
        return self.execute(statement, parameters).fetchall()


class Failed(Exception):
    """What an application throws at its caller, who reads with it."""


class Application:
    """many(…) reads the students' values `times` times at once; the others are short ways to call it."""

    errors = ()  # of Redis, in the last call

    def one(self, student, patience=FOREVER, **options):
        return self.of([student], patience=patience, **options)[0]

    def of(self, students, **options):
        return self.many(students, 1, **options)[0]


class Python(Application):
    """The application with redis-py: a thread and a connection for each call."""

    connections = 200

    def __init__(self, server, database, user="wc_application"):
        self.server = server
        self.database = database
        self.user = user

    def _read(self, students, kind, token, patience, timeout, **options):
        with self.server.connect(self.user, socket_timeout=timeout, socket_connect_timeout=timeout) as client:
            client.connection_pool.connection_class = white_cross.Connection
            cache = white_cross.Cache(client, self.database.query, patience=patience, on_error=lambda error: self.errors.append(str(error)), **options)
            return [None if text is None else json.loads(text) for text in cache.read_many(students, kind, token)]

    def many(self, students, times, kind="health_summary", token=None, patience=FOREVER, timeout=FOREVER, cluster_keys=False, opaque_keys=opaque_keys.IS_ON):
        self.errors = []
        results = []

        def read():
            try:
                results.append(self._read(students, kind, token, patience, timeout, cluster_keys=cluster_keys, opaque_keys=opaque_keys))
            except Exception as error:
                results.append(Failed(f"{type(error).__name__}: {error}"))

        threads = [threading.Thread(target=read) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(FOREVER)
        told.search("what a client says", "\n".join(self.errors + [str(result) for result in results if isinstance(result, Failed)]))
        for result in results:
            if isinstance(result, Failed):
                raise result
        return results

    def stop(self):
        pass


class Node(Application):
    """The application with node-redis: a process of its own, all calls over one connection."""

    connections = 1

    def __init__(self, server, database, user="wc_application"):
        self.database = database
        url = server.url.replace("//", f"//{user}:{server.passwords[user]}@")
        paths = [os.environ.get("NODE_PATH"), "/usr/share/nodejs"]
        self._process = subprocess.Popen(
            ["node", ROOT / "test/e2e/cache_client.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env=os.environ | {"NODE_PATH": ":".join(filter(None, paths)), "REDIS_URL": url})

    def many(self, students, times, kind="health_summary", token=None, patience=FOREVER, timeout=FOREVER, cluster_keys=False, opaque_keys=opaque_keys.IS_ON):
        self._say({"students": students, "times": times, "kind": kind, "token": token, "patience": patience * 1000,
                   "timeout": timeout * 1000, "clusterKeys": cluster_keys, "opaqueKeys": opaque_keys})
        message = self._hear()
        told.search("what a client says", "\n".join([message.get("error", ""), *message.get("errors", [])]))
        if "error" in message:
            raise Failed(message["error"])
        self.errors = message["errors"]
        return [[None if text is None else json.loads(text) for text in texts] for texts in message["results"]]

    def close(self):
        self._say({"close": True})
        return self._hear()["closed"]

    def _hear(self):
        while True:
            message = json.loads(self._process.stdout.readline())
            if "query" not in message:
                return message
            try:
                found = self.database.execute(message["text"].replace("$1", "%s").replace("$2", "%s"), message["values"])
                names = [column.name for column in found.description]
                self._say({"answer": message["query"], "rows": [dict(zip(names, row)) for row in found.fetchall()]})
            except Exception as error:
                self._say({"answer": message["query"], "error": str(error)})

    def _say(self, message):
        self._process.stdin.write(json.dumps(message) + "\n")

    def stop(self):
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        self._process.stdout.close()


@pytest.fixture(scope="module")
def secured(ground):
    with Redis(ground, "redis-clients", access=True) as server:
        yield server


@pytest.fixture
def cache(secured, start_worker, school):
    """The cache as the worker's user sees it."""
    with secured.connect("admin") as administrator:
        administrator.flushall()
    school.worker = start_worker(redis=secured)
    with secured.connect("wc_worker") as client:
        cache = Cache(client, school)
        cache.until_drained()
        until_alive(cache)
        yield cache


def until_alive(cache):
    until(lambda: cache.client.exists("wc:alive"), 30, "the worker to renew liveness")


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
