"""What it costs to be watched: the same statements on two servers, of which one counts calls and has a worker that looks and reports.

Both servers have the same students, and their statements take turns in slices.
"""

import contextlib

from district import HERE, table
from servers import Cluster, Receiver, Redis, Worker, until
from slices import a_second, share, slices

STUDENTS = 2_000
SUMMARY = "SELECT wc_health_summary($1)"
INSERT = """INSERT INTO allergies (id, allergen, severity, "studentId") VALUES (gen_random_uuid()::text, 'Peanuts', 'MILD', $1) RETURNING 1"""
# A commit does not wait for the disk, whose time would hide the cost.
TRACEPARENT = "SET synchronous_commit = off; SET white_cross.traceparent = '{}'"
TRACED = TRACEPARENT.format("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
UNWATCHED, WATCHED, IN_A_TRACE = "unwatched", "watched", "watched, each call in a trace"


@contextlib.contextmanager
def server(ground, name, databases, worker_settings):
    """A server with students, and a worker that drains. Its connection string."""
    with Cluster(ground, f"{name}-pg", {
            "fsync": "on", "shared_buffers": "256MB", "shared_preload_libraries": "$libdir/white_cross", "white_cross.summary_cache": "off",
            "white_cross.track_databases": databases}) as cluster, Redis(ground, f"{name}-redis") as redis:
        cluster.create_database(name)
        cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public', indexes => false);", name)
        cluster.psql_file(HERE.parents[1] / "demo/students.sql", name, students=STUDENTS)
        cluster.psql("SELECT wc_index_statements('public', false) \\gexec\nSELECT wc_attach('public'); VACUUM ANALYZE; CHECKPOINT;", name)
        settings = {"log": {"level": "warning"}} | worker_settings
        with Worker(ground, cluster.dsn(name), redis, name, settings=settings) as worker:
            until(worker.healthy, 60, "the worker to drain")
            yield cluster.dsn(name)


@contextlib.contextmanager
def both(ground):
    with Receiver() as receiver:
        looks = {"otlp": {"endpoint": receiver.url}, "audit": {"rate_per_s": 1}, "destinations": {"interval_s": 5}}
        with server(ground, "watched", 4, looks) as watched, \
                server(ground, "unwatched", 0, {"performance": {"enabled": False}}) as unwatched:
            yield watched, unwatched


def measure(district, quick):
    seconds = 8 if quick else 40
    results = {}
    with both(district.ground) as (watched, unwatched):
        for what, statement in ("summaries", SUMMARY), ("inserts", INSERT):
            statements = {UNWATCHED: (TRACEPARENT.format(""), statement, unwatched),
                          WATCHED: (TRACEPARENT.format(""), statement, watched),
                          IN_A_TRACE: (TRACED, statement, watched)}
            for clients in (1, 2):
                found = slices(district.cluster.environment(district.database), clients, seconds, STUDENTS, statements)
                results[f"{what}, {clients}"] = {
                    name: {"a second": a_second(found, name), "of unwatched": share(found, name, UNWATCHED),
                           "server us": found[name]["server us"]} for name in found}
    print("of what the unwatched server does, medians of rounds of alternating slices; clients")
    table(["", *results], [[name, *[f"{found[name]['of unwatched']:.4f}" for found in results.values()]] for name in statements])
    print("microseconds of the server's CPU for each")
    table(["", *results], [[name, *[found[name]["server us"] for found in results.values()]] for name in statements])
    return results
