"""The load test of test/load: it counts whom a server kept waiting, finds what is stale, and says no where a target is missed."""

import http.server
import json
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from servers import PackageMissing
from servers.ground import ROOT
from servers.node_packages import find

LOAD = ROOT / "test/load"
sys.path.insert(0, str(LOAD))
import capacity  # noqa: E402
import load_run  # noqa: E402
import load_report  # noqa: E402
import targets  # noqa: E402


class Answers(http.server.BaseHTTPRequestHandler):
    """An API that says of each summary that it has one CHECKUP. It counts requests, and may stand still for a second or fail."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"success": True, "data": {"recordCounts": {"CHECKUP": 1}}})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201, {"success": True}, {"X-Write-Token": "1.1.1.1"})

    def answer(self, status, body, headers=None):
        if self.server.stands_still.is_set():
            time.sleep(max(0, self.server.goes_on - time.monotonic()))
        text = json.dumps(body).encode()
        self.send_response(self.server.status or status)
        for name, value in ({"Content-Length": len(text), "Server-Timing": "cache;desc=hit"} | (headers or {})).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextmanager
def api(status=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    server.status, server.stands_still, server.goes_on = status, threading.Event(), 0
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def generate(server, seconds, users=5, rate=50, students=(["s1", 0], ["s2", 0]), during=lambda second: None):
    try:
        node = subprocess.Popen(["node", LOAD / "generator.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        pytest.skip("Node is not installed (of Debian: nodejs)")
    with node:
        node.stdin.write(json.dumps({"port": server.server_port, "token": "t", "users": users, "rate": rate, "warm": 0, "seconds": seconds,
                                     "students": students, "seed": 7}))
        node.stdin.close()
        for line in map(json.loads, node.stdout):
            if "result" in line:
                return line["result"]
            during(line["second"])
    raise AssertionError("no result")


def test_whoever_a_server_kept_waiting_counts_with_the_whole_time():
    """Five users, and a server that stands still for a second. Only five requests were sent to it meanwhile, but all that were due waited."""
    def stop(second):
        if second == 1:
            server.goes_on = time.monotonic() + 1
            server.stands_still.set()

    with api() as server:
        result = generate(server, 4, students=[["s1", -1000]], during=stop)
    assert result["errors"] == {} and 120 < result["all"]["count"] < 280
    assert dict(result["all"]["curve"])[90] > 300, "a quarter of all was due while it stood still"
    assert result["late"]["p99"] > 300


def test_a_summary_without_the_users_own_write_is_stale():
    """The first write of a student is in it, the second is not."""
    with api() as server:
        result = generate(server, 2, rate=100)
    assert result["errors"].get("stale", 0) > 0 and set(result["errors"]) == {"stale"}
    assert targets.values(result)["stale"] == result["errors"]["stale"] and "stale" in targets.missed(targets.values(result))


@pytest.mark.parametrize("status", [500, 404])
def test_another_status_is_an_error(status):
    with api(status) as server:
        result = generate(server, 1)
    assert result["all"]["count"] == 0 and set(result["errors"]) == {f"status {status}"}


def test_no_server_is_an_error():
    with api() as server:
        pass
    assert set(generate(server, 1)["errors"]) == {"ECONNREFUSED"}


def result_with(ms=1.0, rate=100.0, errors=None, hits=900, misses=100):
    figures = {"count": 1000, "p50": ms, "p95": ms, "p99": ms, "max": ms, "curve": [[0, ms], [50, ms], [100, ms]], "hits": None}
    return {"all": figures, "routes": {route: figures for route in targets.P95}, "errors": errors or {}, "hits": figures | {"count": hits},
            "misses": figures | {"count": misses}, "late": figures, "seconds": 10, "rate": rate, "answers": 1000, "timeline": [[0, ms, ms, ms]],
            "usage": {"connections": 10, "processor": {"Redis": 0.1}}}


GOOD = targets.values(result_with(), {"connections": 10}, {"checked": 100, "stale": 0})


def test_a_good_result_misses_nothing():
    assert targets.missed(GOOD) == []


@pytest.mark.parametrize("key", [key for key, target in targets.targets().items() if target.bar is not None])
def test_each_target_can_be_missed(key):
    target = targets.targets()[key]
    beyond = target.bar - 0.001 if target.at_least else target.bar + 0.001
    assert targets.missed(GOOD | {key: target.bar}) == []
    assert targets.missed(GOOD | {key: beyond}) == [key]
    assert targets.missed(GOOD | {key: None}) == [key], "what was not measured"


def test_errors_are_a_share_of_all():
    assert targets.values(result_with(errors={"status 503": 1000}))["errors"] == 50.0
    assert targets.values(result_with(hits=860, misses=140))["hit_rate"] == 86.0


@pytest.mark.parametrize("limit, found", [(700, 700), (5000, 4800), (250, 250), (100, None)])
def test_the_highest_rate_is_found(limit, found):
    def measure(rate, n):
        return result_with(ms=1.0 if rate <= limit else 100.0, rate=rate)

    steps = load_run.climb(measure, 200)
    held = [rate for rate, result in steps if targets.holds(result, rate)]
    assert (max(held, default=None)) == found and len(steps) <= 12


def test_a_rate_that_has_held_before_is_where_to_look_on():
    steps = load_run.climb(lambda rate, n: result_with(ms=1.0 if rate <= 150 else 100.0, rate=rate), 200, low=100)
    assert [rate for rate, _ in steps] == [150, 200]


def test_a_load_that_was_not_there_does_not_hold():
    assert targets.holds(result_with(rate=950), 1000) and not targets.holds(result_with(rate=800), 1000)


def test_the_report_needs_nothing_else():
    options = {"users": 5, "rate": 50, "minutes": 1, "students": 20, "asked_for": 20}
    steps = [result_with(rate=rate) | {"rate": rate, "holds": True} for rate in (200, 400)]
    page = load_report.page({"run": result_with(), "options": options, "machine": {"cpu": "<cpu>", "cores": 2, "date": "today"}, "values": GOOD, "missed": [],
                        "steps": steps}, load_run.table(GOOD))
    assert not re.search(r"https?://|\bsrc=|@import|url\(", page) and page.count("<svg") == page.count("</svg>") == 5
    assert "&lt;cpu&gt;" in page and "All targets are met" in page and "up to 400 requests a second" in page


def test_the_tables_of_the_model_are_what_it_says():
    """docs/scaling.md: the costs are measured, and what follows from them is computed."""
    text = (ROOT / "docs/scaling.md").read_text()
    costs = {part: float(re.search(rf"^\| {re.escape(part)} \| ([\d,.]+) \|$", text, re.M)[1].replace(",", "")) for part in capacity.PARTS}
    size = int(re.search(r"\*\*([\d,]+) bytes\*\*", text)[1].replace(",", ""))
    lines = capacity.plan_lines(costs, size)
    assert len(lines) > 10 and [line for line in lines if line not in text.splitlines()] == []
    for name, assumed in (("STUDENTS_OF_A_USER", "500 students"), ("REQUESTS_OF_A_USER", "0.2 requests"), ("CORES_OF_A_PRIMARY", "16 cores"),
                          ("BYTES_OF_A_VALUE", "6,000 bytes"), ("CACHED_SECONDS", "300 s")):
        assert float(assumed.split()[0].replace(",", "")) == getattr(capacity, name) and assumed in text


def test_costs_are_those_of_the_highest_rate_that_held():
    def step(rate, holds, seconds):
        return result_with() | {"rate": rate, "holds": holds, "usage": {"processor": {"Redis": seconds}}}

    steps = [step(200, True, 0.2), step(400, True, 0.07), step(800, False, 0.05)]
    assert capacity.costs({"steps": steps, "run": result_with()})["Redis"] == pytest.approx(70)
    assert capacity.costs({"steps": steps[2:], "run": result_with()})["Redis"] == pytest.approx(100)


@pytest.mark.thorough
def test_a_short_run_of_all_of_it(tmp_path):
    """Times say nothing here; that nothing fails and nothing is stale does."""
    try:
        find("pg"), find("redis")
    except PackageMissing as missing:
        pytest.skip(str(missing))
    done = subprocess.run([sys.executable, LOAD / "load_run.py", "--minutes", "0.1", "--rate", "40", "--users", "40", "--students", "100", "--asked-for", "100",
                           "--no-steps", "--output", tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["run"]["errors"] == {} and results["values"]["audited"] > 0 and results["values"]["audit_stale"] == 0
    assert {key for key in results["missed"] if not key.endswith("_p95")} <= {"hit_rate"}
    assert (done.returncode == 1) == bool(results["missed"]) == ("MISSED" in done.stdout)
    assert min(results["run"]["usage"]["processor"].values()) > 0 and (tmp_path / "report.html").read_text().startswith("<!doctype html>")
