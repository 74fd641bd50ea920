"""The webhook, against a receiver that checks what Standard Webhooks asks for."""

import base64
import hashlib
import hmac
import json
import signal
import ssl
import time

import pytest

from destinations import KEY, SECRET
from json_schema import errors, schema
from school import Cache
from servers import Authority, Receiver, until
from servers.receiver import CUT, HANG, Answer
from servers.worker import run_worker

pytestmark = pytest.mark.thorough

TOKEN = "path-token-that-nobody-sees"
FAST = {"first_pause_ms": 20, "longest_pause_ms": 50, "interval_s": 1}


def settings(receiver, **more):
    return {"destinations": FAST | more, "webhook": {"url": f"{receiver.url}/hook/{TOKEN}?k={TOKEN}", "secret": SECRET}}


def checked(received, signed=True):
    """The message, after all that a receiver checks: it refuses what is old, or signed by others."""
    headers = received.headers
    assert received.path == f"/hook/{TOKEN}?k={TOKEN}"
    assert headers["content-type"] == "application/json" and "expect" not in headers
    assert headers["webhook-id"].startswith("msg_") and "." not in headers["webhook-id"]
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + received.body
    expected = "v1," + base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()
    assert headers.get("webhook-signature") == (expected if signed else None)
    message = json.loads(received.body)
    assert errors(message, schema("webhook")) == []
    if message["type"] == "performance.window":
        assert errors(message["data"], schema("performance")) == []
    return message


def messages(receiver, type):
    assert receiver.errors == []
    return [message for message in map(checked, list(receiver.received)) if message["type"] == type]


def count(worker, what, **labels):
    text = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return worker.metrics().get(f'wc_export_{what}{{destination="webhook"{"," + text if text else ""}}}', 0)


def test_figures_and_states_arrive(start_worker, school):
    with Receiver() as receiver:
        worker = start_worker(settings=settings(receiver))
        figures = until(lambda: messages(receiver, "performance.window"), 20, "figures")[0]["data"]
        assert figures["memory"]["heapUsed"] is not None
        states = until(lambda: messages(receiver, "worker.state"), 20, "a state")
        assert [state["data"]["before"] for state in states][0] == "starting"
        assert {"worker", "healthy"} <= set(states[-1]["data"]) and states[-1]["data"]["worker"] == "worker"
        ids = [received.headers["webhook-id"] for received in receiver.received]
        assert len(set(ids)) == len(ids)
        until(lambda: count(worker, "sent_total") >= 2, 10)
        assert count(worker, "retries_total") == 0


def test_a_slow_call_arrives_once_and_without_its_arguments(ground, counted, redis_server, start_worker):
    counted.allow_worker()
    with Receiver() as receiver:
        start_worker(settings=settings(receiver) | {"postgres": {"url": counted.worker_dsn}})
        until(lambda: messages(receiver, "performance.window") and
              messages(receiver, "performance.window")[-1]["data"]["totalRequests"] is not None, 20, "a look at the calls")
        counted.sql("SET white_cross.slow_query_threshold = 0")
        for _ in range(2):
            counted.sql("SELECT wc_health_summary('secret-id'::text)")
        calls = until(lambda: len(messages(receiver, "slow.call")) >= 2 and messages(receiver, "slow.call"), 20, "slow calls")
        before = len(messages(receiver, "performance.window"))
        until(lambda: len(messages(receiver, "performance.window")) >= before + 4, 20, "more looks")
        assert [call["data"]["function"] for call in calls] == ["wc_health_summary"] * 2 and len(messages(receiver, "slow.call")) == 2
        assert not any(b"secret-id" in received.body for received in receiver.received)


@pytest.mark.parametrize("failure", [Answer(500), Answer(503), Answer(302, headers={"Location": "/elsewhere"}), CUT],
                         ids=["500", "503", "redirect", "cut"])
def test_a_message_is_sent_again_under_its_id(start_worker, school, failure):
    with Receiver(lambda received: failure if len(receiver.received) <= 2 else Answer(204, b"")) as receiver:
        worker = start_worker(settings=settings(receiver))
        until(lambda: len(receiver.received) >= 4, 20, "the message again, and the next one")
        until(lambda: count(worker, "sent_total") >= 1, 10)
        tries = receiver.received[:3]
        assert len({one.headers["webhook-id"] for one in tries}) == 1 and len({one.body for one in tries}) == 1
        assert receiver.received[3].headers["webhook-id"] != tries[0].headers["webhook-id"]
        assert count(worker, "retries_total") == 2 and all(map(checked, tries))
        assert receiver.at("/elsewhere") == []


def test_a_message_that_is_always_refused_does_not_hold_up_the_others(start_worker, school):
    def answer(received):
        return Answer(400 if received.headers["webhook-id"] == receiver.received[0].headers["webhook-id"] else 200)
    with Receiver(answer) as receiver:
        worker = start_worker(settings=settings(receiver))
        until(lambda: count(worker, "sent_total") >= 1, 20, "a later message to be taken")
        ids = [received.headers["webhook-id"] for received in receiver.received]
        assert ids.count(ids[0]) == 5 and count(worker, "lost_total", reason="refused") == 1


def test_it_waits_for_as_long_as_the_receiver_asks(start_worker, school):
    slow_down = Answer(429, headers={"Retry-After": "2"})
    with Receiver(lambda received: slow_down if len(receiver.received) == 1 else Answer()) as receiver:
        start_worker(settings=settings(receiver))
        until(lambda: len(receiver.received) >= 2, 20, "the message again")
        assert receiver.received[1].at - receiver.received[0].at >= 2


def test_gone_stops_it_for_good(start_worker, school):
    with Receiver(lambda received: Answer(410)) as receiver:
        worker = start_worker(settings=settings(receiver))
        until(lambda: count(worker, "lost_total", reason="stopped") >= 3, 20, "later messages to be dropped")
        assert len(receiver.received) == 1
        lines = [line for line in worker.warnings() if "webhook" in line]
        assert len(lines) == 1 and "410" in lines[0] and "nothing is sent" in lines[0]


def test_nobody_listens_and_the_oldest_are_dropped(start_worker, school):
    with Receiver() as receiver:
        pass
    worker = start_worker(settings=settings(receiver, queue_limit=1))
    until(lambda: count(worker, "lost_total", reason="full") >= 2, 20, "messages to be dropped")
    assert count(worker, "waiting") <= 1 and worker.healthy()


def test_a_receiver_that_hangs_delays_nothing(start_worker, school, redis_server):
    """Values are removed while a message waits for its answer, and the end comes soon as well."""
    with Receiver(lambda received: HANG) as receiver:
        worker = start_worker(settings=settings(receiver, timeout_ms=600000))
        until(lambda: receiver.hanging == 1, 20, "the receiver to hang")
        with redis_server.connect() as client:
            for number in range(20):
                student = school.add_student(f"hang-{number}")
                until(school.is_drained, 10, "the queue to be empty")
                client.set(Cache.key(student), "stale")
                school.sql("UPDATE students SET grade = '7' WHERE id = %s", student)
                until(lambda: client.get(Cache.key(student)) != "stale", 10, "the removal")
        assert receiver.hanging == 1 and len(receiver.received) == 1
        assert worker._process.end(signal.SIGTERM, 20) == 0
        assert "messages were not sent before the end" in worker.log.read_text()


def test_a_receiver_that_hangs_is_given_up_in_time(start_worker, school):
    with Receiver(lambda received: HANG if len(receiver.received) == 1 else Answer()) as receiver:
        worker = start_worker(settings=settings(receiver, timeout_ms=200))
        until(lambda: count(worker, "sent_total") >= 1, 20, "the message to be sent again")
        assert receiver.received[0].headers["webhook-id"] == receiver.received[1].headers["webhook-id"]


def test_the_end_sends_what_waits(start_worker, school):
    held = []
    with Receiver(lambda received: Answer()) as receiver:
        worker = start_worker(settings=settings(receiver, interval_s=3600))
        until(lambda: messages(receiver, "performance.window"), 20)
        held.append(len(messages(receiver, "performance.window")))
        worker.stop()
        assert len(messages(receiver, "performance.window")) == held[0] + 1


def test_a_certificate_is_verified(start_worker, school, tmp_path):
    authority = Authority(tmp_path)
    made = authority.sign("receiver")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    tmp_path.chmod(0o755)
    with Receiver(tls=tls) as receiver:
        stranger = start_worker(settings=settings(receiver))
        until(lambda: count(stranger, "retries_total") >= 2, 20, "the certificate to be refused")
        assert receiver.received == []
        stranger.stop()
        start_worker(settings=settings(receiver, tls_ca_file=str(authority.file)))
        until(lambda: receiver.received and checked(receiver.received[0]), 20, "a message")


def test_without_a_secret_it_says_so(start_worker, school):
    with Receiver() as receiver:
        worker = start_worker(environment={"APM_WEBHOOK_URL": f"{receiver.url}/hook/{TOKEN}?k={TOKEN}"})
        checked(until(lambda: receiver.received, 20)[0], signed=False)
        assert "carry no signature" in worker.log.read_text()


def test_no_secret_is_shown(start_worker, school):
    with Receiver(lambda received: Answer(500, TOKEN.encode())) as receiver:
        worker = start_worker(settings=settings(receiver))
        until(lambda: count(worker, "lost_total", reason="refused") >= 1, 20)
        shown = worker.log.read_text() + "".join(worker.get(path)[1] for path in ("/metrics", "/api/admin/status", "/console", "/healthz"))
        assert TOKEN not in shown and SECRET not in shown and f"webhook: sends to {receiver.url}\n" in shown
    done = run_worker("--config", worker.configuration, "--check-config")
    assert done.returncode == 0 and TOKEN not in done.stdout and SECRET[6:] not in done.stdout
    assert f'url = "{receiver.url}/***"' in done.stdout and 'secret = "***"' in done.stdout


@pytest.mark.parametrize("variables", [{"APM_WEBHOOK_URL": "ftp://host/hidden"}, {"APM_WEBHOOK_SECRET": "hidden"},
                                       {"APM_WEBHOOK_SECRET": "whsec_aGlkZGVu"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "hidden:4318"},
                                       {"OTEL_EXPORTER_OTLP_HEADERS": "hidden"}, {"OTEL_EXPORTER_OTLP_HEADERS": "a=hidden%0d%0ab: c"}])
def test_a_wrong_setting_is_refused_and_not_shown(variables):
    done = run_worker("--check-config", **variables)
    assert done.returncode == 78 and "hidden" not in done.stderr and "aGlkZGVu" not in done.stderr
