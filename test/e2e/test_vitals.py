"""Statistics and trends: parallel workers and plain SQL give the same results."""

import json
import statistics

import pytest

from school import School

VALUES = """
CREATE TABLE measured AS
SELECT i % 37 AS class, CASE i % 11 WHEN 0 THEN NULL ELSE 35 + (hashint4(i) & 65535) / 8191.0 END::float8 AS value,
       CASE i % 13 WHEN 0 THEN NULL ELSE timestamp '2020-01-01' + (hashint4(i + 1) & 1048575) * interval '97 seconds' END AS at
FROM generate_series(1, 200000) AS i;
ANALYZE measured;
"""


@pytest.fixture(scope="module")
def measured(cluster):
    cluster.create_database("measured")
    school = School(cluster, "measured")
    school.sql("CREATE EXTENSION white_cross")
    school.psql(VALUES)
    with school.connection:
        yield school


def alone(school, query):
    school.sql("SET max_parallel_workers_per_gather = 0")
    return school.rows(query)


def in_parallel(school, query):
    """Returns the result of a plan with parallel workers, and checks that they really ran."""
    for name, value in {"parallel_setup_cost": 0, "parallel_tuple_cost": 0, "min_parallel_table_scan_size": 0,
                        "max_parallel_workers_per_gather": 2}.items():
        school.sql(f"SET {name} = {value}")
    plan = "\n".join(line for line, in school.rows(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {query}"))
    assert "Partial" in plan and "Workers Launched: 2" in plan, plan
    return school.rows(query)


@pytest.mark.parametrize("query", [
    "SELECT wc_statistics_exact(value)::text, wc_statistics(value)::text FROM measured",
    "SELECT class, wc_statistics_exact(value)::text FROM measured GROUP BY class ORDER BY class",
    "SELECT wc_trend(value, at)::text FROM measured",
    "SELECT class, wc_trend(value, at)::text FROM measured GROUP BY class ORDER BY class",
    "SELECT wc_statistics(value) FILTER (WHERE class < 0) IS NULL, wc_trend(value, at) FILTER (WHERE class < 0) IS NULL FROM measured",
], ids=["statistics", "statistics by class", "trend", "trend by class", "of nothing"])
def test_parallel_workers_change_no_digit(measured, query):
    rows = alone(measured, query)
    assert in_parallel(measured, query) == rows
    assert len(rows) == len(alone(measured, query)) > 0


def test_an_error_of_a_parallel_worker_names_the_value(measured):
    with pytest.raises(Exception, match="not Infinity") as caught:
        in_parallel(measured, "SELECT wc_statistics(CASE WHEN value > 42.9 THEN 'Infinity' ELSE value END) FROM measured")
    assert caught.value.sqlstate == "22003"


def test_statistics_are_those_of_plain_sql(measured):
    for class_, found, *plain in alone(measured, """
            SELECT class, wc_statistics_exact(value), count(value), sum(value::numeric), avg(value::numeric), min(value), max(value),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY value), stddev_pop(value)
            FROM measured GROUP BY class"""):
        assert list(found) == ["count", "sum", "average", "min", "max", "median", "stdDev"]
        assert list(found.values()) == pytest.approx([float(x) for x in plain], rel=1e-12)
    values = [value for value, in alone(measured, "SELECT value FROM measured WHERE class = 3 AND value IS NOT NULL")]
    found = measured.one("SELECT wc_statistics_exact(value) FROM measured WHERE class = 3")
    # Python's are computed with fractions: exact but for the last rounding.
    assert found["average"] == statistics.fmean(values)
    assert found["stdDev"] == pytest.approx(statistics.pstdev(values), rel=1e-15)
    assert found["median"] == statistics.median(values)


def test_trends_are_those_of_plain_sql(measured):
    query = """
        SELECT class, wc_trend(value, at), regr_slope(value, extract(epoch FROM at)::float8) * 86400 * 30,
               regr_r2(value, extract(epoch FROM at)::float8), avg(value) FILTER (WHERE at IS NOT NULL),
               min(value) FILTER (WHERE at IS NOT NULL), max(value) FILTER (WHERE at IS NOT NULL), count(value) FILTER (WHERE at IS NOT NULL),
               (SELECT avg(value) FROM measured f WHERE f.class = m.class AND f.at =
                    (SELECT min(at) FROM measured g WHERE g.class = m.class AND value IS NOT NULL)) AS first,
               (SELECT avg(value) FROM measured f WHERE f.class = m.class AND f.at =
                    (SELECT max(at) FROM measured g WHERE g.class = m.class AND value IS NOT NULL)) AS last
        FROM measured m GROUP BY class"""
    seen = set()
    for _, found, slope, r2, average, least, most, points, first, last in alone(measured, query):
        assert found["slopePer30Days"] == pytest.approx(slope, rel=1e-6, abs=1e-9)  # of plain sums of squares
        assert found["rSquared"] == pytest.approx(r2, rel=1e-5, abs=1e-9)
        assert [found[k] for k in ("average", "min", "max", "points")] == pytest.approx([average, least, most, points])
        assert found["changeRate"] == pytest.approx((last - first) / first * 100)
        assert found["trend"] == ("increasing" if found["changeRate"] > 5 else "decreasing" if found["changeRate"] < -5 else "stable")
        seen.add(found["trend"])
    assert len(seen) > 1


def test_a_window_that_moves(measured):
    rows = alone(measured, """
        SELECT wc_statistics_exact(value) OVER w, avg(value) OVER w, max(value) OVER w
        FROM measured WHERE value IS NOT NULL AND class < 2 WINDOW w AS (ORDER BY at, value ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)
        LIMIT 500""")
    for found, average, most in rows:
        assert found["average"] == pytest.approx(average)
        assert found["max"] == most


def test_the_trend_of_a_vital_is_that_of_the_students_records(school):
    for n in range(12):
        school.add_record("s", date=f"2025-{n + 1:02}-03 10:00", vital=json.dumps({"heartRate": 70 + n * n, "height": str(n)})) if n else \
            school.add_student("s")
    by_hand = """SELECT wc_trend((vital ->> 'heartRate')::float8, date) FROM health_records WHERE "studentId" = 's' AND date >= %s"""
    for since in "2025-01-01", "2025-05-03 10:00", "2025-12-03":
        found = school.one("SELECT wc_vital_trend('s'::text, 'heartRate', (%s::timestamp AT TIME ZONE 'UTC'))", since)
        assert found == school.one(by_hand, since) and found["points"] > 0
    # Strings are no measurements.
    assert school.one("SELECT wc_vital_trend('s'::text, 'height')") is None
