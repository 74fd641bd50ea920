"""Statistics of a million values beside PostgreSQL's own aggregates; BMI categories of a whole district."""

import time

from district import in_turns, table

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
# What one would write without the function: all measurements, the latest of each student, and its category.
BY_HAND = """
SELECT s.grade, s.gender, wc_bmi_category(s.gender, wc_age_months(s."dateOfBirth", m.date), m.bmi) AS category, count(*)
FROM students s LEFT JOIN (
    SELECT DISTINCT ON ("studentId") "studentId", date, wc_bmi_exact((vital ->> 'height')::float8, (vital ->> 'weight')::float8) AS bmi
    FROM health_records WHERE vital ? 'height' AND vital ? 'weight' AND date <= now() ORDER BY "studentId", date DESC) m ON m."studentId" = s.id
GROUP BY 1, 2, 3"""


def measure(district, quick):
    rows, rounds = (100_000, 3) if quick else (ROWS, 7)
    results = {}
    with district.cluster.connect(district.database) as connection:
        connection.execute(f"""CREATE UNLOGGED TABLE measured AS SELECT 35 + (hashint4(i) & 65535) / 8191.0::float8 AS value,
                               timestamp '2020-01-01' + i * interval '1 minute' AS at FROM generate_series(1, {rows}) AS i""")
        connection.execute("VACUUM ANALYZE measured")

        def milliseconds(statement, workers):
            connection.execute(f"SET max_parallel_workers_per_gather = {workers}")
            started = time.perf_counter()
            connection.execute(statement).fetchall()
            return (time.perf_counter() - started) * 1000

        for title, workers in ("one process", 0), ("parallel", 2):
            found = in_turns({name: lambda s=statement, w=workers: milliseconds(s, w) for name, statement in STATISTICS.items()}, rounds)
            print(f"{rows:,} values, {title}")
            base = found["avg, stddev_pop, percentile_cont"]
            table(["", "ms", "times the three aggregates"], [[name, took, took / base] for name, took in found.items()])
            results[title] = found

        ours = "SELECT * FROM wc_growth_prevalence()"
        found = in_turns({"wc_growth_prevalence": lambda: milliseconds(ours, 2), "the same, one process": lambda: milliseconds(ours, 0),
                          "by hand, DISTINCT ON": lambda: milliseconds(BY_HAND, 2)}, rounds)
        print(f"BMI categories of {district.students:,} students")
        table(["", "ms", "times wc_growth_prevalence"], [[name, took, took / found["wc_growth_prevalence"]] for name, took in found.items()])
        results["prevalence"] = found
        connection.execute("DROP TABLE measured")
    return results
