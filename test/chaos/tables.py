"""The tables of the chaos test, and the mappings that are attached in turn.

The mappings differ in the columns that are bound and in their types: a read that mixes two of them takes a number for a
pointer, or shows a result that neither of them has.  Values are long and not compressed, so that reading them fetches from
TOAST, which accepts invalidation messages in the middle of a read.
"""

import copy

SCHEMA, MOVED = "clinic", "clinic_moved"
STUDENTS = 6
RECORDS = 12  # per student

TABLES = f"""
CREATE SCHEMA {SCHEMA};
SELECT wc_create_tables('{SCHEMA}');
SET search_path = {SCHEMA};
DROP INDEX idx_health_records_vital_gin;
ALTER TABLE health_records DROP CONSTRAINT "health_records_studentId_fkey", ADD remarks text, ADD day date, ADD moment timestamptz, ADD kind text,
    ADD measured jsonb, ADD files varchar[], ALTER provider SET STORAGE EXTERNAL, ALTER notes SET STORAGE EXTERNAL, ALTER remarks SET STORAGE EXTERNAL,
    ALTER vital SET STORAGE EXTERNAL, ALTER measured SET STORAGE EXTERNAL;
ALTER TABLE allergies DROP CONSTRAINT "allergies_studentId_fkey", ADD remedy text, ADD proven boolean, ALTER reaction SET STORAGE EXTERNAL,
    ALTER treatment SET STORAGE EXTERNAL, ALTER remedy SET STORAGE EXTERNAL;
ALTER TABLE chronic_conditions DROP CONSTRAINT "chronic_conditions_studentId_fkey", ALTER notes SET STORAGE EXTERNAL;
ALTER TABLE students ADD born date, ADD sex text, ADD called text, ADD lastly varchar;

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, born, sex, called, lastly)
SELECT 's' || n, 'N' || n, 'Ada' || n, 'Quill', '2014-03-02', '5', 'FEMALE', '2014-03-02', 'FEMALE', 'Bea' || n, 'Rill'
FROM generate_series(1, {STUDENTS}) AS n;
INSERT INTO health_records (id, type, kind, date, day, moment, description, vital, measured, provider, notes, remarks, attachments, files, "studentId")
SELECT 'r' || n || '-' || r, type, type::text, day, day::date, day, 'zebra' || n || ' grazing',
       jsonb_build_object('height', 130 + r, 'weight', 30 + r, 'note', repeat('v', 2500)),
       jsonb_build_object('height', 130 + r, 'weight', 30 + r, 'note', repeat('w', 2600)),
       repeat('p' || r, 1500), repeat('n' || r, 2500), repeat('m' || r, 2000), ARRAY['a', repeat('b', 300)], ARRAY['c', 'd'], 's' || n
FROM generate_series(1, {STUDENTS}) AS n, generate_series(1, {RECORDS}) AS r,
     LATERAL (SELECT timestamp '2025-09-01' + r * interval '1 day' AS day, (enum_range(NULL::"HealthRecordType"))[1 + r % 3] AS type) AS made;
INSERT INTO allergies (id, allergen, severity, reaction, treatment, remedy, proven, "studentId")
SELECT 'a' || n || '-' || a, 'Nuts ' || a, (enum_range(NULL::"AllergySeverity"))[a], repeat('r' || a, 1500), repeat('t' || a, 1600), repeat('y' || a, 1700),
       true, 's' || n
FROM generate_series(1, {STUDENTS}) AS n, generate_series(1, 4) AS a;
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", notes, medications, "studentId")
SELECT 'c' || n || '-' || c, 'Asthma ' || c, '2022-01-01', repeat('c' || c, 1500), '{{x}}', 's' || n
FROM generate_series(1, {STUDENTS}) AS n, generate_series(1, 3) AS c;
"""

ATTRIBUTES = {
    "students": ["id", "firstName", "lastName", "studentNumber", "dateOfBirth", "gender"],
    "health_records": ["id", "studentId", "type", "date", "description", "vital", "provider", "notes", "attachments", "createdAt", "updatedAt"],
    "allergies": ["id", "studentId", "allergen", "severity", "reaction", "treatment", "verified", "verifiedBy", "verifiedAt", "createdAt", "updatedAt"],
    "chronic_conditions": ["id", "studentId", "condition", "diagnosedDate", "status", "severity", "notes", "carePlan", "medications", "restrictions",
                           "triggers", "diagnosedBy", "lastReviewDate", "nextReviewDate", "createdAt", "updatedAt"],
}
TIMES = {"dateOfBirth", "date", "createdAt", "updatedAt", "verifiedAt", "diagnosedDate", "lastReviewDate", "nextReviewDate"}


def mapping(**changed):
    return {entity: {"columns": {a: changed.get(entity, {}).get(a, a) for a in names + (["grade"] if entity == "students" else [])}}
            for entity, names in ATTRIBUTES.items()}


MAPPINGS = [
    mapping(),
    mapping(students={"dateOfBirth": "born", "gender": "sex", "firstName": "called"},
            health_records={"date": "day", "type": "kind", "vital": "measured", "provider": "notes", "notes": "remarks", "attachments": "files"},
            allergies={"reaction": "treatment", "treatment": "remedy", "verified": "proven"}),
    mapping(students={"lastName": "lastly", "firstName": "lastly"},
            health_records={"date": "moment", "provider": "remarks", "notes": "provider"},
            allergies={"reaction": "remedy", "treatment": "reaction"}),
]


def renamed(which, entity, column, name):
    """Returns that mapping with another name for a column."""
    changed = copy.deepcopy(MAPPINGS[which])
    columns = changed[entity]["columns"]
    changed[entity]["columns"] = {a: name if c == column else c for a, c in columns.items()}
    return changed


# All mappings that are ever attached.
ALL = MAPPINGS + [renamed(which, "health_records", "provider", "provided") for which in range(len(MAPPINGS))]
