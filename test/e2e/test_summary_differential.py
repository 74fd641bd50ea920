"""wc_health_summary against one plain SQL statement that says the same, over a thousand generated students."""

import pytest

from awkward import STUDENTS, TIME, awkward_school, parsed
from school import Cache

# What the summary is, by definition.
PLAIN = f"""
SELECT json_build_object(
    'student', json_build_object('id', s.id, 'firstName', s."firstName", 'lastName', s."lastName",
        'studentNumber', s."studentNumber", 'dateOfBirth', {TIME.format('s."dateOfBirth"')}, 'gender', s.gender),
    'allergies', coalesce((SELECT json_agg(json_build_object('id', a.id, 'allergen', a.allergen, 'severity', a.severity,
            'reaction', a.reaction, 'treatment', a.treatment, 'verified', a.verified, 'verifiedBy', a."verifiedBy",
            'verifiedAt', {TIME.format('a."verifiedAt"')}, 'createdAt', {TIME.format('a."createdAt"')},
            'updatedAt', {TIME.format('a."updatedAt"')}) ORDER BY a.severity DESC, a.allergen, a.id)
        FROM allergies a WHERE a."studentId" = s.id), '[]'),
    'recentVitals', coalesce((SELECT json_agg(json_build_object('id', r.id, 'date', {TIME.format('r.date')}, 'vital', r.vital,
            'type', r.type, 'provider', r.provider) ORDER BY r.date DESC, r.id)
        FROM (SELECT * FROM health_records WHERE "studentId" = s.id AND vital <> 'null' ORDER BY date DESC, id LIMIT 5) r), '[]'),
    'recentVaccinations', coalesce((SELECT json_agg(json_build_object('id', r.id, 'type', r.type, 'date', {TIME.format('r.date')},
            'description', r.description, 'provider', r.provider, 'notes', r.notes) ORDER BY r.date DESC, r.id)
        FROM (SELECT * FROM health_records WHERE "studentId" = s.id AND type = 'VACCINATION' ORDER BY date DESC, id LIMIT 5) r), '[]'),
    'recordCounts', coalesce((SELECT json_object_agg(c.type, c.n ORDER BY c.type)
        FROM (SELECT type, count(*) AS n FROM health_records WHERE "studentId" = s.id GROUP BY type) c), '{{}}'))::text
FROM students s WHERE s.id = %s
"""


@pytest.fixture(scope="module")
def awkward(cluster):
    with awkward_school(cluster, "awkward_summaries") as school:
        yield school


@pytest.fixture(scope="module")
def expected(awkward):
    return {id: parsed(awkward.one(PLAIN, id)) for id, in awkward.rows("SELECT id FROM students")}


@pytest.fixture
def rolled_back(awkward):
    """Rolls back after the test what it changes."""
    awkward.sql("BEGIN")
    yield
    awkward.sql("ROLLBACK")


def assert_same(expected, given):
    assert len(expected) == STUDENTS == len(given)
    different = [id for id in expected if parsed(given[id]) != expected[id]]
    if different:
        id = different[0]
        assert parsed(given[id]) == expected[id], f"{len(different)} of {STUDENTS} differ, the first is {id}"


@pytest.mark.parametrize("direct_reads", ["on", "off"])
def test_one_at_a_time(awkward, expected, rolled_back, direct_reads):
    awkward.sql(f"SET LOCAL white_cross.direct_reads = {direct_reads}")
    assert_same(expected, {id: awkward.one("SELECT wc_health_summary(%s::text)::text", id) for id in expected})


@pytest.mark.parametrize("direct_reads", ["on", "off"])
def test_many_at_once(awkward, expected, rolled_back, direct_reads):
    awkward.sql(f"SET LOCAL white_cross.direct_reads = {direct_reads}")
    ids = list(expected)
    rows = awkward.rows("SELECT student_id, summary::text FROM wc_health_summaries(%s::text[])", ids)
    assert [id for id, _ in rows] == ids
    assert_same(expected, dict(rows))


def test_what_is_to_be_cached(awkward, expected):
    rows = awkward.rows("SELECT student_id, value::text, key FROM wc_cache_entries(%s::text[])", list(expected))
    assert {id: key for id, _, key in rows} == {id: Cache.key(id) for id in expected}
    assert_same(expected, {id: value for id, value, _ in rows})


def test_without_any_index(awkward, expected, rolled_back):
    """The answer does not depend on indexes."""
    awkward.sql("""DO $$ DECLARE i text; BEGIN
        FOR i IN SELECT indexrelid::regclass FROM pg_index JOIN pg_class c ON c.oid = indrelid
                 WHERE NOT indisunique AND c.relname IN ('health_records', 'allergies', 'chronic_conditions') LOOP
            EXECUTE 'DROP INDEX ' || i;
        END LOOP; END $$""")
    some = {id: expected[id] for id in list(expected)[:100]}
    for id, summary in some.items():
        assert parsed(awkward.one("SELECT wc_health_summary(%s::text)::text", id)) == summary


def test_after_updates_and_deletes(awkward):
    """Dead and updated rows, before and after vacuum.  The last test: it leaves the rows changed."""
    awkward.sql("UPDATE health_records SET date = date - interval '1 day', notes = 'moved' WHERE id < '4'")
    awkward.sql("UPDATE health_records SET \"studentId\" = 's1' WHERE id > 'f'")
    awkward.sql("DELETE FROM health_records WHERE id BETWEEN '8' AND 'a'")
    awkward.sql("DELETE FROM allergies WHERE id < '8'")
    ids = [id for id, in awkward.rows("SELECT id FROM students LIMIT 300")] + ["s1"]
    for vacuum in False, True:
        if vacuum:
            awkward.sql("VACUUM health_records, allergies")
        for id in ids:
            assert parsed(awkward.one("SELECT wc_health_summary(%s::text)::text", id)) == parsed(awkward.one(PLAIN, id))
