"""Writers under a sampled traceparent see in their trace how long what they changed stayed in the cache."""

import contextlib
import json
import signal
import subprocess
import time
import urllib.request
from types import SimpleNamespace

import pytest

import counted as counting
from counted import SAMPLED
from node_client import node_environment
from otlp_requests import body, settings, spans_of
from school import Cache
from servers import Receiver, until
from servers.ground import BUILD, ROOT
from servers.worker import Worker

TRACE, SPAN = SAMPLED[3:35], SAMPLED[36:52]
UNSAMPLED = SAMPLED[:-2] + "00"
OTHER = SAMPLED.replace("4bf9", "1111").replace("00f0", "2222")

WRITE = "UPDATE students SET grade = '6' WHERE id = 'ada'"
SET = "SELECT set_config('white_cross.traceparent', '{}', true)"

# ---- what writers put into the queue ---------------------------------------------------------------------------

# Statements of one transaction, and the traceparent of its rows.
TRANSACTIONS = {
    "no trace": ([WRITE], None),
    "a setting": ([SET.format(SAMPLED), WRITE], SAMPLED),
    "a setting after the change": ([WRITE, SET.format(SAMPLED)], None),
    "a setting between two changes": ([WRITE, SET.format(SAMPLED), WRITE], SAMPLED),
    "a setting without the flag": ([SET.format(UNSAMPLED), WRITE], None),
    "a setting that is no traceparent": ([SET.format("nonsense"), WRITE], None),
    "a comment": ([f"{WRITE} /*traceparent='{SAMPLED}'*/"], SAMPLED),
    "a comment with parameters": ([(f"UPDATE students SET grade = %s /*traceparent='{SAMPLED}'*/", ["7"])], SAMPLED),
    "a comment without the flag": ([f"{WRITE} /*traceparent='{UNSAMPLED}'*/"], None),
    "a comment on a later change": ([WRITE, f"{WRITE} /*traceparent='{SAMPLED}'*/", WRITE], SAMPLED),
    "a comment that changes nothing": ([f"SELECT 1 /*traceparent='{SAMPLED}'*/", WRITE], None),
    "a comment before the setting": ([SET.format(OTHER), f"{WRITE} /*traceparent='{SAMPLED}'*/"], SAMPLED),
    "the first of two traces": ([f"{WRITE} /*traceparent='{SAMPLED}'*/", f"{WRITE} /*traceparent='{OTHER}'*/"], SAMPLED),
    "a savepoint rolled back": (["SAVEPOINT s", f"{WRITE} /*traceparent='{SAMPLED}'*/", "ROLLBACK TO s"], SAMPLED),
    "wc_invalidate": ([SET.format(SAMPLED), "SELECT wc_invalidate('ada'::text)"], SAMPLED),
    "wc_prewarm": ([SET.format(SAMPLED), "SELECT wc_prewarm(ARRAY['ada'])"], SAMPLED),
    # Rows for every student stay in the queue until a sweep is over, and no span tells that.
    "wc_invalidate_pattern": ([SET.format(SAMPLED), "SELECT wc_invalidate_pattern('student:ad*')"], None),
    "TRUNCATE": ([SET.format(SAMPLED), "TRUNCATE allergies"], None),
    "many rows": ([SET.format(SAMPLED), "SELECT wc_invalidate(array_agg('ada' || i)) FROM generate_series(1, 900) AS i"], SAMPLED),
    "a transaction that is prepared": ([SET.format(SAMPLED), WRITE, "PREPARE TRANSACTION 'traced change'"], SAMPLED),
}


def run_transaction(school, statements, end="COMMIT"):
    school.sql("BEGIN")
    for statement in statements:
        school.sql(statement) if isinstance(statement, str) else school.sql(statement[0], *statement[1])
    school.sql(end)


def traceparents(school):
    found = [row[0] for row in school.rows("SELECT CASE WHEN students IS NOT NULL THEN pattern END FROM white_cross.invalidation WHERE n >= 0")]
    school.sql("TRUNCATE white_cross.invalidation")
    return found


def test_rows_of_the_queue_name_the_sampled_trace(school):
    school.add_student("ada")
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("TRUNCATE white_cross.invalidation")
    for name, (statements, expected) in TRANSACTIONS.items():
        run_transaction(school, statements)
        if "prepared" in name:
            school.sql("COMMIT PREPARED 'traced change'")
        found = traceparents(school)
        assert set(found) == {expected} and (len(found) > 1) == (name == "many rows"), name
        run_transaction(school, [WRITE])
        assert traceparents(school) == [None], f"the transaction after: {name}"
        if "prepared" not in name:
            run_transaction(school, statements, "ROLLBACK")
            school.sql(WRITE)
            assert traceparents(school) == [None], f"after it was rolled back: {name}"


def test_a_statement_alone_is_traced_by_its_comment(school):
    """Its commit comes after the statement, when its text is known no more."""
    school.add_student("ada")
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("TRUNCATE white_cross.invalidation")
    school.sql(f"{WRITE} /*traceparent='{SAMPLED}'*/")
    school.sql(f"UPDATE students SET grade = %s /*traceparent='{OTHER}'*/", "7")
    school.sql(WRITE)
    assert traceparents(school) == [SAMPLED, OTHER, None]


def traces_taken(school):
    rows = school.rows("SELECT * FROM white_cross.take('{}', '0', 0, '0', 0, 10000)")
    return [(name, xids) for kind, name, _, age, xids in rows if kind in ("t", b"t") and age >= 0]


def test_take_tells_each_transactions_trace_once_and_of_32_at_most(school):
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("TRUNCATE white_cross.invalidation")
    insert = "INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at, pattern) "
    school.sql(f"{insert} SELECT '70', n, 4, '{{s}}', now(), %s FROM generate_series(1, 50) AS n", SAMPLED)
    school.sql(f"{insert} VALUES ('71', 0, 4, '{{s}}', now(), NULL), ('72', 0, 4, '{{s}}', now(), ''), ('73', 0, 4, '{{s}}', now(), repeat('x', 99999))")
    school.sql(f"{insert} VALUES ('74', 0, 4, NULL, now(), %s)", SAMPLED)
    school.sql(f"{insert} VALUES ('75', 0, 4, '{{s}}', now(), %s)", OTHER)
    assert traces_taken(school) == [(SAMPLED, "{70}"), (OTHER, "{75}")], "not of a row for every student, which stays in the queue"
    school.sql(f"{insert} SELECT (100 + i)::text::xid8, 0, 4, '{{s}}', now(), %s FROM generate_series(1, 40) AS i", SAMPLED)
    assert [xids for _, xids in traces_taken(school)] == [f"{{{100 + i}}}" for i in range(1, 33)]


# ---- what a worker makes of it ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(ground, preloaded, redis_server):
    """A school on a server that counts calls, with one student, a worker, and a receiver of its spans."""
    school = counting.make_school(preloaded, "traced_changes")
    school.allow_worker()
    redis_server.connect().flushall()
    with Receiver() as receiver, redis_server.connect() as client:
        options = settings(receiver, metrics=False)
        with Worker(ground, school.worker_dsn, redis_server, "traced-worker", settings=options) as worker:
            until(lambda: school.is_drained() and client.exists("wc:alive"), 20, "the worker to drain")
            yield SimpleNamespace(school=school, receiver=receiver, client=client, worker=worker, redis=redis_server)
        assert receiver.errors == []
    counting.drop(school)


def sent(stage):
    return [span for one in list(stage.receiver.received) for span in spans_of(body(one))]


def await_spans(stage, trace, *names):
    """Returns {name: span} of a trace that has one span of each of these names at least."""
    def found():
        spans = {span["name"]: span for span in sent(stage) if span["traceId"] == trace}
        return spans if set(names) <= set(spans) else None
    return until(found, 20, f"{names} of {trace}")


def load(stage, student="secret-id"):
    """Caches the summary, as somebody does who reads it."""
    key, value, ttl, snapshot = stage.school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]
    return stage.client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot or "")


def numbers(span):
    return {one["key"]: int(one["value"]["intValue"]) for one in span["attributes"] if "intValue" in one["value"]}


def test_the_writers_trace_shows_removal_and_rebuilding(stage):
    until(lambda: load(stage) == 1, 10, "a cached summary")
    run_transaction(stage.school, [SET.format(SAMPLED), "UPDATE students SET grade = '6'"])
    spans = await_spans(stage, TRACE, "white_cross.queue", "white_cross.gone", "white_cross.warm")
    wait, gone, warm = (spans[f"white_cross.{name}"] for name in ("queue", "gone", "warm"))
    assert gone["parentSpanId"] == warm["parentSpanId"] == SPAN and wait["parentSpanId"] == gone["spanId"]
    assert numbers(gone) == numbers(warm) == {"white_cross.students": 1}
    assert wait["startTimeUnixNano"] == gone["startTimeUnixNano"]
    assert int(wait["endTimeUnixNano"]) <= int(gone["endTimeUnixNano"]) <= int(warm["endTimeUnixNano"])
    [drain] = until(lambda: [span for span in sent(stage) if {"traceId": TRACE, "spanId": SPAN} in span.get("links", [])], 20, "the drain's span")
    assert drain["name"] == "white_cross.drain" and drain["traceId"] != TRACE and "parentSpanId" not in drain
    assert gone["links"] == [{"traceId": drain["traceId"], "spanId": drain["spanId"]}]


def test_a_change_that_waits_shows_for_how_long_since_its_commit(stage):
    trace = SAMPLED.replace("4bf9", "7777")
    stage.worker.send(signal.SIGSTOP)
    try:
        began = time.time_ns()
        run_transaction(stage.school, [SET.format(trace), "UPDATE students SET grade = '5'"])
        committed = time.time_ns()
        until(lambda: stage.school.one("SELECT min(clock_timestamp() - queued_at) > '0.3 s' FROM white_cross.invalidation"), 10, "the row to wait")
    finally:
        stage.worker.send(signal.SIGCONT)
    spans = await_spans(stage, trace[3:35], "white_cross.queue", "white_cross.gone")
    for span in spans["white_cross.queue"], spans["white_cross.gone"]:
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        # An age counts whole microseconds, by another clock.
        assert began - 50_000_000 < start < committed + 50_000_000 and end - start > 300_000_000


def test_writers_without_a_sampled_trace_have_no_spans(stage):
    """Of what is committed before the marker, nothing comes after the marker's span."""
    before = len(sent(stage))
    stage.school.sql("UPDATE students SET grade = '7'")
    run_transaction(stage.school, [SET.format(UNSAMPLED), "UPDATE students SET grade = '8'"])
    until(stage.school.is_drained, 10)
    marker = SAMPLED.replace("4bf9", "3333")
    run_transaction(stage.school, [SET.format(marker), "UPDATE students SET grade = '9'"])
    await_spans(stage, marker[3:35], "white_cross.gone")
    assert {span["traceId"] for span in sent(stage)[before:] if span["name"] != "white_cross.drain"} == {marker[3:35]}


def test_a_worker_follows_what_is_a_sampled_traceparent(stage):
    """Rows by hand, of one drain."""
    traces = [SAMPLED.replace("4bf9", "4444"), "x" * 55, UNSAMPLED, SAMPLED.replace("4bf9", "5555")]
    rows = ", ".join(f"((pg_current_xact_id()::text::bigint + {i})::text::xid8, 0, 4, '{{s{i}}}', now(), '{trace}')" for i, trace in enumerate(traces))
    stage.school.sql(f"INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at, pattern) VALUES {rows}")
    good = [{"traceId": traces[i][3:35], "spanId": SPAN} for i in (0, 3)]
    until(lambda: [span for span in sent(stage) if span.get("links") == good], 20, "the drain's span")


def test_a_worker_sends_its_spans_before_it_ends(stage):
    trace = SAMPLED.replace("4bf9", "6666")
    run_transaction(stage.school, [SET.format(trace), "UPDATE students SET grade = '4'"])
    until(stage.school.is_drained, 10)
    stage.worker.stop()
    found = [span["name"] for span in sent(stage) if span["traceId"] == trace[3:35]]
    stage.worker.start()
    assert "white_cross.gone" in found


# ---- a request --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def api(stage):
    """The port of examples/traced.mjs."""
    process = subprocess.Popen(
        ["node", ROOT / "test/e2e/traced_server.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=node_environment(stage.school, "redis") | {"REDIS_URL": f"redis://:{stage.redis.password}@127.0.0.1:{stage.redis.port}"})
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        assert process.wait(30) == 0
        process.stdout.close()


def ask(port, method, path, traceparent, value=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers={"traceparent": traceparent},
                                     data=None if value is None else json.dumps(value).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def as_span(name, traceparent, began, ended):
    """The caller's own span, in the form of the others."""
    return {"traceId": traceparent[3:35], "spanId": traceparent[36:52], "name": name, "kind": 3,
            "startTimeUnixNano": str(began), "endTimeUnixNano": str(ended)}


@pytest.mark.plain_keys("the example's client reads keys of ids; what else is in a trace with opaque ones, test_nothing_to_read.py reads")
def test_one_trace_leads_from_a_request_to_the_keys_removal(stage):
    reading, writing = SAMPLED.replace("4bf9", "aaaa"), SAMPLED.replace("4bf9", "bbbb").replace("00f0", "cccc")
    now = lambda: stage.school.one("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000")  # noqa: E731
    student = stage.school.add_student("asked-for")  # whom nobody has read, so that no worker rebuilds the summary
    until(stage.school.is_drained, 10)
    with api(stage) as port:
        ask(port, "GET", f"/students/{student}/summary", reading)
        until(lambda: stage.client.exists(Cache.key(student)), 10, "a cached summary")
        began = now()
        summary = ask(port, "POST", f"/students/{student}/records", writing, {"type": "DENTAL", "description": "Checkup"})
        ended = now()
    assert summary["recordCounts"]["DENTAL"] == 1
    trace, span = writing[3:35], writing[36:52]
    spans = await_spans(stage, trace, "wc_cache_entries", "white_cross.queue", "white_cross.gone", "white_cross.warm")
    assert {one["parentSpanId"] for name, one in spans.items() if name != "white_cross.queue"} == {span}
    call, gone = spans["wc_cache_entries"], spans["white_cross.gone"]
    assert call["kind"] == 2 and began <= int(call["startTimeUnixNano"]) <= int(call["endTimeUnixNano"]) <= ended
    assert began <= int(gone["startTimeUnixNano"]) < int(gone["endTimeUnixNano"])
    assert set(await_spans(stage, reading[3:35], "wc_cache_entries")) == {"wc_cache_entries"}, "a reader's trace has no removal"
    (BUILD / "test/trace.json").write_text(json.dumps([as_span("POST /students/…/records", writing, began, ended), *spans.values()], indent=1))
