"""wc_search_health_records beside what the ORM emits for the same search: a page of 20 with its total."""

import statistics
import time

from district import in_turns, table

# As Prisma writes a full-text search over three columns and the student: no index serves it.  The page, then its count.
WHERE = """(to_tsvector(concat_ws(' ', "t0"."description")) @@ to_tsquery(%(tsquery)s)
    OR to_tsvector(concat_ws(' ', "t0"."notes")) @@ to_tsquery(%(tsquery)s)
    OR to_tsvector(concat_ws(' ', "t0"."provider")) @@ to_tsquery(%(tsquery)s)
    OR "j1"."firstName"::text ILIKE %(part)s OR "j1"."lastName"::text ILIKE %(part)s OR "j1"."studentNumber"::text ILIKE %(part)s)"""
FROM = """FROM "public"."health_records" AS "t0" LEFT JOIN "public"."students" AS "j1" ON "j1"."id" = "t0"."studentId" """
ORM = (f"""SELECT "t0".*, "j1"."id", "j1"."firstName", "j1"."lastName", "j1"."studentNumber" {FROM} WHERE {WHERE}
           ORDER BY "t0"."date" DESC LIMIT 20 OFFSET 0""",
       f"SELECT count(*) FROM (SELECT \"t0\".\"id\" {FROM} WHERE {WHERE}) AS sub")

# What: what is typed, what the ORM is given for it, and the most milliseconds that the page may take.
SEARCHES = {
    "rare word": ("anaphylaxis", "anaphylaxis", 1),
    "common word, a tenth of all": ("class", "class", 20),
    "two words": ("sore throat", "sore & throat", 20),
    "first and last name": ("emma smith", "emma & smith", 5),
    "last name": ("garcia", "garcia", 5),
    "student number": ("STU0000123", "STU0000123", 5),
}
INDEXES = """CREATE EXTENSION IF NOT EXISTS pg_trgm;
             SELECT wc_index_statements('public', false) \\gexec"""
RARE = """UPDATE health_records SET notes = 'Epinephrine given for anaphylaxis' WHERE id IN
          (SELECT id FROM health_records ORDER BY md5(id) LIMIT 40)"""


def milliseconds(connection, statements, parameters, times):
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        for statement in statements:
            connection.execute(statement, parameters).fetchall()
        spent.append((time.perf_counter() - started) * 1000)
    return statistics.median(spent)


def measure(district, quick):
    district.cluster.psql(f"""{INDEXES}
        {RARE};
        VACUUM ANALYZE students, health_records;""", district.database)
    rounds, times = (1, 3) if quick else (3, 21)
    results = {}
    with district.cluster.connect(district.database) as connection:
        for name, (typed, tsquery, bound) in SEARCHES.items():
            given = {"typed": typed, "tsquery": tsquery, "part": f"%{typed}%"}
            contenders = {
                "wc_search_health_records": lambda: milliseconds(
                    connection, ["SELECT wc_search_health_records(%(typed)s)"], given, times),
                "highlighted": lambda: milliseconds(
                    connection, ["SELECT wc_search_health_records(%(typed)s, highlight => true)"], given, times),
                "as the ORM emits it": lambda: milliseconds(connection, ORM, given, 1),
            }
            (page,) = connection.execute("SELECT wc_search_health_records(%(typed)s) -> 'pagination'", given).fetchone()
            results[name] = in_turns(contenders, rounds) | {
                "total": page["total"], "total is a lower bound": page.get("totalIsLowerBound", False), "bound": bound}
    print("milliseconds for a page of 20 with its total (times faster than the ORM)")
    table(["", "matches", "white_cross", "highlighted", "as the ORM emits it", "to be at most"],
          [[name, f"{'> ' if found['total is a lower bound'] else ''}{found['total']:,}",
            f"{found['wc_search_health_records']:.2f} ({found['as the ORM emits it'] / found['wc_search_health_records']:,.0f})",
            found["highlighted"], found["as the ORM emits it"], found["bound"]] for name, found in results.items()])
    return results
