-- white_cross: the install script.  The build joins these files, in the order that the Makefile gives, to
-- white_cross--VERSION.sql.  Public functions are named wc_* and are in the schema that CREATE EXTENSION names.
-- Internal tables and functions are in the schema white_cross; applications must not use them.
\echo Use "CREATE EXTENSION white_cross" to load this file. \quit

-- PostgreSQL runs a script with the extension's schema first in search_path.  Other roles may have functions, operators and
-- types there that fit a call better than the server's do.  From here on a name without a schema is the server's, also in
-- function bodies that are parsed here, and the extension's own objects are named with their schema.  Every update script
-- must begin with this line too.
SET LOCAL search_path = pg_catalog, pg_temp;
-- The script installs the same objects whatever the settings of the database.  (PostgreSQL reads the whole script under the
-- database's standard_conforming_strings before the first line runs, so a backslash may stand in E'' only.)
SET LOCAL quote_all_identifiers = off;

-- The extension calls its own functions by their names in the schema white_cross, so no other role may create objects there.
DO $$
DECLARE
    others  text;
    grantee text;
BEGIN
    IF to_regnamespace('white_cross') IS NULL THEN
        CREATE SCHEMA white_cross;
        -- Take back what default privileges have granted.
        FOR grantee IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                       FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
                       WHERE n.nspname = 'white_cross' AND a.grantee <> n.nspowner LOOP
            EXECUTE format('REVOKE ALL ON SCHEMA white_cross FROM %s', grantee);
        END LOOP;
        RETURN;
    END IF;
    SELECT string_agg(DISTINCT coalesce(r.rolname, 'PUBLIC'), ', ') INTO others
    FROM pg_namespace AS n
    CROSS JOIN LATERAL (SELECT n.nspowner UNION
                        SELECT a.grantee FROM aclexplode(n.nspacl) AS a WHERE a.privilege_type = 'CREATE') AS able (id)
    LEFT JOIN pg_roles AS r ON r.oid = able.id
    WHERE n.nspname = 'white_cross' AND NOT coalesce(r.rolsuper OR r.rolname = current_user, false);
    IF others IS NOT NULL OR '@extschema@' <> 'white_cross' THEN
        RAISE EXCEPTION 'schema "white_cross" exists already%', coalesce(', and these roles may create objects in it: ' || others, '')
            USING ERRCODE = 'duplicate_schema',
                  HINT = 'The extension keeps its own tables and functions in this schema. Drop or rename it.';
    END IF;
END
$$;

-- Returns the current name of the schema of the public functions; its owner may have renamed it.
CREATE FUNCTION white_cross.home() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'white_cross';
END;
