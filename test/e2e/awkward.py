"""Rows that are awkward on purpose, for comparing functions with plain SQL that says the same.

No rows at all, ties on dates, severities and allergens, SQL NULL and JSON null vitals, odd characters in every text, numbers
of every form in the vitals.
"""

import json
from contextlib import contextmanager
from decimal import Decimal

from school import School

STUDENTS = 1000

TIME = """to_char({0}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

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

# Beside DATA, for exports: conditions and attachments.
CONDITIONS = """
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", status, notes, "carePlan", medications, triggers, "studentId")
SELECT md5('c' || k), coalesce(pg_temp.words(k, 91), ''), pg_temp.time(k, 92, 900), (ARRAY['ACTIVE', 'MANAGED'])[1 + k % 2], pg_temp.words(k, 93),
       pg_temp.words(k, 94), ARRAY[pg_temp.words(k, 95), NULL, 'x'], CASE WHEN k % 3 = 0 THEN '{}'::text[] END, 's' || n
FROM generate_series(1, :students) n, LATERAL generate_series(1, pg_temp.h(n, 96, 4)) j, LATERAL (SELECT n * 1000 + j AS k) q;
UPDATE health_records SET attachments = (ARRAY['{}', NULL, '{"a,b","c\\"d",NULL,"e\\\\f"}'])[1 + ascii(id) % 3]::text[];
"""


def parsed(text):
    """JSON with the order of its keys and the exact value of its numbers; a name that stands twice is an error."""
    def pairs(items):
        assert len({name for name, _ in items}) == len(items), f"a key stands twice in {text[:200]}"
        return tuple(items)
    return json.loads(text, object_pairs_hook=pairs, parse_float=Decimal)


TEMPLATE = "awkward"


@contextmanager
def awkward_school(cluster, database):
    """A database of that name with these rows, attached.  They are made once and copied."""
    with cluster.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            cluster.create_database(TEMPLATE)
            cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public'); SELECT wc_attach('public');", TEMPLATE)
            cluster.psql(f"\\set students {STUDENTS}\n{DATA}", TEMPLATE)
        connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{TEMPLATE}"')
    school = School(cluster, database)
    with school.connection:
        yield school
