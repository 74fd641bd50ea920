"""DogStatsD, against a socket that reads each line by its grammar."""

import os
import re
import socket
import threading
from collections import defaultdict

import pytest

import told
from servers import until
from servers.process import own

FAST = {"interval_s": 1}
LINE = re.compile(r"([a-z_]+(?:\.(?:count|sum|p50|p95|p99))?):(-?[\d.e+-]+)\|([cg])\|#([a-z_]+:[^|#,:\n]+(?:,[a-z_]+:[^|#,:\n]+)*)")


class Agent:
    """`with` starts it.  path: of a socket; None: UDP."""

    def __init__(self, path=None):
        self.path = path
        self.packets = []
        if path:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.bind(str(path))
            own(path)
            self.address = f"unix://{path}"
        else:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("127.0.0.1", 0))
            self.address = f"udp://127.0.0.1:{self._socket.getsockname()[1]}"
        self._socket.settimeout(0.1)
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self):
        while not self._ended:
            try:
                self.packets.append(self._socket.recv(65536))
            except TimeoutError:
                pass

    def samples(self):
        """[(name, value, type, tags)] of all lines."""
        found = []
        for packet in list(self.packets):
            assert len(packet) <= (8192 if self.path else 1432)
            for line in packet.decode().split("\n"):
                match = LINE.fullmatch(line)
                assert match, line
                found.append((match[1], float(match[2]), match[3], frozenset(match[4].split(","))))
        return found

    def sums(self):
        sums = defaultdict(float)
        for name, value, type, _ in self.samples():
            if type == "c":
                sums[name] += value
        return sums

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended = True
        self._thread.join()
        self._socket.close()
        told.search("sent to DogStatsD", b"\n".join(self.packets).decode(), ids_too=True)
        if self.path:
            os.unlink(self.path)


def settings(agent):
    return {"destinations": FAST, "dogstatsd": {"address": agent.address, "tags": "env:test"}}


@pytest.mark.parametrize("by_path", [False, True], ids=["udp", "socket"])
def test_counts_add_up(start_worker, school, ground, by_path):
    with Agent(ground.socket_folder_for(ground.folder_for("agent")) / "dsd.socket" if by_path else None) as agent:
        worker = start_worker(settings=settings(agent))
        for number in range(6):
            school.add_student(f"datadog-{number}")
            until(school.is_drained, 10)
        students = until(lambda: worker.metrics()["wc_worker_drained_students_total"] >= 6 and worker.metrics()["wc_worker_drained_students_total"], 10)
        until(lambda: agent.sums()["wc_worker_drained_students_total"] == students, 20, "all students")
        until(lambda: agent.sums()["wc_worker_gone_seconds.count"] == worker.metrics()["wc_worker_gone_seconds_count"], 20, "all removals")
        samples = agent.samples()
        assert all("env:test" in tags for *_, tags in samples)
        assert ("wc_worker_is_drainer", 1, "g", frozenset(["env:test"])) in samples
        assert any(name == "wc_worker_gone_seconds.p99" and 0 < value < 300 for name, value, *_ in samples)


def test_an_agent_that_is_started_anew_is_found_again(start_worker, school, ground):
    path = ground.socket_folder_for(ground.folder_for("agent")) / "dsd.socket"
    with Agent(path) as agent:
        worker = start_worker(settings=settings(agent))
        until(lambda: agent.samples(), 20)
    lost = 'wc_export_lost_total{destination="dogstatsd",reason="refused"}'
    until(lambda: worker.metrics()[lost] >= 1, 20, "the agent to be missed")
    with Agent(path) as agent:
        until(lambda: agent.samples(), 20, "the new agent")
    assert worker.healthy() and "the agent takes no packets" in worker.log.read_text()
