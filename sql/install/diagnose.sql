-- The doctor: what is wrong, and the statement that mends it

-- Triggers that should be there, on the attached tables and all their partitions.
CREATE FUNCTION white_cross.wanted_triggers(OUT relation regclass, OUT name name, OUT enabled "char") RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT part.relid, wanted.name, t.tgenabled
    FROM white_cross.binding AS b
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
    CROSS JOIN LATERAL (SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) AS p UNION SELECT c.oid::regclass) AS part (relid)
    CROSS JOIN (VALUES ('white_cross_change'::name), ('white_cross_truncate')) AS wanted (name)
    LEFT JOIN pg_catalog.pg_trigger AS t
        ON t.tgrelid = part.relid AND t.tgname = wanted.name AND t.tgfoid = 'white_cross.record_change()'::regprocedure
    -- A foreign partition has no triggers of ours to fire.
    WHERE (SELECT relkind FROM pg_catalog.pg_class AS k WHERE k.oid = part.relid) IN ('r', 'p');
END;

CREATE FUNCTION wc_diagnose() RETURNS TABLE ("check" text, status text, detail text, remedy text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    attached name;
    trouble  record;
    -- What may have changed while nobody looked is told to nobody.
    distrust constant text := 'SELECT @extschema@.wc_invalidate_all();';
BEGIN
    "check" := 'library';
    SELECT 'fail', format('the library is version %s, its SQL objects %s', @extschema@.wc_version(), e.extversion),
           'ALTER EXTENSION white_cross UPDATE;'
    INTO status, detail, remedy
    FROM pg_extension AS e WHERE e.extname = 'white_cross' AND e.extversion <> @extschema@.wc_version();
    IF NOT FOUND THEN
        status := 'ok';
        detail := format('version %s', @extschema@.wc_version());
        remedy := NULL;
    END IF;
    RETURN NEXT;

    "check" := 'binding';
    SELECT b.schema_name INTO attached FROM white_cross.binding AS b LIMIT 1;
    IF NOT FOUND THEN
        status := 'fail';
        detail := 'not attached to any tables';
        remedy := 'SELECT @extschema@.wc_attach(''public'');';
        RETURN NEXT;
        RETURN;
    END IF;
    status := 'ok';
    detail := format('attached to schema %I', attached);
    remedy := NULL;
    BEGIN
        PERFORM white_cross.resolve(attached, white_cross.overrides_in_force());
    EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch OR invalid_schema_name THEN
        status := 'fail';
        detail := SQLERRM;
        remedy := format('SELECT @extschema@.wc_detach(%L); SELECT @extschema@.wc_attach(%1$L);', attached);
    END;
    RETURN NEXT;

    "check" := 'triggers';
    status := 'fail';
    FOR trouble IN SELECT * FROM white_cross.wanted_triggers() AS w WHERE w.enabled IS DISTINCT FROM 'A' ORDER BY w.relation::text, w.name LOOP
        IF trouble.enabled IS NULL THEN
            detail := format('%s has no trigger %s: changes of it are not seen', trouble.relation, trouble.name);
            remedy := format('SELECT @extschema@.wc_attach(%L); %s', attached, distrust);
        ELSE
            detail := format(CASE trouble.enabled WHEN 'D' THEN 'trigger %2$s of %1$s is disabled: changes are not seen'
                             WHEN 'R' THEN 'trigger %2$s of %1$s fires on replicas only: changes are not seen'
                             ELSE 'trigger %2$s of %1$s does not fire on replicas: changes that come by replication are not seen' END,
                             trouble.relation, trouble.name);
            remedy := format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I; %s', trouble.relation, trouble.name, distrust);
        END IF;
        RETURN NEXT;
    END LOOP;
    IF NOT FOUND THEN
        status := 'ok';
        detail := format('%s triggers, all enabled', (SELECT count(*) FROM white_cross.wanted_triggers()));
        remedy := NULL;
        RETURN NEXT;
    END IF;

    "check" := 'event triggers';
    status := 'fail';
    FOR trouble IN
        SELECT wanted.name, e.evtenabled AS enabled
        FROM (VALUES ('white_cross_ddl'::name), ('white_cross_drop')) AS wanted (name)
        LEFT JOIN pg_event_trigger AS e ON e.evtname = wanted.name
        WHERE e.evtenabled IS DISTINCT FROM 'A'
    LOOP
        detail := format('event trigger %s is %s: changes of tables and types are not seen', trouble.name,
                         CASE WHEN trouble.enabled IS NULL THEN 'missing' ELSE 'not enabled' END);
        remedy := CASE WHEN trouble.enabled IS NULL THEN 'DROP EXTENSION white_cross; CREATE EXTENSION white_cross;'
                  ELSE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS; %s', trouble.name, distrust) END;
        RETURN NEXT;
    END LOOP;
    IF NOT FOUND THEN
        status := 'ok';
        detail := 'both enabled';
        remedy := NULL;
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION wc_diagnose() IS
'Looks for what would keep the summaries from being right, or the cache from being fresh: a row for each finding, with status ok, warn or fail, and a remedy that can be pasted; at least one row for each check. Reads catalogs only and changes nothing. Run it as the owner of the attached tables.';
