-- The indexes that the functions use

-- Returns the definition of the index of trigrams that a search for names uses.  The names of columns and of pg_trgm's operator
-- class come quoted.
CREATE FUNCTION white_cross.name_index(first_name text, last_name text, student_number text, operator_class text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN format(
    'USING gin ((COALESCE(%s, '''') OPERATOR(pg_catalog.||) '' '' OPERATOR(pg_catalog.||) COALESCE(%s, '''') '
    'OPERATOR(pg_catalog.||) '' '' OPERATOR(pg_catalog.||) COALESCE(%s, '''')) COLLATE pg_catalog."default" %s)',
    first_name, last_name, student_number, operator_class);

CREATE FUNCTION white_cross.index_serves(index oid, definition text) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'wc_index_serves';
COMMENT ON FUNCTION white_cross.index_serves(oid, text) IS
'Whether an index has what stands behind CREATE INDEX ... ON table in a definition: method, columns or expressions, their order, operator classes and collations, and the included columns; and no condition. A B-tree may have more columns behind these. It may be invalid. False for an index that does not exist.';

-- Returns the tables of a schema as they are attached, or as wc_attach would bind them.
CREATE FUNCTION white_cross.tables_of(application_schema name) RETURNS TABLE (entity text, relation regclass, columns jsonb)
LANGUAGE plpgsql STABLE ROWS 4 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    overrides jsonb := '{}';
BEGIN
    IF EXISTS (SELECT FROM white_cross.binding AS b WHERE b.schema_name = application_schema) THEN
        overrides := white_cross.overrides_in_force();
    END IF;
    RETURN QUERY SELECT r.entity, r.relation, r.columns FROM white_cross.resolve(application_schema, overrides) AS r;
END
$$;

-- Looks for an index of any name that does the work.  "state" is valid; missing; invalid, which is what a failed CREATE INDEX
-- CONCURRENTLY leaves; outdated: an earlier version created the index, which orders records of the same time by their ids alone, and
-- is still useful; or another: an index of that name has another definition.  "present": the name of the index that was found.
CREATE FUNCTION white_cross.wanted_indexes(application_schema name)
RETURNS TABLE (relation regclass, index_name name, definition text, state text, present name, purpose text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH bound AS (
        SELECT r.entity, r.relation, (SELECT jsonb_object_agg(c.key, quote_ident(c.value)) FROM jsonb_each_text(r.columns) AS c) AS c
        FROM white_cross.tables_of(application_schema) AS r
    ), wanted AS (
        SELECT b.relation, v.*
        FROM bound AS b
        CROSS JOIN LATERAL (VALUES
            -- This index alone, without the table, gives the counts by type, the order by date, and the beginning of a page of records.
            (1, 'health_records', 'idx_health_records_student_date_type', format('(%s, %s DESC, %s DESC, %s) INCLUDE (%s)', b.c ->> 'studentId', b.c ->> 'date', b.c ->> 'createdAt', b.c ->> 'id', b.c ->> 'type'),
                format('(%s, %s DESC, %s) INCLUDE (%s)', b.c ->> 'studentId', b.c ->> 'date', b.c ->> 'id', b.c ->> 'type'),
                'summaries and pages of records read more than they need'),
            (2, 'health_records', 'idx_health_records_student_date', format('(%s, %s DESC)', b.c ->> 'studentId', b.c ->> 'date'),
                NULL, 'the application''s own queries by student and date are slower'),
            (3, 'health_records', 'idx_health_records_student_type', format('(%s, %s)', b.c ->> 'studentId', b.c ->> 'type'),
                NULL, 'vaccinations are looked for among all of a student''s records'),
            -- Queries cannot look into json by an index of it.
            (4, 'health_records', 'idx_health_records_vital_gin', (SELECT format('USING gin (%s)', b.c ->> 'vital') FROM pg_attribute AS a
                WHERE a.attrelid = b.relation AND quote_ident(a.attname) = b.c ->> 'vital' AND a.atttypid = 'jsonb'::regtype),
                NULL, 'the application''s own queries for vitals are slower'),
            (5, 'health_records', 'idx_health_records_search', format(
                'USING gin (pg_catalog.to_tsvector(''pg_catalog.english''::pg_catalog.regconfig, COALESCE(%s, '''') OPERATOR(pg_catalog.||) '' '' '
                'OPERATOR(pg_catalog.||) COALESCE(%s, '''') OPERATOR(pg_catalog.||) '' '' OPERATOR(pg_catalog.||) COALESCE(%s, '''')))',
                b.c ->> 'description', b.c ->> 'notes', b.c ->> 'provider'),
                NULL, 'a search reads all records'),
            (6, 'allergies', 'idx_allergies_student_severity', format('(%s, %s DESC)', b.c ->> 'studentId', b.c ->> 'severity'),
                NULL, 'each summary reads all allergies'),
            (7, 'chronic_conditions', 'idx_chronic_conditions_student_status', format('(%s, %s)', b.c ->> 'studentId', b.c ->> 'status'),
                NULL, 'conditions of a student are looked for in all of the table'),
            (8, 'health_records', 'idx_health_records_date', format('(%s DESC, %s DESC, %s)', b.c ->> 'date', b.c ->> 'createdAt', b.c ->> 'id'),
                format('(%s DESC, %s)', b.c ->> 'date', b.c ->> 'id'),
                'a search for a common word sorts all that it finds'),
            -- Wanted only if pg_trgm is installed; without it a search finds names too, more slowly.
            (9, 'students', 'idx_students_name', (SELECT white_cross.name_index(b.c ->> 'firstName', b.c ->> 'lastName', b.c ->> 'studentNumber', format('%s.gin_trgm_ops', e.extnamespace::regnamespace))
                FROM pg_extension AS e WHERE e.extname = 'pg_trgm'),
                NULL, 'a search reads the names of all students')
        ) AS v (n, entity, index_name, definition, former, purpose)
        WHERE v.entity = b.entity AND v.definition IS NOT NULL
    )
    SELECT w.relation, w.index_name::name, w.definition, coalesce(f.state, 'missing'), f.name, w.purpose
    FROM wanted AS w
    LEFT JOIN LATERAL (
        SELECT k.name, k.state
        FROM (SELECT c.relname AS name,
                     CASE WHEN white_cross.index_serves(i.indexrelid, w.definition) THEN CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END
                          WHEN c.relname <> w.index_name THEN NULL
                          WHEN i.indisvalid AND NOT i.indisunique AND i.indnatts = CASE w.n WHEN 1 THEN 4 ELSE 2 END
                               AND white_cross.index_serves(i.indexrelid, w.former) THEN 'outdated'
                          ELSE 'another' END AS state
              FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
              WHERE i.indrelid = w.relation AND i.indislive) AS k
        WHERE k.state IS NOT NULL
        ORDER BY array_position('{valid,invalid,outdated,another}'::text[], k.state), k.name <> w.index_name, k.name LIMIT 1) AS f ON true
    ORDER BY w.n;
END;
COMMENT ON FUNCTION white_cross.wanted_indexes(name) IS
'Returns the indexes that the functions use on the tables of a schema, whether an index of any name does the work of each, and what is slower without it.';

-- Returns a name that no index or table of the schema has: the wanted one, or that with a number.
CREATE FUNCTION white_cross.unused_name(schema oid, wanted text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT v.name
    FROM generate_series(1, 1000) AS n CROSS JOIN LATERAL (SELECT CASE n WHEN 1 THEN wanted ELSE format('%s_%s', wanted, n) END AS name) AS v
    WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = schema AND c.relname = v.name)
    ORDER BY n LIMIT 1;
END;

-- Returns the statements, in order, that create an index that is missing, or replace one that is invalid or outdated.  An index of
-- that name and of another definition stays: somebody may need it.
CREATE FUNCTION white_cross.index_statement(relation regclass, index_name name, definition text, state text, present name, "concurrently" boolean)
RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- PostgreSQL cannot create an index of a partitioned table concurrently.
    SELECT s.statement
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT CASE WHEN "concurrently" AND c.relkind = 'r' THEN 'CONCURRENTLY ' ELSE '' END AS way,
                               CASE state WHEN 'outdated' THEN index_name::text ELSE white_cross.unused_name(n.oid, index_name) END AS name,
                               white_cross.unused_name(n.oid, index_name || '_before') AS former) AS w
    CROSS JOIN LATERAL (SELECT format('CREATE INDEX %s%I ON %s %s', w.way, w.name, relation, definition) AS making) AS m
    CROSS JOIN LATERAL unnest(CASE state
        WHEN 'invalid' THEN ARRAY[format('REINDEX INDEX %s%I.%I', w.way, n.nspname, present)]
        -- Reads use the former index until the new one exists.
        WHEN 'outdated' THEN ARRAY[format('ALTER INDEX %I.%I RENAME TO %I', n.nspname, present, w.former), m.making,
                                   format('DROP INDEX %s%I.%I', w.way, n.nspname, w.former)]
        ELSE ARRAY[m.making]
    END) WITH ORDINALITY AS s (statement, place)
    WHERE c.oid = relation
    ORDER BY s.place;
END;

CREATE FUNCTION @extschema@.wc_index_statements(application_schema name, "concurrently" boolean DEFAULT true) RETURNS SETOF text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'wc_index_statements';
CREATE FUNCTION white_cross.index_statements(caller oid, application_schema name, "concurrently" boolean) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM white_cross.require_owner(caller, ARRAY(SELECT t.relation FROM white_cross.tables_of(application_schema) AS t));
    RETURN QUERY SELECT white_cross.index_statement(w.relation, w.index_name, w.definition, w.state, w.present, "concurrently") || ';'
                 FROM white_cross.wanted_indexes(application_schema) AS w WHERE w.state <> 'valid';
END
$$;
COMMENT ON FUNCTION @extschema@.wc_index_statements(name, boolean) IS
E'Returns the statements that create the indexes which the functions use and the schema lacks, or replace those that are invalid or were created by an older version. An index of any name counts if it has the columns, their order, operator classes and collations; a B-tree may have more columns behind them. If an index of that name has another definition, it stays and the statement takes another name. One statement a row, with its semicolon; with CONCURRENTLY, unless "concurrently" is false. This function runs none of them. To run them, call SELECT wc_index_statements(''public'') \\gexec in psql, or pipe the output of psql -Atc into psql. Whoever owns the tables may call it, and members of that role. Errors: 42501 the caller does not own all of the tables; those of wc_attach, if the tables do not have what it requires.';
