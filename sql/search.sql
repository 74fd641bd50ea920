-- Search: what people type, and what it finds.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES
    ('s1', 'STU0017', 'Zoë', 'O''Brien', '2015-03-01', '4', 'FEMALE'), ('s2', 'STU0020', 'Sam', 'Feverfew', '2014-02-28', '5', 'OTHER');
INSERT INTO health_records (id, type, date, description, provider, notes, "createdAt", "updatedAt", "studentId") VALUES
    ('r1', 'ILLNESS', '2025-10-01', 'Fever and sore throat, sent home', 'Nurse Kim', NULL, '2025-10-01', '2025-10-01', 's1'),
    ('r2', 'ILLNESS', '2025-10-02', 'Sore knee; the throat is fine', 'Dr. Maria Gomez', 'Back to class', '2025-10-02', '2025-10-02', 's2'),
    ('r3', 'CHECKUP', '2025-10-03', 'Coughing at night', 'Nurse O''Brien', '<b>Vaccinations</b> & "follow-up"', '2025-10-03', '2025-10-03', 's1'),
    ('r4', 'CHECKUP', '2025-10-03', 'Nothing found', NULL, NULL, '2025-10-03', '2025-10-03', 's2');
ANALYZE students, health_records;

CREATE FUNCTION ids(page json) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(r ->> 'id', ' ' ORDER BY n), '-') FROM json_array_elements(page -> 'records') WITH ORDINALITY AS e (r, n) $$;
CREATE FUNCTION found(VARIADIC queries text[]) RETURNS TABLE (query text, finds text) LANGUAGE sql AS $$
    SELECT left(q, 20), ids(wc_search_health_records(q)) FROM unnest(queries) AS q $$;

SELECT wc_search_health_records('sore throat fever');
-- Words, in any form; phrases; the beginning of the last word, also past its stem.
SELECT * FROM found('sore throat', '"sore throat"', '“sore throat”', '"sore thr', '"sore thr"', 'cough', 'coughs', 'coughi', 'coughin', 'vaccinat', 'thro sore', 'sore thro');
-- Excluded terms.
SELECT * FROM found('sore -fever', 'sore -"sent home"', '-fever', 'feverfew -knee', '-feverfew', 'sore -', '-');
-- Parts of names and numbers; typographic quotes; punctuation alone finds nothing.
SELECT * FROM found('zoë', 'ZOË O''BRIEN', 'O’Brien', 'O''Brien &', 'brien, zoë', 'STU002', '0017', 'Zoë Feverfew', 'o', '%', 'S_U');
-- Queries without a word.
SELECT * FROM found('', ' ', 'the', 'of the', '&', '''', '"', '\', ':*', '&&|!()', '🤒', '🤒 fever', repeat('x', 10000), NULL);
SELECT length(wc_search_health_records(repeat('fever throat ', 800))::text) > 200 AS ten_thousand_characters;

SELECT ids(wc_search_health_records('sore', 'ILLNESS')) AS illness, ids(wc_search_health_records('sore', 'CHECKUP')) AS checkup,
       ids(wc_search_health_records('feverfew', type => 'CHECKUP')) AS by_name;
SELECT ids(p) AS ids, p -> 'pagination' AS pagination FROM wc_search_health_records('-nothingofthekind', page => 2, page_size => 3) AS p;
SELECT ids(p) AS ids, p -> 'pagination' AS pagination FROM wc_search_health_records('sore', page => 9) AS p;
SELECT ids(wc_search_health_records('fever')) AS by_date, ids(wc_search_health_records('fever', "order" => 'rank')) AS by_rank;
SELECT r -> 'highlight' AS highlight FROM json_array_elements(wc_search_health_records('vaccination follow o''brien', highlight => true) -> 'records') AS r;
SELECT r -> 'highlight' AS highlight FROM json_array_elements(wc_search_health_records('feverfew', highlight => true) -> 'records') AS r;

-- Errors do not show the query.
SELECT wc_search_health_records('secret', page => 0);
\echo :SQLSTATE
SELECT wc_search_health_records('secret', page_size => 501);
\echo :SQLSTATE
SELECT wc_search_health_records('secret', 'secret');
\echo :SQLSTATE
SELECT wc_search_health_records('secret', "order" => 'secret');
\echo :SQLSTATE

-- Row-level security: hidden records are neither found nor counted.
CREATE ROLE wc_searcher;
SET ROLE wc_searcher;
SELECT wc_search_health_records('secret');
\echo :SQLSTATE
RESET ROLE;
GRANT SELECT (id, "firstName", "lastName", "studentNumber") ON students TO wc_searcher;
GRANT SELECT ON health_records TO wc_searcher;
ALTER TABLE health_records ENABLE ROW LEVEL SECURITY;
CREATE POLICY illness ON health_records TO wc_searcher USING (type = 'ILLNESS');
SET ROLE wc_searcher;
SELECT ids(p) AS ids, p -> 'pagination' AS pagination FROM wc_search_health_records('o''brien') AS p;
SELECT ids(p) AS ids, p -> 'pagination' AS pagination FROM wc_search_health_records('sore') AS p;
RESET ROLE;
ALTER TABLE students ENABLE ROW LEVEL SECURITY;
CREATE POLICY sam ON students TO wc_searcher USING (id = 's2');
SET ROLE wc_searcher;
SELECT ids(p) AS ids, p -> 'pagination' AS pagination FROM wc_search_health_records('o''brien') AS p;
SELECT ids(p) AS ids, p -> 'pagination' AS pagination FROM wc_search_health_records('sore') AS p;
RESET ROLE;
ALTER TABLE students DISABLE ROW LEVEL SECURITY;
ALTER TABLE health_records DISABLE ROW LEVEL SECURITY;

-- search_path has no influence.
CREATE SCHEMA evil;
CREATE FUNCTION evil.to_tsvector(regconfig, text) RETURNS tsvector LANGUAGE sql AS $$ SELECT ''::tsvector $$;
CREATE FUNCTION evil.no(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
CREATE OPERATOR evil.~~* (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.no);
CREATE TEXT SEARCH CONFIGURATION evil.english (COPY = simple);
SET search_path = evil, pg_catalog, public;
SELECT public.ids(public.wc_search_health_records('coughs')) AS words, public.ids(public.wc_search_health_records('feverf')) AS name;
RESET search_path;

SET client_min_messages = warning;
DROP SCHEMA evil CASCADE;
DROP OWNED BY wc_searcher;
DROP ROLE wc_searcher;
DROP FUNCTION found, ids;
DROP EXTENSION white_cross;
DROP TABLE students, health_records, allergies, chronic_conditions;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
