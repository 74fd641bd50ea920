"""A private PostgreSQL cluster that finds the staged extension."""

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg

from . import opaque_keys
from .initdb import SUPERUSER, new_data
from .process import Process, ServerFailed, as_server_user, children, free_port, have_ended, own, server_user, tail
from .server import Server
from .waiting import until

PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")
STARTS = 5  # tries: another process may take the port before the server binds it


def pg_config(what, program=PG_CONFIG):
    return subprocess.run([program, f"--{what}"], check=True, capture_output=True, text=True).stdout.strip()


def server_environment():
    """Returns this process's environment.  If the extension is built with a sanitizer, it preloads the sanitizer's run-time
    library, which the server must load before all others."""
    preloaded = os.environ.get("WC_SERVER_PRELOAD")
    return os.environ | {"LD_PRELOAD": preloaded} if preloaded else None


class Cluster(Server):
    """A cluster: `with` runs initdb and starts it, and stops it at the end; the Ground removes its folder.

    It trusts connections on the Unix socket, whose folder only the servers' user can enter, and asks for a password on
    loopback.
    settings: postgresql.conf overrides, as a dict.  fsync is off unless settings turn it on.
    primary: another Cluster, of which this becomes a hot standby.
    stage: where the extension is, if not in the Ground's; postgres: the pg_config of another PostgreSQL.
    """

    superuser = SUPERUSER
    ending = signal.SIGINT  # fast; SIGTERM: smart, SIGQUIT: immediate, SIGKILL: a crash
    patience = 60

    def __init__(self, ground, name="pg", settings=None, primary=None, stage=None, postgres=PG_CONFIG):
        self._ground = ground
        self._settings = settings or {}
        self._primary = primary
        self._stage = stage or ground.stage
        self._pg_config = postgres
        self.bin = Path(pg_config("bindir", postgres))
        self.folder = ground.folder_for(name)
        self.data = self.folder / "data"
        self.sockets = ground.socket_folder_for(self.folder)
        self.log = self.folder / "postgresql.log"
        self.password = None  # of the superuser, when there is one

    def __enter__(self):
        if self._primary:
            self._copy_primary()
        else:
            self.password = new_data(self._ground, self.bin, self.data)
        return super().__enter__()

    # ---- life ----

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
        """Starts the server and waits until it takes connections."""
        for _ in range(STARTS):
            self.port = getattr(self, "port", None) or free_port()
            self._write_settings()
            self._process = Process([self.bin / "postgres", "-D", self.data], self.log, env=server_environment(),
                                    death_signal=signal.SIGINT)
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

    def stop(self, number=None):
        left = children(self.pid) if number == signal.SIGKILL and self.running() else []
        status = super().stop(number)
        # They end when they notice; until then PostgreSQL refuses to start on their shared memory.
        until(lambda: have_ended(left), 30, "the sessions of the killed server to end")
        return status

    def restart(self, number=signal.SIGINT):
        """Stops and starts the server on the same port, so that clients find it again."""
        self.stop(number)
        self.start()

    def stop_receiving(self):
        """Disconnects a standby from its primary; it keeps the state that it has."""
        with self.connect() as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            until(lambda: not connection.execute("SELECT FROM pg_stat_wal_receiver").fetchone(), 30, "the receiver to end")

    def promote(self):
        """Promotes a standby."""
        with self.connect() as connection:
            connection.execute("SELECT pg_promote()")
            until(lambda: not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0], 30, "the promotion")

    def send(self, number):
        self._process.send(number)

    def kill(self):
        """Sends SIGKILL to all of its processes at once, also to stopped ones, which cannot end by themselves."""
        pids = [self.pid, *children(self.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _write_settings(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.sockets,
            "fsync": "off",
            "timezone": "UTC",
            "lc_messages": "C",
            "max_prepared_transactions": 10,
            "log_checkpoints": "off",
            "log_line_prefix": "%m [%p] %a ",
        } | opaque_keys.server_settings(self._ground) | self._settings | self._place_of_the_extension()
        lines = [f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
        path = self.data / "postgresql.auto.conf"
        path.write_text("".join(lines))
        own(path)

    def _place_of_the_extension(self):
        """Returns the settings by which the server finds the staged extension: before 18 only Debian's patch has one."""
        if self.version < 18:
            return {"extension_destdir": self._stage}
        share, library = (Path(f"{self._stage}{pg_config(what, self._pg_config)}") for what in ("sharedir", "pkglibdir"))
        found = {"extension_control_path": f"{share}:$system", "dynamic_library_path": f"{library}:$libdir"}
        # Only a name without a folder is looked for in that path.
        preloaded = self._settings.get("shared_preload_libraries")
        return found | ({"shared_preload_libraries": preloaded.replace("$libdir/", "")} if preloaded else {})

    # ---- talking to it ----

    @property
    def version(self):
        return int(re.search(r"\d+", pg_config("version", self._pg_config)).group())

    def dsn(self, database="postgres", user=superuser):
        """Returns a libpq connection string for the Unix socket."""
        return f"host='{self.sockets}' port={self.port} dbname={database} user={user}"

    def url(self, database="postgres", user=superuser, password=None):
        """Returns a postgresql:// URL for loopback, as an application has it."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres", user=superuser, autocommit=True, **options):
        return psycopg.connect(self.dsn(database, user), autocommit=autocommit, **options)

    def environment(self, database="postgres", user=superuser):
        """Returns an environment in which libpq programs connect to it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return inherited | {"PGHOST": str(self.sockets), "PGPORT": str(self.port), "PGDATABASE": database,
                            "PGUSER": user, "PSQLRC": "/dev/null"}

    def program(self, name, *arguments, database="postgres", user=superuser, input=None, check=True):
        """Runs psql, pg_dump, pgbench … of this PostgreSQL against the cluster; returns the standard output."""
        done = subprocess.run([str(self.bin / name), *map(str, arguments)], env=self.environment(database, user),
                              input=input, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise ServerFailed(f"{name} {' '.join(map(str, arguments))} gave {done.returncode}:\n{done.stderr}")
        return done.stdout

    def psql(self, sql, database="postgres", user=superuser):
        """Runs SQL in psql, which stops at the first error; returns what it printed, unaligned."""
        return self.program("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", database=database, user=user,
                            input=sql)

    def psql_file(self, path, database="postgres", user=superuser, **variables):
        settings = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        return self.program("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *settings, "-f", path,
                            database=database, user=user)

    def create_database(self, name, template="template1"):
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def drop_database(self, name):
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


__all__ = ["Cluster", "pg_config", "server_user"]
