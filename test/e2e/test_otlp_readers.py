"""What the worker sends over OTLP, read by the code that OpenTelemetry generates from its protocol buffers."""

import json
import os
import subprocess

import pytest

import counted as counting
from counted import SAMPLED
from npm import node_modules
from otlp_requests import body, settings, spans_of
from servers import Receiver, until
from servers.ground import ROOT


def read_by_opentelemetry(requests):
    """[request as its code understood it] of [(signal, request)]."""
    modules = node_modules("@opentelemetry/otlp-transformer", "0.213")  # later ones do not have all of what is generated
    lines = "".join(json.dumps({"signal": signal, "body": request}) + "\n" for signal, request in requests)
    done = subprocess.run(["node", ROOT / "test/e2e/otlp_reader.cjs"], input=lines, capture_output=True, text=True, timeout=60,
                          env=os.environ | {"NODE_PATH": str(modules)})
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_empty(value):
    """Protocol buffers do not tell an empty list from none."""
    if isinstance(value, list):
        return [without_empty(one) for one in value]
    if isinstance(value, dict):
        return {key: without_empty(one) for key, one in value.items() if one != []}
    return value


@pytest.fixture(params=["cumulative", "delta"])
def requests(request, start_worker, preloaded):
    """[(signal, request)] of a worker whose database has calls, a failed call and a change with a trace."""
    school = counting.make_school(preloaded, f"read_{request.param}")
    school.allow_worker()
    with Receiver() as receiver:
        start_worker(settings=settings(receiver, temporality=request.param) | {"postgres": {"url": school.worker_dsn}})
        until(school.is_drained, 10)
        school.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
        school.sql("UPDATE students SET grade = '6' WHERE id = 'secret-id'")
        school.sql("SELECT wc_health_summary('secret-id'::text)")
        with pytest.raises(Exception, match="cannot have -1 records"):
            school.sql("SELECT wc_student_records('secret-id'::text, 1, -1)")

        def sent():
            found = [(one.path.rpartition("/")[2], body(one)) for one in list(receiver.received)]
            names = {span["name"] for signal, one in found if signal == "traces" for span in spans_of(one)}
            if {"wc_health_summary", "wc_student_records", "white_cross.gone", "white_cross.drain"} <= names and \
                    sum(signal == "metrics" for signal, _ in found) >= 2:
                return found
        yield until(sent, 20, "spans and metrics")
    counting.drop(school)


def test_opentelemetry_reads_what_was_sent(requests):
    """Every name is one that it knows, and every value comes out as it was: a receiver drops what it does not know, without a word."""
    assert read_by_opentelemetry(requests) == [without_empty(request) for _, request in requests]
