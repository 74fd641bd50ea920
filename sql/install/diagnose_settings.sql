-- wc_diagnose: settings of PostgreSQL that cost something here, by what the server has counted

-- What a database or a role has set for itself, and counts in this database.
CREATE FUNCTION white_cross.own_settings(names text[]) RETURNS TABLE (role oid, setdatabase oid, name text, value text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.setrole, s.setdatabase, split_part(e.entry, '=', 1), lower(substr(e.entry, strpos(e.entry, '=') + 1))
    FROM pg_db_role_setting AS s, unnest(s.setconfig) AS e (entry)
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
      AND split_part(e.entry, '=', 1) = ANY (names);
END;

-- The values with which sessions of this database begin: everybody's (role 0), and those of each role that has one of its own.
CREATE FUNCTION white_cross.first_settings(names text[]) RETURNS TABLE (role oid, name text, value text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH own AS (SELECT o.* FROM white_cross.own_settings(names) AS o)
    SELECT r.role, n.name,
           -- Whose setting wins: a role's in this database, a role's, this database's, everybody's.  Not current_setting(): the
           -- worker sets time-outs for its own session, which may be this one.
           coalesce((SELECT o.value FROM own AS o WHERE o.name = n.name AND o.role IN (r.role, 0)
                     ORDER BY o.role = 0, o.setdatabase = 0 LIMIT 1),
                    (SELECT g.reset_val FROM pg_settings AS g WHERE g.name = n.name))
    FROM (SELECT o.role FROM own AS o UNION SELECT 0::oid) AS r, unnest(names) AS n (name);
END;

-- "small": what initdb sets on every machine.  Nobody has chosen it.
CREATE FUNCTION white_cross.check_buffers(small bigint DEFAULT 134217728) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH counted AS (
        SELECT sum(pg_total_relation_size(s.relid)) AS size,
               sum(coalesce(s.heap_blks_read, 0) + coalesce(s.idx_blks_read, 0) + coalesce(s.toast_blks_read, 0) + coalesce(s.tidx_blks_read, 0)) AS misses,
               sum(coalesce(s.heap_blks_hit, 0) + coalesce(s.idx_blks_hit, 0) + coalesce(s.toast_blks_hit, 0) + coalesce(s.tidx_blks_hit, 0)) AS hits
        FROM pg_statio_all_tables AS s WHERE s.relid IN (SELECT w.relation FROM white_cross.wanted_triggers() AS w)
    ), judged AS (
        SELECT c.*, g.setting::bigint * current_setting('block_size')::bigint AS buffers
        FROM counted AS c, pg_settings AS g WHERE g.name = 'shared_buffers'
    )
    SELECT 'warn', format('%s %% of the blocks of the attached tables (%s) that were asked for were not in shared_buffers, of %s only',
                          round(100.0 * j.misses / (j.hits + j.misses), 1), pg_size_pretty(j.size), pg_size_pretty(j.buffers)),
           -- How much memory the machine has no catalog tells.
           '-- In postgresql.conf, a quarter of the machine''s memory: shared_buffers = ..., then restart the server.'
    FROM judged AS j
    -- The blocks that a start reads once are no sign: more was read than four times what there is room for.
    WHERE j.buffers <= small AND j.size > 2 * j.buffers
      AND j.misses * current_setting('block_size')::bigint > 4 * j.buffers AND j.misses * 10 > j.hits + j.misses;
END;

-- "many": blocks from which on it takes long to read a table from end to end.  "often": how many times that was done.
CREATE FUNCTION white_cross.check_page_cost(many integer DEFAULT 1000, often bigint DEFAULT 100) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH wanted AS (
        SELECT max(f.value) FILTER (WHERE f.name = 'random_page_cost') AS random, max(f.value) FILTER (WHERE f.name = 'seq_page_cost') AS sequential
        FROM white_cross.first_settings('{random_page_cost,seq_page_cost}') AS f WHERE f.role = 0
    ), read AS (
        SELECT s.relid::regclass AS relation, s.seq_scan AS scans,
               coalesce((SELECT o.option_value FROM pg_options_to_table(t.spcoptions) AS o WHERE o.option_name = 'random_page_cost'), w.random) AS random,
               coalesce((SELECT o.option_value FROM pg_options_to_table(t.spcoptions) AS o WHERE o.option_name = 'seq_page_cost'), w.sequential) AS sequential
        FROM pg_stat_all_tables AS s JOIN pg_class AS c ON c.oid = s.relid
        JOIN pg_database AS d ON d.datname = current_database()
        JOIN pg_tablespace AS t ON t.oid = coalesce(nullif(c.reltablespace, 0), d.dattablespace)
        CROSS JOIN wanted AS w
        WHERE s.relid IN (SELECT x.relation FROM white_cross.wanted_triggers() AS x WHERE x.entity = 'health_records')
          -- Often, more than now and then for a report, and to the end each time.
          AND c.relpages > many AND s.seq_scan >= often AND s.seq_scan * 100 > s.seq_scan + coalesce(s.idx_scan, 0)
          AND s.seq_tup_read > 0.5 * s.seq_scan * c.reltuples
    )
    SELECT 'warn', format('%s was read from end to end %s times, and random_page_cost = %s makes the planner shun its indexes: right for turning disks',
                          r.relation, r.scans, r.random),
           E'-- Where the data lies on an SSD:\nALTER SYSTEM SET random_page_cost = 1.1;\nSELECT pg_reload_conf();'
    FROM read AS r
    WHERE CASE WHEN r.random ~ '^[0-9.]+$' AND r.sequential ~ '^[0-9.]+$' THEN r.random::float8 >= 3 * r.sequential::float8 END;
END;

-- "often": temporary files from which on it is no single report.
CREATE FUNCTION white_cross.check_work_mem(often bigint DEFAULT 100) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH written AS (
        SELECT d.datname, d.temp_files, d.temp_bytes / d.temp_files AS size, f.value,
               -- In memory rows take about twice the room.
               2 ^ greatest(2, ceil(log(2::numeric, 2.0 * d.temp_bytes / d.temp_files / 1048576)))::integer AS megabytes
        FROM pg_stat_database AS d, white_cross.first_settings('{work_mem}') AS f
        WHERE d.datname = current_database() AND f.role = 0 AND d.temp_files >= greatest(often, 1) AND d.temp_bytes > 0
          -- More than one transaction in a thousand.
          AND d.temp_files * 1000 > d.xact_commit
    ), judged AS (
        SELECT w.*, CASE WHEN w.value ~ '^[0-9]+$' THEN w.value::bigint * 1024
                         WHEN w.value ~ '^[0-9.]+ *[kmgt]b$' THEN pg_size_bytes(w.value) END AS bytes
        FROM written AS w
    )
    SELECT 'warn', format('this database wrote %s temporary files, of %s on average: work_mem = %s is too small for its sorts and hashes',
                          j.temp_files, pg_size_pretty(j.size), pg_size_pretty(j.bytes)),
           format(E'-- Each sort and each hash of a session may take so much.\nALTER DATABASE %I SET work_mem = ''%sMB'';', j.datname, j.megabytes)
    -- Beyond that memory for each session is no cure: the statement is to be looked at.
    FROM judged AS j WHERE j.megabytes <= 64 AND j.bytes < j.megabytes * 1048576;
END;

-- Values that statements are given are what is read and written of children.
CREATE FUNCTION white_cross.check_logged_values() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH names AS (
        SELECT '{log_statement,log_min_duration_statement,log_min_duration_sample,log_statement_sample_rate,log_transaction_sample_rate,log_parameter_max_length,log_parameter_max_length_on_error}'::text[] AS list
    ), known AS (
        SELECT f.role, f.name, f.value FROM names AS n, white_cross.first_settings(n.list) AS f
    ), logged AS (
        -- Statements are logged, those that fail apart; and for both the setting that says how much of each value.
        SELECT k.role, string_agg(format('%s = %s', k.name, k.value), ', ' ORDER BY k.name) AS reasons, 'log_parameter_max_length' AS name
        FROM known AS k
        WHERE CASE k.name WHEN 'log_statement' THEN k.value IN ('mod', 'all')
                          WHEN 'log_min_duration_statement' THEN k.value NOT LIKE '-%'
                          WHEN 'log_transaction_sample_rate' THEN k.value !~ '^[0.]+$'
                          WHEN 'log_min_duration_sample' THEN
                              k.value NOT LIKE '-%' AND (SELECT o.value !~ '^[0.]+$' FROM known AS o WHERE o.role = k.role AND o.name = 'log_statement_sample_rate')
                          ELSE false END
        GROUP BY k.role
        UNION ALL
        SELECT k.role, 'an error occurs', 'log_parameter_max_length_on_error' FROM known AS k WHERE k.name = 'log_parameter_max_length_on_error'
    )
    SELECT 'warn', format('%sstatements are logged with the values that they are given (%s, %s = %s): the log has what is read and written of students',
                          CASE WHEN l.role <> 0 THEN format('role %s: ', pg_get_userbyid(l.role)) END, l.reasons, l.name, k.value),
           -- The narrowest setting wins, so that is where the remedy goes.
           CASE WHEN l.role <> 0 THEN format('ALTER ROLE %I IN DATABASE %I SET %s = 0;', pg_get_userbyid(l.role), current_database(), l.name)
                WHEN EXISTS (SELECT FROM white_cross.own_settings(ARRAY[l.name]) AS o WHERE o.role = 0)
                    THEN format('ALTER DATABASE %I SET %s = 0;', current_database(), l.name)
                ELSE format(E'ALTER SYSTEM SET %s = 0;\nSELECT pg_reload_conf();', l.name) END
    FROM logged AS l JOIN known AS k ON k.role = l.role AND k.name = l.name
    WHERE k.value !~ '^0+[a-z]*$';
END;

-- "patience": as of check_connections, which names the sessions.
CREATE FUNCTION white_cross.check_idle_timeout(patience interval DEFAULT '5 minutes') RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'warn', format('idle_in_transaction_session_timeout = 0, and %s transactions of this database have been open and idle for more than %s s: nothing will end them',
                          count(*), round(extract(epoch FROM patience))),
           -- A role may still have another one, by ALTER ROLE
           format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = ''5min'';', current_database())
    FROM pg_stat_activity AS a, white_cross.first_settings('{idle_in_transaction_session_timeout}') AS f
    WHERE f.role = 0 AND f.value ~ '^0+[a-z]*$' AND a.datname = current_database()
      AND a.state LIKE 'idle in transaction%' AND clock_timestamp() - a.state_change > patience
    HAVING count(*) > 0;
END;

CREATE FUNCTION white_cross.check_settings() RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_well boolean := true;
    trouble white_cross.finding;
BEGIN
    FOR trouble IN SELECT * FROM white_cross.check_buffers() UNION ALL SELECT * FROM white_cross.check_page_cost()
                   UNION ALL SELECT * FROM white_cross.check_work_mem() UNION ALL SELECT * FROM white_cross.check_logged_values()
                   UNION ALL SELECT * FROM white_cross.check_idle_timeout() LOOP
        is_well := false;
        RETURN NEXT trouble;
    END LOOP;
    IF is_well THEN
        RETURN NEXT ROW ('ok', (SELECT string_agg(format('%s = %s', s.name, current_setting(s.name)), ', ')
                                FROM unnest('{shared_buffers,random_page_cost,work_mem}'::text[]) AS s (name))
                               || ': nothing that the server has counted speaks against them', NULL)::white_cross.finding;
    END IF;
END
$$;
