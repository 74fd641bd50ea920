"""Many summaries cost as many queries as one, also where queries are needed; and large histories are right."""

import json

import pytest

from inner_queries import queries_of


@pytest.fixture
def by_queries(school):
    school.sql("SET white_cross.direct_reads = off")
    return school


def test_the_number_of_queries_does_not_grow_with_the_students(by_queries):
    ids = [by_queries.add_student() for _ in range(40)]
    for student in ids:
        by_queries.add_allergy(student)
        by_queries.add_record(student, vital='{"height": 120}')
    batch = "SELECT count(summary) FROM wc_health_summaries(%s::text[])"
    few = queries_of(by_queries, batch, ids[:2])
    many = queries_of(by_queries, batch, ids)
    assert len(few) == len(many) == 5


def test_ten_thousand_records(school):
    student = school.add_student()
    school.sql(
        """INSERT INTO health_records (id, type, date, description, vital, "studentId")
           SELECT 'r' || lpad(n::text, 6, '0'), (enum_range(NULL::"HealthRecordType"))[1 + n %% 10], timestamp '2015-01-01' + n * interval '1 hour', 'x',
                  CASE WHEN n %% 4 = 0 THEN jsonb_build_object('height', n) END, %s FROM generate_series(1, 10000) n""", student)
    for vacuumed in (False, True):
        if vacuumed:
            school.sql("VACUUM health_records")
        for direct in ("on", "off"):
            school.sql(f"SET white_cross.direct_reads = {direct}")
            summary = school.one("SELECT wc_health_summary(%s)", student)
            assert [vital["vital"]["height"] for vital in summary["recentVitals"]] == [10000, 9996, 9992, 9988, 9984]
            assert [shot["id"] for shot in summary["recentVaccinations"]] == ["r009991", "r009981", "r009971", "r009961", "r009951"]
            assert set(summary["recordCounts"].values()) == {1000} and len(summary["recordCounts"]) == 10


def test_a_history_without_vitals_and_texts_of_a_megabyte(school):
    student = school.add_student(firstName="é" * 500_000)
    for n in range(7):
        school.add_record(student, description="\\\"\n" * 300_000, notes="n" * 100, type="VACCINATION", date=f"2025-01-0{n + 1}")
    for direct in ("on", "off"):
        school.sql(f"SET white_cross.direct_reads = {direct}")
        summary = school.one("SELECT wc_health_summary(%s)", student)
        assert summary["student"]["firstName"] == "é" * 500_000
        assert summary["recentVitals"] == []
        assert [shot["description"] for shot in summary["recentVaccinations"]] == ["\\\"\n" * 300_000] * 5
        assert json.dumps(summary["recordCounts"]) == '{"VACCINATION": 7}'
