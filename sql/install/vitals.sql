-- Vital signs: statistics and trends

CREATE FUNCTION white_cross.statistics_add(state internal, value double precision) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_add';
CREATE FUNCTION white_cross.statistics_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_combine';
CREATE FUNCTION white_cross.statistics_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_serialize';
CREATE FUNCTION white_cross.statistics_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_deserialize';
CREATE FUNCTION white_cross.statistics_rounded(state internal) RETURNS json
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_rounded';
CREATE FUNCTION white_cross.statistics_exact(state internal) RETURNS json
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_exact';

CREATE AGGREGATE @extschema@.wc_statistics(value double precision) (
    SFUNC = white_cross.statistics_add, STYPE = internal, SSPACE = 8192,
    COMBINEFUNC = white_cross.statistics_combine,
    SERIALFUNC = white_cross.statistics_serialize, DESERIALFUNC = white_cross.statistics_deserialize,
    FINALFUNC = white_cross.statistics_rounded, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.wc_statistics(double precision) IS
'Returns {"count", "sum", "average", "min", "max", "median", "stdDev"} of the values that are not NULL, in their unit. All but the count are rounded to two decimals, as JavaScript''s Math.round(x * 100) / 100 rounds. stdDev is the population''s. The median of an even number of values is the mean of the two in the middle. NULL if there is no value. Runs in parallel, with the same result. Keeps 8 bytes for each value of a group in memory. Errors: 22003 NaN or an infinite value, or a sum out of range; 54000 more than 134 million values in a group.';
CREATE AGGREGATE @extschema@.wc_statistics_exact(value double precision) (
    SFUNC = white_cross.statistics_add, STYPE = internal, SSPACE = 8192,
    COMBINEFUNC = white_cross.statistics_combine,
    SERIALFUNC = white_cross.statistics_serialize, DESERIALFUNC = white_cross.statistics_deserialize,
    FINALFUNC = white_cross.statistics_exact, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.wc_statistics_exact(double precision) IS
'Like wc_statistics, without rounding: numbers have the shortest digits that read back as the same double precision number.';

CREATE FUNCTION white_cross.trend_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_combine';
CREATE FUNCTION white_cross.trend_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_serialize';
CREATE FUNCTION white_cross.trend_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_deserialize';
CREATE FUNCTION white_cross.trend_result(state internal) RETURNS json
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_result';

-- An aggregate for each type of time.
DO $$
DECLARE
    kind record;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('timestamp', 'wc_trend_add'), ('timestamptz', 'wc_trend_add'), ('date', 'wc_trend_add_day')) AS k (type, symbol) LOOP
        EXECUTE format('CREATE FUNCTION white_cross.trend_add(state internal, value double precision, at %s) RETURNS internal '
                       'LANGUAGE c IMMUTABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', %L', kind.type, kind.symbol);
        EXECUTE format('CREATE AGGREGATE %s.wc_trend(value double precision, at %s) ('
                       'SFUNC = white_cross.trend_add, STYPE = internal, SSPACE = 320, COMBINEFUNC = white_cross.trend_combine, '
                       'SERIALFUNC = white_cross.trend_serialize, DESERIALFUNC = white_cross.trend_deserialize, '
                       'FINALFUNC = white_cross.trend_result, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE)', '@extschema@', kind.type);
        EXECUTE format('COMMENT ON AGGREGATE %s.wc_trend(double precision, %s) IS %L', '@extschema@', kind.type,
'Returns {"trend", "changeRate", "average", "min", "max", "points", "slopePer30Days", "rSquared"} of values over time, which may come in any order. trend is "increasing" or "decreasing" if the last value differs from the first by more than 5 %, else "stable". changeRate is (last - first) / |first| in percent; it is null if the first value is 0, and then any difference is a trend. If the first or the last moment has several values, their mean counts. slopePer30Days is the slope of the least-squares line, in the value''s unit. rSquared (0 to 1) is the share of the variance that the line explains. Both are null if all points have the same time. Rows with a NULL are ignored; NULL if no row is left. Runs in parallel. Errors: 22003 NaN or an infinite value, 22008 an infinite time.');
    END LOOP;
END
$$;

-- Tables have vitals as jsonb; drivers also bind them as json, or as text of one type or none.
DO $$
DECLARE
    kind record;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('jsonb', 'wc_vital_value'), ('json', 'wc_vital_value_of_text'), ('text', 'wc_vital_value_of_text')) AS k (type, symbol) LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_vital_value(vital %s, name text) RETURNS double precision '
                       'LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS ''MODULE_PATHNAME'', %L', '@extschema@', kind.type, kind.symbol);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_vital_value(%s, text) IS %L', '@extschema@', kind.type,
'Returns one vital sign of a record (temperature, bloodPressureSystolic, bloodPressureDiastolic, heartRate, respiratoryRate, oxygenSaturation, height, weight, bmi) in its own unit: degrees Celsius, mmHg, per minute, percent, cm, kg, kg/m^2. The vital of a record, as jsonb, json or text, has a number, a text with its unit ("80 lb", "5 ft 2 in"), or a number or text with the unit beside it ({"weight": 80, "weightUnit": "lb"}); docs/growth.md lists the accepted spellings. NULL if the vital sign is missing, is not a number or has an unknown unit, and for a NULL argument. Charts, categories, trends and compute_bmi use this function. Errors: 22023 an unknown vital; 22P02 text that is not JSON, 22P05 and 22003 JSON that jsonb cannot hold.');
    END LOOP;
END
$$;

-- Growth and vitals of a student.  Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id    text;
    since text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        FOREACH since IN ARRAY '{timestamptz,text,date}'::text[] LOOP
            EXECUTE format('CREATE FUNCTION %s.wc_vital_trend(student_id %s, vital text, since %s) RETURNS json '
                           'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_vital_trend''', '@extschema@', id,
                           since || CASE since WHEN 'text' THEN ' DEFAULT NULL' ELSE '' END);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_vital_trend(%s, text, %s) IS %L', '@extschema@', id, since,
'Returns wc_trend of one vital sign of a student (temperature, bloodPressureSystolic, bloodPressureDiastolic, heartRate, respiratoryRate, oxygenSaturation, height, weight, bmi) over the student''s records, from "since" on if it is given. A day without an hour is the whole day in white_cross.time_zone. If several records have the same time, the one that was entered last counts. Records for which wc_vital_value is NULL are ignored. NULL if no record is left, for an unknown student or one that a policy hides, and for a NULL id or vital. Reads as the caller. Errors: 22023 an unknown vital; those of wc_health_summary; those of the input of times.');
        END LOOP;
        EXECUTE format('CREATE FUNCTION %s.wc_growth_chart(student_id %s, include text[] DEFAULT ''{}'') RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_growth_chart''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_growth_chart(%s, text[]) IS %L', '@extschema@', id,
'Returns the growth of a student as a JSON array, oldest first: [{"date", "height" in cm, "weight" in kg, "bmi" in kg/m^2, "recordType"}]. Each record whose vital has a height or a weight (wc_vital_value) gives an item. If several records have the same time, the one that was entered last counts. Values in other units are converted, to two decimals. include => ''{percentiles}'' adds to each item: "ageMonths" (whole days / 30.4375, by the calendar of white_cross.time_zone); "zScores", "percentiles" and "implausible" (CDC''s limits of the modified z-score) of height, weight and bmi; and the BMI "category". They follow CDC 2000 with the extended BMI of 2022. BMI is computed from height and weight if the record has both. They are null outside 24 to 240 months, without a birth date, and for a sex without a reference; for such a sex "implausible" is true if the value is implausible for both sexes. Empty for an unknown student or one that a policy hides; NULL for a NULL id. Reads as the caller. Errors: 22023 an unknown section; those of wc_health_summary.');
        EXECUTE format('CREATE FUNCTION %s.wc_growth_chart_svg(student_id %s, measure text, width bigint DEFAULT 800, height bigint DEFAULT 600) '
                       'RETURNS text LANGUAGE c STABLE STRICT PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_growth_chart_svg''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_growth_chart_svg(%s, text, bigint, bigint) IS %L', '@extschema@', id,
'Returns a growth chart as an SVG document, which is XML in ASCII. It shows CDC 2000 percentile curves from 3 to 97 (BMI with the extension of 2022), as many as there is room to label, over at least six years of age. A line joins the student''s measurements. Implausible ones are hollow and not joined; one that is off the scale is an arrow with its value. A line below says how many could not be drawn, and why: no birth date, or an age outside the curves. measure: bmi (kg/m^2, from height and weight if the record has both), height (cm) or weight (kg). width and height are in pixels, 160 to 4000. The chart follows the reader''s light or dark scheme. It has ages and values, but no names and no dates. It has no curves for a sex without a reference. NULL for an unknown student or one that a policy hides, and for a NULL argument. Reads as the caller. Errors: 22023 an unknown measure or a size out of range; those of wc_health_summary.');
    END LOOP;
END
$$;

-- BMI categories of students, and how many students are in each.  A time that is given as text or date without an hour means the
-- whole day.  So does a literal, which PostgreSQL resolves to the overload for text.  Only that overload has a default for the
-- time, because calls without it would be ambiguous otherwise.
DO $$
DECLARE
    id      text;
    as_of   text;
    said    text;
    counted constant text := ' "as_of": NULL means now, and a day without an hour means the whole day in white_cross.time_zone.';
    latest  constant text := 'A record counts if its vital gives a BMI: from height (cm) and weight (kg), or as recorded (kg/m^2). If several records have the same time, the one that was entered last counts.';
    nobody  constant text := ' for an unknown student or one that a policy hides, and for a NULL id. Reads as the caller. Errors: those of wc_health_summary, and those of the input of times.';
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        FOREACH as_of IN ARRAY '{timestamptz,text,date}'::text[] LOOP
            said := as_of || CASE as_of WHEN 'text' THEN ' DEFAULT NULL' ELSE '' END;
            EXECUTE format('CREATE FUNCTION %s.wc_bmi_category_of(student_id %s, as_of %s, plausible_only boolean DEFAULT false) RETURNS text '
                           'LANGUAGE c STABLE PARALLEL SAFE COST 2000 AS ''MODULE_PATHNAME'', ''wc_bmi_category_of''', '@extschema@', id, said);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_bmi_category_of(%s, %s, boolean) IS %L', '@extschema@', id, as_of,
'Returns the BMI category (underweight, healthy, overweight, obesity class 1 to 3, by CDC 2000 with the extension of 2022) of a student''s latest measurement up to "as_of". ' || latest || ' A measurement that CDC''s limits call implausible has a category too, because an extreme value is more often true than not; wc_latest_bmi tells which ones are implausible. With "plausible_only" they give NULL, and never the category of an older measurement.' || counted || ' NULL without a measurement, for a sex or an age without a reference,' || nobody);
            EXECUTE format('CREATE FUNCTION %s.wc_latest_bmi(student_id %s, as_of %s, OUT category text, OUT implausible boolean, OUT bmi double precision, OUT measured_at timestamptz) '
                           'RETURNS record LANGUAGE c STABLE PARALLEL SAFE COST 2000 AS ''MODULE_PATHNAME'', ''wc_latest_bmi''', '@extschema@', id, said);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_latest_bmi(%s, %s) IS %L', '@extschema@', id, as_of,
'Returns a student''s latest measurement up to "as_of": the BMI category as wc_bmi_category_of returns it, whether height, weight or BMI is implausible by CDC''s limits (check such a value, do not drop it), the BMI in kg/m^2, and when it was measured. ' || latest || counted || ' All NULL without a measurement,' || nobody);
            EXECUTE format('CREATE FUNCTION %s.wc_bmi_group_of(student_id %s, as_of %s, within interval DEFAULT ''1 year'') RETURNS text '
                           'LANGUAGE c STABLE PARALLEL SAFE COST 2000 AS ''MODULE_PATHNAME'', ''wc_bmi_group_of''', '@extschema@', id, said);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_bmi_group_of(%s, %s, interval) IS %L', '@extschema@', id, as_of,
'Returns the name of the row in which wc_growth_prevalence counts a student. It is the BMI category of the latest measurement that is no older than "within" at "as_of" (NULL: of any age). It is "no recent measurement" if there is no such measurement; "to be checked" if height, weight or BMI is implausible by CDC''s limits; "no reference" for an age outside 24 to 240 months, without a birth date, and for a sex without a reference. ' || latest || counted || ' An unknown student, or one that a policy hides, gives "no recent measurement"; a NULL id gives NULL. Reads as the caller. Errors: 22023 "within" is not positive; those of wc_health_summary; those of the input of times.');
        END LOOP;
    END LOOP;
    FOREACH as_of IN ARRAY '{timestamptz,text,date}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_growth_prevalence(grade text %s, as_of %s, within interval DEFAULT ''1 year'') '
                       'RETURNS TABLE (student_grade text, sex text, category text, students bigint, percent double precision, counted_at timestamptz, counted_within interval) '
                       'LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100 AS ''MODULE_PATHNAME'', ''wc_growth_prevalence'' '
                       -- Parallel workers pay off even if the students fill few pages, because each student costs a search in an index.
                       'SET min_parallel_table_scan_size = 0 SET jit = off', '@extschema@',
                       CASE as_of WHEN 'text' THEN 'DEFAULT NULL' ELSE '' END,
                       as_of || CASE as_of WHEN 'text' THEN ' DEFAULT NULL' ELSE '' END);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_growth_prevalence(text, %s, interval) IS %L', '@extschema@', as_of,
'Returns how many active students are in each BMI category (CDC 2000, extended 2022), by grade and sex. A student is active if isActive is true or NULL, or if no column isActive is attached. The latest measurement up to "as_of" that is no older than "within" (NULL: of any age) decides. "grade" NULL means all grades. Three more rows make the numbers add up: "to be checked", "no recent measurement" and "no reference"; wc_bmi_group_of tells which one a student is in. percent is the share of the students of the grade and sex that have a category. counted_at and counted_within repeat what was asked. Runs one statement over all students, which parallel workers can share, and needs the index on student and date that wc_index_statements names to be fast. Reads as the caller: counts only students that row-level security shows.' || counted || ' Errors: those of wc_bmi_group_of; 42703 no column for the grade is attached.');
    END LOOP;
END
$$;
