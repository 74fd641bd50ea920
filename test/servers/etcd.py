"""A private etcd of one member: where Patroni's members agree who leads."""

import json
import shutil
import urllib.request

from .process import Process, ServerFailed, free_port, tail
from .server import Server
from .waiting import until

STARTS = 5  # see cluster.py


class Etcd(Server):
    """`with` starts it and waits until it answers.  It listens on loopback alone."""

    def __init__(self, ground):
        self.folder = ground.folder_for("etcd")
        self.log = self.folder / "etcd.log"

    def start(self):
        binary = shutil.which("etcd")
        if not binary:
            raise ServerFailed("there is no etcd here: install Debian's etcd-server")
        for _ in range(STARTS):
            self.port, peers = free_port(), f"http://127.0.0.1:{free_port()}"
            clients = f"http://127.0.0.1:{self.port}"
            self._process = Process(
                [binary, "--name=one", f"--data-dir={self.folder / 'data'}", f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}",
                 f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=one={peers}", "--unsafe-no-fsync"],
                self.log)
            if until(lambda: "ended" if not self.running() else "healthy" if self._is_healthy() else None, 30, "etcd to answer") == "healthy":
                return
        raise ServerFailed(f"etcd did not start:\n{tail(self.log)}")

    def _is_healthy(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return json.load(answer)["health"] == "true"
        except OSError:
            return False
