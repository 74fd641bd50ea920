-- What the benchmarks measure against, in the database with the students.

CREATE FUNCTION student_id(n bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT 'c' || lpad(n::text, 24, '0') $$;

-- What a hand-made cache usually has: a row trigger that notifies.
CREATE FUNCTION naive_notify() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_notify('naive', NEW."studentId"); RETURN NULL; END $$;
