"""The worker's configuration: the file, the environment over it, and how it refuses what is wrong."""

import re
import signal

import pytest

from servers import until
from servers.ground import ROOT
from servers.certificates import Authority
from servers.worker import run_worker, toml

EXAMPLE = ROOT / "config/worker.toml"


@pytest.fixture
def configuration(tmp_path):
    def write(text):
        path = tmp_path / "worker.toml"
        path.write_text(text)
        return path
    return write


WRONG = {
    "unknown key": ("[postgres]\npool_minimum = 3\n", 2, "pool_minimum"),
    "unknown section": ("\n\n[postgresql]\nurl = 'x'\n", 3, "postgresql"),
    "wrong type": ("[postgres]\n\npool_min = 'three'\n", 3, "pool_min"),
    "out of range": ("[postgres]\npool_max = 0\n", 2, "pool_max"),
    "not a choice": ("[log]\nlevel = 'loud'\n", 2, "level"),
    "not TOML": ("[postgres]\nurl = \n", 2, ""),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_is_one_line_with_its_place(fault, configuration):
    text, line, key = WRONG[fault]
    path = configuration(text)
    done = run_worker("--config", path)
    assert done.returncode == 78
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"{path}:{line}:" in done.stderr and key in done.stderr
    assert not done.stdout


def test_a_missing_file(tmp_path):
    done = run_worker("--config", tmp_path / "none.toml")
    assert done.returncode == 78 and "none.toml" in done.stderr


def test_the_example_holds_and_says_the_defaults(configuration):
    example = run_worker("--check-config", "--config", EXAMPLE)
    defaults = run_worker("--check-config", "--config", configuration(""))
    assert example.returncode == defaults.returncode == 0, example.stderr + defaults.stderr
    assert example.stdout == defaults.stdout


def test_check_config_masks_passwords(configuration):
    path = configuration("[postgres]\nurl = 'postgresql://app:hush-a@db/white'\n[redis]\nurl = 'redis://u:hush-b@cache'\npassword = 'hush-c'\n")
    done = run_worker("--check-config", "--config", path)
    assert done.returncode == 0
    assert "hush" not in done.stdout + done.stderr
    assert "db/white" in done.stdout and "cache" in done.stdout


ENVIRONMENT = {
    "DATABASE_URL": ("postgresql://other/db", r'url = "postgresql://other/db"'),
    "DB_POOL_MIN": ("3", r"pool_min = 3$"),
    "DB_POOL_MAX": ("17", r"pool_max = 17$"),
    "DB_CONNECTION_TIMEOUT": ("1234", r"connection_timeout_ms = 1234$"),
    "REDIS_URL": ("redis://elsewhere:6380", r'url = "redis://elsewhere:6380"'),
    "REDIS_PASSWORD": ("hush", r'password = "\*\*\*"'),
    "REDIS_TTL": ("77", r"summary_ttl_s = 77$"),
    "ENABLE_REDIS_CACHE": ("false", r"enabled = false$"),
}


@pytest.mark.parametrize("variable", ENVIRONMENT)
def test_the_environment_overrides_the_file(variable, configuration):
    value, shown = ENVIRONMENT[variable]
    path = configuration("[postgres]\nurl = 'postgresql://file/db'\npool_max = 5\n[redis]\nurl = 'redis://file'\n")
    before = run_worker("--check-config", "--config", path).stdout
    done = run_worker("--check-config", "--config", path, **{variable: value})
    assert done.returncode == 0, done.stderr
    assert re.search(shown, done.stdout, re.M) and not re.search(shown, before, re.M)


def test_a_wrong_variable_is_named(configuration):
    done = run_worker("--check-config", "--config", configuration(""), DB_POOL_MAX="many")
    assert done.returncode == 78 and "DB_POOL_MAX" in done.stderr


def test_the_environment_reaches_the_running_worker(start_worker, redis_server, school):
    worker = start_worker(settings={"redis": {"password": "wrong"}, "postgres": {"url": "postgresql:///wrong"}},
                          environment={"REDIS_PASSWORD": redis_server.password, "DATABASE_URL": school.worker_dsn})
    assert worker.healthy()


def test_a_url_with_a_password(start_worker, cluster, school):
    school.sql(f"ALTER ROLE {school.worker_role} PASSWORD 'secret-of-the-worker'")
    worker = start_worker(settings={"postgres": {"url": cluster.url(school.database, school.worker_role, "secret-of-the-worker")}})
    assert worker.healthy() and "secret-of-the-worker" not in worker.log.read_text()


def test_sighup_reloads(school, worker, cache):
    student = school.add_student()
    cache.until_drained()
    worker.write_configuration({"prewarm": {"enabled": False}})
    worker.send(signal.SIGHUP)
    until(lambda: "configuration reloaded" in worker.log.read_text(), 10, "the log to speak of it")
    assert cache.load(student) == 1
    school.psql("UPDATE students SET grade = '6'")
    until(lambda: not cache.client.exists(cache.key(student)), 10, "the key to be gone")
    cache.assert_stays()
    assert not cache.client.exists(cache.key(student)), "rebuilt, though prewarming was switched off"


def test_sighup_with_a_faulty_file_keeps_what_is_in_force(worker):
    worker.write_configuration({"log": {"level": "loud"}})
    worker.send(signal.SIGHUP)
    until(lambda: "log.level" in worker.log.read_text(), 10, "the log to name the fault")
    assert worker.running() and worker.healthy()


def test_help_and_version():
    assert run_worker("--help").returncode == 0
    version = run_worker("--version")
    control = (ROOT / "white_cross.control").read_text()
    assert version.returncode == 0 and re.search(r"default_version = '(.+)'", control)[1] in version.stdout


SECRETS = {
    "a password": ({"postgres": {"password": "hush"}}, "worker.toml"),
    "a URL with a password": ({"postgres": {"url": "postgresql://app:hush@localhost/white"}}, "worker.toml"),
    "a connection string with a password": ({"postgres": {"url": "host=localhost password='hush hush'"}}, "worker.toml"),
    "a password of Redis": ({"redis": {"password": "hush"}}, "worker.toml"),
    "a URL of Redis with a password": ({"redis": {"url": "redis://:hush@localhost"}}, "worker.toml"),
    "a password file": ({"postgres": {"password_file": "FOLDER/secret"}}, "secret"),
    "a password file of Redis": ({"redis": {"password_file": "FOLDER/secret"}}, "secret"),
    "a key": ({"redis": {"url": "rediss://cache", "tls_cert_file": "FOLDER/certificate", "tls_key_file": "FOLDER/secret"}}, "secret"),
    "nothing": ({"postgres": {"url": "postgresql://app@localhost/white"}, "redis": {"url": "redis://localhost", "user": "worker"}}, None),
}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604, 0o602, 0o666, 0o644])
@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_that_everybody_may_read_is_told(case, mode, tmp_path):
    settings, exposed = SECRETS[case]
    if case == "a key":
        certificate = Authority(tmp_path).sign("worker")
        certificate.key.rename(tmp_path / "secret")
        certificate.certificate.rename(tmp_path / "certificate")
    else:
        (tmp_path / "secret").write_text("hush\n")
    path = tmp_path / "worker.toml"
    path.write_text(toml(settings).replace("FOLDER", str(tmp_path)))
    for name in "secret", "worker.toml":
        (tmp_path / name).chmod(mode if name == exposed or exposed is None else 0o600)
    done = run_worker("--check-config", "--config", path)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    if exposed and mode & 0o006:
        assert len(lines) == 1 and lines[0].startswith(f"{tmp_path / exposed} holds ") and "chmod o-rwx" in lines[0]
    else:
        assert lines == []
    assert "hush" not in done.stderr


def test_a_running_worker_tells_of_it_when_it_starts_and_when_it_is_told_to_read(worker):
    assert not worker.warnings()
    worker.configuration.chmod(0o644)
    worker.send(signal.SIGHUP)
    until(lambda: len(worker.warnings()) == 1, 10, "the warning")


WAYS = {
    "on this machine": ({}, []),
    "through the network": ({"postgres": {"url": "postgresql://app:hush@db/white"}, "redis": {"url": "redis://:hush@cache"}}, ["postgres.url", "redis.url"]),
    "encrypted": ({"postgres": {"url": "postgresql://app:hush@db/white?sslmode=verify-full"}, "redis": {"url": "rediss://:hush@cache"}}, []),
    "without Redis": ({"postgres": {"url": "host=/run/postgresql"}, "redis": {"url": "redis://cache", "enabled": False}}, []),
}


@pytest.mark.parametrize("case", WAYS)
def test_a_connection_that_others_can_read_is_told(case, tmp_path):
    settings, told = WAYS[case]
    path = tmp_path / "worker.toml"
    path.write_text(toml(settings))
    path.chmod(0o600)
    done = run_worker("--check-config", "--config", path)
    assert done.returncode == 0, done.stderr
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == told and "hush" not in done.stderr
