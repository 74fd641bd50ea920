-- A student's whole history: out, and in again

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION @extschema@.wc_export_health_history(student_id %s, batch_size integer DEFAULT 500) RETURNS SETOF json '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 10 AS ''MODULE_PATHNAME'', ''wc_export_health_history''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_export_health_histories(student_ids %1$s[], batch_size integer DEFAULT 500) '
                       'RETURNS TABLE (student_id %1$s, chunk json) '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 500 AS ''MODULE_PATHNAME'', ''wc_export_health_histories''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_export_health_history_ndjson(student_id %s) RETURNS SETOF text '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 50 AS ''MODULE_PATHNAME'', ''wc_export_health_history_ndjson''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_export_health_history_csv(student_id %s, section text DEFAULT ''records'', harmless boolean DEFAULT true) RETURNS SETOF text '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 50 AS ''MODULE_PATHNAME'', ''wc_export_health_history_csv''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_export_health_history(%s, integer) IS %L', id,
'The whole history of a student as JSON objects, a row each: {"type": "student", "chunk": 1, "studentId", "format": 1, "exportDate", "student"}, then "records" with at most batch_size of them each (1 to 10000, NULL: 500), newest first, ties by id; "allergies", most severe first; "conditions", by status; "end" with the numbers of rows. "chunk" counts up from 1. Rows have every column of their table but generated ones: attributes under the names of wc_health_summary, others under their own. Times are UTC, to the millisecond. No row for an unknown student, one that a policy hides, or NULL. In the SELECT list, and so in COPY (SELECT ...) and with a cursor, it gives chunk after chunk and needs memory for one, of one snapshot; in FROM PostgreSQL first collects all of them, on disk beyond work_mem. Reads as the caller. Errors: 22023 batch_size out of range, 42501 no privilege on a table or a column, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_export_health_histories(%s[], integer) IS %L', id,
'wc_export_health_history for many students, in the order of their ids: each chunk with the id. Unknown students and NULLs give no row. Errors: as wc_export_health_history.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_export_health_history_ndjson(%s) IS %L', id,
'wc_export_health_history with one row of a table in each JSON object, and each object one line of text: types student, record, allergy, condition, end. wc_import_health_history takes these too. Errors: as wc_export_health_history.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_export_health_history_csv(%s, text, boolean) IS %L', id,
'One section of a student''s history as CSV (RFC 4180), a line a row and without its line end: the names, then the rows as wc_export_health_history has them, with the student''s id in front. section: records, student, allergies or conditions. NULL is nothing between two commas, empty text is "". Lists and vitals are JSON. harmless: text that begins with = + - @, a tab or a carriage return, which a spreadsheet would run as a formula, gets an apostrophe in front; false leaves it as it is. Errors: 22023 an unknown section, and those of wc_export_health_history.');
    END LOOP;
END
$$;

CREATE FUNCTION wc_import_health_history(history json, on_conflict text DEFAULT 'error') RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_import_health_history';
COMMENT ON FUNCTION wc_import_health_history(json, text) IS
'Takes the export of one student back, whole or not at all: a JSON array of all chunks of wc_export_health_history, or of all lines of wc_export_health_history_ndjson, in their order. Gives, as JSON, how many rows of each section were inserted, updated and skipped. on_conflict says what happens to a row whose id is there already: error (also for NULL), skip, update; a row of another student is an error in any case. Rows that are there and not in the export stay. Columns that a row does not name get their default, or stay as they are. Runs as the caller; triggers fire, so that caches follow. NULL for NULL. Errors name the chunk, the row in it and the field, and show nothing of its content: 22032 what is no export, is cut off or names unknown columns, 23502 a missing or null value, 22P02, 22007, 22008, 22003, 22001 a value that is none of its column, 23505 an id or another unique value that is there already, 23503 and 23514 other constraints, otherwise what the database refused it with; 22023 an unknown on_conflict; 42501 no privilege; 25006 on a standby.';
