"""Several Redis at once: each is kept fresh by itself, and none is waited for longer than its readers can be answered."""

import json
import signal
from contextlib import ExitStack

import pytest

from region_stage import SETTINGS, Regions, far, held, near, read, regions, start, thorough, with_ttl  # noqa: F401 (fixtures)
from school import Cache
from servers import Proxy, library, until
from servers.worker import run_worker
from stray_reader import Reader


# ---- together ----

def test_each_gets_every_removal(start, regions):
    stage = start(regions)
    for number in range(3):
        stage.rename(f"Name {number}")
        stage.until_drained()
        for server in regions.servers.values():
            assert read(server, stage.student) in (None, f"Name {number}")
        for name in regions.servers:
            stage.load_into(name)
            assert read(regions.servers[name], stage.student) == f"Name {number}"
    stage.school.sql("SELECT wc_invalidate_all()")
    stage.until_drained()
    assert stage.school.one("SELECT count(*) FROM white_cross.swept") == 0
    assert stage.school.rows("SELECT name, is_away FROM white_cross.target ORDER BY 1") == [("far", False), ("near", False)]


def test_a_value_that_a_reader_stores_meets_the_fences_of_its_own_region(start, regions):
    stage = start(regions)
    key, value, ttl, snapshot = stage.school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", stage.student)[0]
    stage.rename("After")
    stage.until_drained()
    for server in regions.servers.values():
        with server.connect() as client:
            assert client.execute_command(*library.fill(key, value, ttl, snapshot)) == 0
        assert read(server, stage.student) in (None, "After")


def test_what_is_read_often_is_rebuilt_where_it_was_read(start, regions):
    stage = start(regions)
    stage.rename("After")
    for server in regions.servers.values():
        until(lambda: read(server, stage.student) == "After", 10, "the new value to be there before anybody asks")


def test_each_line_says_of_which_target_it_is(start, regions):
    """Also those of the threads that rebuild and look."""
    stage = start(regions)
    stage.rename("After")
    stage.until_drained()
    stage.worker.stop()
    lines = [line for line in stage.worker.log.read_text().splitlines() if "hot students" in line or "hot, " in line]
    assert {line.split(": ")[1] for line in lines} == {*regions.servers}, lines


def test_figures_states_and_findings_by_target(start, regions, school):
    stage = start(regions)
    stage.rename("After")
    stage.until_drained()
    metrics = stage.worker.metrics()
    for name in regions.servers:
        assert metrics[f'wc_worker_is_drainer{{target="{name}"}}'] == 1
        assert metrics[f'wc_worker_drained_students_total{{target="{name}"}}'] >= 1
        assert metrics[f'wc_worker_connected{{server="redis",target="{name}"}}'] == 1
    assert "wc_worker_is_drainer" not in metrics and "process_open_fds" in metrics
    health = json.loads(stage.worker.get("/healthz")[1])
    assert health["healthy"] and health["redis"] and [one["name"] for one in health["targets"]] == ["near", "far"]
    assert "[+] target far: " in stage.worker.get("/readyz?verbose")[1]
    shown = run_worker("status", "--config", stage.worker.configuration).stdout
    assert "near: " in shown and "far: " in shown
    until(lambda: [(s, d.split(":")[0]) for s, d in school.rows("SELECT status, detail FROM wc_diagnose() WHERE \"check\" = 'target' ORDER BY detail")]
          == [("ok", "far at 127.0.0.1"), ("ok", "near at 127.0.0.1")], 10, "the findings")
    regions.servers["far"].send(signal.SIGSTOP)
    stage.until_away("far")
    until(lambda: stage.worker.get("/healthz")[0] == 503, 10, "the worker to say that a target is away")
    health = json.loads(stage.worker.get("/healthz")[1])
    assert not health["healthy"] and health["detail"].startswith("target far")
    assert [one["healthy"] for one in health["targets"]] == [True, False]
    assert "fail" in [row[0] for row in school.rows("SELECT status FROM wc_diagnose() WHERE \"check\" = 'target' AND detail LIKE 'far%%'")]


# ---- one is away ----

def go_away_and_come_back(stage, away, leave, come_back, at_once=True):
    """Meanwhile changes go on elsewhere, and nothing of before is found there, then and later.

    at_once: something changes before anybody knows that it is away.  What the worker has sent by then is done when it wakes up.
    """
    servers = stage.regions.servers
    other = next(name for name in servers if name != away)
    with ExitStack() as stack:
        leave()
        if at_once:
            stage.rename("While it is away")
            until(lambda: read(servers[other], stage.student) in (None, "While it is away"), 2, "the change to be gone elsewhere at once")
            stage.until_drained()
            assert stage.is_away(away), "or its readers are answered"
        stage.until_away(away)
        stage.rename("Later")
        stage.until_drained(5)
        assert read(servers[other], stage.student) in (None, "Later")
        come_back()
        reader = stack.enter_context(Reader(servers[away], Cache.key(stage.student)))
        stage.until_trusted(away)
        stage.load_into(away)
        assert read(servers[away], stage.student) == "Later"
        assert reader.names() <= {None, "Later"}
    stage.rename("At last")
    stage.until_drained()
    assert {read(server, stage.student) for server in servers.values()} <= {None, "At last"}


@pytest.mark.parametrize("away, at_once", [("far", False), pytest.param("far", True, marks=thorough), pytest.param("near", True, marks=thorough)])
def test_one_that_is_stopped(start, regions, away, at_once):
    stage = start(regions)
    server = regions.servers[away]
    go_away_and_come_back(stage, away, lambda: server.send(signal.SIGSTOP), lambda: server.send(signal.SIGCONT), at_once)


@thorough
@pytest.mark.parametrize("data", ["empty", "old"])
def test_one_that_is_killed_and_comes_back(start, regions, far, data):
    """With what it saved before: values, epoch, liveness."""
    stage = start(regions)

    def leave():
        if data == "old":
            with far.connect() as client:
                client.save()
        far.stop(signal.SIGKILL)

    go_away_and_come_back(stage, "far", leave, lambda: far.start(clear=data == "empty"))


@thorough
@pytest.mark.parametrize("waits", [True, False])
def test_a_network_that_is_silent(start, near, far, regions, waits):
    """The far Redis runs on, and answers its own readers until its liveness is over."""
    with Proxy(lambda: far.port) as proxy:
        stage = start(Regions(regions.servers, {"far": proxy}), with_ttl(3000))
        with Reader(far, Cache.key(stage.student)) as reader:
            proxy.refuse()
            proxy.silence()
            if waits:
                stage.until_away("far")
            stage.rename("Unheard")
            drained = stage.until_drained()
            assert stage.is_away("far") and held(far, stage.student) == "Before"
            assert read(far, stage.student) is None
            proxy.go_on()
            proxy.cut()
            stage.until_trusted("far")
            stage.load_into("far")
            assert reader.names(since=drained) <= {None, "Unheard"} and "Before" in reader.names()


@thorough
def test_one_that_is_away_when_the_worker_starts(start_worker, school, regions, near, far):
    far.stop()
    worker = start_worker(redis=regions, settings=SETTINGS, enter=False)
    worker.start(wait=False)
    student = school.add_student(lastName="Before")

    def is_read():
        with near.connect() as client:
            # Of a Redis that no worker has met yet.
            if not client.execute_command("FUNCTION", "LIST"):
                return None
            Cache(client, school).load(student)
        return read(near, student)

    until(is_read, 30, "the near one to serve")
    school.sql('UPDATE students SET "lastName" = %s', "After")
    until(school.is_drained, 10, "the queue to be empty: nothing is kept for one that never was there")
    far.start()
    until(worker.healthy, 30, "both to be served")


# ---- the configuration ----

REFUSED = {
    '[redis]\nurl = "redis://a"\n[[redis.target]]\nname = "x"\nurl = "redis://b"': "exclude each other",
    '[[redis.target]]\nname = "x"': "lacks a url",
    '[[redis.target]]\nurl = "redis://b"': "redis.target.name",
    '[[redis.target]]\nname = "x y"\nurl = "redis://b"': "redis.target.name",
    '[[redis.target]]\nname = "x"\nurl = "redis://b"\n[[redis.target]]\nname = "x"\nurl = "redis://c"': "two of this name",
    '[[redis.target]]\nname = "x"\nurl = "redis://b"\n[[redis.target]]\nname = "y"\nurl = "redis://b"': "the same url",
    '[[redis.target]]\nname = "x"\nurl = "redis+sentinel://b/m"': "Sentinels and clusters",
    '[[redis.target]]\nname = "x"\nurl = "redis+cluster://b"': "Sentinels and clusters",
    '[[redis.target]]\nname = "x"\nurl = "redis://b"\nopaque_keys = true': "no such key",
    '[[redis.target]]\nname = "x"\nurl = "redis://b"\ntimeout_ms = "soon"': "timeout_ms",
    '[redis]\ntarget = 7': "[[redis.target]]",
    '[[redis.target]]\nname = "x"\nurl = "http://b"': 'redis.target "x"',
}


@pytest.mark.parametrize("text", REFUSED, ids=list(REFUSED.values()))
def test_a_configuration_that_is_refused(tmp_path, text):
    file = tmp_path / "worker.toml"
    file.write_text(text)
    done = run_worker("--config", file, "--check-config")
    assert done.returncode != 0 and REFUSED[text] in done.stderr, done


def test_a_target_has_what_it_lacks_from_the_section(tmp_path):
    file = tmp_path / "worker.toml"
    file.write_text('[redis]\npassword = "common"\ntimeout_ms = 700\n[[redis.target]]\nname = "x"\nurl = "redis://b"\n'
                    '[[redis.target]]\nname = "y"\nurl = "redis://c"\nuser = "own"\ntimeout_ms = 900')
    file.chmod(0o600)
    shown = run_worker("--config", file, "--check-config").stdout
    x, y = shown.split("[[redis.target]]")[1:]
    assert 'password = "***"' in x and "timeout_ms = 700" in x and 'name = "x"' in x and "common" not in shown
    assert 'password = ""' in y and "timeout_ms = 900" in y and 'user = "own"' in y
