"""The figures of /api/admin/performance always have the same shape. They are right if they are known, and null if not."""

import json
import re

from json_schema import errors, schema
from servers import until
from servers.worker import run_worker


def performance(worker):
    status, body = worker.get("/api/admin/performance")
    assert status == 200
    figures = json.loads(body)
    assert errors(figures, schema("performance")) == []
    # Old readers may rely on the order, and on three decimals at most.
    assert list(figures)[:4] == ["timeWindow", "totalRequests", "avgResponseTime", "p50"]
    assert not re.search(r"\.\d{4,}", body)
    return figures


def test_a_schema_finds_what_is_wrong():
    assert len(errors({}, schema("performance"))) == 11
    assert errors({"timeWindow": "5 minutes", "p50": "1"}, schema("performance"))[-1].startswith("$.p50")


def test_the_cache_is_known(worker, cache, school):
    cache.until_drained()
    figures = until(lambda: (seen := performance(worker))["cache"]["dbSize"] and seen, 20, "the keys of Redis to be seen")
    assert figures["cache"]["connected"] and figures["cache"]["usedMemory"] > 100_000


def test_the_memory_of_the_process_is_known(worker):
    memory = performance(worker)["memory"]
    assert memory["heapTotal"] >= memory["heapUsed"] > 0


def test_the_hit_rate_is_that_of_the_window(worker, cache, redis_server, school):
    cache.until_drained()
    until(lambda: performance(worker)["cache"]["connected"], 20, "a first look at Redis")
    student = school.add_student()
    cache.until_drained()
    cache.load(student)
    key = cache.key(student)
    with redis_server.connect() as client:
        for _ in range(3):
            client.execute_command("FCALL", "wc_get", 1, key)
        client.execute_command("FCALL", "wc_get", 1, cache.key("nobody"))
    rate = until(lambda: performance(worker)["cache"]["hitRate"], 20, "reads to be seen")
    assert 50 <= rate <= 100


def test_all_keys_are_there_while_nothing_answers(start_worker):
    worker = start_worker(enter=False, settings={"postgres": {"url": "postgresql://127.0.0.1:1/none"},
                                                 "redis": {"url": "redis://127.0.0.1:1/0"}})
    worker.start(wait=False)
    figures = until(lambda: worker.get("/api/admin/performance")[0] == 200 and
                    (seen := performance(worker))["cache"]["connected"] is False and seen, 20)
    assert figures["totalRequests"] is None and figures["database"]["poolStats"] is None
    assert figures["cache"] == {"connected": False, "dbSize": None, "usedMemory": None, "hitRate": None}


def test_a_redis_that_goes_is_seen(worker, cache, redis_server):
    cache.until_drained()
    until(lambda: performance(worker)["cache"]["connected"], 20)
    redis_server.stop()
    try:
        until(lambda: performance(worker)["cache"]["connected"] is False, 20, "Redis to be missed")
    finally:
        redis_server.start()
    until(lambda: performance(worker)["cache"]["connected"], 20, "Redis to be seen again")


def test_slow_calls_are_a_list_or_not_known(worker, cache):
    cache.until_drained()
    body = json.loads(worker.get("/api/admin/slow")[1])
    assert errors(body, schema("slow")) == []


def observers(school):
    return school.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'wc-worker observer%'")


def test_it_can_be_turned_off(start_worker, school):
    worker = start_worker(environment={"ENABLE_PERFORMANCE_MONITORING": "false"})
    assert performance(worker)["cache"]["connected"] is None
    assert observers(school) == 0
    other = start_worker(name="other")
    until(lambda: observers(school) == 1, 20, "the observer's session")
    assert performance(other)["memory"]["heapUsed"] is not None


# ---- the variables of the performance guide ----


def test_the_worker_says_what_stands_in_the_place_of_a_variable(tmp_path):
    names = ["WORKER_POOL_SIZE", "WORKER_TASK_TIMEOUT", "ENABLE_WORKER_THREADS", "USE_OPTIMIZED_SERVICE"]
    done = run_worker("--check-config", **{name: "https://u:secret@x/?token=secret" for name in names})
    assert done.returncode == 0, done.stderr
    assert [name for name in names if f"{name}: " in done.stderr] == names
    assert "u:secret" not in done.stdout + done.stderr and "token=" not in done.stdout + done.stderr
    assert run_worker("--check-config").stderr == ""


def test_a_promised_protection_is_not_forgotten():
    done = run_worker("--check-config", REDIS_TLS_ENABLED="true", REDIS_URL="redis://cache1")
    assert done.returncode == 78 and "rediss://" in done.stderr
    assert run_worker("--check-config", REDIS_TLS_ENABLED="true", REDIS_URL="rediss://cache1").returncode == 0
    assert run_worker("--check-config", REDIS_TLS_ENABLED="false", REDIS_URL="redis://cache1").returncode == 0
    for url, status in [("redis://cache1", 78), ("redis://:word@cache1", 78), ("redis://wc_worker:word@cache1", 0)]:
        assert run_worker("--check-config", REDIS_ACL_ENABLED="true", REDIS_URL=url).returncode == status, url


def test_its_variables_set_its_settings():
    done = run_worker("--check-config", ENABLE_PERFORMANCE_MONITORING="false", SLOW_QUERY_THRESHOLD="250")
    assert "enabled = false" in done.stdout.split("[performance]")[1] and "slow_ms = 250" in done.stdout
