"""Statistics of a million values beside PostgreSQL's own aggregates; BMI categories of a whole district."""

from district import in_turns, table
from statement import connected, launched, milliseconds

ROWS = 1_000_000

STATISTICS = {
    "wc_statistics": "SELECT wc_statistics(value) FROM measured",
    "avg, stddev_pop, percentile_cont": "SELECT avg(value), stddev_pop(value), percentile_cont(0.5) WITHIN GROUP (ORDER BY value) FROM measured",
    "all seven of PostgreSQL's": "SELECT count(value), sum(value), avg(value), min(value), max(value), "
                                 "percentile_cont(0.5) WITHIN GROUP (ORDER BY value), stddev_pop(value) FROM measured",
    "the scan alone": "SELECT max(value) FROM measured",
    "wc_trend": "SELECT wc_trend(value, at) FROM measured",
    "regr_slope, regr_r2": "SELECT regr_slope(value, extract(epoch FROM at)::float8), regr_r2(value, extract(epoch FROM at)::float8) FROM measured",
}
# What one would write without the function: the latest measurement of each student, and its category.
COUNTED = "SELECT s.grade, s.gender, wc_bmi_category(s.gender, wc_age_months(s.\"dateOfBirth\", m.date), m.bmi) AS category, count(*) FROM students s "
LATEST = "date, wc_bmi_exact((vital ->> 'height')::float8, (vital ->> 'weight')::float8) AS bmi FROM health_records r " \
         "WHERE vital ? 'height' AND vital ? 'weight' AND date <= now()"
BY_HAND = {
    "by hand, DISTINCT ON": f"""{COUNTED} LEFT JOIN (SELECT DISTINCT ON ("studentId") "studentId", {LATEST} ORDER BY "studentId", date DESC) m
                                ON m."studentId" = s.id GROUP BY 1, 2, 3""",
    "by hand, LATERAL": f"""{COUNTED} LEFT JOIN LATERAL (SELECT {LATEST} AND r."studentId" = s.id ORDER BY date DESC LIMIT 1) m ON true
                            GROUP BY 1, 2, 3""",
}


def measure(district, quick):
    rows, rounds = (100_000, 3) if quick else (ROWS, 7)
    results = {}
    with connected(district.cluster, district.database) as connection:
        connection.execute(f"""CREATE UNLOGGED TABLE measured AS SELECT 35 + (hashint4(i) & 65535) / 8191.0::float8 AS value,
                               timestamp '2020-01-01' + i * interval '1 minute' AS at FROM generate_series(1, {rows}) AS i""")
        connection.execute("VACUUM ANALYZE measured")

        for title, workers in ("one process", 0), ("parallel", 1):
            found = in_turns({name: lambda s=statement, w=workers: milliseconds(connection, s, w) for name, statement in STATISTICS.items()}, rounds)
            print(f"{rows:,} values, {title}")
            base = found["avg, stddev_pop, percentile_cont"]
            table(["", "ms", "times the three aggregates"], [[name, took, took / base] for name, took in found.items()])
            results[title] = found
        results["workers launched"] = launched(connection, STATISTICS["wc_statistics"], workers=1)
        print(f"parallel workers launched for wc_statistics: {results['workers launched']}", flush=True)

        # JIT compiles what is written by hand for longer than it runs; who knows that turns it off.
        ours = "SELECT * FROM wc_growth_prevalence(NULL, now(), within => NULL)"
        connection.execute("SET jit = off")
        found = in_turns({"wc_growth_prevalence": lambda: milliseconds(connection, ours, 1), "the same, one process": lambda: milliseconds(connection, ours)}
                         | {name: lambda s=statement: milliseconds(connection, s, 1) for name, statement in BY_HAND.items()}, rounds)
        print(f"BMI categories of {district.students:,} students")
        table(["", "ms", "times wc_growth_prevalence"], [[name, took, took / found["wc_growth_prevalence"]] for name, took in found.items()])
        results["prevalence"] = found
        connection.execute("DROP TABLE measured")
    return results
