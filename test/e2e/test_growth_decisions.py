"""Which measurements are flagged and which students are counted, by every way to read and for every type of ids."""

import json
from datetime import datetime, timezone

import psycopg
import pytest

from own_ids import ID_TYPES, OwnSchool

AT = "2025-06-30"


@pytest.fixture(scope="module", params=ID_TYPES)
def district(request, cluster):
    school = OwnSchool(cluster, f"decisions_{request.param}", request.param, more="ALTER TABLE students ADD is_active boolean")
    with school.connection:
        yield school


@pytest.fixture(autouse=True)
def emptied(district):
    district.sql("TRUNCATE students CASCADE")


def vital(height=None, weight=None, **more):
    return json.dumps({name: value for name, value in {"height": height, "weight": weight, **more}.items() if value is not None})


def prevalence(school, *arguments, **named):
    words = ["%s"] * len(arguments) + [f"{name} => %s" for name in named]
    return school.rows(f"SELECT * FROM wc_growth_prevalence({', '.join(words)})", *arguments, *named.values())


def groups(school, **named):
    """Returns how many students are in each row, over all sexes, and checks this against wc_bmi_group_of of each student."""
    rows = prevalence(school, None, AT, **named)
    counted = {}
    for row in rows:
        counted[row[2]] = counted.get(row[2], 0) + row[3]
    within = "".join(", within => %s" for _ in named)
    each = school.rows(f"SELECT g, count(*) FROM (SELECT wc_bmi_group_of(id, %s{within}) AS g FROM students "
                       "WHERE is_active IS NOT false) AS t GROUP BY 1", AT, *named.values())
    assert counted == dict(each)
    return counted


def test_the_most_obese_are_not_called_healthy(district):
    district.add(1, born="2019-03-10", sex="MALE")
    for date, height, weight in ("2022-03-20", 97, 15), ("2024-03-20", 112, 40.8), ("2025-03-20", 118, 49):
        district.measure(1, date, vital(height, weight))
    chart = district.of("wc_growth_chart", 1, ["percentiles"])
    assert [(point["category"], point["implausible"]["bmi"]) for point in chart] == [
        ("healthy", False), ("obesity class 3", True), ("obesity class 3", True)]
    assert district.of("wc_bmi_category_of", 1, AT) == "obesity class 3"
    category, implausible, bmi, at = district.of("wc_latest_bmi", 1, AT)
    assert (category, implausible, at) == ("obesity class 3", True, datetime(2025, 3, 20, tzinfo=timezone.utc))
    assert bmi == pytest.approx(49 / 1.18**2)
    # Whoever wants plausible ones only gets nothing older.
    assert district.of("wc_bmi_category_of", 1, AT, True) is None
    assert district.of("wc_bmi_category_of", 1, AT, plausible_only=True) is None
    assert district.of("wc_bmi_category_of", 1, "2023-01-01", True) == "healthy"
    assert district.of("wc_latest_bmi", 1, "2023-01-01")[:2] == ("healthy", False)
    assert district.of("wc_bmi_group_of", 1, AT) == "to be checked"
    assert groups(district) == {"to be checked": 1}


def test_what_is_beyond_all_numbers_is_to_be_checked_too(district):
    """A BMI that overflows is as much of a latest measurement as one that is only large."""
    for n, (height, weight) in enumerate(((1e-200, 30), (1e200, 30), (1.4, 35), (54, 31)), 1):
        district.add(n, sex="MALE")
        district.measure(n, "2025-01-01", vital(140, 35))
        district.measure(n, "2025-02-01", vital(height, weight))
        assert district.of("wc_latest_bmi", n, AT)[1] is True
        assert district.of("wc_bmi_category_of", n, AT, plausible_only=True) is None
        assert district.of("wc_growth_chart", n, ["percentiles"])[1]["implausible"]["bmi"] is True
    assert groups(district) == {"to be checked": 4}


def test_records_without_a_bmi_are_skipped(district):
    district.add(1)
    district.measure(1, "2025-01-01", vital(140, 35))
    for day, record in enumerate((None, "null", "[1]", "{}", vital(heartRate=80), vital(140), vital(weight=35), vital("140", 35), vital(0, 35)), 1):
        district.measure(1, f"2025-02-{day:02}", record)
    assert district.of("wc_latest_bmi", 1, AT)[3] == datetime(2025, 1, 1, tzinfo=timezone.utc)
    assert district.of("wc_bmi_group_of", 1, AT) == "healthy"


def test_the_rows_add_up_to_the_students_of_the_grade(district):
    """There is one student for each reason to be in a row, and twice as many in another grade. Students who have left are in no
    row."""
    for grade in "5", "6":
        first = 100 if grade == "5" else 200
        for n, (row, columns, records) in enumerate((
                ("healthy", {}, [("2025-01-01", 140, 35)]),
                ("healthy", {"sex": "m", "is_active": None}, [("2025-01-01", 140, 35)]),
                ("obesity class 3", {"is_active": True}, [("2025-01-01", 140, 80)]),
                ("to be checked", {}, [("2024-12-01", 140, 35), ("2025-01-01", 54, 35)]),
                ("to be checked", {"sex": "OTHER"}, [("2025-01-01", 54, 35)]),
                ("no recent measurement", {}, []),
                ("no recent measurement", {}, [("2024-06-30 23:59:59", 140, 35)]),
                ("no recent measurement", {"sex": "OTHER"}, [("2024-06-30 23:59:59", 140, 35)]),
                ("no reference", {"sex": "OTHER"}, [("2025-01-01", 140, 35)]),
                ("no reference", {"sex": "Knabe"}, [("2025-01-01", 140, 35)]),
                ("no reference", {"born": "2000-03-02"}, [("2025-01-01", 170, 65)]),
                (None, {"is_active": False}, [("2025-01-01", 140, 80)]))):
            district.add(first + n, grade=grade, **columns)
            for date, height, weight in records:
                district.measure(first + n, date, vital(height, weight))
            if row:
                assert district.of("wc_bmi_group_of", first + n, AT) == row, (row, columns, records)
    assert groups(district) == {"healthy": 4, "obesity class 3": 2, "to be checked": 4, "no recent measurement": 6, "no reference": 6}
    for direct in "on", "off":
        district.sql(f"SET white_cross.direct_reads = {direct}")
        of_grade = prevalence(district, "5", AT)
        assert sum(row[3] for row in of_grade) == district.one("SELECT count(*) FROM students WHERE grade = '5' AND is_active IS NOT false")
        assert {row[1] for row in of_grade} == {"female", "male", "other", "knabe"}
        assert [row[2:5] for row in of_grade if row[1] == "female"] == [
            ("healthy", 1, 50.0), ("obesity class 3", 1, 50.0), ("to be checked", 1, None), ("no recent measurement", 2, None),
            ("no reference", 1, None)]
        # What was asked stands in each row.
        assert {row[5:] for row in of_grade} == {district.rows("SELECT timestamptz '2025-07-01Z' - interval '1 us', interval '1 year'")[0]}
        assert {row[6] for row in prevalence(district, None, AT, None)} == {None}
    district.sql("RESET white_cross.direct_reads")


def test_a_girl_who_was_measured_in_2009_is_in_no_category_today(district):
    district.add(1, born="2000-01-01")
    district.measure(1, "2009-05-05", vital(130, 70))
    assert district.of("wc_bmi_group_of", 1) == "no recent measurement"
    assert {row[2] for row in prevalence(district)} == {"no recent measurement"}
    assert {row[2] for row in prevalence(district, within="100 years")} == {"obesity class 3"}
    assert district.of("wc_bmi_group_of", 1, None, None) == "obesity class 3"  # however old


def test_within_goes_by_the_calendar_and_to_the_microsecond(district):
    district.add(1)
    district.measure(1, "2024-02-29 12:00:00.001", vital(140, 35))
    for as_of, within, found in (("2025-02-28 12:00:00Z", "1 year", True), ("2025-02-28 12:00:00.001Z", "1 year", True),
                                 ("2025-03-01 12:00:00.001Z", "1 year", False), ("2024-02-29 12:00:00.001Z", "1 us", True),
                                 ("2024-02-29 12:00:00.002Z", "1 ms", False), ("2024-02-29 12:00:00.000Z", "1 year", False)):
        assert (district.of("wc_bmi_group_of", 1, as_of, within) == "healthy") is found, (as_of, within)
    for within in "0 days", "-1 year":
        for statement in "SELECT wc_bmi_group_of(NULL::text, '2025-01-01', %s), wc_bmi_group_of('1'::text, '2025-01-01', %s)", "SELECT wc_growth_prevalence(NULL, %s, %s)":
            with pytest.raises(psycopg.errors.InvalidParameterValue, match="within"):
                district.sql(statement, *((within, within) if "group" in statement else ("2025-01-01", within)))


def test_which_students_have_left_the_binding_need_not_know(cluster, district):
    """If tables have no such column, every student counts. If one is attached, it decides. If it is dropped later, an error says
    so."""
    if district.id_type != "text":
        return
    school = OwnSchool(cluster, "decisions_unbound", "text")
    with school.connection:
        school.add(1)
        school.measure(1, "2025-01-01", vital(140, 35))
        assert [row[2:4] for row in prevalence(school, None, AT)] == [("healthy", 1)]
        school.sql("ALTER TABLE students ADD enrolled boolean NOT NULL DEFAULT false")
        assert [row[2:4] for row in prevalence(school, None, AT)] == [("healthy", 1)]
        assert ("binding", "ok") in school.rows('SELECT "check", status FROM wc_diagnose()')
        with pytest.raises(psycopg.errors.UndefinedColumn, match="active"):
            school.sql("""SELECT wc_attach('public', '{"students": {"columns": {"isActive": "active"}}}')""")
        with pytest.raises(psycopg.errors.DatatypeMismatch, match="student_number is text, must be boolean"):
            school.sql("""SELECT wc_attach('public', '{"students": {"columns": {"isActive": "student_number"}}}')""")
        school.sql("""SELECT wc_attach('public', '{"students": {"columns": {"isActive": "enrolled"}}}')""")
        assert prevalence(school, None, AT) == []
        school.sql("SELECT wc_attach('public')")  # keeps it
        assert prevalence(school, None, AT) == []
        school.sql("ALTER TABLE students DROP enrolled")
        with pytest.raises(psycopg.errors.UndefinedColumn, match="isActive"):
            prevalence(school, None, AT)
        assert school.of("wc_health_summary", 1)["student"]["id"] == "id-0001"
        assert "fail" in {status for name, status in school.rows('SELECT "check", status FROM wc_diagnose()') if name == "binding"}


def test_of_another_sex_what_is_implausible_for_both_is_flagged(district):
    for n, sex in enumerate(("OTHER", "PREFER_NOT_TO_SAY", "Knabe"), 1):
        district.add(n, sex=sex)
        district.measure(n, "2025-01-01", vital(54, 35))
        district.measure(n, "2025-02-01", vital(140, 35))
        bad, good = district.of("wc_growth_chart", n, ["percentiles"])
        assert bad["implausible"] == {"height": True, "weight": None, "bmi": True} and bad["zScores"]["height"] is None
        assert good["implausible"] == {"height": None, "weight": None, "bmi": None}
        assert district.of("wc_bmi_group_of", n, "2025-01-15") == "to be checked"
        assert district.of("wc_bmi_group_of", n, AT) == "no reference"
        assert district.of("wc_latest_bmi", n, "2025-01-15")[:2] == (None, True)
        assert "implausible" in district.of("wc_growth_chart_svg", n, "height")


def test_the_function_says_so_of_another_sex(district):
    """Just as the two sexes together, wherever they agree that it is implausible; one by one and of arrays."""
    differ = district.rows("""
        WITH asked AS (SELECT m.measure, age::float8, value::float8 FROM (VALUES ('bmi', 60), ('height', 250), ('weight', 250)) AS m (measure, most)
                       CROSS JOIN generate_series(24, 239, 5) AS age CROSS JOIN LATERAL generate_series(2, m.most, 3) AS value),
             said AS (SELECT *, wc_growth_implausible(measure, 'other', age, value) AS other, wc_growth_implausible(measure, 'male', age, value)
                             AND wc_growth_implausible(measure, 'female', age, value) AS of_both,
                             (wc_growth_implausible_batch(measure, '{X}', ARRAY[age], ARRAY[value]))[1] AS batch FROM asked)
        SELECT of_both, other, batch, count(*) > 100 FROM said GROUP BY 1, 2, 3""")
    assert sorted(differ, key=str) == [(False, None, None, True), (True, True, True, True)]


def test_wc_diagnose_counts_the_sexes_that_are_not_known(district):
    """It counts the spellings that give no chart, in text and enum columns, and shows none of them."""
    def finding():
        district.sql("ANALYZE students")
        return district.rows("SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'sexes'")

    for n, sex in enumerate(("M", "F", " male ", "Female\n", "OTHER", "unknown", "prefer_not_to_say"), 1):
        district.add(n, sex=sex)
        district.measure(n, "2025-01-01", vital(140, 35))
        assert (district.of("wc_growth_chart", n, ["percentiles"])[0]["category"] is not None) is (n <= 4), sex
        assert district.of("wc_bmi_category_of", n, AT) == ("healthy" if n <= 4 else None)
    assert [status for status, *_ in finding()] == ["ok"]
    for n in range(10, 40):
        district.add(n, sex="Knabe" if n % 3 else "Maedchen")
    (status, detail, remedy), = finding()
    assert status == "warn" and "about 30 rows of public.students have a gender" in detail and "Knabe" not in detail
    assert dict(district.rows(remedy))["Knabe"] == 20
    district.sql("UPDATE students SET gender = 'Knabe' WHERE gender = 'Maedchen' OR id <> (SELECT min(id::text) FROM students)::" + district.id_type)
    district.sql("BEGIN")
    district.sql("CREATE TYPE sex AS ENUM ('M', 'Knabe')")
    district.sql("ALTER TABLE students ALTER gender TYPE sex USING gender::sex")
    (status, detail, _), = finding()
    assert status == "warn" and "about 36 rows" in detail
    district.sql("ROLLBACK")
