"""The servers that are tortured: PostgreSQL with the relay and a hot standby, a Redis of each kind, and two workers that share the work."""

from contextlib import ExitStack
from pathlib import Path

import components
from components import ALLERGY_MOVERS, COLD, COMPONENTS, FIRST_MOVER, HOT, LABEL, NOTES, RECORD_MOVERS, TRUNCATED
from servers import Cluster, Proxy, Worker, until
from stores import KINDS

DATABASE = "district"

# Times are short, so that fences expire within a run; counts are small, so that limits are reached.
FENCE_SECONDS = 8
# One per worker: the second worker reaches its limit, and then fences all students.
FENCE_LIMITS = (50_000, 1_000)
WORKER_SETTINGS = {
    "worker": {"name": "torture"},
    "postgres": {"pool_max": 2, "connection_timeout_ms": 2000, "statement_timeout_ms": 10000},
    "queue": {"batch_students": 150, "takeover_interval_ms": 200, "heartbeat_s": 2},
    "invalidate": {"fence_ttl_s": FENCE_SECONDS, "alive_ttl_ms": 2000},
    "backoff": {"longest_ms": 500},
    "audit": {"rate_per_s": 50},
    "log": {"level": "info"},
}


def worker_settings(fence_limit, redis):
    return WORKER_SETTINGS | {"invalidate": WORKER_SETTINGS["invalidate"] | {"fence_limit": fence_limit}, "redis": redis}


class Arena:
    """redis: its kind, of stores.KINDS."""

    def __init__(self, ground, redis="one"):
        self._ground = ground
        self._stack = ExitStack()
        self.store = KINDS[redis](ground)
        components.cluster_keys = self.store.cluster_keys
        self.networks = []  # proxies between workers and servers

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _start(self):
        enter = self._stack.enter_context
        self.cluster = enter(Cluster(self._ground, settings={
            "shared_preload_libraries": "$libdir/white_cross", "max_connections": 80, "max_prepared_transactions": 20,
            # a commit that does not wait for the disk can be lost for longer
            "wal_writer_delay": "2s", "deadlock_timeout": "200ms", "autovacuum_naptime": "5s"}))
        self.cluster.create_database(DATABASE)
        self.cluster.psql_file(Path(__file__).with_name("arena.sql"), DATABASE, hot=HOT, cold=COLD,
                               allergy_movers=ALLERGY_MOVERS, record_movers=RECORD_MOVERS)
        self.standby = enter(Cluster(self._ground, "standby", primary=self.cluster, settings={
            "recovery_min_apply_delay": "250ms", "wal_retrieve_retry_interval": "300ms", "max_standby_streaming_delay": "1s",
            "max_connections": 80, "max_prepared_transactions": 20}))
        self.store.start(enter)
        with self.cluster.connect(DATABASE) as connection:
            connection.execute(f"ALTER DATABASE {DATABASE} SET white_cross.cluster_keys = {str(self.store.cluster_keys).lower()}")
            connection.execute(f"CREATE ROLE wc_worker LOGIN PASSWORD '{self.cluster.password}'")
            connection.execute("SELECT wc_grant_worker('wc_worker')")
            self.workers = [enter(self._worker(n, limit)) for n, limit in enumerate(FENCE_LIMITS, 1)]
            until(lambda: self.is_quiet(connection), 30, "the first worker to be registered")

    def _worker(self, n, fence_limit):
        """Starts a worker with a proxy of its own to PostgreSQL, and to Redis where that is one."""
        postgresql = self._stack.enter_context(Proxy(lambda: self.cluster.port))
        self.networks.append(postgresql)
        redis = self.store.settings_of_a_worker(self._stack.enter_context, self.networks)
        url = f"postgresql://wc_worker:{self.cluster.password}@127.0.0.1:{postgresql.port}/{DATABASE}"
        return Worker(self._ground, url, self.store.server, f"worker-{n}", settings=worker_settings(fence_limit, redis))

    @property
    def dsn(self):
        return self.cluster.dsn(DATABASE)

    @property
    def standby_dsn(self):
        return self.standby.dsn(DATABASE)

    @staticmethod
    def is_quiet(connection):
        """Whether a worker is registered and all committed changes have been acknowledged."""
        return connection.execute("SELECT EXISTS (SELECT FROM white_cross.worker) AND NOT EXISTS (SELECT FROM white_cross.invalidation) "
                                  "AND NOT EXISTS (SELECT FROM white_cross.set_aside)").fetchone()[0]

    def first_floors(self, board):
        """Sets the floors to the versions that the tables have at the beginning."""
        from judge import IN_FORCE
        with self.cluster.connect(DATABASE) as connection:
            for component, version in connection.execute(IN_FORCE):
                board.floors[component] = version
            label, = connection.execute('SELECT torture.version_of((enum_range(NULL::"AllergySeverity"))[1]::text)').fetchone()
        board.floors[LABEL] = label
        assert all(board.floors[:FIRST_MOVER]) and not any(board.floors[n] for n in (NOTES, TRUNCATED)), COMPONENTS
