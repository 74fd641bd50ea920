-- Records of a student

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION @extschema@.wc_student_allergies(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_allergies''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_student_conditions(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_conditions''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_recent_vitals(student_id %s, n integer DEFAULT 5) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_recent_vitals''', id);
        EXECUTE format('CREATE FUNCTION @extschema@.wc_vaccinations(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_vaccinations''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_student_allergies(%s) IS %L', id,
'The allergies of a student as a JSON array, with items and order of wc_health_summary. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_student_conditions(%s) IS %L', id,
'The chronic conditions of a student as a JSON array, with items and order of wc_health_summary''s chronicConditions: by status, condition, id. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_recent_vitals(%s, integer) IS %L', id,
'The latest n records with vitals of a student as a JSON array, with items and order of wc_health_summary''s recentVitals; n from 1 to 500, NULL: 5. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: 22023 n out of range, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_vaccinations(%s) IS %L', id,
'All vaccinations of a student as a JSON array, with items and order of wc_health_summary''s recentVaccinations. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
    END LOOP;
END
$$;
