"""Growth in SQL, against every published row."""

import pytest

from servers.ground import ROOT

DATA = ROOT / "test/data/growth"


@pytest.fixture
def published(school):
    """Both check files as tables."""
    def load(name, columns):
        school.sql(f"CREATE TABLE {name} ({columns})")
        with school.connection.cursor().copy(f"COPY {name} FROM STDIN CSV HEADER") as copy:
            copy.write((DATA / f"{name}.csv").read_text())
    load("cdc2000_percentile_checks", "measure text, sex text, age float8, value float8, z float8, percentile float8")
    load("cdc2022_extended_bmi_checks", "sex text, age float8, bmi float8, z float8, percentile float8")
    return school


def test_published_values_at_percentiles(published):
    # P97 of BMI is the extension's; at 240 months the range has ended, and the curves have their last point.
    rows, wrong, exact = published.rows("""
        SELECT count(*), count(*) FILTER (WHERE NOT coalesce(abs(v.value - c.value) <= 3e-7, false)),
               count(*) FILTER (WHERE c.percentile = 50 AND v.value = c.value)
        FROM cdc2000_percentile_checks c
        JOIN LATERAL (SELECT wc_growth_value(c.measure, c.sex, c.age, c.percentile) AS value WHERE c.age < 240
                      UNION ALL SELECT k.value FROM wc_growth_curves(c.measure, c.sex, ARRAY[c.percentile]) k
                      WHERE k.age_months = c.age AND c.age = 240) v ON true
        WHERE NOT (c.measure = 'bmi' AND c.percentile > 95)""")[0]
    medians = published.one("SELECT count(*) FROM cdc2000_percentile_checks WHERE percentile = 50")
    above = published.one("SELECT count(*) FROM cdc2000_percentile_checks WHERE measure = 'bmi' AND percentile > 95")
    assert (rows, wrong, exact) == (1456 - above, 0, medians)


def test_published_extended_bmi(published):
    assert published.rows("""
        SELECT count(*), count(*) FILTER (WHERE NOT abs(wc_growth_zscore('bmi', sex, age, bmi) - z) <= 7e-5)
        FROM cdc2022_extended_bmi_checks""") == [(1064, 0)]
    rows, wrong = published.rows("""
        SELECT count(*), count(*) FILTER (WHERE NOT abs(wc_growth_value('bmi', sex, age, percentile) - bmi) <= 5.1e-5)
        FROM cdc2022_extended_bmi_checks WHERE percentile IN (3, 5, 10, 25, 50, 75, 85, 90, 95, 98, 99, 99.9, 99.99)""")[0]
    assert rows >= 400 and wrong == 0


def test_batches_say_what_single_calls_say(published):
    published.sql("INSERT INTO cdc2000_percentile_checks VALUES ('bmi', NULL, 100, 16), ('bmi', 'male', NULL, 16), "
                  "('bmi', 'male', 100, NULL), ('bmi', 'other', 100, 16), ('bmi', 'male', 1, 16)")
    for name in "zscore", "percentile", "modified_zscore", "implausible":
        assert published.rows(f"""
            SELECT measure, array_agg(wc_growth_{name}(measure, sex, age, value) ORDER BY n)
                   IS NOT DISTINCT FROM wc_growth_{name}_batch(measure, array_agg(sex ORDER BY n), array_agg(age ORDER BY n), array_agg(value ORDER BY n))
            FROM (SELECT *, row_number() OVER () AS n FROM cdc2000_percentile_checks) c GROUP BY measure ORDER BY measure""") == [
                ("bmi", True), ("height", True), ("weight", True)]


CHILDREN = """
CREATE TABLE children AS
SELECT CASE i % 2 WHEN 0 THEN 'MALE' ELSE 'FEMALE' END AS sex, 24 + (i * 7919 % 215900) / 1000.0::float8 AS age, 13 + i % 1201 / 100.0::float8 AS bmi,
       90 + i % 997 / 10.0::float8 AS height, date '2010-01-01' + i % 3000 AS born
FROM generate_series(1, 30000) AS i;
ALTER TABLE children ADD label "Gender";
UPDATE children SET label = sex::"Gender";
ANALYZE children;
INSERT INTO white_cross.growth_reference VALUES ('own', 'bmi', 'male', 24, -1, 16, 0.1), ('own', 'bmi', 'male', 240, -1, 22, 0.1);
"""
OF_A_CHILD = [
    "wc_growth_percentile('bmi', sex, age, bmi)", "wc_growth_percentile('bmi', label, age, bmi)", "wc_growth_zscore('bmi', sex, age, bmi)",
    "wc_growth_value('height', sex, age, bmi)", "wc_growth_modified_zscore('height', sex, age, height)",
    "wc_growth_implausible('height', sex, age, height)::int", "length(wc_bmi_category(sex, age, bmi))", "wc_bmi_percent_of_p95(label, age, bmi)",
    "wc_growth_percentile('bmi', sex, age, bmi, 'own')", "wc_growth_zscore('bmi', label, age, bmi, 'cdc')",
    "(wc_growth_zscore_batch('bmi', ARRAY[sex], ARRAY[age], ARRAY[bmi]))[1]",
    "wc_bmi(height, bmi)", "wc_bmi_exact(height, bmi)", "(wc_bmi_batch(ARRAY[height], ARRAY[bmi]))[1]", "wc_age_months(born, '2025-01-01')",
]


@pytest.fixture
def children(school):
    school.psql(CHILDREN)
    return school


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.mark.parametrize("asked", OF_A_CHILD)
def test_parallel_workers_do_the_work_and_change_no_digit(children, asked):
    """The process that asks takes no part: what comes, workers have computed.  Sums of numeric do not depend on their order."""
    query = f"SELECT count(x), sum(x), min(x), max(x) FROM (SELECT ({asked})::numeric AS x FROM children) t"
    children.sql("SET max_parallel_workers_per_gather = 0")
    alone = children.rows(query)
    assert alone[0][0] > 10_000
    for name, value in {"max_parallel_workers_per_gather": 2, "min_parallel_table_scan_size": 0, "parallel_setup_cost": 0,
                        "parallel_tuple_cost": 0, "parallel_leader_participation": "off"}.items():
        children.sql(f"SET {name} = {value}")
    plan = children.one(f"EXPLAIN (ANALYZE, VERBOSE, TIMING OFF, FORMAT JSON) {query}")[0]["Plan"]
    found = {node["Node Type"]: node for node in nodes(plan)}
    assert found["Gather"]["Workers Launched"] == 2, plan
    assert "wc_" in str([node["Output"] for node in nodes(found["Gather"]["Plans"][0])]), plan
    assert sum(worker["Actual Rows"] * worker["Actual Loops"] for worker in found["Seq Scan"]["Workers"]) == 30_000
    assert children.rows(query) == alone


def test_comments_name_the_units(school):
    """The comment of a function names the unit of each argument and result that has one."""
    units = {"height": "cm", "weight": "kg", "measure": "kg/m^2", "bmi": "kg/m^2", "age_months": "months", "ages_months": "months",
             "width": "pixels", "birth_date": "months"}
    told = school.rows("""
        SELECT p.oid::regprocedure::text, p.proargnames, obj_description(p.oid, 'pg_proc') FROM pg_proc p
        WHERE p.proname ~ '^wc_(bmi|growth|age)' AND p.pronamespace = 'public'::regnamespace""")
    assert len(told) > 50
    for function, names, comment in told:
        for name in names or []:
            for part, unit in units.items():
                if name == part or name.startswith((f"{part}_", f"{part}s_")):
                    assert unit in comment, f"{function}: {name} is in {unit}, which the comment does not say"


def test_categories_at_their_limits(school):
    """A value that wc_growth_value returns for a percentile is at that percentile. The test takes 864 ages and sexes, and the
    limits in percent of P95 too."""
    assert school.rows("""
        SELECT p.limit, wc_bmi_category(s, m, p.factor * wc_growth_value('bmi', s, m, p.percentile)) AS category, count(*)
        FROM unnest('{male,female}'::text[]) s, generate_series(24, 239.5, 0.5) m,
             (VALUES ('P5', 5, 1), ('P85', 85, 1), ('P95', 95, 1), ('120 %', 95, 1.2), ('140 %', 95, 1.4)) p (limit, percentile, factor)
        GROUP BY 1, 2 ORDER BY 1, 2""".replace("p.limit", 'p."limit"').replace("(limit,", '("limit",')) == [
            ("120 %", "obesity class 2", 864), ("140 %", "obesity class 3", 864), ("P5", "healthy", 864), ("P85", "overweight", 864),
            ("P95", "obesity class 1", 864)]
