"""wc_diagnose: each thing is broken, found, and mended by the remedy that it gives, pasted into psql."""

import pytest


def findings(school):
    return school.rows('SELECT "check", status, detail, remedy FROM wc_diagnose()')


def troubles(school):
    return [row for row in findings(school) if row[1] != "ok"]


def test_a_sound_school(school):
    assert [(check, status) for check, status, _, _ in findings(school)] == [
        ("library", "ok"), ("binding", "ok"), ("triggers", "ok"), ("event triggers", "ok")]
    assert all(remedy is None for _, _, _, remedy in findings(school))


def test_not_attached(cluster, empty_database):
    with cluster.connect(empty_database) as connection:
        connection.execute("CREATE EXTENSION white_cross; SELECT wc_create_tables('public')")
        *_, last = connection.execute("SELECT * FROM wc_diagnose()").fetchall()
        assert last[:2] == ("binding", "fail")
        connection.execute(last[3])
        assert {row[1] for row in connection.execute("SELECT * FROM wc_diagnose()")} == {"ok"}


@pytest.mark.parametrize("breakage", [
    "ALTER TABLE allergies DISABLE TRIGGER white_cross_change",
    "ALTER TABLE allergies DISABLE TRIGGER ALL",
    "ALTER TABLE students ENABLE TRIGGER white_cross_truncate",
    "ALTER TABLE students ENABLE REPLICA TRIGGER white_cross_change",
    "DROP TRIGGER white_cross_change ON health_records",
    "DROP TRIGGER white_cross_truncate ON chronic_conditions",
    "ALTER EVENT TRIGGER white_cross_ddl DISABLE",
    "ALTER EVENT TRIGGER white_cross_drop ENABLE",
])
def test_a_trigger_that_does_not_fire(school, breakage):
    school.psql(breakage)
    found = troubles(school)
    assert found and all(status == "fail" for _, status, _, _ in found)
    for _, _, _, remedy in found:
        school.psql(remedy)
    assert troubles(school) == []


def test_what_was_missed_is_distrusted_by_the_remedy(school, cache):
    student = school.add_student()
    school.psql("ALTER TABLE students DISABLE TRIGGER white_cross_change")
    cache.until_drained()
    cache.plant_summary(student)
    school.psql("UPDATE students SET grade = '12'")
    cache.until_drained()
    assert cache.is_planted(cache.key(student)), "nobody saw it"
    for _, _, _, remedy in troubles(school):
        school.psql(remedy)
    cache.until_invalidated(cache.key(student))


def test_partitions_are_looked_at(school):
    school.psql("""
        DROP TABLE allergies;
        CREATE TABLE allergies (id text, allergen text, severity "AllergySeverity", reaction text, treatment text, verified boolean,
            "verifiedBy" text, "verifiedAt" timestamp(3), "createdAt" timestamp(3), "updatedAt" timestamp(3), "studentId" text)
            PARTITION BY HASH ("studentId");
        CREATE TABLE allergies_0 PARTITION OF allergies FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE allergies_1 PARTITION OF allergies FOR VALUES WITH (MODULUS 2, REMAINDER 1);""")
    assert troubles(school) == []
    school.psql("ALTER TABLE allergies_1 DISABLE TRIGGER white_cross_change; DROP TRIGGER white_cross_truncate ON allergies_0;")
    assert {row[2].split()[0] for row in troubles(school)} == {"public.allergies_0", "trigger"}
    for _, _, _, remedy in troubles(school):
        school.psql(remedy)
    assert troubles(school) == []


def test_a_column_that_is_gone(school):
    school.psql("ALTER TABLE allergies RENAME reaction TO effect")
    ((check, status, detail, _),) = [row for row in troubles(school)]
    assert (check, status) == ("binding", "fail") and "allergies.reaction" in detail
    school.psql("ALTER TABLE allergies RENAME effect TO reaction")
    assert troubles(school) == []
