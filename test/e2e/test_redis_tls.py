"""Redis over TLS, with certificates of both sides, a user and a password file; and every way in which that can be refused."""

import contextlib
import signal
import socket
import threading

import pytest
import redis

from false_sentinel import FalseSentinel
from refused_worker import IMPATIENT, complains_once, keeps_the_cache_fresh, tries_again
from school import Cache
from servers import Authority, Redis, Tls, until
from servers.ground import ROOT
from servers.worker import run_worker


@pytest.fixture(scope="module")
def folder(ground):
    return ground.folder_for("certificates")


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder)


@pytest.fixture(scope="module")
def another_authority(folder):
    return Authority(folder, "another")


@pytest.fixture(scope="module")
def tls(authority):
    return Tls(authority, authority.sign("server"), authority.sign("client"))


@pytest.fixture(scope="module")
def secure(ground, tls):
    with Redis(ground, "redis-tls", tls=tls, access=True) as server:
        yield server


@pytest.fixture(autouse=True)
def emptied(secure):
    with secure.connect() as client:
        client.flushall()


@pytest.fixture
def start(start_worker, secure):
    """start(redis=…, timeout_ms=…): a worker that nobody waits for."""
    def start(redis=secure, settings=None, **redis_settings):
        worker = start_worker(enter=False, redis=redis, settings=IMPATIENT | {"redis": redis_settings} | (settings or {}))
        worker.start(wait=False)
        return worker
    return start


def test_a_change_reaches_a_redis_behind_tls(start, secure, school):
    worker = start()
    keeps_the_cache_fresh(worker, secure, school)
    with secure.connect() as client:
        users = {entry["user"] for entry in client.client_list() if entry["name"] == "wc-worker"}
        assert users == {"wc_worker"}
    assert worker.warnings() == []
    for password in secure.passwords.values():
        assert password not in worker.log.read_text() + worker.get("/metrics")[1]


def test_sentinels_are_asked_over_tls_too(start, secure, school, authority):
    stranger = authority.sign("stranger", "DNS:elsewhere.example")
    with FalseSentinel(secure.port, certificate=secure.tls.server) as good, FalseSentinel(secure.port, certificate=stranger) as bad:
        for sentinel, is_found in (bad, False), (good, True):
            worker = start(url=f"rediss+sentinel://127.0.0.1:{sentinel.port}/district")
            if is_found:
                keeps_the_cache_fresh(worker, secure, school)
                break
            complains_once(worker, f"Sentinel 127.0.0.1:{sentinel.port}: ")
            worker.stop()


def test_everything_in_the_url(start, secure, school):
    worker = start(url=f"rediss://wc_worker:{secure.passwords['wc_worker']}@localhost:{secure.port}/4", user="", password_file="")
    until(worker.healthy, 30, "the worker to be healthy")
    with secure.connect(db=4) as client:
        until(lambda: client.exists("wc:epoch"), 10, "an epoch in that database")
    assert secure.passwords["wc_worker"] not in worker.log.read_text()


def test_many_changes_at_once(start, secure, school):
    """Pipelines of thousands of commands, in records of 16 kB each."""
    worker = start()
    students = [school.add_student() for _ in range(1500)]
    with secure.connect() as client:
        cache = Cache(client, school)
        until(worker.healthy, 30, "the worker to be healthy")
        cache.until_drained()
        cache.plant_summary(*students)
        school.psql("UPDATE students SET grade = '6', \"lastName\" = repeat('Long', 500)")
        until(lambda: all(cache.summary(student) not in (None, {"planted": True}) for student in students), 30, "all to be rebuilt")
        assert all(cache.is_current(student) for student in students[::100])
    assert worker.warnings() == []


def test_tls_1_2(ground, tls, start, school):
    with Redis(ground, "redis-tls12", tls=tls, settings={"tls-protocols": '"TLSv1.2"'}) as server:
        keeps_the_cache_fresh(start(redis=server), server, school)


def test_the_configuration_that_is_installed(ground, tls, start, school):
    """config/redis.conf, with the paths of this machine."""
    said = dict(line.split(None, 1) for line in (ROOT / "config/redis.conf").read_text().splitlines() if line and line[0] != "#")
    assert said["port"] == "0" and said["maxmemory-policy"] == "noeviction" and said["tls-auth-clients"] == "yes"
    here = {"tls-port", "aclfile", "tls-cert-file", "tls-key-file", "tls-ca-cert-file"}
    assert here < said.keys()
    settings = {name: value for name, value in said.items() if name not in here}
    with Redis(ground, "redis-installed", tls=tls, access=True, settings=settings) as server:
        keeps_the_cache_fresh(start(redis=server), server, school)
        with server.connect(ssl_certfile=None, ssl_keyfile=None) as client, pytest.raises(redis.ConnectionError):
            client.ping()


# ---- who is not believed ----

def test_a_server_that_cannot_be_believed_until_it_can(ground, authority, another_authority, tls, start, school):
    """Redis reads its certificate when it starts; the files of the worker stay as they are."""
    good = tls.server
    wrong = {
        "expired": (authority.sign("expired", from_days=-3, to_days=-1), "has expired"),
        "early": (authority.sign("early", from_days=1, to_days=2), "not valid yet"),
        "other-host": (authority.sign("other-host", hosts="DNS:redis.example,IP:127.0.0.2"), "is not for 127.0.0.1"),
        "stranger": (another_authority.sign("stranger"), "redis.tls_ca_file must hold"),
    }
    shown = authority.sign("shown")
    with Redis(ground, "redis-shown", tls=Tls(authority, shown, tls.client)) as server:
        for name, (certificate, words) in wrong.items():
            shown.put(certificate)
            server.restart(trust=False)
            worker = start(redis=server)
            complains_once(worker, "the TLS handshake failed", words)
            shown.put(good)
            server.restart()
            keeps_the_cache_fresh(worker, server, school)
            worker.stop()


def test_an_authority_that_is_not_known_until_it_is(start, secure, school, another_authority, authority, tmp_path):
    file = tmp_path / "authority.crt"
    file.write_bytes(another_authority.file.read_bytes())
    worker = start(tls_ca_file=str(file))
    complains_once(worker, "signed by no authority", str(file))
    file.write_bytes(another_authority.file.read_bytes() + authority.file.read_bytes())
    keeps_the_cache_fresh(worker, secure, school)


def test_the_system_does_not_know_a_private_authority(start):
    complains_once(start(tls_ca_file=""), "the system's store", "set redis.tls_ca_file to")


def test_a_demanded_certificate_that_is_not_shown(start, secure, school):
    worker = start(tls_cert_file="", tls_key_file="")
    complains_once(worker, "demands a certificate", "redis.tls_cert_file")
    with secure.connect() as client:
        client.config_set("tls-auth-clients", "optional")
        keeps_the_cache_fresh(worker, secure, school)
        client.config_set("tls-auth-clients", "yes")


def test_a_certificate_that_redis_refuses_until_it_is_renewed(start, secure, school, authority, another_authority, tls):
    shown = authority.sign("shown-to-redis")
    shown.put(another_authority.sign("client-of-another"))
    worker = start(tls_cert_file=str(shown.certificate), tls_key_file=str(shown.key))
    complains_once(worker, "Redis refuses the certificate", str(shown.certificate))
    shown.put(tls.client)
    keeps_the_cache_fresh(worker, secure, school)


def test_a_certificate_that_expired_until_it_is_renewed(start, secure, school, authority, tls):
    shown = authority.sign("expired-client", from_days=-3, to_days=-1)
    worker = start(tls_cert_file=str(shown.certificate), tls_key_file=str(shown.key))
    complains_once(worker, "Redis refuses the certificate", "expired")
    shown.put(tls.client)
    keeps_the_cache_fresh(worker, secure, school)


def test_files_that_vanish_while_the_worker_runs(start, secure, school, tls, tmp_path):
    file = tmp_path / "authority.crt"
    file.write_bytes(tls.authority.file.read_bytes())
    worker = start(tls_ca_file=str(file))
    until(worker.healthy, 30, "the worker to be healthy")
    file.unlink()
    with secure.connect() as client:
        client.execute_command("CLIENT", "KILL", "USER", "wc_worker")
    until(lambda: any(f"{file}: cannot be read" in line for line in worker.warnings()), 30, "the log to name the file")
    tries_again(worker)
    file.write_bytes(tls.authority.file.read_bytes())
    keeps_the_cache_fresh(worker, secure, school)


def test_tls_to_a_port_without(start, redis_server):
    complains_once(start(redis=redis_server, url=redis_server.url.replace("redis:", "rediss:"), timeout_ms=100), "TLS", "port for TLS")


def test_a_port_for_tls_without_tls(start, secure):
    worker = start(url=secure.url.replace("rediss:", "redis:"), tls_ca_file="", tls_cert_file="", tls_key_file="")
    complains_once(worker, "rediss://")


# ---- connections that end, or do not answer ----

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["restart", "kill"])
def test_a_restarted_redis(start, secure, school, how):
    worker = start()
    keeps_the_cache_fresh(worker, secure, school)
    secure.restart(how)
    keeps_the_cache_fresh(worker, secure, school)


def test_a_closed_connection_is_noticed_at_once(start, secure):
    """Nothing is due for an hour: what tells the worker is that the connection becomes readable."""
    worker = start(settings={"queue": {"heartbeat_s": 3600, "poll_interval_ms": 3600_000}})
    until(worker.healthy, 30, "the worker to be healthy")
    connects = 'wc_worker_connects_total{server="redis"}'
    for _ in range(3):
        before = worker.metrics()[connects]
        with secure.connect() as client:
            assert client.execute_command("CLIENT", "KILL", "USER", "wc_worker") > 0
        until(lambda: worker.metrics()[connects] > before, 10, "a new connection")
        until(worker.healthy, 10, "the worker to be healthy")


def test_a_redis_that_stops_answering(start, secure, school):
    worker = start(timeout_ms=300, settings={"queue": {"heartbeat_s": 1}})
    keeps_the_cache_fresh(worker, secure, school)
    secure.send(signal.SIGSTOP)
    try:
        until(lambda: worker.get("/healthz")[0] == 503, 30, "the worker to notice")
        tries_again(worker, 3)
        assert any("no answer to the TLS handshake in time" in line for line in worker.warnings())
    finally:
        secure.send(signal.SIGCONT)
    keeps_the_cache_fresh(worker, secure, school)


@pytest.fixture
def mute():
    """A server that accepts connections and never sends anything; yields its port."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    stack.enter_context(listener.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_handshake_that_is_never_answered(start, mute, secure, school):
    worker = start(url=f"rediss://127.0.0.1:{mute}", timeout_ms=50)
    complains_once(worker, "no answer to the TLS handshake in time")
    assert worker.get("/healthz")[0] == 503
    assert worker.stop() == 0


def test_a_worker_ends_within_its_timeout_in_the_midst_of_a_handshake(start, mute):
    worker = start(url=f"rediss://127.0.0.1:{mute}", timeout_ms=1000)
    until(lambda: worker.get("/healthz")[0] == 503, 30, "the worker to run")
    assert worker.stop() == 0


# ---- the configuration ----

def test_check_config_looks_at_the_files(start, secure, tls, tmp_path):
    def check(**settings):
        worker = start(**settings)
        worker.stop(signal.SIGKILL)
        done = run_worker("--config", worker.configuration, "--check-config")
        assert len(done.stderr.splitlines()) == (0 if done.returncode == 0 else 1), done.stderr
        return done.returncode, done.stderr

    assert check() == (0, "")
    missing = str(tmp_path / "none.pem")
    assert check(tls_ca_file=missing) == (78, f"redis.tls_ca_file: {missing}: cannot be read: No such file or directory\n")
    status, text = check(tls_key_file=str(tls.server.key))
    assert status == 78 and "redis.tls_key_file: " in text and "belongs to the certificate" in text
    status, text = check(tls_cert_file=str(tls.server.key))
    assert status == 78 and "redis.tls_cert_file: " in text
    status, text = check(tls_key_file="")
    assert status == 78 and text.startswith("redis.tls_key_file: is missing")
    status, text = check(url="redis://127.0.0.1")
    assert status == 78 and text.startswith("redis.tls_ca_file: needs a redis.url that begins with rediss://")


def test_files_that_are_wrong_from_the_beginning_end_it_with_one_line(start, tmp_path):
    worker = start(tls_ca_file=str(tmp_path / "none.pem"))
    assert worker.wait() == 78
    assert worker.log.read_text() == f"redis.tls_ca_file: {tmp_path}/none.pem: cannot be read: No such file or directory\n"
