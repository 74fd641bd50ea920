"""Every answer in JSON has a schema in schema/, which it satisfies, and which refuses it with any fault."""

import json

import pytest

from awkward import DATA
from json_schema import FOLDER, damaged, errors, schema
from own_ids import ID_TYPES, OwnSchool
from school import School

pytestmark = pytest.mark.thorough

STUDENTS = 100

# What the generated rows lack: conditions, lists, infinity, microseconds, all vital signs, JSON in columns of the application's own.
MORE = """
ALTER TABLE students ADD own jsonb DEFAULT 'null';
ALTER TABLE allergies ADD own jsonb DEFAULT 'null';
ALTER TABLE chronic_conditions ADD own jsonb DEFAULT 'null';
UPDATE health_records SET vital = '{"bloodPressureDiastolic": 70, "respiratoryRate": 16}' WHERE "studentId" = 's8';
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", severity, medications, restrictions, triggers, "lastReviewDate", "studentId")
SELECT 'c' || n, 'Asthma', '2022-01-01', CASE WHEN n % 2 = 0 THEN 'MILD' END, '{"a","b, c"}', '{{x,y},{NULL,z}}', CASE WHEN n % 3 = 0 THEN '{}'::text[] END,
       CASE WHEN n % 4 = 0 THEN 'infinity'::timestamp ELSE '2024-02-03' END, 's' || n
FROM generate_series(1, 100) AS n;
ALTER TABLE allergies ALTER "verifiedAt" TYPE timestamp(6);
UPDATE allergies SET "verifiedAt" = '2024-02-03 04:05:06.123456' WHERE "studentId" = 's4';
UPDATE health_records SET attachments = '{one.pdf,NULL}', notes = 'a plain word' WHERE "studentId" < 's3';
-- So many that a search by rank stops counting.
INSERT INTO health_records (id, type, date, description, "studentId") SELECT 'many' || n, 'CHECKUP', '2025-01-01', 'manifold', 's1' FROM generate_series(1, 2100) AS n;
UPDATE health_records SET date = 'infinity' WHERE "studentId" = 's17';
ANALYZE"""
EXPORT = "wc_import_health_history((SELECT json_agg(c) FROM wc_export_health_history('{}') AS c), 'skip')"

# By function: the schema, and statements that call it.  {f} is the function, or its form with jsonb.
ANSWERS = {
    "wc_health_summary": ("summary", ["SELECT {f}(id) FROM students", "SELECT {f}(id, '{{chronicConditions,growth,trends}}') FROM students"]),
    "wc_health_summaries": ("summary", ["SELECT summary FROM {f}(ARRAY(SELECT id FROM students LIMIT 200)) WHERE summary IS NOT NULL"]),
    "wc_student_records": ("record_page", ["SELECT {f}(id, 1, 5) FROM students", "SELECT {f}(id, 2, 30, '{{\"type\": \"VACCINATION\"}}') FROM students", "SELECT {f}('nobody')"]),
    "wc_student_records_after": ("record_slice", ["SELECT {f}(id, NULL, 3) FROM students",
                                                  "SELECT {f}(id, wc_student_records_after(id, NULL, 2) ->> 'nextCursor', 90) FROM students WHERE id < 's2'"]),
    "wc_student_allergies": ("allergies", ["SELECT {f}(id) FROM students"]),
    "wc_student_conditions": ("conditions", ["SELECT {f}(id) FROM students"]),
    "wc_recent_vitals": ("recent_vitals", ["SELECT {f}(id, 20) FROM students"]),
    "wc_vaccinations": ("vaccinations", ["SELECT {f}(id) FROM students"]),
    "wc_search_health_records": ("search_page", ["SELECT {f}(q, NULL, 1, 100, o, true) FROM unnest('{{plain,word,\"line feed\",N17,nothing}}'::text[]) AS q, unnest('{{date,rank}}'::text[]) AS o",
                                                 "SELECT {f}('manifold', NULL, 1, 2, 'rank')"]),
    "wc_growth_chart": ("growth_chart", ["SELECT {f}(id) FROM students", "SELECT {f}(id, '{{percentiles}}') FROM students"]),
    "wc_vital_trend": ("vital_trend", ["SELECT {f}(id, v) FROM students, unnest('{{height,bmi,heartRate}}'::text[]) AS v WHERE {f}(id, v) IS NOT NULL"]),
    "wc_trend": ("vital_trend", ["SELECT {f}(v, now() + v * interval '1 day') FROM unnest('{{0,0,3.5,9}}'::float8[]) AS v, generate_series(1, 3) AS n GROUP BY n",
                                 "SELECT {f}(5, '2025-01-01'::date)"]),
    "wc_statistics": ("statistics", ["SELECT {f}(n / 7.0) FROM generate_series(1, 99) AS n GROUP BY n % 5"]),
    "wc_statistics_exact": ("statistics", ["SELECT {f}(n / 7.0) FROM generate_series(1, 99) AS n GROUP BY n % 5"]),
    "wc_growth_prevalence": ("prevalence_row", ["SELECT to_json(p) FROM {f}(within => NULL) AS p"]),
    "wc_export_health_history": ("export_chunk", ["SELECT {f}(id, 30) FROM students LIMIT 4000"]),
    "wc_export_health_histories": ("export_chunk", ["SELECT chunk FROM {f}(ARRAY(SELECT id FROM students WHERE id < 's2'))"]),
    "wc_export_health_history_ndjson": ("export_line", ["SELECT {f}(id) FROM students WHERE id < 's2'"]),
    "wc_import_health_history": ("import_result", [f"SELECT {EXPORT.format('s4')}", f"SELECT {EXPORT.format('s17')}"]),
    "wc_bulk_delete_records": ("deletion", ["SELECT {f}(ARRAY(SELECT id FROM health_records LIMIT 3) || 'nothing'::text)"]),
    "wc_cache_entries": ("cache_value", ["SELECT value FROM {f}(ARRAY(SELECT id FROM students LIMIT 300), ARRAY['health_summary', 'growth_chart', 'records:1:20:{{}}'])"]),
    "wc_performance": ("database_performance", ["SELECT {f}()"]),
    "wc_attach": ("other_names", ['SELECT other_names FROM {f}(\'public\', \'{{"allergies": {{"columns": {{"treatment": "reaction"}}}}}}\') WHERE other_names IS NOT NULL']),
}
# Those of a worker, which other tests hold against its answers, and what the others are made of.
OTHERS = {"performance", "slow", "webhook", "column"}

# Of the catalog: functions whose result, or a column of it, is JSON, or lines of JSON.
JSON_FUNCTIONS = r"""
SELECT DISTINCT p.proname FROM pg_proc AS p
JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'white_cross'
WHERE p.pronamespace = e.extnamespace AND (pg_get_function_result(p.oid) ~ '\mjsonb?\M' OR p.proname ~ 'json$')"""


@pytest.fixture(scope="module")
def awkward(cluster):
    cluster.create_database("awkward_answers")
    with School(cluster, "awkward_answers") as school:
        school.attach()
        school.psql(f"\\set students {STUDENTS}\n{DATA}")
        school.sql(MORE)
        yield school


@pytest.fixture(scope="module")
def answers(awkward):
    """[(function, schema, its answers)] of all, with jsonb too."""
    names = {name for name, in awkward.rows(JSON_FUNCTIONS)}
    found = []
    for function, (of, statements) in ANSWERS.items():
        for form in {function, f"{function}_jsonb"} & (names | {function}):
            with awkward.connection.transaction(force_rollback=True):
                texts = [row[0] for statement in statements for row in awkward.rows(f"SELECT x::text FROM ({statement.format(f=form)}) AS t (x)")]
            assert texts, form
            found.append((form, schema(of), [json.loads(text) for text in texts]))
    return found


def test_every_function_that_returns_json_has_a_schema(awkward):
    names = {name.removesuffix("_jsonb") for name, in awkward.rows(JSON_FUNCTIONS)}
    assert len(names) > 15
    assert names - set(ANSWERS) == set(), "give these a schema in schema/ and calls in ANSWERS"


def test_every_answer_satisfies_its_schema(answers):
    for function, of, values in answers:
        wrong = [wrong for value in values for wrong in errors(value, of)]
        assert wrong[:3] == [], f"{function}: {len(wrong)} of {len(values)}"


def test_every_member_of_every_schema_has_been_seen(answers):
    """Else a name that no answer has would never be found."""
    seen = {}
    for _, of, values in answers:
        for value in values:
            errors(value, of, seen=seen)
    missing = {f"{one['title']}: {name}" for one, names in seen.values() for name in set(one["properties"]) - names}
    assert missing == set()
    objects = {path.name for path in FOLDER.glob("*.json") if "properties" in json.loads(path.read_text())}
    titles = {one.get("title") for one, _ in seen.values()}
    unseen = {name for name in objects if schema(name.removesuffix(".schema.json"))["title"] not in titles}
    assert {name.removesuffix(".schema.json") for name in unseen} == OTHERS - {"column"}


def test_every_schema_refuses_an_answer_with_a_fault(answers):
    """Of each shape that an answer has, one: the longest."""
    count = 0
    for function, of, values in answers:
        for value in sorted(values, key=lambda value: -len(json.dumps(value)))[:3]:
            for worse in damaged(value, of):
                count += 1
                assert errors(worse, of), (function, worse)
    assert count > 1000


def test_objects_allow_no_other_members():
    """Except for the rows of an export, which have the application's own columns, and names that are data."""
    found = {}

    def walk(one, name):
        if isinstance(one, dict):
            if one.get("type") == "object" and one.get("additionalProperties") is not False:
                found.setdefault(name, []).append(one.get("additionalProperties"))
            for member in one.values():
                walk(member, name)
        elif isinstance(one, list):
            for member in one:
                walk(member, name)

    for path in FOLDER.glob("*.json"):
        walk(json.loads(path.read_text()), path.name.removesuffix(".schema.json"))
    del found["webhook"]  # refers to others in words
    numbers, names = {"type": "integer", "minimum": 1}, {"type": "string"}
    assert found == {"summary": [numbers], "other_names": [names]} | {f"exported_{row}": [True] for row in ("student", "record", "allergy", "condition")}


def test_they_are_json_schemas():
    """By the package that everybody uses, where it is installed."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed (of Debian: python3-jsonschema)")
    for path in FOLDER.glob("*.json"):
        of = json.loads(path.read_text())
        jsonschema.Draft202012Validator.check_schema(of)


@pytest.mark.parametrize("id_type", ID_TYPES)
def test_ids_of_every_type(cluster, id_type):
    school = OwnSchool(cluster, f"answers_{id_type}", id_type)
    with school.connection:
        school.add(1)
        school.measure(1, "2025-01-01", '{"height": 130, "weight": "66 lb"}')
        assert errors(school.of("wc_health_summary", 1), schema("summary")) == []
        assert errors(school.of("wc_student_records", 1), schema("record_page")) == []
        assert errors(school.of("wc_growth_chart", 1, ["percentiles"]), schema("growth_chart")) == []
        for chunk, in school.rows(f"SELECT wc_export_health_history(%s::{id_type})", school.key(1)):
            assert errors(chunk, schema("export_chunk")) == []
    cluster.drop_database(school.database)
