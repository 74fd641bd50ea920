"""Rows of the queue that no trigger wrote: the worker handles them whatever they contain, and they stop no other row."""

import pytest

from school import Cache
from servers import until


@pytest.fixture
def alert(start_worker, redis_server, school):
    """A worker that looks through the whole queue each second, and the cache that it keeps."""
    worker = start_worker(settings={"queue": {"heartbeat_s": 1}, "prewarm": {"save_interval_s": 1}})
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        yield worker, cache


EVERY_ROW = """
INSERT INTO white_cross.invalidation (xid, n, sections, students, pattern, queued_at)
SELECT (ARRAY[pg_current_xact_id()::text, '0', '1', '18446744073709551615'])[1 + number % 4]::xid8,
       CASE number % 3 WHEN 0 THEN -number - 2 WHEN 1 THEN number ELSE 2147483647 - number END, sections, students, pattern, queued_at
FROM (SELECT row_number() OVER ()::integer AS number, s.*, t.*, p.*, q.*
      FROM unnest('{-32768,-1,0,31,32767}'::smallint[]) AS s (sections)
      CROSS JOIN (VALUES (NULL::text[]), ('{}'), ('{NULL}'), (ARRAY[NULL, 'ada']), ('{{ada,grace},{joan,NULL}}'), ('[-5:-4]={ada,grace}'),
                         ('{""}'), (ARRAY[repeat('x', 10000)]), (ARRAY(SELECT md5(i::text) FROM generate_series(1, 2000) AS i)),
                         ('{"a:records:1:20:b"}'), (ARRAY[E'\\x1b[31m\\n'])) AS t (students)
      CROSS JOIN (VALUES (NULL), (''), ('*'), ('['), ('student:*'), (repeat('?', 3000))) AS p (pattern)
      CROSS JOIN unnest('{now,infinity,-infinity,"4713-11-24 BC","294276-12-31"}'::timestamptz[]) AS q (queued_at)) AS every"""


def judged(school):
    return {row[0] for row in school.rows("SELECT status FROM wc_diagnose() WHERE \"check\" IN ('queue', 'worker')")}


def test_rows_of_every_kind(school, alert):
    worker, cache = alert
    students = [school.add_student(id) for id in ("ada", "grace", "joan", "beside")]
    cache.until_drained()
    cache.plant_summary(*students)
    with school.connection.transaction():
        school.sql(EVERY_ROW)
        assert school.one("SELECT count(*) FROM white_cross.invalidation") == 5 * 11 * 6 * 5
        school.sql("UPDATE students SET grade = '6' WHERE id = 'beside'")
    assert judged(school), "no row keeps it from looking"
    cache.until_invalidated(*map(cache.key, students))
    until(school.is_drained, 60, "the queue to be empty")
    assert worker.failures("postgres") == worker.failures("redis") == 0
    until(lambda: judged(school) == {"ok"}, 30, "the worker to say that it is well")


def test_a_row_that_names_nobody_changes_nobody(school, alert):
    """A NULL among the students is not the student whose id is empty."""
    worker, cache = alert
    student = school.add_student("ada")
    cache.until_drained()
    cache.plant_summary(student, "")
    for students in "{NULL}", "{NULL,ada,NULL}", "{}":
        school.sql("INSERT INTO white_cross.invalidation VALUES (pg_current_xact_id(), 0, 15, %s, NULL, now())", students)
    cache.until_invalidated(cache.key(student))
    cache.until_drained()
    assert cache.is_planted(cache.key("")) and not cache.client.exists(cache.key("", "fence"))
    assert worker.failures("postgres") == worker.failures("redis") == 0


def test_a_row_of_a_million_students_is_one_for_every_student(school, alert):
    worker, cache = alert
    student = school.add_student()
    cache.until_drained()
    cache.plant_summary(student)
    for students in "ARRAY(SELECT i::text FROM generate_series(1, 1000000) AS i)", "ARRAY[repeat(md5('x'), 100), (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 100000) AS i)]":
        cache.plant_summary(student)
        school.sql(f"INSERT INTO white_cross.invalidation VALUES (pg_current_xact_id(), 0, 1, {students}, NULL, now())")
        cache.until_invalidated(cache.key(student), timeout=30)
        until(school.is_drained, 30, "the queue to be empty")
    assert worker.failures("postgres") == worker.failures("redis") == 0
    assert "every student changed: removing all" in worker.log.read_text()


def test_long_ids(school, alert):
    """Their table has no index that would refuse them."""
    worker, cache = alert
    school.sql("ALTER TABLE students DROP CONSTRAINT students_pkey CASCADE")
    school.sql("SELECT wc_attach('public')")
    ids = ["", *(f"{n}-" + "".join(chr(0x100 + (i * n * 7919) % 5000) for i in range(5000)) for n in range(1, 30))]
    for id in ids:
        school.add_student(id or "unnamed", studentNumber=f"N{ids.index(id)}")
    school.sql("UPDATE students SET id = '' WHERE id = 'unnamed'")
    cache.until_drained()
    for id in ids:
        assert cache.load(id) in (0, 1)
        cache.plant_summary(id)
    school.sql("UPDATE students SET grade = '6'")
    cache.until_invalidated(*map(cache.key, ids))
    cache.until_drained()
    until(lambda: all(cache.load(id) == 1 for id in ids), 10, "fills of all")
    until(lambda: school.one("SELECT count(*) FROM white_cross.hot_student") > 0, 10, "the list of hot students to be saved")
    assert worker.failures("postgres") == worker.failures("redis") == worker.failures("prewarm") == 0
