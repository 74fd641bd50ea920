"""A member of a cluster that a real Patroni looks after."""

import json
import os
import shutil
import signal
import urllib.error
import urllib.request

from . import opaque_keys
from .cluster import STARTS, Cluster, server_environment
from .process import Process, ServerFailed, children, free_port, have_ended, own, tail
from .waiting import until

PASSWORD = "of-the-members"


class Member(Cluster):
    """`with` starts Patroni, which makes the database (the first one) or copies it from the leader, and starts PostgreSQL.

    ttl: seconds after which a leader that says nothing is none any more.
    """

    ending = signal.SIGTERM

    def __init__(self, ground, etcd, name, settings=None, ttl=5):
        super().__init__(ground, name, settings)
        self.log = self.folder / "patroni.log"
        self.name = name
        self.password = PASSWORD
        self._etcd = etcd
        self._ttl = ttl
        self._postgres = None  # the pid of PostgreSQL, which Patroni starts

    def __enter__(self):
        return super(Cluster, self).__enter__()

    def start(self):
        """Starts both, and waits until PostgreSQL takes connections."""
        binary = shutil.which("patroni")
        if not binary:
            raise ServerFailed("there is no Patroni here: install Debian's patroni and python3-etcd")
        for _ in range(STARTS):
            self.port, self.rest_port = getattr(self, "port", None) or free_port(), getattr(self, "rest_port", None) or free_port()
            self._process = Process([binary, self._write_configuration()], self.log, env=server_environment())
            if until(lambda: "ended" if not self.running() else self.role(), 90, f"Patroni's {self.name} to have a role") != "ended":
                self._postgres = int((self.data / "postmaster.pid").read_text().split()[0])
                return
            self.port = self.rest_port = None
        raise ServerFailed(f"Patroni did not start:\n{tail(self.log)}")

    def _write_configuration(self):
        login = {"superuser": {"username": self.superuser, "password": PASSWORD}, "replication": {"username": "replicator", "password": PASSWORD}}
        hba = ["local all all trust", "host all all 127.0.0.1/32 scram-sha-256", "host replication replicator 127.0.0.1/32 scram-sha-256"]
        settings = {"fsync": "off", "timezone": "UTC", "lc_messages": "C"} | opaque_keys.server_settings(self._ground) | self._settings | self._place_of_the_extension()
        timing = {"ttl": self._ttl, "loop_wait": 1, "retry_timeout": 3, "maximum_lag_on_failover": 1 << 20}
        path = self.folder / "patroni.yml"
        # JSON is YAML too.
        path.write_text(json.dumps({
            "scope": "district", "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.rest_port}", "connect_address": f"127.0.0.1:{self.rest_port}"},
            "etcd3": {"host": f"127.0.0.1:{self._etcd.port}"},
            "bootstrap": {
                "dcs": timing | {"postgresql": {"use_slots": True, "parameters": {name: str(value) for name, value in settings.items()}}},
                "initdb": [{"locale": "C.UTF-8"}, {"encoding": "UTF8"}, "no-sync"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}", "connect_address": f"127.0.0.1:{self.port}", "data_dir": str(self.data), "bin_dir": str(self.bin),
                "pgpass": str(self.folder / "pgpass"), "authentication": login, "pg_hba": hba, "use_unix_socket": True,
                "parameters": {"unix_socket_directories": str(self.sockets)},
            }}))
        path.chmod(0o600)
        own(path)
        return path

    # ---- what Patroni says and does ----

    def _asks(self, path, body=None):
        """Returns (status, body); (0, "") if it does not answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.rest_port}{path}", json.dumps(body).encode() if body else None)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def role(self):
        """"primary", or "replica" of one that has caught up; None of one that is neither yet."""
        return next((role for role in ("primary", "replica") if self._asks(f"/{role}")[0] == 200), None)

    def hand_over_to(self, other):
        """Makes the other member the leader, with nothing lost."""
        status, said = self._asks("/switchover", {"leader": self.name, "candidate": other.name})
        if status != 200:
            raise ServerFailed(f"the switchover was refused: {said}")

    def stop_sending(self):
        """Of a leader: no member gets what it writes from now on.  Patroni would undo whatever is set at a standby."""
        with self.connect() as connection:
            connection.execute("ALTER ROLE replicator NOLOGIN")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
            until(lambda: not connection.execute("SELECT FROM pg_stat_replication").fetchone(), 30, "the senders to end")

    def send_again(self):
        with self.connect() as connection:
            connection.execute("ALTER ROLE replicator LOGIN")

    def kill(self):
        """The whole machine is gone: Patroni and PostgreSQL at once."""
        pids = [self.pid, self._postgres, *children(self._postgres)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        until(lambda: have_ended(pids), 30, "all processes to end")
