-- Records of a student

-- Overloads for text, uuid and bigint ids share their comments.
--
-- Drivers bind filters as json, as jsonb, or as text of one type or none.  anycompatible takes all of these, and text of no type
-- becomes text.  Overloads cannot: of several only one can have the defaults, so that "filters => '{}'::jsonb" without a page
-- would find no function, or more than one.
DO $$
DECLARE
    id text;
    ids text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_student_records(student_id %s, page bigint DEFAULT 1, page_size bigint DEFAULT 20, filters anycompatible DEFAULT ''{}''::text) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_records''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_student_records_after(student_id %s, cursor text DEFAULT NULL, page_size bigint DEFAULT 20, filters anycompatible DEFAULT ''{}''::text) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_records_after''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_student_allergies(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_allergies''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_student_conditions(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_conditions''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_recent_vitals(student_id %s, n bigint DEFAULT 5) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_recent_vitals''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_vaccinations(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_vaccinations''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_records(%s, bigint, bigint, anycompatible) IS %L', '@extschema@', id,
'Returns a page of a student''s records as JSON: records, latest first, ties by id, and pagination with page, limit, total and pages. Pages count from 1, page_size is 1 to 500. filters is json, jsonb or text: type (a record type), dateFrom and dateTo (ISO 8601, both inclusive; a date alone means the whole day, a time without a zone is UTC), provider (a part of the name, in any case of letters). A filter of null, or an empty provider, filters nothing. NULL for page, page_size or filters means the default. An unknown student, or one whom a policy hides, has an empty page; NULL for a NULL id. Errors: 22P02 text that is not JSON, 42804 filters of another type; 22023 a page or page_size out of range, filters that are not an object, an unknown filter or record type, a filter that is not a string; 22007 a date that is not one, 22008 a date beyond those of PostgreSQL; and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_records_after(%s, text, bigint, anycompatible) IS %L', '@extschema@', id,
'Returns the records of a student after a cursor, as JSON: records, as wc_student_records has them, and nextCursor to pass next, null at the end. NULL for the cursor begins with the latest. The cost does not grow with depth, and records that come or go in between cause no repeated and no missing record. A cursor is valid for its student and its filters only. It contains the date and id of a record, so treat it as you treat those. Errors: 22023 an invalid cursor, or one that belongs to another student or other filters, and those of wc_student_records.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_allergies(%s) IS %L', '@extschema@', id,
'Returns the allergies of a student as a JSON array, with the items and the order of wc_health_summary. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_conditions(%s) IS %L', '@extschema@', id,
'Returns the chronic conditions of a student as a JSON array, with the items and the order of chronicConditions in wc_health_summary: by status, condition, id. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_recent_vitals(%s, bigint) IS %L', '@extschema@', id,
'Returns the latest n records with vitals of a student as a JSON array, with the items and the order of recentVitals in wc_health_summary; n is 1 to 500, NULL: 5. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: 22023 n out of range, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_vaccinations(%s) IS %L', '@extschema@', id,
'Returns all vaccinations of a student as a JSON array, with the items and the order of recentVaccinations in wc_health_summary. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
    END LOOP;
    -- As text: an array of text, as most drivers send it, without a type.
    FOREACH ids IN ARRAY '{text[],uuid[],bigint[],text}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_bulk_delete_records(ids %s) RETURNS json '
                       'LANGUAGE c VOLATILE PARALLEL UNSAFE AS ''MODULE_PATHNAME'', ''wc_bulk_delete_records''', '@extschema@', ids);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_bulk_delete_records(%s) IS %L', '@extschema@', ids,
'Deletes the records with these ids in one statement, as the caller may, and returns {"deleted": rows, "notFound": ids}. An id that appears more than once counts once; NULLs are passed over; a record that a policy hides is not found. When the transaction commits, everything cached of the students becomes stale. NULL for NULL. Errors: 42501 no privilege to delete, or to select the id; 25006 in a read-only transaction or on a standby; 55000, 42P01, 42703, 22P02 and 42804 as wc_health_summary; 23503 a foreign key that keeps a record. After an error nothing is deleted. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
    END LOOP;
END
$$;
