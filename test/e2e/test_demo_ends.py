"""Nothing that the demo started outlives it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from servers import until
from servers.ground import ROOT


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


@pytest.fixture
def demo(tmp_path):
    """The demo, staying up."""
    output = tmp_path / "output"
    with open(output, "w") as file:
        process = subprocess.Popen([sys.executable, "-B", ROOT / "demo/demo.py", "--students", "60"], stdout=file, stderr=file,
                                   start_new_session=True)
    process.output = output
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(demo, number):
    servers = until_up(demo)
    folder = folder_of(demo)
    assert folder.exists()
    demo.send_signal(number)
    assert demo.wait(30) == 0, demo.output.read_text()
    assert still_running(servers) == []
    assert not folder.exists()


def test_interrupted_on_the_way(demo):
    servers = until(lambda: {pid: command for pid, command in children_of(demo.pid).items() if "postgres" in command}, 30,
                    "a server to run", interval=0.001)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130, demo.output.read_text()
    until(lambda: still_running(servers) == [], 20, "all servers to end")


def test_killed(demo):
    """Not even then: the servers end with their parent."""
    servers = until_up(demo)
    demo.kill()
    demo.wait()
    until(lambda: still_running(servers) == [], 20, "all servers to end")
    shutil.rmtree(folder_of(demo))  # it had no time to
