-- The school that the programs of this folder read: psql -d school -f examples/school.sql, in a database that has none of it yet.
-- An application attaches its own tables instead: SELECT wc_attach('public').

CREATE EXTENSION IF NOT EXISTS white_cross;
SELECT wc_create_tables('public');
SELECT wc_attach('public');

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
VALUES ('ada', 'N1', 'Ada', 'Quill', '2015-03-10', '5', 'FEMALE'),
       ('bob', 'N2', 'Bob', 'Reed', '2014-11-02', '5', 'MALE');

INSERT INTO health_records (id, type, date, description, "studentId", vital)
VALUES ('c1', 'CHECKUP', '2025-09-12', 'Start of school', 'ada', '{"height": 131, "weight": 28}');
