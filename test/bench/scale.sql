-- Students with forty health records each: psql -v students=20000 -f scale.sql, into tables without indexes.
-- It makes eight million records in minutes, where demo/students.sql takes most of an hour.  Records come in the order of
-- time, as an application writes them, so that the records of a student lie scattered over the table.
\set ON_ERROR_STOP on
BEGIN;

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "isActive", "createdAt", "updatedAt")
SELECT 'c' || lpad(n::text, 24, '0'), 'STU' || lpad(n::text, 7, '0'),
       ('{Emma,Olivia,Ava,Sophia,Mia,Amelia,Harper,Aria,Zoë,Nora,Camila,Grace,Liam,Noah,Elijah,Lucas,Mason,Ethan,Logan,Jacob,Levi,Owen,Mateo,Samuel}'::text[])[1 + n % 24],
       ('{Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodríguez,Martinez,Hernández,Lopez,Wilson,Anderson,Thomas,Taylor,Moore,Jackson,Martin,Lee,Perez,Nguyen,White,O''Connor,Sanchez}'::text[])[1 + n % 25],
       timestamp '2010-01-01' + n % 3000 * interval '1 day', (1 + n % 12)::text, (CASE WHEN n % 2 = 0 THEN 'MALE' ELSE 'FEMALE' END)::"Gender",
       true, timestamp '2020-09-01', timestamp '2020-09-01'
FROM generate_series(1, :students) AS n;

INSERT INTO allergies (id, allergen, severity, "studentId", "createdAt", "updatedAt")
SELECT 'a' || n, 'Peanuts', 'SEVERE', 'c' || lpad(n::text, 24, '0'), timestamp '2020-09-01', timestamp '2020-09-01'
FROM generate_series(1, :students) AS n;

-- Keys are checked and indexed afterwards, all at once.
CREATE TEMP TABLE put_aside ON COMMIT DROP AS
SELECT conname, pg_get_constraintdef(oid) AS definition, contype FROM pg_constraint WHERE conrelid = 'health_records'::regclass AND contype IN ('p', 'f');
SELECT format('ALTER TABLE health_records DROP CONSTRAINT %I', conname) FROM put_aside \gexec

-- n: the record's place in time, of `many`; h: what looks random about it.
INSERT INTO health_records (id, type, date, description, vital, provider, notes, "createdAt", "updatedAt", "studentId")
SELECT 'c' || left(md5(n::text), 24),
       ('{CHECKUP,VACCINATION,ILLNESS,INJURY,SCREENING,PHYSICAL_EXAM,DENTAL,VISION,HEARING,VACCINATION}'::text[])[1 + h % 10]::"HealthRecordType", at,
       (ARRAY['Yearly checkup, growth and development reviewed', 'Influenza, yearly dose', 'Fever and cough, sent home after observation',
              'Scraped knee on the playground, first aid given', 'Scoliosis and posture screening', 'Sports physical, cleared for participation',
              'Dental screening, one tooth referred', 'Vision screening 20/25', 'Hearing screening passed at 20 dB', 'Tdap booster'])[1 + h % 10],
       CASE WHEN h % 10 IN (0, 4, 5) THEN jsonb_build_object('height', 100 + h % 70, 'weight', 20 + h % 50, 'bmi', 15 + h % 9, 'heartRate', 70 + h % 40,
            'temperature', 36 + h % 3) END,
       (ARRAY['Dr. Alice Nguyen', 'Dr. Robert Hall', 'Nurse Patel', 'Nurse Kim', 'Dr. Maria Gomez', 'County Health Clinic'])[1 + h % 6],
       concat_ws(' ', (ARRAY['Parent notified by phone.', 'Follow-up in two weeks.', 'Immunization card updated in the file.'])[1 + h % 3],
                 CASE WHEN h / 10 % 10 = 0 THEN 'everywhere' END,
                 CASE WHEN h / 10 % 9 = 1 AND n <= many * 9 / 10 THEN 'lately' END,     -- absent from the latest tenth
                 CASE WHEN h / 10 % 5 = 2 AND n <= many / 2 THEN 'formerly' END,        -- in the older half only
                 CASE WHEN h / 10 % 5 = 2 AND n > many / 2 THEN 'nowadays' END,         -- in the newer half only
                 CASE WHEN h / 10 % 10 = 3 THEN 'sore throat' END,                      -- two words that come together
                 CASE WHEN h / 100 % 4 = 0 THEN 'swollen' END, CASE WHEN h / 400 % 4 = 0 THEN 'wrist' END,  -- and two that do not care
                 CASE WHEN h / 10 % 10 = 4 THEN 'firbank' END, CASE WHEN h / 10 % 10 = 5 THEN 'gorsefield' END,  -- and two that never do
                 CASE WHEN CASE WHEN n > many - 64 THEN n % 32 = 1 ELSE h / 10 % 100 < 9 END THEN 'hazel' END,  -- 9 %, two of the latest 64
                 CASE WHEN n % (many / 40) = 7 THEN 'anaphylaxis' END),
       at, at, 'c' || lpad((1 + (n * 7919) % students)::text, 24, '0')
FROM (SELECT n, students, students * 40 AS many, abs(hashint8(n)::bigint) AS h,
             timestamp '2020-09-01' + n * (interval '1900 days' / (students * 40)) AS at
      FROM (SELECT :students::bigint AS students) AS s, generate_series(1, students * 40) AS n) AS visit;
SELECT format('ALTER TABLE health_records ADD CONSTRAINT %I %s', conname, definition) FROM put_aside ORDER BY contype DESC \gexec
COMMIT;
