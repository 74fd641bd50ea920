"""The worker under a service manager, and the messages that it has for operators."""

import base64
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from servers import until
from servers.ground import WORKER_BINARY
from servers.process import free_port
from servers.worker import environment, run_worker

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-tests-0123456789"


class Systemd:
    """Its end of the notification socket."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(10)
        self.heard = []

    def hear(self, what):
        """Until a message matches."""
        for message in self.heard:
            if re.search(what, message):
                return message
        while True:
            self.heard.append(self._socket.recv(4096).decode())
            if re.search(what, self.heard[-1]):
                return self.heard[-1]

    def forget(self):
        self.heard.clear()


@pytest.fixture
def systemd(tmp_path):
    return Systemd(tmp_path)


def test_systemd_is_told_of_start_state_reload_and_end(systemd, start_worker, redis_server):
    worker = start_worker(environment={"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "2000000"})
    systemd.hear("^READY=1$")
    systemd.hear("^STATUS=(idle|healthy)$")
    systemd.hear("^WATCHDOG=1$")
    systemd.forget()
    worker.send(signal.SIGHUP)
    reloading = systemd.hear("^RELOADING=1\nMONOTONIC_USEC=[0-9]+$")
    assert int(reloading.split("=")[-1]) > 0
    systemd.hear("^READY=1$")
    redis_server.stop()
    try:
        systemd.hear("^STATUS=no redis: ")
    finally:
        redis_server.start()
    systemd.forget()
    worker.send(signal.SIGTERM)
    systemd.hear("^STOPPING=1$")
    assert worker.wait() == 0


def test_it_is_ready_while_no_server_is_there(systemd, start_worker):
    """The service has started; that it cannot work yet is its state."""
    worker = start_worker(enter=False, environment={"NOTIFY_SOCKET": systemd.path},
                          settings={"postgres": {"url": "postgresql://127.0.0.1:1/none"},
                                    "redis": {"url": "redis://127.0.0.1:1/0"}})
    worker.start(wait=False)
    systemd.hear("^READY=1$")
    systemd.hear("^STATUS=no postgres: ")
    until(lambda: worker.get("/livez")[0] == 200, 10, "the process lives")
    assert worker.get("/readyz")[0] == 503


def test_a_redis_that_hangs_is_no_reason_to_start_anew(systemd, start_worker, redis_server):
    worker = start_worker(environment={"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "1000000"})
    redis_server.send(signal.SIGSTOP)
    try:
        until(lambda: worker.get("/readyz")[0] == 503, 20, "the worker to wait for Redis")
        systemd.forget()
        systemd.hear("^WATCHDOG=1$")
        assert worker.get("/livez") == (200, "ok\n")
    finally:
        redis_server.send(signal.SIGCONT)


def test_readiness_names_its_parts(worker, redis_server):
    assert worker.get("/readyz") == (200, "ready\n")
    status, text = worker.get("/readyz?verbose")
    assert status == 200
    assert [line[:3] for line in text.splitlines()] == ["[+]"] * 4 + ["rea"]
    redis_server.stop()
    try:
        until(lambda: worker.get("/readyz")[0] == 503, 20, "not ready without Redis")
        text = until(lambda: (body := worker.get("/readyz?verbose")[1]) and "[-] redis" in body and body, 10)
        assert "[+] postgres: connected\n" in text and "[-] state: no redis: " in text
    finally:
        redis_server.start()


def ask(port, path, host=None, **headers):
    request = urllib.request.Request(f"http://{host or '127.0.0.1'}:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def other_address():
    """An address of this machine that is not loopback, or nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def test_administration_needs_a_token_from_elsewhere(start_worker, tmp_path):
    """Through another address where the machine has one, and under another name in any case."""
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    address = other_address()
    worker = start_worker(settings={"http": {"address": "127.0.0.1", "token_file": str(token)}})
    path = "/api/admin/status"
    assert ask(worker.port, path)[0] == 200
    elsewhere = {"Host": "school.example"}
    status, headers, _ = ask(worker.port, path, **elsewhere)
    assert status == 401 and "Bearer" in headers["WWW-Authenticate"]
    assert ask(worker.port, path, **elsewhere, Authorization=f"Bearer {TOKEN}")[0] == 200
    basic = base64.b64encode(f"admin:{TOKEN}".encode()).decode()
    assert ask(worker.port, path, **elsewhere, Authorization=f"Basic {basic}")[0] == 200
    assert ask(worker.port, path, **elsewhere, Authorization="Bearer wrong")[0] == 401
    assert TOKEN not in worker.log.read_text()
    assert TOKEN not in run_worker("--config", worker.configuration, "--check-config").stdout
    if address:
        own = start_worker(name="elsewhere", enter=False, settings={"http": {"address": address}})
        own.start(wait=False)
        until(lambda: "http: listens on" in own.log.read_text(), 10, "it to listen")
        assert ask(own.port, path, host=address)[0] == 403
        assert ask(own.port, path, host=address, Host="127.0.0.1")[0] == 403, "a header proves nothing"
        assert ask(own.port, "/metrics", host=address)[0] == 200


def test_a_new_token_comes_with_a_reload(start_worker, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    worker = start_worker(settings={"http": {"token_file": str(token)}})
    token.write_text(TOKEN[::-1])
    worker.send(signal.SIGHUP)

    def allowed(secret):
        return ask(worker.port, "/api/admin/status", Host="x.example", Authorization=f"Bearer {secret}")[0] == 200

    until(lambda: allowed(TOKEN[::-1]), 10, "the new token to count")
    assert not allowed(TOKEN)


def test_a_short_token_is_refused(tmp_path):
    configuration = tmp_path / "worker.toml"
    configuration.write_text('[http]\ntoken = "short"\n')
    done = run_worker("--config", configuration, "--check-config")
    assert done.returncode == 78 and "16 characters" in done.stderr and "short" not in done.stderr


# ---- wc-worker status ----


def test_status_prints_the_state(worker, redis_server, cache):
    cache.until_drained()
    done = run_worker("status", "--config", worker.configuration)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^state +(idle|healthy)$", done.stdout, re.M)
    assert re.search(r"^queue +empty$", done.stdout, re.M)
    redis_server.stop()
    try:
        until(lambda: not worker.healthy(), 10)
        done = run_worker("--config", worker.configuration, "status")
        assert done.returncode == 1 and re.search(r"^state +no redis: ", done.stdout, re.M)
    finally:
        redis_server.start()


def test_status_says_when_no_worker_answers(tmp_path):
    configuration = tmp_path / "worker.toml"
    configuration.write_text(f"[http]\nport = {free_port()}\n")
    done = run_worker("status", "--config", configuration)
    assert done.returncode == 2 and "no worker answers" in done.stdout


def test_status_watches_a_catch_up(school, start_worker, redis_server):
    """Rows that wait, the rate and the time left, line after line; and on a terminal over itself."""
    worker = start_worker(settings={"queue": {"batch_students": 20}})
    redis_server.send(signal.SIGSTOP)
    try:
        for _ in range(60):
            school.sql("INSERT INTO students (id, \"studentNumber\", \"firstName\", \"lastName\", \"dateOfBirth\", grade, gender)"
                       " SELECT gen_random_uuid()::text, gen_random_uuid()::text, 'A', 'B', '2015-01-01', '5', 'FEMALE'"
                       " FROM generate_series(1, 200)")
    finally:
        redis_server.send(signal.SIGCONT)
    watching = subprocess.Popen([str(WORKER_BINARY), "status", "--watch", "--config", str(worker.configuration)],
                                stdout=subprocess.PIPE, text=True, env=environment())
    try:
        seen = [watching.stdout.readline() for _ in range(24)]
        assert sum(line.startswith("state") for line in seen) >= 2
        assert not any("\x1b" in line for line in seen)
    finally:
        watching.terminate()
        watching.wait(10)


def test_status_shows_how_far_a_sweep_is(school, start_worker, redis_server):
    worker = start_worker(settings={"invalidate": {"scan_count": 10}})
    until(school.is_drained, 10)
    with redis_server.connect() as client:
        keys = 100_000
        for begin in range(0, keys, 10_000):
            client.mset({f"student:nobody-{number}:health_summary": "{}" for number in range(begin, begin + 10_000)})
        until(lambda: worker.metrics().get("wc_cache_keys", 0) >= keys, 20, "the keys to be counted")
        school.sql("TRUNCATE allergies")
        sweep = until(lambda: (found := json.loads(worker.get("/api/admin/status")[1]).get("sweeping")) and found["keys_removed"] and found, 20, "the sweep",
                      interval=0.005)
        assert 0 < sweep["keys_removed"] <= sweep["keys_seen"] <= sweep["keys_expected"] and sweep["keys_expected"] >= keys
        assert sweep["keys_per_second"] > 0 and sweep["seconds_left"] >= 0
        until(lambda: "sweeping" not in json.loads(worker.get("/api/admin/status")[1]), 60, "its end")
        assert client.exists("student:nobody-1:health_summary") == 0


def test_status_draws_over_itself_on_a_terminal(worker, cache):
    cache.until_drained()
    terminal, end = pty.openpty()
    watching = subprocess.Popen([str(WORKER_BINARY), "status", "--watch", "--config", str(worker.configuration)], stdout=end, env=environment())
    os.close(end)
    text = ""
    try:
        while text.count("\x1b[H") < 2:
            text += os.read(terminal, 4096).decode()
    finally:
        watching.terminate()
        watching.wait(10)
        os.close(terminal)
    # It clears once, then each picture begins at the corner, and clears the rest of its lines.
    assert text.startswith("\x1b[2J\x1b[H") and text.count("\x1b[2J") == 1
    assert all("\x1b[K" in line for line in text.splitlines()[:-1] if line.strip())


# ---- the unit ----


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_unit_is_hardened(tmp_path):
    unit = tmp_path / "wc-worker.service"
    text = (ROOT / "config/systemd/wc-worker.service").read_text()
    unit.write_text(text.replace("@PREFIX@/bin/wc-worker", "/bin/true").replace("@PREFIX@", "/usr"))
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=15", str(unit)],
                          capture_output=True, text=True, env=os.environ | {"SYSTEMD_COLORS": "0"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    level = re.search(r"exposure level for wc-worker.service: ([\d.]+)", done.stdout)
    assert float(level[1]) <= 1.5


def test_the_body_of_the_status_is_json(worker, cache):
    cache.until_drained()
    status = json.loads(worker.get("/api/admin/status")[1])
    assert status["healthy"] and status["epoch_open"] and status["since_start"]["rows"] >= 0
    assert "sweeping" not in status and "catching_up" not in status


def test_the_status_has_what_wc_diagnose_finds(school, worker):
    """With the rights that wc_grant_worker gives and no others."""
    def findings():
        return json.loads(worker.get("/api/admin/status")[1])["findings"]

    until(lambda: isinstance(findings(), list), 30, "the database to be asked")
    expected = [{"check": check, "status": status} for check, status in school.rows("SELECT \"check\", status FROM wc_diagnose() WHERE status <> 'ok'")]
    assert [{name: one[name] for name in ("check", "status")} for one in findings()] == expected
    school.psql("DROP INDEX idx_health_records_search")
    until(lambda: any(one["check"] == "indexes" and "CREATE INDEX" in one["remedy"] for one in findings()), 60, "the next look")
