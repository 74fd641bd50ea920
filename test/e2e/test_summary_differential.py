"""wc_health_summary against one plain SQL statement that says the same, over a thousand generated students.

The students are made to be awkward: no rows at all, ties on dates, severities and allergens, SQL NULL and JSON null
vitals, odd characters in every text, numbers of every form in the vitals.
"""

import json
from decimal import Decimal

import pytest

from school import School

STUDENTS = 1000

TIME = """to_char({0}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

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

DATA = r"""
CREATE FUNCTION pg_temp.h(x bigint, salt int, below int) RETURNS int LANGUAGE sql IMMUTABLE
    AS $$ SELECT (((hashint8extended(x, salt) % below) + below) % below)::int $$;
CREATE FUNCTION pg_temp.words(x bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['plain', '', 'quote " back \ slash /', E'line\nfeed\ttab\r', E'\x01\x02\x1f\x7f', 'Zoë Ünïcode', E'\U0001F9EA\U0001F468\u200D\u2695',
                  E'\u2028\u2029\ufeff', '</script><b>', repeat('long ', 300), '{"not": "parsed"}', 'O''Brien', NULL, NULL])
           [1 + pg_temp.h(x, salt, 14)] $$;
CREATE FUNCTION pg_temp.vitals(x bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['{"height": 140.5, "weight": 36.50, "bmi": 18.5}', '{"heartRate": 80, "temperature": 36.6, "bloodPressureSystolic": 101}',
                  '{}', '{"height": null}', 'null', '[1, 2.50, "three", null, true]', '"text"', '7',
                  '{"weight": 1e3, "height": 0.000001, "bmi": -0.0, "oxygenSaturation": 12345678901234567890.123456789}',
                  '{"nested": {"deep": [{"x": "\u00e9\ud83e\uddea\"\\"}]}, "": ""}', NULL, NULL])
           [1 + pg_temp.h(x, 50, 12)]::jsonb $$;
CREATE FUNCTION pg_temp.time(x bigint, salt int, days int) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    -- Few days, and often midnight: so that dates tie.
    SELECT timestamp '2019-12-28' + pg_temp.h(x, salt, days) * interval '1 day'
           + CASE WHEN pg_temp.h(x, salt + 1, 3) > 0 THEN interval '0' ELSE pg_temp.h(x, salt + 2, 86400000) * interval '1 millisecond' END $$;

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
SELECT 's' || n, 'N' || n, coalesce(pg_temp.words(n, 1), ''), coalesce(pg_temp.words(n, 2), ''),
       CASE n % 50 WHEN 0 THEN timestamp '1899-12-31 23:59:59.999' WHEN 1 THEN timestamp '2000-02-29' ELSE pg_temp.time(n, 3, 5000) END, '5',
       (ARRAY['MALE', 'FEMALE', 'OTHER', 'PREFER_NOT_TO_SAY'])[1 + n % 4]::"Gender", now()
FROM generate_series(1, :students) n;

INSERT INTO health_records (id, type, date, description, vital, provider, notes, "updatedAt", "studentId")
SELECT md5('r' || k), (enum_range(NULL::"HealthRecordType"))[CASE WHEN pg_temp.h(k, 40, 3) = 0 THEN 2 ELSE 1 + pg_temp.h(k, 41, 10) END],
       pg_temp.time(k, 10, 12), coalesce(pg_temp.words(k, 20), ''), pg_temp.vitals(k), pg_temp.words(k, 21), pg_temp.words(k, 22), now(), 's' || n
FROM generate_series(1, :students) n, LATERAL generate_series(1, (ARRAY[0, 1, 3, 5, 8, 20, 40, 90])[1 + pg_temp.h(n, 60, 8)]) j,
     LATERAL (SELECT n * 1000 + j AS k) q;

INSERT INTO allergies (id, allergen, severity, reaction, treatment, verified, "verifiedBy", "verifiedAt", "createdAt", "updatedAt", "studentId")
SELECT md5('a' || k), coalesce((ARRAY['Milk', 'milk', 'Eggs', 'Äpfel'])[pg_temp.h(k, 70, 6)], pg_temp.words(k, 71), ''),
       (enum_range(NULL::"AllergySeverity"))[1 + pg_temp.h(k, 72, 4)], pg_temp.words(k, 73), pg_temp.words(k, 74), k % 2 = 0,
       pg_temp.words(k, 75), CASE WHEN k % 3 = 0 THEN pg_temp.time(k, 76, 900) END, pg_temp.time(k, 77, 900), pg_temp.time(k, 78, 900), 's' || n
FROM generate_series(1, :students) n, LATERAL generate_series(1, (ARRAY[0, 0, 1, 2, 3, 12])[1 + pg_temp.h(n, 79, 6)]) j,
     LATERAL (SELECT n * 1000 + j AS k) q;
ANALYZE;
"""


def parsed(text):
    """JSON with the order of its keys and the exact value of its numbers; a name that stands twice is an error."""
    def pairs(items):
        assert len({name for name, _ in items}) == len(items), f"a key stands twice in {text[:200]}"
        return tuple(items)
    return json.loads(text, object_pairs_hook=pairs, parse_float=Decimal)


@pytest.fixture(scope="module")
def awkward(cluster):
    cluster.create_database("awkward")
    school = School(cluster, "awkward")
    school.sql("CREATE EXTENSION white_cross")
    school.sql("SELECT wc_create_tables('public')")
    school.sql("SELECT wc_attach('public')")
    school.psql(f"\\set students {STUDENTS}\n{DATA}")
    with school.connection:
        yield school


@pytest.fixture(scope="module")
def expected(awkward):
    return {id: parsed(awkward.one(PLAIN, id)) for id, in awkward.rows("SELECT id FROM students")}


@pytest.fixture
def rolled_back(awkward):
    """What a test changes is not there for the next."""
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
    assert {id: key for id, _, key in rows} == {id: f"student:{id}:health_summary" for id in expected}
    assert_same(expected, {id: value for id, value, _ in rows})


def test_without_any_index(awkward, expected, rolled_back):
    """Whatever the indexes are, the answer is the same."""
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
