"""The users of config/users.acl: the application may call the library and read, the worker has what it needs, no more."""

import pytest
import redis

from redis_library import BEGAN, FENCE_MS, RECORDS, SUMMARY, Library, snapshot
from school import Cache
from secured_redis import administrator, secured  # noqa: F401 (fixtures)
from servers import library, until
from servers.ground import ROOT

KEY = "student:ada:health_summary"
PAGE = "student:ada:records:1:20:{}"
SEEN = snapshot(5, 5)


@pytest.fixture
def application(secured, administrator):
    """A client of the application, with a library and an epoch that the worker's user put there."""
    with secured.connect("wc_worker") as client:
        client.execute_command("FUNCTION", "LOAD", "REPLACE", library.source())
        worker = Library(client)
        client.set("wc:clock", BEGAN - worker.now())
        assert worker.open_epoch(snapshot(1, 1)) == worker.renew_liveness() == 1
    with secured.connect("wc_application") as client:
        yield client


def fill(client, key, value="v"):
    return Library(client).fill(SEEN, key, value)


@pytest.mark.parametrize("servers, prefix", [("these servers", "student:ada:"), ("these servers tagged", "student:{ada}:")])
def test_the_application_can_call_the_library(application, administrator, servers, prefix):
    worker = Library(administrator)
    assert worker.open_epoch(snapshot(1, 1), servers=servers) == worker.renew_liveness(servers=servers) == 1
    summary, page = prefix + KEY[12:], prefix + PAGE[12:]
    for key in summary, page, prefix + "growth_chart":
        assert application.execute_command("FCALL", "wc_get", 1, key) is None
        assert application.execute_command("FCALL", "wc_lease", 1, key, 60_000) == 1
        assert application.execute_command("FCALL", "wc_lease", 1, key, 60_000) == 0
        assert fill(application, key) == 1
        assert fill(application, key, "again") == 1
        assert application.execute_command("FCALL_RO", "wc_get", 1, key) == "again"
        assert application.get(key) == "again"
        assert 0 < application.ttl(key) <= 300
    assert application.mget(summary, page) == ["again", "again"]
    assert application.execute_command(*library.direct(summary)) == [application.execute_command(*library.hello(summary)), "again"]
    assert administrator.smembers(prefix + "pages") == {page}
    assert administrator.keys("*:lease") == administrator.keys("*:filling") == []
    assert administrator.acl_log() == []


def test_many_pages_are_within_the_applications_rights(application, administrator):
    """Beyond 64 pages a fill looks for those that expired, with commands of their own."""
    pages = [f"student:ada:records:{n}:20:{{}}" for n in range(100)]
    assert all(fill(application, page) == 1 for page in pages)
    for page in pages[:60]:
        administrator.delete(page)
    assert all(fill(application, page) == 1 for page in pages[60:])
    assert administrator.acl_log() == []


def test_what_is_refused_is_refused_without_a_trace(application, administrator):
    """Fences hold for the application's user too."""
    with pytest.raises(redis.ResponseError):
        Library(application).invalidate(9)
    Library(administrator).invalidate(9)
    assert fill(application, KEY) == 0
    assert administrator.exists(KEY, KEY + ":filling") == 0


STORING = [
    ("SET", KEY, "x"), ("SETEX", KEY, 9, "x"), ("PSETEX", KEY, 9, "x"), ("SETNX", KEY, "x"), ("GETSET", KEY, "x"),
    ("MSET", KEY, "x"), ("MSETNX", KEY, "x"), ("APPEND", KEY, "x"), ("SETRANGE", KEY, 0, "x"), ("SETBIT", KEY, 0, 1),
    ("INCR", KEY), ("INCRBYFLOAT", KEY, 1), ("BITOP", "AND", KEY, PAGE), ("BITFIELD", KEY, "SET", "u8", 0, 1),
    ("RESTORE", KEY, 0, "x", "REPLACE"), ("COPY", PAGE, KEY, "REPLACE"), ("SORT", PAGE, "STORE", KEY), ("LPUSH", KEY, "x"),
    ("HSET", KEY, "f", "x"), ("SADD", KEY, "x"), ("ZADD", KEY, 1, "x"), ("XADD", KEY, "*", "f", "x"), ("PFADD", KEY, "x"),
    ("RENAME", PAGE, KEY), ("RENAMENX", PAGE, KEY), ("RENAME", KEY, "student:eve:health_summary"), ("MOVE", KEY, 1),
    ("SUNIONSTORE", KEY, "student:ada:pages"), ("GEOADD", KEY, 1, 1, "x"),
]
REMOVING = [
    ("DEL", KEY), ("UNLINK", KEY), ("GETDEL", KEY), ("GETEX", KEY, "PX", 1), ("EXPIRE", KEY, 0), ("PEXPIRE", KEY, 0),
    ("EXPIREAT", KEY, 1), ("PEXPIREAT", KEY, 1), ("PERSIST", KEY), ("FLUSHALL",), ("FLUSHDB",), ("SWAPDB", 0, 1),
    ("DEL", "student:ada:fence"), ("UNLINK", "student:ada:pages"), ("SPOP", "student:ada:pages"),
]
WORKERS_OWN = [
    ("SET", "student:ada:fence", "0;"), ("RENAME", KEY + ":filling", "student:ada:fence"), ("SADD", "student:ada:fence", "x"),
    ("SET", "wc:epoch", SEEN), ("SET", "wc:epoch:opening", "o"), ("SET", "wc:alive", "1"), ("SET", "wc:clock", "0"),
    ("DEL", "wc:fence:all"), ("UNLINK", "wc:epoch"), ("RENAME", KEY + ":filling", "wc:epoch"),
    ("FCALL", "wc_invalidate", 1, "student:ada:", FENCE_MS, SUMMARY, 9), ("FCALL", "wc_invalidate", 1, "student:ada:", FENCE_MS, 0, 9),
    ("FCALL", "wc_invalidate", 1, "student:ada:", FENCE_MS, RECORDS, ""), ("FCALL", "wc_fence_all", 1, "wc:fence:all", FENCE_MS, 9),
    ("FCALL", "wc_open_epoch", 1, "wc:epoch", "o", SEEN, "x", FENCE_MS), ("FCALL", "wc_alive", 1, "wc:alive", 9_999_999_999_999, "x", SEEN),
    ("FCALL", "wc_invalidate", 1, "student:ada:", FENCE_MS, 0, "", SEEN),
    ("FUNCTION", "LOAD", "REPLACE", "#!lua name=white_cross\n"), ("FUNCTION", "DELETE", "white_cross"), ("FUNCTION", "FLUSH"),
    ("FUNCTION", "LIST"), ("FUNCTION", "DUMP"),
]
SERVERS = [
    ("EVAL", f"return redis.call('SET', '{KEY}', 'x')", 0), ("SCRIPT", "LOAD", "return 1"), ("KEYS", "*"), ("SCAN", 0),
    ("RANDOMKEY",), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("ACL", "SETUSER", "wc_application", "+@all"),
    ("MONITOR",), ("SLOWLOG", "GET"), ("CLIENT", "KILL", "ID", 1), ("CLIENT", "LIST"), ("SHUTDOWN", "NOW"),
    ("REPLICAOF", "NO", "ONE"), ("SAVE",), ("MIGRATE", "127.0.0.1", 1, KEY, 0, 1), ("GET", "session:1"), ("PUBLISH", "c", "m"),
    ("SUBSCRIBE", "__keyspace@0__:x"), ("INFO",), ("OBJECT", "FREQ", KEY), ("DUMP", KEY), ("MULTI",),
]


@pytest.mark.parametrize("command", STORING + REMOVING + WORKERS_OWN + SERVERS, ids=lambda words: " ".join(map(str, words))[:60])
def test_the_application_may_not(application, administrator, command):
    assert fill(application, KEY) == fill(application, PAGE) == 1
    administrator.set("student:ada:health_summary:filling", "on its way")
    before = {key: administrator.dump(key) for key in sorted(administrator.keys("*"))}
    with pytest.raises(redis.ResponseError) as refusal:
        application.execute_command(*command)
    assert isinstance(refusal.value, redis.exceptions.NoPermissionError) or "script" in str(refusal.value), refusal.value
    assert {key: administrator.dump(key) for key in sorted(administrator.keys("*"))} == before


@pytest.mark.parametrize("command", [
    ("FLUSHALL",), ("KEYS", "*"), ("DEL", KEY), ("SET", "session:1", "x"), ("GET", "session:1"), ("CONFIG", "GET", "*"),
    ("ACL", "LIST"), ("EVAL", "return 1", 0), ("FUNCTION", "FLUSH"), ("SHUTDOWN",), ("MONITOR",), ("PUBLISH", "c", "m"),
], ids=lambda words: " ".join(map(str, words)))
def test_the_worker_may_not(secured, administrator, command):
    with secured.connect("wc_worker") as worker, pytest.raises(redis.exceptions.NoPermissionError):
        worker.execute_command(*command)


def test_nobody_gets_in_without_a_password(secured, administrator):
    for who in {"username": None, "password": None}, {"username": "default", "password": ""}, {"username": "admin", "password": ""}:
        with secured.connect(**who) as client, pytest.raises((redis.AuthenticationError, redis.ResponseError)):
            client.ping()


def test_without_passwords_the_file_lets_nobody_in(ground):
    """As it is installed, before anybody has written a password into it."""
    users = ROOT / "config/users.acl"
    assert ">" not in users.read_text() and "nopass" not in users.read_text() and "#" not in users.read_text()


@pytest.fixture
def worker(start_worker, secured, administrator):
    return start_worker(redis=secured, settings={"invalidate": {"scan": True}, "prewarm": {"save_interval_s": 1}})


@pytest.fixture
def secured_cache(worker, secured, school):
    with secured.connect("wc_application") as client:
        yield Cache(client, school)


def test_the_worker_has_all_that_it_needs(school, worker, secured, secured_cache, administrator):
    """Its whole life with the application's user beside it, and Redis has refused neither of them anything."""
    student = school.add_student()
    secured_cache.until_drained()
    until(lambda: secured_cache.load(student) == 1, 10, "a fill")
    page = secured_cache.key(student, "records:1:20:{}")
    token = school.one("SELECT snapshot FROM wc_cache_entries(ARRAY[%s])", student)
    assert secured_cache.client.execute_command("FCALL", "wc_fill", 1, page, "[]", 300, token) == 1
    assert administrator.set(secured_cache.key(student, "records:2:20:{}"), "by hand")

    school.add_record(student)
    until(lambda: administrator.exists(page, secured_cache.key(student, "records:2:20:{}")) == 0, 10, "both pages to be gone")
    until(lambda: secured_cache.summary(student) and secured_cache.is_current(student), 10, "the new summary")

    other = secured_cache.key(student, "growth_chart")
    assert administrator.set(other, "old")
    school.sql("SELECT wc_invalidate_all()")
    until(lambda: administrator.exists(other) == 0, 10, "everything to be swept")
    secured_cache.until_drained()

    administrator.flushall()
    until(lambda: secured_cache.load(student) == 1, 10, "a new epoch")
    assert worker.stop() == 0
    assert school.one("SELECT count(*) FROM white_cross.hot_student") == 1
    administrator.execute_command("FUNCTION", "FLUSH")
    worker.start()
    until(lambda: secured_cache.load(student) == 1, 10, "the library again")
    assert administrator.acl_log() == []
    assert worker.warnings() == [] and worker.failures("redis") == 0
