"""A transaction that stays open for long keeps what was drained from being vacuumed: a drain must not read all of it again."""

import json
import re
from statistics import median

import pytest

from school import Cache
from servers import until

ROWS = 20_000


@pytest.fixture
def measured(school):
    """PostgreSQL writes into its log what each statement of the worker has read."""
    school.allow_worker()
    settings = {"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on",
                "auto_explain.log_buffers": "on", "auto_explain.log_timing": "off", "auto_explain.log_format": "json",
                "auto_explain.log_nested_statements": "off"}
    for name, value in settings.items():
        school.sql(f"ALTER ROLE {school.worker_role} IN DATABASE {school.database} SET {name} = '{value}'")
    return school


def buffers_of_takes(text):
    """Pages that each taking of rows looked at, in order."""
    found = []
    for plan in re.findall(r"LOG:  duration: [^\n]* plan:\n((?:\t[^\n]*\n)+)", text):
        plan = json.loads(plan)
        if "PREPARE wc_take" in plan["Query Text"]:  # whose text an EXECUTE of it goes by
            found.append(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])
    return found


def test_dead_rows_cost_a_drain_nothing(measured, start_worker, redis_server):
    school = measured
    student = school.add_student()
    worker = start_worker(settings={"prewarm": {"enabled": False}})
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()

        def changes(count):
            """Single changes, one after the other; what a drain of them reads, as the median: a drain reads a table's definition
            again after autovacuum or analyze was there, in either half."""
            log = school.cluster.log
            start = log.stat().st_size
            for _ in range(count):
                cache.plant_summary(student)
                school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'")
                cache.until_invalidated(cache.key(student))
            cache.until_drained()
            with open(log) as text:
                text.seek(start)
                takes = buffers_of_takes(text.read())
            assert len(takes) >= count and min(takes) > 0
            return median(takes)

        changes(3)
        before = changes(10)
        with school.cluster.connect(school.database, autocommit=False) as old:
            old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            old.execute("SELECT count(*) FROM white_cross.invalidation")
            school.sql(f"""DO $$ BEGIN FOR i IN 1 .. {ROWS} LOOP
                UPDATE allergies SET reaction = 'x' WHERE false; PERFORM wc_invalidate('nobody'::text); COMMIT; END LOOP; END $$""")
            cache.until_drained(timeout=60)
            school.sql("VACUUM white_cross.invalidation")
            dead = school.one("SELECT pg_relation_size('white_cross.invalidation') / current_setting('block_size')::int")
            assert dead > 10 * before, "they are to be there still, or this says nothing"
            changes(3)  # the vacuum made the session forget the table's definition, and it reads that again
            after = changes(10)
        assert worker.healthy()
    print(f"a drain read {before} pages, and {after} beside {dead} pages of dead rows")
    assert after <= 2 * before
