-- The district that is tortured: psql -v hot=50 -v cold=2000 -v allergy_movers=40 -v record_movers=4 -f arena.sql
--
-- Each student has four parts that change independently, each with a version that shows in what is cached:
--     0 the last name, 1 an allergy (its reaction), 2 a record with a vital, 3 a vaccination (its description)
-- and movers are allergies and records that are inserted, moved from student to student, and deleted.  A version is `v` and
-- the microsecond in which it was written: it rises with each change of a part, since the row's lock is held by then, and
-- never comes again, not even when a crash has lost the change.  `x` instead of `v` is for what will be rolled back.
--
-- A change writes itself into torture.ledger, in the same transaction: it is there if and only if the change is committed.
\set ON_ERROR_STOP on
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT wc_attach('public');

CREATE SCHEMA torture;
-- What the judge has not seen acknowledged yet: it deletes the rows.
CREATE TABLE torture.ledger (
    xid       xid8 NOT NULL DEFAULT pg_current_xact_id(),
    component integer NOT NULL,
    version   bigint NOT NULL,
    owner     integer,  -- of a mover, the student that it went to
    previous  integer   -- and the one that had it
);
-- The same for what may rightly be absent from a value: where movers were, and when tables were emptied or rewritten.
CREATE TABLE torture.history (component integer NOT NULL, version bigint NOT NULL, owner integer);
CREATE INDEX ON torture.history (component, version);
-- What all vaccinations say in their notes.
CREATE TABLE torture.notes (version bigint NOT NULL);

-- How many students are read often.
CREATE TABLE torture.hot (count integer NOT NULL);
INSERT INTO torture.hot VALUES (:hot);

CREATE FUNCTION torture.clock() RETURNS bigint LANGUAGE plpgsql VOLATILE
    AS $$ BEGIN RETURN extract(epoch FROM clock_timestamp()) * 1000000; END $$;
CREATE FUNCTION torture.number_of(text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT substr($1, 2)::integer $$;
CREATE FUNCTION torture.version_of(text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT substr($1, 2)::bigint $$;
-- A later version than an old one.
CREATE FUNCTION torture.after(old text, mark text) RETURNS text LANGUAGE plpgsql VOLATILE
    AS $$ BEGIN RETURN mark || greatest(torture.clock(), torture.version_of(old) + 1); END $$;

-- What a record with a vital holds: a height that is the version, below zero for `x`, and a weight one above the number of
-- the record. Both show in a growth chart.
CREATE FUNCTION torture.vital(version text, number integer) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('version', version, 'weight', number + 1,
                              'height', CASE left(version, 1) WHEN 'v' THEN 1 ELSE -1 END * torture.version_of(version)) $$;

-- ---- what writers do -------------------------------------------------------------------------------------
CREATE FUNCTION torture.change(part integer, numbers integer[], mark text) RETURNS TABLE (component integer, version bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    ids text[] := ARRAY(SELECT substr('savw', part + 1, 1) || n FROM unnest(numbers) AS n ORDER BY n);
BEGIN
    -- A short way for one statement each: the trigger sees single rows and bulk updates alike.
    RETURN QUERY EXECUTE format($sql$
        WITH changed AS (%s RETURNING id, %s AS version)
        INSERT INTO torture.ledger (component, version)
        SELECT torture.number_of(id) * 4 + $2, torture.version_of(version) FROM changed RETURNING component, version $sql$,
        (ARRAY[
            'UPDATE students SET "lastName" = torture.after("lastName", $3) WHERE id = ANY ($1)',
            'UPDATE allergies SET reaction = torture.after(reaction, $3) WHERE id = ANY ($1)',
            'UPDATE health_records SET (provider, vital) = (SELECT w.v, torture.vital(w.v, torture.number_of(id))
                 FROM (SELECT torture.after(provider, $3) AS v OFFSET 0) AS w) WHERE id = ANY ($1)',
            'UPDATE health_records SET description = torture.after(description, $3) WHERE id = ANY ($1)'])[part + 1],
        (ARRAY['"lastName"', 'reaction', 'provider', 'description'])[part + 1]) USING ids, part, mark;
END $$;

-- INSERT … SELECT … ON CONFLICT of many rows: a change of part 1.
CREATE FUNCTION torture.upsert(numbers integer[]) RETURNS void LANGUAGE sql AS $$
    WITH changed AS (
        INSERT INTO allergies (id, allergen, severity, reaction, "updatedAt", "studentId")
        SELECT 'a' || n, 'Peanuts', (enum_range(NULL::"AllergySeverity"))[1], 'v0', now(), 's' || n
        FROM unnest(numbers) AS n ORDER BY n
        ON CONFLICT (id) DO UPDATE SET reaction = torture.after(allergies.reaction, 'v')
        RETURNING id, reaction)
    INSERT INTO torture.ledger (component, version)
    SELECT torture.number_of(id) * 4 + 1, torture.version_of(reaction) FROM changed $$;

-- Moves a mover to a student, or away with NULL.  Allergies are `m`, records `r`.  Each record has a day of its own: of two
-- measurements of the same moment a chart shows the later one.
CREATE FUNCTION torture.move(mover integer, is_record boolean, component integer, target integer, mark text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    version  text;
    row_id   text := CASE WHEN is_record THEN 'r' ELSE 'm' END || mover;
    previous integer;
BEGIN
    -- Held until the end of the transaction: a row that is not there cannot be locked.
    PERFORM pg_advisory_xact_lock(8000, component);
    version := mark || torture.clock();
    SELECT torture.number_of(had."studentId") INTO previous FROM (
        SELECT "studentId" FROM allergies WHERE id = row_id UNION ALL
        SELECT "studentId" FROM health_records WHERE id = row_id) AS had;
    IF target IS NULL THEN
        DELETE FROM allergies WHERE id = row_id;
        DELETE FROM health_records WHERE id = row_id;
    ELSIF is_record THEN
        INSERT INTO health_records AS h (id, type, date, description, vital, provider, notes, "updatedAt", "studentId")
        VALUES (row_id, 'DENTAL', date '2025-06-01' - mover, 'mover', torture.vital(version, mover), version, NULL, now(), 's' || target)
        ON CONFLICT (id) DO UPDATE SET "studentId" = EXCLUDED."studentId", vital = EXCLUDED.vital, provider = EXCLUDED.provider;
    ELSE
        INSERT INTO allergies AS a (id, allergen, severity, reaction, "updatedAt", "studentId")
        VALUES (row_id, 'Dust', 'SEVERE', version, now(), 's' || target)
        ON CONFLICT (id) DO UPDATE SET "studentId" = EXCLUDED."studentId", reaction = EXCLUDED.reaction;
    END IF;
    INSERT INTO torture.ledger (component, version, owner, previous)
    VALUES (component, torture.version_of(version), target, previous);
    INSERT INTO torture.history (component, version, owner) VALUES (component, torture.version_of(version), target);
END $$;

-- Deletes a student, and by cascade all that it has, and makes it anew.  Not for students that movers visit.
CREATE FUNCTION torture.make(numbers integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    version text;
    notes   text;
BEGIN
    DELETE FROM students WHERE id IN (SELECT 's' || n FROM unnest(numbers) AS n);
    -- Only now: the rows' locks are ours, and nobody rewrites the notes of a table that we have written to.
    version := 'v' || torture.clock();
    SELECT 'v' || n.version INTO notes FROM torture.notes AS n;
    INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
    SELECT 's' || n, 'N' || n, 'Ada', version, '2014-03-02', '5', 'FEMALE', now() FROM unnest(numbers) AS n;
    INSERT INTO allergies (id, allergen, severity, reaction, "updatedAt", "studentId")
    SELECT 'a' || n, 'Peanuts', (enum_range(NULL::"AllergySeverity"))[1], version, now(), 's' || n FROM unnest(numbers) AS n;
    INSERT INTO health_records (id, type, date, description, vital, provider, "updatedAt", "studentId")
    SELECT 'v' || n, 'CHECKUP', '2025-07-01', 'measured', torture.vital(version, n), version, now(), 's' || n
    FROM unnest(numbers) AS n;
    INSERT INTO health_records (id, type, date, description, notes, "updatedAt", "studentId")
    SELECT 'w' || n, 'VACCINATION', '2025-05-01', version, notes, now(), 's' || n FROM unnest(numbers) AS n;
    INSERT INTO torture.ledger (component, version)
    SELECT n * 4 + part, torture.version_of(version) FROM unnest(numbers) AS n, generate_series(0, 3) AS part;
END $$;

-- Empties the table of allergies and fills it again, in one transaction.  ONLY: the rows of a child stay where they are.
CREATE FUNCTION torture.truncate(component integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_at bigint;
BEGIN
    LOCK TABLE allergies IN ACCESS EXCLUSIVE MODE;
    now_at := torture.clock();
    CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM ONLY allergies;
    TRUNCATE ONLY allergies;
    UPDATE kept SET reaction = 'v' || now_at WHERE id LIKE 'a%';
    INSERT INTO allergies SELECT * FROM kept;
    INSERT INTO torture.ledger (component, version) SELECT torture.number_of(id) * 4 + 1, now_at FROM kept WHERE id LIKE 'a%';
    INSERT INTO torture.ledger (component, version) VALUES (component, now_at);
    INSERT INTO torture.history (component, version) VALUES (component, now_at);
END $$;

-- Rewrites the table of records: no row trigger sees that the notes of all vaccinations change.
CREATE FUNCTION torture.rewrite(component integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_at bigint;
BEGIN
    LOCK TABLE health_records IN ACCESS EXCLUSIVE MODE;
    now_at := torture.clock();
    EXECUTE format('ALTER TABLE health_records ALTER COLUMN notes TYPE text USING CASE WHEN id LIKE %L THEN %L END', 'w%', 'v' || now_at);
    UPDATE torture.notes SET version = now_at;
    INSERT INTO torture.ledger (component, version) VALUES (component, now_at);
    INSERT INTO torture.history (component, version) VALUES (component, now_at);
END $$;

-- Renames the label of an enum, which shows in every student's allergy.
CREATE FUNCTION torture.relabel(component integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_at bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(8001, 0);
    now_at := torture.clock();
    EXECUTE format('ALTER TYPE "AllergySeverity" RENAME VALUE %L TO %L', (enum_range(NULL::"AllergySeverity"))[1], 'v' || now_at);
    INSERT INTO torture.ledger (component, version) VALUES (component, now_at);
END $$;

\ir kinfolk.sql

-- ---- what the application builds by itself ------------------------------------------------------------------
CREATE FUNCTION torture.page(student text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_object('name', s."lastName", 'records', (
        SELECT json_agg(json_build_object('id', h.id, 'version', CASE WHEN h.type = 'VACCINATION' THEN h.description ELSE h.provider END,
                                          'notes', h.notes) ORDER BY h.id)
        FROM health_records AS h WHERE h."studentId" = s.id))::text
    FROM students AS s WHERE s.id = student $$;

-- ---- the district ----------------------------------------------------------------------------------------
INSERT INTO torture.notes VALUES (0);
SELECT torture.relabel(0);
SELECT torture.make(ARRAY(SELECT generate_series(0, :hot + :cold - 1)));
DELETE FROM torture.ledger;
ANALYZE;
