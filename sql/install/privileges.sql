-- Privileges.  By default no role may use internal objects, or call functions that change the database.

REVOKE ALL ON white_cross.binding, white_cross.bound_column, white_cross.worker, white_cross.worker_report, white_cross.invalidation, white_cross.set_aside, white_cross.hot_student, white_cross.growth_reference FROM PUBLIC;
REVOKE ALL ON FUNCTION white_cross.lock_drain(boolean, boolean), white_cross.unlock_drain(), white_cross.register_worker(text), white_cross.unregister_worker(text), white_cross.report_worker(text, boolean, boolean, integer, jsonb), white_cross.holders(text), white_cross.other_redis(text, text, text), white_cross.begin_drain(), white_cross.take(xid8[], xid8, integer, xid8, integer, bigint), white_cross.start_relay(), white_cross.distrust_cache(), white_cross.serve_redis(text), white_cross.served_shards(), white_cross.serve_shards(text[], text[]), white_cross.key_fingerprints(), white_cross.student_ids(text, integer), white_cross.student_ids_statement(), white_cross.invalidate_all(), white_cross.watch_attached(), white_cross.remember_attached(), white_cross.make_way(oid), white_cross.follow_type(oid, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION white_cross.lock_target(text), white_cross.unlock_target(text), white_cross.look(xid8[], xid8, integer, xid8, integer, bigint), white_cross.serve_target(text, text, boolean, integer), white_cross.vouch_target(text, text, xid8[], xid8, integer), white_cross.distrust_target(text), white_cross.forget_rows(text, xid8[], integer[]), white_cross.restamp_rows(), white_cross.release_rows(xid8), white_cross.report_target(text, text, boolean, integer, jsonb), white_cross.take_set_aside_of(text), white_cross.set_aside_for(text, jsonb) FROM PUBLIC;
-- Those that act as somebody else, whom their first argument names.  Only functions of the extension may call them.
REVOKE ALL ON FUNCTION white_cross.attach(oid, name, jsonb, boolean), white_cross.detach(oid, name), white_cross.create_tables(oid, name, boolean), white_cross.index_statements(oid, name, boolean), white_cross.row_functions(oid, name, text, boolean), white_cross.grant_worker(oid, regrole), white_cross.run_as(oid, text), white_cross.create_trigger(oid, name, text), white_cross.enable_trigger(oid, name), white_cross.drop_trigger(oid, name) FROM PUBLIC;
-- A table's owner creates the triggers.
GRANT EXECUTE ON FUNCTION white_cross.record_change(), white_cross.compute_bmi() TO PUBLIC;
-- Everybody may call wc_attach, wc_detach, wc_index_statements, wc_row_functions and wc_grant_worker: they look at who owns the tables.
REVOKE ALL ON FUNCTION @extschema@.wc_diagnose(), @extschema@.wc_forget_target(text) FROM PUBLIC;
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %2$s.wc_invalidate(%1$s), %2$s.wc_invalidate(%1$s[]), %2$s.wc_prewarm(%1$s[]) FROM PUBLIC', id, '@extschema@');
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.wc_prewarm(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.wc_invalidate_all(), @extschema@.wc_invalidate_pattern(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.wc_import_health_history(json, text), @extschema@.wc_import_health_history(jsonb, text), @extschema@.wc_import_health_history(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION white_cross.call_statistics(), white_cross.call_histograms(), white_cross.slow_calls(), white_cross.take_spans(integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.wc_performance(), @extschema@.wc_stat_reset() FROM PUBLIC;

-- What default privileges gave away of the tables and views, to whomever; and of the functions that show what others do, or that run
-- with the rights of the extension's owner.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN SELECT DISTINCT c.oid::regclass AS relation, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
                 FROM pg_extension AS e
                 JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                 JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind IN ('r', 'v')
                 CROSS JOIN LATERAL aclexplode(c.relacl) AS a
                 WHERE e.extname = 'white_cross' AND a.grantee <> c.relowner LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', given.relation, given.grantee);
    END LOOP;
    FOR given IN SELECT DISTINCT p.oid::regprocedure AS function, a.grantee::regrole::text AS grantee
                 FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
                 WHERE (p.pronamespace = 'white_cross'::regnamespace AND p.prosecdef OR
                        p.oid IN ('white_cross.run_as(oid,text)'::regprocedure, 'white_cross.create_trigger(oid,name,text)'::regprocedure,
                                  'white_cross.enable_trigger(oid,name)'::regprocedure, 'white_cross.drop_trigger(oid,name)'::regprocedure,
                                  '@extschema@.wc_diagnose()'::regprocedure, '@extschema@.wc_forget_target(text)'::regprocedure,
                                  'white_cross.call_statistics()'::regprocedure, 'white_cross.call_histograms()'::regprocedure,
                                  'white_cross.slow_calls()'::regprocedure, 'white_cross.take_spans(integer)'::regprocedure,
                                  '@extschema@.wc_performance()'::regprocedure, '@extschema@.wc_stat_reset()'::regprocedure))
                   AND a.grantee <> p.proowner AND a.grantee <> 0 LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', given.function, given.grantee);
    END LOOP;
END
$$;

-- What who watches the server may see.
REVOKE ALL ON FUNCTION white_cross.cache_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION white_cross.cache_statistics() TO pg_monitor;
GRANT SELECT ON @extschema@.wc_stat_cache TO pg_monitor;
-- Who watches the server watches this too.
GRANT SELECT ON @extschema@.wc_stat_functions, @extschema@.wc_slow_calls TO pg_monitor;
GRANT EXECUTE ON FUNCTION white_cross.call_statistics(), white_cross.call_histograms(), white_cross.slow_calls(), white_cross.key_fingerprints(), @extschema@.wc_performance() TO pg_monitor;
