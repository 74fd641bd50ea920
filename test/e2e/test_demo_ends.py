"""The demo prints what the README shows of it, and nothing that it started outlives it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from documents import PAGES, blocks, matches
from servers import until
from servers.ground import ROOT

pytestmark = pytest.mark.thorough


def children_of(pid):
    """{pid: command line} of its children that run; a process that ended and was not reaped has no command line."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if parent == pid and command:
            found[int(entry.name)] = command
    return found


def still_running(servers):
    def command(pid):
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""
    return [line for pid, line in servers.items() if command(pid)]


def start(tmp_path, *options):
    output = tmp_path / "output"
    with open(output, "w") as file:
        process = subprocess.Popen([sys.executable, "-B", ROOT / "demo/demo.py", "--students", "60", *options], stdout=file, stderr=file,
                                   start_new_session=True)
    process.output = output
    return process


def end(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def demo(tmp_path):
    """The demo, staying up."""
    process = start(tmp_path)
    yield process
    end(process)


def folder_of(demo):
    return Path(re.search(r"files in (\S+)", demo.output.read_text())[1])


def until_up(demo):
    """Its servers."""
    until(lambda: demo.poll() is not None or "stay up" in demo.output.read_text(), 60, "the demo to stay up")
    assert demo.poll() is None, demo.output.read_text()
    servers = children_of(demo.pid)
    for name in "postgres", "redis-server", "wc-worker":
        assert any(name in command for command in servers.values()), f"{name} is not among {servers}"
    return servers


def assert_as_the_readme_shows(printed):
    """But for the times that it took."""
    shown, = [block.text for block in blocks(PAGES[0]) if block.language == "text" and "demo=#" in block.text]
    any_times = re.sub(r"[\d,]+ µs", "… µs", shown)
    assert any_times != shown
    assert matches(printed, f"…{any_times}…"), printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(demo, number):
    servers = until_up(demo)
    assert_as_the_readme_shows(demo.output.read_text())
    folder = folder_of(demo)
    assert folder.exists()
    demo.send_signal(number)
    assert demo.wait(30) == 0, demo.output.read_text()
    assert still_running(servers) == []
    assert not folder.exists()


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")
def test_observed(tmp_path):
    """Console, metrics, figures and Prometheus answer at the addresses that it prints, which are of loopback."""
    demo = start(tmp_path, "--observe")
    try:
        servers = until_up(demo)
        assert any("prometheus" in command for command in servers.values())
        addresses = re.findall(r"^ +(console|metrics|figures|slow calls|Prometheus|alerts) +(http://127\.0\.0\.1:\d+/\S+)$",
                               demo.output.read_text(), re.M)
        assert len(addresses) == 6, demo.output.read_text()
        for _, address in addresses:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, demo.output.read_text()
        assert still_running(servers) == []
    finally:
        end(demo)


def test_interrupted_on_the_way(demo):
    servers = until(lambda: {pid: command for pid, command in children_of(demo.pid).items() if "postgres" in command}, 30,
                    "a server to run", interval=0.001)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130, demo.output.read_text()
    until(lambda: still_running(servers) == [], 20, "all servers to end")


def test_killed(demo):
    """Even if the demo is killed, its servers end, because they end with their parent."""
    servers = until_up(demo)
    demo.kill()
    demo.wait()
    until(lambda: still_running(servers) == [], 20, "all servers to end")
    shutil.rmtree(folder_of(demo))  # it had no time to
