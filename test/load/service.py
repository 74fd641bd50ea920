"""The whole service on private servers: PostgreSQL with a district, PgBouncer, Redis, worker, and the API of examples/api."""

import contextlib
from pathlib import Path

from servers import Api, Cluster, PgBouncer, Redis, Worker, until
from servers.pgbouncer import example_settings

ROOT = Path(__file__).resolve().parents[2]
RIGHTS = """
CREATE ROLE wc_api LOGIN;
ALTER ROLE wc_api SET statement_timeout = '5s';
GRANT SELECT ON students, health_records, allergies, chronic_conditions TO wc_api;
GRANT INSERT ON health_records TO wc_api;
CREATE ROLE wc_worker LOGIN;
SELECT wc_grant_worker('wc_worker');
"""


class Service(contextlib.ExitStack):
    """`with` starts all of it.  Commits wait for the disk, as in production."""

    database = "district"

    def __init__(self, ground, students, say):
        super().__init__()
        self._ground = ground
        self._students = students
        self._say = say

    def __enter__(self):
        super().__enter__()
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self):
        self.cluster = self.enter_context(Cluster(self._ground, settings={
            "fsync": "on", "shared_buffers": "512MB", "max_wal_size": "4GB", "shared_preload_libraries": "$libdir/white_cross", "max_connections": 60}))
        self.redis = self.enter_context(Redis(self._ground, access=True))
        self._say(f"loading {self._students:,} students with about 40 records each")
        self.cluster.create_database(self.database)
        self.cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public', indexes => false);", self.database)
        self.cluster.psql_file(ROOT / "demo/students.sql", self.database, students=self._students)
        self.cluster.psql("SELECT wc_index_statements('public', false) \\gexec\nSELECT wc_attach('public');" + RIGHTS, self.database)
        self.cluster.psql("VACUUM ANALYZE; CHECKPOINT;", self.database)
        self.pooler = self.enter_context(PgBouncer(self._ground, self.cluster, ["wc_api"], settings=example_settings() | {"min_pool_size": 2}))
        self.worker = self.enter_context(Worker(self._ground, self.cluster.dsn(self.database, "wc_worker"), self.redis, settings={
            "audit": {"rate_per_s": 20}, "log": {"level": "warning"}}))
        with self.redis.connect("admin") as client:
            until(lambda: client.exists("wc:alive"), 60, "the worker to renew liveness")
        self.api = self.enter_context(Api(
            self._ground, f"postgresql://wc_api@127.0.0.1:{self.pooler.port}/{self.database}",
            f"redis://wc_application:{self.redis.passwords['wc_application']}@127.0.0.1:{self.redis.port}", self.worker.url))

    def students_asked_for(self, count):
        """[(id, how many records of the type CHECKUP)] of those that users ask for, in an order that has nothing to do with the tables'."""
        with self.cluster.connect(self.database) as connection:
            return connection.execute(
                """SELECT s.id, (SELECT count(*) FROM health_records AS r WHERE r."studentId" = s.id AND r.type = 'CHECKUP')
                   FROM (SELECT id FROM students ORDER BY md5(id) LIMIT %s) AS s ORDER BY md5(s.id)""", [count]).fetchall()

    def size(self):
        """Returns the bytes of the database, with its indexes."""
        with self.cluster.connect(self.database) as connection:
            return connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]

    def audit(self):
        return {what: int(self.worker.audited(what)) for what in ("checked", "stale")}
