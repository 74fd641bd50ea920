-- What changes rows, or what they mean, without firing row triggers: DDL

-- The entity that a table holds, as a whole or as a partition or child of the attached table; NULL for others.
CREATE FUNCTION white_cross.entity_of(relation oid) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH RECURSIVE line (id) AS (
        SELECT relation
        UNION
        SELECT i.inhparent FROM line JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = line.id
    )
    SELECT b.entity
    FROM line
    JOIN pg_catalog.pg_class AS c ON c.oid = line.id
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN white_cross.binding AS b ON b.schema_name = n.nspname AND b.table_name = c.relname
    LIMIT 1;
END;

CREATE FUNCTION white_cross.follow_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed  record;
    using_it record;
    held     text;
BEGIN
    FOR changed IN SELECT DISTINCT c.classid, c.objid FROM pg_event_trigger_ddl_commands() AS c WHERE c.objid IS NOT NULL LOOP
        IF changed.classid = 'pg_class'::regclass THEN
            held := white_cross.entity_of(changed.objid);
            -- A new partition has no trigger for TRUNCATE yet; a table made again, under an attached name, none at all.
            -- What somebody has disabled stays so; and a dump that is being restored (its scripts turn off
            -- check_function_bodies) brings its triggers itself.
            IF held IS NOT NULL AND current_setting('check_function_bodies')::boolean THEN
                PERFORM white_cross.create_triggers(changed.objid::regclass, held)
                FROM pg_class AS c WHERE c.oid = changed.objid AND c.relkind IN ('r', 'p');
            END IF;
            -- A table that was renamed holds nothing any more, but still has its triggers.
            IF held IS NOT NULL OR EXISTS (
                SELECT FROM pg_trigger AS t WHERE t.tgrelid = changed.objid AND t.tgname = 'white_cross_truncate') THEN
                PERFORM @extschema@.wc_invalidate_all();
            END IF;
        ELSIF changed.classid = 'pg_type'::regclass THEN
            FOR using_it IN SELECT DISTINCT a.attrelid::regclass AS relation FROM pg_attribute AS a
                            WHERE a.atttypid = changed.objid AND white_cross.entity_of(a.attrelid) IS NOT NULL LOOP
                -- As ALTER TABLE would.  Sessions keep copies of the catalogue, which they renew when they lock a table: one
                -- that holds the lock already would read old labels with a snapshot that claims to have seen this change.
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', using_it.relation);
                PERFORM @extschema@.wc_invalidate_all();
            END LOOP;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION white_cross.follow_ddl() IS
'Event trigger: what is altered in attached tables, their partitions and the types of their columns makes all of the cache stale; new partitions get their triggers.';

-- A table that is gone cannot be asked what it was, but its triggers are among what was dropped.
CREATE FUNCTION white_cross.follow_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d
               WHERE d.object_type = 'trigger' AND d.address_names[3] IN ('white_cross_change', 'white_cross_truncate')) THEN
        PERFORM @extschema@.wc_invalidate_all();
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.follow_drop() IS
'Event trigger: dropping an attached table, a partition of it or its triggers makes all of the cache stale.';

CREATE EVENT TRIGGER white_cross_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
    EXECUTE FUNCTION white_cross.follow_ddl();
ALTER EVENT TRIGGER white_cross_ddl ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_drop ON sql_drop EXECUTE FUNCTION white_cross.follow_drop();
ALTER EVENT TRIGGER white_cross_drop ENABLE ALWAYS;
