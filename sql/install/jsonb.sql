-- The functions that read, once more with jsonb as their result

-- Each is the same C function, which returns what it is declared to return, so that calls of both count as calls of one function.
-- Those that come from the catalog are all that read and return JSON.  wc_cache_entries is not one of them: its values are stored
-- as they are, and jsonb would spell them otherwise.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments,
               regexp_replace(pg_get_function_result(p.oid), E'json(\\)?)$', E'jsonb\\1') AS result, p.prosrc AS symbol, p.procost AS cost,
               CASE WHEN p.proisstrict THEN 'STRICT' ELSE '' END AS strictness, CASE WHEN p.proretset THEN 'ROWS ' || p.prorows ELSE '' END AS rows,
               oidvectortypes(p.proargtypes) AS types
        FROM pg_proc AS p
        JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'c'
        JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'white_cross'
        WHERE p.pronamespace = e.extnamespace AND p.prokind = 'f' AND p.provolatile = 's'
          AND pg_get_function_result(p.oid) ~ E'json(\\)?)$'
        ORDER BY p.oid
    LOOP
        EXECUTE format('CREATE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE c STABLE %s PARALLEL SAFE COST %s %s AS ''MODULE_PATHNAME'', %L',
                       '@extschema@', f.name || '_jsonb', f.arguments, f.result, f.strictness, f.cost, f.rows, f.symbol);
        EXECUTE format('COMMENT ON FUNCTION %s.%I(%s) IS %L', '@extschema@', f.name || '_jsonb', f.types,
                       format('Like %1$s, with jsonb instead of json: DISTINCT, GROUP BY and UNION can compare it, and drivers that map jsonb read it. Members come in the order of jsonb. Counts as a call of %1$s. Errors: as %1$s; 54000 more than jsonb can hold.', f.name));
    END LOOP;
END
$$;
