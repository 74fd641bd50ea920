"""Least privilege, right by right: each that wc_grant_worker gives is one without which something that the worker does is refused by
name, and there is no other.  What the worker does is taken from a server that logged a worker's life.
"""

import csv
import re

import psycopg
import pytest

from school import Cache, School
from servers import Cluster, Worker, until
from servers.worker import run_worker
from test_redis_refusals import IMPATIENT

pytestmark = pytest.mark.thorough

ROLE = School.worker_role
LOG = "log/all.csv"
# What a short life with one Redis does not need: it is asked of a cluster, of a queue that somebody holds, of a Redis that was lost, and by
# an auditor of opaque keys.
RARE = ["SELECT s.process, s.slots FROM white_cross.served_shards() AS s", "SELECT white_cross.serve_shards('{}', '{}')",
        "SELECT string_agg(h.who, '; ') FROM white_cross.holders('queue') AS h", "SELECT white_cross.distrust_cache()",
        "INSERT INTO white_cross.set_aside SELECT * FROM white_cross.set_aside", "DELETE FROM white_cross.set_aside WHERE false",
        "SELECT white_cross.unlock_drain()", "SELECT white_cross.other_redis('w', '127.0.0.1:1/0', 'r')", "SELECT white_cross.take_spans(1)",
        "SELECT i FROM white_cross.student_ids(NULL, 1) AS i"]
RIGHTS = """
SELECT 'SCHEMA', quote_ident(n.nspname), a.privilege_type FROM pg_namespace AS n, aclexplode(n.nspacl) AS a WHERE a.grantee = %(role)s::regrole
UNION ALL SELECT 'TABLE', c.oid::regclass::text, a.privilege_type FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE a.grantee = %(role)s::regrole
UNION ALL SELECT 'FUNCTION', p.oid::regprocedure::text, a.privilege_type FROM pg_proc AS p, aclexplode(p.proacl) AS a WHERE a.grantee = %(role)s::regrole
ORDER BY 1, 2, 3"""


# ---- PostgreSQL ----

@pytest.fixture(scope="module")
def watched(ground):
    """A server that logs every statement of the worker's role."""
    settings = {"shared_preload_libraries": "$libdir/white_cross", "logging_collector": "on", "log_destination": "csvlog", "log_directory": "log",
                "log_filename": "all.log"}
    with Cluster(ground, "watched-pg", settings) as cluster:
        cluster.create_database("school")
        with School(cluster, "school") as school:
            school.attach()
            school.allow_worker()
            # Not by PUBLIC: the worker has what it was given.
            school.sql(f"ALTER ROLE {ROLE} SET log_statement = 'all'; REVOKE ALL ON SCHEMA public FROM PUBLIC")
            school.sql(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
            yield school


@pytest.fixture(scope="module")
def said(watched, ground, redis_server):
    """The statements of a worker's life, each once, in their order."""
    with redis_server.connect() as client:
        client.flushall()
        settings = {"prewarm": {"save_interval_s": 1}, "performance": {"slow_ms": 1}, "queue": {"poll_interval_ms": 50}, "audit": {"rate_per_s": 100}}
        with Worker(ground, watched.worker_dsn, redis_server, "watched-worker", settings=settings) as worker:
            cache = Cache(client, watched)
            ada = watched.add_student("ada")
            cache.until_drained()
            until(lambda: cache.load(ada) == 1, 10, "a fill")
            watched.add_allergy(ada)
            until(lambda: cache.summary(ada) and cache.is_current(ada), 10, "the new summary")
            until(lambda: watched.one("SELECT count(*) FROM white_cross.hot_student") == 1, 10, "the hot list to be saved")
            until(lambda: worker.get("/api/admin/status")[0] == 200 and "wc_diagnose()" in (watched.cluster.data / LOG).read_text(), 30, "a look at the database")
        worker.restart()
        assert worker.stop() == 0 and run_worker("--config", worker.configuration, "--unregister").returncode == 0
    with open(watched.cluster.data / LOG, newline="") as log:
        lines = [row[13] for row in csv.reader(log) if row[1] == ROLE and row[13].startswith("statement: ")]
    return list(dict.fromkeys(line.removeprefix("statement: ") for line in lines))


def refusals(school, said):
    """The refusals of the worker's statements, each in a transaction that is taken back."""
    refused = set()
    with school.cluster.connect(school.database, ROLE, autocommit=True, prepare_threshold=None) as session:
        session.execute("SET lock_timeout = '2s'")
        for statement in [*said, *RARE]:
            statement = re.sub(r"^BEGIN;\s*", "", statement)
            is_kept = statement.startswith("PREPARE")
            try:
                session.execute(statement if is_kept else f"BEGIN; {statement}")
            except psycopg.Error as error:
                if error.sqlstate == "42501":
                    refused.add(error.diag.message_primary)
            if session.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                session.execute("ROLLBACK")
    return refused


def test_each_right_is_one_that_the_worker_needs(watched, said):
    assert len(said) > 15 and refusals(watched, said) == set()
    rights = watched.connection.execute(RIGHTS, {"role": ROLE}).fetchall()
    assert len(rights) > 30
    too_much = {}
    for kind, thing, privilege in rights:
        watched.sql(f"REVOKE {privilege} ON {kind} {thing} FROM {ROLE}")
        found = refusals(watched, said)
        watched.sql(f"GRANT {privilege} ON {kind} {thing} TO {ROLE}")
        name = re.sub(r"\(.*", "", thing).rpartition(".")[2].strip('"')
        if not any(name in message for message in found):
            too_much[f"{privilege} on {thing}"] = found
    assert not too_much, "nothing fails without it, or nothing that names it"


def test_it_has_no_other_right(watched):
    """Of all that there is in the database: its own, and what PUBLIC has."""
    held = watched.connection.execute(RIGHTS, {"role": ROLE}).fetchall()
    tables = {(thing, privilege) for kind, thing, privilege in held if kind == "TABLE"}
    may = watched.rows("""SELECT c.oid::regclass::text, p.name FROM pg_class AS c CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p (name)
                          WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
                            AND has_table_privilege(%s, c.oid, p.name)""", ROLE)
    assert set(may) == tables
    assert not {thing for thing, _ in tables} & {"chronic_conditions", "white_cross.binding", "white_cross.worker", "white_cross.worker_report"}
    functions = {thing for kind, thing, _ in held if kind == "FUNCTION"}
    assert {name for name, in watched.rows("""SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
                                               AND has_function_privilege(%s, p.oid, 'EXECUTE') AND NOT EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
                                                                                                              WHERE a.grantee = 0)""", ROLE)} == functions
    assert watched.one("SELECT NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls) FROM pg_roles WHERE rolname = %s", ROLE)
    assert watched.one("SELECT count(*) FROM pg_auth_members WHERE member = %s::regrole", ROLE) == 0
    assert not watched.one("SELECT has_schema_privilege(%s, 'white_cross', 'CREATE') OR has_schema_privilege(%s, 'public', 'CREATE')", ROLE, ROLE)


# Without these it cannot work at all, and says so; what is refused otherwise is a part.
ESSENTIAL = {"EXECUTE ON FUNCTION white_cross.lock_drain(boolean, boolean)": "lock_drain", "EXECUTE ON FUNCTION white_cross.register_worker(text)": "register_worker",
             "EXECUTE ON FUNCTION white_cross.take(xid8[], xid8, integer, xid8, integer, bigint)": "take", "USAGE ON SCHEMA white_cross": "white_cross",
             "SELECT ON TABLE white_cross.invalidation": "invalidation", "DELETE ON TABLE white_cross.invalidation": "invalidation",
             "DELETE ON TABLE white_cross.set_aside": "set_aside", "EXECUTE ON FUNCTION white_cross.serve_redis(text)": "serve_redis"}


@pytest.mark.parametrize("right", ESSENTIAL)
def test_a_worker_without_a_right_says_which_until_it_has_it(watched, ground, redis_server, right):
    with redis_server.connect() as client:
        client.flushall()
    watched.sql("SELECT white_cross.unregister_worker('w')")
    watched.sql(f"REVOKE {right} FROM {ROLE}")
    worker = Worker(ground, watched.worker_dsn, redis_server, "w", settings=IMPATIENT)
    try:
        worker.start(wait=False)
        until(lambda: (answer := worker.get("/healthz"))[0] == 503 and "no rights" in answer[1], 20, "the state of no rights")
        body = worker.get("/healthz")[1]
        assert "permission denied" in body and ESSENTIAL[right] in body
        watched.sql(f"SELECT wc_grant_worker('{ROLE}')")
        until(worker.healthy, 20, "the worker to be healthy")
    finally:
        watched.sql(f"SELECT wc_grant_worker('{ROLE}')")
        worker.stop()
