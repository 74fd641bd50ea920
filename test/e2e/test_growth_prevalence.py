"""wc_growth_prevalence: what plain SQL counts, by parallel workers, and what the caller may see."""

import pytest

from school import School

# Growth of all kinds: some implausible, some without a number, of each sex, from 1 to 21 years.
DATA = """
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "isActive")
SELECT 's' || n, 'N' || n, 'A', 'B', timestamp '2004-06-01' + (hashint4(n) & 8191) * interval '1 day' * 0.9, (n % 4)::text,
       (ARRAY['MALE', 'FEMALE', 'OTHER', 'FEMALE'])[1 + n % 4 * (n % 7 % 2)]::"Gender", n % 11 <> 0
FROM generate_series(1, 1500) AS n;
INSERT INTO health_records (id, type, date, description, "createdAt", vital, "studentId")
SELECT 'r' || n || '-' || (k * 5 + n) % 7, 'CHECKUP',  -- the last two of one moment, the lower id and the later entry now the one, now the other
       timestamp '2024-01-01' + (hashint4(n * 7 + least(k, 5)) & 1023) * interval '1 day' / 2, '',
       timestamp '2025-01-01' + (n / 3 % 3 * (k % 3)) * interval '1 hour', CASE (hashint4(n + k * 1000) & 15)
           WHEN 0 THEN NULL WHEN 1 THEN 'null' WHEN 2 THEN '{"heartRate": 80}' WHEN 3 THEN '[1]'
           WHEN 4 THEN jsonb_build_object('height', 54, 'weight', 40) WHEN 5 THEN jsonb_build_object('height', 140, 'weight', 400)
           WHEN 6 THEN jsonb_build_object('height', 140) WHEN 7 THEN '{"height": "140", "weight": 35}'
           WHEN 8 THEN jsonb_build_object('bmi', 17.5) WHEN 9 THEN '{"height": 0, "weight": 35, "bmi": 22}'
           ELSE jsonb_build_object('height', 120 + (hashint4(n) & 31), 'weight', 18 + (hashint4(n + 5) & 63)) END, 's' || n
FROM generate_series(1, 1500) AS n, generate_series(1, 6) AS k;
ANALYZE;
"""
BY_HAND = """
WITH measured AS (
    SELECT DISTINCT ON (r."studentId") r."studentId" AS student, s.gender::text AS sex, wc_age_months(s."dateOfBirth", r.date) AS age, v.*,
           CASE WHEN height > 0 AND weight > 0 THEN wc_bmi_exact(height, weight) ELSE given END AS bmi
    FROM health_records r JOIN students s ON s.id = r."studentId"
    CROSS JOIN LATERAL (
        SELECT CASE WHEN jsonb_typeof(vital -> 'height') = 'number' THEN nullif((vital ->> 'height')::float8, 0) END AS height,
               CASE WHEN jsonb_typeof(vital -> 'weight') = 'number' THEN nullif((vital ->> 'weight')::float8, 0) END AS weight,
               CASE WHEN jsonb_typeof(vital -> 'bmi') = 'number' THEN nullif((vital ->> 'bmi')::float8, 0) END AS given) AS v
    WHERE r.date <= %(as_of)s AND r.date > %(as_of)s::timestamp - interval '1 year' AND jsonb_typeof(r.vital) = 'object'
      AND (height > 0 AND weight > 0 OR given > 0)
    ORDER BY r."studentId", r.date DESC, r."createdAt" DESC, r.id
), judged AS (
    SELECT *, (SELECT bool_and(f) FROM (SELECT wc_growth_implausible('bmi', x, age, bmi) IS TRUE OR wc_growth_implausible('height', x, age, height) IS TRUE
                                               OR wc_growth_implausible('weight', x, age, weight) IS TRUE AS f
                                        FROM unnest(CASE sex WHEN 'OTHER' THEN ARRAY['male', 'female'] ELSE ARRAY[sex] END) AS x) AS s) AS implausible
    FROM measured
), grouped AS (
    SELECT s.*, CASE WHEN j.student IS NULL THEN 'no recent measurement' WHEN j.implausible THEN 'to be checked'
                     ELSE coalesce(wc_bmi_category(j.sex, j.age, j.bmi), 'no reference') END AS category
    FROM students s LEFT JOIN judged j ON j.student = s.id
)
SELECT grade, lower(gender::text), category, count(*) FROM grouped
WHERE "isActive" AND (%(grade)s::text IS NULL OR grade = %(grade)s)
GROUP BY 1, 2, 3"""


@pytest.fixture(scope="module")
def district(cluster):
    cluster.create_database("prevalence")
    school = School(cluster, "prevalence")
    school.attach()
    school.psql(DATA)
    with school.connection:
        yield school


OTHERS = "to be checked", "no recent measurement", "no reference"


def counted(school, grade=None, as_of="2025-01-01"):
    rows = school.rows("SELECT * FROM wc_growth_prevalence(%s, %s::timestamp AT TIME ZONE 'UTC')", grade, as_of)
    for sex in {(row[0], row[1]) for row in rows}:
        shares = [row[4] for row in rows if row[:2] == sex and row[2] not in OTHERS]
        assert not shares or sum(shares) == pytest.approx(100)
    assert all((row[4] is None) == (row[2] in OTHERS) for row in rows)
    return sorted((row[:4] for row in rows), key=str)


@pytest.fixture(params=["through indexes", "through an index that leaves ties to chance", "by queries"])
def way(request, district):
    """All of the ways to a student's latest measurement."""
    if "ties" in request.param:
        usual = district.one("SELECT pg_get_indexdef('idx_health_records_student_date_type'::regclass)")
        district.sql("DROP INDEX idx_health_records_student_date_type")
        district.sql('CREATE INDEX by_date ON health_records ("studentId", date) INCLUDE (type)')
        yield
        district.sql("DROP INDEX by_date")
        district.sql(usual)
    else:
        district.sql(f"SET white_cross.direct_reads = {'off' if 'queries' in request.param else 'on'}")
        yield
        district.sql("RESET white_cross.direct_reads")


def test_of_one_moment_there_is_often_another_to_take(district):
    """The rows that the next tests compare tell: often what was entered last is not of the lowest id."""
    assert district.one("""
        SELECT count(*) FROM (SELECT FROM health_records r JOIN students s ON s.id = r."studentId"
        WHERE jsonb_typeof(vital -> 'height') = 'number' OR vital ? 'bmi' GROUP BY s.id, r.date
        HAVING count(DISTINCT vital) > 1 AND min(r.id) <> (array_agg(r.id ORDER BY r."createdAt" DESC, r.id))[1]) t""") > 50


@pytest.mark.parametrize("as_of", ["2023-12-31", "2024-07-01 12:00", "2025-01-01", "2026-09-01"])
@pytest.mark.parametrize("grade", [None, "2", "none"])
def test_counts_are_those_of_plain_sql(district, way, grade, as_of):
    by_hand = district.connection.execute(BY_HAND, {"as_of": as_of, "grade": grade}).fetchall()
    assert counted(district, grade, as_of) == sorted(by_hand, key=str)


def test_all_categories_are_among_them(district):
    assert len({category for _, _, category, _ in counted(district)}) == 9, "six, and three of others"


def test_parallel_workers_share_the_students(district):
    """The plan of the statement inside, as the server itself logs it."""
    alone = counted(district)
    district.sql("LOAD 'auto_explain'")
    for name, value in {"auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on", "auto_explain.log_nested_statements": "on",
                        "auto_explain.log_level": "notice", "client_min_messages": "notice", "max_parallel_workers_per_gather": "2",
                        "auto_explain.log_timing": "off"}.items():
        district.sql(f"SET {name} = '{value}'")
    heard = []
    district.connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    assert counted(district) == alone
    plan = next(text for text in heard if "wc_bmi_group_of" in text and "Query Text: WITH" in text)
    assert "Parallel Seq Scan on students" in plan, plan
    assert "Workers Launched: " in plan and "Workers Launched: 0" not in plan, plan
    for name in "auto_explain.log_min_duration", "client_min_messages":
        district.sql(f"RESET {name}")


def test_one_student_as_plain_sql_has_it(district, way):
    by_hand = district.connection.execute(BY_HAND[:BY_HAND.rindex("SELECT grade")] + "SELECT id, category FROM grouped",
                                          {"as_of": "2025-01-01", "grade": None}).fetchall()
    assert sorted(district.rows("SELECT id, wc_bmi_group_of(id, '2025-01-01 00:00Z') FROM students")) == sorted(by_hand)


def test_records_of_no_day_are_passed_over(school, request):
    school.add_student("ada")
    for date, weight in ("infinity", 90), ("2025-01-01", 35), ("-infinity", 90):
        school.add_record("ada", date=date, vital=f'{{"height": 140, "weight": {weight}}}')
    for direct in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct}")
        for as_of in "infinity", "2026-01-01", "2025-01-01":
            assert school.one("SELECT wc_bmi_category_of('ada'::text, %s)", as_of) == "healthy"
        assert school.one("SELECT wc_bmi_category_of('ada'::text, '2024-12-31 23:59Z')") is None
        assert school.one("SELECT wc_bmi_category_of('ada'::text, '-infinity')") is None


@pytest.mark.parametrize("kind", ["text", "varchar(20)"])
def test_a_sex_that_is_no_enum(school, kind):
    school.sql(f"ALTER TABLE students ALTER gender TYPE {kind}")
    for sex, category in ("FEMALE", "healthy"), ("male", "healthy"), ("OTHER", None), ("unsaid", None):
        school.add_student(sex, gender=sex)
        school.add_record(sex, vital='{"height": 140, "weight": 35}')
        for direct in "on", "off":
            school.sql(f"SET white_cross.direct_reads = {direct}")
            assert school.one("SELECT wc_bmi_category_of(%s::text)", sex) == category


def test_a_policy_hides_students_from_the_count(district):
    district.sql("DO $$ BEGIN CREATE ROLE wc_test_counter; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    district.sql("GRANT SELECT ON students, health_records TO wc_test_counter")
    district.sql("CREATE POLICY one_grade ON students TO wc_test_counter USING (grade = '1')")
    district.sql("ALTER TABLE students ENABLE ROW LEVEL SECURITY")
    district.sql("SET ROLE wc_test_counter")
    assert {grade for grade, *_ in counted(district)} == {"1"}
    district.sql("RESET ROLE")
    district.sql("ALTER TABLE students DISABLE ROW LEVEL SECURITY")


def test_without_a_grade_column_it_says_so_and_summaries_go_on(school):
    student = school.add_student()
    school.sql("ALTER TABLE students DROP COLUMN grade")
    with pytest.raises(Exception, match="grade") as caught:
        school.sql("SELECT * FROM wc_growth_prevalence()")
    assert caught.value.sqlstate == "42703"
    assert school.summary(student)["student"]["id"] == student


def test_times_with_zone(cluster, empty_database):
    school = School(cluster, empty_database)
    school.sql("CREATE EXTENSION white_cross")
    school.sql("SELECT wc_create_tables('public')")
    school.sql('ALTER TABLE students ALTER "dateOfBirth" TYPE timestamptz USING "dateOfBirth" AT TIME ZONE \'UTC\'')
    school.sql("ALTER TABLE health_records ALTER date TYPE timestamptz USING date AT TIME ZONE 'UTC'")
    school.sql("SELECT wc_attach('public')")
    school.add_student("ada")
    school.add_record("ada", vital='{"height": 140, "weight": 35}')
    for zone in "UTC", "Pacific/Kiritimati":
        school.sql(f"SET timezone = '{zone}'")
        assert school.rows("SELECT student_grade, sex, category, students, percent FROM wc_growth_prevalence('5', '2026-01-01Z')") == [("5", "female", "healthy", 1, 100)]
    school.connection.close()
