-- A school district's students with six school years of health records: psql -v students=2000 -f students.sql
-- into the tables that wc_create_tables makes.  The same rows on every machine: what looks random is a hash of a
-- student's ordinal and a salt.  No real person stands behind any of them.
\set ON_ERROR_STOP on
\if :{?students} \else \set students 2000 \endif
BEGIN;

-- ---- the tools --------------------------------------------------------------------------------------------
-- An integer in 0 .. below-1.
CREATE FUNCTION pg_temp.hash(x bigint, salt int, below int) RETURNS int LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT (((hashint8extended(x, salt) % below) + below) % below)::int $$;

CREATE FUNCTION pg_temp.pick(words text[], x bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT words[1 + pg_temp.hash(x, salt, array_length(words, 1))] $$;

-- About normal, mean 0, standard deviation 1, never beyond 3: the sum of four uniform numbers.
CREATE FUNCTION pg_temp.bell(x bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT (sum(pg_temp.hash(x, salt + k, 1000)) / 1000.0 - 2) / 0.577 * 0.86 FROM generate_series(0, 3) k $$;

-- A prisma-like id.
CREATE FUNCTION pg_temp.cuid(kind text, x bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT 'c' || left(md5(kind || x), 24) $$;

-- Between the yearly points of a curve that begins at age 5.
CREATE FUNCTION pg_temp.at_age(curve float8[], age float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT curve[n] + (curve[least(n + 1, array_length(curve, 1))] - curve[n]) * (age - 4 - n)
          FROM (SELECT least(greatest(floor(age - 4)::int, 1), array_length(curve, 1)) AS n) q $$;

-- Median height (cm) and weight (kg) at ages 5 to 19, after the CDC's growth charts of 2000.
CREATE TEMP TABLE growth (sex text PRIMARY KEY, height float8[], weight float8[]) ON COMMIT DROP;
INSERT INTO growth VALUES
    ('MALE',   '{109.0,115.4,121.8,127.8,133.4,138.8,143.7,149.3,156.4,164.1,170.1,173.4,175.2,176.0,176.5}',
               '{18.4,20.7,23.1,25.7,28.6,31.9,35.9,40.5,45.7,51.2,56.7,61.0,64.4,67.0,69.0}'),
    ('FEMALE', '{107.7,114.7,121.5,127.6,132.9,138.2,144.3,151.6,157.3,160.4,161.9,162.5,162.9,163.1,163.2}',
               '{18.0,20.2,22.8,25.6,29.0,32.9,37.2,41.6,45.8,49.2,52.0,53.9,55.2,56.5,57.5}');

-- ---- children ---------------------------------------------------------------------------------------------
-- 9 to 18 years old on the last day of the data.  `tall` and `heavy` are a child's own place among its peers, which
-- it keeps while it grows.
CREATE TEMP TABLE child ON COMMIT DROP AS
SELECT n, 'c' || lpad(n::text, 24, '0') AS id, born, tall, heavy,
       CASE WHEN pg_temp.hash(n, 4, 2) = 0 THEN 'MALE' ELSE 'FEMALE' END AS sex,
       CASE pg_temp.hash(n, 5, 100) WHEN 0 THEN 'OTHER' WHEN 1 THEN 'PREFER_NOT_TO_SAY' END AS said,
       greatest(timestamp '2020-09-01', date_trunc('day', born + interval '5 years 2 months')) AS school_from
FROM (SELECT n, timestamp '2026-01-15' - interval '9 years' - pg_temp.hash(n, 3, 3285) * interval '1 day' AS born,
             pg_temp.bell(n, 10) AS tall, pg_temp.bell(n, 20) AS heavy
      FROM generate_series(1, :students) n) q;

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "medicalRecordNum",
                      "isActive", "enrollmentDate", "createdAt", "updatedAt", "nurseId")
SELECT id, 'STU' || lpad(n::text, 7, '0'),
       CASE sex
           WHEN 'MALE' THEN pg_temp.pick('{Liam,Noah,Elijah,Lucas,Mason,Ethan,Logan,Jacob,Levi,Owen,Mateo,Samuel}', n, 1)
           ELSE pg_temp.pick('{Emma,Olivia,Ava,Sophia,Mia,Amelia,Harper,Aria,Zoë,Nora,Camila,Grace}', n, 1)
       END,
       pg_temp.pick('{Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodríguez,Martinez,Hernández,Lopez,Wilson,
                      Anderson,Thomas,Taylor,Moore,Jackson,Martin,Lee,Perez,Nguyen,White,O''Connor,Sanchez}', n, 2),
       born, (extract(year FROM age(timestamp '2025-09-01', born)) - 5)::int::text, coalesce(said, sex)::"Gender",
       'MRN' || lpad(n::text, 8, '0'), pg_temp.hash(n, 6, 50) <> 0, school_from, school_from, school_from,
       pg_temp.cuid('nurse', pg_temp.hash(n, 7, 20))
FROM child;

-- ---- health records: 34 to 46 a child, every fifth a vaccination ------------------------------------------
WITH visit AS (
    SELECT c.*, j, n * 64 + j AS k,
           CASE WHEN j % 5 = 0 THEN 'VACCINATION' ELSE pg_temp.pick(
               '{CHECKUP,ILLNESS,INJURY,SCREENING,PHYSICAL_EXAM,MENTAL_HEALTH,DENTAL,VISION,HEARING}', n * 64 + j, 30) END AS type,
           -- spread over the child's school days, in order, between eight and four o'clock
           date_trunc('day', school_from + (timestamp '2026-01-14' - school_from) * ((j + pg_temp.hash(n * 64 + j, 31, 90) / 100.0) / visits))
               + interval '8 hours' + pg_temp.hash(n * 64 + j, 32, 28800000) * interval '1 millisecond' AS date
    FROM child c, LATERAL (SELECT 34 + pg_temp.hash(n, 33, 13) AS visits) v, generate_series(0, visits - 1) j
), measured AS (
    SELECT v.*, years,
           (pg_temp.at_age(g.height, years) * (1 + 0.044 * tall) + pg_temp.hash(k, 40, 5) / 10.0 - 0.2)::numeric(5, 1) AS height,
           (pg_temp.at_age(g.weight, years) * (1 + 0.044 * tall) ^ 2 * exp(0.13 * heavy)
               * (0.99 + pg_temp.hash(k, 41, 21) / 1000.0))::numeric(5, 1) AS weight
    FROM visit v JOIN growth g USING (sex), LATERAL (SELECT extract(epoch FROM date - born)::float8 / 31557600 AS years) a
)
INSERT INTO health_records (id, type, date, description, vital, provider, notes, attachments, "createdAt", "updatedAt", "studentId")
SELECT pg_temp.cuid('record', k), type::"HealthRecordType", date,
       CASE type
           WHEN 'VACCINATION' THEN (ARRAY['DTaP, fifth dose', 'MMR, second dose', 'Varicella, second dose', 'Influenza, yearly dose',
               'Tdap booster', 'HPV, first dose', 'HPV, second dose', 'Meningococcal ACWY', 'Influenza, yearly dose',
               'Hepatitis B, catch-up dose'])[1 + (j / 5) % 10]
           WHEN 'CHECKUP' THEN 'Yearly checkup, growth and development reviewed'
           WHEN 'ILLNESS' THEN pg_temp.pick('{Fever and sore throat,Cough with nasal congestion,Stomach ache and nausea,
               Headache after class,"Asthma flare, inhaler given"}', k, 50) || ', sent home after observation'
           WHEN 'INJURY' THEN pg_temp.pick('{Ankle sprain in gym,Scraped knee on the playground,Bumped head at recess,
               Finger jammed at basketball}', k, 51) || ', first aid given'
           WHEN 'SCREENING' THEN 'Scoliosis and posture screening'
           WHEN 'PHYSICAL_EXAM' THEN 'Sports physical, cleared for participation'
           WHEN 'MENTAL_HEALTH' THEN 'Counselor check-in about stress and sleep'
           WHEN 'DENTAL' THEN 'Dental screening, ' || pg_temp.pick('{no caries,one tooth referred,sealant recommended}', k, 52)
           WHEN 'VISION' THEN 'Vision screening ' || pg_temp.pick('{20/20,20/25,20/30,20/40}', k, 53)
           ELSE 'Hearing screening passed at 20 dB'
       END,
       CASE WHEN type IN ('CHECKUP', 'PHYSICAL_EXAM', 'SCREENING') THEN jsonb_build_object(
                'height', height, 'weight', weight, 'bmi', round(weight / (height / 100) ^ 2, 1),
                'heartRate', round(104 - 2.6 * (years - 5) + pg_temp.hash(k, 60, 15) - 7),
                'respiratoryRate', 22 - least(6, round(years - 5)) + pg_temp.hash(k, 61, 3), 'oxygenSaturation', 96 + pg_temp.hash(k, 62, 4),
                'bloodPressureSystolic', round(88 + 1.9 * years + pg_temp.hash(k, 63, 13) - 6),
                'bloodPressureDiastolic', round(52 + 1.1 * years + pg_temp.hash(k, 64, 11) - 5),
                'temperature', round(36.4 + pg_temp.hash(k, 65, 7) / 10.0, 1))
            WHEN type = 'ILLNESS' THEN jsonb_build_object(
                'temperature', round(36.9 + pg_temp.hash(k, 65, 22) / 10.0, 1), 'heartRate', round(110 - 2.4 * (years - 5) + pg_temp.hash(k, 60, 20) - 8),
                'oxygenSaturation', 94 + pg_temp.hash(k, 62, 5))
       END,
       CASE WHEN pg_temp.hash(k, 70, 10) > 0 THEN pg_temp.pick('{Dr. Alice Nguyen,Dr. Robert Hall,Nurse Patel,Nurse Kim,Dr. Maria Gomez,
           Dr. James Wright,Nurse O''Brien,County Health Clinic}', k, 71) END,
       CASE WHEN pg_temp.hash(k, 72, 10) < 6 THEN pg_temp.pick('{Parent notified by phone.,Follow-up in two weeks.,No further action required.,
           "Referred to primary care, please follow up.",Back to class after rest and fluids.,Immunization card updated in the file.}', k, 73) END,
       CASE WHEN pg_temp.hash(k, 74, 20) = 0 THEN ARRAY['https://files.example.org/records/' || md5(k::text) || '.pdf'] ELSE '{}' END,
       date, date, id
FROM measured
ORDER BY date, k;   -- as they would have come in: a child's rows lie scattered over the table

-- ---- allergies: none to three a child -----------------------------------------------------------------------
INSERT INTO allergies (id, allergen, severity, reaction, treatment, verified, "verifiedBy", "verifiedAt", "createdAt", "updatedAt", "studentId")
SELECT pg_temp.cuid('allergy', n * 8 + a),
       ('{Peanuts,Tree nuts,Milk,Eggs,Shellfish,Penicillin,Latex,Bee stings,Soy,Wheat}'::text[])[1 + (pg_temp.hash(n, 80, 10) + a * 3) % 10],
       severity::"AllergySeverity",
       CASE severity WHEN 'LIFE_THREATENING' THEN 'Anaphylaxis' ELSE pg_temp.pick('{Hives,Swelling of lips,Wheezing,Rash}', n * 8 + a, 81) END,
       CASE severity WHEN 'LIFE_THREATENING' THEN 'Epinephrine, call 911' WHEN 'SEVERE' THEN 'Antihistamine, observe, call parents' ELSE 'Avoidance' END,
       verified, CASE WHEN verified THEN 'Dr. Alice Nguyen' END, CASE WHEN verified THEN school_from + interval '40 days 9 hours' END,
       school_from, school_from, id
FROM child, LATERAL generate_series(1, (ARRAY[0, 0, 0, 0, 1, 1, 1, 2, 2, 3])[1 + pg_temp.hash(n, 82, 10)]) a,
     LATERAL (SELECT (ARRAY['MILD', 'MILD', 'MODERATE', 'MODERATE', 'SEVERE', 'LIFE_THREATENING'])[1 + pg_temp.hash(n * 8 + a, 83, 6)] AS severity,
                     pg_temp.hash(n * 8 + a, 84, 3) > 0 AS verified) s;

-- ---- chronic conditions: about one child in five --------------------------------------------------------------
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", status, severity, notes, "carePlan", medications, restrictions, triggers,
                                "diagnosedBy", "lastReviewDate", "nextReviewDate", "createdAt", "updatedAt", "studentId")
SELECT pg_temp.cuid('condition', n), condition, school_from + pg_temp.hash(n, 92, 300) * interval '1 day',
       pg_temp.pick('{ACTIVE,ACTIVE,MANAGED,RESOLVED}', n, 93), pg_temp.pick('{MILD,MODERATE,SEVERE}', n, 94),
       'Reviewed each term', 'Plan on file in the nurse''s office',
       CASE condition WHEN 'Asthma' THEN ARRAY['Albuterol'] WHEN 'Type 1 diabetes' THEN ARRAY['Insulin lispro', 'Glucagon'] WHEN 'Epilepsy' THEN ARRAY['Levetiracetam']
           WHEN 'ADHD' THEN ARRAY['Methylphenidate'] ELSE ARRAY['As needed'] END,
       '{}', CASE condition WHEN 'Asthma' THEN ARRAY['Cold air', 'Exercise'] WHEN 'Migraine' THEN ARRAY['Bright light'] ELSE '{}' END,
       'Dr. Maria Gomez', timestamp '2025-10-01', timestamp '2026-04-01', school_from, school_from, id
FROM child, LATERAL (SELECT pg_temp.pick('{Asthma,Asthma,Type 1 diabetes,Epilepsy,ADHD,Eczema,Migraine}', n, 90) AS condition) c
WHERE pg_temp.hash(n, 91, 5) = 0;

COMMIT;
ANALYZE students, health_records, allergies, chronic_conditions;
