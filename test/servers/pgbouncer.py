"""A private PgBouncer in front of a cluster."""

import configparser
import re
import shutil
import subprocess

import psycopg

from .ground import ROOT
from .process import Process, ServerFailed, free_port, own, tail
from .server import Server
from .waiting import until

BINARY = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
STARTS = 5  # see cluster.py
# What config/pgbouncer.ini has for a machine of production, and private servers have otherwise.
OF_THE_PLACE = {"listen_addr", "listen_port", "auth_type", "auth_file", "min_pool_size"}


def version():
    said = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.search(r"(\d+)\.(\d+)", said).groups()))


def example_settings():
    """Returns the settings of config/pgbouncer.ini, with prepared statements where this version knows them."""
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read(ROOT / "config/pgbouncer.ini")
    settings = {name: value for name, value in parsed["pgbouncer"].items() if name not in OF_THE_PLACE}
    return settings | ({"max_prepared_statements": "200"} if version() >= (1, 21) else {})


class PgBouncer(Server):
    """`with` starts and stops it.  It asks its clients for no password, and connects to the cluster's Unix socket.

    users: who may connect.  settings: pgbouncer.ini overrides, as a dict.
    """

    admin = "postgres"

    def __init__(self, ground, cluster, users, name="pgbouncer", settings=None):
        self.folder = ground.folder_for(name)
        self.log = self.folder / "pgbouncer.log"
        self._cluster = cluster
        self._users = [self.admin, *users]
        self._settings = settings or {}

    def start(self):
        for _ in range(STARTS):
            self.port = free_port()
            self._write_settings()
            self._process = Process([BINARY, self.folder / "pgbouncer.ini"], self.log)
            if until(self._answers_or_ended, 30, "pgbouncer to answer", 0.02) == "answers":
                return
        raise ServerFailed(f"pgbouncer did not start:\n{tail(self.log)}")

    def _answers_or_ended(self):
        if not self._process.running():
            return "ended"
        try:
            with self.connect("pgbouncer") as console:
                console.execute("SHOW VERSION")
                return "answers"
        except psycopg.OperationalError:
            return None

    def dsn(self, database, user=admin):
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user}"

    def connect(self, database, user=admin):
        # PgBouncer's console has no prepared statements
        return psycopg.connect(self.dsn(database, user), autocommit=True, prepare_threshold=None,
                               cursor_factory=psycopg.ClientCursor)

    def _write_settings(self):
        users = self.folder / "users.txt"
        users.write_text("".join(f'"{user}" ""\n' for user in self._users))
        settings = {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "", "auth_type": "trust",
                    "auth_file": users, "admin_users": self.admin, "pool_mode": "transaction"} | self._settings
        lines = ["[databases]", f"* = host={self._cluster.sockets} port={self._cluster.port}",
                 "[pgbouncer]", *(f"{name} = {value}" for name, value in settings.items())]
        path = self.folder / "pgbouncer.ini"
        path.write_text("\n".join(lines) + "\n")
        for file in path, users:
            file.chmod(0o600)
            own(file)
