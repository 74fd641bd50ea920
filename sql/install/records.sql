-- Records of a student

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION @extschema@.wc_student_records(student_id %s, page integer DEFAULT 1, page_size integer DEFAULT 20, filters jsonb DEFAULT ''{}'') RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_records''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_student_records_after(student_id %s, cursor text DEFAULT NULL, page_size integer DEFAULT 20, filters jsonb DEFAULT ''{}'') RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_records_after''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_student_allergies(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_allergies''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_student_conditions(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_conditions''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_recent_vitals(student_id %s, n integer DEFAULT 5) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_recent_vitals''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_vaccinations(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_vaccinations''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_student_records(%s, integer, integer, jsonb) IS %L', id,
'A page of a student''s records as JSON: records, latest first, ties by id, and pagination with page, limit, total and pages. Pages count from 1, page_size is 1 to 500. filters: type (a record type), dateFrom and dateTo (ISO 8601, both inclusive; a date alone is its midnight, without a zone UTC), provider (a part of the name, whatever its case); a filter of null, or an empty provider, is none. NULL for page, page_size or filters is the default. An unknown student, or one that a policy hides, has an empty page; NULL for a NULL id. Errors: 22023 a page or page_size out of range, filters that are no object, an unknown filter or record type, a filter that is no string; 22007 a date that is none, 22008 one beyond PostgreSQL''s; and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_student_records_after(%s, text, integer, jsonb) IS %L', id,
'The records of a student after a cursor, as JSON: records, as wc_student_records has them, and nextCursor to pass next, null at the end. NULL for the cursor begins with the latest. The cost does not grow with depth, and records that come or go meanwhile neither repeat nor hide others. A cursor is good for its student and its filters; it holds the date and id of a record, so treat it as you treat those. Errors: 22023 no cursor, or that of another student or other filters, and those of wc_student_records.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_student_allergies(%s) IS %L', id,
'The allergies of a student as a JSON array, with items and order of wc_health_summary. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_student_conditions(%s) IS %L', id,
'The chronic conditions of a student as a JSON array, with items and order of wc_health_summary''s chronicConditions: by status, condition, id. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_recent_vitals(%s, integer) IS %L', id,
'The latest n records with vitals of a student as a JSON array, with items and order of wc_health_summary''s recentVitals; n from 1 to 500, NULL: 5. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: 22023 n out of range, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_vaccinations(%s) IS %L', id,
'All vaccinations of a student as a JSON array, with items and order of wc_health_summary''s recentVaccinations. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('CREATE FUNCTION @extschema@.wc_bulk_delete_records(ids %s[]) RETURNS json '
                       'LANGUAGE c VOLATILE PARALLEL UNSAFE AS ''MODULE_PATHNAME'', ''wc_bulk_delete_records''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_bulk_delete_records(%s[]) IS %L', id,
'Deletes the records with these ids in one statement, as the caller may: {"deleted": rows, "notFound": ids}. An id that stands there more than once counts once, NULLs are passed over; what a policy hides is not found. What is cached of the students goes when the transaction commits. NULL for NULL. Errors: 42501 no privilege to delete, or to select the id; 25006 in a read-only transaction or on a standby; 55000, 42P01, 42703, 22P02 and 42804 as wc_health_summary; 23503 where a foreign key keeps a record. Then nothing is deleted.');
    END LOOP;
END
$$;
