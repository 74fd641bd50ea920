-- wc_help: the functions by subject

-- The names come from the catalog, the words from here.  A function without words has the first of its comment.
CREATE FUNCTION @extschema@.wc_help() RETURNS TABLE (subject text, function text, purpose text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 80
BEGIN ATOMIC
    WITH known (n, subject, name, purpose) AS (VALUES
        (101, 'set up', 'wc_create_tables', 'creates the four tables in a schema without them'),
        (102, 'set up', 'wc_attach', 'attaches the tables of a schema'),
        (103, 'set up', 'wc_index_statements', 'statements for the indexes that are missing'),
        (104, 'set up', 'wc_grant_worker', 'gives a role what wc-worker needs'),
        (105, 'set up', 'wc_row_functions', 'statements for functions on rows of students'),
        (106, 'set up', 'wc_detach', 'undoes wc_attach; tables and data stay'),
        (201, 'read', 'wc_health_summary', 'the health summary of a student'),
        (202, 'read', 'wc_health_summaries', 'the summaries of many students, a row for each'),
        (203, 'read', 'wc_student_records', 'a page of the records of a student'),
        (204, 'read', 'wc_student_records_after', 'the records behind a cursor'),
        (205, 'read', 'wc_recent_vitals', 'the latest records with vitals of a student'),
        (206, 'read', 'wc_vaccinations', 'the vaccinations of a student'),
        (207, 'read', 'wc_student_allergies', 'the allergies of a student'),
        (208, 'read', 'wc_student_conditions', 'the chronic conditions of a student'),
        (209, 'read', 'wc_search_health_records', 'the records that a person''s query finds'),
        (210, 'read', 'wc_vital_trend', 'the trend of a vital sign of a student'),
        (211, 'read', 'wc_vital_value', 'a vital sign of a record in its standard unit'),
        (301, 'growth', 'wc_growth_chart', 'height, weight and BMI of a student over time'),
        (302, 'growth', 'wc_growth_chart_svg', 'the same as a picture with percentile curves'),
        (303, 'growth', 'wc_latest_bmi', 'the latest BMI of a student, and its category'),
        (304, 'growth', 'wc_bmi_category_of', 'the category of the latest BMI of a student'),
        (305, 'growth', 'wc_bmi_group_of', 'the group that counts a student'),
        (306, 'growth', 'wc_growth_prevalence', 'students by BMI category, grade and sex'),
        (307, 'growth', 'wc_age_months', 'age as growth references count it'),
        (308, 'growth', 'wc_growth_percentile', 'percentile of a value for sex and age'),
        (309, 'growth', 'wc_growth_zscore', 'z-score of a value for sex and age'),
        (310, 'growth', 'wc_growth_value', 'value at a percentile'),
        (311, 'growth', 'wc_growth_modified_zscore', 'CDC''s modified z-score'),
        (312, 'growth', 'wc_growth_implausible', 'whether a value is implausible by CDC''s limits'),
        (313, 'growth', 'wc_growth_curves', 'percentile curves as rows'),
        (314, 'growth', 'wc_bmi', 'BMI in kg/m2, to one decimal'),
        (315, 'growth', 'wc_bmi_exact', 'BMI in kg/m2, not rounded'),
        (316, 'growth', 'wc_bmi_category', 'the category of a BMI for sex and age'),
        (317, 'growth', 'wc_bmi_percent_of_p95', 'a BMI in percent of the 95th percentile'),
        (401, 'aggregate', 'wc_statistics', 'count, average, median and more of values'),
        (402, 'aggregate', 'wc_statistics_exact', 'the same, not rounded'),
        (403, 'aggregate', 'wc_trend', 'the trend of values over time'),
        (501, 'move', 'wc_export_health_history', 'the whole history of a student in chunks'),
        (502, 'move', 'wc_export_health_histories', 'the same of many students'),
        (503, 'move', 'wc_export_health_history_ndjson', 'the same of a student, one row a line'),
        (504, 'move', 'wc_export_health_history_csv', 'one section of it as lines of CSV'),
        (505, 'move', 'wc_import_health_history', 'takes an export back'),
        (506, 'move', 'wc_bulk_delete_records', 'deletes records by their ids'),
        (601, 'cache', 'wc_cache_entries', 'what to store in the cache for students'),
        (602, 'cache', 'wc_cache_key', 'the Redis key of a cached value'),
        (603, 'cache', 'wc_write_token', 'token of this transaction, to read its writes'),
        (604, 'cache', 'wc_sees_write', 'whether this statement sees such a transaction'),
        (605, 'cache', 'wc_invalidate', 'makes cached values of students stale'),
        (606, 'cache', 'wc_invalidate_all', 'makes all cached values stale'),
        (607, 'cache', 'wc_invalidate_pattern', 'removes cached values whose keys match'),
        (608, 'cache', 'wc_prewarm', 'asks the worker to build summaries'),
        (701, 'operate', 'wc_diagnose', 'what is wrong or slow, with statements as cure'),
        (702, 'operate', 'wc_performance', 'the last five minutes of calls'),
        (706, 'operate', 'wc_forget_target', 'forgets one of several Redis that is gone'),
        (703, 'operate', 'wc_stat_reset', 'counts calls from now on'),
        (704, 'operate', 'wc_version', 'the version of the loaded library'),
        (705, 'operate', 'wc_help', 'this list')
    ), callable AS (
        SELECT p.proname::text AS name, regexp_replace(p.proname, '_(jsonb|batch)$', '') AS base,
               substring(p.proname FROM '_(jsonb|batch)$') AS form, min(obj_description(p.oid, 'pg_proc')) AS comment
        FROM pg_extension AS e
        JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
        JOIN pg_proc AS p ON p.oid = d.objid
        WHERE e.extname = 'white_cross' AND starts_with(p.proname::text, 'wc_') AND has_function_privilege(p.oid, 'EXECUTE')
          AND p.pronamespace = e.extnamespace
        GROUP BY p.proname
    )
    SELECT coalesce(k.subject, 'other'), c.name,
           CASE WHEN k.name IS NULL THEN left(split_part(c.comment, '. ', 1), 50)
                WHEN c.form IS NULL THEN k.purpose
                WHEN c.form = 'jsonb' THEN 'like ' || c.base || ', as jsonb'
                ELSE 'like ' || c.base || ', of arrays' END
    FROM callable AS c LEFT JOIN known AS k ON k.name = c.base
    ORDER BY k.n, c.name;
END;
COMMENT ON FUNCTION @extschema@.wc_help() IS
'Returns the functions that the caller may call, each name once, by subject, with a few words on what it gives. The comment of each says more: arguments, NULLs and errors.';
