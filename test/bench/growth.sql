-- A million measured children, and what a user would have otherwise.  psql variables: rows; lms, the path of cdc2000_lms.csv.

CREATE TYPE sex AS ENUM ('MALE', 'FEMALE');
CREATE UNLOGGED TABLE measured AS
SELECT CASE WHEN random() < 0.5 THEN 'MALE' ELSE 'FEMALE' END AS sex, 24 + random() * 215.9 AS age_months,
       95 + random() * 90 AS height, NULL::float8 AS weight, NULL::float8 AS bmi
FROM generate_series(1, :rows);
CREATE UNLOGGED TABLE children AS
SELECT sex, sex::sex AS sex_label, age_months, height, bmi * (height / 100) ^ 2 AS weight, bmi
FROM (SELECT sex, age_months, height, 13 + random() * 12 AS bmi FROM measured) m;
DROP TABLE measured;

CREATE TABLE lms (measure text, sex text, age_months float8, l float8, m float8, s float8);
\set copy '\\copy lms FROM ' :'lms' ' CSV HEADER'
:copy
ALTER TABLE lms ADD PRIMARY KEY (measure, sex, age_months);

CREATE FUNCTION plpgsql_bmi(height float8, weight float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ BEGIN RETURN round(weight / ((height / 100) * (height / 100)) * 10) / 10; END $$;

-- Looks L, M and S up below and above, interpolates; Φ by Abramowitz and Stegun 26.2.17, good to seven digits.
CREATE FUNCTION plpgsql_percentile(of_measure text, of_sex text, age float8, value float8) RETURNS float8
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    below lms%ROWTYPE;
    above lms%ROWTYPE;
    share float8; l float8; m float8; s float8; z float8; t float8; tail float8;
BEGIN
    SELECT * INTO below FROM lms WHERE measure = of_measure AND sex = lower(of_sex) AND age_months <= age ORDER BY age_months DESC LIMIT 1;
    SELECT * INTO above FROM lms WHERE measure = of_measure AND sex = lower(of_sex) AND age_months > age ORDER BY age_months LIMIT 1;
    share := (age - below.age_months) / (above.age_months - below.age_months);
    l := below.l + share * (above.l - below.l);
    m := below.m + share * (above.m - below.m);
    s := below.s + share * (above.s - below.s);
    z := ((value / m) ^ l - 1) / (l * s);
    t := 1 / (1 + 0.2316419 * abs(z));
    tail := exp(-z * z / 2) * 0.3989422804014327 *
            t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    RETURN 100 * CASE WHEN z > 0 THEN 1 - tail ELSE tail END;
END $$;
VACUUM ANALYZE;
