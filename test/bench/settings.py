"""What settings of config/postgresql.conf change: each with its default and with the value of the file, in turns.

By queries, since direct reads ask neither the planner nor for work_mem.  shared_buffers needs a server of each kind: the small one is a
copy of the other, so that both have the same blocks.  gin_pending_list_limit is set for the index of words, which then gets new records:
their words wait in a list that each search reads, direct ones too, until the list is full or somebody vacuums.
"""

import contextlib
import statistics

import search
from district import in_turns, table
from servers import Cluster

SESSIONS = {
    "random_page_cost": ("4", "1.1"),
    "work_mem": ("4MB", "16MB"),
}
BUFFERS = ("128MB", "1GB")
PENDING_KB = {"4MB": 4096, "1MB": 1024}
NEW_RECORDS = """WITH made AS (
    INSERT INTO health_records (id, type, date, description, notes, provider, "studentId")
    SELECT 'new-' || id, type, date, description, notes, provider, "studentId" FROM health_records ORDER BY id LIMIT %s RETURNING id)
SELECT count(*) FROM made"""
INDEX_OF_WORDS = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'health_records'::regclass AND pg_get_indexdef(indexrelid) LIKE '%to_tsvector%'"
# What: the statement, for student number %(n)s.
STATEMENTS = {
    "summaries of 100": "SELECT count(*) FROM (SELECT wc_health_summary(id) FROM students ORDER BY md5(id || %(n)s) LIMIT 100 OFFSET 0) AS s",
    "search, a common word": "SELECT wc_search_health_records('class')",
    "search, two words": "SELECT wc_search_health_records('sore throat')",
    "search, a last name": "SELECT wc_search_health_records('garcia')",
    "export of 30": """SELECT count(*) FROM (SELECT wc_export_health_histories(ARRAY(SELECT id FROM students ORDER BY md5(id || %(n)s) LIMIT 30))) AS e""",
}


def in_sessions(connections, rounds, times):
    """{what: {value: milliseconds}} of sessions that differ in one setting, by its value."""
    return {what: in_turns({value: lambda c=connection: search.milliseconds(c, [statement], {"n": "1"}, times)
                            for value, connection in connections.items()}, rounds)
            for what, statement in STATEMENTS.items()}


def sessions(stack, cluster, database, *options):
    return stack.enter_context(cluster.connect(database, options=" ".join(f"-c {option}" for option in ("white_cross.direct_reads=off", *options))))


def with_new_records(connection, limit_kb, count, times):
    """Milliseconds of an insert of a thousand, and of searches behind it."""
    index = connection.execute(INDEX_OF_WORDS).fetchone()[0]
    connection.execute("DELETE FROM health_records WHERE id LIKE 'new-%'")
    connection.execute("VACUUM health_records")
    connection.execute(f"ALTER INDEX {index} SET (gin_pending_list_limit = {limit_kb})")
    inserted = search.milliseconds(connection, [NEW_RECORDS], [count], 1)
    return {"insert of 1,000 records": inserted * 1000 / count,
            "search, a rare word": search.milliseconds(connection, ["SELECT wc_search_health_records('anaphylaxis')"], None, times),
            "search, a common word": search.milliseconds(connection, ["SELECT wc_search_health_records('class')"], None, times)}


def with_pending_lists(district, rounds, count, times):
    """{what: {limit: milliseconds}}"""
    found = {}
    with district.cluster.connect(district.database) as connection:
        for _ in range(rounds):
            for limit, limit_kb in PENDING_KB.items():
                for what, spent in with_new_records(connection, limit_kb, count, times).items():
                    found.setdefault(what, {}).setdefault(limit, []).append(spent)
        connection.execute("DELETE FROM health_records WHERE id LIKE 'new-%'")
    return {what: {limit: statistics.median(spent) for limit, spent in by.items()} for what, by in found.items()}


def show(name, found):
    print(f"\nmilliseconds by {name}")
    values = list(next(iter(found.values())))
    table(["", *values, "times as fast"], [[what, *by.values(), by[values[0]] / by[values[1]]] for what, by in found.items()])


def measure(district, quick):
    district.cluster.psql(f"{search.INDEXES}\n{search.RARE};\nVACUUM ANALYZE;", district.database)
    rounds, times = (1, 2) if quick else (5, 7)
    results = {}
    for name, values in SESSIONS.items():
        with contextlib.ExitStack() as stack:
            results[name] = in_sessions({value: sessions(stack, district.cluster, district.database, f"{name}={value}") for value in values}, rounds, times)
        show(name, results[name])
    with contextlib.ExitStack() as stack:
        small = stack.enter_context(Cluster(district.ground, "small-buffers", {"shared_buffers": BUFFERS[0], "shared_preload_libraries": "$libdir/white_cross",
                                                                              "white_cross.summary_cache": "off"}, primary=district.cluster))
        servers = dict(zip(BUFFERS, (small, district.cluster)))
        results["shared_buffers"] = in_sessions({value: sessions(stack, server, district.database) for value, server in servers.items()}, rounds, times)
    show("shared_buffers", results["shared_buffers"])
    results["gin_pending_list_limit"] = with_pending_lists(district, rounds, 2_000 if quick else 15_000, times)
    show("gin_pending_list_limit", results["gin_pending_list_limit"])
    return results
