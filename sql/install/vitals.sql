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

CREATE AGGREGATE wc_statistics(value double precision) (
    SFUNC = white_cross.statistics_add, STYPE = internal, SSPACE = 8192,
    COMBINEFUNC = white_cross.statistics_combine,
    SERIALFUNC = white_cross.statistics_serialize, DESERIALFUNC = white_cross.statistics_deserialize,
    FINALFUNC = white_cross.statistics_rounded, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE wc_statistics(double precision) IS
'{"count", "sum", "average", "min", "max", "median", "stdDev"} of the values that are not NULL, in their unit; all but the count rounded to two decimals as JavaScript''s Math.round(x * 100) / 100. stdDev is the population''s; the median of an even number of values is the mean of the two in the middle. NULL where there is no value. Runs in parallel, with the same result. Keeps 8 bytes a value and group in memory. Errors: 22003 NaN or an infinite value, or a sum out of range; 54000 more than 134 million values in a group.';
CREATE AGGREGATE wc_statistics_exact(value double precision) (
    SFUNC = white_cross.statistics_add, STYPE = internal, SSPACE = 8192,
    COMBINEFUNC = white_cross.statistics_combine,
    SERIALFUNC = white_cross.statistics_serialize, DESERIALFUNC = white_cross.statistics_deserialize,
    FINALFUNC = white_cross.statistics_exact, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE wc_statistics_exact(double precision) IS
'wc_statistics without its rounding: the shortest digits that read back as the same double precision number.';

CREATE FUNCTION white_cross.trend_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_combine';
CREATE FUNCTION white_cross.trend_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_serialize';
CREATE FUNCTION white_cross.trend_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_deserialize';
CREATE FUNCTION white_cross.trend_result(state internal) RETURNS json
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_result';

-- One for each type of a time.
DO $$
DECLARE
    kind record;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('timestamp', 'wc_trend_add'), ('timestamptz', 'wc_trend_add'), ('date', 'wc_trend_add_day')) AS k (type, symbol) LOOP
        EXECUTE format('CREATE FUNCTION white_cross.trend_add(state internal, value double precision, at %s) RETURNS internal '
                       'LANGUAGE c IMMUTABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', %L', kind.type, kind.symbol);
        EXECUTE format('CREATE AGGREGATE @extschema@.wc_trend(value double precision, at %s) ('
                       'SFUNC = white_cross.trend_add, STYPE = internal, SSPACE = 320, COMBINEFUNC = white_cross.trend_combine, '
                       'SERIALFUNC = white_cross.trend_serialize, DESERIALFUNC = white_cross.trend_deserialize, '
                       'FINALFUNC = white_cross.trend_result, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE)', kind.type);
        EXECUTE format('COMMENT ON AGGREGATE @extschema@.wc_trend(double precision, %s) IS %L', kind.type,
'{"trend", "changeRate", "average", "min", "max", "points", "slopePer30Days", "rSquared"} of values over time, in any order. trend is "increasing" or "decreasing" where the last value is more than 5 % from the first, else "stable"; changeRate is (last - first) / |first| in percent, null where the first is 0, and then any difference counts as a trend. Several values of the first or the last moment count as their mean. slopePer30Days is that of the least-squares line, in the value''s unit; rSquared (0 to 1) is how much of the variance it explains; both null where all points are of one moment. Rows with a NULL are passed over; NULL where none is left. Runs in parallel. Errors: 22003 NaN or an infinite value, 22008 an infinite time.');
    END LOOP;
END
$$;

-- Growth and vitals of a student.  Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION @extschema@.wc_vital_trend(student_id %s, vital text, since timestamptz DEFAULT NULL) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_vital_trend''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_vital_trend(%s, text, timestamptz) IS %L', id,
'wc_trend of one of a student''s vitals (temperature, bloodPressureSystolic, bloodPressureDiastolic, heartRate, respiratoryRate, oxygenSaturation, height, weight, bmi) over the student''s records, from "since" on if it is given. What is no number in a record''s vital is passed over. NULL where nothing is left, for an unknown student or one that a policy hides, and for a NULL id or vital. Reads as the caller. Errors: 22023 an unknown vital, and those of wc_health_summary.');
        EXECUTE format('CREATE FUNCTION @extschema@.wc_growth_chart(student_id %s, include text[] DEFAULT ''{}'') RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_growth_chart''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_growth_chart(%s, text[]) IS %L', id,
'The growth of a student as a JSON array, oldest first, ties by id: [{"date", "height" in cm, "weight" in kg, "bmi" in kg/m^2, "recordType"}], an item for each record whose vital has height or weight as a number. include => ''{percentiles}'' adds to each "ageMonths" (whole days / 30.4375), "zScores" and "percentiles" and "implausible" (CDC''s limits of the modified z-score) of height, weight and bmi, and the BMI "category", by CDC 2000 with the extended BMI of 2022; BMI is computed from height and weight where both are there. null outside 24 to 240 months, without a birth date, and for a sex without a reference. Empty for an unknown student, or one that a policy hides; NULL for a NULL id. Reads as the caller. Errors: 22023 an unknown section, and those of wc_health_summary.');
        EXECUTE format('CREATE FUNCTION @extschema@.wc_growth_chart_svg(student_id %s, measure text, width integer DEFAULT 800, height integer DEFAULT 600) '
                       'RETURNS text LANGUAGE c STABLE STRICT PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_growth_chart_svg''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_growth_chart_svg(%s, text, integer, integer) IS %L', id,
'A growth chart as an SVG document, XML in ASCII: CDC 2000 percentile curves (BMI with the extension of 2022) from 3 to 97, as many as their labels find room, over the student''s years, at least six; the student''s measurements, joined; implausible ones hollow and joined by nothing. measure: bmi (kg/m^2, of height and weight where both are there), height (cm) or weight (kg). width and height in pixels, 160 to 4000. Follows the reader''s light or dark scheme. Holds ages and values, no names and no dates; without curves for a sex without a reference. NULL for an unknown student or one that a policy hides, and for a NULL argument. Reads as the caller. Errors: 22023 an unknown measure or a size out of range, and those of wc_health_summary.');
    END LOOP;
END
$$;

-- How many are in each BMI category.
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION @extschema@.wc_bmi_category_of(student_id %s, as_of timestamptz DEFAULT NULL) RETURNS text '
                       'LANGUAGE c STABLE PARALLEL SAFE COST 2000 AS ''MODULE_PATHNAME'', ''wc_bmi_category_of''', id);
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_bmi_category_of(%s, timestamptz) IS %L', id,
'The BMI category (underweight, healthy, overweight, obesity class 1 to 3, by CDC 2000 with the extension of 2022) of a student''s latest plausible measurement up to "as_of" (NULL: now). A record counts whose vital gives a BMI, of height (cm) and weight (kg) or as recorded (kg/m^2), and of which nothing is implausible by CDC''s limits. NULL without such a record, for a sex or an age without a reference, for an unknown student or one that a policy hides, and for a NULL id. Reads as the caller. Errors: those of wc_health_summary.');
    END LOOP;
END
$$;
CREATE FUNCTION wc_growth_prevalence(grade text DEFAULT NULL, as_of timestamptz DEFAULT NULL)
RETURNS TABLE (student_grade text, sex text, category text, students bigint, percent double precision)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_growth_prevalence'
-- However few pages the students fill: each of them costs a search in an index.
SET min_parallel_table_scan_size = 0 SET jit = off;
COMMENT ON FUNCTION wc_growth_prevalence(text, timestamptz) IS
'How many students are in each BMI category (CDC 2000, extended 2022), by grade and sex, each by the latest measurement up to "as_of" (NULL: now) that is plausible; "grade" NULL: all grades. Category NULL: students of whom wc_bmi_category_of knows none. percent is of those in the grade and of the sex that have a category. One statement over all students, shared by parallel workers; wants the index on student and date that wc_index_statements names. Reads as the caller: counts what row-level security shows. Errors: those of wc_health_summary, 42703 there is no column for the grade.';
