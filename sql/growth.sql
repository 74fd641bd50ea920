-- Body mass index, ages, and growth references
CREATE EXTENSION white_cross;
SET extra_float_digits = 0;
CREATE TYPE gender AS ENUM ('MALE', 'FEMALE', 'OTHER', 'PREFER_NOT_TO_SAY', 'NOT_ASKED');

-- BMI, rounded as the application did: halves go up
SELECT wc_bmi(150, 45), wc_bmi(100, 18.25) AS half, wc_bmi(137.2, 31), wc_bmi_exact(137.2, 31), wc_bmi(NULL, 31) IS NULL AS of_null;
SELECT wc_bmi_batch('{150,137.2,NULL,160}', '{45,31,50,NULL}'), wc_bmi_batch('{}', '{}');
SELECT wc_bmi(0, 45);
SELECT wc_bmi(-150, 45);
SELECT wc_bmi(150, 'NaN');
SELECT wc_bmi('Infinity', 45);
SELECT wc_bmi(1e-200, 45);
SELECT wc_bmi_batch('{150,160}', '{45,-1}');
SELECT wc_bmi_batch('{150,160}', '{45}');
SELECT wc_bmi_batch('{{150},{160}}', '{45,46}');

-- ages: calendar days over 30.4375
SELECT wc_age_months('2015-01-01', '2020-01-01') * 30.4375 AS days, wc_age_months(date '2020-02-29', '2020-03-01') * 30.4375 AS leap,
       wc_age_months(date '2020-01-02', '2020-01-01') < 0 AS before_birth;
SELECT wc_age_months(timestamp '2015-01-01 00:00', timestamp '2015-01-31 23:59') = wc_age_months(date '2015-01-01', date '2015-01-31') AS whole_days;
SET timezone = 'America/Los_Angeles';
SELECT wc_age_months(timestamptz '2015-01-01 00:00+00', timestamptz '2015-01-02 12:00+00') * 30.4375 AS days_whatever_the_session;
SET white_cross.time_zone = 'America/New_York';
SELECT wc_age_months(timestamptz '2015-01-01 00:00+00', timestamptz '2015-01-02 12:00+00') * 30.4375 AS days_there;
RESET white_cross.time_zone;
SET white_cross.time_zone = 'Atlantis/Poseidonis';
RESET timezone;
SELECT wc_age_months(date '2015-01-01', 'infinity');

-- the published worked examples
SELECT round(wc_growth_zscore('bmi', 'female', 114.5, 21.2)::numeric, 4) AS girl_z, round(wc_growth_percentile('bmi', 'female', 114.5, 21.2)::numeric, 1) AS girl_p,
       round(wc_growth_zscore('bmi', 'male', 50.5, 22.6)::numeric, 2) AS boy_z, round(wc_growth_percentile('bmi', 'male', 50.5, 22.6)::numeric, 4) AS boy_p;
-- published values at percentiles
SELECT measure, sex, age, p, round(wc_growth_value(measure, sex, age, p)::numeric, 7) AS value
FROM (VALUES ('weight', 'male', 24.0, 3), ('weight', 'female', 120.5, 50), ('height', 'MALE', 180.5, 97), ('HEIGHT', 'FEMALE', 60.5, 10),
             ('bmi', 'male', 239.5, 95), ('bmi', 'female', 120.5, 5)) AS asked (measure, sex, age, p);
-- and of the extended BMI
SELECT round(wc_growth_value('bmi', 'female', 239.5, 99.99)::numeric, 4) AS p99_99, round(wc_growth_zscore('bmi', 'female', 239.5, 67.1286)::numeric, 3) AS z5,
       wc_growth_zscore('bmi', 'female', 239.5, 1e6) AS capped, wc_growth_percentile('bmi', 'female', 239.5, 1e6) < 100 AS below_100;

-- sexes as the table's enum spells them, in lower case, and as an enum
SELECT s, wc_growth_percentile('height', s::text, 100, 128) IS NOT DISTINCT FROM wc_growth_percentile('height', s, 100, 128) AS the_same,
       round(wc_growth_percentile('height', s, 100, 128)::numeric, 4) AS percentile
FROM unnest('{MALE,FEMALE,OTHER,PREFER_NOT_TO_SAY}'::gender[]) AS s;
SELECT wc_growth_percentile('height', 'NOT_ASKED'::gender, 100, 128) IS NULL AS other_label, wc_growth_percentile('height', NULL::gender, 100, 128) IS NULL AS of_null,
       wc_growth_zscore('height', 'MALE'::gender, 100, 128) = wc_growth_zscore('height', 'male', 100, 128) AS z,
       wc_growth_value('height', 'MALE'::gender, 100, 40) = wc_growth_value('height', 'male', 100, 40) AS value,
       wc_growth_modified_zscore('height', 'MALE'::gender, 100, 128) = wc_growth_modified_zscore('height', 'male', 100, 128) AS modified,
       wc_growth_implausible('height', 'MALE'::gender, 100, 128) = wc_growth_implausible('height', 'male', 100, 128) AS implausible,
       wc_bmi_category('MALE'::gender, 100, 16) = wc_bmi_category('male', 100, 16) AS category,
       wc_bmi_percent_of_p95('MALE'::gender, 100, 16) = wc_bmi_percent_of_p95('male', 100, 16) AS of_p95;
ALTER TYPE gender RENAME VALUE 'MALE' TO 'BOY';
SELECT wc_growth_percentile('height', 'BOY'::gender, 100, 128) IS NULL AS renamed;

-- ages at the ends of the range
SELECT age, wc_growth_percentile('bmi', 'male', age, 17) IS NOT NULL AS has_reference
FROM unnest('{-1,0,23.999,24,239.99,240,240.25,1e300}'::float8[]) AS age;

-- outliers
SELECT wc_growth_implausible('weight', 'male', 120, 32) AS no, wc_growth_implausible('weight', 'male', 120, 320) AS yes,
       wc_growth_implausible('height', 'female', 120, 60) AS low, round(wc_growth_modified_zscore('height', 'female', 120, 60)::numeric, 3) AS modified;

-- categories, at the very P95 too
SELECT bmi, wc_bmi_category('female', 192, bmi), round(wc_bmi_percent_of_p95('female', 192, bmi)::numeric, 2) AS of_p95
FROM unnest(ARRAY[16, 20, 26, wc_growth_value('bmi', 'female', 192, 95), 34.9, 35, 40]) AS bmi;

-- arrays
SELECT wc_growth_zscore_batch('bmi', '{female,MALE,NULL,other}', '{114.5,50.5,60,60}', '{21.2,22.6,16,16}') =
           ARRAY[wc_growth_zscore('bmi', 'female', 114.5, 21.2), wc_growth_zscore('bmi', 'male', 50.5, 22.6), NULL, NULL] AS z,
       wc_growth_percentile_batch('bmi', '{female,male,male}', '{114.5,NULL,12}', '{21.2,22.6,16}') =
           ARRAY[wc_growth_percentile('bmi', 'female', 114.5, 21.2), NULL, NULL] AS percentile,
       wc_growth_value_batch('weight', '{female,male}', '{114.5,100}', '{50,99.99999999999}') = ARRAY[wc_growth_value('weight', 'female', 114.5, 50), NULL] AS value,
       wc_growth_modified_zscore_batch('height', '{male}', '{100}', '{128}') = ARRAY[wc_growth_modified_zscore('height', 'male', 100, 128)] AS modified,
       wc_bmi_percent_of_p95_batch('{male}', '{100}', '{16}') = ARRAY[wc_bmi_percent_of_p95('male', 100, 16)] AS of_p95;
SELECT wc_growth_implausible_batch('weight', '{male,male,other}', '{120,120,120}', '{32,320,32}'), wc_bmi_category_batch('{male,female,other}', '{120,120,120}', '{14,40,20}');
SELECT wc_growth_zscore_batch('bmi', '{}', '{}', '{}');
SELECT wc_growth_zscore_batch('bmi', '{male,female}', '{100,100}', '{16,0}');
SELECT wc_growth_zscore_batch('bmi', '{male,female}', '{100,NaN}', '{16,16}');
SELECT wc_growth_zscore_batch('bmi', '{male,nonsense}', '{100,100}', '{16,16}');
SELECT wc_growth_zscore_batch('bmi', '{male,female}', '{100}', '{16,16}');
SELECT wc_growth_zscore_batch('bmi', '{male,female}', '{100,100}', '{16}');

-- errors
SELECT wc_growth_percentile('length', 'male', 100, 128);
SELECT wc_growth_percentile('height', 'Knabe', 100, 128);
SELECT wc_growth_percentile('height', E' M\t', 100, 128) = wc_growth_percentile('height', 'male', 100, 128) AS other_spelling;
SELECT wc_growth_percentile('height', 'male', 100, 0);
SELECT wc_growth_percentile('height', 'male', 100, -128);
SELECT wc_growth_zscore('height', 'male', 100, 'NaN');
SELECT wc_growth_modified_zscore('height', 'male', 100, 'Infinity');
SELECT wc_growth_zscore('height', 'male', 'NaN', 128);
SELECT wc_growth_zscore('height', 'male', '-Infinity', 128);
SELECT wc_growth_value('height', 'male', 100, 0);
SELECT wc_growth_value('height', 'male', 100, 100);
SELECT wc_growth_value('height', 'male', 100, 'NaN');
SELECT wc_bmi_category('male', 100, -1);
-- checked before the age: a wrong value is no less wrong for being outside the range
SELECT wc_growth_zscore('height', 'other', 1, -1);

-- curves: every point of the reference, at each percentile
SELECT count(*), min(age_months), max(age_months), count(DISTINCT percentile), round(min(value)::numeric, 4) AS lowest, round(max(value)::numeric, 4) AS highest
FROM wc_growth_curves('bmi', 'female', '{3,50,97}');
SELECT count(*) AS differ FROM wc_growth_curves('weight', 'male') WHERE age_months < 240 AND value IS DISTINCT FROM wc_growth_value('weight', 'male', age_months, percentile);
SELECT count(*), count(value) FROM wc_growth_curves('height', 'FEMALE'::gender, '{50,NULL}');
SELECT count(*) FROM wc_growth_curves('height', 'other');
SELECT count(*) FROM wc_growth_curves('height', 'male', '{50,100}');

-- except for ages in time zones, no result depends on a table or on the session
SELECT p.provolatile, p.proisstrict, p.proparallel, count(*) FROM pg_proc AS p
WHERE p.proname ~ '^wc_(bmi|age_months|growth_(zscore|percentile|value|modified_zscore|implausible|curves))' AND p.proname <> 'wc_bmi_category_of' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- a name that is too long for a message is cut behind a whole character
SELECT wc_growth_zscore('bmi', 'male', 100, 16, 'x' || repeat('é', 60));

DROP TYPE gender;
DROP EXTENSION white_cross;
