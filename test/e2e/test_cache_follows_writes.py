"""Every way to change a student's rows reaches the cache, from a plain psql that knows nothing of it."""

import pytest

from servers import until

pytestmark = pytest.mark.thorough


@pytest.fixture
def ada(school):
    student = school.add_student("ada")
    school.add_record(student, "r1", vital='{"height": 140}')
    school.add_allergy(student, "a1")
    return student


STATEMENTS = {
    "insert": """INSERT INTO allergies (id, allergen, severity, verified, "updatedAt", "studentId")
                 VALUES ('new', 'Milk', 'MILD', false, now(), 'ada')""",
    "update": "UPDATE students SET \"lastName\" = 'Byron' WHERE id = 'ada'",
    "delete": "DELETE FROM health_records WHERE id = 'r1'",
    "upsert": """INSERT INTO allergies (id, allergen, severity, verified, "updatedAt", "studentId")
                 VALUES ('a1', 'Milk', 'MILD', false, now(), 'ada')
                 ON CONFLICT (id) DO UPDATE SET allergen = excluded.allergen""",
    "truncate": "TRUNCATE allergies",
    "copy": "COPY health_records (id, type, date, description, \"updatedAt\", \"studentId\") FROM stdin;\n"
            "r2\tVACCINATION\t2025-11-01 10:00:00\tTdap\t2025-11-01 10:00:00\tada\n\\.\n",
    "savepoint": """BEGIN; SAVEPOINT s; UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'; RELEASE s; COMMIT""",
    "after a rolled back savepoint": """BEGIN; SAVEPOINT s; DELETE FROM allergies; ROLLBACK TO s;
                 UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'; COMMIT""",
    "replica role": "SET session_replication_role = replica; UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'",
    "prepared": "BEGIN; UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'; PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'",
    "merge": """MERGE INTO allergies a USING (VALUES ('a1')) v (id) ON a.id = v.id
                WHEN MATCHED THEN UPDATE SET reaction = 'Hives'""",
}


@pytest.mark.parametrize("how", STATEMENTS)
def test_write_from_psql(how, ada, school, cache):
    if how == "merge" and school.cluster.version < 15:
        pytest.skip("MERGE came with PostgreSQL 15")
    before = school.summary(ada)
    cache.plant_summary(ada)
    school.psql(STATEMENTS[how] + (";" if how != "copy" else ""))
    assert school.summary(ada) != before
    cache.until_invalidated(cache.key(ada))


def test_deleting_a_student_takes_its_keys_along(ada, school, cache):
    cache.load(ada)
    school.psql("DELETE FROM students WHERE id = 'ada'")
    until(lambda: not cache.client.exists(cache.key(ada)), 10, "the key to be gone")
    cache.until_drained()
    assert cache.client.exists(cache.key(ada)) == 0


def test_cascade_invalidates_each_student(ada, school, cache):
    """The foreign key's own deletes are writes too, of every table."""
    pages = cache.key(ada, "records:1:20:{}")
    cache.plant(cache.key(ada), pages, cache.key(ada, "growth_chart"))
    cache.client.sadd(cache.key(ada, "pages"), pages)
    school.psql("DELETE FROM students WHERE id = 'ada'")
    cache.until_invalidated(cache.key(ada), pages, cache.key(ada, "growth_chart"))


def test_truncate_cascade_invalidates_everybody(ada, school, cache):
    others = [school.add_student() for _ in range(5)]
    cache.until_drained()
    cache.plant_summary(ada, *others)
    school.psql("TRUNCATE students CASCADE")
    cache.until_invalidated(*map(cache.key, [ada, *others]))


def test_moving_a_row_invalidates_both_students(ada, school, cache):
    other = school.add_student("grace")
    cache.until_drained()
    cache.plant_summary(ada, other)
    school.psql("UPDATE allergies SET \"studentId\" = 'grace' WHERE id = 'a1'")
    cache.until_invalidated(cache.key(ada), cache.key(other))


def test_changing_a_students_id_invalidates_the_old_and_the_new(ada, school, cache):
    cache.until_drained()
    cache.plant_summary("ada", "countess")
    school.psql("UPDATE students SET id = 'countess' WHERE id = 'ada'")
    cache.until_invalidated(cache.key("ada"), cache.key("countess"))


def test_only_the_changed_student_is_invalidated(ada, school, cache):
    other = school.add_student()
    cache.until_drained()
    cache.plant_summary(ada, other)
    school.psql("UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'")
    cache.until_invalidated(cache.key(ada))
    cache.assert_stays(cache.key(other))


def test_a_rolled_back_write_invalidates_nothing(ada, school, cache):
    cache.until_drained()
    cache.plant_summary(ada)
    school.psql("BEGIN; UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'; ROLLBACK")
    cache.assert_stays(cache.key(ada))


def test_nothing_is_invalidated_before_the_commit(ada, school, cache):
    cache.until_drained()
    cache.plant_summary(ada)
    with school.cluster.connect(school.database, autocommit=False) as writer:
        writer.execute("UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'")
        cache.assert_stays(cache.key(ada))
        writer.commit()
    cache.until_invalidated(cache.key(ada))


def test_a_partition_written_directly(school, cache):
    """A parent's statement trigger would not see this."""
    school.sql("SELECT wc_detach('public')")
    school.sql("""CREATE TABLE parted (LIKE health_records INCLUDING DEFAULTS) PARTITION BY RANGE (date);
                  CREATE TABLE parted_2025 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
                  DROP TABLE health_records; ALTER TABLE parted RENAME TO health_records""")
    school.sql("SELECT wc_attach('public')")
    student = school.add_student()
    cache.until_drained()
    cache.plant_summary(student)
    school.psql(f"""INSERT INTO parted_2025 (id, type, date, description, "updatedAt", "studentId")
                    VALUES ('p', 'CHECKUP', '2025-05-05', 'Checkup', now(), '{student}');""")
    cache.until_invalidated(cache.key(student))


def test_many_students_in_one_transaction(school, cache):
    """More than fit in one row of the queue."""
    students = [school.add_student() for _ in range(500)]
    cache.until_drained()
    cache.plant_summary(*students)
    school.psql("UPDATE students SET grade = '6'")
    cache.until_invalidated(*map(cache.key, students))


def test_a_transaction_of_many_thousand_students(school, cache):
    """Past the limit of the set in memory it says "everybody": still each of them."""
    school.sql("""INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
                  SELECT 's' || n, 'S' || n, 'A', 'B', '2014-01-01', '5', 'MALE', now() FROM generate_series(1, 60000) n""")
    cache.until_drained(timeout=60)
    sample = [f"s{n}" for n in range(1, 60001, 997)]
    cache.plant_summary(*sample)
    school.psql("UPDATE students SET grade = '6'")
    cache.until_invalidated(*map(cache.key, sample), timeout=60)


@pytest.mark.parametrize("trouble", ["ALTER TABLE allergies DISABLE TRIGGER white_cross_change", "ALTER TABLE allergies ENABLE TRIGGER white_cross_truncate",
                                     "DROP TRIGGER white_cross_change ON allergies"])
def test_attaching_again_makes_stale_what_a_missing_trigger_did_not_see(school, cache, trouble):
    """No event trigger hears of the triggers that wc_attach creates and enables."""
    student = school.add_student()
    school.psql(trouble)
    cache.until_drained()
    cache.plant_summary(student)
    school.psql("SELECT count(*) FROM wc_attach('public')")
    cache.until_invalidated(cache.key(student))


def test_attaching_again_leaves_the_cache_alone_where_nothing_was_missing(school, cache):
    student = school.add_student()
    cache.until_drained()
    cache.plant_summary(student)
    school.psql("SELECT count(*) FROM wc_attach('public')")
    cache.assert_stays(cache.key(student))
