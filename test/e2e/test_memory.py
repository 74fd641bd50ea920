"""A backend's memory stays flat over many calls and many errors of every kind.

Functional tests do not see a leak in the boundary between C++ and PostgreSQL: versions that passed them all leaked
megabytes.  The calls of one loop share a transaction, so that nothing is freed by its end.
"""

import re

import pytest

from backend_memory import CALLS, LIMIT_KB, LOOPS, resident_kb

pytestmark = pytest.mark.thorough

WARM_UP = 2_000

RESULTS = {
    "a summary": "wc_health_summary('ada')",
    "a summary by queries": "wc_health_summary('grace')",
    "a summary with all sections": "wc_health_summary('ada', include => '{chronicConditions,growth,trends}')",
    "no such student": "wc_health_summary('nobody')",
    "a null": "wc_health_summary(NULL::text)",
    "cache entries": "(SELECT count(value) FROM wc_cache_entries('{ada,nobody}'::text[]))",
    "many summaries": "(SELECT count(summary) FROM wc_health_summaries('{ada,nobody}'::text[]))",
    "statistics": "(SELECT wc_statistics(x) FROM generate_series(1, 30) AS x)",
    "a trend": "(SELECT wc_trend(x, timestamp '2025-01-01' + x * interval '1 day') FROM generate_series(1, 5) AS x)",
    "a trend of a vital": "wc_vital_trend('ada'::text, 'height')",
    "a growth chart": "wc_growth_chart('ada'::text, include => '{percentiles}')",
    "an export": "(SELECT count(*) FROM wc_export_health_history('ada', 3))",
    "an export that is left": "(SELECT json_typeof(chunk) FROM (SELECT wc_export_health_history('ada', 1)) AS t (chunk) LIMIT 1)",
    "an export as CSV": "(SELECT count(*) FROM wc_export_health_history_csv('ada'::text))",
    "exports": "(SELECT count(chunk) FROM wc_export_health_histories('{ada,nobody,grace}'::text[]))",
    "a search": "wc_search_health_records('vaccine \"dose 2\" -fever quil')",
    "a search by rank with highlights": "wc_search_health_records('xx', \"order\" => 'rank', highlight => true)",
    "a category": "wc_bmi_category_of('ada'::text)",
    "a category by queries": "wc_bmi_category_of('ada'::text)",
    "the latest BMI": "wc_latest_bmi('ada'::text, '2026-06-30')",
    "a group by queries": "wc_bmi_group_of('ada'::text, date '2026-06-30', '10 years')",
    "a picture": "wc_growth_chart_svg('ada'::text, 'height', 200, 200)",
    "a cache key": "wc_cache_key('ada'::text, 'health_summary')",
    "a page": """wc_student_records('ada', 2, 3, '{"provider": "n", "dateFrom": "2025-01-01", "type": "VACCINATION"}')""",
    "a page by cursor": "wc_student_records_after('ada', wc_student_records_after('ada', NULL, 3) ->> 'nextCursor', 3)",
    "lists": "(wc_student_allergies('ada')::text || wc_student_conditions('ada') || wc_recent_vitals('ada') || wc_vaccinations('ada'))",
    "a page to be cached": """(SELECT count(value) FROM wc_cache_entries('{ada,nobody}'::text[], ARRAY['records:1:20:{"type":null}']))""",
    "a page's key": """wc_cache_key('ada', 1, 20, '{"provider": "Nurse", "type": "DENTAL"}')""",
    "a page of filters as jsonb": """wc_student_records('ada', 2, 3, '{"provider": "n"}'::jsonb)""",
    "a key of filters as json": """wc_cache_key('ada', 1, 20, '{"provider": "Nurse"}'::json)""",
    "a summary as jsonb": "wc_health_summary_jsonb('ada', '{growth}')",
    "many summaries as jsonb": "(SELECT count(summary) FROM wc_health_summaries_jsonb('{ada,nobody}'))",
    "an export as jsonb": "(SELECT count(*) FROM wc_export_health_history_jsonb('ada', 3))",
    "exports as jsonb": "(SELECT count(chunk) FROM wc_export_health_histories_jsonb('{ada,nobody,grace}'))",
    "a vital of text": """wc_vital_value('{"height": 130}', 'height')""",
    "students by hand": "(wc_invalidate('{ada,grace,ada}'::text[]) + wc_prewarm('{ada,grace}'))",
    "a deletion": "wc_bulk_delete_records('{nobody,nobody,none}'::text[])",
    "a BMI's category by an enum": "wc_bmi_category('MALE'::\"Gender\", 100, 16)",
    "growth of an array": "wc_bmi_category_batch('{male,female,NULL}', '{100,100,100}', '{16,17,18}')",
    "a look into the queue": "(SELECT count(*) FROM white_cross.take('{1,2}', '0', 0, '3', 0, 10))",
    "growth curves": "(SELECT count(value) FROM wc_growth_curves('bmi', 'male', '{50}'))",
}

ERRORS = {
    "an unknown section": ("wc_health_summary('ada', include => '{nonsense}')", "22023"),
    "an unknown kind": ("(SELECT count(*) FROM wc_cache_entries('{ada}'::text[], '{nonsense}'))", "22023"),
    "an unknown measure": ("wc_growth_zscore('length', 'male', 100, 128)", "22023"),
    "a wrong element": ("wc_growth_zscore_batch('bmi', '{male,male}', '{100,100}', '{16,NaN}')", "22003"),
    "a value that is none": ("(SELECT wc_statistics(x) FROM unnest('{1,2,NaN}'::float8[]) AS x)", "22003"),
    "an unknown vital": ("wc_vital_trend('ada'::text, 'pulse')", "22023"),
    "a batch of nothing": ("(SELECT count(*) FROM wc_export_health_history('ada', 0))", "22023"),
    "an export that fails halfway": ("(SELECT 1 / (3 - (c ->> 'chunk')::int) FROM (SELECT wc_export_health_history('ada', 1)) AS t (c) OFFSET 9)", "22012"),
    "an unknown filter": ("""wc_student_records('ada', filters => '{"nonsense": "x"}')""", "22023"),
    "a date that is none": ("""wc_student_records('ada', filters => '{"type": "DENTAL", "dateTo": "today"}')""", "22007"),
    "filters that are not JSON": ("wc_student_records('ada', filters => '{')", "22P02"),
    "filters of another type": ("wc_student_records('ada', filters => 5)", "42804"),
    "a vital that is not JSON": ("wc_vital_value('{', 'height')", "22P02"),
    "no cursor": ("wc_student_records_after('ada', repeat('00', 40))", "22023"),
    "an unknown order": ("wc_search_health_records('x', \"order\" => 'x')", "22023"),
    "an unknown measure of a picture": ("wc_growth_chart_svg('ada'::text, 'waist')", "22023"),
    "a look into the queue without a worker": ("(SELECT count(*) FROM white_cross.take('{}', '0', 0, '0', 0, 10))", "55000"),
    "a kind that is NULL": ("(SELECT count(*) FROM wc_cache_entries('{ada}'::text[], '{NULL}'))", "22004"),
}


@pytest.fixture
def ada(school):
    for student in "ada", "grace":
        school.add_student(student)
        for n in range(8):
            school.add_record(student, vital=f'{{"height": {140 + n}, "weight": 36.5}}', type="VACCINATION", notes="x" * 200)
        school.add_allergy(student)
        school.add_condition(student)
    return school


def growth(school, function):
    """How many kB the backend grew by over CALLS calls, after it was warm."""
    pid = school.connection.info.backend_pid
    school.sql("BEGIN")
    school.sql(f"SELECT {function}({WARM_UP})")
    before = resident_kb(pid)
    result = school.one(f"SELECT {function}({CALLS})")
    grown = resident_kb(pid) - before
    school.sql("ROLLBACK")
    return grown, result


@pytest.mark.parametrize("what", RESULTS)
def test_calls(what, ada):
    if "queries" in what:
        ada.sql("SET white_cross.direct_reads = off")
    if "queue" in what:
        ada.sql("SELECT white_cross.register_worker('w')")
    ada.sql(LOOPS.format(expression=RESULTS[what]))
    grown, _ = growth(ada, "calls")
    assert grown < LIMIT_KB


@pytest.mark.parametrize("what", ERRORS)
def test_errors(what, ada):
    expression, sqlstate = ERRORS[what]
    ada.sql(LOOPS.format(expression=expression))
    grown, seen = growth(ada, "errors")
    assert seen == sqlstate
    assert grown < LIMIT_KB


def test_errors_from_the_server_itself(ada):
    """No privilege: the error is raised inside a backend call, with C++ on the stack."""
    ada.sql(LOOPS.format(expression="wc_health_summary('ada')"))
    ada.sql("DO $$ BEGIN CREATE ROLE wc_test_powerless; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    ada.sql("SET ROLE wc_test_powerless")
    grown, seen = growth(ada, "errors")
    ada.sql("RESET ROLE")
    assert seen == "42501"
    assert grown < LIMIT_KB


def test_a_missing_column(ada):
    ada.sql(LOOPS.format(expression="wc_health_summary('ada')"))
    ada.sql("ALTER TABLE allergies DROP COLUMN treatment")
    grown, seen = growth(ada, "errors")
    assert seen == "42703"
    assert grown < LIMIT_KB


def test_changes(ada):
    """Many transactions of one session, each with its own set of changed students."""
    ada.sql("SELECT white_cross.register_worker('w')")
    ada.sql("CREATE PROCEDURE change(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1 .. n LOOP "
            "UPDATE allergies SET reaction = i::text WHERE \"studentId\" = 'ada'; COMMIT; END LOOP; END $$")
    pid = ada.connection.info.backend_pid
    ada.sql(f"CALL change({WARM_UP})")
    before = resident_kb(pid)
    ada.sql(f"CALL change({CALLS // 2})")
    assert resident_kb(pid) - before < LIMIT_KB


def peak_kb(school, statement, warm_up, work_mem):
    """How many kB of address space a fresh backend takes for a statement, at the peak."""
    def peak():
        return int(re.search(r"VmPeak:\s+(\d+) kB", open(f"/proc/{connection.info.backend_pid}/status").read())[1])

    with school.cluster.connect(school.database) as connection:
        connection.execute(f"SET work_mem = '{work_mem}'")
        connection.execute(warm_up)
        before = peak()
        connection.execute(statement)
        return peak() - before


def test_a_search_needs_less_than_a_bitmap(school):
    """A search that looks into the index of words three times keeps sets of bits, of 8 bytes for each page, and frees what it combined.

    The server's bitmap is as large as the pages it names are many: here each record fills a page.
    """
    school.add_student("ada")
    school.sql("ALTER TABLE health_records SET (fillfactor = 10)")
    school.sql("""INSERT INTO health_records (id, type, date, description, notes, "createdAt", "updatedAt", "studentId")
                  SELECT n, (CASE WHEN n > 2300 THEN 'CHECKUP' ELSE 'DENTAL' END)::"HealthRecordType", timestamp '2000-01-01' + n * interval '1 hour',
                         CASE WHEN n > 400 THEN 'alpha beta' ELSE 'alpha betatron' END, repeat('x', 500), '2025-01-01', '2025-01-01', 'ada'
                  FROM generate_series(1, 15000) AS n""")
    school.sql("VACUUM ANALYZE health_records")
    assert school.one("SELECT relpages FROM pg_class WHERE oid = 'health_records'::regclass") >= 15_000
    # Its words alone are in no more dental records than are counted, the beginnings in more, which are older than a walk goes.
    search = "SELECT wc_search_health_records('alpha beta', 'DENTAL')"
    assert school.one(search)["pagination"] == {"page": 1, "limit": 20, "total": 2001, "pages": 101, "totalIsLowerBound": True}
    # 32768 entries of 48 bytes, and half as many while it grows.
    bitmap = 32768 * 48 // 1024
    for work_mem in "64MB", "64kB":
        taken = peak_kb(school, search, search.replace("alpha", "gamma"), work_mem)
        assert taken < bitmap, f"{taken} kB, where a bitmap takes {bitmap}"


def test_the_measurement_detects_a_leak(ada):
    """A thousand prepared statements that are never freed count as a leak of at least 100 bytes a call."""
    ada.sql("CREATE FUNCTION leaks(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1 .. n / 20 LOOP "
            "EXECUTE format('PREPARE leak_%s_%s AS SELECT 1', n, i); END LOOP; END $$")
    grown, _ = growth(ada, "leaks")
    assert grown > LIMIT_KB
