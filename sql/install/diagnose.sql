-- wc_diagnose: what is wrong, and the statement that cures it

-- It is SECURITY DEFINER: a role that may call it sees what the extension's owner sees, and needs no other privilege.  It shows
-- names of tables, counts and process ids, and never a row of an attached table.
CREATE FUNCTION @extschema@.wc_diagnose() RETURNS TABLE ("check" text, status text, detail text, remedy text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    attached name;
    unseen   text;
    is_sound boolean := true;
BEGIN
    RETURN QUERY SELECT 'library', f.* FROM white_cross.check_library(white_cross.library_version()) AS f;
    RETURN QUERY SELECT 'schemas', f.* FROM white_cross.check_schemas() AS f;

    SELECT b.schema_name INTO attached FROM white_cross.binding AS b LIMIT 1;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'binding', f.* FROM white_cross.check_unattached() AS f;
    ELSE
        FOR status, detail, remedy IN SELECT * FROM white_cross.check_binding(attached) LOOP
            "check" := 'binding';
            is_sound := is_sound AND status <> 'fail';
            RETURN NEXT;
        END LOOP;
        RETURN QUERY SELECT 'triggers', f.* FROM white_cross.check_triggers() AS f;
    END IF;
    RETURN QUERY SELECT 'event triggers', f.* FROM white_cross.check_event_triggers() AS f;
    -- The wanted indexes are known only if the binding is right.
    IF attached IS NOT NULL AND is_sound THEN
        RETURN QUERY SELECT 'indexes', f.* FROM white_cross.check_indexes(attached) AS f;
        RETURN QUERY SELECT 'partitions', f.* FROM white_cross.check_partitions() AS f;
        RETURN QUERY SELECT 'statistics', f.* FROM white_cross.check_statistics() AS f;
        RETURN QUERY SELECT 'labels', f.* FROM white_cross.check_labels() AS f;
        RETURN QUERY SELECT 'sexes', f.* FROM white_cross.check_sexes() AS f;
    END IF;
    IF attached IS NOT NULL THEN
        RETURN QUERY SELECT 'row-level security', f.* FROM white_cross.check_policies() AS f;
    END IF;
    RETURN QUERY SELECT 'worker', f.* FROM white_cross.check_workers() AS f;
    RETURN QUERY SELECT 'queue', f.* FROM white_cross.check_queue() AS f;
    RETURN QUERY SELECT 'set aside', f.* FROM white_cross.check_set_aside() AS f;
    RETURN QUERY SELECT 'target', f.* FROM white_cross.check_targets() AS f;
    RETURN QUERY SELECT 'cache', f.* FROM white_cross.check_cache() AS f;
    RETURN QUERY SELECT 'notifications', f.* FROM white_cross.check_notifications() AS f;
    RETURN QUERY SELECT 'relay', f.* FROM white_cross.check_relay() AS f;
    IF has_function_privilege('white_cross.cache_statistics()', 'EXECUTE') AND has_function_privilege('white_cross.call_statistics()', 'EXECUTE') THEN
        RETURN QUERY SELECT 'summary cache', f.* FROM white_cross.check_summary_cache() AS f;
        RETURN QUERY SELECT 'calls', f.* FROM white_cross.check_calls() AS f;
    ELSE
        unseen := 'summaries in shared memory and counted calls';
    END IF;
    IF has_function_privilege('white_cross.key_fingerprints()', 'EXECUTE') THEN
        RETURN QUERY SELECT 'keys', f.* FROM white_cross.check_keys() AS f;
    ELSE
        unseen := concat_ws(', ', unseen, 'what keys of the cache call students');
    END IF;
    RETURN QUERY SELECT 'audit', f.* FROM white_cross.check_audit() AS f;
    RETURN QUERY SELECT 'connections', f.* FROM white_cross.check_connections() AS f;
    RETURN QUERY SELECT 'settings', f.* FROM white_cross.check_settings() AS f;

    IF NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
        unseen := concat_ws(', ', unseen, 'what other roles'' sessions do');
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
COMMENT ON FUNCTION @extschema@.wc_diagnose() IS
'Looks for what would keep the summaries from being right, the cache from being fresh, or either from being fast: a row for each finding, with status ok, warn or fail, and a remedy that can be pasted; at least one row for each check: library, schemas, binding, triggers, event triggers, indexes, statistics, labels, sexes, row-level security, worker, queue, set aside, cache, notifications, relay, summary cache, calls, keys, audit, connections, settings. Runs with the rights of the extension''s owner, reads catalogs and statistics only and changes nothing; a remedy may need rights that its reader does not have. Works on a standby.';
