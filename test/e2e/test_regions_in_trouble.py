"""Several Redis at once: workers that die or take over, rows of every kind, and a hunt for a stale value."""

import signal
import threading
import time

import pytest
import redis

from region_stage import SETTINGS, TTL_MS, Regions, Stage, far, held, near, read, regions, start, with_ttl  # noqa: F401 (fixtures)
from school import Cache
from servers import Proxy, Redis, library, opaque_keys, until
from stray_reader import Reader, last_name

pytestmark = pytest.mark.thorough

LONG_MS = 6000  # of a liveness: it is there while the next worker drains, if that does not wait


# ---- the worker ----

@pytest.mark.parametrize("held_back", ["near", "far"])
def test_a_worker_that_is_killed_between_two_answers(start, school, near, far, regions, held_back):
    servers = regions.servers
    with Proxy(lambda: servers[held_back].port) as proxy:
        stage = start(Regions(servers, {held_back: proxy}, timeout_ms=30_000), with_ttl(30_000))
        hold = proxy.hold(b"wc_invalidate")
        stage.rename("After")
        hold.wait()
        other = next(name for name in servers if name != held_back)
        has_passed = "SELECT bool_and(pg_visible_in_snapshot(i.xid, t.done)) FROM white_cross.invalidation AS i, white_cross.target AS t WHERE t.name = %s"
        school.sql("SELECT wc_invalidate('nobody'::text)")
        until(lambda: school.one(has_passed, other), 30, "the other one to have done it, and to have said so")
        school.sql("SELECT white_cross.release_rows('0')")
        assert held(servers[held_back], stage.student) == "Before" and not school.is_drained()
        stage.worker.stop(signal.SIGKILL)
        hold.release()
        proxy.cut()
        stage.worker.start()
        stage.until_drained()
        assert {read(server, stage.student) for server in servers.values()} <= {None, "After"}
        assert stage.school.one("SELECT count(*) FROM white_cross.target WHERE is_away") == 0


def test_another_worker_takes_over(start, start_worker, regions):
    stage = start(regions)
    second = start_worker("second", redis=regions, settings=SETTINGS)
    stage.worker.stop(signal.SIGKILL)
    for name in "After", "Later":
        stage.rename(name)
        stage.until_drained()
        assert {read(server, stage.student) for server in regions.servers.values()} <= {None, name}
    assert all(second.metrics()[f'wc_worker_is_drainer{{target="{name}"}}'] == 1 for name in regions.servers)
    assert all(second.metrics()[f'wc_worker_redis_changes_total{{target="{name}"}}'] == 0 for name in regions.servers), "what it keeps fresh stays trusted"


def test_a_worker_for_each_region(start_worker, school, regions, near, far):
    """Each with its own Redis alone: a row waits for both."""
    workers = [start_worker(f"{name}-worker", redis=Regions({name: server}), settings=SETTINGS) for name, server in regions.servers.items()]
    student = school.add_student(lastName="Before")
    stage = Stage.__new__(Stage)
    stage.school, stage.regions, stage.student = school, regions, student
    stage.until_drained(30)
    for name in regions.servers:
        stage.load_into(name)
    workers[1].send(signal.SIGSTOP)
    stage.rename("After")
    until(lambda: held(near, student) in (None, "After"), 5, "the near one to go on")
    stage.until_away("far")
    stage.until_drained()
    assert held(far, student) == "Before"
    with Reader(far, Cache.key(student)) as reader:
        workers[1].send(signal.SIGCONT)
        stage.until_trusted("far")
        assert reader.names() <= {None, "After"} and held(far, student) in (None, "After")


def test_from_one_redis_to_several_and_back(start_worker, school, regions, near):
    """Whoever was not served meanwhile is trusted with nothing of before, though its process is the same."""
    alone = start_worker("alone", redis=near, settings=with_ttl(LONG_MS))
    stage = stage_of(school, regions)
    stage.load_into("near")
    alone.stop()
    together = start_worker("together", redis=regions, settings=with_ttl(LONG_MS))
    stage.load_into("far")
    stage.rename("Among several")
    stage.until_drained()
    stage.load_into("far")
    together.stop()
    alone.start()
    stage.rename("Alone")
    stage.until_drained()
    with Reader(regions.servers["far"], Cache.key(stage.student)) as reader:
        stage.load_into("near")
        alone.stop()
        together.start()
        stage.until_trusted("far")
        stage.load_into("far")
        assert reader.names() <= {None, "Alone"}
    assert {row[0] for row in school.rows("SELECT process FROM white_cross.served_redis")} == {""}


def stage_of(school, regions):
    """A student whose summary is cached nowhere yet."""
    stage = Stage.__new__(Stage)
    stage.school, stage.regions, stage.student = school, regions, school.add_student(lastName="Before")
    return stage


@pytest.mark.parametrize("to", ["another", "several"])
def test_to_other_redis_while_that_of_before_answers(start_worker, school, ground, near, far, to):
    """Its worker ended a moment ago.  A change is acknowledged once no reader is answered there any more."""
    with Redis(ground, "of-before") as former:
        stage = stage_of(school, Regions({"former": former, "near": near, "far": far}))
        before = start_worker("before", redis=former, settings=with_ttl(LONG_MS))
        stage.load_into("former")
        before.stop()
        assert read(former, stage.student) == "Before", "readers are answered for a while"
        start_worker("after", redis=near if to == "another" else Regions({"near": near, "far": far}), settings=with_ttl(LONG_MS))
        stage.rename("After")
        stage.until_drained()
        assert read(former, stage.student) is None
        stage.load_into("near")
        assert read(near, stage.student) == "After"


# ---- rows of all kinds ----

@pytest.mark.parametrize("xid", ["'1'", "pg_current_xact_id()", "'18446744073709551615'"])
def test_a_row_by_hand_reaches_each(start, school, regions, xid):
    """Whatever xid it has: one that all have passed long ago must not go unseen."""
    stage = start(regions)
    for server in regions.servers.values():
        with server.connect() as client:
            Cache(client, school).plant_summary(stage.student)
    school.sql(f"INSERT INTO white_cross.invalidation VALUES ({xid}, 7, 31, ARRAY[%s], NULL, now())", stage.student)
    school.sql("SELECT white_cross.release_rows('0')")
    stage.until_drained()
    for server in regions.servers.values():
        with server.connect() as client:
            assert not Cache(client, school).is_planted(Cache.key(stage.student))


def test_a_row_for_every_student_waits_for_those_that_are_there(start, school, regions, far):
    stage = start(regions)
    far.send(signal.SIGSTOP)
    stage.until_away("far")
    school.sql("SELECT wc_invalidate_all()")
    stage.until_drained()
    far.send(signal.SIGCONT)
    stage.until_trusted("far")
    assert school.one("SELECT count(*) FROM white_cross.swept") == 0


@pytest.mark.parametrize("why", ["a row", "a restart"])
def test_a_sweep_that_a_killed_worker_has_not_ended(start, school, near, far, regions, why):
    """Of a row that the other target has done already, or of this one alone."""
    with Proxy(lambda: far.port) as proxy:
        stage = start(Regions(regions.servers, {"far": proxy}, timeout_ms=5000))
        hold = proxy.hold(b"SCAN")
        if why == "a row":
            school.sql("SELECT wc_invalidate_all()")
            until(lambda: school.one("SELECT count(*) FROM white_cross.swept WHERE target = 'near'") == 1, 10, "the near one to have done it")
            assert not school.is_drained()
        else:
            with far.connect() as client:
                client.save()
            far.restart(signal.SIGKILL)
        hold.wait()
        stage.worker.stop(signal.SIGKILL)
        assert held(far, stage.student) == "Before" and read(far, stage.student) is None
        # Whoever goes on in the middle, or not at all, misses this one.
        with far.connect() as client:
            client.set("student:unknown:health_summary", "{}")
        hold.release()
        proxy.cut()
        stage.worker.start()
        stage.until_trusted("far")
        stage.until_drained()
        with far.connect() as client:
            assert not client.exists("student:unknown:health_summary")


def test_events_wait_for_the_first_and_changes_do_not(start, school, regions, near, far):
    stage = start(regions, settings=SETTINGS | {"events": {"stream": "changes"}})
    near.send(signal.SIGSTOP)
    stage.until_away("near")
    stage.rename("After")
    until(lambda: held(far, stage.student) in (None, "After"), 5, "the other one to go on")
    until(lambda: school.one("SELECT bool_and(pg_visible_in_snapshot(i.xid, t.done)) FROM white_cross.target AS t, white_cross.invalidation AS i WHERE t.name = 'far'"),
          10, "the other one to have done all rows")
    school.sql("SELECT white_cross.release_rows('0')")
    assert school.one("SELECT count(*) FROM white_cross.invalidation WHERE students IS NOT NULL") > 0, "the event would be lost"
    near.send(signal.SIGCONT)
    stage.until_drained()
    with near.connect() as client, far.connect() as other:
        assert opaque_keys.name_of(stage.student) in {fields["student"] for _, fields in client.xrange("changes")}
        assert other.exists("changes") == 0


def test_one_that_refuses_everything_holds_up_nobody(start, regions, far):
    stage = start(regions)
    with far.connect() as client:
        client.acl_setuser("default", enabled=True, commands=["-unlink"])
        try:
            stage.rename("After")
            stage.until_away("far")
            assert read(regions.servers["near"], stage.student) in (None, "After")
            stage.until_drained()
        finally:
            client.acl_setuser("default", enabled=True, commands=["+@all"])
    stage.until_trusted("far")
    assert read(far, stage.student) in (None, "After")


def test_a_student_whom_one_refuses_is_set_aside_there_alone(start, school, regions, near, far):
    stage = start(regions)
    other = school.add_student()
    with far.connect() as client:
        code = client.execute_command("FUNCTION", "LIST", "WITHCODE")[0]
        code = code[code.index("library_code") + 1]
        begin = "    local existed = {}\n    local most_pages"
        assert code.count(begin) == 1
        fault = f"    for _, key in ipairs(keys) do\n if key == '{Cache.key(stage.student, '')}' then\n return redis.error_reply('ERR broken') end end\n"
        client.execute_command("FUNCTION", "LOAD", "REPLACE", code.replace(begin, fault + begin))
        school.sql('UPDATE students SET "lastName" = %s', "After")
        stage.until_drained()
        assert school.rows("SELECT target, student FROM white_cross.target_set_aside") == [("far", stage.student)]
        assert read(far, stage.student) is None and held(far, stage.student) == "Before" and read(near, stage.student) in (None, "After")
        until(lambda: "fail" in [row[0] for row in school.rows("SELECT status FROM wc_diagnose() WHERE detail LIKE '%%students may be stale there%%'")], 10, "the finding")
        until(lambda: Cache(client, school).load(other) == 1 and read(far, other), 20, "others to be stored and found")
        client.execute_command("FUNCTION", "LOAD", "REPLACE", code)
    stage.worker.restart()
    until(lambda: held(far, stage.student) in (None, "After"), 10, "it to be removed")
    assert school.rows("SELECT * FROM white_cross.target_set_aside") == []


# ---- a hunt ----

def test_a_hunt_for_a_stale_value(start, school, regions, near, far):
    """A writer counts up; no reader of either region finds less than what was acknowledged before it asked."""
    stage = start(regions)
    acknowledged = [0]
    stopping = threading.Event()
    stale = []
    found = {name: 0 for name in regions.servers}

    def watch(name, server):
        key = Cache.key(stage.student)
        with school.cluster.connect(school.database) as own:
            while not stopping.is_set():
                least = acknowledged[0]
                try:
                    with server.connect(socket_timeout=2) as client:
                        value = last_name(client.execute_command(*library.get(key)))
                        if value is None:
                            key, value, ttl, snapshot = own.execute("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", [stage.student]).fetchone()
                            client.execute_command(*library.fill(key, value, ttl, snapshot))
                            continue
                except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
                    continue
                found[name] += 1
                if value.isdigit() and int(value) < least:
                    stale.append((name, value, least))

    threads = [threading.Thread(target=watch, args=item) for item in regions.servers.items()]
    for thread in threads:
        thread.start()
    try:
        number = 0
        for turn in range(8):
            server = (near, far)[turn % 2]
            if turn % 4 < 2:
                server.send(signal.SIGSTOP)
            else:
                with server.connect() as client:
                    client.save()
                server.stop(signal.SIGKILL)
            ends = time.monotonic() + 2.5 * TTL_MS / 1000
            while time.monotonic() < ends:
                number += 1
                stage.rename(str(number))
                if school.is_drained():
                    acknowledged[0] = number
            if turn % 4 < 2:
                server.send(signal.SIGCONT)
            else:
                server.start()
            until(school.is_drained, 20, "the queue to be empty")
            acknowledged[0] = number
            stage.until_trusted("near")
            stage.until_trusted("far")
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert stale == [] and min(found.values()) > 200, found
