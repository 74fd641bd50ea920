-- DDL that nobody means to be about a cache: a table of allergies made anew, and children that inherit from it.  Each hot student has
-- an allergy `i` in the child while there is one.  Without triggers on what was made, no write to it is seen from then on.
--
-- Half of the time as a dump or a generated migration begins: `quiet` turns check_function_bodies off.

-- Makes the child, in one of four ways, in the place of one that was there.
CREATE FUNCTION torture.bear(component integer, way integer, quiet boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_at bigint;
BEGIN
    PERFORM set_config('check_function_bodies', (NOT quiet)::text, true), set_config('client_min_messages', 'warning', true);
    LOCK TABLE allergies IN ACCESS EXCLUSIVE MODE;
    now_at := torture.clock();
    DROP SCHEMA IF EXISTS kin CASCADE;
    IF way = 0 THEN
        EXECUTE 'CREATE SCHEMA kin CREATE TABLE child () INHERITS (public.allergies)';
    ELSE
        CREATE SCHEMA kin;
        EXECUTE (ARRAY[
            'CREATE TABLE kin.child () INHERITS (public.allergies)',
            'CREATE TABLE kin.parent (LIKE public.allergies INCLUDING DEFAULTS); CREATE TABLE kin.child () INHERITS (kin.parent); ALTER TABLE kin.parent INHERIT public.allergies',
            'CREATE TABLE kin.child (LIKE public.allergies INCLUDING ALL); ALTER TABLE kin.child INHERIT public.allergies'])[way];
    END IF;
    EXECUTE format($sql$ INSERT INTO kin.child (id, allergen, severity, reaction, "updatedAt", "studentId")
        SELECT 'i' || torture.number_of(s.id), 'Kin', 'SEVERE', %L, now(), s.id FROM public.students AS s WHERE s."studentNumber" = ANY ($1)
        $sql$, 'v' || now_at) USING ARRAY(SELECT 'N' || n FROM torture.hot, generate_series(0, hot.count - 1) AS n);
    INSERT INTO torture.ledger (component, version) VALUES (component, now_at);
END $$;

-- Writes to the child itself.
CREATE FUNCTION torture.raise_child(component integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_at bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(8002, 0);
    now_at := torture.clock();
    EXECUTE format('UPDATE kin.child SET reaction = %L', 'v' || now_at);
    INSERT INTO torture.ledger (component, version) VALUES (component, now_at);
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN NULL;  -- there is none at the moment
END $$;

CREATE FUNCTION torture.bury(component integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('client_min_messages', 'warning', true);
    LOCK TABLE allergies IN ACCESS EXCLUSIVE MODE;
    INSERT INTO torture.ledger (component, version) VALUES (component, torture.clock());
    DROP SCHEMA IF EXISTS kin CASCADE;
    -- So that they are read through the index again.
    ANALYZE allergies;
END $$;

-- A table of allergies with the same rows in the place of the one that was there.  `child` is the component of that, which goes.
CREATE FUNCTION torture.make_anew(component integer, child integer, quiet boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_at bigint;
BEGIN
    PERFORM set_config('check_function_bodies', (NOT quiet)::text, true);
    PERFORM torture.bury(child);
    LOCK TABLE students IN SHARE ROW EXCLUSIVE MODE;
    now_at := torture.clock();
    ALTER TABLE allergies RENAME TO allergies_before;
    EXECUTE 'CREATE TABLE allergies (LIKE allergies_before INCLUDING ALL)';
    EXECUTE 'INSERT INTO allergies SELECT * FROM allergies_before';
    EXECUTE 'DROP TABLE allergies_before';
    EXECUTE 'ALTER TABLE allergies ADD FOREIGN KEY ("studentId") REFERENCES students (id) ON UPDATE CASCADE ON DELETE CASCADE';
    EXECUTE format('UPDATE allergies SET reaction = %L WHERE id LIKE %L', 'v' || now_at, 'a%');
    PERFORM wc_grant_worker('wc_worker');
    INSERT INTO torture.ledger (component, version)
    SELECT torture.number_of(id) * 4 + 1, now_at FROM students;
    INSERT INTO torture.ledger (component, version) VALUES (component, now_at);
    INSERT INTO torture.history (component, version) VALUES (component, now_at);
END $$;
