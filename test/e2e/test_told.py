"""What a run with opaque keys finds if a server tells a student in passing."""

import pytest

import told


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(told, "ids", set())
    monkeypatch.setattr(told, "found", [])
    for id in "grace", "s", "17", "student-9":
        told.note(id)


@pytest.fixture
def client(redis_server):
    with redis_server.connect() as client:
        client.flushall()
        yield client
        client.flushall()


@pytest.mark.parametrize("line", ["key student:grace:health_summary", "Quill is there", "born 2014-03-02", "student-9"])
def test_a_student_is_found(line):
    told.search("log", f"before\n{line}\nafter")
    assert told.take() == [f"log: {line}"] and told.take() == []


@pytest.mark.parametrize("line", ["disgraceful", "grace_period", "17 s", "student-91", "my-grace"])
def test_what_only_looks_like_one_is_not(line):
    told.search("log", line)
    assert told.take() == []


def test_names_and_bookkeeping_of_redis_are_searched_and_values_are_not(client, redis_server):
    client.set("student:OPAQUE:health_summary", "grace")
    client.set("student:OPAQUE:records:1:20:{}", "grace")
    told.search_redis(redis_server)
    assert told.take() == []
    client.set("student:grace:growth_chart", "{}")
    client.sadd("student:OPAQUE:pages", "student:grace:records:1:20:{}")
    client.xadd("events", {"student": "grace"})
    client.set("student:OPAQUE:lease", "grace")
    told.search_redis(redis_server)
    assert sorted(line.split(": ")[0] for line in told.take()) == ["redis, events", "redis, key", "redis, student:OPAQUE:lease", "redis, student:OPAQUE:pages"]


def test_a_server_is_searched_before_it_ends(start_worker, cluster):
    """For words that it does say."""
    worker = start_worker()
    for word in "starts", "wc_worker_build_info", "ready":
        told.note(word)
    told.look_at(worker)
    assert {line.split(": ")[0] for line in told.take()} == {"worker/worker.log", "/metrics", "/readyz?verbose"}
    told.look_at(cluster)
    assert {line.split(": ")[0] for line in told.take()} == {"pg/postgresql.log"}
