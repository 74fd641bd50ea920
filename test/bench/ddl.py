"""What the extension's event triggers add to DDL on tables that are none of its own: two databases in turns, one with it."""

import statistics

from district import table
from opaque import nanoseconds

WITHOUT = "without_white_cross"
STATEMENTS = {
    "CREATE TEMP TABLE": "CREATE TEMP TABLE made (id text PRIMARY KEY, n integer) ON COMMIT DROP",
    "CREATE TEMP TABLE AS": "CREATE TEMP TABLE made ON COMMIT DROP AS SELECT n FROM generate_series(1, 100) AS n",
    "CREATE INDEX of a temporary table": "CREATE INDEX ON pg_temp.there (n)",
    "CREATE TABLE": "CREATE TABLE made (id text PRIMARY KEY, n integer)",
    "ALTER TABLE": "ALTER TABLE of_others ADD made integer",
    "CREATE FUNCTION": "CREATE FUNCTION made() RETURNS integer LANGUAGE sql RETURN 1",
}
BATCH = 20


def measure(district, quick):
    district.cluster.create_database(WITHOUT)
    spent = {(name, side): [] for name in STATEMENTS for side in ("without", "with")}
    with district.cluster.connect(WITHOUT) as without, district.cluster.connect(district.database) as within:
        for connection in (without, within):
            connection.execute("CREATE TEMP TABLE there (n integer)")
            connection.execute("CREATE TABLE of_others (n integer)")
        for at in range(31 if quick else 101):
            for name, statement in STATEMENTS.items():
                for side, connection in ("without", without), ("with", within):
                    before = nanoseconds(connection.info.backend_pid)
                    for _ in range(BATCH):
                        with connection.transaction(force_rollback="TEMP TABLE " not in statement):
                            connection.execute(statement)
                    if at > 0:  # the first round fills the sessions' caches
                        spent[name, side].append((nanoseconds(connection.info.backend_pid) - before) / BATCH / 1000)
        within.execute("DROP TABLE of_others")
    district.cluster.drop_database(WITHOUT)
    results = {}
    for name in STATEMENTS:
        pairs = list(zip(spent[name, "without"], spent[name, "with"]))
        results[name] = {"without us": statistics.median(a for a, _ in pairs), "with us": statistics.median(b for _, b in pairs),
                         "of without": statistics.median(b / a for a, b in pairs)}
    print("microseconds of the server's CPU for a transaction with one such statement")
    table(["", "without", "with white_cross", "of without"],
          [[name, f"{found['without us']:.0f}", f"{found['with us']:.0f}", f"{found['of without']:.2f}"] for name, found in results.items()])
    return results
