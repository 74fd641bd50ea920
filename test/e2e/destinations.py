"""What a worker reports to, for tests: an agent of DogStatsD, and the secret that a webhook signs with."""

import base64
import os
import re
import socket
import threading
from collections import defaultdict

import told
from servers.process import own

# Of a webhook.
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()

# Of DogStatsD.
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
