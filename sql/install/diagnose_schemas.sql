-- wc_diagnose: the schemas of the extension itself

-- A role that may create functions in a schema can create one there that fits a call better than the extension's function.  The
-- extension itself calls its functions with exact types, or from a schema where no other role may create any; but people call
-- SELECT wc_attach('public').
CREATE FUNCTION white_cross.check_schemas() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH able AS (
        SELECT n.nspname, a.is_owner, CASE WHEN r.rolname = 'pg_database_owner' THEN d.datdba ELSE a.id END AS id, e.extowner
        FROM pg_extension AS e
        JOIN pg_namespace AS n ON n.oid = e.extnamespace OR n.nspname = 'white_cross'
        JOIN pg_database AS d ON d.datname = current_database()
        CROSS JOIN LATERAL (SELECT n.nspowner, true UNION
                            SELECT x.grantee, false FROM aclexplode(n.nspacl) AS x
                            WHERE x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner) AS a (id, is_owner)
        LEFT JOIN pg_roles AS r ON r.oid = a.id
        WHERE e.extname = 'white_cross'
    ), others AS (
        SELECT a.nspname, a.is_owner, coalesce(quote_ident(r.rolname), 'PUBLIC') AS name
        FROM able AS a LEFT JOIN pg_roles AS r ON r.oid = a.id
        WHERE a.id <> a.extowner AND NOT coalesce(r.rolsuper, false)
    )
    SELECT 'warn', format('%s may create functions in schema %s, which a call of wc_* by somebody else may find instead of the extension''s', o.name, o.nspname),
           format('REVOKE CREATE ON SCHEMA %I FROM %s;', o.nspname, o.name)
    FROM others AS o WHERE NOT o.is_owner
    UNION ALL
    SELECT 'ok', coalesce(string_agg(format('%s owns schema %s, and may create functions there that a call of wc_* finds instead of the extension''s', o.name, o.nspname), '; '),
                          'nobody else may create anything in the schemas of the extension'), NULL
    FROM others AS o HAVING coalesce(bool_and(o.is_owner), true);
END;
