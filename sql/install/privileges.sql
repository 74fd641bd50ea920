-- Privileges: internal things are nobody's, and what changes the database is for those who may anyway.

REVOKE ALL ON white_cross.binding, white_cross.worker, white_cross.worker_report, white_cross.invalidation, white_cross.hot_student, white_cross.growth_reference FROM PUBLIC;
REVOKE ALL ON FUNCTION white_cross.register_worker(text), white_cross.unregister_worker(text), white_cross.report_worker(text, boolean, boolean, integer, bigint, bigint, boolean), white_cross.begin_drain(), white_cross.start_relay(), white_cross.distrust_cache() FROM PUBLIC;
REVOKE ALL ON FUNCTION wc_attach(name, jsonb, boolean), wc_detach(name), wc_create_tables(name, boolean), wc_grant_worker(regrole), wc_diagnose() FROM PUBLIC;
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION @extschema@.wc_invalidate(%1$s), @extschema@.wc_invalidate(%1$s[]), @extschema@.wc_prewarm(%1$s[]) FROM PUBLIC', id);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION wc_invalidate_all(), wc_invalidate_pattern(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wc_import_health_history(json, text) FROM PUBLIC;
