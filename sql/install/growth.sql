-- Body mass index, ages, and growth references

-- Growth references that users load with COPY, such as those of the WHO or of a country: points of L, M and S.
CREATE TABLE white_cross.growth_reference (
    reference  text COLLATE "C" NOT NULL
        CONSTRAINT "a reference has a name, and cdc is the built-in one" CHECK (reference <> '' AND lower(reference) <> 'cdc'),
    measure    text COLLATE "C" NOT NULL CONSTRAINT "measure is bmi, height or weight" CHECK (measure IN ('bmi', 'height', 'weight')),
    sex        text COLLATE "C" NOT NULL CONSTRAINT "sex is male or female" CHECK (sex IN ('male', 'female')),
    -- NaN is greater than all numbers.
    age_months double precision NOT NULL CONSTRAINT "age_months is finite and not negative" CHECK (age_months >= 0 AND age_months < 'Infinity'),
    l          double precision NOT NULL CONSTRAINT "L is from -100 to 100" CHECK (l BETWEEN -100 AND 100),
    m          double precision NOT NULL CONSTRAINT "M is positive and finite" CHECK (m > 0 AND m < 'Infinity'),
    s          double precision NOT NULL CONSTRAINT "S is positive and at most 1" CHECK (s > 0 AND s <= 1),
    PRIMARY KEY (reference, measure, sex, age_months)
);
COMMENT ON TABLE white_cross.growth_reference IS 'growth references beside the built-in cdc: L, M and S (Cole and Green 1992) for a measure, sex and age, linear between ages; the argument reference of wc_growth_percentile and others names one of them';
COMMENT ON COLUMN white_cross.growth_reference.measure IS 'bmi in kg/m^2, height in cm, weight in kg';
COMMENT ON COLUMN white_cross.growth_reference.age_months IS 'days / 30.4375; must ascend in the order in which rows are loaded';
COMMENT ON COLUMN white_cross.growth_reference.l IS 'power of the Box-Cox transformation';
COMMENT ON COLUMN white_cross.growth_reference.m IS 'median, in the unit of the measure';
COMMENT ON COLUMN white_cross.growth_reference.s IS 'coefficient of variation, as a fraction: 0.08, not 8';

-- Refuses ages that do not ascend: if a file has two references under one name, or lines in a wrong order, interpolation between
-- them would be wrong.
CREATE FUNCTION white_cross.check_growth_order() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last constant double precision := (SELECT max(r.age_months) FROM white_cross.growth_reference AS r
        WHERE r.reference = NEW.reference AND r.measure = NEW.measure AND r.sex = NEW.sex);
BEGIN
    IF NEW.age_months < last THEN
        RAISE EXCEPTION 'growth reference "%", %, %: age % comes after age %', NEW.reference, NEW.measure, NEW.sex, NEW.age_months, last
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'Ages must ascend as they are loaded. To load a reference anew, delete its rows first.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION white_cross.check_growth_order() IS 'Trigger on white_cross.growth_reference: refuses a row whose age is below that of an earlier row of the reference, measure and sex.';
CREATE TRIGGER white_cross_order BEFORE INSERT ON white_cross.growth_reference
FOR EACH ROW EXECUTE FUNCTION white_cross.check_growth_order();
CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.growth_reference
FOR EACH ROW EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.growth_reference ENABLE REPLICA TRIGGER white_cross_own;
-- A dump has the rows in the order in which they can be loaded again.
SELECT pg_catalog.pg_extension_config_dump('white_cross.growth_reference', 'ORDER BY reference, measure, sex, age_months');

CREATE FUNCTION @extschema@.wc_bmi(height_cm double precision, weight_kg double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi';
COMMENT ON FUNCTION @extschema@.wc_bmi(double precision, double precision) IS
'Returns the body mass index in kg/m^2 of a height in cm and a weight in kg, rounded to one decimal as JavaScript''s Math.round(x * 10) / 10 does (halves go up). NULL for NULL. Errors: 22003 a height or weight that is zero, negative, NaN or infinite.';

CREATE FUNCTION @extschema@.wc_bmi_exact(height_cm double precision, weight_kg double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_exact';
COMMENT ON FUNCTION @extschema@.wc_bmi_exact(double precision, double precision) IS
'Returns the body mass index in kg/m^2 of a height in cm and a weight in kg, not rounded: weight / (height / 100)^2. Use it, and not wc_bmi, for growth references. NULL for NULL. Errors: 22003 a height or weight that is zero, negative, NaN or infinite.';

CREATE FUNCTION @extschema@.wc_bmi_batch(heights_cm double precision[], weights_kg double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_batch';
COMMENT ON FUNCTION @extschema@.wc_bmi_batch(double precision[], double precision[]) IS
'Returns wc_bmi of each height in cm and the weight in kg at the same place. An element is NULL if its height or weight is NULL. Errors: 22003 as wc_bmi, with the place of the element; 2202E arrays of different lengths or of more than one dimension.';

CREATE FUNCTION @extschema@.wc_age_months(birth_date date, at date) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_age_months';
CREATE FUNCTION @extschema@.wc_age_months(birth_date timestamp, at timestamp) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_age_months_timestamp';
CREATE FUNCTION @extschema@.wc_age_months(birth_date timestamptz, at timestamptz) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_age_months_timestamptz';
COMMENT ON FUNCTION @extschema@.wc_age_months(date, date) IS
'Returns the age in months as growth references count it: whole days since the birth date, divided by 30.4375. Negative before the birth. NULL for NULL. Errors: 22008 an infinite date.';
COMMENT ON FUNCTION @extschema@.wc_age_months(timestamp, timestamp) IS
'Returns the age in months as growth references count it: whole days from calendar day to calendar day, at any hour, divided by 30.4375. Negative before the birth. NULL for NULL. Errors: 22008 an infinite timestamp.';
COMMENT ON FUNCTION @extschema@.wc_age_months(timestamptz, timestamptz) IS
'Returns the age in months as growth references count it: whole days from calendar day to calendar day in white_cross.time_zone, divided by 30.4375. Negative before the birth. NULL for NULL. Errors: 22008 an infinite timestamp.';

-- These functions use CDC 2000, which is compiled into the library, and read no table.
CREATE FUNCTION @extschema@.wc_growth_zscore(measure text, sex text, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore';
CREATE FUNCTION @extschema@.wc_growth_zscore(measure text, sex anyenum, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore_by_enum';
CREATE FUNCTION @extschema@.wc_growth_zscore_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore_batch';

CREATE FUNCTION @extschema@.wc_growth_percentile(measure text, sex text, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile';
CREATE FUNCTION @extschema@.wc_growth_percentile(measure text, sex anyenum, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile_by_enum';
CREATE FUNCTION @extschema@.wc_growth_percentile_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile_batch';

CREATE FUNCTION @extschema@.wc_growth_value(measure text, sex text, age_months double precision, percentile double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value';
CREATE FUNCTION @extschema@.wc_growth_value(measure text, sex anyenum, age_months double precision, percentile double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value_by_enum';
CREATE FUNCTION @extschema@.wc_growth_value_batch(measure text, sexes text[], ages_months double precision[], percentiles double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value_batch';

CREATE FUNCTION @extschema@.wc_growth_modified_zscore(measure text, sex text, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore';
CREATE FUNCTION @extschema@.wc_growth_modified_zscore(measure text, sex anyenum, age_months double precision, value double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore_by_enum';
CREATE FUNCTION @extschema@.wc_growth_modified_zscore_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore_batch';

CREATE FUNCTION @extschema@.wc_growth_implausible(measure text, sex text, age_months double precision, value double precision) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_implausible';
CREATE FUNCTION @extschema@.wc_growth_implausible(measure text, sex anyenum, age_months double precision, value double precision) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_implausible_by_enum';
CREATE FUNCTION @extschema@.wc_growth_implausible_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[]) RETURNS boolean[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_implausible_batch';

CREATE FUNCTION @extschema@.wc_bmi_category(sex text, age_months double precision, bmi double precision) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_category';
CREATE FUNCTION @extschema@.wc_bmi_category(sex anyenum, age_months double precision, bmi double precision) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_category_by_enum';
CREATE FUNCTION @extschema@.wc_bmi_category_batch(sexes text[], ages_months double precision[], bmis double precision[]) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_category_batch';

CREATE FUNCTION @extschema@.wc_bmi_percent_of_p95(sex text, age_months double precision, bmi double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_percent_of_p95';
CREATE FUNCTION @extschema@.wc_bmi_percent_of_p95(sex anyenum, age_months double precision, bmi double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_percent_of_p95_by_enum';
CREATE FUNCTION @extschema@.wc_bmi_percent_of_p95_batch(sexes text[], ages_months double precision[], bmis double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_bmi_percent_of_p95_batch';

CREATE FUNCTION @extschema@.wc_growth_curves(measure text, sex text, percentiles double precision[] DEFAULT '{3,5,10,25,50,75,85,90,95,97}')
RETURNS TABLE (age_months double precision, percentile double precision, value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2180 AS 'MODULE_PATHNAME', 'wc_growth_curves';
CREATE FUNCTION @extschema@.wc_growth_curves(measure text, sex anyenum, percentiles double precision[] DEFAULT '{3,5,10,25,50,75,85,90,95,97}')
RETURNS TABLE (age_months double precision, percentile double precision, value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2180 AS 'MODULE_PATHNAME', 'wc_growth_curves_by_enum';

-- These functions use the named reference: 'cdc', or one in the table white_cross.growth_reference.
CREATE FUNCTION @extschema@.wc_growth_zscore(measure text, sex text, age_months double precision, value double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore_from';
CREATE FUNCTION @extschema@.wc_growth_zscore(measure text, sex anyenum, age_months double precision, value double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore_from_by_enum';
CREATE FUNCTION @extschema@.wc_growth_zscore_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[], reference text) RETURNS double precision[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_zscore_from_batch';

CREATE FUNCTION @extschema@.wc_growth_percentile(measure text, sex text, age_months double precision, value double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile_from';
CREATE FUNCTION @extschema@.wc_growth_percentile(measure text, sex anyenum, age_months double precision, value double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile_from_by_enum';
CREATE FUNCTION @extschema@.wc_growth_percentile_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[], reference text) RETURNS double precision[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_percentile_from_batch';

CREATE FUNCTION @extschema@.wc_growth_value(measure text, sex text, age_months double precision, percentile double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value_from';
CREATE FUNCTION @extschema@.wc_growth_value(measure text, sex anyenum, age_months double precision, percentile double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value_from_by_enum';
CREATE FUNCTION @extschema@.wc_growth_value_batch(measure text, sexes text[], ages_months double precision[], percentiles double precision[], reference text) RETURNS double precision[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_value_from_batch';

CREATE FUNCTION @extschema@.wc_growth_modified_zscore(measure text, sex text, age_months double precision, value double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore_from';
CREATE FUNCTION @extschema@.wc_growth_modified_zscore(measure text, sex anyenum, age_months double precision, value double precision, reference text) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore_from_by_enum';
CREATE FUNCTION @extschema@.wc_growth_modified_zscore_batch(measure text, sexes text[], ages_months double precision[], measurements double precision[], reference text) RETURNS double precision[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_growth_modified_zscore_from_batch';

CREATE FUNCTION @extschema@.wc_growth_curves(measure text, sex text, percentiles double precision[], reference text)
RETURNS TABLE (age_months double precision, percentile double precision, value double precision)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 2180 AS 'MODULE_PATHNAME', 'wc_growth_curves_from';
CREATE FUNCTION @extschema@.wc_growth_curves(measure text, sex anyenum, percentiles double precision[], reference text)
RETURNS TABLE (age_months double precision, percentile double precision, value double precision)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 2180 AS 'MODULE_PATHNAME', 'wc_growth_curves_from_by_enum';

DO $$
DECLARE
    -- Sentences that several comments share.
    measures constant text := ' Measures: bmi in kg/m^2 (see wc_bmi_exact), height in cm, weight in kg.';
    sexes    constant text := ' Sexes: male or m, female or f; other, o, x, unknown, u, diverse, non-binary and prefer_not_to_say, for which there is no reference. Upper and lower case and white space around the word make no difference. It may be an enum, whose further labels count as other.';
    nulls    constant text := ' NULL for NULL, for an age below 24 months or from 240 months on (wc_age_months), and for a sex without a reference; no value is clamped.';
    errors   constant text := ' Errors: 22023 an unknown measure or sex; 22003 a value that is zero, negative, NaN or infinite, or an age that is NaN or infinite.';
    arrays   constant text := ' Works on arrays, element by element. A NULL element gives NULL. Errors name the place of the element; 2202E arrays of different lengths.';
    own      constant text := ' The argument reference names the growth reference: cdc, or one of white_cross.growth_reference, which is used with the LMS method alone, from its first age to its last. Errors: 22023 an unknown reference, or a measure that it does not have.';
    source   constant text := ' Source: CDC growth charts of 2000, LMS method of Cole and Green 1992';
    extended constant text := '; BMI above P95 by CDC''s extension of 2022';
    said     record;
BEGIN
    FOR said IN
        SELECT p.oid::regprocedure AS function, f.words || CASE WHEN p.proname LIKE E'%\\_batch' THEN arrays ELSE '' END
               || CASE WHEN 'reference' = ANY (p.proargnames) THEN own ELSE '' END AS words
        FROM (VALUES
            ('wc_growth_zscore', 'Returns the z-score: how many standard deviations a value is above the median of children of that sex and age. For a BMI above P95 it is the normal quantile of the percentile, at most 8.21.' || measures || sexes || nulls || errors || source || extended || '.'),
            ('wc_growth_percentile', 'Returns the percentile, 0 to below 100: the percentage of children of that sex and age whose value is lower.' || measures || sexes || nulls || errors || source || extended || ': 90 + 10*Phi((BMI - P95)/sigma).'),
            ('wc_growth_value', 'Returns the value at a percentile, above 0 and below 100, of children of that sex and age. It is the inverse of wc_growth_percentile. NULL also if the LMS method has no value that high.' || measures || sexes || nulls || ' Errors: 22023 an unknown measure or sex; 22003 a percentile that is not above 0 and below 100, or an age that is NaN or infinite.' || source || extended || '.'),
            ('wc_growth_modified_zscore', 'Returns CDC''s modified z-score, which finds outliers: the distance from the median, divided by half the distance from the median to z = +/-2. The extension of BMI is not used.' || measures || sexes || nulls || errors || source || '.'),
            ('wc_growth_implausible', 'Returns whether CDC calls a value biologically implausible, by its modified z-score: weight below -5 or above 8, height below -5 or above 4, BMI below -4 or above 8. An implausible value is not an error: keep it, and check it. For a sex without a reference it is true if the value is implausible for both sexes.' || measures || sexes || nulls || errors || source || '.'),
            ('wc_bmi_category', 'Returns the category of a BMI in kg/m^2: underweight (below P5), healthy (below P85), overweight (below P95), obesity class 1 (from P95), obesity class 2 (from 120 % of P95 or BMI 35), obesity class 3 (from 140 % of P95 or BMI 40).' || sexes || nulls || errors || source || '.'),
            ('wc_bmi_percent_of_p95', 'Returns a BMI in kg/m^2 as a percentage of the 95th percentile of that sex and age.' || sexes || nulls || errors || source || '.'),
            ('wc_growth_curves', 'Returns the curves of the reference: the value at each percentile (above 0 and below 100) for each age of the reference. cdc has 24, 24.5, 25.5 and so on to 239.5, and 240 months. A value is NULL if the LMS method has none that high. No rows for a sex without a reference.' || measures || sexes || ' Errors: 22023 an unknown measure or sex; 22003 a percentile out of range.' || source || extended || '.')
        ) AS f (name, words)
        JOIN pg_catalog.pg_proc AS p ON p.proname IN (f.name, f.name || '_batch')
        JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_catalog.pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'white_cross'
    LOOP
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', said.function, said.words);
    END LOOP;
END
$$;
