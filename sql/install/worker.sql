-- The worker

CREATE FUNCTION white_cross.register_worker(worker_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
    IF EXISTS (SELECT FROM white_cross.worker AS w WHERE w.name = worker_name) THEN
        RETURN false;
    END IF;
    -- Wait for transactions that have found no worker and have not ended yet.  This lock does not wait for transactions that
    -- only read the table, as a dump does for hours.
    LOCK TABLE white_cross.worker IN EXCLUSIVE MODE;
    INSERT INTO white_cross.worker (name) VALUES (worker_name) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Remove old rows, of which there may be many after a lapsed registration: the row for every student covers them.
    BEGIN
        LOCK TABLE white_cross.invalidation IN ACCESS EXCLUSIVE MODE NOWAIT;
        TRUNCATE white_cross.invalidation;
    EXCEPTION WHEN lock_not_available THEN
        DELETE FROM white_cross.invalidation;
    END;
    -- Earlier changes were not queued, so queue every student.  The row commits together with the registration, so it is not
    -- lost if this worker dies now.  Its n is -1, because rows of this transaction's own changes have 0 and up.
    INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at)
    VALUES (pg_current_xact_id(), -1, 31, NULL, clock_timestamp());
    RETURN true;
END
$$;
COMMENT ON FUNCTION white_cross.register_worker(text) IS
'Registers a worker, so that changes are queued for it. Returns true if the registration is new: then earlier changes were not queued, and a row for every student is queued, which makes the whole cache stale. Errors: 55P03 open transactions of writers delayed it for 2 seconds; try again.';

CREATE FUNCTION white_cross.lock_drain(for_session boolean, wait boolean) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_lock_drain';
COMMENT ON FUNCTION white_cross.lock_drain(boolean, boolean) IS
'Takes the drain lock: only the worker that holds it drains this database''s queue. for_session: until unlock_drain or the end of the session; otherwise until the end of the transaction. Returns false if another session has it and "wait" is false. pg_locks shows it as an advisory lock with objsubid 3, which no function of PostgreSQL itself takes.';

CREATE FUNCTION white_cross.unlock_drain() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_unlock_drain';
COMMENT ON FUNCTION white_cross.unlock_drain() IS
'Releases the drain lock that lock_drain took for the session. Returns false, with a warning, if this session does not hold it.';

CREATE FUNCTION white_cross.begin_drain() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_begin_drain';
COMMENT ON FUNCTION white_cross.begin_drain() IS
'A worker older than white_cross.take calls it just before it reads the queue: the next commit with changes notifies again. Errors: 55000 no worker is registered, because the queue had reached white_cross.queue_limit or somebody unregistered it; then changes were not queued.';

CREATE FUNCTION white_cross.take(in_progress xid8[], last_xid xid8, last_n integer, later_xid xid8, later_n integer, most bigint)
RETURNS TABLE (kind "char", name text, n integer, number bigint, xids text)
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_take';
COMMENT ON FUNCTION white_cross.take(xid8[], xid8, integer, xid8, integer, bigint) IS
'Takes rows out of the queue, for about "most" students, after it has done what begin_drain does: those of the transactions "in_progress" behind the place (last_xid, last_n), then all behind (later_xid, later_n). The rows'' kinds: "s" a student that one row names (n: its sections, number: its age in microseconds, xids); "*" a row for every student, which stays in the queue (name and n: its place, number: its age in microseconds, xids: the pattern of its keys); "t" a transaction of a sampled trace (name: its traceparent, number: its age in microseconds, xids), of 32 transactions at most; ">" the place of the last row; "." the batch (name: the token of the snapshot that saw it, n: rows deleted, number: 1 if no more rows wait, xids: the time from which ages count, in microseconds since 1970). Errors: 55000 no worker is registered; 42501 the role may not read and delete the queue; 25006 the transaction is read-only.';

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
'Removes the registration of a worker that will not come back. Without any registered worker, changes are not queued. Returns false if no worker of that name was registered.';

-- Updates rows in place, so that they stay few.  Deletes this session's report of its other role, draining or standby.
CREATE FUNCTION white_cross.report_worker(worker_name text, draining boolean, has_session boolean, next_seconds integer, report jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    session_pid integer := CASE WHEN has_session THEN pg_backend_pid() END;
BEGIN
    DELETE FROM white_cross.worker_report AS r
    WHERE r.name = worker_name AND r.draining <> report_worker.draining AND r.pid = session_pid;
    INSERT INTO white_cross.worker_report AS r
    SELECT worker_name, report_worker.draining, report_worker.has_session, session_pid, clock_timestamp(),
           clock_timestamp() + 3 * next_seconds * interval '1 second',
           coalesce(w.oldest_seconds, 0), coalesce(w.queue_rows, 0), coalesce(w.state, ''), w.detail, w.redis, w.redis_run_id, w.cache_hits, w.cache_misses
    FROM jsonb_to_record(report) AS w (oldest_seconds double precision, queue_rows bigint, state text, detail text,
                                     redis text, redis_run_id text, cache_hits bigint, cache_misses bigint)
    ON CONFLICT ON CONSTRAINT worker_report_pkey DO UPDATE
        SET has_session = excluded.has_session, pid = excluded.pid, seen_at = excluded.seen_at, due_at = excluded.due_at,
            oldest_seconds = excluded.oldest_seconds, queue_rows = excluded.queue_rows, state = excluded.state, detail = excluded.detail,
            redis = excluded.redis, redis_run_id = excluded.redis_run_id, cache_hits = excluded.cache_hits, cache_misses = excluded.cache_misses;
END
$$;
COMMENT ON FUNCTION white_cross.report_worker(text, boolean, boolean, integer, jsonb) IS
'Stores a worker''s report for wc_diagnose: whether it drains, in how many seconds it will report again, and, in "report", columns of white_cross.worker_report.';

-- Returns a literal that stands on one line whatever the text is.  Any role may put a line break into the name of a transaction that
-- it prepares; what is behind the break would leave a comment, and run when somebody pastes a remedy.
CREATE FUNCTION white_cross.literal_on_one_line(value text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN value ~ '[[:cntrl:]]' THEN 'E''' || (
    SELECT string_agg(CASE WHEN c ~ '[[:cntrl:]]' AND ascii(c) < 128 THEN E'\\x' || lpad(to_hex(ascii(c)), 2, '0')
                           WHEN c IN (E'\\', '''') THEN c || c ELSE c END, '' ORDER BY n)
    FROM regexp_split_to_table(value, '') WITH ORDINALITY AS s (c, n)) || '''' ELSE quote_literal(value) END;

-- Returns the remedy for a transaction that somebody prepared and left.
CREATE FUNCTION white_cross.end_prepared(gid text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN format(E'-- Whoever prepared it must end it:\n-- COMMIT PREPARED %1$s;  or  ROLLBACK PREPARED %1$s;', white_cross.literal_on_one_line(gid));

-- Finds the sessions and prepared transactions that hold what a worker waits for, each as
-- "process 7 of role x (application), at work for 12 s", with a statement that ends it.
CREATE FUNCTION white_cross.find_holders(what text) RETURNS TABLE (pid integer, who text, remedy text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT h.pid,
           CASE WHEN h.pid IS NULL THEN format('prepared transaction %s, for %s s', white_cross.literal_on_one_line(p.gid), round(extract(epoch FROM clock_timestamp() - p.prepared)))
                ELSE format('process %s of role %s (%s), %s for %s s', h.pid, a.usename, coalesce(nullif(a.application_name, ''), a.backend_type),
                            CASE WHEN a.state LIKE 'idle in transaction%' THEN 'idle in a transaction' WHEN a.state = 'idle' THEN 'idle' ELSE 'at work' END,
                            round(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change)))) END,
           CASE WHEN h.pid IS NULL THEN white_cross.end_prepared(p.gid)
                ELSE format('SELECT pg_terminate_backend(%s);', h.pid) END
    FROM (SELECT DISTINCT l.pid, l.virtualtransaction
          FROM pg_locks AS l
          WHERE l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
            AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND CASE what
                    -- transactions of writers that may have found no worker, and sessions that lock the table
                    WHEN 'registration' THEN l.relation = 'white_cross.worker'::regclass AND l.mode <> 'AccessShareLock'
                    WHEN 'queue' THEN l.relation = 'white_cross.invalidation'::regclass AND l.mode <> 'AccessShareLock'
                    WHEN 'drain' THEN l.locktype = 'advisory' AND l.classid = 22339 AND l.objid = 1 AND l.objsubid = 3
                    ELSE false
                END) AS h
    LEFT JOIN pg_stat_activity AS a ON a.pid = h.pid
    LEFT JOIN pg_locks AS x ON h.pid IS NULL AND x.pid IS NULL AND x.virtualtransaction = h.virtualtransaction AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
    LEFT JOIN pg_prepared_xacts AS p ON p.transaction = x.transactionid
    -- Ignore short transactions of writers and workers.
    WHERE what <> 'queue' OR h.pid IS NULL OR clock_timestamp() - a.xact_start > interval '3 s'
    ORDER BY a.xact_start;
END
$$;
CREATE FUNCTION white_cross.holders(what text) RETURNS TABLE (pid integer, who text, remedy text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN QUERY SELECT h.* FROM white_cross.find_holders(what) AS h; END $$;
COMMENT ON FUNCTION white_cross.holders(text) IS
'Returns the sessions and prepared transactions that hold what a worker waits for: "registration" keeps it from registering, "queue" from draining, "drain" is the drain lock.';

-- Returns the Redis of another running worker if it is not this worker's: one database keeps one Redis fresh.  It compares run
-- ids, because one Redis may have several addresses, and two hosts may each have a Redis at 127.0.0.1.
CREATE FUNCTION white_cross.other_redis(worker_name text, address text, run_id text) RETURNS TABLE (name text, redis text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.name, r.redis FROM white_cross.worker_report AS r
    WHERE r.due_at > clock_timestamp() AND r.redis IS NOT NULL AND r.pid IS DISTINCT FROM pg_backend_pid()
      AND EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = r.pid OR NOT r.has_session)
      AND r.redis_run_id <> run_id
    -- The draining worker decides which Redis is kept fresh.
    ORDER BY r.draining DESC, r.name = worker_name DESC, r.seen_at DESC LIMIT 1;
END
$$;
COMMENT ON FUNCTION white_cross.other_redis(text, text, text) IS
'Returns another running worker of this database that serves another Redis than this one, if there is one.';

CREATE FUNCTION white_cross.distrust_cache() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN PERFORM white_cross.invalidate_all(); END $$;
COMMENT ON FUNCTION white_cross.distrust_cache() IS
'Queues a row for every student. A worker calls it when it finds that Redis or PostgreSQL was restarted: cached values may then be of a state that is lost.';

CREATE FUNCTION white_cross.serve_redis(process text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    served record;
BEGIN
    -- Of several Redis that were kept fresh before, none learns from now on what changes.
    UPDATE white_cross.target AS t SET is_away = true WHERE NOT t.is_away;
    SELECT r.process, r.since INTO served FROM white_cross.served_redis AS r;
    IF NOT FOUND OR served.process <> serve_redis.process THEN
        DELETE FROM white_cross.served_redis;
        INSERT INTO white_cross.served_redis VALUES (serve_redis.process, CASE WHEN served.process IS NOT NULL THEN clock_timestamp() END);
    END IF;
    IF served.process <> serve_redis.process THEN
        PERFORM white_cross.invalidate_all();
        RETURN 0;
    END IF;
    RETURN greatest(1, coalesce(extract(epoch FROM clock_timestamp() - served.since), 86400) * 1000);
END
$$;
COMMENT ON FUNCTION white_cross.serve_redis(text) IS
'Notes which process of Redis the worker that drains serves. Returns for how many milliseconds it has been that one: 0 if it was another one until now, after queueing a row for every student, because what is cached here may lack what was removed there.';

CREATE FUNCTION white_cross.served_shards() RETURNS TABLE (process text, slots text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.process, s.slots FROM white_cross.served_shard AS s;
END;
COMMENT ON FUNCTION white_cross.served_shards() IS
'Returns which processes of a Redis Cluster are trusted with which slots, as serve_shards noted it.';

CREATE FUNCTION white_cross.serve_shards(processes text[], slots text[]) RETURNS xid8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE white_cross.target AS t SET is_away = true WHERE NOT t.is_away;
    DELETE FROM white_cross.served_shard;
    INSERT INTO white_cross.served_shard (process, slots)
    SELECT s.process, s.slots FROM unnest(serve_shards.processes, serve_shards.slots) AS s (process, slots);
    RETURN pg_current_xact_id();
END
$$;
COMMENT ON FUNCTION white_cross.serve_shards(text[], text[]) IS
'Notes which processes of a Redis Cluster the worker that drains trusts with which slots, in the place of what was noted before. Returns a number that grows with each call.';

CREATE FUNCTION white_cross.snapshot() RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'wc_snapshot';
COMMENT ON FUNCTION white_cross.snapshot() IS
'Returns the snapshot token that goes with every cached value: the snapshot, @, the transaction''s start in microseconds, #, cluster.timeline.life. The life changes with each start and each crash of the server; a standby''s token has none.';

CREATE FUNCTION white_cross.key_fingerprints() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_key_fingerprints';
COMMENT ON FUNCTION white_cross.key_fingerprints() IS
'Returns the fingerprints of the secrets in white_cross.key_secret_file, with commas between, that of new keys first: the worker compares them with its own. Empty with white_cross.opaque_keys = off. Errors: F0000 the file cannot be used.';

-- Opaque keys do not say whose they are, so the worker that audits them goes through the students: with its own rights, but for the
-- names of table and column.  The type has the modifier -1: character without one is character(1), and would cut ids of char(n).
CREATE FUNCTION white_cross.student_ids_statement() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('SELECT s.%1$I::text FROM %2$I.%3$I AS s WHERE $1 IS NULL OR s.%1$I > $1::%4$s ORDER BY s.%1$I LIMIT $2',
                  c.attname, b.schema_name, b.table_name, format_type(c.atttypid, -1))
    FROM white_cross.binding AS b
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = b.table_name
    JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attname = b.columns ->> 'id' AND NOT c.attisdropped
    WHERE b.entity = 'students';
END;
CREATE FUNCTION white_cross.student_ids(after text, most integer) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text := white_cross.student_ids_statement();
BEGIN
    IF statement IS NOT NULL THEN
        RETURN QUERY EXECUTE statement USING after, most;
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.student_ids(text, integer) IS
'Returns the ids of at most "most" students that come after this id in the order of the column; of the first ones if it is NULL. Nothing where no tables are attached.';

CREATE FUNCTION white_cross.start_relay() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_start_relay';
COMMENT ON FUNCTION white_cross.start_relay() IS
'Starts the relay, a background process that notifies on behalf of all writers of this database, unless it runs. It ends when no worker drains the queue. Returns false if the library is not in shared_preload_libraries, or (with a warning) if there is no room for another background process: then writers notify by themselves.';

-- What the worker's role needs of the extension itself: each right once, and things by the names that GRANT takes.
CREATE FUNCTION white_cross.worker_rights() RETURNS TABLE (kind text, thing text, privilege text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'SCHEMA', s.name, 'USAGE' FROM (VALUES ('white_cross'), (white_cross.home())) AS s (name)
    UNION ALL
    SELECT 'TABLE', t.name, p.privilege
    FROM (VALUES ('white_cross.invalidation', '{SELECT,DELETE}'::text[]), ('white_cross.set_aside', '{SELECT,INSERT,DELETE}'),
                 ('white_cross.hot_student', '{SELECT,INSERT,UPDATE,DELETE}'),
                 (white_cross.home() || '.wc_stat_functions', '{SELECT}'), (white_cross.home() || '.wc_slow_calls', '{SELECT}')) AS t (name, privileges)
    CROSS JOIN LATERAL unnest(t.privileges) AS p (privilege)
    UNION ALL
    SELECT 'FUNCTION', f.name, 'EXECUTE'
    FROM unnest(ARRAY['white_cross.lock_drain(boolean, boolean)', 'white_cross.unlock_drain()', 'white_cross.register_worker(text)',
                      'white_cross.unregister_worker(text)', 'white_cross.report_worker(text, boolean, boolean, integer, jsonb)', 'white_cross.holders(text)',
                      'white_cross.other_redis(text, text, text)', 'white_cross.take(xid8[], xid8, integer, xid8, integer, bigint)', 'white_cross.start_relay()',
                      'white_cross.distrust_cache()', 'white_cross.serve_redis(text)', 'white_cross.served_shards()', 'white_cross.serve_shards(text[], text[])',
                      'white_cross.key_fingerprints()', 'white_cross.student_ids(text, integer)', 'white_cross.student_ids_statement()',
                      'white_cross.lock_target(text)', 'white_cross.unlock_target(text)', 'white_cross.look(xid8[], xid8, integer, xid8, integer, bigint)',
                      'white_cross.serve_target(text, text, boolean, integer)', 'white_cross.vouch_target(text, text, xid8[], xid8, integer)',
                      'white_cross.distrust_target(text)', 'white_cross.forget_rows(text, xid8[], integer[])', 'white_cross.restamp_rows()',
                      'white_cross.release_rows(xid8)', 'white_cross.report_target(text, text, boolean, integer, jsonb)',
                      'white_cross.take_set_aside_of(text)', 'white_cross.set_aside_for(text, jsonb)',
                      'white_cross.call_histograms()', 'white_cross.call_statistics()', 'white_cross.slow_calls()', 'white_cross.take_spans(integer)',
                      white_cross.home() || '.wc_performance()', white_cross.home() || '.wc_diagnose()']) AS f (name);
END;

-- Returns the roles that wc_grant_worker was called for: they may take the drain lock, or rows out of the queue.
CREATE FUNCTION white_cross.worker_roles() RETURNS SETOF regrole
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT a.grantee::regrole FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
    WHERE p.oid IN ('white_cross.lock_drain(boolean, boolean)'::regprocedure, 'white_cross.take(xid8[], xid8, integer, xid8, integer, bigint)'::regprocedure)
      AND a.grantee <> p.proowner AND a.grantee <> 0;
END;

-- Returns what the workers' roles lack to read the attached tables that values of the cache are made of: a row for each right.
CREATE FUNCTION white_cross.missing_grants() RETURNS TABLE (worker_role regrole, missing text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT w.role, m.what
    FROM white_cross.worker_roles() AS w (role)
    CROSS JOIN LATERAL (
        SELECT format('USAGE on schema %I', n.nspname) AS what
        FROM pg_namespace AS n
        WHERE n.nspname IN (SELECT b.schema_name FROM white_cross.binding AS b) AND NOT has_schema_privilege(w.role::oid, n.oid, 'USAGE')
        UNION ALL
        SELECT format('SELECT on %I.%I', n.nspname, c.relname)
        FROM white_cross.binding AS b
        JOIN pg_namespace AS n ON n.nspname = b.schema_name
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
        WHERE b.entity <> 'chronic_conditions' AND NOT has_table_privilege(w.role::oid, c.oid, 'SELECT')) AS m;
END;

-- Returns the workers' roles that lack a right, on the extension or on attached tables, with the missing rights.
CREATE FUNCTION white_cross.missing_rights() RETURNS TABLE (worker_role regrole, missing text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.worker_role, string_agg(DISTINCT m.what, ', ')
    FROM (SELECT w.role AS worker_role, format('%s on %s', r.privilege, CASE r.kind WHEN 'SCHEMA' THEN 'schema ' ELSE '' END || r.thing) AS what
          FROM white_cross.worker_roles() AS w (role) CROSS JOIN white_cross.worker_rights() AS r
          WHERE NOT CASE r.kind WHEN 'SCHEMA' THEN has_schema_privilege(w.role::oid, to_regnamespace(r.thing)::oid, r.privilege)
                                WHEN 'TABLE' THEN has_table_privilege(w.role::oid, r.thing, r.privilege)
                                ELSE has_function_privilege(w.role::oid, r.thing, r.privilege) END
          UNION ALL
          SELECT g.worker_role, g.missing FROM white_cross.missing_grants() AS g) AS m
    GROUP BY m.worker_role;
END;

-- As the caller, who may not be allowed to grant privileges on the schema.
CREATE FUNCTION white_cross.grant_tables(caller oid, worker_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
BEGIN
    -- No value of the cache has chronic conditions.
    FOR part IN SELECT b.schema_name, b.table_name FROM white_cross.binding AS b WHERE b.entity <> 'chronic_conditions' LOOP
        IF NOT has_schema_privilege(worker_role::oid, part.schema_name::text, 'USAGE') THEN
            PERFORM white_cross.run_as(caller, format('GRANT USAGE ON SCHEMA %I TO %s', part.schema_name, worker_role));
        END IF;
        -- GRANT only warns a caller who may use the schema and may not grant that.
        IF NOT has_schema_privilege(worker_role::oid, part.schema_name::text, 'USAGE') THEN
            RAISE EXCEPTION 'role % may not grant USAGE on schema "%"', caller::regrole, part.schema_name USING ERRCODE = 'insufficient_privilege',
                HINT = format('As the owner of the schema: GRANT USAGE ON SCHEMA %I TO %s;', part.schema_name, worker_role);
        END IF;
        PERFORM white_cross.run_as(caller, format('GRANT SELECT ON %I.%I TO %s', part.schema_name, part.table_name, worker_role));
    END LOOP;
END
$$;

-- For wc_attach.  The role that attaches tables may not be allowed to grant privileges on them; wc_diagnose then shows that.
CREATE FUNCTION white_cross.grant_tables_to_workers(caller oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lacking record;
BEGIN
    FOR lacking IN SELECT DISTINCT m.worker_role FROM white_cross.missing_grants() AS m LOOP
        BEGIN
            PERFORM white_cross.grant_tables(caller, lacking.worker_role);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'role % of wc-worker cannot read the attached tables: %', lacking.worker_role, SQLERRM
                USING HINT = format('As the owner of schema and tables: SELECT %s.wc_grant_worker(%L);', white_cross.home(), lacking.worker_role);
        END;
    END LOOP;
END
$$;

CREATE FUNCTION @extschema@.wc_grant_worker(worker_role regrole) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_grant_worker';
CREATE FUNCTION white_cross.grant_worker(caller oid, worker_role regrole) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed record;
BEGIN
    IF worker_role IS NULL THEN
        RAISE EXCEPTION 'wc_grant_worker needs the name of a role' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM white_cross.require_owner_of_attached(caller, false);
    FOR needed IN SELECT * FROM white_cross.worker_rights() LOOP
        EXECUTE format('GRANT %s ON %s %s TO %s', needed.privilege, needed.kind, needed.thing, worker_role);
    END LOOP;
    PERFORM white_cross.grant_tables(caller, worker_role);
END
$$;
COMMENT ON FUNCTION @extschema@.wc_grant_worker(regrole) IS
'Gives a role what wc-worker needs and nothing else: to read and delete the queue, register itself, keep its list of hot students, and read the attached tables but chronic_conditions, of which no cached value is made. wc_attach grants the same for the tables that it attaches. Whoever owns the attached tables may call it. Errors: 42501 the caller does not own all of them, or may not grant USAGE on their schema to a role that lacks it.';
