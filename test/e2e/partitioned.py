"""Ways to partition the tables, and the same rows in them."""

from contextlib import contextmanager

INDEX = '("studentId", date DESC, "createdAt" DESC, id) INCLUDE (type)'
APPLICATION = ['("studentId", date DESC)', '("studentId", type)']

# The rows' dates are of twelve days from 2019-12-28 on.
DAYS = ["MINVALUE", "'2019-12-30'", "'2020-01-02'", "'2020-01-02 08:00'", "'2020-01-06'", "MAXVALUE"]


def hashes(of="health_records", count=4, more="", prefix="part"):
    return [f"CREATE TABLE {prefix}{n} PARTITION OF {of} FOR VALUES WITH (MODULUS {count}, REMAINDER {n}) {more}" for n in range(count)]


def ranges(bounds, of="health_records", more="", prefix="part", leave_out=()):
    return [f"CREATE TABLE {prefix}{n} PARTITION OF {of} FOR VALUES FROM ({low}) TO ({high}) {more}"
            for n, (low, high) in enumerate(zip(bounds, bounds[1:])) if n not in leave_out]


def indexed(statements, columns=(INDEX,)):
    return [*statements, *(f"CREATE INDEX ON health_records {one}" for one in columns)]


# Two of the columns lie elsewhere, and some places are those of dropped columns.
REORDERED = [
    'CREATE TABLE part1 (gone int, "studentId" text NOT NULL, notes text, vital jsonb, also_gone text, id text NOT NULL, '
    'attachments text[], type "HealthRecordType" NOT NULL, "updatedAt" timestamp(3) NOT NULL, date timestamp(3) NOT NULL, description text NOT NULL, '
    '"createdAt" timestamp(3) NOT NULL, provider text)',
    "ALTER TABLE part1 DROP gone, DROP also_gone",
]
BY_STUDENT = 'BY HASH ("studentId")'
BY_DATE = "BY RANGE (date)"
LAST = "FOR VALUES WITH (MODULUS 2, REMAINDER 1)"

# {name: (key, statements, how records are read: direct, by queries, or either, as the student has it)}
LAYOUTS = {
    "hash": (BY_STUDENT, indexed(hashes()), "direct"),
    "hash, the application's indexes": (BY_STUDENT, indexed(hashes(), APPLICATION), "summary"),
    "list": ('BY LIST ("studentId")', indexed(["CREATE TABLE part0 PARTITION OF health_records FOR VALUES IN ('s1', 's3', 's27')",
                                               "CREATE TABLE part1 PARTITION OF health_records FOR VALUES IN ('s2')",
                                               "CREATE TABLE part2 PARTITION OF health_records DEFAULT"]), "direct"),
    "ranges of students": ('BY RANGE ("studentId")', indexed(ranges(["MINVALUE", "'s2'", "'s3'", "MAXVALUE"], leave_out=[1]) +
                                                             ["CREATE TABLE rest PARTITION OF health_records DEFAULT"]), "direct"),
    "dates": (BY_DATE, indexed(ranges(DAYS)), "direct"),
    "dates, the application's indexes": (BY_DATE, indexed(ranges(DAYS), APPLICATION), "summary"),
    "dates, an index of each kind": (BY_DATE, ranges(DAYS) + [
        f"CREATE INDEX ON part{n} {columns}" for n in range(5) for columns in ([INDEX], APPLICATION, ['("studentId", date)', '("studentId") INCLUDE (type)'])[n % 3]], "summary"),
    "dates, and a default without rows": (BY_DATE, indexed(ranges(DAYS) + ["CREATE TABLE rest PARTITION OF health_records DEFAULT"]), "direct"),
    "dates, and a default with rows": (BY_DATE, indexed(ranges(DAYS, leave_out=[1, 3]) + ["CREATE TABLE rest PARTITION OF health_records DEFAULT"]), "either"),
    "dates of hashes": (BY_DATE, indexed([s for n, one in enumerate(ranges(DAYS, more=f"PARTITION {BY_STUDENT}"))
                                          for s in (one, *hashes(f"part{n}", 2, prefix=f"part{n}_"))]), "direct"),
    "hashes of dates": (BY_STUDENT, indexed([s for n, one in enumerate(hashes(count=2, more=f"PARTITION {BY_DATE}"))
                                             for s in (one, *ranges(DAYS, f"part{n}", prefix=f"part{n}_"))]), "direct"),
    "columns elsewhere": (BY_STUDENT, indexed(hashes(count=2)[:1] + REORDERED + [f"ALTER TABLE health_records ATTACH PARTITION part1 {LAST}"]), "direct"),
    "dates, columns elsewhere": (BY_DATE, indexed(ranges(DAYS, leave_out=[1]) + REORDERED +
                                                  [f"ALTER TABLE health_records ATTACH PARTITION part1 FOR VALUES FROM ({DAYS[1]}) TO ({DAYS[2]})"]), "direct"),
    "no index on one": (BY_STUDENT, hashes(count=2) + [f"CREATE INDEX ON part0 {INDEX}"], "either"),
    "no index on one of the dates": (BY_DATE, ranges(DAYS) + [f"CREATE INDEX ON part{n} {INDEX}" for n in (0, 1, 3, 4)], "queries"),
    "an invalid index": (BY_STUDENT, indexed(hashes(count=2)) +
                         ["UPDATE pg_index SET indisvalid = false WHERE indrelid = 'part1'::regclass"], "either"),
    "row-level security on one": (BY_STUDENT, indexed(hashes(count=2)) + ["ALTER TABLE part1 ENABLE ROW LEVEL SECURITY", "ALTER TABLE part1 FORCE ROW LEVEL SECURITY"], "direct"),
    "two columns in the key": ('BY HASH ("studentId", id)', indexed(hashes()), "queries"),
    "dates with another column": ("BY RANGE (date, id)", indexed(ranges(["MINVALUE, MINVALUE", "'2020-01-02', '8'", "MAXVALUE, MAXVALUE"])), "queries"),
    "an expression": ('BY HASH (lower("studentId"))', indexed(hashes()), "queries"),
    "types": ("BY LIST (type)", indexed(["CREATE TABLE part0 PARTITION OF health_records FOR VALUES IN ('VACCINATION')",
                                         "CREATE TABLE part1 PARTITION OF health_records DEFAULT"]), "queries"),
}


def run(school, statements):
    for statement in statements:
        school.sql(statement)


@contextmanager
def partitioned(school, key, statements, table="health_records"):
    """While this lasts, the table is partitioned by that key, into what the statements make, with the same rows."""
    run(school, [f"ALTER TABLE {table} RENAME TO plain_{table}",
                 f"CREATE TABLE {table} (LIKE plain_{table} INCLUDING DEFAULTS) PARTITION {key}"])
    try:
        run(school, statements)
        school.sql(f"INSERT INTO {table} SELECT * FROM plain_{table}")
        school.sql(f"VACUUM ANALYZE {table}")
        yield
    finally:
        run(school, [f"DROP TABLE {table}", f"ALTER TABLE plain_{table} RENAME TO {table}"])
