"""Errors as envelopes of Sentry, against a receiver that reads them by their lengths."""

import json
import re

import psycopg
import pytest

from servers import Receiver, until
from servers.receiver import Answer

pytestmark = pytest.mark.thorough

KEY = "0123456789abcdef0123456789abcdef"
FAST = {"first_pause_ms": 20, "longest_pause_ms": 50, "interval_s": 1}


def settings(receiver):
    return {"destinations": FAST, "sentry": {"dsn": f"http://{KEY}:hidden@127.0.0.1:{receiver.port}/base/7", "environment": "test"}}


def event(received):
    assert received.path == "/base/api/7/envelope/"
    assert received.headers["content-type"] == "application/x-sentry-envelope"
    assert re.fullmatch(rf"Sentry sentry_version=7, sentry_client=wc-worker/[\d.]+, sentry_key={KEY}", received.headers["x-sentry-auth"])
    head, item, rest = received.body.split(b"\n", 2)
    head, item = json.loads(head), json.loads(item)
    assert item["type"] == "event" and rest[item["length"]:] == b"\n"
    found = json.loads(rest[:item["length"]])
    assert found["event_id"] == head["event_id"] and re.fullmatch("[0-9a-f]{32}", found["event_id"])
    assert found["level"] == "error" and found["platform"] == "native" and found["environment"] == "test" and found["server_name"] == "worker"
    assert b"hidden" not in received.body
    return found


def lost(worker):
    return worker.metrics()['wc_export_lost_total{destination="sentry",reason="refused"}']


def test_calls_that_fail_are_told_without_their_arguments(start_worker, counted):
    counted.allow_worker()
    with Receiver() as receiver:
        worker = start_worker(settings=settings(receiver) | {"postgres": {"url": counted.worker_dsn}})

        def fail():
            with pytest.raises(psycopg.Error):
                counted.sql("SELECT wc_student_records('secret-id'::text, 1, -1)")
            return receiver.received
        # What failed before the worker's first look is told by nobody.
        until(fail, 20, "an event", interval=0.2)
        found = event(receiver.received[0])
        assert found["tags"] == {"function": "wc_student_records", "sqlstate_class": "22"} and found["fingerprint"] == ["wc_student_records", "22"]
        assert not any(b"secret-id" in received.body for received in receiver.received)
        shown = worker.log.read_text()
        assert KEY not in shown and "hidden" not in shown and f"sentry: sends to http://127.0.0.1:{receiver.port}\n" in shown


def test_a_state_in_which_somebody_must_act_is_told(start_worker, school, redis_server):
    with Receiver() as receiver:
        start_worker(settings=settings(receiver))
        redis_server.stop()
        try:
            found = event(until(lambda: receiver.received, 20, "an event")[0])
        finally:
            redis_server.start()
        assert found["tags"] == {"state": "no redis"} and "no redis" in found["message"]["formatted"]


@pytest.mark.parametrize("answer", [Answer(429, headers={"Retry-After": "600"}), Answer(200, headers={"X-Sentry-Rate-Limits": "600:error:key"})],
                         ids=["429", "200"])
def test_a_limit_is_kept(start_worker, counted, answer):
    counted.allow_worker()
    with Receiver(lambda received: answer) as receiver:
        worker = start_worker(settings=settings(receiver) | {"postgres": {"url": counted.worker_dsn}})

        def fail():
            with pytest.raises(psycopg.Error):
                counted.sql("SELECT wc_student_records('secret-id'::text, 1, -1)")
            return lost(worker) >= 2
        until(fail, 30, "events to be dropped", interval=0.2)
        assert len(receiver.received) == 1
