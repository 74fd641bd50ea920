"""A school whose tables have ids of another type, columns in snake_case, and what the application need not have."""

import pytest

from school import School

TABLES = """
CREATE TYPE severity AS ENUM ('MILD', 'MODERATE', 'SEVERE', 'LIFE_THREATENING');
CREATE TABLE students (id {id} PRIMARY KEY, student_number text NOT NULL, first_name text NOT NULL, last_name text NOT NULL,
    date_of_birth {time} NOT NULL, gender text NOT NULL, grade text NOT NULL);
CREATE TABLE health_records (id {id} PRIMARY KEY, student_id {id} NOT NULL REFERENCES students ON DELETE CASCADE,
    type text NOT NULL, date {time} NOT NULL, description text NOT NULL, vital jsonb, provider text, notes text,
    attachments text[], created_at {time} NOT NULL DEFAULT '2025-01-01', updated_at {time} NOT NULL DEFAULT '2025-01-01');
CREATE TABLE allergies (id {id} PRIMARY KEY, student_id {id} NOT NULL REFERENCES students ON DELETE CASCADE,
    allergen text NOT NULL, severity severity NOT NULL, reaction text, treatment text, verified boolean NOT NULL DEFAULT false,
    verified_by text, verified_at {time}, created_at {time} NOT NULL DEFAULT '2025-01-01',
    updated_at {time} NOT NULL DEFAULT '2025-01-01');
CREATE TABLE chronic_conditions (id {id} PRIMARY KEY, student_id {id} NOT NULL REFERENCES students ON DELETE CASCADE,
    condition text NOT NULL, diagnosed_date {time} NOT NULL, status text NOT NULL, severity text, notes text, care_plan text,
    medications text[], restrictions text[], triggers text[], diagnosed_by text, last_review_date {time},
    next_review_date {time}, created_at {time} NOT NULL DEFAULT '2025-01-01', updated_at {time} NOT NULL DEFAULT '2025-01-01');
"""

IDS = {
    "uuid": ["6f9619ff-8b86-d011-b42d-00c04fc964f0", "00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "bigint": ["9007199254740993", "-5", "1"],
    "text": ["o'brien", "a:b", "Zoë 1"],
}

ID_TYPES = ["text", "uuid", "bigint"]


class OwnSchool(School):
    """`key(n)` is the n-th id, in the order of the type."""

    def __init__(self, cluster, database, id_type, time_type="timestamp(3)", more=""):
        cluster.create_database(database)
        super().__init__(cluster, database)
        self.id_type = id_type
        self.sql(TABLES.format(id=id_type, time=time_type) + more)
        self.sql("CREATE EXTENSION white_cross")
        self.sql("SELECT wc_attach('public')")
        # Without them there is nothing to read through but queries.
        for statement, in self.rows("SELECT wc_index_statements('public', false)"):
            self.sql(statement)
        self.records = 0

    def key(self, n):
        return {"text": f"id-{n:04}", "uuid": f"00000000-0000-0000-0000-{n:012}", "bigint": n}[self.id_type]

    def add(self, n, born="2014-03-02", sex="FEMALE", grade="5", **columns):
        self.insert("students", {"id": self.key(n), "student_number": f"N{n}", "first_name": "Ada", "last_name": "Quill",
                                 "date_of_birth": born, "gender": sex, "grade": grade} | columns)

    def measure(self, n, date, vital=None, id=None, type="CHECKUP", **columns):
        self.records += 1
        self.insert("health_records", {"id": self.key(id or 1000 + self.records), "student_id": self.key(n), "type": type, "date": date,
                                       "description": "", "vital": vital} | columns)

    def of(self, function, n, *arguments, **named):
        """Returns the result of function(the n-th id, …), which is the same through indexes and by queries."""
        words = ["%s"] * len(arguments) + [f"{name} => %s" for name in named]
        call = f"{function}({', '.join([f'%s::{self.id_type}', *words])})"
        answers = []
        for direct in "on", "off":
            self.sql(f"SET white_cross.direct_reads = {direct}")
            answers.append(self.rows(f"SELECT * FROM {call}", self.key(n), *arguments, *named.values()))
        self.sql("RESET white_cross.direct_reads")
        assert answers[0] == answers[1], (call, self.key(n), arguments, named)
        (answer,), = [answers[0][0]] if len(answers[0][0]) == 1 else [[answers[0][0]]]
        return answer


@pytest.fixture(params=[(id, time) for id in IDS for time in ("timestamp(3)", "timestamptz")], ids=lambda p: "-".join(p))
def own_tables(request, cluster, empty_database):
    id_type, time_type = request.param
    school = School(cluster, empty_database)
    school.connection.execute(TABLES.format(id=id_type, time=time_type))
    school.sql("CREATE EXTENSION white_cross")
    school.sql("SELECT wc_attach('public')")
    school.id_type, school.ids = id_type, IDS[id_type]
    with school.connection:
        for student in school.ids:
            school.sql("INSERT INTO students VALUES (%s, 'N1', 'Ada', 'Quill', '2014-03-02 00:00:00+00', 'FEMALE', '5')", student)
        school.sql("INSERT INTO allergies (id, allergen, severity, student_id) VALUES (%s, 'Milk', 'SEVERE', %s)", school.ids[1], school.ids[0])
        school.sql("INSERT INTO health_records VALUES (%s, %s, 'VACCINATION', '2025-10-10 09:30:00+00', 'Tdap', '{\"height\": 140}')",
                   school.ids[2], school.ids[0])
        yield school
