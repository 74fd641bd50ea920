-- The doctor, part eight: summaries in shared memory

-- Which of the reasons for passing the cache by somebody can do something about.
CREATE FUNCTION white_cross.bypass_causes() RETURNS TABLE (reason text, cause text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('writing', 'in a transaction that has written before'), ('serializable', 'under SERIALIZABLE'),
           ('settings', 'white_cross.direct_reads is off, or birth dates are timestamptz'),
           ('tables', 'the tables are partitioned, have children or row-level security, or are temporary'),
           ('privileges', 'the role may not select from all of the tables'), ('triggers', 'the extension''s triggers are missing, disabled or altered'),
           ('types', 'text of a column depends on settings'), ('id', 'ids are longer than 255 bytes');
END;

CREATE FUNCTION white_cross.check_summary_cache() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH counted AS (
        SELECT s.*, s.hits + s.misses + s.refused + s.bypassed AS calls FROM white_cross.cache_statistics() AS s
    ), passing AS (
        -- The reason that counts most.
        SELECT b.cause, r.value::bigint AS calls
        FROM counted AS c CROSS JOIN LATERAL json_each_text(c.bypassed_by_reason) AS r JOIN white_cross.bypass_causes() AS b ON b.reason = r.key
        ORDER BY r.value::bigint DESC LIMIT 1
    ), left_over AS (
        SELECT string_agg(format('-- In database %s, once you know which: COMMIT PREPARED %s; or ROLLBACK PREPARED %2$s;',
                                 white_cross.literal_on_one_line(p.database), white_cross.literal_on_one_line(p.gid)), E'\n') AS remedy
        -- Whether it is from before a crash no catalog tells.
        FROM pg_prepared_xacts AS p
    ), judged AS (
        SELECT c.*, CASE WHEN c.memory = 0 THEN 'none' WHEN pg_is_in_recovery() THEN 'standby' WHEN c.floor_blocked THEN 'blocked'
                         -- Rooms too small: a tenth of what is kept pushes out what could still be used, again and again.
                         WHEN c.evictions > c.entries AND c.evictions * 10 > c.hits + c.misses THEN 'small'
                         WHEN c.calls > 1000 AND p.calls * 2 > c.calls THEN 'passed by' ELSE 'well' END AS verdict, p.cause, p.calls AS passing
        FROM counted AS c LEFT JOIN passing AS p ON true
    )
    SELECT CASE WHEN j.verdict IN ('blocked', 'small', 'passed by') THEN 'warn' ELSE 'ok' END,
           CASE j.verdict WHEN 'none' THEN 'no summaries in shared memory: the library is not preloaded, or white_cross.cache_memory is 0'
                          WHEN 'standby' THEN 'a standby serves no summaries from shared memory'
                          WHEN 'blocked' THEN
                              CASE WHEN o.remedy IS NULL THEN 'a transaction that is open since before the first summary'
                                   ELSE 'a transaction that was prepared before the server''s start, or its last crash, is left' END || ': no summary comes from shared memory until it ends'
                          WHEN 'small' THEN format('%s summaries fit into %s, and %s of %s that were kept had to make room for others', j.entries,
                                                   pg_size_pretty(j.memory), j.evictions, j.fills)
                          WHEN 'passed by' THEN format('%s of %s calls pass the summaries in shared memory by: %s', j.passing, j.calls, j.cause)
                          ELSE format('%s of %s calls served from shared memory, %s summaries in %s of %s', j.hits, j.calls, j.entries,
                                      pg_size_pretty(j.bytes), pg_size_pretty(j.memory)) END,
           CASE j.verdict WHEN 'blocked' THEN o.remedy
                          WHEN 'small' THEN format(E'ALTER SYSTEM SET white_cross.cache_memory = %L;\n-- Then restart the server.',
                                                   (2 * j.memory / 1024 / 1024)::bigint || 'MB') END
    FROM judged AS j CROSS JOIN left_over AS o;
END;
