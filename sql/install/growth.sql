-- Body mass index, ages, and growth references

CREATE FUNCTION wc_bmi(height_cm double precision, weight_kg double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi';
COMMENT ON FUNCTION wc_bmi(double precision, double precision) IS
'Body mass index in kg/m² of a height in cm and a weight in kg, rounded to one decimal as JavaScript''s Math.round(x * 10) / 10 does (halves go up). NULL for NULL. Error 22003 for a height or weight that is zero, negative, NaN or infinite.';

CREATE FUNCTION wc_bmi_exact(height_cm double precision, weight_kg double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_exact';
COMMENT ON FUNCTION wc_bmi_exact(double precision, double precision) IS
'Body mass index in kg/m² of a height in cm and a weight in kg, not rounded: weight / (height / 100)². Growth references are asked with this one. NULL for NULL. Error 22003 for a height or weight that is zero, negative, NaN or infinite.';

CREATE FUNCTION wc_bmi_batch(heights_cm double precision[], weights_kg double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_batch';
COMMENT ON FUNCTION wc_bmi_batch(double precision[], double precision[]) IS
'wc_bmi of each height in cm with the weight in kg at the same place. NULL where either element is. Errors: 22003 as wc_bmi, with the place of the element; 2202E for arrays of different lengths or of more than one dimension.';

CREATE FUNCTION wc_age_months(birth_date date, at date) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_age_months';
CREATE FUNCTION wc_age_months(birth_date timestamp, at timestamp) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_age_months_timestamp';
CREATE FUNCTION wc_age_months(birth_date timestamptz, at timestamptz) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_age_months_timestamptz';
COMMENT ON FUNCTION wc_age_months(date, date) IS
'Age in months as growth references count it: whole days from the birth date, over 30.4375. Negative before the birth. NULL for NULL. Error 22008 for infinite dates.';
COMMENT ON FUNCTION wc_age_months(timestamp, timestamp) IS
'Age in months as growth references count it: whole days from calendar day to calendar day, whatever the hour, over 30.4375. Negative before the birth. NULL for NULL. Error 22008 for infinite timestamps.';
COMMENT ON FUNCTION wc_age_months(timestamptz, timestamptz) IS
'Age in months as growth references count it: whole days from calendar day to calendar day in the session''s time zone, over 30.4375. Negative before the birth. NULL for NULL. Error 22008 for infinite timestamps.';

-- CDC 2000 is compiled in: these read no table.
CREATE FUNCTION wc_growth_zscore(measure text, sex text, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore';
CREATE FUNCTION wc_growth_zscore(measure text, sex anyenum, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore_by_enum';
CREATE FUNCTION wc_growth_zscore_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore_batch';

CREATE FUNCTION wc_growth_percentile(measure text, sex text, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile';
CREATE FUNCTION wc_growth_percentile(measure text, sex anyenum, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile_by_enum';
CREATE FUNCTION wc_growth_percentile_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile_batch';

CREATE FUNCTION wc_growth_value(measure text, sex text, age_months double precision, percentile double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value';
CREATE FUNCTION wc_growth_value(measure text, sex anyenum, age_months double precision, percentile double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value_by_enum';
CREATE FUNCTION wc_growth_value_batch(measure text, sexes text[], ages_months double precision[], percentiles double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value_batch';

CREATE FUNCTION wc_growth_modified_zscore(measure text, sex text, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore';
CREATE FUNCTION wc_growth_modified_zscore(measure text, sex anyenum, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore_by_enum';
CREATE FUNCTION wc_growth_modified_zscore_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore_batch';

CREATE FUNCTION wc_growth_implausible(measure text, sex text, age_months double precision, value double precision) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_implausible';
CREATE FUNCTION wc_growth_implausible(measure text, sex anyenum, age_months double precision, value double precision) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_implausible_by_enum';
CREATE FUNCTION wc_growth_implausible_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS boolean[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_implausible_batch';

CREATE FUNCTION wc_bmi_category(sex text, age_months double precision, bmi double precision) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_category';
CREATE FUNCTION wc_bmi_category(sex anyenum, age_months double precision, bmi double precision) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_category_by_enum';
CREATE FUNCTION wc_bmi_category_batch(sexes text[], ages_months double precision[], bmis double precision[]) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_category_batch';

CREATE FUNCTION wc_bmi_percent_of_p95(sex text, age_months double precision, bmi double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_percent_of_p95';
CREATE FUNCTION wc_bmi_percent_of_p95(sex anyenum, age_months double precision, bmi double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_percent_of_p95_by_enum';
CREATE FUNCTION wc_bmi_percent_of_p95_batch(sexes text[], ages_months double precision[], bmis double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_percent_of_p95_batch';

CREATE FUNCTION wc_growth_curves(measure text, sex text, percentiles double precision[] DEFAULT '{3,5,10,25,50,75,85,90,95,97}')
RETURNS TABLE (age_months double precision, percentile double precision, value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2180 AS 'MODULE_PATHNAME', 'wc_growth_curves';
CREATE FUNCTION wc_growth_curves(measure text, sex anyenum, percentiles double precision[] DEFAULT '{3,5,10,25,50,75,85,90,95,97}')
RETURNS TABLE (age_months double precision, percentile double precision, value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2180 AS 'MODULE_PATHNAME', 'wc_growth_curves_by_enum';

DO $$
DECLARE
    -- What all of them have in common.
    measures constant text := ' Measures: bmi in kg/m² (see wc_bmi_exact), height in cm, weight in kg.';
    sexes    constant text := ' Sexes: male, female; other and prefer_not_to_say, for which there is no reference; in upper or lower case, or as an enum, of which any other label counts as other.';
    nulls    constant text := ' NULL for NULL, for ages outside 24 to below 240 months (wc_age_months) and where there is no reference for the sex; nothing is clamped.';
    errors   constant text := ' Errors: 22023 for an unknown measure or sex; 22003 for a value that is zero, negative, NaN or infinite, or an age that is NaN or infinite.';
    arrays   constant text := ' Of arrays of one length, element by element; 2202E if they are not. A NULL element gives NULL; errors name the place of the element.';
    source   constant text := ' Source: CDC growth charts of 2000, LMS method of Cole and Green 1992';
    extended constant text := '; BMI above P95 by CDC''s extension of 2022';
    said     record;
BEGIN
    FOR said IN
        SELECT p.oid::regprocedure AS function, f.words || CASE WHEN p.proname LIKE '%\_batch' THEN arrays ELSE '' END AS words
        FROM (VALUES
            ('wc_growth_zscore', 'How many standard deviations a value is from the median of children of that sex and age; above P95 of BMI the normal quantile of the percentile, at most 8.21.' || measures || sexes || nulls || errors || source || extended || '.'),
            ('wc_growth_percentile', 'The percentage, 0 to below 100, of children of that sex and age whose value is lower.' || measures || sexes || nulls || errors || source || extended || ': 90 + 10·Φ((BMI − P95)/σ).'),
            ('wc_growth_value', 'The value at a percentile, above 0 and below 100, of children of that sex and age: the inverse of wc_growth_percentile. NULL too where the LMS method has no value that high.' || measures || sexes || nulls || ' Errors: 22023 for an unknown measure or sex; 22003 for a percentile that is not above 0 and below 100, or an age that is NaN or infinite.' || source || extended || '.'),
            ('wc_growth_modified_zscore', 'CDC''s modified z-score, by which outliers are told: the distance from the median in halves of the distance from the median to z = ±2, without the extension of BMI.' || measures || sexes || nulls || errors || source || '.'),
            ('wc_growth_implausible', 'Whether CDC calls a value biologically implausible, by its modified z-score: weight below −5 or above 8, height below −5 or above 4, BMI below −4 or above 8. A flag, not an error: keep the value.' || measures || sexes || nulls || errors || source || '.'),
            ('wc_bmi_category', 'The category of a BMI in kg/m²: underweight (below P5), healthy (below P85), overweight (below P95), obesity class 1 (from P95), obesity class 2 (from 120 % of P95 or BMI 35), obesity class 3 (from 140 % of P95 or BMI 40).' || sexes || nulls || errors || source || '.'),
            ('wc_bmi_percent_of_p95', 'A BMI in kg/m² in percent of the 95th percentile of that sex and age.' || sexes || nulls || errors || source || '.')
        ) AS f (name, words)
        JOIN pg_catalog.pg_proc AS p ON p.proname IN (f.name, f.name || '_batch')
        JOIN pg_catalog.pg_extension AS e ON e.extname = 'white_cross' AND e.extnamespace = p.pronamespace
    LOOP
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', said.function, said.words);
    END LOOP;
    EXECUTE format('COMMENT ON FUNCTION wc_growth_curves(text, text, double precision[]) IS %1$L; COMMENT ON FUNCTION wc_growth_curves(text, anyenum, double precision[]) IS %1$L',
        'The curves of the reference: for each of its points, 24, 24.5, 25.5 … 239.5 and 240 months, the value at each percentile (above 0 and below 100); a NULL value where the LMS method has none that high. No rows for a sex without a reference.' || measures || sexes || ' Errors: 22023 for an unknown measure or sex; 22003 for a percentile out of range.' || source || extended || '.');
END
$$;
