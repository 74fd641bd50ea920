-- wc_diagnose: the attached tables

CREATE TYPE white_cross.finding AS (status text, detail text, remedy text);

-- Returns the triggers that each table that a query reads should have.  "state": as pg_trigger.tgenabled; 'missing'; or 'another',
-- a trigger that has the name and does something else.
CREATE FUNCTION white_cross.wanted_triggers(OUT entity text, OUT attached regclass, OUT relation regclass, OUT name name, OUT state text)
RETURNS SETOF record
LANGUAGE sql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.entity, t.relation::regclass, r.relation::regclass, wanted.name,
           CASE WHEN g.oid IS NULL THEN 'missing'
                WHEN g.tgfoid <> 'white_cross.record_change()'::regprocedure OR g.tgtype <> wanted.type OR g.tgqual IS NOT NULL
                     OR g.tgattr::text <> '' OR g.tgnargs <> 1 OR encode(g.tgargs, 'escape') <> t.entity || E'\\000' THEN 'another'
                ELSE g.tgenabled::text END
    FROM white_cross.attached_tables() AS t
    CROSS JOIN LATERAL white_cross.reached(t.relation) AS r
    -- The types are bits of pg_trigger.tgtype: after each row that is inserted, updated or deleted; after a TRUNCATE statement.
    CROSS JOIN (VALUES ('white_cross_change'::name, 1 + 4 + 8 + 16), ('white_cross_truncate', 32)) AS wanted (name, type)
    LEFT JOIN pg_trigger AS g ON g.tgrelid = r.relation AND g.tgname = wanted.name
    WHERE white_cross.can_have_trigger(r.kind, wanted.name);
END;

-- Returns attached tables that have another name or schema now than the binding says.  A table is the attached one if it has the
-- stored OID and the trigger of its entity.
CREATE FUNCTION white_cross.moved_tables(OUT entity text, OUT bound_name name, OUT relation oid, OUT schema_name name, OUT table_name name)
RETURNS SETOF record
LANGUAGE sql STABLE ROWS 4 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT b.entity, b.table_name, c.oid, n.nspname, c.relname
    FROM white_cross.binding AS b
    JOIN white_cross.bound_column AS m ON m.entity = b.entity
    JOIN pg_class AS c ON c.oid = m.relation AND c.relkind IN ('r', 'p')
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE (n.nspname, c.relname) <> (b.schema_name, b.table_name)
      AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgfoid = 'white_cross.record_change()'::regprocedure
                  AND encode(t.tgargs, 'escape') = b.entity || E'\\000');
END;

CREATE FUNCTION white_cross.moved_columns(OUT entity text, OUT attribute text, OUT bound_name name, OUT relation regclass, OUT name name)
RETURNS SETOF record
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.entity, m.attribute, (b.columns ->> m.attribute)::name, m.relation::regclass, a.attname
    FROM white_cross.binding AS b
    JOIN white_cross.bound_column AS m ON m.entity = b.entity
    JOIN pg_attribute AS a ON a.attrelid = m.relation AND a.attnum = m.number AND NOT a.attisdropped
    WHERE a.attname <> b.columns ->> m.attribute
      -- Look only at the table that is attached now, or, if there is none under that name, at the one that has moved.
      AND (m.relation = (SELECT t.relation FROM white_cross.attached_tables() AS t WHERE t.entity = m.entity)
           OR (m.relation IN (SELECT v.relation FROM white_cross.moved_tables() AS v WHERE v.entity = m.entity)
               AND NOT EXISTS (SELECT FROM white_cross.attached_tables() AS t WHERE t.entity = m.entity)));
END;

-- Returns the binding as overrides, with the new names of tables and columns that were renamed and whose old names are unused.
CREATE FUNCTION white_cross.proven_overrides(attached name) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved  record;
    proven jsonb := white_cross.overrides_in_force();
BEGIN
    FOR moved IN SELECT * FROM white_cross.moved_tables() AS v
                 WHERE v.schema_name = attached AND NOT EXISTS (SELECT FROM white_cross.attached_tables() AS t WHERE t.entity = v.entity) LOOP
        proven := jsonb_set(proven, ARRAY[moved.entity, 'table'], to_jsonb(moved.table_name));
    END LOOP;
    FOR moved IN SELECT * FROM white_cross.moved_columns() AS v
                 WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = v.relation AND a.attname = v.bound_name AND NOT a.attisdropped) LOOP
        proven := jsonb_set(proven, ARRAY[moved.entity, 'columns', moved.attribute], to_jsonb(moved.name));
    END LOOP;
    RETURN proven;
END
$$;

-- Tables that the application did not have when it was attached.  One that is there now hides what it holds until it is attached.
CREATE FUNCTION white_cross.check_absent(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    in_force constant jsonb := white_cross.overrides_in_force();
    absent   text;
    there    text[] := '{}';
BEGIN
    FOR absent IN SELECT o.key FROM jsonb_each(in_force) AS o WHERE o.value -> 'table' = 'null' ORDER BY o.key LOOP
        BEGIN
            there := there || ARRAY(SELECT r.entity FROM white_cross.resolve(attached, in_force - absent) AS r WHERE r.entity = absent);
        EXCEPTION WHEN undefined_column OR datatype_mismatch THEN
            -- A table of that name which is something else.
            NULL;
        END;
        IF absent <> ALL (there) THEN
            RETURN NEXT ROW ('ok', format('no table is attached as %s: that section is empty everywhere. Where there is one, attach again', absent), NULL)::white_cross.finding;
        END IF;
    END LOOP;
    -- One statement attaches them all: what one remedy leaves out, it would take away from another one.
    RETURN QUERY SELECT 'warn', format('table %I.%I is not attached, and that section is empty everywhere', attached, t.entity),
                        format('SELECT %s.wc_attach(%L, %L);', white_cross.home(), attached, white_cross.shortened(attached, in_force - there))
                 FROM unnest(there) AS t (entity);
END
$$;

CREATE FUNCTION white_cross.check_binding(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    proven constant jsonb := white_cross.proven_overrides(attached);
    wrong  text;
    cure   text;
BEGIN
    BEGIN
        PERFORM white_cross.resolve(attached, white_cross.overrides_in_force());
    EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch OR invalid_schema_name THEN
        wrong := SQLERRM;
    END;
    IF wrong IS NULL THEN
        RETURN NEXT ROW ('ok', format('attached to schema %I', attached), NULL)::white_cross.finding;
        RETURN QUERY SELECT * FROM white_cross.check_absent(attached);
        -- Only the person who made the new table or column knows whether the new or the old one is meant, so there is no remedy.
        RETURN QUERY
        SELECT 'warn', format('%I.%I is read as %s, and is not the table that was attached: that is %I.%I now. Attach again to keep it so',
                              attached, v.bound_name, v.entity, v.schema_name, v.table_name), NULL
        FROM white_cross.moved_tables() AS v
        UNION ALL
        SELECT 'warn', format('column %I of %s is read as %s, and is not the column that was attached: that is %I now. Attach again to keep it so',
                              v.bound_name, v.relation, v.attribute, v.name), NULL
        FROM white_cross.moved_columns() AS v;
        RETURN;
    END IF;
    -- Offer a statement only if it cures everything: all that was attached exists under another name.
    IF proven <> white_cross.overrides_in_force() THEN
        BEGIN
            PERFORM white_cross.resolve(attached, proven);
            cure := format('SELECT %s.wc_attach(%L, %L);', white_cross.home(), attached, white_cross.shortened(attached, proven));
        EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch OR invalid_schema_name THEN
            NULL;
        END;
    END IF;
    RETURN NEXT ROW ('fail', concat_ws('; ', wrong,
        (SELECT string_agg(format('the table attached as %s is %I.%I now', v.entity, v.schema_name, v.table_name), '; ' ORDER BY v.entity)
         FROM white_cross.moved_tables() AS v),
        (SELECT string_agg(format('the column attached as %s of %s is %I now', v.attribute, v.entity, v.name), '; ' ORDER BY v.entity, v.attribute)
         FROM white_cross.moved_columns() AS v)), cure)::white_cross.finding;
END
$$;

-- Offers a statement if exactly one schema has such tables.
CREATE FUNCTION white_cross.check_unattached() RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate record;
    fitting   name[] := '{}';
BEGIN
    FOR candidate IN SELECT n.nspname FROM pg_namespace AS n
                     WHERE EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'students' AND c.relkind IN ('r', 'p')) LOOP
        BEGIN
            -- A table that seems to be absent may have another name, which only a person knows.
            IF (SELECT count(*) FROM white_cross.resolve(candidate.nspname, '{}')) = 4 THEN
                fitting := fitting || candidate.nspname;
            END IF;
        EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch THEN
            NULL;
        END;
    END LOOP;
    RETURN NEXT ROW ('fail', 'not attached to any tables' || CASE cardinality(fitting) WHEN 0 THEN ': run wc_attach with their schema, and with their names where these are others'
                             WHEN 1 THEN '' ELSE ': run wc_attach with one of the schemas ' || array_to_string(fitting, ', ') END,
                     CASE cardinality(fitting) WHEN 1 THEN format('SELECT %s.wc_attach(%L);', white_cross.home(), fitting[1]) END)::white_cross.finding;
END
$$;

CREATE FUNCTION white_cross.check_triggers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Changes that the missing trigger would have seen are unknown, so the remedy makes the whole cache stale.
    SELECT 'fail', format(CASE w.state WHEN 'missing' THEN '%1$s has no trigger %2$s: changes of it are not seen'
                          WHEN 'another' THEN '%1$s has another trigger under the name %2$s: changes are not seen. Where nobody needs it, drop it and attach again'
                          WHEN 'D' THEN 'trigger %2$s of %1$s is disabled: changes are not seen'
                          WHEN 'R' THEN 'trigger %2$s of %1$s fires on replicas only: changes are not seen'
                          ELSE 'trigger %2$s of %1$s does not fire on replicas: changes that come by replication are not seen' END,
                          w.relation, w.name),
           CASE w.state WHEN 'another' THEN NULL
                        WHEN 'missing' THEN format('SELECT white_cross.create_triggers(%L, %L); ', w.attached, w.entity)
                        ELSE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I; ', w.relation, w.name) END
               || format('SELECT %s.wc_invalidate_all();', white_cross.home())
    FROM white_cross.wanted_triggers() AS w WHERE w.state <> 'A'
    UNION ALL
    SELECT 'warn', format('%s is a foreign table, and read as %s: changes that are made elsewhere are not seen, so nothing is cached', r.relation::regclass, t.entity), NULL
    FROM white_cross.attached_tables() AS t CROSS JOIN LATERAL white_cross.reached(t.relation) AS r WHERE r.kind = 'f'
    UNION ALL
    SELECT 'warn', format('%s is no longer read as %s, and still a partition: its detachment was interrupted, or is under way', i.inhrelid::regclass, t.entity),
           format('ALTER TABLE %s DETACH PARTITION %s FINALIZE;', i.inhparent::regclass, i.inhrelid::regclass)
    FROM white_cross.attached_tables() AS t CROSS JOIN LATERAL white_cross.reached(t.relation) AS r
    JOIN pg_inherits AS i ON i.inhparent = r.relation AND i.inhdetachpending
    UNION ALL
    SELECT 'ok', format('%s triggers, all enabled', count(*)), NULL
    FROM white_cross.wanted_triggers() AS w HAVING coalesce(bool_and(w.state = 'A'), true);
END;

CREATE FUNCTION white_cross.check_event_triggers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH looked_at AS (
        SELECT wanted.name, wanted.event, wanted.tags, wanted.function,
               CASE WHEN e.oid IS NULL THEN 'missing'
                    WHEN e.evtfoid <> wanted.function OR e.evtevent <> wanted.event OR e.evttags IS DISTINCT FROM wanted.tags THEN 'another'
                    WHEN e.evtenabled <> 'A' THEN 'not enabled' END AS fault
        FROM (VALUES ('white_cross_expect'::name, 'ddl_command_start'::name, NULL::text[], 'white_cross.expect_ddl()'::regprocedure),
                     ('white_cross_ddl', 'ddl_command_end', NULL, 'white_cross.follow_ddl()'),
                     ('white_cross_drop', 'sql_drop', NULL, 'white_cross.follow_drop()'),
                     ('white_cross_anchor', 'ddl_command_end', '{ALTER SCHEMA}', 'white_cross.keep_schema()')) AS wanted (name, event, tags, function)
        LEFT JOIN pg_event_trigger AS e ON e.evtname = wanted.name
    )
    SELECT 'fail', format('event trigger %s is %s: changes of tables and types are not seen', w.name, w.fault),
           CASE w.fault WHEN 'missing' THEN format('CREATE EVENT TRIGGER %I ON %I%s EXECUTE FUNCTION %s; ALTER EXTENSION white_cross ADD EVENT TRIGGER %1$I; ',
                                                   w.name, w.event, (SELECT format(' WHEN TAG IN (%s)', string_agg(quote_literal(tag), ', ')) FROM unnest(w.tags) AS tag HAVING count(*) > 0),
                                                   w.function)
                        WHEN 'not enabled' THEN '' END
           -- Tables that were created meanwhile have no triggers: watch_attached() creates them.
           || format('ALTER EVENT TRIGGER %I ENABLE ALWAYS; SELECT white_cross.watch_attached(); SELECT %s.wc_invalidate_all();', w.name, white_cross.home())
    FROM looked_at AS w WHERE w.fault IS NOT NULL
    UNION ALL
    SELECT 'ok', 'all enabled', NULL FROM looked_at AS w HAVING bool_and(w.fault IS NULL);
END;

CREATE FUNCTION white_cross.check_indexes(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    many constant real := 10000;  -- students whose names are read for each search
BEGIN
    RETURN QUERY
    SELECT 'warn', format(CASE w.state WHEN 'another' THEN 'index %s of %s has another definition: %4$s' ELSE 'index %s of %s is %s: %s' END,
                          CASE w.state WHEN 'invalid' THEN w.present ELSE w.index_name END, w.relation, w.state, w.purpose),
           (SELECT string_agg(s, '; ') FROM white_cross.index_statement(w.relation, w.index_name, w.definition, w.state, w.present, true) AS s) || ';'
    FROM white_cross.wanted_indexes(attached) AS w WHERE w.state <> 'valid';
    IF NOT FOUND THEN
        RETURN NEXT ROW ('ok', format('%s indexes, all valid', (SELECT count(*) FROM white_cross.wanted_indexes(attached))), NULL)::white_cross.finding;
    END IF;
    RETURN QUERY
    SELECT 'warn', format('pg_trgm is not installed: a search reads the names of all %s students', c.reltuples::bigint),
           'CREATE EXTENSION pg_trgm; ' || format(
               'CREATE INDEX %s%I ON %s %s;', CASE c.relkind WHEN 'r' THEN 'CONCURRENTLY ' ELSE '' END,
               white_cross.unused_name(c.relnamespace, 'idx_students_name'), c.oid::regclass,
               white_cross.name_index(quote_ident(b.columns ->> 'firstName'), quote_ident(b.columns ->> 'lastName'),
                                      quote_ident(b.columns ->> 'studentNumber'), 'gin_trgm_ops'))
    FROM white_cross.binding AS b
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
    WHERE b.entity = 'students' AND c.reltuples > many AND NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_trgm')
      AND EXISTS (SELECT FROM pg_available_extensions AS e WHERE e.name = 'pg_trgm');
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
        SELECT r.rolname, string_agg(g.relation::text, ', ') AS relations,
               -- That it is a worker's and nobody else's, to whom policies are meant to apply: it writes no attached table, and
               -- reads no other one that has policies.
               NOT EXISTS (SELECT FROM white_cross.attached_tables() AS t
                           WHERE has_table_privilege(r.oid, t.relation, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(r.oid, t.relation, 'INSERT, UPDATE'))
               AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relrowsecurity AND has_any_column_privilege(r.oid, c.oid, 'SELECT')
                               AND c.oid NOT IN (SELECT t.relation FROM white_cross.attached_tables() AS t)) AS is_no_other
        FROM pg_roles AS r CROSS JOIN guarded AS g
        WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
          AND has_function_privilege(r.oid, 'white_cross.lock_drain(boolean, boolean)', 'EXECUTE')
          AND (g.forced OR NOT pg_has_role(r.oid, g.relowner, 'USAGE'))
        GROUP BY r.oid, r.rolname
    )
    SELECT 'warn', format('row-level security of %s applies to the worker''s role %I: it builds nothing into the cache', w.relations, w.rolname)
                   || CASE WHEN w.is_no_other THEN '' ELSE '; and others than a worker seem to use that role: give the worker one of its own, with BYPASSRLS' END,
           CASE WHEN w.is_no_other THEN format('ALTER ROLE %I BYPASSRLS;', w.rolname) END
    FROM worker AS w
    UNION ALL
    SELECT 'ok', format('on %s: whom it applies to is given nothing to cache; summaries are read by queries, and searches ', string_agg(g.relation::text, ', '))
                 || CASE WHEN current_setting('white_cross.search_under_rls', true) = 'index'
                         THEN 'ask the policies about what the indexes of all rows find: their time tells how many hidden rows have a word (white_cross.search_under_rls = index)'
                         ELSE 'examine each row that policies show, which takes seconds on a large table (white_cross.search_under_rls = scan'
                              || coalesce((SELECT '; index for ' || string_agg(DISTINCT pg_get_userbyid(o.setrole)::text, ', ')
                                           FROM pg_db_role_setting AS o
                                           WHERE o.setrole <> 0 AND 'white_cross.search_under_rls=index' = ANY (o.setconfig)
                                             AND o.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))), '')
                              || ')' END, NULL
    FROM guarded AS g HAVING count(*) > 0
    UNION ALL
    SELECT 'ok', 'not in use on the attached tables', NULL WHERE NOT EXISTS (SELECT FROM guarded AS g);
END;
