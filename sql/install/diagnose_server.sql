-- The doctor, part two: library, workers, queue and server

-- After an upgrade either may lag behind: the objects, until somebody updates them, and the library in sessions, or a
-- server that preloads it, from before.
CREATE FUNCTION white_cross.check_library(loaded text) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN e.extversion = loaded THEN 'ok' ELSE 'fail' END,
           CASE WHEN e.extversion = loaded THEN format('version %s', loaded)
                ELSE format('the library is version %s, its SQL objects %s', loaded, e.extversion) END,
           CASE WHEN e.extversion = loaded THEN NULL
                WHEN string_to_array(e.extversion, '.')::integer[] < string_to_array(loaded, '.')::integer[] THEN 'ALTER EXTENSION white_cross UPDATE;'
                ELSE E'-- The library was loaded before the newer one was installed.  Where it is preloaded, restart the server; in psql:\n\\connect' END
    FROM pg_extension AS e WHERE e.extname = 'white_cross';
END;

-- The process that holds the lock of the one who drains, in this database.
CREATE FUNCTION white_cross.drainer() RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT l.pid FROM pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.classid = 22339 AND l.objid = 1 AND l.objsubid = 2 AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    LIMIT 1;
END;

CREATE FUNCTION white_cross.check_workers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH looked_at AS (
        SELECT w.name, r.has_session, white_cross.drainer() AS pid,
               clock_timestamp() > coalesce(r.due_at, w.registered_at + interval '2 minutes') AS is_late,
               coalesce(format('last heard of %s s ago', round(extract(epoch FROM clock_timestamp() - r.seen_at))), 'never heard of') AS heard
        FROM white_cross.worker AS w LEFT JOIN white_cross.worker_report AS r ON r.name = w.name AND r.draining
    ), judged AS (
        SELECT l.*, CASE WHEN l.pid IS NOT NULL AND l.is_late THEN 'hangs'
                         -- A lock is seen on the server where it is held: a standby has only the worker's word.
                         WHEN l.pid IS NULL AND (l.is_late OR (l.has_session AND NOT pg_is_in_recovery())) THEN 'gone' ELSE 'drains' END AS state
        FROM looked_at AS l
    )
    SELECT CASE j.state WHEN 'drains' THEN 'ok' ELSE 'fail' END,
           CASE j.state WHEN 'drains' THEN format('worker %s drains the queue, %s', j.name, j.heard)
                        WHEN 'hangs' THEN format('worker %s holds on to the queue and does nothing, %s: nothing stale is removed', j.name, j.heard)
                        ELSE format('worker %s is registered and nobody drains the queue, %s: nothing stale is removed', j.name, j.heard) END,
           CASE j.state WHEN 'drains' THEN NULL
                        WHEN 'hangs' THEN format('SELECT pg_terminate_backend(%s);', j.pid)
                        ELSE format(E'-- Start it again: systemctl restart wc-worker.  Only if it is gone for good:\nSELECT white_cross.unregister_worker(%L);', j.name) END
    FROM judged AS j
    UNION ALL
    SELECT 'ok', 'none is registered: nothing is queued, and no cache is kept fresh', NULL WHERE NOT EXISTS (SELECT FROM white_cross.worker);
END;

CREATE FUNCTION white_cross.check_queue() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Counted no further: a diagnosis must not become a burden itself.
    WITH waiting AS (
        SELECT count(*) AS rows, coalesce(extract(epoch FROM clock_timestamp() - min(q.queued_at)), 0) AS oldest
        FROM (SELECT i.queued_at FROM white_cross.invalidation AS i LIMIT 100000) AS q
    ), judged AS (
        SELECT w.rows, round(w.oldest) AS oldest, pg_total_relation_size('white_cross.invalidation') AS size,
               pg_size_bytes(current_setting('white_cross.queue_limit')) AS most, EXISTS (SELECT FROM white_cross.worker) AS is_queued
        FROM waiting AS w
    )
    SELECT CASE WHEN j.is_queued AND j.oldest > 60 THEN 'fail' WHEN j.size > j.most / 2 THEN 'warn' ELSE 'ok' END,
           format('%s%s rows, the oldest %s s old; %s of at most %s', CASE WHEN j.rows = 100000 THEN 'at least ' END, j.rows, j.oldest,
                  pg_size_pretty(j.size), pg_size_pretty(j.most)),
           CASE WHEN j.is_queued AND j.oldest > 60 THEN
                    -- What waits is covered by the row for every student that a registration begins with.
                    E'-- Restart the worker: systemctl restart wc-worker.  Only if it is gone for good:\n'
                    || (SELECT string_agg(format('SELECT white_cross.unregister_worker(%L);', w.name), ' ') FROM white_cross.worker AS w)
                WHEN j.size > j.most / 2 THEN 'VACUUM FULL white_cross.invalidation;' END
    FROM judged AS j;
END;

CREATE FUNCTION white_cross.check_notifications() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- What everybody who listens keeps up with fits into a few pages.  Megabytes wait for a session that listens and
    -- does not come to an end of its transaction, or whose client does not read; nothing tells which sessions listen, so
    -- the one that has kept still for longest is named, as PostgreSQL's own warning does.
    WITH used AS (
        SELECT u.share, u.share * coalesce(current_setting('max_notify_queue_pages', true)::float8, 1048576)
                        * current_setting('block_size')::float8 AS bytes
        FROM (SELECT pg_notification_queue_usage() AS share) AS u
    ), judged AS (
        SELECT u.*, CASE WHEN u.share > 0.5 THEN 'fail' WHEN u.bytes > 8 * 1024 * 1024 OR u.share > 0.1 THEN 'warn' ELSE 'ok' END AS status
        FROM used AS u
    ), suspect AS (
        SELECT a.pid FROM pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
          AND (a.xact_start IS NOT NULL OR a.wait_event = 'ClientWrite' OR a.query ILIKE 'listen %')
        ORDER BY a.xact_start IS NULL, coalesce(a.xact_start, a.state_change) LIMIT 1
    )
    SELECT j.status, format('%s %% of the server''s queue of notifications is in use, %s', round((j.share * 100)::numeric, 1), pg_size_pretty(j.bytes::bigint)),
           CASE WHEN j.status <> 'ok' THEN
               (SELECT format(E'-- The queue waits for a session that listens; of those that may, this one has kept still for longest.\nSELECT pg_terminate_backend(%s);', o.pid)
                FROM suspect AS o) END
    FROM judged AS j;
END;

CREATE FUNCTION white_cross.check_relay() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH found AS (
        SELECT s.preloaded, EXISTS (SELECT FROM white_cross.worker) AS is_queued, current_setting('white_cross.notify') AS notify,
               EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.backend_type = 'white_cross relay' AND a.datname = current_database()) AS relays,
               s.libraries
        FROM (SELECT l.libraries, 'white_cross' = ANY (regexp_split_to_array(regexp_replace(l.libraries, '\$libdir/|"|\s', '', 'g'), ',')) AS preloaded
              -- Not current_setting: who may not see it has no error.
              FROM (SELECT coalesce((SELECT g.setting FROM pg_settings AS g WHERE g.name = 'shared_preload_libraries'), '') AS libraries) AS l) AS s
    )
    SELECT CASE WHEN f.is_queued AND NOT f.preloaded AND f.notify <> 'off' THEN 'warn'
                WHEN f.is_queued AND f.preloaded AND f.notify = 'relay' AND NOT f.relays AND white_cross.drainer() IS NOT NULL THEN 'warn' ELSE 'ok' END,
           CASE WHEN NOT f.preloaded THEN 'not preloaded: each transaction that changes something notifies by itself, and writers wait for each other there'
                WHEN f.notify <> 'relay' THEN format('preloaded, white_cross.notify = %s', f.notify)
                WHEN f.relays THEN 'preloaded, and a relay notifies for all writers' ELSE 'preloaded, no relay runs: writers notify by themselves' END,
           CASE WHEN f.is_queued AND NOT f.preloaded AND f.notify <> 'off' THEN
                    format(E'ALTER SYSTEM SET shared_preload_libraries = %s;\n-- Then restart the server.',
                           (SELECT string_agg(quote_literal(trim(p.library)), ', ')
                            FROM unnest(string_to_array(concat_ws(',', nullif(f.libraries, ''), 'white_cross'), ',')) AS p (library)))
                WHEN f.is_queued AND f.preloaded AND f.notify = 'relay' AND NOT f.relays AND white_cross.drainer() IS NOT NULL
                    THEN 'SELECT white_cross.start_relay();' END
    FROM found AS f;
END;

-- "patience": for how long a transaction may be open and do nothing.
CREATE FUNCTION white_cross.check_connections(patience interval DEFAULT '5 minutes') RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH open AS (
        SELECT a.pid, a.state, a.state_change, a.application_name, a.state IS NULL AS is_hidden
        FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend'
    ), counted AS (
        SELECT count(*) AS n, current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS most,
               count(*) FILTER (WHERE o.is_hidden) AS hidden,
               (SELECT string_agg(format('%s %s', s.n, s.state), ', ' ORDER BY s.state)
                FROM (SELECT count(*) AS n, coalesce(p.state, 'in a state that is not shown') AS state FROM open AS p GROUP BY 2) AS s) AS states
        FROM open AS o
    )
    SELECT CASE WHEN c.n >= 0.95 * c.most THEN 'fail' WHEN c.n > 0.8 * c.most THEN 'warn' ELSE 'ok' END,
           format('%s of %s: %s', c.n, c.most, c.states),
           -- Those that have done nothing for longest; pools open them again when they need them.
           CASE WHEN c.n > 0.8 * c.most THEN
               format('SELECT pg_terminate_backend(a.pid) FROM (SELECT pid FROM pg_stat_activity WHERE backend_type = ''client backend'' AND state = ''idle'' '
                      'AND application_name NOT LIKE ''wc-worker%%'' AND pid <> pg_backend_pid() ORDER BY state_change LIMIT %s) AS a;', ceil(c.n - 0.8 * c.most)::integer) END
    FROM counted AS c
    UNION ALL
    SELECT 'warn', format('process %s holds a transaction open and has done nothing for %s s: rows and notifications wait for it', o.pid,
                          round(extract(epoch FROM clock_timestamp() - o.state_change))),
           format('SELECT pg_terminate_backend(%s);', o.pid)
    FROM open AS o
    WHERE o.state LIKE 'idle in transaction%' AND clock_timestamp() - o.state_change > patience;
END;

CREATE FUNCTION white_cross.check_cache() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH latest AS (
        SELECT r.cache_hits AS hits, r.cache_hits + r.cache_misses AS reads FROM white_cross.worker_report AS r
        WHERE r.due_at > clock_timestamp() AND r.cache_hits IS NOT NULL ORDER BY r.seen_at DESC LIMIT 1
    )
    SELECT 'ok', coalesce((SELECT format('%s %% of %s reads with wc_get were hits, since Redis took up the library',
                                         round(100.0 * l.hits / l.reads, 1), l.reads) FROM latest AS l WHERE l.reads > 0),
                          (SELECT 'nobody has read with wc_get since Redis took up the library' FROM latest AS l),
                          'hit rate unknown: no worker that reaches Redis has reported'), NULL::text
    UNION ALL
    SELECT 'fail', format('the Redis of worker %s evicts keys when its memory is full, and with them what keeps stale values out: nothing is cached until that ends', r.name),
           E'-- In redis-cli, and in redis.conf:\n-- CONFIG SET maxmemory-policy noeviction'
    FROM white_cross.worker_report AS r WHERE r.redis_evicts AND r.draining AND r.due_at > clock_timestamp();
END;
