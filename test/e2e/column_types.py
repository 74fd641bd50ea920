"""Columns of the attached tables made of other types: every attribute x every type, and what all functions say then.

All that is read is of a kind that survives the change of a type that is allowed: midnights, ids in the form of uuids with
small numbers, labels whose order is that of their letters.  So a function's answer is the one before, or error 42804.
"""

import json
import re
from contextlib import contextmanager

from school import School
from servers import opaque_keys

TYPES = ["json", "text", "varchar", "char(40)", "name", "bytea", "integer", "bigint", "numeric", "uuid", "date", "timestamptz",
         "text[]", "a domain", "another enum"]
ID_TYPES = ['text COLLATE "C"', "text COLLATE letters"]

KINDS = {
    "id": {"text", "varchar", "char(40)", "uuid", "bigint", "integer", 'text COLLATE "C"'},
    "student": set(),
    "text": {"text", "varchar"},
    "label": {"text", "varchar", "another enum"},
    "time": {"timestamp", "timestamptz", "date"},
    "boolean": {"boolean"},
    "json": {"jsonb", "json"},
    "list": {"text[]"},
}

DATA = """
CREATE COLLATION letters (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FUNCTION key(n bigint) RETURNS {id} LANGUAGE sql IMMUTABLE AS $$ SELECT {key} $$;
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "createdAt", "updatedAt")
SELECT key(n), 'N' || n, 'Ada' || n, 'Quill', '2014-03-02', '5', 'FEMALE', '2025-09-01', '2025-09-01' FROM generate_series(1, 3) AS n;
INSERT INTO health_records (id, type, date, description, vital, provider, notes, attachments, "createdAt", "updatedAt", "studentId")
SELECT key(n * 16 + r), (ARRAY['CHECKUP', 'VACCINATION', 'VISION'])[1 + r % 3]::"HealthRecordType", timestamp '2025-10-01' + r * interval '1 day',
       'Sore throat', CASE WHEN r % 2 = 0 THEN jsonb_build_object('height', 130 + r, 'weight', 30 + r) END,
       'Dr. Who', 'Rest', '{{a,b}}', '2025-10-11', '2025-10-12', key(n)
FROM generate_series(1, 3) AS n, generate_series(1, 6) AS r;
INSERT INTO allergies (id, allergen, severity, reaction, treatment, verified, "verifiedBy", "verifiedAt", "createdAt", "updatedAt", "studentId")
SELECT key(n * 16 + a), 'Nuts ' || a, (ARRAY['MILD', 'MODERATE', 'SEVERE'])[a]::"AllergySeverity", 'Hives', 'EpiPen', true, 'nurse',
       '2025-09-02', '2025-09-03', '2025-09-04', key(n) FROM generate_series(1, 3) AS n, generate_series(1, 3) AS a;
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", status, severity, notes, "carePlan", medications, restrictions, triggers, "diagnosedBy",
                                "lastReviewDate", "nextReviewDate", "createdAt", "updatedAt", "studentId")
SELECT key(n * 16 + c), 'Asthma ' || c, '2022-01-01', (ARRAY['ACTIVE', 'MANAGED'])[c], 'MILD', 'n', 'plan', '{{x}}', '{{y}}', '{{z}}', 'Dr. Who',
       '2025-01-01', '2026-01-01', '2025-09-05', '2025-09-06', key(n) FROM generate_series(1, 3) AS n, generate_series(1, 2) AS c;
CREATE TYPE another AS ENUM ('ACTIVE', 'CHECKUP', 'FEMALE', 'MANAGED', 'MILD', 'MODERATE', 'SEVERE', 'VACCINATION', 'VISION', 'x');
ALTER TABLE health_records DROP CONSTRAINT "health_records_studentId_fkey";
ALTER TABLE allergies DROP CONSTRAINT "allergies_studentId_fkey";
ALTER TABLE chronic_conditions DROP CONSTRAINT "chronic_conditions_studentId_fkey";
CREATE TABLE index_statements AS SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r';
VACUUM ANALYZE;
"""

# Where ALTER TABLE cannot (an index of words on json), as ORMs do it: a new column under the old one's name.
CHANGE = r"""
CREATE FUNCTION change(relation text, name text, type text, value text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    EXECUTE format('ALTER TABLE %1$I ALTER %2$I DROP DEFAULT, ALTER %2$I TYPE %3$s USING %4$s', relation, name, type, value);
EXCEPTION WHEN OTHERS THEN
    EXECUTE format('ALTER TABLE %1$I ADD COLUMN replacement %2$s; UPDATE %1$I SET replacement = %3$s; ALTER TABLE %1$I DROP COLUMN %4$I CASCADE;
                    ALTER TABLE %1$I RENAME COLUMN replacement TO %4$I', relation, type, value, name);
    FOR statement IN SELECT definition FROM index_statements LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
END $$;

CREATE FUNCTION attempt(calls text[], OUT call text, OUT answer text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    way text;
    id text;
    message text;
    hint text;
BEGIN
    EXECUTE 'SELECT min(id::text) FROM students' INTO id;
    FOREACH way IN ARRAY ARRAY['on', 'off'] LOOP
        PERFORM set_config('white_cross.direct_reads', way, true);
        FOREACH call IN ARRAY calls LOOP
            BEGIN
                EXECUTE format('SELECT string_agg(r::text, E''\n'') FROM %s AS r', replace(call, 'ID', quote_literal(id))) INTO answer;
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
                answer := 'ERROR ' || SQLSTATE || ' ' || message || ' | ' || hint;
            END;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;
"""

CALLS = [
    "wc_health_summary(ID)", "wc_health_summary(ID, '{chronicConditions,growth,trends}')", "wc_health_summaries(ARRAY[ID])",
    "wc_student_records(ID, 1, 2)", "wc_student_records(ID, 2, 2)",
    "wc_student_records(ID, filters => '{\"type\": \"VISION\", \"dateFrom\": \"2025-10-01\", \"dateTo\": \"2025-11-01\", \"provider\": \"who\"}')",
    "wc_student_records_after(ID, NULL, 2)", "wc_student_records_after(ID, wc_student_records_after(ID, NULL, 2) ->> 'nextCursor', 2)",
    "wc_search_health_records('throat')", "wc_search_health_records('ada1', 'VISION', highlight => true)",
    "wc_search_health_records('throat', \"order\" => 'rank')", "wc_export_health_history(ID, 2)", "wc_export_health_histories(ARRAY[ID])",
    "wc_export_health_history_ndjson(ID)", "wc_export_health_history_csv(ID)", "wc_growth_chart(ID, '{percentiles}')",
    "wc_growth_chart_svg(ID, 'bmi')", "wc_vital_trend(ID, 'weight', '2025-01-01')", "wc_bmi_category_of(ID)", "wc_latest_bmi(ID)", "wc_bmi_group_of(ID, '2025-10-20'::timestamptz)", "wc_growth_prevalence('5', '2025-10-20'::timestamptz)",
    "wc_student_allergies(ID)", "wc_student_conditions(ID)", "wc_recent_vitals(ID)", "wc_vaccinations(ID)",
    "(SELECT key, value, ttl_seconds FROM wc_cache_entries(ARRAY[ID], ARRAY['health_summary', 'growth_chart', 'records:1:2:{}']))", "wc_bulk_delete_records('{}'::text[])",
    "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history(ID) AS c), 'skip')",
    "wc_invalidate(ID)",
]


def called():
    """The functions that are called, by name."""
    return {match[0] for call in CALLS for match in re.finditer(r"wc_\w+", call)}


def value_in(type, column, original):
    """An expression for what a column of the type has instead of the original's value; the value itself where that can be."""
    text = f'"{column}"::text'
    return {
        "json": f'to_json("{column}")', "bytea": f"convert_to({text}, 'UTF8')", "char(40)": f"left({text}, 40)",
        "integer": f"white_number({text})::integer", "bigint": f"white_number({text})", "numeric": f"white_number({text})::numeric",
        "uuid": f"CASE WHEN white_number({text}) BETWEEN 7000 AND 8000 THEN '00000000-0000-0000-0000-' || lpad(white_number({text})::text, 12, '0') ELSE md5({text}) END::uuid",
        "date": f'"{column}"::timestamp::date' if original.startswith("timestamp") else "date '2020-02-02'",
        "timestamptz": f'"{column}"::timestamptz' if original.startswith("timestamp") else "timestamptz '2020-02-02'",
        "text[]": f'"{column}"::text[]' if original == "text[]" else f"ARRAY[{text}]",
        "a domain": f'"{column}"::some_domain',
        "another enum": f"CASE WHEN {text} = ANY (enum_range(NULL::another)::text[]) THEN {text} ELSE 'x' END::another",
    }.get(type, f"{text}::{type.split()[0]}" if "COLLATE" not in type else text)


# What an opaque key has in the place of each form of a student's id.
FORMS = {opaque_keys.name_of(form): form for n in (7001, 7002, 7003) for form in (str(n), f"00000000-0000-0000-0000-{n:012}")}


def normal(answer):
    """An answer without what may differ: the form of an id (of 70xx, in JSON a text or a number), and what stands for it in a cursor or a key."""
    if answer is None or answer.startswith("ERROR"):
        return answer
    answer = re.sub(r"\bstudent:([\w-]+):", lambda key: f"student:{FORMS.get(key[1], key[1])}:", answer)
    answer = re.sub(r'"nextCursor":"\w+"', '"nextCursor":"..."', answer)
    # The form of a day, where a CSV file or a column's own type has it.
    answer = re.sub(r"(\d{4}-\d\d-\d\d)[T ]00:00:00(\.000)?(Z|\+00)?", r"\1", answer)
    answer = re.sub(r'"+exportDate"+:"+[^"]*"+', "", answer)
    return re.sub(r'"*\b(?:0{8}-0000-0000-0000-0{8})?(7\d{3})\b"*', r"id\1", answer)


@contextmanager
def typed_school(cluster, database, id="text"):
    school = School(cluster, database)
    with school.connection:
        school.sql("CREATE EXTENSION white_cross")
        school.sql("SELECT wc_create_tables('public')")
        if id != "text":
            school.sql('ALTER TABLE health_records DROP CONSTRAINT "health_records_studentId_fkey"; '
                       'ALTER TABLE allergies DROP CONSTRAINT "allergies_studentId_fkey"; '
                       'ALTER TABLE chronic_conditions DROP CONSTRAINT "chronic_conditions_studentId_fkey"')
            for table, columns in (("students", ["id"]), ("health_records", ["id", "studentId"]), ("allergies", ["id", "studentId"]),
                                   ("chronic_conditions", ["id", "studentId"])):
                school.sql(f"ALTER TABLE {table} " + ", ".join(f'ALTER "{column}" TYPE {id} USING NULL::{id}' for column in columns))
            school.psql("".join(f'ALTER TABLE {table} ADD CONSTRAINT "{table}_studentId_fkey" FOREIGN KEY ("studentId") REFERENCES students;'
                                for table in ("health_records", "allergies", "chronic_conditions")))
        school.sql("SELECT wc_attach('public')")
        school.psql("CREATE FUNCTION white_number(given text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT CASE "
                    "WHEN given ~ '^0{8}-0000-0000-0000-0{8}' THEN right(given, 4)::integer "
                    "WHEN given ~ '^\\d{1,9}$' THEN given::bigint ELSE hashtext(given) END $$")
        key = "7000 + n" if id != "text" else "'00000000-0000-0000-0000-' || lpad((7000 + n)::text, 12, '0')"
        school.psql(DATA.format(id=id, key=key))
        school.psql(CHANGE)
        yield school


def bound_columns(school):
    """(entity, attribute, kind, column, type) of all of them."""
    return school.rows("""
        SELECT b.entity, a.attribute, a.kind, b.columns ->> a.attribute, format_type(c.atttypid, NULL)
        FROM white_cross.binding AS b JOIN white_cross.attributes() AS a USING (entity)
        JOIN pg_attribute AS c ON c.attrelid = format('%I.%I', b.schema_name, b.table_name)::regclass AND c.attname = b.columns ->> a.attribute
        ORDER BY 1, c.attnum""")


__all__ = ["CALLS", "ID_TYPES", "KINDS", "TYPES", "bound_columns", "called", "json", "normal", "typed_school", "value_in"]
