-- Functions on the rows of students, and the view of their summaries.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION white_cross;
CREATE SCHEMA clinic;
SELECT wc_create_tables('clinic');
SELECT wc_row_functions('clinic');
SELECT count(*) FROM wc_attach('clinic');
RESET client_min_messages;
INSERT INTO clinic.students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
VALUES ('ada', 'N1', 'Ada', 'Quill', '2015-03-10', '5', 'FEMALE');

-- Names that others have are left out.
ALTER TABLE clinic.students ADD vaccinations text;
CREATE FUNCTION clinic.growth_chart(clinic.students) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
\t on
\a
SELECT wc_row_functions('clinic');
SELECT wc_row_functions('clinic') \gexec
SELECT wc_row_functions('clinic');
\a
\t off

-- Each is the plain call.
SET search_path = clinic, public;
EXPLAIN (VERBOSE, COSTS off) SELECT s.health_summary FROM students AS s;
EXPLAIN (VERBOSE, COSTS off) SELECT summary FROM student_summaries WHERE id = 'ada';
SELECT s.health_summary -> 'student' ->> 'firstName' AS name, s.recent_vitals, student_records(s, 1, 5) -> 'pagination' AS pages FROM students AS s;
RESET search_path;

-- They need the extension.
SELECT wc_detach('clinic');
SELECT summary FROM clinic.student_summaries;
DROP EXTENSION white_cross;
SET client_min_messages = warning;
DROP EXTENSION white_cross CASCADE;
DROP SCHEMA clinic CASCADE;
