"""Summaries, pages and searches of records that are partitioned: by 16 hashes of the student, and by 10 years."""

import contextlib
import random
import statistics
import time

from district import HERE, rounds_in_turns, table
from opaque import nanoseconds
from placed_words import PLACE
from search import INDEXES, RARE

STATEMENT = (HERE / "summary_statement.sql").read_text().strip()
PLAIN = "plain"
HASHES, YEARS = 16, 10

BY_QUERIES = "-c white_cross.direct_reads=off"
SUMMARY = "SELECT wc_health_summary(student_id(%(n)s::int))"
PAGE = "SELECT wc_student_records_after(student_id(%(n)s::int), NULL, 20)"
READ_DIRECTLY = {
    "summary": SUMMARY,
    "page of 20 records by cursor": PAGE,
    "page of 20 records with their count": "SELECT wc_student_records(student_id(%(n)s::int), 1, 20)",
    "export": "SELECT count(*) FROM wc_export_health_history(student_id(%(n)s::int))",
}
# {what: (statement, settings)}
CALLS = {
    **{name: (statement, "") for name, statement in READ_DIRECTLY.items()},
    "summary, by queries": (SUMMARY, BY_QUERIES),
    "page by cursor, by queries": (PAGE, BY_QUERIES),
    "best single statement": (STATEMENT.replace(":n", "%(n)s::int"), ""),
}
# What is searched for.  Half of all records, the older one, has the word that the latest lack in a fifth of them.
SEARCHES = {"a rare word": "'anaphylaxis'", "a rare word, highlighted": "'anaphylaxis', highlight => true", "a common word": "'class'",
            "a word that the latest lack": "'alderwick'", "last name": "'garcia'", "first and last name": "'emma smith'",
            "first and last name, by rank": "'emma smith', \"order\" => 'rank'", "a common word, by rank": "'class', \"order\" => 'rank'"}
# How many times as long as of the plain table a call may take.
AT_MOST = {"hashes": 1.5, "years": 2}

# The plain table is moved too: what was updated leaves gaps.
MOVE = """
ALTER TABLE health_records RENAME TO whole;
CREATE TABLE health_records (LIKE whole INCLUDING DEFAULTS) {key};
{parts}
INSERT INTO health_records SELECT * FROM whole;
DROP TABLE whole;
ALTER TABLE health_records ADD PRIMARY KEY ({primary});
SELECT wc_index_statements('public', false) \\gexec
SELECT wc_attach('public');
VACUUM ANALYZE;
CHECKPOINT;
"""


def by_hash():
    parts = [f"CREATE TABLE part{n} PARTITION OF health_records FOR VALUES WITH (MODULUS {HASHES}, REMAINDER {n});" for n in range(HASHES)]
    return MOVE.format(key='PARTITION BY HASH ("studentId")', primary='id, "studentId"', parts="\n".join(parts))


def by_year(last):
    bounds = ["MINVALUE", *(f"'{year}-01-01'" for year in range(last - YEARS + 2, last + 1)), "MAXVALUE"]
    parts = [f"CREATE TABLE part{n} PARTITION OF health_records FOR VALUES FROM ({low}) TO ({high});"
             for n, (low, high) in enumerate(zip(bounds, bounds[1:]))]
    return MOVE.format(key="PARTITION BY RANGE (date)", primary="id, date", parts="\n".join(parts))


def sessions(stack, cluster, databases):
    """{(layout, settings): a session}"""
    return {(layout, settings): stack.enter_context(cluster.connect(database, options=settings))
            for layout, database in databases.items() for settings in ("", BY_QUERIES)}


def microseconds(session, statement, students, turn_s):
    """Of the server's processor, for a call: as many calls as fit into a turn, each of a student by chance."""
    before, calls, end = nanoseconds(session.info.backend_pid), 0, time.monotonic() + turn_s
    while calls == 0 or time.monotonic() < end:
        session.execute(statement, {"n": random.randint(1, students)} if "%(n)s" in statement else None, prepare=True)
        calls += 1
    return (nanoseconds(session.info.backend_pid) - before) / calls / 1000


def measure(district, quick):
    cluster = district.cluster
    with cluster.connect(district.database) as connection:
        last = connection.execute("SELECT max(extract(year FROM date))::int FROM health_records").fetchone()[0]
    databases = {PLAIN: "plain", f"{HASHES} hashes": "hashes", f"{YEARS} years": "years"}
    cluster.create_database("plain", district.database)
    cluster.psql(f"{INDEXES}\n{RARE};\n{PLACE};\n{MOVE.format(key='', primary='id', parts='')}", "plain")
    for database, moving in (("hashes", by_hash()), ("years", by_year(last))):
        cluster.create_database(database, "plain")
        cluster.psql(moving, database)

    calls = {**CALLS, **{f"search, {what}": (f"SELECT wc_search_health_records({typed})", "") for what, typed in SEARCHES.items()}}
    turn_s, rounds = (0.01, 2) if quick else (0.05, 41)
    with contextlib.ExitStack() as stack:
        connected = sessions(stack, cluster, databases)
        seen = rounds_in_turns({
            (layout, name): lambda session=connected[layout, settings], statement=statement: microseconds(session, statement, district.students, turn_s)
            for name, (statement, settings) in calls.items() for layout in databases}, rounds)

    results = {f"{layout}: {name}": {
        "microseconds": statistics.median(found),
        "times plain": statistics.median(one / of for one, of in zip(found, seen[PLAIN, name])),
        "times the statement": statistics.median(one / of for one, of in zip(found, seen[layout, "best single statement"])),
        **{"at most": most for database, most in AT_MOST.items() if database == databases[layout] and (name.startswith("search, ") or name in READ_DIRECTLY)}}
        for (layout, name), found in seen.items()}
    print("microseconds of the server's processor; times those of the plain table, and of the best single statement on the same tables")
    heads = next(iter(results.values()))
    table(["", *heads, "times plain, to be at most"], [[name, *(found[head] for head in heads), found.get("at most", "")] for name, found in results.items()])
    for database in databases.values():
        cluster.drop_database(database)
    return results
