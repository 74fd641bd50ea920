"""The Redis function library by itself: reading without Lua, and with the token of a write.  No PostgreSQL, no worker."""

import pytest

from redis_library import BIG, FENCE_MS, SUMMARY, Library, P, library, snapshot  # noqa: F401 (a fixture)
from servers import Redis, library as functions, until

# ---- reading without Lua ----

def read(library, run, key=P + "health_summary"):
    """As docs/cache.md tells a client to: what MGET alone answers, or None where it must ask wc_get."""
    alive, value = library.client.execute_command(*functions.direct(key))
    return value if alive is not None and alive == run else None


def test_on_a_connection_that_said_hello_mget_finds_what_wc_get_finds(library):
    assert library.fill(snapshot(5, 5)) == 1
    run = library.hello()
    assert run == library.hello(P + "records:1:20:{}") == library.client.get("wc:alive")
    assert library.client.info("server")["run_id"] in run
    assert read(library, run) == '{"v":1}'
    assert library.renew_liveness() == 1 and read(library, run) == '{"v":1}', "a renewal changes nothing"
    library.client.delete("wc:alive")
    assert read(library, run) is None
    assert library.renew_liveness() == 1 and read(library, run) == '{"v":1}'
    assert library.open_epoch(snapshot(10, 10)) == 1
    assert read(library, run) is None


def test_before_liveness_there_is_nothing_to_compare_with(library):
    library.client.execute_command(*functions.load(functions.source()))
    assert library.hello() is None
    assert library.renew_liveness() == 1 and library.hello() == library.client.get("wc:alive")


def test_the_library_loaded_anew_is_another_run(library):
    before = library.hello()
    library.client.execute_command(*functions.load(functions.source()))
    assert library.renew_liveness() == 1
    assert library.hello() != before and read(library, before) is None


def test_a_restarted_redis_is_another_run(library, redis_server):
    """What a connection of before was told is on the disk, too."""
    assert library.fill(snapshot(5, 5)) == 1
    before = library.hello()
    library.client.save()
    redis_server.restart()
    with redis_server.connect() as client:
        again = Library(client)
        assert client.get("wc:alive") == before and client.get(P + "health_summary") == '{"v":1}'
        assert again.hello() is None and again.call("wc_get", P + "health_summary") is None
        assert again.renew_liveness() == 1
        assert again.hello() not in (None, before) and read(again, before) is None
        client.flushall()


def test_where_liveness_excepts_a_student_everybody_asks_wc_get(library):
    other = "student:grace:health_summary"
    assert library.fill(snapshot(5, 5)) == library.fill(snapshot(5, 5), key=other) == 1
    run = library.hello()
    assert library.renew_liveness(but=[P]) == 1
    assert library.hello() == run and read(library, run) is None and read(library, run, other) is None
    assert library.call("wc_get", P + "health_summary") is None and library.call("wc_get", other) == '{"v":1}'
    assert library.renew_liveness() == 1 and read(library, run) == '{"v":1}'


def test_a_client_of_the_other_form_of_keys_is_told_nothing(library):
    plain, tagged = P + "health_summary", "student:{ada}:health_summary"
    assert library.hello(plain) == library.client.get("wc:alive") != library.hello(tagged)
    run = library.hello(plain)
    library.client.set(plain, "by hand")
    servers = "these servers tagged"
    assert library.open_epoch(snapshot(1, 1), servers=servers) == library.renew_liveness(servers=servers) == 1
    assert library.hello(tagged) == library.client.get("wc:alive") != library.hello(plain)
    assert read(library, run) is None


# ---- reading with the token of a write ----

LIFE = "7.1.5"


def token(xid, life=LIFE):
    return f"{xid}.{life}"


def seen(*parts, life=LIFE):
    return f"{snapshot(*parts, began=0)}#{life}"


@pytest.fixture
def value(library):
    assert library.fill(snapshot(5, 5)) == 1
    return lambda *token: library.call("wc_get", P + "health_summary", *token)


@pytest.mark.parametrize("base", [100, 2**53, BIG])
@pytest.mark.parametrize("xid, given, found", [(0, (1, 1), True), (0, (0, 0), False), (0, (0, 1), True), (0, (0, 1, 0), False),
                                               (2, (0, 3, 0, 2), False), (1, (0, 3, 0, 2), True), (5, (0, 3), False)])
def test_a_reader_with_a_token_finds_a_value_once_its_write_was_drained(library, value, base, xid, given, found):
    assert library.renew_liveness(seen=seen(*(base + part for part in given))) == 1
    assert value(token(base + xid)) == ('{"v":1}' if found else None)
    assert value() == value("") == '{"v":1}', "who has none is not concerned"


@pytest.mark.parametrize("life", ["7.1.6", "7.2.5", "8.1.5"])
def test_a_token_of_another_life_finds_nothing(library, value, life):
    """Its id may be that of another transaction."""
    assert library.renew_liveness(seen=seen(50, 50)) == 1
    assert value(token(10)) == '{"v":1}' and value(token(10, life)) is None
    assert library.renew_liveness(seen=seen(50, 50, life="7.1")) == 1
    assert value(token(10)) is None


def test_a_token_does_not_replace_the_liveness(library, value):
    assert library.renew_liveness(seen=seen(50, 50)) == 1
    library.client.delete("wc:alive")
    assert value(token(10)) is None


def test_an_invalidation_may_say_that_it_was_the_last(library, value):
    other = "student:grace:"
    assert library.renew_liveness(seen=seen(10, 10)) == 1
    assert value(token(10)) is None
    library.client.execute_command(*functions.invalidate(FENCE_MS, (other, SUMMARY, [10]), seen=seen(11, 11)))
    assert value(token(10)) == '{"v":1}'


def test_an_invalidation_that_leaves_something_to_do_was_not_the_last(library, value):
    assert library.renew_liveness(seen=seen(10, 10)) == 1
    for pages in range(2100):
        library.client.sadd("student:grace:pages", f"student:grace:records:{pages}:20:{{}}")
    answer = library.client.execute_command(*functions.invalidate(FENCE_MS, ("student:grace:", 7, [10]), seen=seen(11, 11)))
    assert answer == [32] and value(token(10)) is None
    library.client.set("student:bob:pages", "of another type")
    answer = library.client.execute_command(*functions.invalidate(FENCE_MS, ("student:bob:", 7, [10]), seen=seen(11, 11)))
    assert answer[0] & 16 and value(token(10)) is None


@pytest.mark.parametrize("held", [None, "", "all", "1:1:@1", ["a list"]])
def test_where_nobody_knows_what_was_drained_a_token_finds_nothing(library, value, held):
    library.client.delete("wc:seen")
    if held is not None:
        (library.client.lpush if isinstance(held, list) else library.client.set)("wc:seen", held[0] if isinstance(held, list) else held)
    assert value(token(1)) is None and value() == '{"v":1}'
    assert library.renew_liveness(seen=seen(50, 50)) == 1 and value(token(1)) == '{"v":1}'


def test_whoever_waits_for_a_write_gets_the_lease_though_a_value_is_there(library, value):
    key = P + "health_summary"
    assert library.renew_liveness(seen=seen(10, 10)) == 1
    assert library.call("wc_lease", key, 60_000) == 0
    assert library.call("wc_lease", key, 60_000, token(10)) == 1
    assert library.call("wc_lease", key, 60_000, token(10)) == 0
    assert library.call("wc_lease", key, 60_000, token(9)) == 0, "it is there for this one"


def test_hits_of_others_are_counted_where_they_are_told(library, value):
    hits, misses = library.client.execute_command("FCALL_RO", "wc_reads", 0)
    assert library.call("wc_lease", P + "growth_chart", 10, "", 41) == 1
    assert library.client.execute_command("FCALL_RO", "wc_reads", 0) == [hits + 41, misses + 1]


def test_a_replica_tells_nobody_a_run_until_a_worker_comes_to_it(library, redis_server, ground):
    """It has what the primary was told, and may lag behind."""
    key = P + "health_summary"
    assert library.fill(snapshot(5, 5)) == 1 and library.renew_liveness(seen=seen(50, 50)) == 1
    run = library.hello()
    with Redis(ground, "redis-replica") as server, server.connect() as client:
        delay = library.client.config_get("repl-diskless-sync-delay")
        library.client.config_set("repl-diskless-sync-delay", 0)
        client.config_set("masterauth", redis_server.password)
        replica = Library(client)
        client.execute_command("REPLICAOF", "127.0.0.1", redis_server.port)
        until(lambda: client.get("wc:alive") == run, 30, "the replica to have all")
        assert client.get(key) == '{"v":1}'
        assert replica.hello() is None and read(replica, None) is None
        assert replica.call("wc_get", key) is replica.call("wc_get", key, token(10)) is None
        client.execute_command("REPLICAOF", "NO", "ONE")
        assert replica.hello() is None and replica.call("wc_get", key) is None
        assert replica.renew_liveness(seen=seen(50, 50)) == 1
        assert replica.hello() not in (None, run) and read(replica, run) is None
        assert read(replica, replica.hello()) == replica.call("wc_get", key, token(10)) == '{"v":1}'
        library.client.config_set("repl-diskless-sync-delay", delay["repl-diskless-sync-delay"])


# ---- what the audit compares ----

KEY = P + "health_summary"


def sample(library, key=KEY):
    return library.client.execute_command("FCALL_RO", "wc_sample", 1, key)


def test_a_sample_is_all_that_a_value_stands_on_and_no_read(library):
    reads = library.client.execute_command("FCALL_RO", "wc_reads", 0)
    assert library.fill(snapshot(5, 5)) == 1
    value, fence, alive, fence_all, epoch, life, drained = sample(library)
    assert (value, fence, fence_all) == ('{"v":1}', None, None)
    assert [alive, epoch, life, drained] == library.client.mget("wc:alive", "wc:epoch", "wc:epoch:life", "wc:seen")
    library.invalidate(10, kinds=0)
    library.client.execute_command(*functions.fence_all(FENCE_MS, [11]))
    assert sample(library)[:4] == ['{"v":1}', library.client.get(P + "fence"), alive, library.client.get("wc:fence:all")]
    assert "10" in sample(library)[1] and "11" in sample(library)[3]
    assert library.client.execute_command("FCALL_RO", "wc_reads", 0) == reads


@pytest.mark.parametrize("how", ["no value", "no liveness", "of another process", "of the student not", "of the other form"])
def test_where_no_reader_finds_a_value_the_audit_finds_none(library, how):
    assert library.fill(snapshot(5, 5)) == 1 and sample(library)[0] == '{"v":1}'
    if how == "no value":
        library.client.delete(KEY)
    elif how == "no liveness":
        library.client.delete("wc:alive")
    elif how == "of another process":
        library.client.set("wc:alive", "f" * 40 + ".1")
    elif how == "of the student not":
        assert library.renew_liveness(but=[P]) == 1
    else:
        library.client.set("student:{ada}:health_summary", "by hand")
    key = "student:{ada}:health_summary" if how == "of the other form" else KEY
    assert sample(library, key) is None and library.call("wc_get", key) is None
