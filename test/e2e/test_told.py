"""What a run finds if a server tells a student in passing: a name, a date of birth, what they have; with opaque keys also an id."""

import gzip

import pytest

import told
from servers import Receiver
from servers.receiver import Received


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(told, "ids", told.Texts())
    monkeypatch.setattr(told, "contents", told.Texts())
    monkeypatch.setattr(told, "found", [])
    monkeypatch.setattr(told, "looked_at", {})
    monkeypatch.setattr(told, "with_ids", True)
    for id in "grace", "s", "17", "student-9", 'a "quoted" id':
        told.note(id)
    told.note_content("Quill", "2014-03-02 10:00", "Bee sting", "Nut", None, "2026-01-01")


@pytest.fixture
def client(redis_server):
    with redis_server.connect() as client:
        client.flushall()
        yield client
        client.flushall()


def where():
    return sorted(line.split(": ")[0] for line in told.take())


@pytest.mark.parametrize("line", ["key student:grace:health_summary", "Quill is there", "born 2014-03-02", "student-9", "a Bee sting.", "/bees?of=Bee%20sting",
                                  'the "a \\"quoted\\" id"'])
def test_a_student_is_found(line):
    told.search("log", f"before\n{line}\nafter")
    assert told.take() == [f"log: {line}"] and told.take() == []


@pytest.mark.parametrize("line", ["disgraceful", "grace_period", "17 s", "student-91", "my-grace", "Nut", "2026-01-01"])
def test_what_only_looks_like_one_is_not(line):
    told.search("log", line)
    assert told.take() == []


def test_ids_are_told_where_keys_are_plain_but_nothing_else(monkeypatch):
    monkeypatch.setattr(told, "with_ids", False)
    told.search("log", "grace\nQuill")
    assert told.take() == ["log: Quill"]


def test_names_and_bookkeeping_of_redis_are_searched_and_values_are_not(client, redis_server):
    client.set("student:OPAQUE:health_summary", "grace")
    client.set("student:OPAQUE:records:1:20:{}", "grace")
    client.set(b"no text \xff", b"\xff\x00")
    told.search_redis(redis_server)
    assert told.take() == []
    client.set("student:grace:growth_chart", "{}")
    client.sadd("student:OPAQUE:pages", "student:grace:records:1:20:{}")
    client.xadd("events", {"student": "grace"})
    client.hset("hash", "student", "grace")
    client.set("student:OPAQUE:lease", "grace")
    client.set(b"\xff", b"\xff grace")
    told.search_redis(redis_server)
    assert where() == ["redis, events", "redis, hash", "redis, key", "redis, student:OPAQUE:lease", "redis, student:OPAQUE:pages", "redis, \ufffd"]


def test_a_redis_that_cannot_be_searched_is_not_passed_by(redis_server, monkeypatch):
    monkeypatch.setattr(redis_server, "password", "another")
    told.search_redis(redis_server)
    (line,) = told.take()
    assert line.startswith("redis could not be searched: ") and "invalid username-password pair" in line


def test_a_server_is_searched_before_it_ends(start_worker, cluster):
    """For words that it does say."""
    worker = start_worker()
    for word in "starts", "wc_worker_build_info", "ready":
        told.note(word)
    told.look_at(worker)
    assert {*where()} == {"worker/worker.log", "/metrics", "/readyz?verbose"}
    told.look_at(cluster)
    assert {*where()} == {"pg/postgresql.log"}


def test_the_log_of_a_server_that_goes_on_is_searched_by_file(cluster):
    """For words that it does say: first those of this file, then those of the next one in what is new."""
    told.note("starting")
    told.forget([cluster])
    assert {*where()} == {"pg/postgresql.log"}
    for word in "starting", "unheard":
        told.note(word)
    with pytest.raises(Exception, match="unheard"):
        cluster.psql("SELECT unheard")
    told.forget([cluster])
    (line,) = told.take()
    assert 'column "unheard"' in line
    told.look_at(cluster)
    assert told.take() == []


def test_answers_to_tests_are_searched(start_worker):
    worker = start_worker()
    told.note_content("wc_worker_build_info")
    assert worker.healthy() and told.take() == []
    worker.metrics()
    assert {*where()} == {"/metrics"}


def test_what_a_receiver_was_sent_is_searched(monkeypatch):
    monkeypatch.setattr(told, "with_ids", False)
    with Receiver() as receiver:
        receiver.received += [Received("/plain", {}, b'{"id": "grace"}', 0), Received("/zipped", {"content-encoding": "gzip"}, gzip.compress(b"Quill"), 0),
                              Received("/of/grace", {}, b"\xff", 0), Received("/header", {"to": "Quill"}, b"", 0), Received("/nothing", {}, b"{}", 0)]
    assert where() == ["sent to /header", "sent to /of/grace", "sent to /plain", "sent to /zipped"]


def test_postgresql_quotes_applications():
    log = """2026-01-01 ERROR:  no row of Quill
2026-01-01 DETAIL:  Failing row contains (Quill).
2026-01-01 STATEMENT:  INSERT
\tINTO students VALUES ('Quill')
2026-01-01 LOG:  statement: SELECT 'Quill'
2026-01-01 HINT:  Ask Quill."""
    assert "\n".join(told._without_quotes(log)) == "2026-01-01 ERROR:  no row of Quill\n2026-01-01 HINT:  Ask Quill."
