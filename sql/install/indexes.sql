-- The indexes that the functions want

-- "state": valid, invalid (as a CREATE INDEX CONCURRENTLY that failed leaves it behind), or missing.
CREATE FUNCTION white_cross.wanted_indexes(application_schema name)
RETURNS TABLE (relation regclass, index_name name, definition text, state text, purpose text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    overrides jsonb := '{}';
BEGIN
    IF EXISTS (SELECT FROM white_cross.binding AS b WHERE b.schema_name = application_schema) THEN
        overrides := white_cross.overrides_in_force();
    END IF;
    RETURN QUERY
    WITH bound AS (
        SELECT r.entity, r.relation, (SELECT jsonb_object_agg(c.key, quote_ident(c.value)) FROM jsonb_each_text(r.columns) AS c) AS c
        FROM white_cross.resolve(application_schema, overrides) AS r
    )
    SELECT b.relation, v.index_name::name, v.definition,
           coalesce((SELECT CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END
                     FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                     WHERE i.indrelid = b.relation AND c.relname = v.index_name), 'missing'),
           v.purpose
    FROM bound AS b
    CROSS JOIN LATERAL (VALUES
        -- Counts by type, the order by date, and where a page of records begins, from one index, without a look at the table.
        (1, 'health_records', 'idx_health_records_student_date_type', format('(%s, %s DESC, %s) INCLUDE (%s)', b.c ->> 'studentId', b.c ->> 'date', b.c ->> 'id', b.c ->> 'type'),
            'summaries and pages of records read more than they need'),
        (2, 'health_records', 'idx_health_records_student_date', format('(%s, %s DESC)', b.c ->> 'studentId', b.c ->> 'date'),
            'the application''s own queries by student and date are slower'),
        (3, 'health_records', 'idx_health_records_student_type', format('(%s, %s)', b.c ->> 'studentId', b.c ->> 'type'),
            'vaccinations are looked for among all of a student''s records'),
        (4, 'health_records', 'idx_health_records_vital_gin', format('USING gin (%s)', b.c ->> 'vital'),
            'the application''s own queries for vitals are slower'),
        (5, 'health_records', 'idx_health_records_search', format(
            'USING gin (to_tsvector(''pg_catalog.english'', COALESCE(%s, '''') || '' '' || COALESCE(%s, '''') || '' '' || COALESCE(%s, '''')))',
            b.c ->> 'description', b.c ->> 'notes', b.c ->> 'provider'),
            'a search reads all records'),
        (6, 'allergies', 'idx_allergies_student_severity', format('(%s, %s DESC)', b.c ->> 'studentId', b.c ->> 'severity'),
            'each summary reads all allergies'),
        (7, 'chronic_conditions', 'idx_chronic_conditions_student_status', format('(%s, %s)', b.c ->> 'studentId', b.c ->> 'status'),
            'conditions of a student are looked for in all of the table'),
        (8, 'health_records', 'idx_health_records_date', format('(%s DESC, %s)', b.c ->> 'date', b.c ->> 'id'),
            'a search for a common word sorts all that it finds'),
        -- Only where there is pg_trgm: a search finds names without it too.
        (9, 'students', 'idx_students_name', (SELECT format(
            'USING gin ((COALESCE(%s, '''') || '' '' || COALESCE(%s, '''') || '' '' || COALESCE(%s, '''')) COLLATE pg_catalog."default" %s.gin_trgm_ops)',
            b.c ->> 'firstName', b.c ->> 'lastName', b.c ->> 'studentNumber', e.extnamespace::regnamespace)
            FROM pg_extension AS e WHERE e.extname = 'pg_trgm'),
            'a search reads the names of all students')
    ) AS v (n, entity, index_name, definition, purpose)
    WHERE v.entity = b.entity AND v.definition IS NOT NULL
    ORDER BY v.n;
END
$$;
COMMENT ON FUNCTION white_cross.wanted_indexes(name) IS
'The indexes that the functions want on the tables of a schema, whether they are there, and what their lack costs.';

-- What makes an index that is missing or invalid.
CREATE FUNCTION white_cross.index_statement(relation regclass, index_name name, definition text, state text, "concurrently" boolean) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Of a partitioned table none can be made concurrently.
    SELECT CASE state
        WHEN 'invalid' THEN format('REINDEX INDEX %s%I.%I', w.way, n.nspname, index_name)
        ELSE format('CREATE INDEX %s%I ON %s %s', w.way, index_name, relation, definition)
    END
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT CASE WHEN "concurrently" AND c.relkind = 'r' THEN 'CONCURRENTLY ' ELSE '' END AS way) AS w
    WHERE c.oid = relation;
END;

CREATE FUNCTION wc_index_statements(application_schema name, "concurrently" boolean DEFAULT true) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT white_cross.index_statement(w.relation, w.index_name, w.definition, w.state, "concurrently")
                 FROM white_cross.wanted_indexes(application_schema) AS w WHERE w.state <> 'valid';
END
$$;
COMMENT ON FUNCTION wc_index_statements(name, boolean) IS
'The statements for the indexes that the functions want and the schema does not have, or has as invalid ones, one a row; CONCURRENTLY unless told not to. Runs nothing: in psql, SELECT wc_index_statements(''public'') \gexec does. Errors: as wc_attach, where the tables are not as needed.';
