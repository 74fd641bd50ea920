"""A private Redis: own port, own password, nothing saved to disk."""

import secrets
import shutil
import signal
from dataclasses import dataclass

import redis

from .certificates import Authority, Certificate
from .ground import ROOT
from .process import Process, ServerFailed, free_port, own, tail
from .server import Server
from .waiting import until

STARTS = 5  # see cluster.py


@dataclass
class Tls:
    """The certificate that a Redis with TLS shows, and what it demands of its clients."""
    authority: Authority
    server: Certificate
    client: Certificate


class Redis(Server):
    """`with` starts and stops it.  settings: redis.conf overrides, as a dict.

    tls: a Tls; then it accepts TLS only.  access: with the users of config/users.acl, whose passwords are in
    `passwords`; without it, only the user `default` with `password`, which may be empty.
    """

    def __init__(self, ground, name="redis", settings=None, tls=None, access=False, password=None):
        self.folder = ground.folder_for(name)
        self.log = self.folder / "redis.log"
        self.configuration = self.folder / "redis.conf"
        self.socket = ground.socket_folder_for(self.folder) / "redis.sock"
        self.tls = tls
        self.passwords = {user: secrets.token_hex(12) for user in ("admin", "wc_worker", "wc_application", "wc_consumer")} if access else {}
        self.password = secrets.token_hex(12) if password is None else password
        self.port = None
        self._settings = settings or {}

    def start(self, trust=True, clear=False, **settings):
        """Starts it, on the same port as before if it had one, and waits until it answers.

        trust=False: waits with a client that does not verify its certificate.
        clear: removes what it has saved to disk; settings: redis.conf overrides from this start on.
        """
        self._settings |= settings
        if clear:
            (self.folder / "dump.rdb").unlink(missing_ok=True)
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        for _ in range(STARTS):
            self.port = self.port or free_port()
            self._write_settings()
            self._process = Process(["redis-server", self.configuration], self.log)
            if self._ready({} if trust else {"ssl_cert_reqs": "none"}):
                return
            self.port = None
        raise ServerFailed(f"redis-server did not start:\n{tail(self.log)}")

    def _ready(self, options):
        def answer():
            if not self._process.running():
                return "ended"
            try:
                with self.connect(**options) as client:
                    return "ready" if client.ping() else None
            except redis.ConnectionError:
                return None

        if until(answer, 30, "redis-server to answer", 0.01) == "ready":
            return True
        if "Address already in use" in tail(self.log):
            return False
        self._process.check()

    def restart(self, number=signal.SIGTERM, **how):
        """Stops it and starts it on the same port; it is empty then."""
        self.stop(number)
        self.start(**how)

    def send(self, number):
        self._process.send(number)

    def _write_settings(self):
        settings = {"bind": "127.0.0.1", "port": self.port, "unixsocket": f'"{self.socket}"', "save": '""', "appendonly": "no",
                    "dir": f'"{self.folder}"', "daemonize": "no"}
        settings |= {"aclfile": f'"{self._write_users()}"'} if self.passwords else {"requirepass": f'"{self.password}"'}
        if self.tls:
            settings |= {"port": 0, "tls-port": self.port, "tls-ca-cert-file": self.tls.authority.file,
                         "tls-cert-file": self.tls.server.certificate, "tls-key-file": self.tls.server.key}
        settings |= self._settings
        self.configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self.configuration.chmod(0o600)
        own(self.configuration)

    def _write_users(self):
        users = self.folder / "users.acl"
        lines = [line + (f" >{self.passwords[name]}" if name in self.passwords else "")
                 for line in (ROOT / "config/users.acl").read_text().splitlines() for name in [line.split()[1]]]
        users.write_text("\n".join(lines) + "\n")
        users.chmod(0o600)
        own(users)
        return users

    @property
    def url(self):
        """The URL without user and password, which REDIS_PASSWORD or the configuration gives."""
        return f"{'rediss' if self.tls else 'redis'}://127.0.0.1:{self.port}/0"

    @property
    def password_file(self):
        """The password file of the worker's user, or of the user default."""
        return self.folder / "worker.password"

    def worker_settings(self):
        """Returns the [redis] section of a worker's configuration."""
        if not self.passwords:
            settings = {"url": self.url, "password": self.password}
        else:
            self.password_file.write_text(self.passwords["wc_worker"] + "\n")
            self.password_file.chmod(0o600)
            settings = {"url": self.url, "user": "wc_worker", "password_file": str(self.password_file)}
        if self.tls:
            settings |= {"tls_ca_file": str(self.tls.authority.file), "tls_cert_file": str(self.tls.client.certificate),
                         "tls_key_file": str(self.tls.client.key)}
        return settings

    def connect(self, user=None, **options):
        """Connects as the administrator, or as one of the users of config/users.acl."""
        if self.passwords:
            user = user or "admin"
            options = {"username": user, "password": self.passwords[user]} | options
        if self.tls:
            options = {"ssl": True, "ssl_ca_certs": str(self.tls.authority.file), "ssl_certfile": str(self.tls.client.certificate),
                       "ssl_keyfile": str(self.tls.client.key)} | options
        # A server that a failed test left stopped (SIGSTOP) must not block the tests after it.
        return redis.Redis(**({"host": "127.0.0.1", "port": self.port, "password": self.password,
                               "decode_responses": True, "socket_timeout": 60} | options))
