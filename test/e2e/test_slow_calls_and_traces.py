"""Slow calls are logged, and calls under a sampled traceparent leave spans: without anything of what they are about."""

import math
import re

import pytest

from counted import EXPORT, SAMPLED, fails, log_length, row, slow_lines, spans, summaries
from servers import until

# ---- slow calls ------------------------------------------------------------------------------------------------


def test_a_slow_call_is_one_line_without_what_it_is_about(counted):
    counted.sql("SET white_cross.slow_query_threshold = 0")
    counted.sql("SET log_error_verbosity = verbose")
    before = log_length(counted)
    counted.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    counted.sql("DO $$ BEGIN PERFORM wc_student_records('secret-id'::text, 1, 7, '{\"provider\": \"secret\"}'); END $$")
    text = counted.cluster.log.read_text()[before:]
    assert re.search(r"LOG:  00000: slow call: function=wc_student_records ms=\d+\.\d{3} sqlstate=00000 trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n", text)
    assert "secret" not in text and "STATEMENT" not in text and "CONTEXT" not in text
    ((function, ms, sqlstate, trace),) = counted.rows("SELECT function, ms, sqlstate, trace_id FROM wc_slow_calls")
    assert (function, sqlstate, trace) == ("wc_student_records", None, SAMPLED[3:35]) and ms > 0
    assert row(counted, "wc_student_records")["slow"] == 1


def test_a_slow_failure_says_its_sqlstate(counted):
    counted.sql("SET white_cross.slow_query_threshold = 0")
    before = log_length(counted)
    fails(counted, "SELECT wc_student_records('secret-id'::text, 0)")
    assert ["sqlstate=22023 trace_id=-" in line for line in slow_lines(counted, before)] == [True]
    assert counted.rows("SELECT sqlstate, trace_id FROM wc_slow_calls") == [("22023", None)]


def test_nothing_is_slow_when_that_is_off(counted):
    before = log_length(counted)
    summaries(counted, 3)
    counted.sql("SET white_cross.slow_query_threshold = -1")
    summaries(counted, 3)
    assert slow_lines(counted, before) == [] and counted.rows("SELECT * FROM wc_slow_calls") == [] and row(counted)["slow"] == 0


def test_the_client_hears_nothing_of_slow_calls(counted):
    heard = []
    counted.connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    counted.sql("SET client_min_messages = debug1; SET white_cross.slow_query_threshold = 0")
    summaries(counted, 2)
    assert [line for line in heard if "slow" in line] == []


def test_slow_lines_are_few(counted):
    counted.sql("SET white_cross.slow_query_threshold = 0")
    before = log_length(counted)
    began, calls = counted.one("SELECT clock_timestamp()"), 0
    while counted.one("SELECT clock_timestamp() - %s < interval '3.5 s'", began):
        summaries(counted, 50)
        calls += 50
    seconds = math.ceil(counted.one("SELECT extract(epoch FROM clock_timestamp() - %s)", began)) + 1
    lines = slow_lines(counted, before)
    said = [int(line.split()[0]) for line in lines if line.endswith("suppressed")]
    assert 10 < len(lines) <= 10 * seconds
    assert len(said) >= 2 and sum(said) <= calls
    until(lambda: summaries(counted, 1) or sum(int(line.split()[0]) if line.endswith("suppressed") else 1 for line in slow_lines(counted, before))
          >= calls, 10, "all that was suppressed to be said")
    assert counted.one("SELECT count(*) FROM wc_slow_calls") == 128
    assert counted.one("SELECT bool_and(ended_at >= lead) FROM (SELECT ended_at, lead(ended_at) OVER () FROM wc_slow_calls) AS t WHERE lead IS NOT NULL")


# ---- traces ----------------------------------------------------------------------------------------------------


def test_a_sampled_call_is_a_span(counted):
    before = counted.one("SELECT extract(epoch FROM clock_timestamp())")
    counted.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    summaries(counted, 2)
    fails(counted, "SELECT wc_student_records('secret-id'::text, 0)")
    found = spans(counted)
    assert [(s["function"], s["sqlstate"], s["lost_before"]) for s in found] == [("wc_health_summary", None, 0)] * 2 + [("wc_student_records", "22023", 0)]
    assert {(s["trace_id"], s["parent_id"]) for s in found} == {(SAMPLED[3:35], SAMPLED[36:52])}
    assert len({s["span_id"] for s in found}) == 3 and all(re.fullmatch("[0-9a-f]{16}", s["span_id"]) for s in found)
    for s in found:
        assert float(before) - 1 < s["began_unix_ns"] / 1e9 <= s["ended_unix_ns"] / 1e9 < float(before) + 60
        assert s["busy_ns"] == s["ended_unix_ns"] - s["began_unix_ns"]
    assert spans(counted) == [], "each is given once"


@pytest.mark.parametrize("value", ["", "nonsense", SAMPLED[:-1], SAMPLED[:-2] + "00", SAMPLED.upper(), "ff" + SAMPLED[2:], "é" * 55, "x" * 100_000])
def test_what_is_no_sampled_traceparent_is_no_span_and_no_error(counted, value):
    counted.sql("SELECT set_config('white_cross.traceparent', %s, false)", value)
    summaries(counted, 1)
    assert spans(counted) == [] and row(counted)["calls"] == 1


def test_the_comment_of_the_statement_comes_first(counted):
    other = SAMPLED.replace("4bf9", "1111")
    counted.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    summary = "SELECT wc_health_summary('secret-id'::text)"
    for statement in (summary, f"{summary} /*db_driver='x',traceparent='{other}'*/", summary, f"{summary} /*traceparent='nonsense'*/",
                      f"{summary} /*traceparent='{other[:-2]}00'*/"):
        counted.sql(statement)
    assert [s["trace_id"][:4] for s in spans(counted)] == ["4bf9", "1111", "4bf9", "4bf9"]


def test_a_prepared_statement_has_the_trace_of_each_execution(counted):
    for number in range(8):
        with counted.connection.transaction():
            counted.sql("SELECT set_config('white_cross.traceparent', %s, true)", SAMPLED.replace("4bf9", f"000{number}"))
            counted.connection.execute("SELECT wc_health_summary(%s::text)", ["secret-id"], prepare=True)
        summaries(counted, 1)
    assert [s["trace_id"][:4] for s in spans(counted)] == [f"000{number}" for number in range(8)]


def test_a_span_of_a_set_lasts_as_long_as_the_set(counted):
    with counted.cluster.connect(counted.database, autocommit=False) as session:
        session.execute(f"DECLARE c CURSOR FOR SELECT {EXPORT} /*traceparent='{SAMPLED}'*/")
        session.execute(f"FETCH 2 FROM c /*traceparent='{SAMPLED}'*/")
        session.execute("SELECT pg_sleep(0.2)")
        session.execute("FETCH 2 FROM c; CLOSE c")
    (span,) = spans(counted)
    assert span["trace_id"] == SAMPLED[3:35]
    assert span["ended_unix_ns"] - span["began_unix_ns"] >= 200e6 > span["busy_ns"]


def test_spans_that_nobody_takes_are_lost_and_counted(counted):
    counted.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    summaries(counted, 5000)
    found = spans(counted, 100)
    assert len(found) == 100 and found[0]["lost_before"] == 904
    while more := spans(counted, 1000):
        found += more
    assert len(found) == 4096 and sum(s["lost_before"] for s in found) == 904


def test_a_negative_number_of_spans(counted):
    assert fails(counted, "SELECT * FROM white_cross.take_spans(-1)") == "22023"
    assert spans(counted, 2_147_483_647) == [] == spans(counted, 0)
