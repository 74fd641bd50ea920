-- The doctor: what is wrong, and the statement that mends it

-- SECURITY DEFINER: a role that may call it sees what the extension's owner sees, and needs no other privilege.  It shows
-- names of tables, counts and process ids, never a row of anybody's.
CREATE FUNCTION wc_diagnose() RETURNS TABLE ("check" text, status text, detail text, remedy text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    attached name;
    unseen   text;
BEGIN
    RETURN QUERY SELECT 'library', f.* FROM white_cross.check_library(@extschema@.wc_version()) AS f;

    SELECT b.schema_name INTO attached FROM white_cross.binding AS b LIMIT 1;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'binding', 'fail', 'not attached to any tables', 'SELECT @extschema@.wc_attach(''public'');';
    ELSE
        FOR status, detail, remedy IN SELECT * FROM white_cross.check_binding(attached) LOOP
            "check" := 'binding';
            RETURN NEXT;
        END LOOP;
        RETURN QUERY SELECT 'triggers', f.* FROM white_cross.check_triggers(attached) AS f;
    END IF;
    RETURN QUERY SELECT 'event triggers', f.* FROM white_cross.check_event_triggers() AS f;
    -- Which indexes there should be is known of tables that are as they should be.
    IF attached IS NOT NULL AND status = 'ok' THEN
        RETURN QUERY SELECT 'indexes', f.* FROM white_cross.check_indexes(attached) AS f;
        RETURN QUERY SELECT 'statistics', f.* FROM white_cross.check_statistics() AS f;
    END IF;
    IF attached IS NOT NULL THEN
        RETURN QUERY SELECT 'row-level security', f.* FROM white_cross.check_policies() AS f;
    END IF;
    RETURN QUERY SELECT 'worker', f.* FROM white_cross.check_workers() AS f;
    RETURN QUERY SELECT 'queue', f.* FROM white_cross.check_queue() AS f;
    RETURN QUERY SELECT 'cache', f.* FROM white_cross.check_cache() AS f;
    RETURN QUERY SELECT 'notifications', f.* FROM white_cross.check_notifications() AS f;
    RETURN QUERY SELECT 'relay', f.* FROM white_cross.check_relay() AS f;
    RETURN QUERY SELECT 'connections', f.* FROM white_cross.check_connections() AS f;

    IF NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
        unseen := 'what other roles'' sessions do';
    END IF;
    IF NOT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') THEN
        unseen := concat_ws(', ', unseen, 'which libraries are preloaded');
    END IF;
    IF unseen IS NOT NULL THEN
        RETURN QUERY SELECT 'sight', 'warn', format('role %s, whose function this is, may not see %s', current_user, unseen),
                            format('GRANT pg_monitor TO %I;', current_user);
    END IF;
END
$$;
COMMENT ON FUNCTION wc_diagnose() IS
'Looks for what would keep the summaries from being right, the cache from being fresh, or either from being fast: a row for each finding, with status ok, warn or fail, and a remedy that can be pasted; at least one row for each check: library, binding, triggers, event triggers, indexes, statistics, row-level security, worker, queue, cache, notifications, relay, connections. Runs with the rights of the extension''s owner, reads catalogs and statistics only and changes nothing; a remedy may need rights that its reader does not have. Works on a standby.';
