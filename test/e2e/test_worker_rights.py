"""Least privilege, right by right: each that wc_grant_worker gives is one without which something that the worker does is refused by
name, and there is no other.  What the worker does is taken from a server that logged a worker's life.
"""

import csv
import re

import psycopg
import pytest

from refused_worker import IMPATIENT
from school import Cache, School
from servers import Cluster, Worker, until
from servers.worker import run_worker

pytestmark = pytest.mark.thorough

ROLE = School.worker_role
LOG = "log/all.csv"
# What a short life with one Redis does not need: it is asked of a cluster, of a queue that somebody holds, of a Redis that was lost, and by
# an auditor of opaque keys.
RARE = ["SELECT s.process, s.slots FROM white_cross.served_shards() AS s", "SELECT white_cross.serve_shards('{}', '{}')",
        "SELECT string_agg(h.who, '; ') FROM white_cross.holders('queue') AS h", "SELECT white_cross.distrust_cache()",
        "INSERT INTO white_cross.set_aside SELECT * FROM white_cross.set_aside", "DELETE FROM white_cross.set_aside WHERE false",
        "SELECT white_cross.unlock_drain()", "SELECT white_cross.other_redis('w', '127.0.0.1:1/0', 'r')", "SELECT white_cross.take_spans(1)",
        "SELECT i FROM white_cross.student_ids(NULL, 1) AS i",
        # of several Redis
        "SELECT white_cross.lock_target('t')", "SELECT white_cross.unlock_target('t')", "SELECT * FROM white_cross.look('{}', '0', 0, '0', 0, 1)",
        "SELECT * FROM white_cross.serve_target('t', 'p', false, 1)", "SELECT white_cross.vouch_target('t', 'p', '{}', '0', 1)",
        "SELECT white_cross.distrust_target('t')", "SELECT white_cross.forget_rows('t', '{}', '{}')", "SELECT white_cross.restamp_rows()",
        "SELECT white_cross.release_rows('0')", "SELECT white_cross.report_target('t', 'w', true, 1, '{}')",
        "SELECT * FROM white_cross.take_set_aside_of('t')", "SELECT white_cross.set_aside_for('t', '[]')"]
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


def test_wc_diagnose_names_each_right_that_is_missing(watched):
    """And its remedy, pasted, gives it back."""
    watched.sql("SELECT white_cross.unregister_worker('named'), white_cross.register_worker('named')")
    lacks = f"SELECT detail, remedy FROM wc_diagnose() WHERE \"check\" = 'worker' AND status = 'fail' AND detail LIKE 'role {ROLE} of wc-worker lacks %'"
    assert watched.rows(lacks) == []
    for kind, thing, privilege in watched.connection.execute(RIGHTS, {"role": ROLE}).fetchall():
        watched.sql(f"REVOKE {privilege} ON {kind} {thing} FROM {ROLE}")
        (detail, remedy), = watched.rows(lacks)
        # On one thing each, whose name is written as the server or as GRANT writes it.
        name = re.sub(r"\(.*", "", thing).rpartition(".")[2].strip('"')
        assert detail.count(" on ") == 1 and re.search(rf"lacks {privilege} on [\w .]*\b{name}\b", detail), (privilege, thing, detail)
        watched.psql(remedy)
        assert watched.rows(lacks) == []
    watched.sql("SELECT white_cross.unregister_worker('named')")


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


# What is tried on a relation, by its kind; a view's rows are only read, since PostgreSQL refuses the rest for other reasons.
ON_SEQUENCE = ["SELECT nextval('{name}')", "SELECT setval('{name}', 1)", "SELECT last_value FROM {name}"]
ON_VIEW = ["SELECT FROM {name} LIMIT 1"]
ON_TABLE = [*ON_VIEW, "INSERT INTO {name} DEFAULT VALUES", "UPDATE {name} SET {column} = NULL WHERE false", "DELETE FROM {name} WHERE false",
            "TRUNCATE {name}", "LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE", "ALTER TABLE {name} ADD COLUMN more integer", "DROP TABLE {name} CASCADE"]
TRIES = {"S": ON_SEQUENCE, "v": ON_VIEW, "r": ON_TABLE, "p": ON_TABLE}


def outcomes(school, statements):
    """{what: error}, None where there was none.  Whatever a statement does is taken back."""
    found = {}
    with school.cluster.connect(school.database, ROLE, prepare_threshold=None) as session:
        for what, statement in statements.items():
            session.execute("BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '2s'")
            try:
                session.execute(statement)
                found[what] = None
            except psycopg.Error as error:
                found[what] = error
            session.execute("ROLLBACK")
    return found


def test_every_relation_is_tried(watched):
    """Tables, views and sequences of every schema, and those of PostgreSQL's own that not everybody may read."""
    watched.sql("""CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO PUBLIC; CREATE TABLE elsewhere.grades (id serial PRIMARY KEY);
                   CREATE VIEW elsewhere.all_grades AS SELECT * FROM elsewhere.grades; CREATE TABLE public.payments (id serial PRIMARY KEY)""")
    relations = watched.rows("""
        SELECT c.oid::regclass::text, c.relkind, (SELECT quote_ident(a.attname) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = 1)
        FROM pg_class AS c WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S') AND c.relnamespace::regnamespace::text !~ '^pg_(toast|temp)'
          AND (c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
               OR NOT has_any_column_privilege('public', c.oid, 'SELECT') AND c.relkind <> 'S')""")
    assert {"students", "chronic_conditions", "payments", "payments_id_seq", "elsewhere.grades", "elsewhere.all_grades", "white_cross.binding",
            "pg_authid", "pg_statistic"} <= {name for name, _, _ in relations}
    statements = {(name, tried.format(name=name, column=column)): tried.format(name=name, column=column)
                  for name, kind, column in relations for tried in TRIES[kind]}
    done = {(name, statement.split()[0]) for (name, statement), error in outcomes(watched, statements).items() if error is None or error.sqlstate != "42501"}
    may = set(watched.rows("SELECT r.thing::regclass::text, r.privilege FROM white_cross.worker_rights() AS r WHERE r.kind = 'TABLE'"))
    may |= {(name, "SELECT") for name in ("students", "health_records", "allergies")}
    assert done == may | {(name, "LOCK") for name, privilege in may if privilege in ("UPDATE", "DELETE")}


def test_every_function_is_tried(watched):
    """All of the extension and of applications, and those of PostgreSQL's own that not everybody may call."""
    watched.sql("""CREATE FUNCTION public.secret_of(text) RETURNS text LANGUAGE sql SECURITY DEFINER RETURN $1;
                   REVOKE ALL ON FUNCTION public.secret_of FROM PUBLIC""")
    # NULLs out of a subquery: the planner would never look at a strict function of a constant NULL.
    functions = watched.rows("""
        SELECT p.oid::regprocedure::text, p.proname,
               format('SELECT %s.%I(%s) FROM (SELECT 1 AS one%s OFFSET 0) AS x', p.pronamespace::regnamespace, p.proname,
                      string_agg(CASE WHEN p.provariadic <> 0 AND n = p.pronargs THEN 'VARIADIC ' ELSE '' END || 'x.a' || n, ', ' ORDER BY n),
                      string_agg(format(', NULL::%s AS a%s', CASE t.typtype WHEN 'p' THEN CASE WHEN t.typname ~ 'array' THEN 'text[]' ELSE 'text' END
                                                              ELSE format_type(t.oid, NULL) END, n), '' ORDER BY n) FILTER (WHERE n > 0)),
               EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0),
               p.oid IN (SELECT r.thing::regprocedure FROM white_cross.worker_rights() AS r WHERE r.kind = 'FUNCTION'), p.prosecdef
        FROM pg_proc AS p LEFT JOIN LATERAL unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, n) ON true LEFT JOIN pg_type AS t ON t.oid = a.type
        WHERE p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) AND 'internal'::regtype <> ALL (p.proargtypes::oid[])
          AND (p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
               OR NOT EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0))
        GROUP BY p.oid""")
    calls = {signature: call for signature, _, call, *_ in functions}
    assert len(calls) > 150 and {"secret_of(text)", "pg_read_file(text)", "pg_ls_dir(text)", "white_cross.invalidate_all()", "wc_diagnose()"} <= set(calls)
    found = outcomes(watched, calls)
    refused = {signature for signature, name, *_ in functions if found[signature] and f"permission denied for function {name}" == found[signature].diag.message_primary}
    assert set(calls) - refused == {signature for signature, _, _, is_public, is_given, _ in functions if is_public or is_given}
    assert not [signature for signature, _, _, is_public, _, is_definer in functions if is_public and is_definer], "everybody may act as the owner"
    # A call that was no call, for the want of a function with these arguments, would prove nothing.
    assert not {signature for signature, error in found.items() if error and error.sqlstate in ("42883", "42725", "42601", "42804")}


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
