"""Students with very many records, also of one instant: what is made of them takes no more memory than for students with few."""

import re
from pathlib import Path

import pytest

from school import attached_school

FEW, MANY = 2_000, 40_000
NOISE_KB = 1_500

# Entered at twenty moments or at none.  All have a vital, and some a height.
RECORDS = """
INSERT INTO health_records (id, type, date, description, vital, notes, "createdAt", "updatedAt", "studentId")
SELECT '{id}-' || md5(n::text), (ARRAY['VACCINATION', 'CHECKUP', 'DENTAL', 'ILLNESS'])[1 + n % 4]::"HealthRecordType",
       timestamp '2025-10-10' - {step} * n, 'imported', jsonb_build_object('heartRate', 60 + n % 60)
           || CASE WHEN n % 200 = 0 THEN '{{"height": 140}}'::jsonb ELSE '{{}}' END,
       repeat('n', 100), CASE WHEN n % 21 > 0 THEN timestamp '2025-10-10' + n % 21 * interval '1 hour' END, '2025-10-10', '{id}'
FROM generate_series(1, {count}) AS n
"""
ONE_INSTANT, MINUTES = "interval '0'", "interval '1 minute'"
STUDENTS = {"few at once": (FEW, ONE_INSTANT), "at once": (MANY, ONE_INSTANT), "few": (FEW, MINUTES), "many": (MANY, MINUTES)}


@pytest.fixture(scope="module")
def crowded(cluster):
    with attached_school(cluster, "many_records") as school:
        school.sql('ALTER TABLE health_records ALTER "createdAt" DROP NOT NULL')
        for id, (count, step) in STUDENTS.items():
            school.add_student(id)
            school.sql(RECORDS.format(id=id, count=count, step=step))
        school.sql("VACUUM ANALYZE health_records")
        yield school


@pytest.fixture
def without_the_order(crowded):
    """No index has more than the application's own."""
    definition = crowded.one("SELECT pg_get_indexdef('idx_health_records_student_date_type'::regclass)")
    crowded.sql("DROP INDEX idx_health_records_student_date_type")
    yield crowded
    crowded.sql(definition)
    crowded.sql("VACUUM health_records")


def peak_kb(school, call, student):
    """kB that a fresh session has of its own at the most, beyond what it has after calls for other students."""
    def own(*fields):
        status = Path(f"/proc/{connection.info.backend_pid}/status").read_text()
        return [int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) for field in fields]

    with school.cluster.connect(school.database) as connection:
        # A sort may take that much, whatever is sorted.
        connection.execute("SET work_mem = '256kB'")
        for warm in "few", "few at once":
            connection.execute(f"SELECT {call} IS NOT NULL", [warm])
        before, = own("RssAnon")
        connection.execute(f"SELECT {call} IS NOT NULL", [student])
        # Shared buffers are in the high-water mark too.
        peak, file, shared = own("VmHWM", "RssFile", "RssShmem")
        return peak - file - shared - before


@pytest.mark.parametrize("student", ["at once", "many"])
@pytest.mark.parametrize("call", ["wc_health_summary(%s::text)", "wc_health_summary(%s::text, '{growth,trends}')", "wc_vital_trend(%s::text, 'heartRate')",
                                  "wc_growth_chart(%s::text)", "wc_growth_chart_svg(%s::text, 'height')"])
def test_memory_does_not_grow_with_the_records(crowded, call, student):
    grown = peak_kb(crowded, call, student)
    assert grown < NOISE_KB, f"{grown} kB for {MANY} records"


def test_a_list_takes_little_more_than_itself(crowded):
    call = "wc_vaccinations(%s::text)"
    grown, size = peak_kb(crowded, call, "many"), crowded.one(f"SELECT octet_length({call}::text)", "many") // 1024
    assert size > NOISE_KB, size
    assert grown < 2.5 * size, f"{grown} kB for a list of {size} kB"


def test_a_summary_without_the_order_of_ties_in_an_index(without_the_order):
    """What is kept of each record is where it is."""
    grown = peak_kb(without_the_order, "wc_health_summary(%s::text)", "at once")
    assert grown < NOISE_KB + 2 * 16 * MANY // 1024, f"{grown} kB for {MANY} records"


def test_ties_are_in_order(crowded, without_the_order):
    for student in STUDENTS:
        direct, by_queries = (
            (crowded.sql(f"SET white_cross.direct_reads = {way}"), crowded.one("SELECT wc_health_summary(%s)::text", student))[1] for way in ("on", "off"))
        assert direct == by_queries, student


def walk(school, student, size, filters):
    cursor, texts = None, []
    while True:
        text, cursor = school.rows("SELECT p::text, p ->> 'nextCursor' FROM wc_student_records_after(%s::text, %s, %s, %s::jsonb) AS p",
                                   student, cursor, size, filters)[0]
        texts.append(text)
        if cursor is None:
            return texts


@pytest.mark.parametrize("student", ["few at once", "few"])
@pytest.mark.parametrize("filters", ["{}", '{"dateFrom": "2025-10-09T06:00:00Z", "dateTo": "2025-10-10"}', '{"dateFrom": "2025-10-11"}',
                                     '{"dateTo": "2025-10-09T12:00:00Z"}', '{"type": "DENTAL"}', '{"provider": "x"}'])
def test_pages_are_the_same_by_queries(crowded, student, filters):
    seen = []
    for way in "on", "off":
        crowded.sql(f"SET white_cross.direct_reads = {way}")
        pages = [crowded.one("SELECT wc_student_records(%s::text, %s, 70, %s::jsonb)::text", student, page, filters) for page in (1, 2, 14, 15, 28, 29, 30)]
        seen.append((walk(crowded, student, 97, filters), pages))
    assert seen[0] == seen[1]
