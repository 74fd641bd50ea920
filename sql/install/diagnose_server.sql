-- wc_diagnose: library, cache and server

-- After an upgrade the SQL objects are old until somebody runs ALTER EXTENSION UPDATE, and the library is old in sessions, or in a
-- server that preloads it, that began before the upgrade.
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

CREATE FUNCTION white_cross.check_notifications() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- If all listening sessions keep up, the notification queue has a few pages.  If it has megabytes, it waits for a session
    -- that listens and has a long transaction, or whose client does not read.  PostgreSQL does not show which sessions listen,
    -- so name the one that has been inactive for longest, as PostgreSQL's own warning does.
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
        FROM (SELECT l.libraries, 'white_cross' = ANY (regexp_split_to_array(regexp_replace(l.libraries, E'\\$libdir/|"|\\s', '', 'g'), ',')) AS preloaded
              -- pg_settings, not current_setting(), which raises an error for a role that may not see the setting
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

CREATE FUNCTION white_cross.check_calls() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE c.counting WHEN 'no room' THEN 'warn' ELSE 'ok' END,
           CASE c.counting
               WHEN 'yes' THEN format('counted since %s', (SELECT s.since FROM white_cross.call_statistics() AS s LIMIT 1))
               WHEN 'not preloaded' THEN 'not preloaded: nothing is counted, and slow calls are not logged'
               WHEN 'turned off' THEN 'white_cross.track_databases = 0: nothing is counted, and slow calls are not logged'
               ELSE format('nothing is counted: white_cross.track_databases = %s, and other databases have all places', current_setting('white_cross.track_databases')) END,
           CASE c.counting WHEN 'no room' THEN
               format(E'ALTER SYSTEM SET white_cross.track_databases = %s;\n-- Then restart the server.', current_setting('white_cross.track_databases')::integer + 1) END
    FROM (SELECT white_cross.call_counting() AS counting) AS c;
END;

-- "patience": how long a transaction may be open and idle.
CREATE FUNCTION white_cross.check_connections(patience interval DEFAULT '5 minutes') RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH open AS (
        SELECT a.pid, a.state, a.state_change, a.application_name, a.state IS NULL AS is_hidden
        FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend'
    ), counted AS (
        SELECT count(*) AS n, current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                              - coalesce(current_setting('reserved_connections', true)::integer, 0) AS most,
               count(*) FILTER (WHERE o.is_hidden) AS hidden,
               (SELECT string_agg(format('%s %s', s.n, s.state), ', ' ORDER BY s.state)
                FROM (SELECT count(*) AS n, coalesce(p.state, 'in a state that is not shown') AS state FROM open AS p GROUP BY 2) AS s) AS states
        FROM open AS o
    )
    SELECT CASE WHEN c.n >= 0.95 * c.most THEN 'fail' WHEN c.n > 0.8 * c.most THEN 'warn' ELSE 'ok' END,
           format('%s of %s: %s', c.n, c.most, c.states),
           -- End those that have been idle for longest; pools connect again when they need to.
           CASE WHEN c.n > 0.8 * c.most THEN
               format('SELECT pg_terminate_backend(a.pid) FROM (SELECT pid FROM pg_stat_activity WHERE backend_type = ''client backend'' AND state = ''idle'' '
                      'AND application_name NOT LIKE ''wc-worker%%'' AND pid <> pg_backend_pid() ORDER BY state_change LIMIT %s) AS a;', ceil(c.n - 0.8 * c.most)::integer) END
    FROM counted AS c
    UNION ALL
    -- A limit that is narrower than the server's, and reached: a pool that wants one more session is refused.
    SELECT 'warn', format('%s has all %s sessions that it may open: the next one is refused', l.who, l.most),
           format(E'-- If the pools that use it are right:\nALTER %s CONNECTION LIMIT %s;', l.who, 2 * l.most)
    FROM (SELECT format('DATABASE %I', d.datname) AS who, d.datconnlimit AS most,
                 (SELECT count(*) FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend' AND a.datid = d.oid) AS n
          FROM pg_database AS d WHERE d.datname = current_database() AND d.datconnlimit > 0
          UNION ALL
          SELECT format('ROLE %I', r.rolname), r.rolconnlimit,
                 (SELECT count(*) FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend' AND a.usesysid = r.oid)
          FROM pg_roles AS r
          WHERE r.rolconnlimit > 0 AND NOT r.rolsuper
            AND EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.usesysid = r.oid)) AS l
    WHERE l.n >= l.most
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
           s.remedy
    FROM white_cross.worker_report AS r JOIN white_cross.worker_states() AS s ON s.state = r.state
    WHERE r.state = 'evicting' AND r.draining AND r.due_at > clock_timestamp();
END;
