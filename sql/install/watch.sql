-- The triggers on the attached tables and on their partitions and children

-- Returns the table itself and the tables that a query of it reads too: partitions, and children that inherit.  Leaves out
-- temporary tables, whose rows only one session sees and which are never cached, and a partition whose detachment was
-- interrupted, which queries do not read.
CREATE FUNCTION white_cross.reached(attached oid, OUT relation oid, OUT depth integer, OUT kind "char") RETURNS SETOF record
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE line (id, depth) AS (
        SELECT attached, 0
        UNION
        SELECT i.inhrelid, line.depth + 1 FROM line JOIN pg_inherits AS i ON i.inhparent = line.id AND NOT i.inhdetachpending
    )
    SELECT c.oid, max(line.depth), c.relkind
    FROM line JOIN pg_class AS c ON c.oid = line.id
    WHERE c.relpersistence <> 't'
    GROUP BY c.oid, c.relkind;
END;

-- Returns the attached tables that exist.
CREATE FUNCTION white_cross.attached_tables(OUT entity text, OUT relation oid) RETURNS SETOF record
LANGUAGE sql STABLE ROWS 4 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT b.entity, c.oid
    FROM white_cross.binding AS b
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name AND c.relkind IN ('r', 'p');
END;

-- Whether a table can have the trigger of that name.  TRUNCATE of a foreign table fires triggers from version 16 on.
CREATE FUNCTION white_cross.can_have_trigger(kind "char", name name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT kind IN ('r', 'p') OR (kind = 'f' AND (name = 'white_cross_change' OR current_setting('server_version_num')::integer >= 160000));
END;

-- These take tables by OID, so that a table that is renamed meanwhile is still the one that is meant.
CREATE FUNCTION white_cross.create_trigger(relation oid, trigger name, entity text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_create_trigger';
COMMENT ON FUNCTION white_cross.create_trigger(oid, name, text) IS
'Creates one of the extension''s triggers, with the rights of the table''s owner, so that DROP EXTENSION drops it; the whole cache becomes stale. Errors: 42501 the caller is no superuser, or the owner may not create triggers on the table or on a partition of it.';
CREATE FUNCTION white_cross.enable_trigger(relation oid, trigger name) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_enable_trigger';
COMMENT ON FUNCTION white_cross.enable_trigger(oid, name) IS
'Makes a trigger fire always, also on a subscriber; the whole cache becomes stale. Errors: 42501 the caller is no superuser.';
CREATE FUNCTION white_cross.drop_trigger(relation oid, trigger name) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_drop_trigger';
COMMENT ON FUNCTION white_cross.drop_trigger(oid, name) IS
'Drops a trigger, if there is one of that name; the whole cache becomes stale. Errors: 42501 the caller is no superuser.';

-- Creates the missing triggers of one attached table and of its partitions and children.
CREATE FUNCTION white_cross.create_triggers(attached regclass, entity text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted record;
BEGIN
    -- Parents come first, because PostgreSQL clones the row trigger of a partitioned table to its partitions.
    FOR wanted IN
        SELECT r.relation, v.name
        FROM white_cross.reached(attached) AS r
        CROSS JOIN (VALUES ('white_cross_change'::name), ('white_cross_truncate')) AS v (name)
        WHERE white_cross.can_have_trigger(r.kind, v.name)
        ORDER BY r.depth, v.name
    LOOP
        IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = wanted.relation AND t.tgname = wanted.name) THEN
            PERFORM white_cross.create_trigger(wanted.relation, wanted.name, entity);
            PERFORM white_cross.enable_triggers(wanted.relation, wanted.name);
        END IF;
    END LOOP;
END
$$;

-- Enables triggers as ALWAYS, so that they also fire for logical replication and session_replication_role = replica.
CREATE FUNCTION white_cross.enable_triggers(attached regclass, name_pattern text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT t.tgrelid AS relation, t.tgname AS name
        FROM white_cross.reached(attached) AS r
        JOIN pg_trigger AS t ON t.tgrelid = r.relation
        WHERE t.tgname LIKE name_pattern AND t.tgfoid = 'white_cross.record_change()'::regprocedure AND t.tgenabled <> 'A'
    LOOP
        PERFORM white_cross.enable_trigger(made.relation, made.name);
    END LOOP;
END
$$;

-- Stores the OIDs and column numbers of the binding's names in bound_column.  "anew": replaces all of them; otherwise a column
-- that was attached, and still exists under another name, keeps its entry.
-- jit is off because the planner overestimates functions that return rows, and a compilation takes a second.
CREATE FUNCTION white_cross.remember(anew boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    DELETE FROM white_cross.bound_column AS m WHERE NOT EXISTS (SELECT FROM white_cross.binding AS b WHERE b.entity = m.entity);
    INSERT INTO white_cross.bound_column AS m (entity, attribute, relation, number)
    SELECT t.entity, c.key, t.relation, a.attnum
    FROM white_cross.attached_tables() AS t
    JOIN white_cross.binding AS b ON b.entity = t.entity
    CROSS JOIN LATERAL jsonb_each_text(b.columns) AS c
    JOIN pg_attribute AS a ON a.attrelid = t.relation AND a.attname = c.value AND a.attnum > 0 AND NOT a.attisdropped
    ON CONFLICT ON CONSTRAINT bound_column_pkey DO UPDATE
        SET relation = excluded.relation, number = excluded.number
        WHERE (m.relation, m.number) IS DISTINCT FROM (excluded.relation, excluded.number)
          AND (anew OR NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = m.relation AND a.attnum = m.number AND NOT a.attisdropped));
END
$$;

-- For changes of the binding by wc_attach or by the restore of a dump.
CREATE FUNCTION white_cross.remember_binding() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM white_cross.remember(true);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION white_cross.remember_binding() IS
'Trigger on white_cross.binding: stores the OIDs and column numbers of its names in white_cross.bound_column.';
CREATE TRIGGER remember_binding AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON white_cross.binding
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.remember_binding();
ALTER TABLE white_cross.binding ENABLE ALWAYS TRIGGER remember_binding;
