-- What the hunt for wrong summaries works on: the application's tables, roles that may read more or less of them, and functions
-- that say a summary with the cache and without.
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT wc_attach('public');

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
SELECT 's' || n, 'N' || n, 'Ada', 'Quill', '2014-03-02', '5', 'FEMALE', '2025-09-01' FROM generate_series(1, :students) AS n;
INSERT INTO health_records (id, type, date, description, vital, "createdAt", "updatedAt", "studentId")
SELECT 'r' || n || '-' || r, (enum_range(NULL::"HealthRecordType"))[1 + r % 3], timestamp '2025-09-01' + r * interval '1 day', 'zebra',
       jsonb_build_object('height', 130 + r, 'weight', 30 + r), '2025-10-11', '2025-10-12', 's' || n
FROM generate_series(1, :students) AS n, generate_series(1, 8) AS r;
INSERT INTO allergies (id, allergen, severity, "createdAt", "updatedAt", "studentId")
SELECT 'a' || n, 'Nuts', 'MILD', '2025-10-11', '2025-10-12', 's' || n FROM generate_series(1, :students) AS n;
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", "createdAt", "updatedAt", "studentId")
SELECT 'c' || n, 'Asthma', '2022-01-01', '2025-10-11', '2025-10-12', 's' || n FROM generate_series(1, :students) AS n;

-- ---- roles --------------------------------------------------------------------------------------------------
CREATE ROLE wc_hunt_nurse;
CREATE ROLE wc_hunt_clerk;
CREATE ROLE wc_hunt_tutor;
GRANT SELECT ON students, health_records, allergies, chronic_conditions TO wc_hunt_nurse, wc_hunt_tutor;
GRANT SELECT ON students, health_records TO wc_hunt_clerk;
GRANT SELECT (id, "studentId", allergen, severity, verified, "createdAt", "updatedAt") ON allergies TO wc_hunt_clerk;
CREATE POLICY half ON students FOR SELECT USING (right(id, 1) IN ('1', '3', '5', '7', '9'));

-- ---- a summary with the cache, and without --------------------------------------------------------------------
CREATE SCHEMA hunt;
GRANT USAGE ON SCHEMA hunt TO PUBLIC;
CREATE TABLE hunt.ids AS SELECT 's' || n AS id FROM generate_series(1, :students) AS n;
GRANT SELECT ON hunt.ids TO PUBLIC;

CREATE FUNCTION hunt.summary(id text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT public.wc_health_summary(id)::text $$;
CREATE FUNCTION hunt.whole(id text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT public.wc_health_summary(id, '{chronicConditions,growth,trends}')::text $$;
CREATE FUNCTION hunt.one_of_many(id text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT string_agg(coalesce(summary::text, 'nobody'), ',') FROM public.wc_health_summaries(ARRAY[id, 'nobody', id]) $$;
CREATE FUNCTION hunt.entry(id text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT string_agg(value::text, ',') FROM public.wc_cache_entries(ARRAY[id], '{health_summary}') $$;
-- For roles: an error is an answer too.
CREATE FUNCTION hunt.attempt(id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN public.wc_health_summary(id)::text;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION hunt.as_owner(id text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$ SELECT public.wc_health_summary(id)::text $$;

-- hunt.plain_summary and so on: the same, read from the tables.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT p.oid, p.proname FROM pg_proc AS p WHERE p.pronamespace = 'hunt'::regnamespace LOOP
        EXECUTE replace(pg_get_functiondef(one.oid), 'FUNCTION hunt.', 'FUNCTION hunt.plain_');
        EXECUTE format('ALTER FUNCTION hunt.plain_%s(text) SET white_cross.summary_cache = off', one.proname);
    END LOOP;
END $$;

-- ---- what differs within a change: a BEFORE trigger of one row sees the rows before it, which no AFTER trigger has seen ----
CREATE FUNCTION hunt.peek() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    other text;
    found text;
    plain text;
BEGIN
    IF current_setting('hunt.peek', true) = 'on' THEN
        FOR other IN SELECT id FROM students WHERE "lastName" = NEW."lastName" LIMIT 3 LOOP
            SELECT hunt.summary(other), hunt.plain_summary(other) INTO found, plain;
            IF found IS DISTINCT FROM plain THEN
                RAISE EXCEPTION 'a BEFORE trigger was given % and not %', found, plain USING ERRCODE = 'WCXXX';
            END IF;
        END LOOP;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aaa_peek BEFORE UPDATE ON students FOR EACH ROW EXECUTE FUNCTION hunt.peek();

-- So many subtransactions that a snapshot has no room for their ids.
CREATE FUNCTION hunt.change_in_pieces(student text, pieces integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. pieces LOOP
        BEGIN
            UPDATE allergies SET reaction = 'piece ' || n WHERE "studentId" = student;
            IF n % 7 = 3 THEN
                RAISE EXCEPTION 'no';
            END IF;
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
END $$;

-- Compares in statements of its own, each with a snapshot of its own, in one call.
CREATE FUNCTION hunt.compare_again_and_again(ids text[], OUT id text, OUT found text, OUT plain text) RETURNS SETOF record LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    FOREACH id IN ARRAY ids LOOP
        SELECT hunt.summary(id), hunt.plain_summary(id) INTO found, plain;
        RETURN NEXT;
        IF random() < 0.1 THEN
            PERFORM pg_sleep(random() * 0.01);
        END IF;
    END LOOP;
END $$;
VACUUM ANALYZE;
