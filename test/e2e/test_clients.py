"""clients/node and clients/python with the application's user of config/users.acl, and the examples that use them."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from cache_applications import FOREVER, Node, Python, application, cache, database, secured, student, white_cross  # noqa: F401 (fixtures)
from servers import until
from servers.ground import ROOT

sys.path.insert(0, str(ROOT / "examples"))
import fenced  # noqa: E402

pytestmark = pytest.mark.thorough


class Leases:
    """The requests for leases, which a thread of its own reads from Redis's MONITOR."""

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


def test_the_value_is_right_and_cached_from_then_on(application, database, student, school, cache):
    assert application.one(student) == school.summary(student)
    assert database.loads == 1
    until(lambda: cache.is_current(student), 10, "the fill")
    assert 0 < cache.client.pttl(cache.key(student)) <= 300_000
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


def test_an_unknown_student(application, database, cache):
    for loads in 1, 2:
        assert application.one("nobody") is None
        assert database.loads == loads
        until(lambda: not cache.client.exists(cache.key("nobody", "health_summary:lease")), 10, "the lease to be given back")
    assert cache.client.mget(cache.key("nobody")) == [None]


def test_row_level_security_stores_nothing(application, database, student, school, cache):
    """wc_cache_entries gives no snapshot where a value is not for everybody."""
    expected = school.summary(student)
    execute = database.execute
    hidden = "SELECT 1 AS n, key, value::text, ttl_seconds, NULL::text AS snapshot FROM wc_cache_entries(ARRAY[%s])"
    database.execute = lambda text, values: execute(hidden, [student]) if "wc_cache_entries" in text else execute(text, values)
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


def test_a_reader_that_waits_gets_the_value_of_the_lease_holder(application, database, student, school, cache, leases):
    result = []
    with somebody_loading(cache, student):
        thread = threading.Thread(target=lambda: result.append(application.one(student)))
        thread.start()
        until(lambda: leases.asked, 30, "it to ask for the lease")
        assert cache.load(student) == 1
        thread.join(FOREVER)
    assert result == [school.summary(student)] and database.loads == 0


def test_a_reader_that_stops_waiting_for_the_lease_loads(application, database, student, school, cache):
    with somebody_loading(cache, student):
        assert application.one(student, patience=0.05) == school.summary(student)
    assert database.loads == 1
    until(lambda: cache.is_current(student), 10, "the fill")


def test_200_concurrent_misses_load_once(application, database, student, school, cache, leases):
    """The client that loads does not finish before all others have asked whether they must load."""
    def all_have_asked():
        return len(leases.asked) >= application.connections and leases.asked.total() >= 200

    database.between = lambda: until(all_have_asked, FOREVER, "all 200 to ask for the lease")
    results = application.many([student], 200)
    assert len(results) == 200 and all(result == [school.summary(student)] for result in results)
    assert database.loads == 1


class Commands:
    """The commands that the application sends, which are read from Redis's MONITOR until `ends`."""

    def __init__(self, client):
        self._monitor = client.monitor()
        self._monitor.__enter__()

    def until_now(self, client):
        """Without those of the worker, which looks at cached values too."""
        workers = {one["addr"].rpartition(":")[2] for one in client.client_list() if one["user"] == "wc_worker"}
        client.echo("enough")
        seen = []
        for one in self._monitor.listen():
            if one["command"] == "ECHO enough":
                return seen
            if one["client_type"] != "lua" and one["client_port"] not in workers:
                seen.append(one["command"].split()[:2])
        raise AssertionError

    def stop(self):
        self._monitor.__exit__(None, None, None)


@pytest.fixture
def commands(secured):
    with secured.connect() as client:
        commands = Commands(client)
        yield commands
        commands.stop()


def reads_of(commands, secured):
    with secured.connect() as client:
        return [" ".join(words) if words[0].startswith("FCALL") else words[0] for words in commands.until_now(client)
                if words[0] == "MGET" or len(words) > 1 and words[1] in ("wc_get", "wc_hello", "wc_lease", "wc_fill")]


def test_a_hit_needs_no_lua(application, student, cache, commands, secured):
    application.one(student)
    until(lambda: cache.summary(student), 10, "the fill")
    application.one(student)
    reads_of(commands, secured)
    for _ in range(3):
        assert application.one(student)
    per_hit = ["MGET"] if isinstance(application, Node) else ["MGET", "FCALL_RO wc_hello"]  # which has a new connection for each
    assert reads_of(commands, secured) == per_hit * 3


def test_where_liveness_is_another_runs_wc_get_is_asked(application, student, cache, commands, secured, database, school):
    """Redis was restarted and loaded the liveness of an earlier run from its disk. The connection is the same, and the client
    does not take the values that it finds."""
    application.one(student)
    until(lambda: cache.summary(student), 10, "the fill")
    application.one(student)
    # The worker would write its own meanwhile.
    school.worker.send(signal.SIGSTOP)
    try:
        with secured.connect() as administrator:
            administrator.set("wc:alive", "0" * 40 + ".1", ex=60)
            administrator.set(cache.key(student), '"stale"', ex=60)
            reads_of(commands, secured)
            loads = database.loads
            assert application.one(student) != "stale" and "FCALL wc_get" in reads_of(commands, secured) and database.loads > loads
            administrator.delete("wc:alive")
    finally:
        school.worker.send(signal.SIGCONT)


def test_a_client_that_connects_again_asks_anew(secured, database, student, cache, commands):
    """node-redis does so by itself.  What it was sending when the connection ended may fail; that is not tested here."""
    application = Node(secured, database)
    try:
        application.one(student)
        until(lambda: cache.summary(student), 10, "the fill")
        assert application.one(student) == application.one(student)
        reads_of(commands, secured)
        with secured.connect() as administrator:
            def connections():
                return {one["id"] for one in administrator.client_list() if one["user"] == "wc_application"}
            before = connections()
            for id in before:
                administrator.client_kill_filter(_id=id)
            until(lambda: connections() - before, 10, "another connection")
        assert application.one(student)
        until(lambda: "FCALL_RO wc_hello" in reads_of(commands, secured) or application.one(student) is None, 10, "wc_hello")
    finally:
        application.stop()


def test_a_connection_of_redis_py_that_comes_back_asks_anew(secured, database, student, cache, commands):
    """It may lead to another process: what it knew of the one before must be gone with it."""
    Python(secured, database).one(student)
    until(lambda: cache.summary(student), 10, "the fill")
    with secured.connect("wc_application") as client:
        client.connection_pool.connection_class = white_cross.Connection
        reader = white_cross.Cache(client, database.query)
        for _ in range(2):
            assert reader.get(cache.key(student))
        reads_of(commands, secured)
        client.connection_pool.disconnect()
        assert reader.get(cache.key(student))
        assert reads_of(commands, secured) == ["MGET", "FCALL_RO wc_hello"]
        with secured.connect() as administrator:
            administrator.client_kill_filter(_id=client.client_id())
        until(lambda: reader.get(cache.key(student)), 10, "the connection to come back")
        assert "FCALL_RO wc_hello" in reads_of(commands, secured)


def test_reading_with_the_token_of_a_write(application, database, student, school, cache):
    application.one(student)
    school.psql("UPDATE allergies SET reaction = 'Hives'")
    with school.cluster.connect(school.database) as connection, connection.transaction():
        connection.execute("UPDATE allergies SET reaction = 'Rash'")
        token = connection.execute("SELECT wc_write_token()").fetchone()[0]
    assert application.one(student, token=token)["allergies"][0]["reaction"] == "Rash"


def block_of(path, language):
    return re.search(rf"^```{language}\n(.*?)^```$", (ROOT / path).read_text(), re.M | re.S)[1]


def environment_of(school, secured):
    url = secured.url.replace("//", f"//wc_application:{secured.passwords['wc_application']}@")
    return os.environ | {"REDIS_URL": url, "DATABASE_URL": school.cluster.url(school.database), "PYTHONPATH": str(ROOT / "clients/python")}


def test_the_readme_of_the_python_module_runs(school, student, secured, tmp_path):
    (tmp_path / "program.py").write_text(block_of("clients/python/README.md", "python").replace('"ada"', repr(student)))
    done = subprocess.run(["/usr/bin/python3", tmp_path / "program.py"], env=environment_of(school, secured), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary, chart, page, _ = done.stdout.splitlines()
    assert [json.loads(text) for text in (summary, chart, page)] == [school.summary(student), [], school.one("SELECT wc_student_records(%s, filters => '{\"type\": \"CHECKUP\"}')", student)]


@pytest.fixture
def modules(tmp_path):
    """A folder with node_modules: this package, redis and pg."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/white-cross").symlink_to(ROOT / "clients/node")
    folders = [Path(folder) for folder in (*os.environ.get("NODE_PATH", "").split(":"), "/usr/share/nodejs") if folder]
    for package in "redis", "pg":
        found = next((folder / package for folder in folders if (folder / package).exists()), None)
        if not found:
            pytest.skip(f"{package} is not installed (of Debian: node-{package}; of npm, with NODE_PATH)")
        (tmp_path / "node_modules" / package).symlink_to(found)
    return tmp_path


def test_the_readme_of_the_node_package_runs(school, student, secured, modules):
    (modules / "program.mjs").write_text(block_of("clients/node/README.md", "js").replace("'ada'", json.dumps(student)))
    done = subprocess.run(["node", modules / "program.mjs"], env=environment_of(school, secured), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary, chart, page, *_ = done.stdout.splitlines()
    assert (json.loads(summary), json.loads(chart)) == (school.summary(student), []) and json.loads(page)["pagination"]["total"] == 0


def test_the_python_example(school, student, secured, cache):
    with school.cluster.connect(school.database) as database:
        example = fenced.make_cache(environment_of(school, secured)["REDIS_URL"], database)
        for name in "Eva", "Ida", "Uta":
            token = fenced.rename(database, student, name)
            assert json.loads(fenced.health_summary(example, student, token))["student"]["firstName"] == name
        assert fenced.health_summary(example, "nobody") is None


EXAMPLE = """
import { createClient } from 'redis';
import pg from 'pg';
import { healthSummary, makeCache, rename } from '%s/examples/fenced.mjs';

const redis = createClient({ url: process.env.REDIS_URL });
redis.on('error', console.warn);
await redis.connect();
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const cache = makeCache(redis, pool);
for (const name of ['Eva', 'Ida', 'Uta']) {
  const token = await rename(pool, process.argv[2], name);
  console.log(JSON.parse(await healthSummary(cache, process.argv[2], token)).student.firstName);
}
console.log(await healthSummary(cache, 'nobody'));
await cache.close();
await redis.quit();
await pool.end();
"""


def test_the_node_example(school, student, secured, modules):
    (modules / "program.mjs").write_text(EXAMPLE % ROOT)
    done = subprocess.run(["node", modules / "program.mjs", student], env=environment_of(school, secured), capture_output=True, text=True)
    assert done.stdout.split() == ["Eva", "Ida", "Uta", "null"], done.stderr
