-- The doctor, part one: the attached tables

CREATE TYPE white_cross.finding AS (status text, detail text, remedy text);

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

-- Attached columns that are not there, with the one column that may be it under another name: of the same kind, and
-- nobody else's.
CREATE FUNCTION white_cross.missing_columns(attached name, bound jsonb, OUT relation regclass, OUT entity text, OUT attribute text, OUT name name, OUT type text, OUT successor name)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.oid::regclass, b.key, a.attribute, (b.value -> 'columns' ->> a.attribute)::name,
           CASE a.kind WHEN 'json' THEN 'jsonb' WHEN 'time' THEN 'timestamp' WHEN 'list' THEN 'text[]' WHEN 'boolean' THEN 'boolean' ELSE 'text' END,
           (SELECT min(c.attname::text)::name FROM pg_attribute AS c
            WHERE c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped AND white_cross.fits(c.atttypid, a.kind)
              AND NOT EXISTS (SELECT FROM jsonb_each_text(b.value -> 'columns') AS used WHERE used.value = c.attname)
            HAVING count(*) = 1)
    FROM jsonb_each(bound) AS b
    JOIN pg_namespace AS n ON n.nspname = attached
    JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = b.value ->> 'table'
    JOIN white_cross.attributes() AS a ON a.entity = b.key
    WHERE NOT EXISTS (SELECT FROM pg_attribute AS c
                      WHERE c.attrelid = t.oid AND c.attname = b.value -> 'columns' ->> a.attribute AND c.attnum > 0 AND NOT c.attisdropped);
END;

CREATE FUNCTION white_cross.check_binding(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone    record;
    healed  jsonb := white_cross.overrides_in_force();
    message text;
    repairs text := '';
BEGIN
    PERFORM white_cross.resolve(attached, healed);
    RETURN NEXT ROW ('ok', format('attached to schema %I', attached), NULL)::white_cross.finding;
EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch OR invalid_schema_name THEN
    message := SQLERRM;
    -- A table that was renamed still has its triggers, which say what it holds.
    FOR gone IN
        SELECT b.entity, c.relname FROM white_cross.binding AS b
        JOIN pg_trigger AS t ON t.tgfoid = 'white_cross.record_change()'::regprocedure AND t.tgparentid = 0
             AND t.tgname = 'white_cross_truncate' AND encode(t.tgargs, 'escape') = b.entity || '\000'
        JOIN pg_class AS c ON c.oid = t.tgrelid AND c.relname <> b.table_name AND NOT c.relispartition
        JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = attached
        WHERE to_regclass(format('%I.%I', attached, b.table_name)) IS NULL
    LOOP
        healed := jsonb_set(healed, ARRAY[gone.entity, 'table'], to_jsonb(gone.relname));
    END LOOP;
    FOR gone IN SELECT * FROM white_cross.missing_columns(attached, healed) LOOP
        IF gone.successor IS NULL THEN
            repairs := repairs || format('ALTER TABLE %s ADD COLUMN %I %s; ', gone.relation, gone.name, gone.type);
        ELSE
            healed := jsonb_set(healed, ARRAY[gone.entity, 'columns', gone.attribute], to_jsonb(gone.successor));
        END IF;
    END LOOP;
    IF repairs <> '' OR healed <> white_cross.overrides_in_force() THEN
        repairs := repairs || format('SELECT @extschema@.wc_attach(%L, %L);', attached, healed);
    ELSE
        repairs := format('SELECT @extschema@.wc_detach(%L);', attached);
    END IF;
    RETURN NEXT ROW ('fail', message, repairs)::white_cross.finding;
END
$$;

CREATE FUNCTION white_cross.check_triggers(attached name) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- What may have changed while nobody looked is told to nobody: hence all of the cache is distrusted.
    SELECT 'fail', CASE WHEN w.enabled IS NULL THEN format('%s has no trigger %s: changes of it are not seen', w.relation, w.name)
                   ELSE format(CASE w.enabled WHEN 'D' THEN 'trigger %2$s of %1$s is disabled: changes are not seen'
                               WHEN 'R' THEN 'trigger %2$s of %1$s fires on replicas only: changes are not seen'
                               ELSE 'trigger %2$s of %1$s does not fire on replicas: changes that come by replication are not seen' END,
                               w.relation, w.name) END,
           CASE WHEN w.enabled IS NULL THEN format('SELECT @extschema@.wc_attach(%L); ', attached)
           ELSE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I; ', w.relation, w.name) END || 'SELECT @extschema@.wc_invalidate_all();'
    FROM white_cross.wanted_triggers() AS w WHERE w.enabled IS DISTINCT FROM 'A'
    UNION ALL
    SELECT 'ok', format('%s triggers, all enabled', count(*)), NULL
    FROM white_cross.wanted_triggers() AS w HAVING coalesce(bool_and(w.enabled IS NOT DISTINCT FROM 'A'), true);
END;

CREATE FUNCTION white_cross.check_event_triggers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH looked_at AS (
        SELECT wanted.name, wanted.definition, e.evtenabled AS enabled
        FROM (VALUES ('white_cross_ddl'::name, 'ON ddl_command_end WHEN TAG IN (''ALTER TABLE'', ''ALTER TYPE'', ''CREATE TABLE'', ''CREATE TABLE AS'', ''SELECT INTO'') EXECUTE FUNCTION white_cross.follow_ddl()'),
                     ('white_cross_drop', 'ON sql_drop EXECUTE FUNCTION white_cross.follow_drop()')) AS wanted (name, definition)
        LEFT JOIN pg_event_trigger AS e ON e.evtname = wanted.name
    )
    SELECT 'fail', format('event trigger %s is %s: changes of tables and types are not seen', w.name,
                          CASE WHEN w.enabled IS NULL THEN 'missing' ELSE 'not enabled' END),
           CASE WHEN w.enabled IS NULL THEN format('CREATE EVENT TRIGGER %I %s; ALTER EXTENSION white_cross ADD EVENT TRIGGER %1$I; ', w.name, w.definition) ELSE '' END
           || format('ALTER EVENT TRIGGER %I ENABLE ALWAYS; SELECT @extschema@.wc_invalidate_all();', w.name)
    FROM looked_at AS w WHERE w.enabled IS DISTINCT FROM 'A'
    UNION ALL
    SELECT 'ok', 'both enabled', NULL FROM looked_at AS w HAVING bool_and(w.enabled IS NOT DISTINCT FROM 'A');
END;

CREATE FUNCTION white_cross.check_indexes(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    many constant real := 10000;  -- students whose names are read for each search
BEGIN
    RETURN QUERY
    SELECT 'warn', format('index %s of %s is %s: %s', w.index_name, w.relation, w.state, w.purpose),
           white_cross.index_statement(w.relation, w.index_name, w.definition, w.state, true) || ';'
    FROM white_cross.wanted_indexes(attached) AS w WHERE w.state <> 'valid';
    IF NOT FOUND THEN
        RETURN NEXT ROW ('ok', format('%s indexes, all valid', (SELECT count(*) FROM white_cross.wanted_indexes(attached))), NULL)::white_cross.finding;
    END IF;
    RETURN QUERY
    SELECT 'warn', format('pg_trgm is not installed: a search reads the names of all %s students', c.reltuples::bigint),
           'CREATE EXTENSION pg_trgm; ' || format(
               'CREATE INDEX idx_students_name ON %s USING gin ((COALESCE(%I, '''') || '' '' || COALESCE(%I, '''') || '' '' || COALESCE(%I, '''')) COLLATE pg_catalog."default" gin_trgm_ops);',
               c.oid::regclass, b.columns ->> 'firstName', b.columns ->> 'lastName', b.columns ->> 'studentNumber')
    FROM white_cross.binding AS b
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
    WHERE b.entity = 'students' AND c.reltuples > many AND NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_trgm');
END
$$;

CREATE FUNCTION white_cross.check_statistics() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH looked_at AS (
        SELECT c.oid::regclass AS relation, c.reltuples, s.n_mod_since_analyze AS changed,
               pg_relation_size(c.oid) > 512 * 1024 AS is_large
        FROM (SELECT DISTINCT w.relation FROM white_cross.wanted_triggers() AS w) AS w
        JOIN pg_class AS c ON c.oid = w.relation AND c.relkind = 'r'
        LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid
    ), judged AS (
        SELECT l.*, l.reltuples < 0 AND l.is_large AS is_unknown,
               l.reltuples >= 0 AND l.changed > greatest(1000, 0.2 * l.reltuples) AS is_stale
        FROM looked_at AS l
    )
    SELECT 'warn', CASE WHEN j.is_unknown THEN format('%s has never been analyzed: the planner guesses', j.relation)
                   ELSE format('%s rows of %s have changed since it was analyzed', j.changed, j.relation) END,
           format('ANALYZE %s;', j.relation)
    FROM judged AS j WHERE j.is_unknown OR j.is_stale
    UNION ALL
    SELECT 'ok', 'fresh enough', NULL FROM judged AS j HAVING coalesce(bool_and(NOT (j.is_unknown OR j.is_stale)), true);
END;

CREATE FUNCTION white_cross.check_policies() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH guarded AS (
        SELECT c.oid::regclass AS relation, c.relowner, c.relforcerowsecurity AS forced
        FROM white_cross.binding AS b
        JOIN pg_namespace AS n ON n.nspname = b.schema_name
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
        WHERE c.relrowsecurity
    ), worker AS (
        SELECT r.rolname, string_agg(g.relation::text, ', ') AS relations
        FROM pg_roles AS r CROSS JOIN guarded AS g
        WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
          AND has_function_privilege(r.oid, 'white_cross.begin_drain()', 'EXECUTE')
          AND (g.forced OR NOT pg_has_role(r.oid, g.relowner, 'USAGE'))
        GROUP BY r.rolname
    )
    SELECT 'warn', format('row-level security of %s applies to the worker''s role %I: it builds nothing into the cache', w.relations, w.rolname),
           format('ALTER ROLE %I BYPASSRLS;', w.rolname)
    FROM worker AS w
    UNION ALL
    SELECT 'ok', format('on %s: whom it applies to is given nothing to cache; summaries are read by queries, and searches without the index of words',
                        string_agg(g.relation::text, ', ')), NULL
    FROM guarded AS g HAVING count(*) > 0
    UNION ALL
    SELECT 'ok', 'not in use on the attached tables', NULL WHERE NOT EXISTS (SELECT FROM guarded AS g);
END;
