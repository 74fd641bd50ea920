"""A private PostgreSQL cluster that finds the staged extension."""

import os
import re
import secrets
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg

from .process import Process, ServerFailed, as_server_user, children, free_port, own, server_user, tail
from .waiting import until

PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")
STARTS = 5  # another process may take the port between our choosing and the server's binding it


def pg_config(what):
    return subprocess.run([PG_CONFIG, f"--{what}"], check=True, capture_output=True, text=True).stdout.strip()


class Cluster:
    """initdb when entered, stopped and left to its ground when left.

    Trust on the Unix socket, whose folder only the servers' user can enter; a password on loopback.
    settings: postgresql.conf overrides, as a dict.  fsync is off unless settings turn it on.
    primary: another Cluster, of which this becomes a hot standby.
    """

    superuser = "postgres"

    def __init__(self, ground, name="pg", settings=None, primary=None):
        self._ground = ground
        self._settings = settings or {}
        self._primary = primary
        self.bin = Path(pg_config("bindir"))
        self.folder = ground.folder_for(name)
        self.data = self.folder / "data"
        self.sockets = ground.socket_folder_for(self.folder)
        self.log = self.folder / "postgresql.log"
        self.password = secrets.token_hex(12)
        self._process = None

    def __enter__(self):
        if self._primary:
            self._copy_primary()
        else:
            self._initdb()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- life ----

    def _initdb(self):
        password = self.folder / "superuser.password"
        password.write_text(self.password)
        password.chmod(0o600)
        own(password)
        done = subprocess.run(
            [self.bin / "initdb", "-D", self.data, "-U", self.superuser, "--locale=C.UTF-8", "--encoding=UTF8",
             "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}", "--no-sync", "--no-instructions"],
            cwd="/", capture_output=True, text=True, **as_server_user())
        password.unlink()
        if done.returncode != 0:
            raise ServerFailed(f"initdb failed:\n{done.stderr}")

    def _copy_primary(self):
        self.password = self._primary.password
        done = subprocess.run(
            [self.bin / "pg_basebackup", "-D", self.data, "-d", self._primary.dsn(), "-X", "stream", "-c", "fast", "--no-sync"],
            cwd="/", capture_output=True, text=True, **as_server_user())
        if done.returncode != 0:
            raise ServerFailed(f"pg_basebackup failed:\n{done.stderr}")
        self._settings |= {"primary_conninfo": self._primary.dsn()}
        (self.data / "standby.signal").touch()

    def start(self):
        """Start, and wait until it takes connections."""
        for _ in range(STARTS):
            self.port = getattr(self, "port", None) or free_port()
            self._write_settings()
            self._process = Process([self.bin / "postgres", "-D", self.data], self.log, death_signal=signal.SIGINT)
            if self._ready():
                return
            self.port = None
        raise ServerFailed(f"postgres did not start:\n{tail(self.log)}")

    def _ready(self):
        def answer():
            if not self._process.running():
                return "ended"
            probe = subprocess.run([self.bin / "pg_isready", "-q", "-d", self.dsn()], cwd="/")
            return "ready" if probe.returncode == 0 else None

        if until(answer, 60, "postgres to take connections", 0.02) == "ready":
            return True
        if "could not bind" in tail(self.log, 10):
            return False
        self._process.check()

    def stop(self, number=signal.SIGINT):
        """SIGINT: fast, SIGTERM: smart, SIGQUIT: immediate, SIGKILL: a crash."""
        if self._process:
            self._process.end(number, timeout=60)
            self._process = None

    def restart(self, number=signal.SIGINT):
        """The same port again, so that clients find it."""
        self.stop(number)
        self.start()

    def stop_receiving(self):
        """A standby that hears nothing from its primary any more, and goes on with what it has."""
        with self.connect() as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            until(lambda: not connection.execute("SELECT FROM pg_stat_wal_receiver").fetchone(), 30, "the receiver to end")

    def promote(self):
        """A standby becomes a primary."""
        with self.connect() as connection:
            connection.execute("SELECT pg_promote()")
            until(lambda: not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0], 30, "the promotion")

    def send(self, number):
        self._process.send(number)

    def kill(self):
        """SIGKILL to all of its processes at once, also to those that were stopped and could not end by themselves."""
        pids = [self.pid, *children(self.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.running()

    def _write_settings(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.sockets,
            "extension_destdir": self._ground.stage,
            "fsync": "off",
            "timezone": "UTC",
            "lc_messages": "C",
            "max_prepared_transactions": 10,
            "log_checkpoints": "off",
            "log_line_prefix": "%m [%p] %a ",
        } | self._settings
        lines = [f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
        path = self.data / "postgresql.auto.conf"
        path.write_text("".join(lines))
        own(path)

    # ---- talking to it ----

    @property
    def version(self):
        return int(re.search(r"\d+", pg_config("version")).group())

    def dsn(self, database="postgres", user=superuser):
        """A libpq connection string through the Unix socket."""
        return f"host='{self.sockets}' port={self.port} dbname={database} user={user}"

    def url(self, database="postgres", user=superuser, password=None):
        """A postgresql:// address through loopback, as an application would have it."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres", user=superuser, autocommit=True, **options):
        return psycopg.connect(self.dsn(database, user), autocommit=autocommit, **options)

    def environment(self, database="postgres", user=superuser):
        """The environment in which libpq programs reach it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return inherited | {"PGHOST": str(self.sockets), "PGPORT": str(self.port), "PGDATABASE": database,
                            "PGUSER": user, "PSQLRC": "/dev/null"}

    def program(self, name, *arguments, database="postgres", user=superuser, input=None, check=True):
        """Run psql, pg_dump, pgbench … of this PostgreSQL against the cluster; its standard output."""
        done = subprocess.run([str(self.bin / name), *map(str, arguments)], env=self.environment(database, user),
                              input=input, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise ServerFailed(f"{name} {' '.join(map(str, arguments))} gave {done.returncode}:\n{done.stderr}")
        return done.stdout

    def psql(self, sql, database="postgres", user=superuser):
        """A psql process of its own, stopping at the first error; what it printed, unaligned."""
        return self.program("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", database=database, user=user,
                            input=sql)

    def psql_file(self, path, database="postgres", user=superuser, **variables):
        settings = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        return self.program("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *settings, "-f", path,
                            database=database, user=user)

    def create_database(self, name):
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')


__all__ = ["Cluster", "pg_config", "server_user"]
