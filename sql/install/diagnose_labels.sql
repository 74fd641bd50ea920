-- wc_diagnose: labels of the application that the functions do not know

-- Returns NULL for an unknown label, and for an attribute without known labels.
CREATE FUNCTION white_cross.label_rank(label text, entity text, attribute text) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_label_rank';
COMMENT ON FUNCTION white_cross.label_rank(text, text, text) IS
'The place of a label among the known ones of an attribute, from 1, whatever its case: severity and status from the gravest or most urgent, type for VACCINATION alone. NULL for any other label or attribute.';

CREATE FUNCTION white_cross.unranked_condition(expression text, entity text, attribute text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_unranked_condition';
COMMENT ON FUNCTION white_cross.unranked_condition(text, text, text) IS
'Returns SQL for: this text has no rank among the known labels of the attribute. It calls functions of the server only. NULL for an attribute without known labels.';

-- Returns the columns that are bound to ranked attributes, with their labels if the type is an enum, and with what happens to
-- rows whose label has no rank.
CREATE FUNCTION white_cross.label_columns(OUT entity text, OUT attribute text, OUT relation regclass, OUT name name, OUT type oid, OUT labels text[], OUT consequence text)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT w.entity, w.attribute, t.oid::regclass, c.attname, c.atttypid,
           (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = c.atttypid), w.consequence
    FROM (VALUES ('allergies', 'severity', 'they are listed after LIFE_THREATENING, SEVERE, MODERATE and MILD'),
                 ('chronic_conditions', 'status', 'they are listed last'),
                 ('health_records', 'type', NULL)) AS w (entity, attribute, consequence)
    JOIN white_cross.binding AS b ON b.entity = w.entity
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = b.table_name
    JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attname = b.columns ->> w.attribute AND c.attnum > 0 AND NOT c.attisdropped;
END;

-- Returns a sentence for each enum with labels without a rank.  It may show labels, which are part of the schema and no data of
-- a child.
CREATE FUNCTION white_cross.unranked_enum_labels() RETURNS SETOF text
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT format('labels of %s without a rank in %s.%s: %s; %s', format_type(l.type, NULL), l.relation, l.name,
                  string_agg(one.label, ', ' ORDER BY one.place), l.consequence)
    FROM white_cross.label_columns() AS l CROSS JOIN LATERAL unnest(l.labels) WITH ORDINALITY AS one (label, place)
    WHERE l.attribute <> 'type' AND white_cross.label_rank(one.label, l.entity, l.attribute) IS NULL
    GROUP BY l.type, l.relation, l.name, l.consequence
    UNION ALL
    SELECT format('no label of %s in %s.%s is VACCINATION: summaries show no vaccinations', format_type(l.type, NULL), l.relation, l.name)
    FROM white_cross.label_columns() AS l
    WHERE l.attribute = 'type' AND l.labels IS NOT NULL
      AND NOT EXISTS (SELECT FROM unnest(l.labels) AS one (label) WHERE white_cross.label_rank(one.label, l.entity, l.attribute) IS NOT NULL);
END;

-- For wc_attach.  It reads each table as the table's owner, and does not show texts of rows, which may name a child.
CREATE FUNCTION white_cross.warn_of_labels() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    looked_at record;
    unranked  bigint;
    complaint text;
BEGIN
    FOR complaint IN SELECT * FROM white_cross.unranked_enum_labels() LOOP
        RAISE WARNING '%', complaint;
    END LOOP;
    FOR looked_at IN SELECT * FROM white_cross.label_columns() AS l WHERE l.labels IS NULL AND l.attribute <> 'type' LOOP
        BEGIN
            unranked := white_cross.run_as(c.relowner, format('SELECT pg_catalog.count(*) FROM %s AS t WHERE t.%I IS NOT NULL AND %s',
                looked_at.relation, looked_at.name,
                white_cross.unranked_condition(format('t.%I', looked_at.name), looked_at.entity, looked_at.attribute)))
            FROM pg_class AS c WHERE c.oid = looked_at.relation;
        EXCEPTION WHEN insufficient_privilege THEN
            unranked := 0;  -- an owner who may not read its own table; wc_diagnose looks at the statistics
        END;
        IF unranked > 0 THEN
            RAISE WARNING '% rows of % have a % without a rank: %', unranked, looked_at.relation, looked_at.name, looked_at.consequence
                USING HINT = 'Case does not matter, nor whether words are joined by an underscore, a hyphen or a space.';
        END IF;
    END LOOP;
END
$$;

-- For columns of text it uses the statistics of ANALYZE, because wc_diagnose reads no rows.  ANALYZE may miss a rare text.
CREATE FUNCTION white_cross.check_labels() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH texts AS (
        SELECT DISTINCT ON (l.relation, l.name) l.*, greatest(c.reltuples, 0) AS rows, s.most_common_vals::text::text[] AS common,
               s.most_common_freqs AS shares, s.histogram_bounds::text::text[] AS others
        FROM white_cross.label_columns() AS l
        JOIN pg_class AS c ON c.oid = l.relation
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = l.name
        WHERE l.labels IS NULL AND l.attribute <> 'type'
        ORDER BY l.relation, l.name, s.inherited DESC
    ), unranked AS (
        SELECT t.relation, t.name, t.consequence,
               (SELECT ceil(sum(one.share) * t.rows) FROM unnest(t.common, t.shares) AS one (label, share)
                WHERE white_cross.label_rank(one.label, t.entity, t.attribute) IS NULL) AS many,
               (SELECT count(*) FROM unnest(t.others) AS one (label)
                WHERE white_cross.label_rank(one.label, t.entity, t.attribute) IS NULL) AS seldom
        FROM texts AS t
    ), found AS (
        SELECT u.detail FROM white_cross.unranked_enum_labels() AS u (detail)
        UNION ALL
        SELECT format('about %s rows of %s have a %s without a rank: %s', greatest(u.many, u.seldom), u.relation, u.name, u.consequence)
        FROM unranked AS u WHERE u.many > 0 OR u.seldom > 0
    )
    SELECT 'warn', f.detail, NULL FROM found AS f
    UNION ALL
    SELECT 'ok', 'all that are known have a rank', NULL WHERE NOT EXISTS (SELECT FROM found AS f);
END;
