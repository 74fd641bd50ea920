"""What three settings of config/postgresql.conf change: each with its default and with the value of the file, in turns.

By queries, since direct reads ask neither the planner nor for work_mem.  shared_buffers needs a server of each kind: the small one is a
copy of the other, so that both have the same blocks.
"""

import contextlib

import search
from district import in_turns, table
from servers import Cluster

SESSIONS = {
    "random_page_cost": ("4", "1.1"),
    "work_mem": ("4MB", "16MB"),
}
BUFFERS = ("128MB", "1GB")
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


def show(name, found):
    print(f"\nmilliseconds by {name}")
    values = list(next(iter(found.values())))
    table(["", *values, "times as fast"], [[what, *by.values(), by[values[0]] / by[values[1]]] for what, by in found.items()])


def measure(district, quick):
    district.cluster.psql(f"{search.INDEXES}\nVACUUM ANALYZE;", district.database)
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
    return results
