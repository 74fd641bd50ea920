"""The checks after a run: the cache agrees with the database, the queue is empty, and no lock or transaction is left."""

import re

import redis

from components import CHART, KINDS, PAGE, SUMMARY

SHOWN = 3  # disagreements to print at most
SAID_NOW = {SUMMARY: "wc_health_summary(id)::text", PAGE: "torture.page(id)", CHART: "wc_growth_chart(id)::text"}


def said_now(connection, kind, ids):
    sql = f"SELECT id, {SAID_NOW[kind]} FROM unnest(%s::text[]) AS id"
    return dict(connection.execute(sql, (ids,)).fetchall())


def disagreements(connection, servers):
    """Returns (number of compared values, [differences from the database]) of all these Redis."""
    compared = 0
    wrong = []
    for server in servers:
        with server.connect() as client:
            for kind in KINDS:
                for name, text, now in cached(connection, client, kind):
                    compared += 1
                    if text != now:
                        fence = client.get(name.removesuffix(kind) + "fence")
                        wrong.append(f"{name} is not what the database says; its fence: {fence}\n    cached:   {text}\n    database: {now}")
    return compared, wrong[:SHOWN] + ([f"and {len(wrong) - SHOWN} others"] if len(wrong) > SHOWN else [])


def differing_summaries(connection):
    """[summaries of PostgreSQL's shared memory that are not what its tables say]."""
    statement = "SELECT id, wc_health_summary(id)::text FROM students"
    connection.execute(statement)  # fills
    found = connection.execute(statement).fetchall()
    with connection.transaction():
        connection.execute("SET LOCAL white_cross.summary_cache = off")
        plain = dict(connection.execute(statement).fetchall())
    return [f"shared memory has another summary of {id}:\n    there:  {text}\n    tables: {plain[id]}" for id, text in found if text != plain[id]][:SHOWN]


def cached(connection, client, kind):
    """Yields (key, cached value, what the database says) of the values of this kind."""
    ending = f":{kind}"
    names = [name for name in client.scan_iter("student:*" + ending.replace("{}", "*"), count=1000) if name.endswith(ending)]
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.get(name)
    ids = {name: name[len("student:"):-len(ending)].strip("{}") for name in names}
    now = said_now(connection, kind, list(ids.values()))
    for name, text in zip(names, pipe.execute(raise_on_error=False)):
        # It has expired meanwhile, or lies in a slot that a node of a cluster does not serve: nobody can read it.
        if text is not None and not isinstance(text, redis.ResponseError):
            yield name, text, now[ids[name]]


LEFT = """
SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts
UNION ALL SELECT 'row in the queue: xid ' || xid FROM white_cross.invalidation
UNION ALL SELECT 'change that is set aside: ' || student || ', ' || reason FROM white_cross.set_aside
UNION ALL SELECT 'change that was never acknowledged: xid ' || xid FROM torture.ledger
UNION ALL SELECT 'lock: ' || concat_ws(' ', l.locktype, l.relation::regclass, l.mode, a.application_name) FROM pg_locks AS l
    LEFT JOIN pg_stat_activity AS a USING (pid)
    WHERE l.pid IS DISTINCT FROM pg_backend_pid() AND l.locktype NOT IN ('virtualxid', 'advisory')
UNION ALL SELECT 'drain locks: ' || count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted HAVING count(*) <> 1"""


def what_is_left(connection):
    """Returns [things that should not exist any more]."""
    return [text for text, in connection.execute(LEFT)]


def crashes_of_its_own(log):
    """Returns lines of PostgreSQL's log about crashes that the hand did not cause."""
    return [line for line in log.read_text(errors="replace").splitlines()
            if re.search(r"terminated by signal (?!9\b|15\b|3\b)\d+|PANIC|TRAP", line)]


def accusations(log):
    """Returns lines of a worker's log about stale values that its audit has found.  The judge decides what is stale."""
    return [line for line in log.read_text(errors="replace").splitlines() if re.search(r"error: audit: ", line)]
