"""Text in a collation that holds different texts for equal: every function reads it, by both ways alike."""

import pytest

from every_call import FAILED, OUTCOME, calls, outcome
from school import School

BLURRED = "CREATE COLLATION blurred (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"

# Of each text there are spellings that the collation holds for equal.
DATA = """
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, 'N' || n, (ARRAY['Zoe', 'zoe', 'Zoë'])[n], (ARRAY['Quill', 'QUILL', 'quill'])[n], '2014-03-02', (ARRAY['5a', '5A', '5á'])[n], 'FEMALE'
FROM generate_series(1, 3) n;
INSERT INTO health_records (id, type, date, description, vital, provider, notes, "studentId")
SELECT 'r' || n, (ARRAY['VACCINATION', 'CHECKUP', 'DENTAL'])[1 + n % 3]::"HealthRecordType", timestamp '2025-10-10' - n / 2 * interval '1 day',
       (ARRAY['Fever and cough', 'FEVER', 'féver'])[1 + n % 3], '{"height": 140, "weight": 35}', (ARRAY['Dr. Who', 'DR. WHO', 'dr whó'])[1 + n % 3],
       (ARRAY['Milk', 'milk', NULL])[1 + n % 3], 's' || (1 + n % 3)
FROM generate_series(1, 60) n;
INSERT INTO allergies (id, allergen, severity, reaction, treatment, "verifiedBy", "studentId")
SELECT 'a' || n, (ARRAY['Milk', 'milk', 'MILK'])[1 + n % 3], (ARRAY['MILD', 'SEVERE'])[1 + n % 2]::"AllergySeverity",
       'Hives', 'Epinephrine', 'Nurse', 's' || (1 + n % 3) FROM generate_series(1, 18) n;
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", status, severity, medications, "studentId")
SELECT 'c' || n, (ARRAY['Asthma', 'asthma', 'ASTHMA'])[1 + n % 3], '2022-01-01', (ARRAY['ACTIVE', 'active', 'other', 'Other'])[1 + n % 4],
       'mild', '{Albuterol,albuterol}', 's' || (1 + n % 3) FROM generate_series(1, 18) n;
ANALYZE;
"""

# What the collation decides, as SQL has it: what is equal, and what comes first.  Elsewhere nothing may differ.
DECIDED = {"type", "grade", "allergen", "severity", "status", "condition"}
OTHERS = [
    *(f"wc_search_health_records({query}, {type})" for query in ("'fever'", "'FEVER cough'", "'-fever milk'", "'zoe'", "'ZOE quill'", "'dr who'")
      for type in ("NULL", "'CHECKUP'", "'checkup'")),
    "wc_search_health_records('fever', highlight => true, \"order\" => 'rank')",
    *(f"wc_student_records('s1'::text, filters => '{filters}')" for filters in (
        '{"provider":"WHO"}', '{"provider":"who"}', '{"type":"CHECKUP"}', '{"type":"checkup"}', '{"type":"Checkup","provider":"dr"}')),
    "wc_cache_entries(ARRAY['s1', 's2'], ARRAY['records:1:20:{\"provider\":\"WHO\",\"type\":\"CHECKUP\"}'])",
    "wc_growth_prevalence()", "wc_growth_prevalence('5a')",
]


@pytest.fixture(scope="module")
def blurred(cluster):
    cluster.create_database("collations")
    school = School(cluster, "collations")
    school.connection.prepare_threshold = None
    school.attach()
    for statement in BLURRED, OUTCOME, "ALTER TABLE health_records ALTER type SET NOT NULL":
        school.sql(statement)
    cluster.psql(DATA, "collations")
    with school.connection:
        yield school
    cluster.psql("DROP DATABASE collations WITH (FORCE)")


def every_outcome(school, table):
    asked = [call.replace("{id}", "'s1'") for ways in calls(school).values() for call in ways]
    asked += OTHERS if table in ("students", "health_records") else []
    return {call: outcome(school, call) for call in asked}


def textual_columns(school):
    return school.rows("""
        SELECT a.entity, b.columns ->> a.attribute, a.kind FROM white_cross.attributes() a JOIN white_cross.binding b ON b.entity = a.entity
        WHERE a.kind IN ('text', 'label', 'list') ORDER BY 1, 2""")


def test_every_textual_column(blurred):
    wrong = []
    columns = textual_columns(blurred)
    assert len(columns) > 20
    for table, column, kind in columns:
        type = "text[]" if kind == "list" else "text"
        blurred.sql("BEGIN")
        # Its own labels as they are, so that what is shown of it stays.
        blurred.sql(f'ALTER TABLE {table} ALTER "{column}" DROP DEFAULT, ALTER "{column}" TYPE {type}')
        if (table, column) == ("health_records", "type"):
            blurred.sql("UPDATE health_records SET type = CASE WHEN id < 'r3' THEN type ELSE lower(type) END")
        before = every_outcome(blurred, table)
        assert not [call for call, found in before.items() if FAILED.match(found) and "is not a type of records" not in found and "unknown type" not in found], (table, column)
        blurred.sql(f'ALTER TABLE {table} ALTER "{column}" TYPE {type} COLLATE blurred')
        by_way = {}
        for direct_reads in "on", "off":
            blurred.sql(f"SET LOCAL white_cross.direct_reads = {direct_reads}")
            by_way[direct_reads] = every_outcome(blurred, table)
        for call, found in by_way["on"].items():
            if (FAILED.match(found) and found != before[call]) or found != by_way["off"][call]:
                wrong.append((table, column, call, found, by_way["off"][call]))
            elif column not in DECIDED and found != before[call]:
                wrong.append((table, column, call, found, before[call]))
        blurred.sql("ROLLBACK")
    assert not wrong, (len(wrong), [one[:3] for one in wrong], wrong[0])


@pytest.mark.parametrize("direct_reads", ["on", "off"])
def test_a_type_is_what_sql_holds_for_equal(blurred, direct_reads):
    """The filter and the search find by the column's own equality, and vaccinations by their label."""
    blurred.sql("BEGIN")
    blurred.sql(f"SET LOCAL white_cross.direct_reads = {direct_reads}")
    blurred.sql("ALTER TABLE health_records ALTER type TYPE text COLLATE blurred USING CASE WHEN id < 'r3' THEN type::text ELSE lower(type::text) END")
    plain = [id for id, in blurred.rows("""SELECT id FROM health_records WHERE "studentId" = 's3' AND type = 'dental' ORDER BY date DESC, id""")]
    assert len(plain) == 20
    for spelled in "DENTAL", "dental", "Déntal":
        page = blurred.one("SELECT wc_student_records('s3'::text, filters => jsonb_build_object('type', %s::text))", spelled)
        assert [record["id"] for record in page["records"]] == plain
        found = blurred.one("SELECT wc_search_health_records('dr', %s, page_size => 500)", spelled)
        assert {record["id"] for record in found["records"]} == set(plain)
    blurred.sql("ROLLBACK")
