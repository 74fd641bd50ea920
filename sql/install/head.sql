-- white_cross: the install script.  The build joins these files, in the order that the Makefile gives, to
-- white_cross--VERSION.sql.  Functions callable by everybody are wc_*, in the schema that
-- CREATE EXTENSION was given; internal tables and functions are in the schema white_cross and nobody's API.
\echo Use "CREATE EXTENSION white_cross" to load this file. \quit

DO $$
BEGIN
    IF '@extschema@' <> 'white_cross' THEN
        CREATE SCHEMA white_cross;
    END IF;
END
$$;
