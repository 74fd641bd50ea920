"""A private HAProxy with config/haproxy.cfg before two members."""

import re
import shutil
import socket
import subprocess

from .ground import ROOT
from .process import Process, ServerFailed, free_port, own, tail
from .server import Server
from .waiting import until

STARTS = 5  # see cluster.py


class HaProxy(Server):
    """`with` starts it and waits until it takes connections, of which the first may still find no server."""

    def __init__(self, ground, members):
        self.folder = ground.folder_for("haproxy")
        self.log = self.folder / "haproxy.log"
        self._members = members

    def start(self):
        binary = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
        if not binary:
            raise ServerFailed("there is no HAProxy here: install Debian's haproxy")
        for _ in range(STARTS):
            self.primary_port, self.standbys_port = free_port(), free_port()
            path = self.folder / "haproxy.cfg"
            path.write_text(self._configuration())
            own(path)
            checked = subprocess.run([binary, "-c", "-f", path], capture_output=True, text=True)
            if checked.returncode != 0 or "[WARNING]" in checked.stderr:
                raise ServerFailed(f"haproxy refuses the configuration:\n{checked.stderr}")
            # -db: in the foreground
            self._process = Process([binary, "-db", "-f", path], self.log)
            if until(lambda: "ended" if not self.running() else "listens" if self._listens() else None, 30, "haproxy to listen") == "listens":
                return
        raise ServerFailed(f"haproxy did not start:\n{tail(self.log)}")

    def knows_roles(self):
        """Before its first checks are done it takes each member for a primary and a standby, and later ends the sessions at the wrong one."""
        log = self.log.read_text()
        return all(re.search(rf"Server {name}/\w+ is DOWN", log) for name in ("primary", "standbys"))

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.standbys_port)) == 0

    def _configuration(self):
        """Returns the project's, with the ports of here."""
        text = (ROOT / "config/haproxy.cfg").read_text()
        one, two = self._members
        ports = {5000: self.primary_port, 5001: self.standbys_port, 5432: one.port, 5433: two.port, 8008: one.rest_port, 8009: two.rest_port}
        return re.sub(r"(127\.0\.0\.1:|check port )(\d+)", lambda found: f"{found[1]}{ports[int(found[2])]}", text)
