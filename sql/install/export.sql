-- Export and import of a student's whole history

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
    ids text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_export_health_history(student_id %s, batch_size bigint DEFAULT 500) RETURNS SETOF json '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 10 AS ''MODULE_PATHNAME'', ''wc_export_health_history''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_export_health_history_ndjson(student_id %s) RETURNS SETOF text '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 50 AS ''MODULE_PATHNAME'', ''wc_export_health_history_ndjson''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_export_health_history_csv(student_id %s, section text DEFAULT ''records'', harmless boolean DEFAULT true) RETURNS SETOF text '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 50 AS ''MODULE_PATHNAME'', ''wc_export_health_history_csv''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_history(%s, bigint) IS %L', '@extschema@', id,
'Returns the whole history of a student as JSON objects, one a row: {"type": "student", "chunk": 1, "studentId", "format": 1, "exportDate", "student"}; then "records" with at most batch_size records each (1 to 10000, NULL: 500), newest first, ties by id; "allergies", most severe first; "conditions", by status; "end" with the numbers of rows. "chunk" counts up from 1. Rows have every column of their table except generated ones: attributes under the names of wc_health_summary, others under their own. Times are UTC, to the millisecond, or to the microsecond where they have one; infinity is "infinity". Values of other types are text as pg_dump writes it, whatever the settings of the session; "$jsonNulls" lists the columns of a row that hold JSON''s null. Returns no row for an unknown student, one whom a policy hides, or NULL. In the SELECT list, and so in COPY (SELECT ...) and with a cursor, it returns chunk after chunk of one snapshot and needs memory for one chunk; in FROM PostgreSQL first collects all of them, on disk beyond work_mem. Reads as the caller. Errors: 22023 batch_size out of range, 42501 no privilege on a table or a column, 0A000 a value of a type that no import can read, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_history_ndjson(%s) IS %L', '@extschema@', id,
'Like wc_export_health_history, with one row of a table in each JSON object, and each object as one line of text. The types are student, record, allergy, condition and end. wc_import_health_history reads these too. NULL gives no row. Errors: as wc_export_health_history.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_history_csv(%s, text, boolean) IS %L', '@extschema@', id,
'Returns one section of a student''s history as CSV (RFC 4180), one line a row and without its line end: first the names, then the rows as wc_export_health_history has them, with the student''s id in front. section is records (also for NULL), student, allergies or conditions. NULL in a column becomes nothing between two commas, empty text becomes "". Lists and vitals are JSON. With harmless (also for NULL), text that a spreadsheet would run as a formula gets an apostrophe in front: text that begins with = + - @ (full-width ones too), with a control character, or with a blank other than a space, which a spreadsheet may drop. Numbers stay as they are, and with false everything does. Errors: 22023 an unknown section, and those of wc_export_health_history.');
    END LOOP;
    -- As text: an array of text, as most drivers send it, without a type.
    FOREACH ids IN ARRAY '{text[],uuid[],bigint[],text}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %2$s.wc_export_health_histories(student_ids %1$s, batch_size bigint DEFAULT 500) '
                       'RETURNS TABLE (student_id %3$s, chunk json) '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 500 AS ''MODULE_PATHNAME'', ''wc_export_health_histories''', ids, '@extschema@', rtrim(ids, '[]'));
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_histories(%s, bigint) IS %L', '@extschema@', ids,
'Like wc_export_health_history, for many students in the order of their ids: each chunk with the id. Unknown students and NULLs give no row. Errors: as wc_export_health_history. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
    END LOOP;
END
$$;

-- Callers have the export as json, as jsonb, or as text of one type or none.
DO $$
DECLARE
    type text;
BEGIN
    FOREACH type IN ARRAY '{json,jsonb,text}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_import_health_history(history %s, on_conflict text DEFAULT ''error'') RETURNS json '
                       'LANGUAGE c VOLATILE PARALLEL UNSAFE AS ''MODULE_PATHNAME'', ''wc_import_health_history''', '@extschema@', type);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_import_health_history(%s, text) IS %L', '@extschema@', type,
'Imports the export of one student, completely or not at all. history is a JSON array, as json, jsonb or text, of all chunks of wc_export_health_history, or of all lines of wc_export_health_history_ndjson, in their order. Returns, as JSON, how many rows of each section were inserted, updated and skipped. on_conflict says what happens to a row whose id exists already: error (also for NULL), skip, update; a row of another student is always an error. Rows that exist and are not in the export stay. Columns that a row does not name get their default, or stay as they are; generated columns make their value anew. Runs as the caller; triggers fire, so that caches follow. NULL for NULL. Errors name the chunk, the row in it and the field, and show nothing of its content: 22P02 text that is not JSON, 22032 JSON that is no export, that is cut off or that names unknown columns, 23502 a missing or null value, 22P02, 22007, 22008, 22003, 22001 a value that does not fit its column, 23505 an id or another unique value that exists already, 23503 and 23514 other constraints, 428C9 an update that would change a column GENERATED ALWAYS AS IDENTITY, otherwise the SQLSTATE of the database''s own error; 22023 an unknown on_conflict; 42501 no privilege; 25006 on a standby.');
    END LOOP;
END
$$;
