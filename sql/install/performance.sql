-- What calls cost: of each function that reads the attached tables

-- Which calls are counted, and how to count more.  "yes", "not preloaded", "turned off" or "no room".
CREATE FUNCTION white_cross.call_counting() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_call_counting';

CREATE FUNCTION white_cross.call_statistics(OUT function text, OUT since timestamptz,
    OUT calls bigint, OUT errors bigint, OUT errors_by_class text, OUT slow bigint, OUT total_ms double precision,
    OUT p50_ms double precision, OUT p95_ms double precision, OUT p99_ms double precision, OUT window_seconds double precision,
    OUT window_calls bigint, OUT window_errors bigint, OUT window_errors_by_class text, OUT window_slow bigint, OUT window_total_ms double precision,
    OUT window_p50_ms double precision, OUT window_p95_ms double precision, OUT window_p99_ms double precision) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 24 AS 'MODULE_PATHNAME', 'wc_call_statistics';
COMMENT ON FUNCTION white_cross.call_statistics() IS
'For wc_stat_functions and wc_performance: returns a row for each function whose calls are counted, and one with a NULL function for all of them. No rows if calls are not counted.';

CREATE FUNCTION white_cross.call_histograms(OUT function text, OUT calls bigint, OUT errors bigint, OUT sum_seconds double precision,
                                            OUT le_seconds double precision[], OUT below bigint[]) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 23 AS 'MODULE_PATHNAME', 'wc_call_histograms';
COMMENT ON FUNCTION white_cross.call_histograms() IS
'For the worker''s metrics: returns for each function how many calls took less than each of le_seconds, from 1 microsecond by powers of two to 68.7 seconds, since wc_stat_reset or since the server started. Longer calls are in calls only. No rows if calls are not counted.';

CREATE FUNCTION white_cross.slow_calls(OUT ended_at timestamptz, OUT function text, OUT ms double precision, OUT sqlstate text, OUT trace_id text) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 128 AS 'MODULE_PATHNAME', 'wc_slow_calls';
COMMENT ON FUNCTION white_cross.slow_calls() IS
'For wc_slow_calls: returns the last 128 slow calls, the latest first.';

CREATE FUNCTION white_cross.take_spans(most integer, OUT trace_id text, OUT parent_id text, OUT span_id text, OUT function text,
                                       OUT began_unix_ns bigint, OUT ended_unix_ns bigint, OUT busy_ns bigint, OUT sqlstate text, OUT lost_before bigint) RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_take_spans';
COMMENT ON FUNCTION white_cross.take_spans(integer) IS
'For a worker that exports traces: returns and removes the oldest calls that had a sampled traceparent, at most "most" of them. Each call is returned once, even if the transaction rolls back. busy_ns is the time spent in the function; it is less than the span if a set was fetched row by row. sqlstate is NULL if the call succeeded. lost_before counts the calls before this one that were overwritten before anybody took them. Memory has room for 4096 calls. Errors: 22023 "most" is negative.';

CREATE FUNCTION @extschema@.wc_stat_reset() RETURNS void
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_stat_reset';
COMMENT ON FUNCTION @extschema@.wc_stat_reset() IS
'Resets the counts of calls of this database: wc_stat_functions, wc_performance and wc_slow_calls no longer show earlier calls.';

CREATE VIEW @extschema@.wc_stat_functions AS
    SELECT s.function, s.since, s.calls, s.errors, s.errors_by_class::jsonb AS errors_by_class, s.slow, s.total_ms,
           s.total_ms / nullif(s.calls, 0) AS mean_ms, s.p50_ms, s.p95_ms, s.p99_ms,
           s.window_seconds, s.window_calls, s.window_errors, s.window_errors_by_class::jsonb AS window_errors_by_class, s.window_slow, s.window_total_ms,
           s.window_total_ms / nullif(s.window_calls, 0) AS window_mean_ms, s.window_p50_ms, s.window_p95_ms, s.window_p99_ms
    FROM white_cross.call_statistics() AS s
    WHERE s.function IS NOT NULL;
COMMENT ON VIEW @extschema@.wc_stat_functions IS
'Shows the calls of each function that reads the attached tables, in this database: since counting began (wc_stat_reset, the start of the server or its last crash), and in the last five minutes (window_seconds is the exact length). A failed call is in calls and in errors. Percentiles are within 2 % for calls above 2 microseconds. Empty if the library is not preloaded.';

CREATE VIEW @extschema@.wc_slow_calls AS
    SELECT s.ended_at, s.function, s.ms, s.sqlstate, s.trace_id FROM white_cross.slow_calls() AS s;
COMMENT ON VIEW @extschema@.wc_slow_calls IS
'Shows the last 128 calls in this database that took longer than white_cross.slow_query_threshold, the latest first. sqlstate is NULL if the call succeeded, trace_id if the caller named none. Arguments are not kept.';

-- With the rights of the extension's owner, who sees the states of other roles' sessions: it shows how many there are of each.
CREATE FUNCTION @extschema@.wc_performance() RETURNS json
LANGUAGE sql VOLATILE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT json_build_object(
        'timeWindow', '5 minutes',
        'totalRequests', s.window_calls,
        'avgResponseTime', round((s.window_total_ms / nullif(s.window_calls, 0))::numeric, 3),
        'p50', round(s.window_p50_ms::numeric, 3),
        'p95', round(s.window_p95_ms::numeric, 3),
        'p99', round(s.window_p99_ms::numeric, 3),
        'slowRequests', s.window_slow,
        'errorRate', round((100.0 * s.window_errors / nullif(s.window_calls, 0))::numeric, 3),
        'cache', json_build_object('connected', NULL, 'dbSize', NULL, 'usedMemory', NULL, 'hitRate', NULL),
        'database', json_build_object('poolStats', (
            SELECT coalesce(json_agg(json_build_object('state', p.state, 'count', p.count) ORDER BY p.state), '[]'::json)
            FROM (SELECT a.state, count(*) AS count FROM pg_stat_activity AS a
                  WHERE a.datname = current_database() AND a.backend_type = 'client backend' GROUP BY a.state) AS p)),
        'memory', json_build_object('heapUsed', NULL, 'heapTotal', NULL))
    FROM (SELECT) AS one
    LEFT JOIN white_cross.call_statistics() AS s ON s.function IS NULL;
END;
COMMENT ON FUNCTION @extschema@.wc_performance() IS
'Returns figures of the last five minutes, over all functions that read the attached tables, as JSON: timeWindow, totalRequests, avgResponseTime, p50, p95, p99, slowRequests, errorRate, cache, database (sessions of this database by state), memory. Milliseconds and percent, to three decimals. All keys are always present; unknown values are null. Only a worker knows cache and memory, so they are null here. Calls are not counted, and their figures null, if the library is not preloaded.';
