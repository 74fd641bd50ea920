-- Statistics and trends of vital signs; a student's growth and trends.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');

-- wc_statistics: rounded as the old service rounds, and exact.
SELECT wc_statistics(x), wc_statistics_exact(x) FROM (VALUES (36.6), (38.1), (37.0), (39.4), (NULL)) AS v (x);
SELECT wc_statistics(x) FROM (VALUES (-0.125), (0.125)) AS v (x);
SELECT wc_statistics(x) AS integers FROM generate_series(1, 5) AS x;
SELECT wc_statistics(x) AS one FROM (VALUES (7.0)) AS v (x);
SELECT wc_statistics(x) IS NULL AS none, wc_statistics_exact(x) IS NULL AS none FROM (VALUES (NULL::float8)) AS v (x);
SELECT wc_statistics(x) IS NULL AS no_row FROM generate_series(1, 0) AS x;
SELECT x % 2 AS odd, wc_statistics(x) FROM generate_series(1, 9) AS x GROUP BY x % 2 ORDER BY odd;
SELECT wc_statistics(x) FILTER (WHERE x > 2) AS filtered, wc_statistics(DISTINCT x / 2) AS distinct, wc_statistics(x ORDER BY -x) AS ordered
FROM generate_series(1, 4) AS x;
-- As a window function: the state is used many times.
SELECT x, wc_statistics(x) OVER (ORDER BY x) ->> 'median' AS so_far, wc_statistics(x) OVER (ORDER BY x ROWS 1 PRECEDING) ->> 'sum' AS last_two
FROM (VALUES (5), (1), (4), (2), (3)) AS v (x) ORDER BY x;
SELECT wc_statistics('NaN');
SELECT wc_statistics(x) FROM (VALUES (1), ('-Infinity'::float8)) AS v (x);
SELECT wc_statistics(x) FROM (VALUES (1.7e308), (1.7e308::float8)) AS v (x);

-- wc_trend: in whatever order the rows come.
SELECT at, wc_trend(v, t) FROM (VALUES ('up', 100, timestamp '2025-01-01'), ('up', 90, '2025-03-01'), ('up', 106, '2025-07-01'),
    ('flat', 105, '2025-02-01'), ('flat', 100, '2025-01-01'), ('down', 94.9, '2025-01-31'), ('down', 100, '2025-01-01'),
    ('from zero', 0, '2025-01-01'), ('from zero', 0.1, '2025-01-02'), ('once', 5, '2025-01-01'), ('same', 5, '2025-01-01'), ('same', 5, '2025-02-01'),
    ('nulls', NULL, '2025-01-01'), ('nulls', 5, NULL)) AS v (at, v, t) GROUP BY at ORDER BY at;
SELECT wc_trend(v, t) ->> 'slopePer30Days' AS timestamptz, wc_trend(v, t::date) ->> 'slopePer30Days' AS date
FROM (VALUES (10, timestamptz '2025-01-01 00:00Z'), (11, '2025-01-11 00:00Z'), (12, '2025-01-21 00:00Z')) AS v (v, t);
SELECT wc_trend('Infinity', now());
SELECT wc_trend(1, timestamp '-infinity');
SELECT wc_trend(1, 'infinity'::date);
SELECT wc_trend(1, date '294276-12-31') IS NULL;
SELECT wc_trend(1, date '5874897-12-31');

-- The trend of a student's vital.
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES
    ('ada', 'N1', 'Ada', 'Quill', '2015-03-01', '4', 'FEMALE'), ('kit', 'N2', 'Kit', 'Roe', '2015-03-01', '4', 'OTHER');
INSERT INTO health_records (id, type, date, description, vital, "studentId") VALUES
    ('r4', 'CHECKUP', '2025-01-10 09:00', '', '{"height": 137.5, "weight": 31.20, "bmi": 16.5}', 'ada'),
    ('r1', 'CHECKUP', '2022-01-10 09:00', '', '{"height": 120, "weight": 22, "heartRate": 90}', 'ada'),
    ('r3', 'SCREENING', '2024-01-10 09:00', '', '{"weight": 28.1, "heartRate": "fast"}', 'ada'),
    ('r2', 'ILLNESS', '2023-01-10 09:00', '', '{"temperature": 38.9, "heartRate": 99}', 'ada'),
    ('r5', 'CHECKUP', '2025-01-10 09:05', '', '{"height": 54, "weight": "31"}', 'ada'),
    ('r6', 'CHECKUP', '2016-01-10 09:00', '', '{"height": 71, "weight": 0}', 'ada'),
    ('r7', 'CHECKUP', '2025-02-10 09:00', '', 'null', 'ada'), ('r8', 'CHECKUP', '2025-02-11 09:00', '', NULL, 'ada'),
    ('r9', 'CHECKUP', '2025-02-11 09:00', '', '[1]', 'ada'),
    ('k1', 'CHECKUP', '2025-01-10 09:00', '', '{"height": 137.5, "weight": 31.20}', 'kit');
SELECT p FROM json_array_elements(wc_growth_chart('ada'::text)) AS p;
SELECT wc_growth_chart('ada'::text)::text = (wc_health_summary('ada'::text, '{growth}') -> 'growth')::text AS as_in_the_summary;
SELECT p ->> 'date' AS date, round((p ->> 'ageMonths')::numeric, 4) AS age, round((p #>> '{zScores,height}')::numeric, 4) AS height_z,
       round((p #>> '{zScores,weight}')::numeric, 4) AS weight_z, round((p #>> '{percentiles,bmi}')::numeric, 4) AS bmi_percentile, p ->> 'category' AS category,
       p ->> 'implausible' AS implausible
FROM json_array_elements(wc_growth_chart('ada'::text, include => '{percentiles}')) AS p;
SELECT p FROM json_array_elements(wc_growth_chart('kit'::text, include => '{percentiles}')) AS p;
SELECT wc_growth_chart('nobody'::text) AS unknown, wc_growth_chart(NULL::text) IS NULL AS null_id;
SELECT wc_growth_chart('ada'::text, '{nonsense}');
SELECT wc_growth_chart('ada'::text, '{NULL}');

SELECT wc_vital_trend('ada'::text, 'height');
SELECT wc_vital_trend('ada'::text, 'weight', since => '2022-06-01Z');
SELECT wc_vital_trend('ada'::text, 'heartRate') ->> 'points' AS two_numbers, wc_vital_trend('ada'::text, 'oxygenSaturation') IS NULL AS none,
       wc_vital_trend('nobody'::text, 'height') IS NULL AS unknown, wc_vital_trend('ada'::text, NULL) IS NULL AS null_vital;
SELECT wc_vital_trend('ada'::text, 'pulse');
-- A student that a policy hides is unknown.
CREATE ROLE wc_vitals_reader;
GRANT SELECT ON students, health_records TO wc_vitals_reader;
ALTER TABLE students ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_kit ON students TO wc_vitals_reader USING (id = 'kit');
SET ROLE wc_vitals_reader;
SELECT wc_growth_chart('ada'::text) AS hidden, wc_vital_trend('ada'::text, 'height') AS hidden, json_array_length(wc_growth_chart('kit'::text)) AS shown;
RESET ROLE;
DROP OWNED BY wc_vitals_reader;
DROP ROLE wc_vitals_reader;

-- The chart as SVG.
SELECT measure, length(xml) > 3000 AS full, xml ~ '^<svg ' AND xml ~ E'</svg>\n$' AS whole, xml ~ 'Ada|Quill|2015|2025' AS tells_who
FROM unnest('{bmi,height,weight}'::text[]) AS measure, LATERAL (SELECT wc_growth_chart_svg('ada'::text, measure)) AS s (text), LATERAL (SELECT text) AS x (xml);
SELECT wc_growth_chart_svg('nobody'::text, 'bmi') IS NULL AS unknown, wc_growth_chart_svg('ada'::text, NULL) IS NULL AS null_measure;
SELECT wc_growth_chart_svg('ada'::text, 'waist');
SELECT wc_growth_chart_svg('ada'::text, 'bmi', 159);
SELECT wc_growth_chart_svg('ada'::text, 'bmi', height => 4001);

DROP TABLE students, health_records, allergies, chronic_conditions;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
DROP EXTENSION white_cross;
