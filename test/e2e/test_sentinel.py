"""Redis whose place is taken by another: the worker follows the Sentinels, and nothing of before is served."""

import json
import signal
import socket
import subprocess
import time
from contextlib import ExitStack

import pytest
import redis

from cache_applications import white_cross
from false_sentinel import FalseSentinel
from npm import node_modules
from school import Cache
from servers import Redis, Trio, cures, library, until
from servers.ground import ROOT
from servers.process import free_port
from servers.sentinels import MASTER
from servers.worker import run_worker
from stray_reader import Reader, last_name

pytestmark = pytest.mark.thorough

SETTINGS = {"backoff": {"longest_ms": 200}, "queue": {"poll_interval_ms": 200}}


def settings(**invalidate):
    return SETTINGS | {"invalidate": invalidate}


class Stage:
    """A school, a student whose summary is cached, and ways to look at each Redis."""

    def __init__(self, school, first):
        self.school = school
        self.student = school.add_student(lastName="Before")
        self.key = Cache.key(self.student)
        self.first = first

    def load_into(self, server):
        self.until_drained()
        with server.connect() as client:
            until(lambda: Cache(client, self.school).load(self.student) == 1, 20, "the value to be stored")
            until(lambda: self.read(server) is not None, 20, "wc_get to find it")

    def read(self, server):
        with server.connect() as client:
            return last_name(client.execute_command(*library.get(self.key)))

    def rename(self, name):
        self.school.sql('UPDATE students SET "lastName" = %s WHERE id = %s', name, self.student)

    def until_drained(self):
        """Returns when."""
        until(self.school.is_drained, 30, "the queue to be empty")
        return time.monotonic()


def ask(server, question):
    """None where a Sentinel gives the server another part just then, and so ends its connections."""
    try:
        with server.connect() as client:
            return question(client)
    except redis.ConnectionError:
        return None


def replication_of(server):
    return ask(server, lambda client: client.info("replication")) or {"role": None}


def has_epoch(server):
    """The worker has opened the epoch of this process, and of the data that it has now."""
    def question(client):
        info = client.info()
        return (client.get("wc:epoch:of") or "").startswith(info["run_id"] + "." + info["master_replid"])

    return ask(server, question)


def is_served(server):
    return has_epoch(server) and ask(server, lambda client: client.exists("wc:alive"))


# ---- a real trio ----

@pytest.fixture
def trio(ground):
    with Trio(ground) as trio:
        yield trio


def cut_replication(trio):
    """From now on the replica gets nothing more."""
    with trio.first.connect() as first, trio.second.connect() as second:
        second.config_set("masterauth", "no longer this")
        first.execute_command("CLIENT", "KILL", "TYPE", "replica")
        until(lambda: second.info("replication")["master_link_status"] == "down", 10, "the replica to be cut off")


def read_by_the_python_module(trio, stage):
    sentinels = redis.sentinel.Sentinel([("127.0.0.1", sentinel.port) for sentinel in trio.sentinels], sentinel_kwargs={"password": trio.password})
    client = sentinels.master_for(MASTER, password=trio.first.password, decode_responses=True)
    reader = white_cross.Cache(client, lambda statement, values: stage.school.rows(statement, *values))
    assert last_name(reader.read(stage.student)) == stage.school.summary(stage.student)["student"]["lastName"]
    client.close()


PROGRAM = """
import {{ createSentinel }} from '{redis}/redis/dist/index.js';
import {{ Cache }} from '{package}/index.js';
const {{ nodes, name, password, sentinelPassword, student, text }} = JSON.parse(process.argv[2]);
const redis = await createSentinel({{ name, sentinelRootNodes: nodes, nodeClientOptions: {{ password }},
  sentinelClientOptions: {{ password: sentinelPassword }} }}).on('error', console.warn).connect();
redis.mGet = () => {{ throw new Error('what one connection was told says nothing of the others'); }};
const query = async () => [{{ n: 1, key: `student:${{student}}:health_summary`, value: text, ttl_seconds: 300, snapshot: null }}];
const cache = new Cache({{ redis, query, onError: (error) => {{ throw error; }} }});
console.log(await cache.read(student));
await cache.close();
await redis.close();
"""


def test_the_node_package_reads_through_sentinels(trio, school, start_worker):
    """With what its database says in the place of what Redis has not."""
    packages = node_modules("redis", 5)
    stage = Stage(school, trio.first)
    start_worker(redis=trio, settings=SETTINGS)
    stage.load_into(trio.first)
    program = trio.first.folder / "program.mjs"
    program.write_text(PROGRAM.format(redis=packages, package=ROOT / "clients/node"))
    summary = json.dumps(school.summary(stage.student))
    told = {"nodes": [{"host": "127.0.0.1", "port": sentinel.port} for sentinel in trio.sentinels], "name": MASTER, "student": stage.student,
            "password": trio.first.password, "sentinelPassword": trio.password, "text": summary}
    done = subprocess.run(["node", str(program), json.dumps(told)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(summary)


def test_a_promoted_replica_that_lacks_a_removal_serves_nothing_of_before(trio, school, start_worker):
    stage = Stage(school, trio.first)
    worker = start_worker(redis=trio, settings=settings(alive_ttl_ms=3000))
    stage.load_into(trio.first)
    with trio.first.connect() as client, trio.second.connect() as replica:
        client.execute_command(*library.load(cures.beside(cures.without("liveness of this process"))))
        until(lambda: replica.get(stage.key) and replica.exists("wc:alive") and replica.function_list("white_cross_without"), 10,
              "the replica to have all")
        cut_replication(trio)
        stage.rename("After")
        stage.until_drained()
        assert stage.read(trio.first) in (None, "After")
        assert last_name(replica.get(stage.key)) == "Before", "or there is nothing to find"
        assert last_name(replica.execute_command("FCALL_RO", "wc_get_without", 1, stage.key)) == "Before", "who trusts a replica is shown it"
        with Reader(trio.second, stage.key) as reader:
            trio.first.stop(signal.SIGKILL)
            trio.until_promoted(trio.second)
            until(lambda: is_served(trio.second), 30, "the worker to serve the promoted one")
            assert last_name(replica.get(stage.key)) in (None, "After")
            stage.load_into(trio.second)
            stage.rename("Later")
            stage.until_drained()
            assert stage.read(trio.second) in (None, "Later")
            assert reader.names() <= {None, "After", "Later"}
        read_by_the_python_module(trio, stage)
    assert worker.metrics()["wc_worker_redis_changes_total"] == 1
    until(lambda: school.one("SELECT redis FROM white_cross.worker_report WHERE draining") == f"127.0.0.1:{trio.second.port}/0", 10,
          "the report to name the promoted one")
    until(worker.healthy, 10, "the worker to be healthy")


def test_a_stopped_master_that_wakes_up_answers_nobody_with_what_was_removed_elsewhere(trio, school, start_worker):
    """It is a master for some more seconds, until the Sentinels make it a replica; later it is promoted again."""
    stage = Stage(school, trio.first)
    start_worker(redis=trio, settings=settings(alive_ttl_ms=10_000))
    stage.load_into(trio.first)
    with trio.second.connect() as replica:
        until(lambda: replica.get(stage.key), 10, "the replica to have it")
    trio.first.send(signal.SIGSTOP)
    until(lambda: has_epoch(trio.second), 30, "the worker to come to the promoted one")
    stage.rename("After")  # not before: what the worker has sent to the one that sleeps is done there when it wakes up
    trio.first.send(signal.SIGCONT)
    with Reader(trio.first, stage.key) as stray:
        until(lambda: stray.found, 10, "the one that woke up to answer")
        drained = stage.until_drained()
        assert "Before" in stray.names(), "or there was nothing to wait for"
        until(lambda: is_served(trio.second), 30, "the worker to serve the promoted one")
        until(lambda: replication_of(trio.first)["role"] == "slave", 30, "it to become a replica")
        assert stray.names(since=drained) == {None}
        stage.load_into(trio.second)
        until(lambda: replication_of(trio.first).get("master_link_status") == "up", 30, "it to have all")
        until(lambda: all(sentinel.knows_all(2) for sentinel in trio.sentinels), 30, "the Sentinels to know the replica")
        back = time.monotonic()
        trio.second.stop(signal.SIGKILL)
        stage.rename("Later")
        until(lambda: is_served(trio.first), 60, "the worker to serve the first again")
        later = stage.until_drained()
        assert stray.names(since=drained) <= {None, "After", "Later"} and stray.names(since=later) <= {None, "Later"}, back


# ---- Sentinels that say what the test wants ----

@pytest.fixture(scope="module")
def second_redis(ground, redis_server):
    with Redis(ground, "redis-second", password=redis_server.password) as second:
        yield second


class Told:
    """What a worker is configured with: a list of Sentinels, and the password of both Redis."""

    def __init__(self, sentinels, password, master="district"):
        self.url = "redis+sentinel://" + ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels) + "/" + master
        self.password = password

    def worker_settings(self):
        return {"url": self.url, "password": self.password, "timeout_ms": 500}


@pytest.fixture
def sentinels():
    """sentinels(master=…, epoch=…): another one."""
    with ExitStack() as stack:
        yield lambda *arguments, **more: stack.enter_context(FalseSentinel(*arguments, **more))


def test_the_worker_goes_where_the_sentinels_say_and_comes_back_without_trusting(redis_server, second_redis, sentinels, school, start_worker):
    """Both stay masters all the time, as on both sides of a network that is cut; each keeps its epoch and its values."""
    stage = Stage(school, redis_server)
    second_redis.connect().flushall()
    told = [sentinels(redis_server.port) for _ in range(3)]
    start_worker(redis=Told(told, redis_server.password), settings=settings(alive_ttl_ms=3000) | {"prewarm": {"enabled": False}})
    stage.load_into(redis_server)
    with Reader(redis_server, stage.key) as left_behind:
        for sentinel in told[:2]:
            sentinel.master, sentinel.epoch = second_redis.port, 1
        until(lambda: school.one("SELECT redis LIKE %s FROM white_cross.worker_report WHERE draining", f"%:{second_redis.port}/0"), 10,
              "the worker to go to the other")
        stage.rename("After")
        drained = stage.until_drained()
        until(lambda: is_served(second_redis), 10, "the other to be served")
        stage.load_into(second_redis)
        with redis_server.connect() as client:
            assert last_name(client.get(stage.key)) == "Before" and client.get("wc:epoch"), "or there is nothing to find"
        for sentinel in told:
            sentinel.master, sentinel.epoch = redis_server.port, 2
        until(lambda: is_served(redis_server), 20, "the first to be served again")
        stage.rename("Later")
        again = stage.until_drained()
        # "After" may have been built there between the return and the next change.
        assert "Before" not in left_behind.names(since=drained), "what was removed on the other was found on the first"
        until(lambda: len(left_behind.names(since=again)) > 0, 10, "one more read")
        assert left_behind.names(since=again) <= {None, "Later"}
    assert stage.read(second_redis) is None


def test_a_sentinel_that_names_a_replica_is_not_believed(redis_server, ground, sentinels, school, start_worker):
    with Redis(ground, "redis-named", {"masterauth": redis_server.password}, password=redis_server.password) as replica:
        with replica.connect() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", redis_server.port)
        told = [sentinels(replica.port, epoch=9), sentinels(redis_server.port, epoch=1), sentinels()]
        worker = start_worker(redis=Told(told, redis_server.password), settings=SETTINGS)
        stage = Stage(school, redis_server)
        stage.load_into(redis_server)
        stage.rename("After")
        stage.until_drained()
        assert stage.read(redis_server) in (None, "After") and worker.healthy()


def test_a_sentinel_that_hangs_keeps_nobody_from_asking_the_others(redis_server, sentinels, school, start_worker):
    class Hanging:
        socket = socket.create_server(("127.0.0.1", 0))
        port = socket.getsockname()[1]

    worker = start_worker(redis=Told([Hanging, sentinels(redis_server.port)], redis_server.password), settings=SETTINGS)
    stage = Stage(school, redis_server)
    stage.load_into(redis_server)
    stage.rename("After")
    stage.until_drained()
    assert stage.read(redis_server) in (None, "After") and worker.healthy() and worker.failures("redis") == 0
    Hanging.socket.close()


def answer_of(worker, words):
    until(lambda: words in worker.get("/healthz")[1], 20, f"the worker to say: {words}")


def test_where_no_sentinel_knows_the_name_the_worker_says_so(redis_server, sentinels, school, start_worker):
    told = [sentinels(redis_server.port), sentinels(redis_server.port)]
    worker = start_worker(enter=False, redis=Told(told, redis_server.password, master="distrikt"), settings=SETTINGS)
    worker.start(wait=False)
    answer_of(worker, f"Sentinel 127.0.0.1:{told[0].port}: watches no master of the name distrikt")
    assert redis_server.password not in worker.log.read_text()
    for sentinel in told:
        sentinel.name = "distrikt"
    until(worker.healthy, 20, "the worker to find it")


def test_where_all_sentinels_are_away_the_worker_waits_for_them(redis_server, school, start_worker):
    class Away:
        port = free_port()

    worker = start_worker(enter=False, redis=Told([Away], redis_server.password), settings=SETTINGS)
    worker.start(wait=False)
    answer_of(worker, f"Sentinel 127.0.0.1:{Away.port}: cannot connect to 127.0.0.1:{Away.port}: Connection refused")
    with FalseSentinel(redis_server.port, port=Away.port):
        until(worker.healthy, 20, "the worker to go on")
    # What it has found is enough while Redis answers.
    stage = Stage(school, redis_server)
    stage.load_into(redis_server)
    stage.rename("After")
    stage.until_drained()
    assert worker.healthy()


# ---- the configuration ----

@pytest.mark.parametrize("url, said", [
    ("redis+sentinel://:hush@a,b", "behind the Sentinels stands / and the name of the master"),
    ("redis+sentinel://:hush@a,,b/district", "each Sentinel is host or host:port"),
    ("redis+sentinel://:hush@a:99999/district", "the port is a number from 1 to 65535"),
    ("redis+sentinel://:hush@a/district/x", "the database is a whole number"),
    ("redis+ring://:hush@a/district", "the URL begins with redis://, rediss://, redis+sentinel://")])
def test_a_url_that_is_wrong_is_refused(url, said):
    done = run_worker("--check-config", REDIS_URL=url)
    assert done.returncode == 78 and said in done.stderr and "redis.url" in done.stderr
    assert "hush" not in done.stderr + done.stdout


def test_no_password_of_a_url_with_sentinels_is_shown(tmp_path):
    configuration = tmp_path / "worker.toml"
    configuration.write_text("[redis]\nurl = 'rediss+sentinel://u:hush-a@a:1,b:2/district/3'\nsentinel_password = 'hush-b'\n")
    done = run_worker("--config", configuration, "--check-config")
    assert done.returncode == 0 and "hush" not in done.stdout + done.stderr
    assert "a:1,b:2/district/3" in done.stdout
    assert "everybody on this machine may read" in done.stderr, "it holds passwords"


def test_a_login_for_sentinels_needs_sentinels(tmp_path):
    configuration = tmp_path / "worker.toml"
    configuration.write_text("[redis]\nsentinel_user = 'asker'\n")
    done = run_worker("--config", configuration, "--check-config")
    assert done.returncode == 78 and "redis.sentinel_user" in done.stderr
