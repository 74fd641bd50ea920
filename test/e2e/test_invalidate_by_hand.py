"""wc_invalidate: for changes that no trigger sees.  It goes the way of every change, and all that is cached of a student goes."""

import pytest
from psycopg import errors

NAMES = "health_summary", "growth_chart", "records:1:20:{}"


def keys_of(cache, *students):
    keys = [cache.key(student, name) for student in students for name in NAMES]
    cache.plant(*keys)
    for student in students:
        cache.client.sadd(cache.key(student, "pages"), cache.key(student, NAMES[2]))
    return keys


@pytest.fixture
def students(school, cache):
    students = [school.add_student() for _ in range(3)]
    cache.until_drained()
    return students


def test_one(students, school, cache):
    gone, stays = keys_of(cache, students[0]), keys_of(cache, students[1])
    school.psql(f"SELECT wc_invalidate('{students[0]}'::text)")
    cache.until_invalidated(*gone)
    cache.assert_stays(*stays)


def test_many(students, school, cache):
    gone, stays = keys_of(cache, *students[:2]), keys_of(cache, students[2])
    school.sql("SELECT wc_invalidate(%s::text[])", [*students[:2], None])
    cache.until_invalidated(*gone)
    cache.assert_stays(*stays)


def test_all(students, school, cache):
    keys = keys_of(cache, *students, "whoever")
    school.psql("SELECT wc_invalidate_all()")
    cache.until_invalidated(*keys)


def test_it_is_part_of_the_transaction(students, school, cache):
    keys = keys_of(cache, *students)
    school.psql(f"BEGIN; SELECT wc_invalidate_all(), wc_invalidate('{students[0]}'::text); ROLLBACK")
    cache.assert_stays(*keys)


def test_not_where_nothing_may_be_written(students, school):
    with pytest.raises(errors.ReadOnlySqlTransaction):
        school.sql("BEGIN READ ONLY")
        try:
            school.sql("SELECT wc_invalidate_all()")
        finally:
            school.sql("ROLLBACK")


def test_not_by_everybody(students, school):
    school.sql("DO $$ BEGIN CREATE ROLE wc_test_nobody LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    with school.cluster.connect(school.database, "wc_test_nobody") as nobody:
        for call in "wc_invalidate_all()", "wc_invalidate('x'::text)", "wc_invalidate('{x}'::text[])":
            with pytest.raises(errors.InsufficientPrivilege):
                nobody.execute(f"SELECT {call}")
