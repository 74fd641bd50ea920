"""What a line of white_cross.audit costs, and how much of it is PostgreSQL's own cost of a line of its log.

The same calls with and without it, on connections that take turns in slices.  Beside them, a function that does nothing but write a line
of that length: no line of that log can cost less.
"""

import contextlib
import re
import shutil

from psycopg.sql import Literal

from district import table
from servers import Cluster, until
from servers.ground import BUILD
from slices import CLIENTS, a_second, share, slices

# Each way by its settings.  The summaries come from shared memory: no call is shorter.
SUMMARY = "SELECT wc_health_summary($1)"
CACHED = "SET white_cross.summary_cache = on; SET white_cross.audit = "
OFF, ON = f"{CACHED}off", f"{CACHED}on; SET white_cross.purpose = 'visit'"
WAYS = {"off": OFF, "failed": f"{CACHED}failed", "on": ON}
# In one statement, where nothing is between two calls: a call for each student, one call for all, and a line of the log for each.
MANY = 100
STUDENTS = f"(SELECT id FROM students LIMIT {MANY})"
EACH = f"SELECT count(wc_health_summary(id)) FROM {STUDENTS} AS s"
TOGETHER = f"SELECT count(*) FROM wc_health_summaries(ARRAY{STUDENTS})"


def allow_lines(ground, cluster, database):
    """Makes write_log_lines there, of a library that the server can read."""
    library = ground.folder / "log_lines.so"
    shutil.copy(BUILD / "bench/log_lines.so", library)
    library.chmod(0o755)
    cluster.psql(f"CREATE FUNCTION write_log_lines(integer, text) RETURNS void LANGUAGE C AS '{library}'", database)


def a_line(cluster, database):
    """Returns a line of the audit, as the server has written it."""
    with cluster.connect(database) as connection:
        connection.execute(ON)
        connection.execute("SELECT wc_health_summary('c' || lpad('1', 24, '0'))")
    return re.findall(r"white_cross audit: .*", cluster.log.read_text())[-1]


def written(count, line):
    return f"write_log_lines({count}, {Literal(line).as_string(None)})"


def with_floor(ways, line):
    """Adds the same call beside a line of the log, and beside the function that writes none."""
    return {name: (settings, SUMMARY) for name, settings in ways.items()} | {
        f"{count} written": (OFF, f"SELECT wc_health_summary($1), {written(count, line)}") for count in (0, 1)}


def costs(found):
    """Microseconds of the server's processor: of the audit, of a line of the log, and what is left for us."""
    of = {name: one["server us"] for name, one in found.items()}
    audit, floor = of["on"] - of["off"], of["1 written"] - of["0 written"]
    return {"a call": of["off"], "audited": audit, "PostgreSQL's line": floor, "ours": audit - floor}


def of_summaries(district, seconds, line):
    results = {}
    for clients in CLIENTS[:2]:
        found = slices(district.cluster.environment(district.database), clients, seconds, district.students, with_floor(WAYS, line))
        results[f"{clients} clients"] = costs(found) | {name: {"a second": a_second(found, name), "of off": share(found, name, "off"),
                                                               "server us": found[name]["server us"]} for name in WAYS}
    return results


def of_many(district, seconds, line):
    """For each student, of a statement that asks for many."""
    ways = {f"{what}, {name}": (settings, statement) for what, statement in (("each", EACH), ("together", TOGETHER))
            for name, settings in (("off", OFF), ("on", ON))}
    ways |= {f"{count} written": (OFF, f"SELECT count({written(count, line)}) FROM {STUDENTS} AS s") for count in (0, 1)}
    found = slices(district.cluster.environment(district.database), 1, seconds, district.students, ways)
    of = {name: one["server us"] / MANY for name, one in found.items()}
    each = costs({name.removeprefix("each, "): {"server us": us} for name, us in of.items()})
    return {"a call for each": each, "one call": {"a call": of["together, off"], "audited": of["together, on"] - of["together, off"]}}


@contextlib.contextmanager
def collected(ground):
    """A server whose log a collector writes.  It has no students: a call that finds nobody has a line as long."""
    with Cluster(ground, "collected", {"shared_preload_libraries": "$libdir/white_cross", "logging_collector": "on"}) as cluster:
        cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public'); SELECT wc_attach('public');")
        allow_lines(ground, cluster, "postgres")
        yield cluster


def of_destinations(district, seconds, line):
    results = {}
    with collected(district.ground) as cluster:
        for destination in ["stderr", "csvlog", *(["jsonlog"] if cluster.version >= 15 else [])]:
            cluster.psql(f"ALTER SYSTEM SET log_destination = '{destination}'")
            cluster.psql("SELECT pg_reload_conf()")
            until(lambda: cluster.psql("SHOW log_destination").strip() == destination, 10, f"the log to be a {destination}")
            found = slices(cluster.environment(), 1, seconds, district.students, with_floor({"off": OFF, "on": ON}, line))
            results[destination] = costs(found)
    return results


def measure(district, quick):
    seconds = 10 if quick else 30
    allow_lines(district.ground, district.cluster, district.database)
    with district.cluster.connect(district.database) as connection:
        connection.execute(OFF)
        connection.execute("SELECT count(wc_health_summary(id)) FROM students")
    line = a_line(district.cluster, district.database)
    print(f"a line has {len(line)} bytes; microseconds of the server's processor for a call, of which a line of the log is PostgreSQL's")
    results = of_summaries(district, seconds, line) | {f"collector, {name}": found for name, found in of_destinations(district, seconds, line).items()}
    heads = ["a call", "audited", "PostgreSQL's line", "ours"]
    table(["", *heads], [[name, *(f"{found[head]:.2f}" for head in heads)] for name, found in results.items()])
    results["many"] = of_many(district, seconds, line)
    print(f"the same for each of {MANY} students of a statement")
    table(["", *heads], [[name, *(f"{found[head]:.2f}" if head in found else "" for head in heads)] for name, found in results["many"].items()])
    print("rate of those that are not audited; clients")
    clients = list(results)[:2]
    table(["", *clients], [[name, *(f"{results[one][name]['of off']:.3f}" for one in clients)] for name in WAYS])
    return results
