-- The worker

CREATE FUNCTION white_cross.register_worker(worker_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
    IF EXISTS (SELECT FROM white_cross.worker AS w WHERE w.name = worker_name) THEN
        RETURN false;
    END IF;
    -- Waits for writers that have looked for a worker, found none and not committed yet.
    LOCK TABLE white_cross.worker IN ACCESS EXCLUSIVE MODE;
    INSERT INTO white_cross.worker (name) VALUES (worker_name) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- What is still there is covered by the row for every student; it may be much, after a registration that lapsed.
    TRUNCATE white_cross.invalidation;
    -- What changed before was not queued: every student, owed even if this worker dies in the next moment.
    -- Number -1: 0 and up are those of rows that this transaction's own changes may get.
    INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at)
    VALUES (pg_current_xact_id(), -1, 31, NULL, clock_timestamp());
    RETURN true;
END
$$;
COMMENT ON FUNCTION white_cross.register_worker(text) IS
'From now on changes are queued for this worker. True when it is new: what changed before was not queued, so all of the cache counts as stale, and a row for every student is queued. Errors: 55P03 writers in flight held it up for 2 seconds; try again.';

CREATE FUNCTION white_cross.begin_drain() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_begin_drain';
COMMENT ON FUNCTION white_cross.begin_drain() IS
'Called by a worker just before it looks into the queue: what commits from now on is announced again. Errors: 55000 no worker is registered, because the queue had reached white_cross.queue_limit or somebody unregistered it: changes were not queued.';

CREATE FUNCTION white_cross.unregister_worker(worker_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM white_cross.worker_report AS r WHERE r.name = worker_name;
    DELETE FROM white_cross.worker AS w WHERE w.name = worker_name;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION white_cross.unregister_worker(text) IS
'This worker will not come back. Without any worker nothing is queued. False when there was none of that name.';

CREATE FUNCTION white_cross.report_worker(worker_name text, draining boolean, has_session boolean, next_seconds integer,
                                          cache_hits bigint, cache_misses bigint, redis_evicts boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO white_cross.worker_report AS r
    VALUES (worker_name, draining, has_session, clock_timestamp(), clock_timestamp() + 3 * next_seconds * interval '1 second',
            cache_hits, cache_misses, redis_evicts)
    ON CONFLICT ON CONSTRAINT worker_report_pkey DO UPDATE
        SET has_session = excluded.has_session, seen_at = excluded.seen_at, due_at = excluded.due_at,
            cache_hits = excluded.cache_hits, cache_misses = excluded.cache_misses, redis_evicts = excluded.redis_evicts;
END;
COMMENT ON FUNCTION white_cross.report_worker(text, boolean, boolean, integer, bigint, bigint, boolean) IS
'A worker''s word of itself for wc_diagnose: whether it drains, and in how many seconds it means to report again.';

CREATE FUNCTION white_cross.distrust_cache() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN PERFORM @extschema@.wc_invalidate_all(); END $$;
COMMENT ON FUNCTION white_cross.distrust_cache() IS
'Queues every student: for a worker that finds a Redis or a PostgreSQL that was restarted, whose cached values may be of a state that is gone.';

CREATE FUNCTION white_cross.snapshot() RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'wc_snapshot';
COMMENT ON FUNCTION white_cross.snapshot() IS
'The token of what is visible now, as it goes with every cached value: snapshot, @, the transaction''s start in microseconds, #, cluster.timeline.life. The life is another one after each start and each crash of the server; on a standby it is missing.';

CREATE FUNCTION white_cross.start_relay() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_start_relay';
COMMENT ON FUNCTION white_cross.start_relay() IS
'Starts the background process that notifies on behalf of all writers of this database, unless it runs. It ends when no worker drains the queue. False where the library is not in shared_preload_libraries, or where there was no room for it (with a warning): then writers notify by themselves.';

CREATE FUNCTION wc_grant_worker(worker_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA white_cross, @extschema@ TO %s', worker_role);
    EXECUTE format('GRANT SELECT, DELETE ON white_cross.invalidation TO %s', worker_role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON white_cross.hot_student TO %s', worker_role);
    EXECUTE format('GRANT SELECT ON white_cross.worker TO %s', worker_role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION white_cross.register_worker(text), white_cross.unregister_worker(text), white_cross.report_worker(text, boolean, boolean, integer, bigint, bigint, boolean), white_cross.begin_drain(), white_cross.start_relay(), white_cross.distrust_cache() TO %s', worker_role);
    FOR part IN SELECT b.schema_name, b.table_name FROM white_cross.binding AS b LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', part.schema_name, worker_role);
        EXECUTE format('GRANT SELECT ON %I.%I TO %s', part.schema_name, part.table_name, worker_role);
    END LOOP;
END
$$;
COMMENT ON FUNCTION wc_grant_worker(regrole) IS
'Gives a role what wc-worker needs and nothing else: to read and delete the queue, register itself, keep its list of hot students, and read the attached tables. Run it again after attaching other tables.';
