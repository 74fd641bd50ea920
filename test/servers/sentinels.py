"""Real Sentinels that watch over a Redis, and its replica that may take its place."""

import secrets

import redis

from .process import Process, ServerFailed, free_port, own, tail
from .redis_server import Redis
from .server import Server
from .waiting import until

STARTS = 5  # see cluster.py
MASTER = "district"


class Sentinel(Server):
    """One of them.  `with` starts and stops it."""

    def __init__(self, ground, name, master, password, quorum):
        self.folder = ground.folder_for(name)
        self.log = self.folder / "sentinel.log"
        self.configuration = self.folder / "sentinel.conf"
        self.password = password
        self.port = None
        self._master, self._quorum = master, quorum

    def start(self):
        for _ in range(STARTS):
            # It writes into this file what it learns, and reads that when it comes back.
            if self.port is None:
                self.port = free_port()
                self._write_settings()
            self._process = Process(["redis-server", self.configuration, "--sentinel"], self.log)
            if until(lambda: self.answers() or not self._process.running(), 30, "a Sentinel to answer", 0.01) and self.answers():
                return
            self.port = None
        raise ServerFailed(f"a Sentinel did not start:\n{tail(self.log)}")

    def _write_settings(self):
        self.configuration.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndaemonize no\ndir \"{self.folder}\"\nrequirepass {self.password}\n"
            f"sentinel sentinel-pass {self.password}\n"
            f"sentinel monitor {MASTER} 127.0.0.1 {self._master.port} {self._quorum}\n"
            f"sentinel auth-pass {MASTER} {self._master.password}\n"
            f"sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 3000\n")
        self.configuration.chmod(0o600)
        own(self.configuration)

    def connect(self, **options):
        return redis.Redis(port=self.port, password=self.password, **{"decode_responses": True, "socket_timeout": 5} | options)

    def answers(self):
        try:
            with self.connect() as client:
                return client.ping()
        except redis.RedisError:
            return False

    def knows_all(self, others):
        """Whether it has met the replica and the other Sentinels, so that a failover may begin."""
        with self.connect() as client:
            state = client.sentinel_master(MASTER)
            return state["num-slaves"] >= 1 and state["num-other-sentinels"] >= others

    def master(self):
        """The port of the server that it names."""
        with self.connect() as client:
            return int(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])


class Trio(Server):
    """Three Sentinels, a master and its replica.  `with` starts them, waits until they know each other, and stops them."""

    def __init__(self, ground, name="trio"):
        password = secrets.token_hex(12)
        # A wish of Sentinel's is that a master can become a replica.
        settings = {"masterauth": password, "repl-diskless-sync-delay": 0}
        self.first = Redis(ground, f"{name}-redis-1", settings, password=password)
        self.second = Redis(ground, f"{name}-redis-2", settings, password=password)
        self.password = secrets.token_hex(12)
        self.password_file = self.first.folder / "sentinel.password"
        self.sentinels = []
        self._make = lambda number: Sentinel(ground, f"{name}-sentinel-{number}", self.first, self.password, 2)

    def start(self):
        self.first.start()
        self.second.start(replicaof=f"127.0.0.1 {self.first.port}")
        with self.second.connect() as client:
            until(lambda: client.info("replication")["master_link_status"] == "up", 30, "the replica to have all")
        for number in range(3):
            self.sentinels.append(self._make(number))
            self.sentinels[-1].start()
        until(lambda: all(sentinel.knows_all(2) for sentinel in self.sentinels), 30, "the Sentinels to know each other")

    def stop(self, number=None):
        for server in [*self.sentinels, self.second, self.first]:
            server.stop()

    def until_promoted(self, server):
        until(lambda: all(sentinel.master() == server.port for sentinel in self.sentinels), 30, "the Sentinels to name the other")

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER}"

    def worker_settings(self):
        self.password_file.write_text(self.password + "\n")
        self.password_file.chmod(0o600)
        return {"url": self.url, "password": self.first.password, "sentinel_password_file": str(self.password_file), "timeout_ms": 500}
