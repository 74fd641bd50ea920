-- DDL changes rows, or their meaning, without firing row triggers.  The event triggers are in C (changes/ddl.cpp).  For DDL
-- about attached tables they call these functions, which run with the rights of the extension's owner.

CREATE FUNCTION white_cross.watch_attached() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    -- A new partition or child has no triggers yet, and neither has a new table under an attached name.  Triggers that somebody
    -- has disabled stay disabled.
    PERFORM white_cross.create_triggers(t.relation::regclass, t.entity) FROM white_cross.attached_tables() AS t;
    PERFORM white_cross.remember(false);
END
$$;
COMMENT ON FUNCTION white_cross.watch_attached() IS
'Creates the missing triggers of the attached tables and their partitions and children, after DDL about one of these.';

CREATE FUNCTION white_cross.remember_attached() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$ BEGIN PERFORM white_cross.remember(false); END $$;
COMMENT ON FUNCTION white_cross.remember_attached() IS
'Stores the column numbers of the binding''s names in bound_column, after DDL about an attached table.';

CREATE FUNCTION white_cross.make_way(partition oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = partition AND t.tgname = 'white_cross_change' AND t.tgparentid = 0
               AND t.tgfoid = 'white_cross.record_change()'::regprocedure) THEN
        PERFORM white_cross.drop_trigger(partition, 'white_cross_change');
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.make_way(oid) IS
'Drops the row trigger of a table that is about to become a partition, and so to get its parent''s trigger.';

CREATE FUNCTION white_cross.follow_type(changed oid, renamed boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    using_it record;
    found_one boolean := false;
BEGIN
    FOR using_it IN
        -- Look for the type itself only: functions do not read columns of types that are based on it, such as domains.
        SELECT DISTINCT t.relation::regclass AS relation
        FROM white_cross.attached_tables() AS t
        JOIN pg_attribute AS a ON a.attrelid = t.relation AND a.atttypid = changed AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        found_one := true;
        IF renamed THEN
            -- Sessions cache labels, and reread them when they lock a table.  A session that already holds the lock would read
            -- the old label with a snapshot that claims to have seen the new one.  So wait for all readers: every read locks the
            -- attached table itself, and perhaps not its partitions and children.
            EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', using_it.relation);
        END IF;
    END LOOP;
    RETURN found_one;
END
$$;
COMMENT ON FUNCTION white_cross.follow_type(oid, boolean) IS
'Whether columns of attached tables have the type that was altered. If a label was renamed, waits for all readers of these tables.';

CREATE FUNCTION white_cross.expect_ddl() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'wc_expect_ddl';
COMMENT ON FUNCTION white_cross.expect_ddl() IS
'Event trigger for what must happen before a command: a partition that is detached concurrently makes the whole cache stale with the first of its two commits; a table that becomes a partition loses its own trigger; the restore of a dump may create triggers that exist already.';
CREATE FUNCTION white_cross.follow_ddl() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'wc_follow_ddl';
COMMENT ON FUNCTION white_cross.follow_ddl() IS
'Event trigger: an altered attached table, partition or child of one, or type of their columns makes the whole cache stale; new tables among them get their triggers.';
CREATE FUNCTION white_cross.follow_drop() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'wc_follow_drop';
COMMENT ON FUNCTION white_cross.follow_drop() IS
'Event trigger: dropping an attached table, a partition or child of one, its columns or its triggers makes the whole cache stale.';

-- Functions, the C library and the worker find the extension's objects by the name of this schema.  If it were renamed, the event
-- triggers above would fail, and with them every DDL of every session.  (The schema of the wc_* functions may be renamed.)
CREATE FUNCTION white_cross.keep_schema() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regnamespace('white_cross') IS NULL THEN
        RAISE EXCEPTION 'schema "white_cross" cannot be renamed: extension white_cross finds its tables and functions by that name'
            USING ERRCODE = 'feature_not_supported', HINT = 'DROP EXTENSION white_cross removes the schema.';
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.keep_schema() IS 'Event trigger: refuses to rename the schema white_cross.';

-- Event triggers fire in the order of their names: white_cross_anchor fires before those that need the schema.
CREATE EVENT TRIGGER white_cross_anchor ON ddl_command_end WHEN TAG IN ('ALTER SCHEMA') EXECUTE FUNCTION white_cross.keep_schema();
ALTER EVENT TRIGGER white_cross_anchor ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_expect ON ddl_command_start EXECUTE FUNCTION white_cross.expect_ddl();
ALTER EVENT TRIGGER white_cross_expect ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_ddl ON ddl_command_end EXECUTE FUNCTION white_cross.follow_ddl();
ALTER EVENT TRIGGER white_cross_ddl ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_drop ON sql_drop EXECUTE FUNCTION white_cross.follow_drop();
ALTER EVENT TRIGGER white_cross_drop ENABLE ALWAYS;
