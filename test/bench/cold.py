"""Uncached summaries beside the best hand-written statement, through the indexes that people have, and with the table in no order."""

import contextlib

from district import table
from slices import CLIENTS, a_second, share, slices
from summaries import STATEMENT as BEST

STATEMENT, SUMMARY = "best single statement", "wc_health_summary"

# As the original application has them.
DROP_OURS = 'DROP INDEX idx_health_records_student_date_type, idx_health_records_date; DROP INDEX IF EXISTS idx_students_name;'
# As a COPY of years of history in no order leaves it.
SHUFFLE = ("CREATE TABLE shuffled AS SELECT * FROM health_records ORDER BY md5(id); ALTER TABLE health_records DISABLE TRIGGER ALL; "
           "TRUNCATE health_records; INSERT INTO health_records SELECT * FROM shuffled; ALTER TABLE health_records ENABLE TRIGGER ALL; "
           "DROP TABLE shuffled;")
WORLDS = {
    "our indexes": "",
    "our indexes, records in no order": SHUFFLE,
    "the application's indexes": DROP_OURS,
    "the application's, records in no order": SHUFFLE + DROP_OURS,
    "the application's, never vacuumed": DROP_OURS + "UPDATE health_records SET \"updatedAt\" = \"updatedAt\" WHERE id < 'c2';",
}


@contextlib.contextmanager
def world(district, statements):
    """A copy of the district in which these were run."""
    name = "cold"
    district.cluster.psql(f"DROP DATABASE IF EXISTS {name}", "postgres")
    district.cluster.psql(f"CREATE DATABASE {name} TEMPLATE {district.database}", "postgres")
    for statement in filter(str.strip, statements.split(";")):
        district.cluster.psql(statement, name)
    if "UPDATE" not in statements:
        district.cluster.psql("VACUUM ANALYZE", name)
    district.cluster.psql("CHECKPOINT", name)
    yield name
    district.cluster.psql(f"DROP DATABASE {name}", "postgres")


def measure(district, quick):
    statements = {STATEMENT: ("", BEST.replace("student_id(:n)", "$1::text")), SUMMARY: ("", "SELECT wc_health_summary($1)")}
    results = {}
    for name, changes in WORLDS.items():
        results[name] = {}
        with world(district, changes) as database:
            for clients in CLIENTS:
                found = slices(district.cluster.environment(database), clients, 2 if quick else 16, district.students, statements)
                results[name][f"{clients} clients"] = {**{one: a_second(found, one) for one in found},
                                                       "times": share(found, SUMMARY, STATEMENT)}
    print("uncached summaries a second (times the best single statement in the same round)")
    clients = list(next(iter(results.values())))
    table(["", *clients], [[name, *[f"{found[n][SUMMARY]:,.0f} ({found[n]['times']:.2f})" for n in clients]]
                           for name, found in results.items()])
    return results
