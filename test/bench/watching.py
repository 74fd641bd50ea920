"""What it costs to be watched: the same statements on two servers, of which one counts calls and has a worker that looks and reports.

The servers have the same students, and their statements take turns in slices.  Two servers with the same settings differ too, by
where their memory happens to lie: a third one, unwatched like the first, shows by how much.  All are started anew a few times.
"""

import contextlib
import statistics

from district import HERE, table
from servers import Cluster, Receiver, Redis, Worker, until
from slices import a_second, share, slices

STUDENTS = 2_000
SUMMARY = "SELECT wc_health_summary($1)"
INSERT = """INSERT INTO allergies (id, allergen, severity, "studentId") VALUES (gen_random_uuid()::text, 'Peanuts', 'MILD', $1) RETURNING 1"""
# A commit does not wait for the disk, whose time would hide the cost.
TRACEPARENT = "SET synchronous_commit = off; SET white_cross.traceparent = '{}'"
TRACED = TRACEPARENT.format("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
UNWATCHED, CONTROL, WATCHED, IN_A_TRACE = "unwatched", "unwatched, another server", "watched", "watched, each call in a trace"
STARTS = 5


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
def servers_of(ground, start):
    """{name of a contender: connection string}.  Which server starts first changes from start to start."""
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        looks = {"otlp": {"endpoint": receiver.url}, "audit": {"rate_per_s": 1}, "destinations": {"interval_s": 5}}
        nobody_looks = {"performance": {"enabled": False}}
        plan = [(UNWATCHED, "unwatched", 0, nobody_looks), (WATCHED, "watched", 4, looks), (CONTROL, "control", 0, nobody_looks)]
        plan = plan[start % 3:] + plan[:start % 3]
        yield {contender: stack.enter_context(server(ground, f"{name}{start}", databases, settings))
               for contender, name, databases, settings in plan}


def one_start(district, start, seconds):
    """{what, clients: {contender: figures}}"""
    found = {}
    with servers_of(district.ground, start) as connections:
        for what, statement in ("summaries", SUMMARY), ("inserts", INSERT):
            statements = {name: (TRACEPARENT.format(""), statement, connections[name]) for name in (UNWATCHED, CONTROL, WATCHED)}
            statements[IN_A_TRACE] = (TRACED, statement, connections[WATCHED])
            # Which server's process is made first changes too.
            names = list(statements)
            statements = {name: statements[name] for name in names[start % len(names):] + names[:start % len(names)]}
            for clients in (1, 2):
                run = slices(district.cluster.environment(district.database), clients, seconds, STUDENTS, statements)
                found[f"{what}, {clients}"] = {
                    name: {"a second": a_second(run, name), "of unwatched": share(run, name, UNWATCHED), "server us": run[name]["server us"],
                           "time of unwatched": run[name]["server us"] / run[UNWATCHED]["server us"]} for name in run}
    return names, found


def spread(of):
    return f"{statistics.median(of):.3f} ({min(of):.3f}-{max(of):.3f})"


def measure(district, quick):
    runs = []
    for start in range(2 if quick else STARTS):
        names, found = one_start(district, start, 4 if quick else 12)
        runs.append(found)
    for title, figure in ("rate", "of unwatched"), ("processor time of the server for each", "time of unwatched"):
        print(f"{title}, of the unwatched server's: the median of {len(runs)} starts, the least and the most; clients")
        table(["", *runs[0]], [[name, *[spread([run[case][name][figure] for run in runs]) for case in runs[0]]] for name in names])
    return runs
