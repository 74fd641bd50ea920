"""The worker compares cached values with the database: it finds what is stale, and accuses nothing else."""

import json
import signal
import threading

import pytest

from school import Cache
from servers import Redis, until
from servers.worker import run_worker

pytestmark = pytest.mark.thorough

FAST = {"audit": {"rate_per_s": 100}}


def sessions(school):
    return school.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'wc-worker audit%'")


def entry(school, student, kind):
    """What to store: key, value, lifetime and snapshot."""
    return school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s], ARRAY[%s])", student, kind)[0]


def fill(client, key, value, ttl, snapshot):
    return client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot)


@pytest.fixture
def ada(school):
    student = school.add_student("ada")
    school.add_record(student, vital='{"height": 140, "weight": 35}')
    return student


@pytest.fixture
def audited(start_worker, school):
    return start_worker(settings=FAST)


@pytest.fixture
def cache(redis_server, audited, school):
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        yield cache


def until_checked(worker, more=20):
    """So many comparisons from now on: of each cached value some, where few are cached."""
    before = worker.audited("checked")
    until(lambda: worker.audited("checked") >= before + more, 30, f"{more} comparisons")


def older(school, cache, kind):
    """What the database said before the last change."""
    _, value, _, _ = entry(school, "ada", kind)
    school.sql("""UPDATE health_records SET vital = '{"height": 150, "weight": 45}'""")
    school.sql("UPDATE students SET \"firstName\" = 'Augusta', \"dateOfBirth\" = '2013-03-02' WHERE id = 'ada'")
    cache.until_drained()
    return Cache.key("ada", kind), value


def of_another_student(school, cache, kind):
    school.add_student("grace", firstName="Grace")
    return Cache.key("ada", kind), entry(school, "grace", kind)[1]


def of_nobody(school, cache, kind):
    return Cache.key("nobody", kind), entry(school, "ada", kind)[1]


def of_a_deleted_student(school, cache, kind):
    school.add_student("gone")
    key, value, _, _ = entry(school, "gone", kind)
    school.sql("DELETE FROM students WHERE id = 'gone'")
    cache.until_drained()
    return key, value


def no_json(school, cache, kind):
    return Cache.key("ada", kind), "\x00\xff{"


def other_json(school, cache, kind):
    return Cache.key("ada", kind), "[" * 5000 + "]" * 5000


OF_NO_STUDENT = pytest.mark.plain_keys("with opaque keys the worker looks under the keys of the students that there are; test_opaque_keys.py audits those")


@pytest.mark.parametrize("kind", ["health_summary", "growth_chart"])
@pytest.mark.parametrize("make", [older, of_another_student, pytest.param(of_nobody, marks=OF_NO_STUDENT),
                                  pytest.param(of_a_deleted_student, marks=OF_NO_STUDENT), no_json, other_json])
def test_a_stale_value_is_found_counted_and_removed(make, kind, ada, school, audited, cache):
    other = school.add_student()
    cache.until_drained()
    assert fill(cache.client, *entry(school, other, kind)) == 1
    key, value = make(school, cache, kind)
    assert audited.audited("stale") == 0
    cache.client.set(key, value, ex=300)
    until(lambda: cache.client.get(key) != value, 20, "the stale value to be removed")
    until(lambda: audited.audited("stale", kind) == 1, 5, "it to be counted")
    until_checked(audited)
    assert audited.audited("stale") == 1, "it is counted once, and the right one not at all"
    assert cache.client.exists(Cache.key(other, kind))
    said = [line for line in audited.warnings() if "audit:" in line]
    assert len(said) == 1 and kind in said[0]
    assert "Ada" not in audited.log.read_text() and "Augusta" not in audited.log.read_text()


def test_what_was_loaded_before_a_removal_is_not_stored_after_it(ada, school, audited, cache):
    """The removal leaves a fence: a slow reader, who may have what made the value stale, loads anew."""
    key, value, ttl, snapshot = entry(school, ada, "health_summary")
    cache.client.set(key, '{"stale": true}', ex=300)
    until(lambda: audited.audited("stale") == 1, 20, "the stale value to be found")
    until(lambda: not cache.client.exists(key), 5, "it to be removed")
    assert fill(cache.client, key, value, ttl, snapshot) == 0
    assert cache.load(ada) == 1
    until_checked(audited)
    assert audited.audited("stale") == 1


def test_nothing_is_stale_while_all_change_as_fast_as_they_can(school, audited, cache, redis_server):
    """Two writers change few students back and forth, readers fill, and what they find differs all the time."""
    students = [school.add_student(f"busy-{n}", firstName="0") for n in range(4)]
    end, failures = threading.Event(), []

    def run(work):
        try:
            with school.cluster.connect(school.database) as connection, redis_server.connect() as client:
                n = 0
                while not end.is_set():
                    n += 1
                    work(connection, client, students[n % len(students)], n)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    def write(connection, client, student, n):
        connection.execute("UPDATE students SET \"firstName\" = %s WHERE id = %s", [str(n // 4 % 2), student])

    def read(connection, client, student, n):
        if not client.exists(Cache.key(student)):
            row = connection.execute("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", [student]).fetchone()
            fill(client, *row)

    threads = [threading.Thread(target=run, args=(work,)) for work in (write, write, read, read)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: failures or audited.audited("checked") >= 300 and audited.metrics()["wc_audit_undecided_total"] >= 20, 60,
              "comparisons enough, and differences among them")
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert audited.audited("stale") == 0


def test_at_rate_0_nothing_is_read(school, start_worker, redis_server, ada):
    worker = start_worker()
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        cache.load(ada)
        client.config_resetstat()
        polls = client.info("commandstats").get("cmdstat_fcall", {}).get("calls", 0)
        until(lambda: client.info("commandstats").get("cmdstat_fcall", {}).get("calls", 0) >= polls + 4, 20, "the worker to renew its liveness")
        assert "cmdstat_scan" not in client.info("commandstats")
        assert worker.audited("checked") == 0 and sessions(school) == 0


def test_a_reload_sets_the_rate(school, start_worker, redis_server, ada):
    worker = start_worker()
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        cache.load(ada)
        worker.write_configuration(FAST)
        worker.send(signal.SIGHUP)
        until(lambda: worker.audited("checked") >= 5, 20, "comparisons")
        worker.write_configuration({"audit": {"rate_per_s": 0}})
        worker.send(signal.SIGHUP)
        until(lambda: sessions(school) == 0, 20, "the session to end")


def test_a_worker_that_stands_by_does_not_audit(school, start_worker, redis_server, ada):
    first = start_worker(settings=FAST)
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        cache.load(ada)
        until(lambda: first.audited("checked") >= 5, 20, "comparisons")
        second = start_worker(name="worker", settings=FAST)
        until_checked(first)
        assert second.audited("checked") == 0 and sessions(school) == 1
        first.stop()
        until(lambda: second.audited("checked") >= 5, 30, "the other one to audit once it drains")


def test_it_goes_on_when_its_connections_are_lost(school, audited, cache, ada):
    cache.load(ada)
    until_checked(audited)
    school.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'wc-worker audit%' AND datname = current_database()")
    until_checked(audited)
    cache.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    cache.until_drained()
    until(lambda: audited.healthy() and cache.load(ada) == 1, 20, "the worker to be back")
    until_checked(audited)
    assert audited.audited("stale") == 0


def test_the_workers_user_of_the_access_list_may_do_all_of_it(ground, school, start_worker, ada):
    with Redis(ground, "redis-audit", access=True) as redis:
        worker = start_worker(redis=redis, settings=FAST)
        with redis.connect() as client:
            cache = Cache(client, school)
            cache.until_drained()
            cache.load(ada)
            until_checked(worker)
            client.set(cache.key(ada), '{"stale": true}', ex=300)
            until(lambda: worker.audited("stale") == 1 and not client.exists(cache.key(ada)), 20, "the stale value to be removed")
            assert client.acl_log() == []
        worker.stop()


def test_ids_and_keys_of_any_form(school, start_worker, redis_server):
    """Braces in keys, and ids that look like parts of keys."""
    school.sql(f"ALTER DATABASE {school.database} SET white_cross.cluster_keys = on")
    ids = [school.add_student(id) for id in ("plain", "a:records:1:20:x", "with space", "é", "{x}")]
    worker = start_worker(settings=FAST | {"redis": {"cluster_keys": True}})
    with redis_server.connect() as client, school.cluster.connect(school.database) as connection:
        Cache(client, school).until_drained()
        for row in connection.execute("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%s)", [ids]).fetchall():
            assert fill(client, *row) == 1
        until_checked(worker, 30)
        assert worker.audited("stale") == 0
        keys = [connection.execute("SELECT wc_cache_key(%s::text, 'health_summary')", [id]).fetchone()[0] for id in ids]
        for key in keys:
            client.set(key, '{"stale": true}', ex=300)
        until(lambda: client.exists(*keys) == 0, 30, "all to be removed")
        until(lambda: worker.audited("stale") == len(ids), 10, "all to be counted")


def test_the_nines_are_shown(school, audited, cache, ada):
    cache.load(ada)
    until_checked(audited, 100)
    audit = json.loads(audited.get("/api/admin/status")[1])["audit"]
    assert audit["stale"] == 0 and audit["checked"] >= 100
    assert audit["stale_share_at_most"] == pytest.approx(1 - 0.05 ** (1 / audit["checked"]), rel=0.1)
    assert audit["fresh_at_least"].startswith("9") and audit["fresh_at_least"].endswith(" %")
    done = run_worker("status", "--config", audited.configuration)
    line = next(line for line in done.stdout.splitlines() if line.startswith("audit"))
    assert "0 of " in line and line.endswith(" % with 95 % confidence")
    assert "audit" not in json.loads(audited.get("/api/admin/performance")[1]), "that shape is an old one"
    assert 0 < audited.metrics()["wc_audit_stale_share_at_most"] < 0.03
