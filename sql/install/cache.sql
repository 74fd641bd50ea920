-- The cache

CREATE FUNCTION @extschema@.wc_cache_key(student_id text, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id uuid, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id bigint, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';

-- The filters are of any type that drivers bind JSON as, as in records.sql.
CREATE FUNCTION @extschema@.wc_cache_key(student_id text, page bigint, page_size bigint, filters anycompatible DEFAULT '{}'::text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id uuid, page bigint, page_size bigint, filters anycompatible DEFAULT '{}'::text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id bigint, page bigint, page_size bigint, filters anycompatible DEFAULT '{}'::text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';

CREATE FUNCTION @extschema@.wc_cache_entries(student_ids text[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id text, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION @extschema@.wc_cache_entries(student_ids uuid[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id uuid, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION @extschema@.wc_cache_entries(student_ids bigint[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id bigint, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';

CREATE FUNCTION @extschema@.wc_cache_entries(student_ids text, kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id text, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';

CREATE FUNCTION @extschema@.wc_write_token() RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_write_token';
CREATE FUNCTION @extschema@.wc_sees_write(token text) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'wc_sees_write';
COMMENT ON FUNCTION @extschema@.wc_write_token() IS
'Returns a token of this transaction: FCALL wc_get 1 KEY TOKEN finds a value only when it contains what this transaction changed, and what was committed before it began. Valid once the transaction is committed, by COMMIT PREPARED too; savepoints make no difference. The transaction gets an id, if it has none. NULL where nothing can be written: on a standby, and in a read-only transaction that has written nothing. Opaque: digits and dots.';
COMMENT ON FUNCTION @extschema@.wc_sees_write(text) IS
'Returns whether this statement sees what the transaction of the token changed. On a standby that lags it is false, and what is read there may be older. False too for a token of another server, of another timeline, and on the primary of before its last start or crash. NULL for NULL. Errors: 22P02 no token.';

-- These functions queue changes that no trigger sees.
CREATE FUNCTION @extschema@.wc_invalidate(student_id text) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION @extschema@.wc_invalidate(student_id uuid) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION @extschema@.wc_invalidate(student_id bigint) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION @extschema@.wc_invalidate(student_ids text[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION @extschema@.wc_invalidate(student_ids uuid[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION @extschema@.wc_invalidate(student_ids bigint[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION @extschema@.wc_invalidate_all() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_all';
-- The extension's own functions call this one: a rename of the other function's schema does not affect it.
CREATE FUNCTION white_cross.invalidate_all() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_all';
CREATE FUNCTION @extschema@.wc_invalidate_pattern(pattern text) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_pattern';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids text[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids uuid[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids bigint[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids text) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
COMMENT ON FUNCTION @extschema@.wc_invalidate_pattern(text) IS
E'Removes the cached values whose keys match a pattern of Redis (* ? [ ] and \\ as there) once this transaction commits, by a walk through all keys in bounded steps. After it no value of any student that is older than this transaction is stored. The pattern begins with student: and has at most 1000 bytes. Returns NULL, because only the worker sees the keys; 0 while no worker is registered, because then nothing is queued. Errors: 22023 another pattern, 25006 in a read-only transaction or on a standby.';
COMMENT ON FUNCTION @extschema@.wc_invalidate_all() IS
'Makes everything cached of every student stale once this transaction commits. Returns NULL: every student, whom nobody counts; 0 while no worker is registered, because then nothing is queued. Errors: 25006 in a read-only transaction or on a standby.';

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
    ids text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION %s.wc_health_summary(%s, text[]) IS %L', '@extschema@', id,
'Returns the health summary of a student as JSON: student, allergies (most severe first, by label: LIFE_THREATENING, SEVERE, MODERATE, MILD in any case of letters and any type of the column, then others), recentVitals and recentVaccinations (the latest 5 each, ties by id), recordCounts by type. "include" adds sections: chronicConditions, growth (height in cm, weight in kg, bmi in kg/m2, oldest first), trends (of each vital from first to last value: a change beyond 5 % is increasing or decreasing). Timestamps are UTC, to the millisecond. NULL for an unknown student or a NULL id. Reads as the caller: row-level security and privileges hold. Errors: 55000 not attached, 42P01 a table is gone, 42809 a table is now a view or a foreign table, 42703 a column is gone, 42501 no privilege, 22023 an unknown section, 22P02 an id that the column''s type cannot have, 42804 an id of another type, or a column whose type or collation has become one that it cannot have, 40001 the schema was renamed, or partitions came or went all the time, in between: try again.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_cache_key(%s, text) IS %L', '@extschema@', id,
'Returns the Redis key of a student''s cached value. Kinds are health_summary, growth_chart, records:PAGE:LIMIT:FILTERS and, for the beginning of the keys of all pages, records. Where tables are attached the key has the id as the students'' column spells it: 007 is 7 where ids are numbers, uuids are in lower case; text that no student can have as an id stays as it is. With white_cross.cluster_keys = on the id stands in braces, with white_cross.opaque_keys = on an opaque id stands in its place. Errors: F0000 the file of white_cross.key_secret_file cannot be used, 22023 an unknown kind, FILTERS of more than 10000 bytes or nested too deeply; 42804 an id of another type than the attached students have; for pages 22P02 FILTERS that are not JSON, 22P05 a character that text of this database cannot hold, and those of wc_student_records. No error shows any part of the filters.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_cache_key(%s, bigint, bigint, anycompatible) IS %L', '@extschema@', id,
'Returns the Redis key of a cached page of records: student:ID:records:PAGE:LIMIT:FILTERS. It has the id as the students'' column spells it, and the filters as JavaScript''s JSON.stringify writes them, in the caller''s order: give them as text or json, because jsonb has an order of its own. Errors: 22P02 text that is not JSON, 42804 filters of another type; those of wc_student_records for page, page_size and filters, except that the function does not look at types and dates; 22P05 a character that text of this database cannot hold.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_invalidate(%s) IS %L', '@extschema@', id,
'Makes everything cached of this student stale once this transaction commits: for changes that no trigger sees. Returns how many students it queues: 1; 0 for an id that no student can have, and while no worker is registered, because then nothing is queued. It does not look whether there is such a student. NULL for NULL. Errors: 25006 in a read-only transaction or on a standby, 55000 not attached, 22P02 and 42804 as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_invalidate(%s[]) IS %L', '@extschema@', id,
'Like wc_invalidate, for many students; NULLs among them are passed over. Returns how many students it queues, each once. Errors: as wc_invalidate.');
    END LOOP;
    -- As text: an array of text, as most drivers send it, without a type.
    FOREACH ids IN ARRAY '{text[],uuid[],bigint[],text}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION %s.wc_health_summaries(%s) IS %L', '@extschema@', ids,
'Like wc_health_summary, for many students with a constant number of queries. Returns a row for each element, in their order, with the id as the caller gave it; summary is NULL for an unknown student. Errors: as wc_health_summary. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_cache_entries(%s, text[]) IS %L', '@extschema@', ids,
'Returns what to store in the cache for these students: key, value, lifetime in seconds, and the snapshot that the value was read with, which a fenced fill (FCALL wc_fill) checks. student_id and key have the id as the student''s own row spells it, however the caller spelled it. Unknown students give no row, and neither does text that no student can have as an id. All rows of one kind come before those of the next. snapshot is NULL where a value must not be cached: in a transaction that has changed something itself, and under row-level security. kinds: health_summary, growth_chart as wc_growth_chart gives it by default, and records:PAGE:LIMIT:FILTERS for a page as wc_student_records gives it, such as records:1:20:{"type":"DENTAL"}; its key is spelled as wc_cache_key spells it. Errors: 22023 an unknown kind, 22P02 and 22P05 as wc_cache_key, and those of wc_health_summary and wc_student_records. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_prewarm(%s) IS %L', '@extschema@', ids,
'Makes the worker build the health summaries of these students into the cache once this transaction commits, whether they were cached or not: before a vaccination day, for example. Unknown students and NULLs are passed over; students beyond the worker''s prewarm.backlog_limit stay as they are. Returns how many students it queues, each once, unknown ones too; 0 while no worker is registered, because then nothing is queued. NULL for NULL. Errors: as wc_invalidate. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
    END LOOP;
END
$$;
