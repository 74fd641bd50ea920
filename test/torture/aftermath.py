"""The checks after a run: the cache agrees with the database, the queue is empty, and no lock or transaction is left."""

import re

from components import CHART, KINDS, PAGE, SUMMARY, key
from servers import library

SHOWN = 3  # disagreements to print at most
SAID_NOW = {SUMMARY: "wc_health_summary(id)::text", PAGE: "torture.page(id)", CHART: "wc_growth_chart(id)::text"}


def said_now(connection, kind, ids):
    sql = f"SELECT id, {SAID_NOW[kind]} FROM unnest(%s::text[]) AS id"
    return dict(connection.execute(sql, (ids,)).fetchall())


def disagreements(connection, client):
    """Returns (number of compared values, [differences from the database])."""
    compared = 0
    wrong = []
    for kind in KINDS:
        ending = key("", kind)[len("student:s"):]
        names = [name for name in client.scan_iter("student:*" + ending.replace("{}", "*"), count=1000)
                 if name.endswith(ending)]
        cached = dict(zip(names, client.mget(names))) if names else {}
        ids = {name: name[len("student:"):-len(ending)] for name in names}
        now = said_now(connection, kind, list(ids.values()))
        for name, text in cached.items():
            if text is None:
                continue  # it has expired meanwhile
            compared += 1
            if text != now[ids[name]]:
                fence = client.get(f"student:{ids[name]}:fence")
                wrong.append(f"{name} is not what the database says; its fence: {fence}, the epoch: {client.get(library.EPOCH)}"
                             f"\n    cached:   {text}\n    database: {now[ids[name]]}")
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


LEFT = """
SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts
UNION ALL SELECT 'row in the queue: xid ' || xid FROM white_cross.invalidation
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
