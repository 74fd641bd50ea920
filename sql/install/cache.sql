-- The cache

CREATE FUNCTION wc_cache_key(student_id text, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION wc_cache_key(student_id uuid, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION wc_cache_key(student_id bigint, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';

CREATE FUNCTION wc_cache_key(student_id text, page integer, page_size integer, filters json DEFAULT '{}') RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';
CREATE FUNCTION wc_cache_key(student_id uuid, page integer, page_size integer, filters json DEFAULT '{}') RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';
CREATE FUNCTION wc_cache_key(student_id bigint, page integer, page_size integer, filters json DEFAULT '{}') RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';

CREATE FUNCTION wc_cache_entries(student_ids text[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id text, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION wc_cache_entries(student_ids uuid[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id uuid, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION wc_cache_entries(student_ids bigint[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id bigint, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';

-- For changes that no trigger sees.
CREATE FUNCTION wc_invalidate(student_id text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION wc_invalidate(student_id uuid) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION wc_invalidate(student_id bigint) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION wc_invalidate(student_ids text[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION wc_invalidate(student_ids uuid[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION wc_invalidate(student_ids bigint[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION wc_invalidate_all() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_all';
CREATE FUNCTION wc_invalidate_pattern(pattern text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_pattern';
CREATE FUNCTION wc_prewarm(student_ids text[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION wc_prewarm(student_ids uuid[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION wc_prewarm(student_ids bigint[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
COMMENT ON FUNCTION wc_invalidate_pattern(text) IS
'The cached values whose keys match a pattern of Redis (* ? [ ] and \ as there) are removed once this transaction commits, by a walk through all keys in bounded steps; no value of any student that is older than this transaction is stored after it. The pattern begins with student: and has at most 1000 bytes. Errors: 22023 another pattern, 25006 in a read-only transaction or on a standby.';
COMMENT ON FUNCTION wc_invalidate_all() IS
'All that is cached of every student counts as stale once this transaction commits. Errors: 25006 in a read-only transaction or on a standby.';

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_health_summary(%s, text[]) IS %L', id,
'The health summary of a student as JSON: student, allergies (most severe first), recentVitals and recentVaccinations (the latest 5 each, ties by id), recordCounts by type. "include" adds sections: chronicConditions, growth (height in cm, weight in kg, bmi in kg/m2, oldest first), trends (of each vital from first to last value: beyond 5 % it is increasing or decreasing). Timestamps are UTC, to the millisecond. NULL for an unknown student or a NULL id. Reads as the caller: row-level security and privileges hold. Errors: 55000 not attached, 42P01 a table is gone, 42703 a column is gone, 42501 no privilege, 22023 an unknown section, 22P02 an id that is none of the column''s type, 42804 an id of another type.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_health_summaries(%s[]) IS %L', id,
'wc_health_summary for many students with a constant number of queries: a row for each element, in their order; summary is NULL for an unknown student.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_cache_key(%s, text) IS %L', id,
'The Redis key of a student''s cached value; kinds are health_summary, growth_chart, records:PAGE:LIMIT:FILTERS and, as the beginning of the keys of all pages, records. With white_cross.cluster_keys = on the id stands in braces. Errors: 22023 an unknown kind; for pages 22P02 FILTERS that are no JSON, 22P05 a character that no text of this database can hold, and those of wc_student_records. None shows anything of the filters.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_cache_key(%s, integer, integer, json) IS %L', id,
'The Redis key of a cached page of records: student:ID:records:PAGE:LIMIT:FILTERS, with the filters as JavaScript''s JSON.stringify writes them, in the order in which they stand (which is why they are json and not jsonb). Errors: those of wc_student_records for page, page_size and filters, but that types and dates are not looked at; 22P05 a character that no text of this database can hold.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_cache_entries(%s[], text[]) IS %L', id,
'What to store in the cache for these students: key, value, lifetime in seconds, and the snapshot that the value was read with, which a fenced fill (FCALL wc_fill) checks. Unknown students give no row, nor does text that could be no student''s id. All rows of one kind come before those of the next. snapshot is NULL where a value must not be cached: in a transaction that has changed something itself, and under row-level security. kinds: health_summary, growth_chart as wc_growth_chart gives it without more, and records:PAGE:LIMIT:FILTERS for a page as wc_student_records gives it, such as records:1:20:{"type":"DENTAL"}; its key is spelled as wc_cache_key spells it. Errors: 22023 an unknown kind, 22P02 and 22P05 as wc_cache_key, and those of wc_health_summary and wc_student_records.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_invalidate(%s) IS %L', id,
'All that is cached of this student counts as stale once this transaction commits: for changes that no trigger sees. Errors: 25006 in a read-only transaction or on a standby, 55000 not attached, 22P02 and 42804 as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_prewarm(%s[]) IS %L', id,
'The worker builds the health summaries of these students into the cache once this transaction commits, whether they were cached or not: before a vaccination day, say. Unknown students and NULLs are passed over; students beyond the worker''s prewarm.backlog_limit stay as they are. Errors: as wc_invalidate.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_invalidate(%s[]) IS %L', id,
'wc_invalidate for many students; NULLs among them are passed over.');
    END LOOP;
END
$$;
