"""Summaries from shared memory beside SELECT 1, beside as many bytes from the session's own memory, and beside reading the tables."""

import contextlib
import re
import subprocess

from district import table
from servers import until
from slices import CLIENTS, a_second, share, slices
from summaries import STATEMENT

CHANGES_A_SECOND = 200
NETWORKS = "Unix socket", "TCP"
CACHED, UNCACHED, FLOOR, ONE, BEST = "cached", "uncached", "floor: the same bytes from own memory", "SELECT 1", "best single statement"
CHANGE = """\\set n random(1, :students)
UPDATE students SET "updatedAt" = clock_timestamp() WHERE id = student_id(:n);
"""
INSERT = """\\set n random(1, :students)
INSERT INTO allergies (id, allergen, severity, "studentId") VALUES (gen_random_uuid()::text, 'Peanuts', 'MILD', student_id(:n));
"""
REGISTERING = re.compile(r"wc::warm::(enter|register|hash)|hash_bytes_extended")


def contenders(connection):
    """name: (what makes the settings, the statement); $1 is a student's id."""
    text, = connection.execute(
        "SELECT s::text FROM (SELECT wc_health_summary(id) AS s FROM students TABLESAMPLE SYSTEM (20)) AS q "
        "ORDER BY abs(length(s::text) - (SELECT avg(length(wc_health_summary(id)::text)) FROM students TABLESAMPLE SYSTEM (20))) LIMIT 1").fetchone()
    off, on = "SET white_cross.summary_cache = off", "SET white_cross.summary_cache = on"
    quoted = text.replace("'", "''")
    return {
        ONE: (off, "SELECT 1"),
        FLOOR: (off, f"SELECT '{quoted}'::json"),
        CACHED: (on, "SELECT wc_health_summary($1)"),
        UNCACHED: (off, "SELECT wc_health_summary($1)"),
        BEST: (off, STATEMENT.replace("student_id(:n)", "$1::text")),
    }


def environment(district, network):
    found = district.cluster.environment(district.database)
    if network == "TCP":
        found |= {"PGHOST": "127.0.0.1", "PGPASSWORD": district.cluster.password}
    return found


def warm_up(connection):
    connection.execute("SET white_cross.summary_cache = on")
    connection.execute("SELECT count(wc_health_summary(id)) FROM students")


def measure_speed(district, seconds, statements):
    results = {}
    for network in NETWORKS:
        for clients in CLIENTS:
            found = slices(environment(district, network), clients, seconds, district.students, statements)
            results[f"{network}, {clients}"] = {
                "a second": {name: a_second(found, name) for name in found},
                "of SELECT 1": {name: share(found, name, ONE) for name in found},
                "of the floor": share(found, CACHED, FLOOR), "times uncached": share(found, CACHED, UNCACHED),
                "times the best statement": share(found, CACHED, BEST),
                "server us": {name: one["server us"] for name, one in found.items()}}
    print("relative to SELECT 1, medians of rounds of alternating slices; clients")
    table(["", *results], [[name, *[found["of SELECT 1"][name] for found in results.values()]] for name in statements])
    table(["cached, relative to", *results], [[name, *[found[name] for found in results.values()]]
                                              for name in ("of the floor", "times uncached", "times the best statement")])
    return results


@contextlib.contextmanager
def writing_transaction(district):
    with district.cluster.connect(district.database, autocommit=False) as connection:
        connection.execute('UPDATE students SET "updatedAt" = now() WHERE id = student_id(1)')
        yield
        connection.rollback()


def measure_hit_rate(district, seconds, statements):
    """While others change students, and one of them does not come to an end."""
    counts = "SELECT hits, misses, refused, bypassed FROM wc_stat_cache"
    with district.cluster.connect(district.database) as connection, writing_transaction(district), \
            district.writers(district.script("change", CHANGE), clients=4, a_second=CHANGES_A_SECOND):
        before = connection.execute(counts).fetchone()
        slices(environment(district, NETWORKS[0]), 2, seconds, district.students, {CACHED: statements[CACHED]})
        hits, *others = (now - then for now, then in zip(connection.execute(counts).fetchone(), before))
    rate = hits / (hits + sum(others))
    print(f"hit rate at {CHANGES_A_SECOND} changes a second, a writing transaction open: {rate:.3f}")
    return rate


def measure_registration(district, seconds):
    """The share of a writer's own CPU that entering its changes takes, by samples of the processor."""
    profile = district.ground.folder / "registration.perf"
    found = {}
    for name, script in ("single inserts", INSERT), ("updates of all students", 'UPDATE students SET "updatedAt" = clock_timestamp();\n'):
        with district.writers(district.script("registration", script), clients=1, a_second=100_000):
            with district.cluster.connect(district.database) as connection:
                writer = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench'"
                pid, = until(lambda: connection.execute(writer).fetchone(), 10, "the writer")
            try:
                subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "5000", "-p", str(pid), "-o", profile, "--", "sleep", str(seconds)],
                               check=True, capture_output=True)
                report = subprocess.run(["perf", "report", "-i", profile, "--stdio", "--sort", "symbol", "--percent-limit", "0"],
                                        check=True, capture_output=True, text=True).stdout
            except (FileNotFoundError, subprocess.CalledProcessError) as error:
                print(f"the share of registration is not measured: {error}")
                return None
        lines = re.findall(r"^\s*([\d.]+)%\s+\[.\] (.+)$", report, re.M)
        found[name] = sum(float(percent) for percent, symbol in lines if REGISTERING.search(symbol)) / 100
        print(f"registration, of a writer's CPU, {name}: {found[name] * 100:.2f} %")
    return found


def measure(district, quick):
    seconds = 2 if quick else 16
    with district.cluster.connect(district.database) as connection:
        warm_up(connection)
        statements = contenders(connection)
        speed = measure_speed(district, seconds, statements)
        hit_rate = measure_hit_rate(district, 2 if quick else 15, statements)
    return {"speed": speed, "hit rate": hit_rate, "registration": measure_registration(district, 2 if quick else 10)}
