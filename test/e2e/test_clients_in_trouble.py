"""clients/node and clients/python where Redis, the worker or the database fails, and with awkward ids, values and tokens."""

import json
import os
import signal
import subprocess
import threading

import pytest

from cache_applications import (FOREVER, Database, Failed, Node, Python, application, cache, database, secured, student,  # noqa: F401 (fixtures)
                                until_alive, white_cross)
from own_ids import OwnSchool
from school import Cache
from servers import Worker, opaque_keys, until
from servers.ground import ROOT

pytestmark = pytest.mark.thorough

STRANGE = ["a:b", "x:health_summary", "{x}", "a{b}c", "Zoë \U0001F9EA", "a b'\"\\", "%s $1 ?", "*?[a]", "{a,b}", "NULL", " ", "ä" * 300]


def set_reaction(school, reaction):
    school.sql("UPDATE allergies SET reaction = %s", reaction)


def token_of_write(school, reaction):
    with school.cluster.connect(school.database) as connection, connection.transaction():
        connection.execute("UPDATE allergies SET reaction = %s", [reaction])
        return connection.execute("SELECT wc_write_token()").fetchone()[0]


def reaction_of(summary):
    return summary["allergies"][0]["reaction"]


# ---- ids, values, kinds ----


def test_ids_with_signs_of_every_kind(application, database, school, cache):
    for id in STRANGE:
        school.add_student(id)
    cache.until_drained()
    expected = [school.summary(id) for id in STRANGE]
    assert application.of(STRANGE) == expected and database.loads == 1
    # A key of an id in braces would be that of a Redis Cluster: nothing would remove it, so it is not stored. An opaque key has none.
    stored = [id for id in STRANGE if opaque_keys.IS_ON or not (id.startswith("{") and id.endswith("}"))]
    until(lambda: all(map(cache.is_current, stored)), 10, "the fills")
    assert application.of(stored) == [school.summary(id) for id in stored] and database.loads == 1
    school.sql("UPDATE students SET grade = '9', \"firstName\" = 'Eva'")
    cache.until_drained()
    assert [summary["student"]["firstName"] for summary in application.of(STRANGE)] == ["Eva"] * len(STRANGE)


def test_a_large_value(application, database, student, school, cache):
    school.add_record(student, type="VACCINATION", description="\U0001F9EA\"\\" * 200_000)
    cache.until_drained()
    assert application.one(student) == school.summary(student)
    until(lambda: cache.client.exists(cache.key(student)), 20, "the fill")
    assert application.one(student) == school.summary(student) and database.loads == 1


def test_many_students_at_once(application, database, school, cache):
    school.sql("""INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
                  SELECT 's' || n, n, 'A', 'B', '2015-01-01', '5', 'MALE' FROM generate_series(1, 450) AS n""")
    cache.until_drained()
    ids = [f"s{n}" for n in range(1, 451)] + ["nobody", "s1"]
    expected = [school.summary(id) for id in ids]
    assert expected[-2] is None and application.of(ids) == expected and database.loads == 1
    until(lambda: cache.client.exists(*map(cache.key, ids[:450])) == 450, 10, "the fills")
    assert application.of(ids[:450]) == expected[:450] and database.loads == 1
    assert application.of([]) == []


KINDS = {
    "growth_chart": "wc_growth_chart(%s)",
    "records:1:5:{}": "wc_student_records(%s, 1, 5)",
    white_cross.records_kind(1, 5, {"provider": 'Zoë "Z"'}): """wc_student_records(%s, 1, 5, '{"provider": "Zoë \\"Z\\""}')""",
}


def test_other_kinds(application, database, student, school, cache):
    school.add_record(student, vital='{"height": 140}', provider='Dr. Zoë "Z"')
    cache.until_drained()
    for kind, function in KINDS.items():
        expected = school.one(f"SELECT {function}", student)
        assert expected and application.one(student, kind=kind) == expected
        until(lambda: cache.client.exists(cache.key(student, kind)), 10, "the fill")
        loads = database.loads
        assert application.one(student, kind=kind) == expected and database.loads == loads


@pytest.fixture
def uuids(cluster, ground, secured):
    """A school whose ids have more than one spelling, with its worker."""
    with secured.connect("admin") as administrator:
        administrator.flushall()
    school = OwnSchool(cluster, "clients_uuid", "uuid")
    with school.connection:
        school.allow_worker()
        with Worker(ground, school.worker_dsn, secured, name="worker-uuid"), secured.connect("wc_worker") as client:
            school.cache = Cache(client, school)
            school.cache.until_drained()
            until_alive(school.cache)
            yield school
    cluster.drop_database(school.database)


@pytest.mark.parametrize("kind", [Python, Node])
def test_another_spelling_of_an_id_is_never_stale(uuids, secured, kind):
    """Under its key nothing would be removed, so the value is stored under that of the row."""
    id = "6f9619ff-8b86-d011-b42d-00c04fc964f0"
    uuids.insert("students", {"id": id, "student_number": "1", "first_name": "Ada", "last_name": "Q", "date_of_birth": "2015-01-01", "gender": "x", "grade": "5"})
    uuids.cache.until_drained()
    database = Database(uuids)
    application = kind(secured, database)
    try:
        spellings = [id.upper(), id, "{" + id + "}", "no uuid"]
        names = [summary and summary["student"]["firstName"] for summary in application.of(spellings)]
        assert names == ["Ada", "Ada", "Ada", None]
        until(lambda: uuids.cache.client.exists(uuids.cache.key(id)), 10, "the fill")
        uuids.sql("UPDATE students SET first_name = 'Eva'")
        uuids.cache.until_drained()
        names = [summary and summary["student"]["firstName"] for summary in application.of(spellings, patience=0.01)]
        assert names == ["Eva", "Eva", "Eva", None]
        until(lambda: list(uuids.cache.client.scan_iter("student:*:health_summary")) == [uuids.cache.key(id)], 10, "the fill")
        loads = database.loads
        assert application.one(id) and database.loads == loads
        assert [application.one(id.upper()) for _ in range(2)]
        # A key that the database makes is that of the row: then this spelling finds the value too.
        assert database.loads == loads + (0 if opaque_keys.IS_ON else 2), "at once: the lease is given back"
    finally:
        application.stop()


# ---- tokens ----


def test_two_processes_and_the_token_of_a_write(secured, database, student, school, cache):
    processes = [Node(secured, database), Python(secured, database), Node(secured, database)]
    try:
        for n in range(5):
            for process in processes:
                process.one(student)
            token = token_of_write(school, f"Rash {n}")
            for process in processes:
                assert reaction_of(process.one(student, token=token)) == f"Rash {n}"
    finally:
        for process in processes:
            process.stop()


def test_a_token_before_its_transaction_was_drained(application, database, student, school, cache):
    """The old value is still there, and is not taken."""
    application.one(student)
    until(lambda: cache.is_current(student), 10, "the fill")
    assert application.one(student) and database.loads == 1
    with school.cluster.connect(school.database) as connection:
        connection.execute("BEGIN")
        token = connection.execute("SELECT wc_write_token()").fetchone()[0]
        assert application.one(student, token=token, patience=0.05) and database.loads == 2
        connection.execute("ROLLBACK")


def test_a_token_of_another_server_and_of_another_database(application, database, student, school, cache, cluster, empty_database):
    with cluster.connect(empty_database) as other:
        other.execute("CREATE EXTENSION white_cross")
        token = other.execute("SELECT wc_write_token()").fetchone()[0]
    foreign = "7." + token.partition(".")[2].replace(token.split(".")[1], str(int(token.split(".")[1]) + 1), 1)
    application.one(student)
    for n, one in enumerate([token, foreign, "1.1.1.1"]):
        set_reaction(school, f"Hives {n}")
        cache.until_drained()
        assert reaction_of(application.one(student, token=one, patience=0.05)) == f"Hives {n}"
    loads = database.loads
    assert application.one(student, token=foreign, patience=0.05) and database.loads == loads + 1, "it never finds anything"


def test_a_text_that_is_no_token(application, database, student, school):
    for token in "x", "1.2.3", "1.1.1.1 ", "1.1.1.1\n", "\u0661.1.1.1", '{"a":1}':
        with pytest.raises(Failed, match="none of wc_write_token"):
            application.one(student, token=token)
    assert database.loads == 0
    assert [application.one(student, token=token) for token in (None, "")] == [school.summary(student)] * 2, "which are none"


# ---- what fails ----


def test_a_redis_that_ends_between_get_and_fill(application, database, student, school, cache, secured):
    database.between = secured.stop
    try:
        assert application.one(student) == school.summary(student)
        database.between = lambda: None
        assert application.one(student, timeout=1) == school.summary(student) and application.errors
    finally:
        if secured._process is None:
            secured.start()
    until_alive(cache)
    until(lambda: application.one(student) and cache.client.exists(cache.key(student)), 20, "the cache to serve again")
    set_reaction(school, "Hives")
    cache.until_drained()
    assert reaction_of(application.one(student)) == "Hives"


def test_a_redis_that_answers_nothing(application, database, student, school, cache, secured):
    """The reader does not wait for it for ever, and the next one not at all."""
    application.one(student)
    until(lambda: cache.is_current(student), 10, "the fill")
    secured._process.send(signal.SIGSTOP)
    try:
        for _ in range(2):
            assert application.one(student, timeout=0.2) == school.summary(student)
            assert any("slow" in error.lower() or "time" in error.lower() for error in application.errors)
    finally:
        secured._process.send(signal.SIGCONT)
    until(lambda: application.one(student, timeout=0.2) and not application.errors, 20, "the cache to be asked again")


def test_a_worker_that_is_away(application, database, student, school, cache):
    """What is in Redis may be stale, and is not taken."""
    application.one(student)
    until(lambda: cache.is_current(student), 10, "the fill")
    school.worker.stop()
    until(lambda: not cache.client.exists("wc:alive"), 20, "liveness to run out")
    set_reaction(school, "Hives")
    loads = database.loads
    for n in 1, 2:
        assert reaction_of(application.one(student)) == "Hives" and database.loads == loads + n
    assert not application.errors


def test_a_redis_without_the_library(application, database, student, school, cache, secured):
    school.worker.stop()
    with secured.connect() as administrator:
        administrator.execute_command("FUNCTION", "FLUSH")
    assert application.one(student) == school.summary(student) and application.errors
    assert application.one(student) == school.summary(student) and database.loads == 2


def test_a_redis_that_refuses_the_client(database, student, school, secured):
    with secured.connect() as administrator:
        administrator.acl_setuser("nobody", enabled=True, passwords=["+word"], commands=["+ping"], keys=[])
    secured.passwords["nobody"] = "word"
    for kind in Python, Node:
        application = kind(secured, database, user="nobody")
        try:
            assert application.one(student) == school.summary(student) and "permission" in " ".join(application.errors)
        finally:
            application.stop()


def test_a_database_that_fails(application, database, student, school, cache):
    """The reader is told, and gives the lease back: the next one need not wait."""
    execute = database.execute

    def fail(*_):
        raise RuntimeError("the database is away")

    database.execute = fail
    with pytest.raises(Failed, match="the database is away"):
        application.one(student)
    database.execute = execute
    until(lambda: not cache.client.exists(cache.key(student) + ":lease"), 10, "the lease to be given back")
    assert application.one(student) == school.summary(student)


def test_the_ends_of_two_processes_that_load_the_same(secured, database, student, school, cache):
    """One of two processes loads for both; where it ends without storing, the lease runs out and the other loads."""
    holder, waiter = Node(secured, database), Python(secured, database)
    stopped, results = threading.Event(), []

    def kill():
        database.between = lambda: None
        holder._process.kill()
        stopped.set()

    database.between = kill
    dying = threading.Thread(target=lambda: pytest.raises(Exception, holder.one, student, patience=2))
    dying.start()
    try:
        until(stopped.is_set, 30, "the process to be killed while it loads")
        results.append(waiter.one(student, patience=2))
    finally:
        dying.join(FOREVER)
        holder._process.wait(30)
        holder._process.stdin.close()
        holder._process.stdout.close()
    assert results == [school.summary(student)]


def test_closing(secured, database, student, school, cache):
    """What is being stored is stored; a read after it fails; and nothing keeps the process from its end."""
    application = Node(secured, database)
    assert application.one(student) == school.summary(student)
    assert "closed" in application.close()
    assert cache.is_current(student)
    application.stop()


# ---- a cache that never answers ----

BEHIND_A_PASSWORD = """
import { createRequire } from 'node:module';
import { Cache } from '%s/clients/node/index.js';
const { createClient } = createRequire(import.meta.url)('redis');
const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const row = { n: 1, key: 'student:ada:health_summary', value: '"Ada"', ttl_seconds: 60, snapshot: null };
const cache = new Cache({ redis, query: async () => [row] });
console.log(await cache.read('ada'), await cache.read('ada'));
await cache.close();
await redis.disconnect();
"""


def test_a_wrong_password_is_told_of_once(database, student, school, secured, caplog):
    """The reader has the value, and without on_error too somebody can see that Redis serves nothing."""
    with white_cross.connect(secured.url) as client:
        reader = white_cross.Cache(client, database.query)
        for _ in range(2):
            assert json.loads(reader.read(student)) == school.summary(student)
    (told,) = [record for record in caplog.records if record.name == "white_cross"]
    assert told.levelname == "WARNING" and "Authentication required" in told.getMessage()


def test_a_wrong_password_is_told_of_once_by_node(secured, tmp_path):
    program = tmp_path / "program.mjs"
    program.write_text(BEHIND_A_PASSWORD % ROOT)
    paths = ":".join(filter(None, [os.environ.get("NODE_PATH"), "/usr/share/nodejs"]))
    done = subprocess.run(["node", program], env=os.environ | {"NODE_PATH": paths, "REDIS_URL": secured.url}, capture_output=True, text=True, timeout=60)
    assert done.stdout == '"Ada" "Ada"\n', done.stderr
    (told,) = done.stderr.splitlines()
    assert told.startswith("white-cross: Redis failed") and "NOAUTH" in told


# ---- many reads in one turn of Node's event loop ----

TOGETHER = """
import { createRequire } from 'node:module';
import { Cache } from '%s/clients/node/index.js';
const { createClient } = createRequire(import.meta.url)('redis');
const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const commands = [];
const mGet = redis.mGet.bind(redis);
redis.mGet = (keys) => { commands.push(keys.length); return mGet(keys); };
const query = async (text, [, ids]) => JSON.parse(ids).map((id, at) => ({ n: at + 1, key: `student:${id}:health_summary`, value: id, ttl_seconds: 60, snapshot: null }));
const cache = new Cache({ redis, query, onError() {} });
const read = (...ids) => Promise.all(ids.map((id) => cache.read(id)));
console.log(...await (process.argv[2] === 'two' ? read('ada', 'bob') : read(...Array.from({ length: 450 }, (_, at) => `s${at %% 300}`))));
console.log(JSON.stringify(commands));
await cache.close();
await redis.disconnect();
"""


@pytest.fixture
def read_together(redis_server, tmp_path):
    """read_together(what, url): what the program prints, and how many keys each MGET had."""
    def run(what, url):
        program = tmp_path / "together.mjs"
        program.write_text(TOGETHER % ROOT)
        paths = ":".join(filter(None, [os.environ.get("NODE_PATH"), "/usr/share/nodejs"]))
        done = subprocess.run(["node", program, what], env=os.environ | {"NODE_PATH": paths, "REDIS_URL": url}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        printed, commands = done.stdout.splitlines()
        return printed.split(), json.loads(commands)
    return run


def test_reads_of_one_turn_are_one_command(redis_server, read_together):
    """Of 200 keys at most; a key that several want is asked for once."""
    printed, commands = read_together("many", f"redis://:{redis_server.password}@127.0.0.1:{redis_server.port}")
    assert printed == [f"s{at % 300}" for at in range(450)]
    # The liveness key and 200 students; the next 100, and 100 that the first command has too; the last 50.  Later ones are of those
    # who wait for somebody else that loads.
    assert commands[:3] == [201, 201, 51]


def test_a_key_that_is_not_allowed_costs_others_nothing(redis_server, read_together):
    with redis_server.connect() as client:
        client.execute_command("ACL", "SETUSER", "wc_turn", "on", ">secret", "~wc:*", "~student:ada:*", "+@all")
        printed, commands = read_together("two", f"redis://wc_turn:secret@127.0.0.1:{redis_server.port}")
        client.execute_command("ACL", "DELUSER", "wc_turn")
    assert printed == ["ada", "bob"]
    assert commands[:3] == [3, 2, 2], "then each is read alone"
