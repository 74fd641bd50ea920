"""A private Redis: own port, own password, nothing saved to disk."""

import secrets
import signal

import redis

from .process import Process, ServerFailed, free_port, own, tail
from .waiting import until

STARTS = 5  # see cluster.py


class Redis:
    """Started when entered, stopped when left.  settings: redis.conf overrides, as a dict."""

    def __init__(self, ground, name="redis", settings=None):
        self.folder = ground.folder_for(name)
        self.log = self.folder / "redis.log"
        self.configuration = self.folder / "redis.conf"
        self.password = secrets.token_hex(12)
        self.port = None
        self._settings = settings or {}
        self._process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start, and wait until it answers.  The same port as before, if it had one."""
        for _ in range(STARTS):
            self.port = self.port or free_port()
            self._write_settings()
            self._process = Process(["redis-server", self.configuration], self.log)
            if self._ready():
                return
            self.port = None
        raise ServerFailed(f"redis-server did not start:\n{tail(self.log)}")

    def _ready(self):
        def answer():
            if not self._process.running():
                return "ended"
            try:
                with self.connect() as client:
                    return "ready" if client.ping() else None
            except redis.ConnectionError:
                return None

        if until(answer, 30, "redis-server to answer", 0.01) == "ready":
            return True
        if "Address already in use" in tail(self.log):
            return False
        self._process.check()

    def stop(self, number=signal.SIGTERM):
        if self._process:
            self._process.end(number)
            self._process = None

    def restart(self, number=signal.SIGTERM):
        """An empty Redis on the same port."""
        self.stop(number)
        self.start()

    def send(self, number):
        self._process.send(number)

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.running()

    def _write_settings(self):
        settings = {"bind": "127.0.0.1", "port": self.port, "requirepass": self.password, "save": '""',
                    "appendonly": "no", "dir": f'"{self.folder}"', "daemonize": "no"} | self._settings
        self.configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self.configuration.chmod(0o600)
        own(self.configuration)

    @property
    def url(self):
        """redis:// with neither name nor password; those go by REDIS_PASSWORD or the configuration."""
        return f"redis://127.0.0.1:{self.port}/0"

    def connect(self, **options):
        return redis.Redis(host="127.0.0.1", port=self.port, password=self.password, decode_responses=True, **options)
