"""OTLP over HTTP, against a receiver that reads JSON as opentelemetry-proto's specification defines it."""

import gzip
import json
import re

import pytest

from counted import SAMPLED
from otlp_requests import KEY, attributes, body, check_resource, is_int64, only, settings, spans_of
from servers import Receiver, until
from servers.receiver import HANG, Answer
from servers.worker import run_worker

pytestmark = pytest.mark.thorough


def metrics_of(request, temporality=2):
    """{name: its data points} of an ExportMetricsServiceRequest."""
    [resource] = only(request, ["resourceMetrics"])["resourceMetrics"]
    check_resource(only(resource, ["resource", "scopeMetrics"])["resource"])
    [scope] = resource["scopeMetrics"]
    only(only(scope, ["scope", "metrics"])["scope"], ["name", "version"])
    found = {}
    for metric in scope["metrics"]:
        [kind] = set(metric) - {"name", "description", "unit"}
        # "1" would be the unit of a ratio, which Prometheus writes into the name.
        units = {"s"} if re.search("_seconds", metric["name"]) else {"By"} if "_bytes" in metric["name"] else {None}
        assert metric.get("unit") in units, metric
        data = metric[kind]
        assert kind in ("sum", "gauge", "histogram") and metric["name"] not in found and metric["description"]
        only(data, {"sum": ["dataPoints", "aggregationTemporality", "isMonotonic"], "gauge": ["dataPoints"],
                    "histogram": ["dataPoints", "aggregationTemporality"]}[kind])
        assert data.get("aggregationTemporality", temporality) == temporality
        for point in data["dataPoints"]:
            attributes(point["attributes"])
            assert is_int64(point["timeUnixNano"]) and is_int64(point.get("startTimeUnixNano", "0"))
            assert int(point.get("startTimeUnixNano", 0)) <= int(point["timeUnixNano"])
            if kind == "histogram":
                only(point, ["attributes", "timeUnixNano", "count", "sum", "bucketCounts", "explicitBounds"], ["startTimeUnixNano"])
                assert all(map(is_int64, point["bucketCounts"])) and is_int64(point["count"])
                assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
                assert point["explicitBounds"] == sorted(set(point["explicitBounds"]))
                assert sum(map(int, point["bucketCounts"])) == int(point["count"])
            else:
                only(point, ["attributes", "timeUnixNano", "asDouble"], ["startTimeUnixNano"])
        found[metric["name"]] = data["dataPoints"]
    return found


def count(worker, what, destination="otlp metrics", **labels):
    text = "".join(f',{name}="{value}"' for name, value in labels.items())
    return worker.metrics().get(f'wc_export_{what}{{destination="{destination}"{text}}}', 0)


def of(points, **wanted):
    [point] = [point for point in points if attributes(point["attributes"]) == wanted]
    return point


def test_metrics_are_those_of_prometheus(start_worker, school):
    with Receiver() as receiver:
        worker = start_worker(settings=settings(receiver, service_name="school"))
        for number in range(5):
            school.add_student(f"otlp-{number}")
        until(school.is_drained, 10)
        drained = until(lambda: worker.metrics()["wc_worker_drained_students_total"] >= 5 and worker.metrics(), 10)
        sent = len(receiver.received)
        until(lambda: len(receiver.received) >= sent + 2, 20, "another message")
        assert receiver.errors == [] and {one.path for one in receiver.received} == {"/v1/metrics"}
        found = metrics_of(body(receiver.received[-1]))
        assert of(found["wc_worker_drained_students_total"])["asDouble"] == drained["wc_worker_drained_students_total"]
        gone = of(found["wc_worker_gone_seconds"])
        assert int(gone["count"]) == drained["wc_worker_gone_seconds_count"]
        assert of(found["wc_worker_state"], state="idle")["asDouble"] + of(found["wc_worker_state"], state="healthy")["asDouble"] == 1
        assert set(found) >= {re.sub(r"_(bucket|sum|count)$", "", name.split("{")[0]) for name in drained} - {"wc_scrape_age_seconds"}
        starts = {point["startTimeUnixNano"] for one in receiver.received for point in metrics_of(body(one))["wc_worker_drained_students_total"]}
        assert len(starts) == 1


def test_differences_add_up(start_worker, school):
    with Receiver() as receiver:
        worker = start_worker(settings=settings(receiver, temporality="delta", compression="none"))
        for number in range(8):
            school.add_student(f"delta-{number}")
            until(school.is_drained, 10)
        students = until(lambda: worker.metrics()["wc_worker_drained_students_total"] >= 8 and
                         worker.metrics()["wc_worker_drained_students_total"], 10)

        def points(name):
            return [of(metrics_of(body(one, False), 1)[name]) for one in list(receiver.received)]
        until(lambda: sum(point["asDouble"] for point in points("wc_worker_drained_students_total")) == students, 20, "all students")
        gone = points("wc_worker_gone_seconds")
        until(lambda: sum(int(point["count"]) for point in points("wc_worker_gone_seconds")) ==
              worker.metrics()["wc_worker_gone_seconds_count"], 20, "all removals")
        for earlier, later in zip(gone, gone[1:]):
            assert later["startTimeUnixNano"] == earlier["timeUnixNano"]


@pytest.fixture
def traced(counted):
    counted.allow_worker()
    return counted


def test_spans_of_calls_arrive(start_worker, traced):
    with Receiver() as receiver:
        worker = start_worker(settings=settings(receiver, metrics=False) | {"postgres": {"url": traced.worker_dsn}})
        traced.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
        traced.sql("SELECT wc_health_summary('secret-id'::text)")
        with pytest.raises(Exception, match="cannot have -1 records"):
            traced.sql("SELECT wc_student_records('secret-id'::text, 1, -1)")
        spans = until(lambda: len(found := [span for one in receiver.received for span in spans_of(body(one))]) >= 2 and found, 20, "spans")
        assert receiver.errors == [] and {one.path for one in receiver.received} == {"/v1/traces"}
        good, bad = sorted(spans, key=lambda span: int(span["startTimeUnixNano"]))
        version, trace, parent, flags = SAMPLED.split("-")
        assert all(span["traceId"] == trace and span["parentSpanId"] == parent and span["kind"] == 2 for span in spans)
        assert good["name"] == "wc_health_summary" and good["status"] == {}
        assert attributes(good["attributes"]).items() >= {"db.system.name": "postgresql", "db.namespace": traced.database,
                                                          "db.stored_procedure.name": "wc_health_summary"}.items()
        assert bad["name"] == "wc_student_records" and bad["status"] == {"code": 2}
        assert attributes(bad["attributes"])["error.type"] == "22023"
        assert not any(b"secret-id" in gzip.decompress(one.body) for one in receiver.received)
        until(lambda: count(worker, "sent_total", "otlp traces") == len(receiver.received), 10)


def test_what_was_rejected_is_counted_and_not_sent_again(start_worker, school):
    partial = Answer(body=json.dumps({"partialSuccess": {"rejectedDataPoints": "7", "errorMessage": f"too old for {KEY}"}}).encode())
    with Receiver(lambda received: partial if len(receiver.received) == 1 else Answer()) as receiver:
        worker = start_worker(settings=settings(receiver))
        until(lambda: count(worker, "sent_total") >= 2, 20)
        assert count(worker, "rejected_items_total") == 7 and count(worker, "retries_total") == 0
        log = worker.log.read_text()
        assert "rejects 7 items: too old for ***" in log and KEY not in log


@pytest.mark.parametrize("status, again", [(429, True), (502, True), (503, True), (504, True), (400, False), (401, False), (413, False),
                                           (500, False), (301, False)])
def test_only_what_may_be_sent_again_is(start_worker, school, status, again):
    refusal = Answer(status, headers={"Location": "/v1/elsewhere"})
    with Receiver(lambda received: refusal if len(receiver.received) == 1 else Answer()) as receiver:
        worker = start_worker(settings=settings(receiver))
        until(lambda: count(worker, "sent_total") >= 1, 20)
        first, second = receiver.received[:2]
        assert (first.body == second.body) == again
        assert count(worker, "retries_total") == again and count(worker, "lost_total", reason="refused") == (not again)
        assert receiver.at("/v1/elsewhere") == []


def test_it_waits_for_as_long_as_the_receiver_asks(start_worker, school):
    slow_down = Answer(503, headers={"Retry-After": "2"})
    with Receiver(lambda received: slow_down if len(receiver.received) == 1 else Answer()) as receiver:
        start_worker(settings=settings(receiver))
        until(lambda: len(receiver.received) >= 2, 20)
        assert receiver.received[1].at - receiver.received[0].at >= 2


def test_metrics_that_hang_do_not_hold_up_traces(start_worker, traced):
    with Receiver(lambda received: HANG if received.path == "/v1/metrics" else Answer()) as receiver:
        start_worker(settings=settings(receiver, {"timeout_ms": 600000}) | {"postgres": {"url": traced.worker_dsn}})
        until(lambda: receiver.hanging == 1, 20, "metrics to hang")
        traced.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
        traced.sql("SELECT wc_health_summary('secret-id'::text)")
        until(lambda: receiver.at("/v1/traces"), 20, "the span")
        assert receiver.hanging == 1


def test_variables_of_opentelemetry_set_it():
    done = run_worker("--check-config", OTEL_EXPORTER_OTLP_ENDPOINT="https://user:pass@collector:4318/tenant", OTEL_EXPORTER_OTLP_HEADERS=f"api-key={KEY}",
                      OTEL_EXPORTER_OTLP_COMPRESSION="none", OTEL_SERVICE_NAME="school", OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
                      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta")
    assert done.returncode == 0, done.stderr
    section = done.stdout.split("[otlp]")[1]
    for line in ['endpoint = "https://collector:4318/***"', 'headers = "***"', 'compression = "none"', 'temporality = "delta"', 'service_name = "school"']:
        assert line in section
    assert KEY not in done.stdout + done.stderr and "http/json" in done.stderr
