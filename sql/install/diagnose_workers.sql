-- wc_diagnose: workers and queue

-- Returns the process that holds this database's drain lock.
CREATE FUNCTION white_cross.drainer() RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT l.pid FROM pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.classid = 22339 AND l.objid = 1 AND l.objsubid = 3 AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    LIMIT 1;
END;

-- The status of each state of a worker, and the remedy.  A worker of this version has no other states.
CREATE FUNCTION white_cross.worker_states() RETURNS TABLE (state text, status text, remedy text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('healthy', 'ok', NULL), ('idle', 'ok', NULL), ('standby', 'ok', NULL), ('sweeping', 'ok', NULL), ('off', 'ok', NULL),
           ('catching up', 'warn', '-- It drains: wait.  How far it is: /healthz and the worker''s log.'),
           ('unregistered', 'fail', NULL), ('blocked', 'fail', NULL),
           ('no redis', 'fail', E'-- Start Redis, or mend redis.url of the worker; what it says: journalctl -u wc-worker'),
           ('no postgres', 'fail', E'-- What it says: journalctl -u wc-worker'),
           ('evicting', 'fail', E'-- In redis-cli, and in redis.conf:\n-- CONFIG SET maxmemory-policy noeviction'),
           ('events wait', 'fail', E'-- The cache is kept fresh.  Mend what the detail says of Redis, or switch the events off: events.stream of the worker.'),
           ('set aside', 'fail', '-- Look at the check "set aside".'),
           ('read-only', 'fail', E'-- Mend postgres.url and redis.url of the worker: they must lead to the primaries.'),
           ('full disk', 'fail', E'-- Make room where the worker says so, for PostgreSQL or for Redis.'),
           ('no rights', 'fail', NULL),
           ('other keys', 'fail', E'-- Give the server and the worker the same secrets, one a line: white_cross.key_secret_file and redis.key_secret_file, with\n-- white_cross.opaque_keys = on and redis.opaque_keys = true; docs/security.md says how a secret is replaced.'),
           ('other redis', 'fail', E'-- Give all workers of this database the same redis.url, or stop this one: one database keeps one Redis fresh.'),
           ('cold', 'fail', E'-- Values are removed and not rebuilt; what the worker says: journalctl -u wc-worker');
END;

CREATE FUNCTION white_cross.check_workers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH lock AS (
        SELECT white_cross.drainer() AS pid
    ), reported AS (
        SELECT r.*, l.pid IS NOT DISTINCT FROM r.pid AND r.has_session AS is_holder, clock_timestamp() > r.due_at AS is_late,
               format('last heard of %s s ago', round(extract(epoch FROM clock_timestamp() - r.seen_at))) AS heard
        FROM white_cross.worker_report AS r CROSS JOIN lock AS l
    ), registered AS (
        SELECT w.name, l.pid, r.has_session, coalesce(r.is_late, clock_timestamp() > w.registered_at + interval '2 minutes') AS is_late,
               coalesce(r.heard, 'never heard of') AS heard, coalesce(r.state, 'healthy') AS state, r.detail,
               (SELECT o.name FROM reported AS o WHERE o.is_holder AND o.draining AND o.name <> w.name) AS other
        FROM white_cross.worker AS w CROSS JOIN lock AS l LEFT JOIN reported AS r ON r.name = w.name AND r.draining
        -- Skip a worker whose newer report says why it does not drain: the second part below shows it.
        WHERE r.name IS NOT NULL OR NOT EXISTS (SELECT FROM reported AS o WHERE o.name = w.name AND NOT o.is_late)
    ), judged AS (
        SELECT g.*, CASE WHEN g.other IS NOT NULL THEN 'replaced' WHEN g.pid IS NOT NULL AND g.is_late THEN 'hangs'
                         -- A standby has the worker's report, but does not see locks of the primary.
                         WHEN g.pid IS NULL AND (g.is_late OR (g.has_session AND NOT pg_is_in_recovery())) THEN 'gone' ELSE 'drains' END AS verdict
        FROM registered AS g
    )
    SELECT CASE j.verdict WHEN 'drains' THEN s.status WHEN 'replaced' THEN 'warn' ELSE 'fail' END,
           CASE j.verdict WHEN 'drains' THEN format('worker %s drains the queue, %s; %s', j.name, j.heard, concat_ws(': ', j.state, j.detail))
                          WHEN 'replaced' THEN format('worker %s is registered and does not drain: worker %s does', j.name, j.other)
                          WHEN 'hangs' THEN format('worker %s holds on to the queue and does nothing, %s: nothing stale is removed', j.name, j.heard)
                          ELSE format('worker %s is registered and nobody drains the queue, %s: nothing stale is removed', j.name, j.heard) END,
           CASE j.verdict WHEN 'drains' THEN
                              coalesce(s.remedy, CASE j.state WHEN 'blocked' THEN (SELECT string_agg(h.remedy, E'\n') FROM white_cross.find_holders('queue') AS h)
                                                              WHEN 'no rights' THEN (SELECT string_agg(format('SELECT %s.wc_grant_worker(%L);', white_cross.home(), w.role), E'\n')
                                                                                     FROM white_cross.worker_roles() AS w (role)) END)
                          WHEN 'hangs' THEN format('SELECT pg_terminate_backend(%s);', j.pid)
                          WHEN 'replaced' THEN format(E'-- If no worker of that name will run again (the same: wc-worker --unregister, with its worker.name):\nSELECT white_cross.unregister_worker(%L);', j.name)
                          ELSE format(E'-- Start it again: systemctl restart wc-worker.  Only if it is gone for good (the same: wc-worker --unregister):\nSELECT white_cross.unregister_worker(%L);', j.name) END
    FROM judged AS j LEFT JOIN white_cross.worker_states() AS s ON s.state = j.state
    UNION ALL
    -- Workers that run and do not drain.
    SELECT s.status,
           CASE r.state WHEN 'standby' THEN format('worker %s stands by, %s', r.name, r.heard)
                        ELSE format('worker %s runs and does not drain, %s; %s', r.name, r.heard, concat_ws(': ', r.state, r.detail)) END,
           coalesce(s.remedy, CASE r.state WHEN 'unregistered' THEN (SELECT string_agg(h.remedy, E'\n') FROM white_cross.find_holders('registration') AS h)
                                           WHEN 'blocked' THEN (SELECT string_agg(h.remedy, E'\n') FROM white_cross.find_holders('drain') AS h)
                                           WHEN 'no rights' THEN (SELECT string_agg(format('SELECT %s.wc_grant_worker(%L);', white_cross.home(), w.role), E'\n')
                                                                  FROM white_cross.worker_roles() AS w (role)) END)
    FROM reported AS r LEFT JOIN white_cross.worker_states() AS s ON s.state = r.state
    WHERE NOT r.is_late AND NOT (r.draining AND EXISTS (SELECT FROM white_cross.worker AS w WHERE w.name = r.name))
      AND EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = r.pid OR NOT r.has_session)
    UNION ALL
    SELECT 'fail', format('role %s of wc-worker lacks %s', m.worker_role, m.missing),
           format('SELECT %s.wc_grant_worker(%L);', white_cross.home(), m.worker_role)
    FROM white_cross.missing_rights() AS m WHERE EXISTS (SELECT FROM white_cross.worker)
    UNION ALL
    SELECT 'ok', 'none is registered: nothing is queued, and no cache is kept fresh', NULL
    WHERE NOT EXISTS (SELECT FROM white_cross.worker) AND NOT EXISTS (SELECT FROM reported AS r WHERE NOT r.is_late);
END;

-- Returns the oldest session, slot or prepared transaction that may still see deleted rows, and so keeps vacuum from removing them.
-- A transaction that writes holds vacuum back by its own id, also between its statements.  Snapshots that others take while it runs
-- are as old as it, so of what is equally old such a transaction is named, and not they.
CREATE FUNCTION white_cross.vacuum_holder() RETURNS TABLE (who text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT h.who, h.remedy
    FROM (SELECT greatest(age(a.backend_xid), age(a.backend_xmin)) AS age,
                 a.backend_xid IS NOT NULL AND coalesce(age(a.backend_xid) >= age(a.backend_xmin), true) AS is_cause, a.xact_start AS since,
                 format('process %s of role %s (%s), whose transaction began %s s ago', a.pid, a.usename, coalesce(nullif(a.application_name, ''), a.backend_type),
                        round(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)))) AS who,
                 format('SELECT pg_terminate_backend(%s);', a.pid) AS remedy
          FROM pg_stat_activity AS a
          WHERE coalesce(a.backend_xid, a.backend_xmin) IS NOT NULL AND a.pid <> pg_backend_pid() AND a.backend_type IN ('client backend', 'walsender')
            AND (a.datname = current_database() OR a.backend_type = 'walsender')
          UNION ALL
          SELECT age(s.xmin), true, NULL, format('replication slot %s, %s', s.slot_name, CASE WHEN s.active THEN 'in use: a standby with hot_standby_feedback has old queries' ELSE 'which nobody uses' END),
                 CASE WHEN s.active THEN '-- End the long queries on the standby.' ELSE format(E'-- If nobody will use it again:\nSELECT pg_drop_replication_slot(%L);', s.slot_name) END
          FROM pg_replication_slots AS s WHERE s.xmin IS NOT NULL
          UNION ALL
          SELECT age(p.transaction), true, p.prepared, format('prepared transaction %s of %s s ago', white_cross.literal_on_one_line(p.gid), round(extract(epoch FROM clock_timestamp() - p.prepared))),
                 white_cross.end_prepared(p.gid)
          FROM pg_prepared_xacts AS p WHERE p.database = current_database()) AS h
    ORDER BY h.age DESC, h.is_cause DESC, h.since LIMIT 1;
END;

CREATE FUNCTION white_cross.check_queue() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Count at most 100,000 rows, so that the diagnosis itself stays cheap.  A row for every student waits until the sweep of
    -- Redis is over, so it does not count as old while the worker reports a sweep.
    WITH waiting AS (
        SELECT count(*) AS rows, coalesce(extract(epoch FROM clock_timestamp() - min(q.queued_at) FILTER (WHERE NOT q.is_swept AND isfinite(q.queued_at))), 0) AS oldest
        FROM (SELECT i.queued_at, i.students IS NULL AND EXISTS (SELECT FROM white_cross.worker_report AS r
                                                                WHERE r.draining AND r.state = 'sweeping' AND r.due_at > clock_timestamp()) AS is_swept
              FROM white_cross.invalidation AS i LIMIT 100000) AS q
    ), judged AS (
        SELECT w.rows, round(w.oldest) AS oldest, pg_relation_size('white_cross.invalidation') AS size,
               pg_size_bytes(current_setting('white_cross.queue_limit')) AS most, EXISTS (SELECT FROM white_cross.worker) AS is_queued,
               (SELECT r.detail FROM white_cross.worker_report AS r
                WHERE r.draining AND r.state = 'catching up' AND r.due_at > clock_timestamp() LIMIT 1) AS progress,
               EXISTS (SELECT FROM white_cross.worker_report AS r
                       WHERE r.draining AND r.state = 'events wait' AND r.due_at > clock_timestamp()) AS is_kept
        FROM waiting AS w
    ), verdict AS (
        SELECT j.*, CASE WHEN j.is_queued AND j.oldest > 60 THEN CASE WHEN j.is_kept THEN 'kept' WHEN j.progress IS NULL THEN 'late' ELSE 'catching up' END
                         WHEN j.size > j.most / 2 AND j.rows < 100000 THEN 'dead rows' WHEN j.size > j.most / 2 THEN 'long' ELSE 'short' END AS state,
               h.who, h.remedy
        FROM judged AS j LEFT JOIN white_cross.vacuum_holder() AS h ON j.size > j.most / 2
    )
    SELECT CASE v.state WHEN 'late' THEN 'fail' WHEN 'short' THEN 'ok' ELSE 'warn' END,
           format('%s%s rows, the oldest %s s old; %s of at most %s', CASE WHEN v.rows = 100000 THEN 'at least ' END, v.rows, v.oldest,
                  pg_size_pretty(v.size), pg_size_pretty(v.most))
           || CASE v.state WHEN 'catching up' THEN '; the worker catches up: ' || v.progress
                           WHEN 'kept' THEN '; their values are removed, and their events wait'
                           WHEN 'dead rows' THEN '; most of it rows that were drained'
                                                 || coalesce(' and that vacuum cannot remove: ' || v.who || ' might still see them', ' since the last vacuum') ELSE '' END,
           CASE v.state WHEN 'late' THEN
                    -- No change is lost by this: the next registration queues a row for every student.
                    E'-- Restart the worker: systemctl restart wc-worker.  Only if it is gone for good:\n'
                    || (SELECT string_agg(format('SELECT white_cross.unregister_worker(%L);', w.name), ' ') FROM white_cross.worker AS w)
                WHEN 'catching up' THEN '-- It drains: wait.'
                WHEN 'kept' THEN '-- Look at the check "worker".'
                WHEN 'long' THEN '-- It drains, or will: look at the check "worker".'
                WHEN 'dead rows' THEN concat_ws(E'\n', v.remedy, 'VACUUM white_cross.invalidation;') END
    FROM verdict AS v;
END;
