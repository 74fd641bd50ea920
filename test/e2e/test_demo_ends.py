"""Nothing that the demo started outlives it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from servers import until
from servers.ground import ROOT


def processes():
    """(pid of the parent, command line) of every process there is."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            yield parent, (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended


def servers_of(demo):
    return [command for parent, command in processes() if parent == demo.pid and "build/demo" in command]


def running_in(folder):
    return [command for _, command in processes() if f"{folder}/" in command]


def folder_of(demo):
    """build/demo, or build/demo-2 if somebody has the demo up while the tests run."""
    command = until(lambda: servers_of(demo), 60, "a server to run", interval=0.001)[0]
    return re.search(r"\S*/build/demo[-0-9]*", command)[0]


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


def until_up(demo):
    folder = folder_of(demo)
    until(lambda: demo.poll() is not None or "stay up" in demo.output.read_text(), 60, "the demo to stay up")
    assert demo.poll() is None, demo.output.read_text()
    assert len(running_in(folder)) >= 3, "PostgreSQL, Redis and the worker"
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(demo, number):
    folder = until_up(demo)
    demo.send_signal(number)
    assert demo.wait(30) == 0, demo.output.read_text()
    assert running_in(folder) == []
    assert not Path(folder).exists()


def test_interrupted_on_the_way(demo):
    folder = folder_of(demo)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130, demo.output.read_text()
    until(lambda: running_in(folder) == [], 20, "all servers to end")


def test_killed(demo):
    """Not even then: the servers end with their parent."""
    folder = until_up(demo)
    demo.kill()
    demo.wait()
    until(lambda: running_in(folder) == [], 20, "all servers to end")
