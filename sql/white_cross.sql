-- white_cross: the install script.  Edited by hand, in the order in which things need each other; the build
-- copies it to white_cross--VERSION.sql.  Functions callable by everybody are wc_*, in the schema that
-- CREATE EXTENSION was given; internal tables and functions are in the schema white_cross and nobody's API.
\echo Use "CREATE EXTENSION white_cross" to load this file. \quit

DO $$
BEGIN
    IF '@extschema@' <> 'white_cross' THEN
        CREATE SCHEMA white_cross;
    END IF;
END
$$;

-- ---------------------------------------------------------------------------------------------------------
-- Internal tables
-- ---------------------------------------------------------------------------------------------------------

-- Which table of the application plays which part.  Kept by name, so that a dump restores it.
CREATE TABLE white_cross.binding (
    entity      text PRIMARY KEY CHECK (entity IN ('students', 'health_records', 'allergies', 'chronic_conditions')),
    schema_name name NOT NULL,
    table_name  name NOT NULL,
    columns     jsonb NOT NULL
);
COMMENT ON TABLE white_cross.binding IS 'which table and columns of the application hold which entity; written by wc_attach';
SELECT pg_catalog.pg_extension_config_dump('white_cross.binding', '');

-- The workers that must be told of changes.  Like a replication slot: while there is none, nothing is queued.
CREATE TABLE white_cross.worker (
    name          text PRIMARY KEY,
    registered_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE white_cross.worker IS 'consumers of the queue; changes are queued only while there is at least one';

-- The queue.  Writers only insert, each transaction once, just before its commit; the worker deletes.
CREATE TABLE white_cross.invalidation (
    xid       xid8 NOT NULL,
    n         integer NOT NULL,
    sections  smallint NOT NULL,
    students  text[],
    queued_at timestamptz NOT NULL,
    PRIMARY KEY (xid, n)
);
COMMENT ON TABLE white_cross.invalidation IS 'changed students, to be removed from the cache';
COMMENT ON COLUMN white_cross.invalidation.xid IS 'top-level transaction id of the writer: the fence';
COMMENT ON COLUMN white_cross.invalidation.n IS 'ordinal within the transaction; -1: the registration of a worker';
COMMENT ON COLUMN white_cross.invalidation.sections IS 'what changed: 1 students, 2 health_records, 4 allergies, 8 chronic_conditions, 16 growth';
COMMENT ON COLUMN white_cross.invalidation.students IS 'ids in text form; NULL: every student';
COMMENT ON COLUMN white_cross.invalidation.queued_at IS 'clock time just before the commit';
ALTER TABLE white_cross.invalidation SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.0);

-- Students whose summaries are read often, saved by the worker so that a restart begins warm.
CREATE TABLE white_cross.hot_student (
    student text PRIMARY KEY,
    weight  real NOT NULL CHECK (weight > 0)
);
COMMENT ON TABLE white_cross.hot_student IS 'students that were hot in the cache when the worker last saved its list';

-- ---------------------------------------------------------------------------------------------------------
-- Change tracking
-- ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION white_cross.record_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_record_change';
COMMENT ON FUNCTION white_cross.record_change() IS
'Trigger on the attached tables: remembers the student of a changed row; the transaction queues all of them when it commits. Argument: the entity.';

CREATE FUNCTION white_cross.announce_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_announce_change';
COMMENT ON FUNCTION white_cross.announce_change() IS
'Trigger on white_cross.binding: tells all sessions to read it again.';

CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON white_cross.binding
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.announce_change();
ALTER TABLE white_cross.binding ENABLE ALWAYS TRIGGER announce_change;

-- ---------------------------------------------------------------------------------------------------------
-- Binding to the application's tables
-- ---------------------------------------------------------------------------------------------------------

-- The attributes that functions of this extension read, and the types that a column may have for each.
CREATE FUNCTION white_cross.attributes(OUT entity text, OUT attribute text, OUT kind text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.entity, a.attribute, a.kind
    FROM (VALUES
        ('students', '{id,studentNumber,firstName,lastName,dateOfBirth,gender,grade}'::text[],
                     '{id,text,text,text,time,label,text}'::text[]),
        ('health_records', '{id,studentId,type,date,description,vital,provider,notes,attachments,createdAt,updatedAt}',
                           '{id,student,label,time,text,json,text,text,list,time,time}'),
        ('allergies', '{id,studentId,allergen,severity,reaction,treatment,verified,verifiedBy,verifiedAt,createdAt,updatedAt}',
                      '{id,student,text,label,text,text,boolean,text,time,time,time}'),
        ('chronic_conditions',
         '{id,studentId,condition,diagnosedDate,status,severity,notes,carePlan,medications,restrictions,triggers,diagnosedBy,lastReviewDate,nextReviewDate,createdAt,updatedAt}',
         '{id,student,text,time,label,label,text,text,list,list,list,text,time,time,time,time}')
    ) AS e (entity, names, kinds)
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(e.names), pg_catalog.unnest(e.kinds)) AS a (attribute, kind);
END;

CREATE FUNCTION white_cross.fits(type oid, kind text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE kind
        WHEN 'id' THEN type::regtype IN ('text'::regtype, 'varchar'::regtype, 'uuid'::regtype, 'bigint'::regtype, 'integer'::regtype)
        WHEN 'student' THEN type::regtype IN ('text'::regtype, 'varchar'::regtype, 'uuid'::regtype, 'bigint'::regtype, 'integer'::regtype)
        WHEN 'text' THEN type::regtype IN ('text'::regtype, 'varchar'::regtype)
        WHEN 'label' THEN type::regtype IN ('text'::regtype, 'varchar'::regtype)
                          OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.oid = type AND t.typtype = 'e')
        WHEN 'time' THEN type::regtype IN ('timestamp'::regtype, 'timestamptz'::regtype, 'date'::regtype)
        WHEN 'boolean' THEN type::regtype = 'boolean'::regtype
        WHEN 'json' THEN type::regtype = 'jsonb'::regtype
        WHEN 'list' THEN type::regtype IN ('text[]'::regtype, 'varchar[]'::regtype)
        ELSE false
    END;
END;

CREATE FUNCTION white_cross.kind_words(kind text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE kind
        WHEN 'id' THEN 'text, varchar, uuid, bigint or integer'
        WHEN 'student' THEN 'the type of the students'' id'
        WHEN 'text' THEN 'text or varchar'
        WHEN 'label' THEN 'an enum, text or varchar'
        WHEN 'time' THEN 'timestamp, timestamptz or date'
        WHEN 'boolean' THEN 'boolean'
        WHEN 'json' THEN 'jsonb'
        WHEN 'list' THEN 'text[] or varchar[]'
    END;
END;

-- "studentId" → student_id
CREATE FUNCTION white_cross.snake_case(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.lower(pg_catalog.regexp_replace(name, '([A-Z])', '_\1', 'g'));
END;

-- Finds tables and columns without changing anything.  Errors name everything that is missing or wrong.
CREATE FUNCTION white_cross.resolve(application_schema name, overrides jsonb)
RETURNS TABLE (entity text, relation regclass, table_name name, columns jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part      record;
    wanted    record;
    column_of record;
    mapping   jsonb;
    override  text;
    id_type   oid;
    missing_tables  text[] := '{}';
    missing_columns text[] := '{}';
    wrong_types     text[] := '{}';
    unknown         text;
BEGIN
    IF to_regnamespace(quote_ident(application_schema)) IS NULL THEN
        RAISE EXCEPTION 'schema "%" does not exist', application_schema USING ERRCODE = 'invalid_schema_name';
    END IF;
    IF jsonb_typeof(overrides) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION '"overrides" must be a JSON object' USING ERRCODE = 'invalid_parameter_value',
            HINT = '{"students": {"table": "pupils", "columns": {"id": "pupil_id"}}}';
    END IF;
    -- A misspelled override must not be passed over in silence.
    SELECT string_agg(format('"%s"', o.path), ', ') INTO unknown
    FROM (SELECT e.key AS path FROM jsonb_object_keys(overrides) AS e (key)
          WHERE e.key NOT IN (SELECT a.entity FROM white_cross.attributes() AS a)
          UNION ALL
          SELECT e.key || '.' || f.key
          FROM jsonb_each(overrides) AS e
          CROSS JOIN LATERAL jsonb_object_keys(CASE jsonb_typeof(e.value) WHEN 'object' THEN e.value ELSE '{"?":0}' END) AS f (key)
          WHERE f.key NOT IN ('table', 'columns')
          UNION ALL
          SELECT e.key || '.columns.' || f.key
          FROM jsonb_each(overrides) AS e
          CROSS JOIN LATERAL jsonb_object_keys(CASE jsonb_typeof(e.value -> 'columns') WHEN 'object' THEN e.value -> 'columns' ELSE '{}' END) AS f (key)
          WHERE NOT EXISTS (SELECT FROM white_cross.attributes() AS a WHERE a.entity = e.key AND a.attribute = f.key)) AS o;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown in "overrides": %', unknown USING ERRCODE = 'invalid_parameter_value',
            HINT = '{"students": {"table": "pupils", "columns": {"id": "pupil_id"}}}, with entities and attributes of white_cross.attributes().';
    END IF;

    FOR part IN
        SELECT a.entity AS name, coalesce(overrides -> a.entity ->> 'table', a.entity)::name AS table_name
        FROM (SELECT DISTINCT b.entity FROM white_cross.attributes() AS b) AS a
        ORDER BY array_position('{students,health_records,allergies,chronic_conditions}'::text[], a.entity)
    LOOP
        SELECT c.oid::regclass INTO relation
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = application_schema AND c.relname = part.table_name AND c.relkind IN ('r', 'p');
        IF NOT FOUND THEN
            missing_tables := missing_tables || format('%I.%I (%s)', application_schema, part.table_name, part.name);
            CONTINUE;
        END IF;
        mapping := '{}';
        FOR wanted IN SELECT a.attribute, a.kind FROM white_cross.attributes() AS a WHERE a.entity = part.name LOOP
            override := overrides -> part.name -> 'columns' ->> wanted.attribute;
            -- The spelling of Prisma first, then that of hand-made SQL.
            SELECT c.attname, c.atttypid INTO column_of
            FROM pg_attribute AS c
            WHERE c.attrelid = relation AND c.attnum > 0 AND NOT c.attisdropped
              AND c.attname IN (coalesce(override, wanted.attribute), coalesce(override, white_cross.snake_case(wanted.attribute)))
            ORDER BY c.attname = coalesce(override, wanted.attribute) DESC
            LIMIT 1;
            IF NOT FOUND THEN
                missing_columns := missing_columns || format('%I.%I.%I', application_schema, part.table_name,
                                                             coalesce(override, wanted.attribute));
                CONTINUE;
            END IF;
            IF part.name = 'students' AND wanted.attribute = 'id' THEN
                id_type := column_of.atttypid;
            END IF;
            IF NOT white_cross.fits(column_of.atttypid, wanted.kind)
               OR (wanted.kind = 'student' AND id_type IS NOT NULL AND column_of.atttypid <> id_type) THEN
                wrong_types := wrong_types || format('%I.%I.%I is %s, must be %s', application_schema, part.table_name,
                    column_of.attname, format_type(column_of.atttypid, NULL), white_cross.kind_words(wanted.kind));
            END IF;
            mapping := mapping || jsonb_build_object(wanted.attribute, column_of.attname);
        END LOOP;
        entity := part.name;
        table_name := part.table_name;
        columns := mapping;
        RETURN NEXT;
    END LOOP;

    IF missing_tables <> '{}' OR missing_columns <> '{}' OR wrong_types <> '{}' THEN
        RAISE EXCEPTION 'cannot attach to schema "%": %', application_schema,
            concat_ws('; ',
                'missing tables: ' || nullif(array_to_string(missing_tables, ', '), ''),
                'missing columns: ' || nullif(array_to_string(missing_columns, ', '), ''),
                'wrong types: ' || nullif(array_to_string(wrong_types, ', '), ''))
            USING ERRCODE = CASE WHEN missing_tables <> '{}' THEN 'undefined_table'
                                 WHEN missing_columns <> '{}' THEN 'undefined_column' ELSE 'datatype_mismatch' END,
                  HINT = 'Name what is called otherwise in the argument "overrides", or make the tables with wc_create_tables.';
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.resolve(name, jsonb) IS 'The tables and columns that wc_attach would bind.';

-- Makes the triggers of one table, and of its partitions, that are not there yet.
CREATE FUNCTION white_cross.create_triggers(relation regclass, entity text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    leaf regclass;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = 'white_cross_change') THEN
        EXECUTE format('CREATE TRIGGER white_cross_change AFTER INSERT OR UPDATE OR DELETE ON %s '
                       'FOR EACH ROW EXECUTE FUNCTION white_cross.record_change(%L)', relation, entity);
        EXECUTE format('ALTER TRIGGER white_cross_change ON %s DEPENDS ON EXTENSION white_cross', relation);
        PERFORM white_cross.enable_triggers(relation, 'white_cross_change');
    END IF;
    -- Row triggers are cloned to partitions, statement triggers are not.
    FOR leaf IN SELECT p.relid FROM pg_partition_tree(relation) AS p UNION SELECT relation LOOP
        IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = leaf AND t.tgname = 'white_cross_truncate') THEN
            EXECUTE format('CREATE TRIGGER white_cross_truncate AFTER TRUNCATE ON %s '
                           'FOR EACH STATEMENT EXECUTE FUNCTION white_cross.record_change(%L)', leaf, entity);
            EXECUTE format('ALTER TRIGGER white_cross_truncate ON %s DEPENDS ON EXTENSION white_cross', leaf);
            PERFORM white_cross.enable_triggers(leaf, 'white_cross_truncate');
        END IF;
    END LOOP;
END
$$;

-- ALWAYS, so that a subscriber of logical replication and session_replication_role = replica are tracked too.
CREATE FUNCTION white_cross.enable_triggers(relation regclass, name_pattern text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT t.tgrelid::regclass AS relation, t.tgname AS name
        FROM (SELECT p.relid FROM pg_partition_tree(relation) AS p UNION SELECT relation) AS leaf (id)
        JOIN pg_trigger AS t ON t.tgrelid = leaf.id
        WHERE t.tgname LIKE name_pattern AND t.tgenabled <> 'A'
    LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', made.relation, made.name);
    END LOOP;
END
$$;

CREATE FUNCTION wc_attach(application_schema name, overrides jsonb DEFAULT NULL)
RETURNS TABLE (entity text, attached_table regclass, columns jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    attached name;
    part     record;
BEGIN
    IF application_schema IS NULL THEN
        RAISE EXCEPTION 'wc_attach needs the name of a schema' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    -- One at a time: what two concurrent calls found could differ from what they wrote.
    LOCK TABLE white_cross.binding IN SHARE ROW EXCLUSIVE MODE;
    SELECT b.schema_name INTO attached FROM white_cross.binding AS b WHERE b.schema_name <> application_schema LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'white_cross is attached to schema "%" already', attached
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Run SELECT wc_detach(%L) first.', attached);
    END IF;
    FOR part IN SELECT * FROM white_cross.resolve(application_schema, coalesce(overrides, white_cross.overrides_in_force(), '{}')) LOOP
        -- Written only where it differs: attaching twice changes nothing.
        INSERT INTO white_cross.binding AS b (entity, schema_name, table_name, columns)
        VALUES (part.entity, application_schema, part.table_name, part.columns)
        ON CONFLICT ON CONSTRAINT binding_pkey DO UPDATE
            SET schema_name = excluded.schema_name, table_name = excluded.table_name, columns = excluded.columns
            WHERE (b.schema_name, b.table_name, b.columns) IS DISTINCT FROM (excluded.schema_name, excluded.table_name, excluded.columns);
        PERFORM white_cross.create_triggers(part.relation, part.entity);
        PERFORM white_cross.enable_triggers(part.relation, 'white_cross_%');
        entity := part.entity;
        attached_table := part.relation;
        columns := part.columns;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION wc_attach(name, jsonb) IS
'Binds students, health_records, allergies and chronic_conditions of a schema: maps their columns ("studentId" or student_id) and creates the triggers that track changes. "overrides" names what is called otherwise: {"students": {"table": "pupils", "columns": {"id": "pupil_id"}}}. Attaching again completes what is missing and changes nothing else. Needs ownership of the tables. Errors: 3F000 no such schema, 42P01, 42703 or 42804 with all that is missing or of a wrong type, 22023 an unknown override, 55000 attached elsewhere.';

-- The overrides that the binding in force amounts to, so that attaching again needs none.
CREATE FUNCTION white_cross.overrides_in_force() RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT pg_catalog.jsonb_object_agg(b.entity, pg_catalog.jsonb_build_object('table', b.table_name, 'columns', b.columns))
    FROM white_cross.binding AS b;
END;

CREATE FUNCTION wc_detach(application_schema name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    LOCK TABLE white_cross.binding IN SHARE ROW EXCLUSIVE MODE;
    PERFORM FROM white_cross.binding AS b WHERE b.schema_name = application_schema;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'white_cross is not attached to schema "%"', application_schema
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- Clones on partitions go with the trigger that they were cloned from.
    FOR made IN
        SELECT t.tgname AS trigger, t.tgrelid::regclass AS relation
        FROM pg_trigger AS t
        WHERE t.tgfoid = 'white_cross.record_change()'::regprocedure AND t.tgparentid = 0
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', made.trigger, made.relation);
    END LOOP;
    DELETE FROM white_cross.binding AS b WHERE b.schema_name = application_schema;
END
$$;
COMMENT ON FUNCTION wc_detach(name) IS
'Undoes wc_attach: drops the triggers and forgets the mapping; tables and data stay as they are. Cached values are no longer kept fresh. Errors: 55000 not attached to that schema.';

CREATE FUNCTION wc_create_tables(application_schema name, indexes boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text;
BEGIN
    IF to_regnamespace(quote_ident(application_schema)) IS NULL THEN
        RAISE EXCEPTION 'schema "%" does not exist', application_schema USING ERRCODE = 'invalid_schema_name';
    END IF;
    PERFORM set_config('search_path', quote_ident(application_schema) || ', pg_catalog, pg_temp', true);

    CREATE TYPE "Gender" AS ENUM ('MALE', 'FEMALE', 'OTHER', 'PREFER_NOT_TO_SAY');
    CREATE TYPE "AllergySeverity" AS ENUM ('MILD', 'MODERATE', 'SEVERE', 'LIFE_THREATENING');
    CREATE TYPE "HealthRecordType" AS ENUM ('CHECKUP', 'VACCINATION', 'ILLNESS', 'INJURY', 'SCREENING',
        'PHYSICAL_EXAM', 'MENTAL_HEALTH', 'DENTAL', 'VISION', 'HEARING');

    CREATE TABLE students (
        id                 text PRIMARY KEY,
        "studentNumber"    text NOT NULL UNIQUE,
        "firstName"        text NOT NULL,
        "lastName"         text NOT NULL,
        "dateOfBirth"      timestamp(3) NOT NULL,
        grade              text NOT NULL,
        gender             "Gender" NOT NULL,
        photo              text,
        "medicalRecordNum" text UNIQUE,
        "isActive"         boolean NOT NULL DEFAULT true,
        "enrollmentDate"   timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "createdAt"        timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt"        timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "nurseId"          text
    );
    CREATE TABLE health_records (
        id          text PRIMARY KEY,
        type        "HealthRecordType" NOT NULL,
        date        timestamp(3) NOT NULL,
        description text NOT NULL,
        vital       jsonb,
        provider    text,
        notes       text,
        attachments text[],
        "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "studentId" text NOT NULL REFERENCES students (id) ON DELETE CASCADE ON UPDATE CASCADE
    );
    CREATE TABLE allergies (
        id           text PRIMARY KEY,
        allergen     text NOT NULL,
        severity     "AllergySeverity" NOT NULL,
        reaction     text,
        treatment    text,
        verified     boolean NOT NULL DEFAULT false,
        "verifiedBy" text,
        "verifiedAt" timestamp(3),
        "createdAt"  timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt"  timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "studentId"  text NOT NULL REFERENCES students (id) ON DELETE CASCADE ON UPDATE CASCADE
    );
    CREATE TABLE chronic_conditions (
        id               text PRIMARY KEY,
        condition        text NOT NULL,
        "diagnosedDate"  timestamp(3) NOT NULL,
        status           text NOT NULL DEFAULT 'ACTIVE',
        severity         text,
        notes            text,
        "carePlan"       text,
        medications      text[],
        restrictions     text[],
        triggers         text[],
        "diagnosedBy"    text,
        "lastReviewDate" timestamp(3),
        "nextReviewDate" timestamp(3),
        "createdAt"      timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt"      timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "studentId"      text NOT NULL REFERENCES students (id) ON DELETE CASCADE ON UPDATE CASCADE
    );
    IF indexes THEN
        FOR statement IN SELECT s FROM @extschema@.wc_index_statements(application_schema, false) AS s LOOP
            EXECUTE statement;
        END LOOP;
    END IF;
END
$$;
COMMENT ON FUNCTION wc_create_tables(name, boolean) IS
'Makes students, health_records, allergies and chronic_conditions, as Prisma would, in a schema that has none, with their enums and (unless told not to) indexes. Run wc_attach then. Errors: 42P07 or 42710 something of that name is there already.';

CREATE FUNCTION wc_index_statements(application_schema name, "concurrently" boolean DEFAULT true) RETURNS SETOF text
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
    ), wanted (n, entity, index_name, definition) AS (
        SELECT v.n, v.entity, v.index_name, v.definition
        FROM bound AS b
        CROSS JOIN LATERAL (VALUES
            -- Counts by type and the order by date from one index, without a look at the table.
            (1, 'health_records', 'idx_health_records_student_date_type', format('(%s, %s DESC) INCLUDE (%s)', b.c ->> 'studentId', b.c ->> 'date', b.c ->> 'type')),
            (2, 'health_records', 'idx_health_records_student_date', format('(%s, %s DESC)', b.c ->> 'studentId', b.c ->> 'date')),
            (3, 'health_records', 'idx_health_records_student_type', format('(%s, %s)', b.c ->> 'studentId', b.c ->> 'type')),
            (4, 'health_records', 'idx_health_records_vital_gin', format('USING gin (%s)', b.c ->> 'vital')),
            (5, 'health_records', 'idx_health_records_search', format(
                'USING gin (to_tsvector(''english'', COALESCE(%s, '''') || '' '' || COALESCE(%s, '''') || '' '' || COALESCE(%s, '''')))',
                b.c ->> 'description', b.c ->> 'notes', b.c ->> 'provider')),
            (6, 'allergies', 'idx_allergies_student_severity', format('(%s, %s DESC)', b.c ->> 'studentId', b.c ->> 'severity')),
            (7, 'chronic_conditions', 'idx_chronic_conditions_student_status', format('(%s, %s)', b.c ->> 'studentId', b.c ->> 'status'))
        ) AS v (n, entity, index_name, definition)
        WHERE v.entity = b.entity
    )
    SELECT format('CREATE INDEX %s%I ON %s %s', CASE WHEN "concurrently" THEN 'CONCURRENTLY ' ELSE '' END,
                  w.index_name, b.relation, w.definition)
    FROM wanted AS w JOIN bound AS b ON b.entity = w.entity
    WHERE NOT EXISTS (
        SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = b.relation AND c.relname = w.index_name AND i.indisvalid)
    ORDER BY w.n;
END
$$;
COMMENT ON FUNCTION wc_index_statements(name, boolean) IS
'The CREATE INDEX statements for the indexes that the functions want and the schema does not have, one a row; CONCURRENTLY unless told not to. Runs nothing: in psql, SELECT wc_index_statements(''public'') \gexec does. Errors: as wc_attach, where the tables are not as needed.';

-- ---------------------------------------------------------------------------------------------------------
-- Summaries
-- ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION wc_health_summary(student_id text, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';
CREATE FUNCTION wc_health_summary(student_id uuid, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';
CREATE FUNCTION wc_health_summary(student_id bigint, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';

CREATE FUNCTION wc_health_summaries(student_ids text[]) RETURNS TABLE (student_id text, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
CREATE FUNCTION wc_health_summaries(student_ids uuid[]) RETURNS TABLE (student_id uuid, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
CREATE FUNCTION wc_health_summaries(student_ids bigint[]) RETURNS TABLE (student_id bigint, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';

-- ---------------------------------------------------------------------------------------------------------
-- The cache
-- ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION wc_cache_key(student_id text, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION wc_cache_key(student_id uuid, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION wc_cache_key(student_id bigint, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';

CREATE FUNCTION wc_cache_entries(student_ids text[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id text, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION wc_cache_entries(student_ids uuid[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id uuid, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION wc_cache_entries(student_ids bigint[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id bigint, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';

-- For changes that no trigger sees.
CREATE FUNCTION wc_invalidate(student_id text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION wc_invalidate(student_id uuid) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION wc_invalidate(student_id bigint) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION wc_invalidate(student_ids text[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION wc_invalidate(student_ids uuid[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION wc_invalidate(student_ids bigint[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION wc_invalidate_all() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_all';
COMMENT ON FUNCTION wc_invalidate_all() IS
'All that is cached of every student counts as stale once this transaction commits. Errors: 25006 in a read-only transaction or on a standby.';

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_health_summary(%s, text[]) IS %L', id,
'The health summary of a student as JSON: student, allergies (most severe first), recentVitals and recentVaccinations (the latest 5 each, ties by id), recordCounts by type. "include" adds sections: chronicConditions, growth (height in cm, weight in kg, bmi in kg/m2, oldest first), trends (of each vital from first to last value: beyond 5 % it is increasing or decreasing). Timestamps are UTC, to the millisecond. NULL for an unknown student or a NULL id. Reads as the caller: row-level security and privileges hold. Errors: 55000 not attached, 42P01 a table is gone, 42703 a column is gone, 42501 no privilege, 22023 an unknown section, 22P02 an id that is none of the column''s type, 42804 an id of another type.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_health_summaries(%s[]) IS %L', id,
'wc_health_summary for many students with a constant number of queries: a row for each element, in their order; summary is NULL for an unknown student.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_cache_key(%s, text) IS %L', id,
'The Redis key of a student''s cached value; kinds are health_summary, growth_chart and, as the beginning of the keys of all pages, records. With white_cross.cluster_keys = on the id stands in braces. Errors: 22023 an unknown kind.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_cache_entries(%s[], text[]) IS %L', id,
'What to store in the cache for these students: key, value, lifetime in seconds, and the snapshot that the value was read with, which a fenced fill (FCALL wc_fill) checks. Unknown students give no row, nor does text that could be no student''s id. snapshot is NULL where a value must not be cached: in a transaction that has changed something itself, and under row-level security. kinds: health_summary. Errors: 22023 an unknown kind, 0A000 a kind that cannot be built here, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_invalidate(%s) IS %L', id,
'All that is cached of this student counts as stale once this transaction commits: for changes that no trigger sees. Errors: 25006 in a read-only transaction or on a standby, 55000 not attached, 22P02 and 42804 as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION @extschema@.wc_invalidate(%s[]) IS %L', id,
'wc_invalidate for many students; NULLs among them are passed over.');
    END LOOP;
END
$$;

-- ---------------------------------------------------------------------------------------------------------
-- The worker
-- ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION white_cross.register_worker(worker_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
    IF EXISTS (SELECT FROM white_cross.worker AS w WHERE w.name = worker_name) THEN
        RETURN false;
    END IF;
    -- Waits for writers that have looked for a worker, found none and not committed yet.
    LOCK TABLE white_cross.worker IN ACCESS EXCLUSIVE MODE;
    INSERT INTO white_cross.worker (name) VALUES (worker_name) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- What changed before was not queued: every student, owed even if this worker dies in the next moment.
    -- Number -1: 0 and up are those of rows that this transaction's own changes may get.
    INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at)
    VALUES (pg_current_xact_id(), -1, 31, NULL, clock_timestamp());
    RETURN true;
END
$$;
COMMENT ON FUNCTION white_cross.register_worker(text) IS
'From now on changes are queued for this worker. True when it is new: what changed before was not queued, so all of the cache counts as stale, and a row for every student is queued. Errors: 55P03 writers in flight held it up for 2 seconds; try again.';

CREATE FUNCTION white_cross.unregister_worker(worker_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM white_cross.worker AS w WHERE w.name = worker_name;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION white_cross.unregister_worker(text) IS
'This worker will not come back. Without any worker nothing is queued. False when there was none of that name.';

CREATE FUNCTION white_cross.distrust_cache() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN PERFORM @extschema@.wc_invalidate_all(); END $$;
COMMENT ON FUNCTION white_cross.distrust_cache() IS
'Queues every student: for a worker that finds a Redis or a PostgreSQL that was restarted, whose cached values may be of a state that is gone.';

CREATE FUNCTION white_cross.start_relay() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_start_relay';
COMMENT ON FUNCTION white_cross.start_relay() IS
'Starts the background process that notifies on behalf of all writers of this database, unless it runs. It ends when no worker drains the queue. False where the library is not in shared_preload_libraries, or where there was no room for it (with a warning): then writers notify by themselves.';

CREATE FUNCTION wc_grant_worker(worker_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA white_cross, @extschema@ TO %s', worker_role);
    EXECUTE format('GRANT SELECT, DELETE ON white_cross.invalidation TO %s', worker_role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON white_cross.hot_student TO %s', worker_role);
    EXECUTE format('GRANT SELECT ON white_cross.worker TO %s', worker_role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION white_cross.register_worker(text), white_cross.unregister_worker(text), white_cross.start_relay(), white_cross.distrust_cache() TO %s', worker_role);
    FOR part IN SELECT b.schema_name, b.table_name FROM white_cross.binding AS b LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', part.schema_name, worker_role);
        EXECUTE format('GRANT SELECT ON %I.%I TO %s', part.schema_name, part.table_name, worker_role);
    END LOOP;
END
$$;
COMMENT ON FUNCTION wc_grant_worker(regrole) IS
'Gives a role what wc-worker needs and nothing else: to read and delete the queue, register itself, keep its list of hot students, and read the attached tables. Run it again after attaching other tables.';

-- ---------------------------------------------------------------------------------------------------------
-- What changes rows, or what they mean, without firing row triggers: DDL
-- ---------------------------------------------------------------------------------------------------------

-- The entity that a table holds, as a whole or as a partition or child of the attached table; NULL for others.
CREATE FUNCTION white_cross.entity_of(relation oid) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH RECURSIVE line (id) AS (
        SELECT relation
        UNION
        SELECT i.inhparent FROM line JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = line.id
    )
    SELECT b.entity
    FROM line
    JOIN pg_catalog.pg_class AS c ON c.oid = line.id
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN white_cross.binding AS b ON b.schema_name = n.nspname AND b.table_name = c.relname
    LIMIT 1;
END;

CREATE FUNCTION white_cross.follow_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed record;
    held    text;
BEGIN
    FOR changed IN SELECT DISTINCT c.classid, c.objid FROM pg_event_trigger_ddl_commands() AS c WHERE c.objid IS NOT NULL LOOP
        IF changed.classid = 'pg_class'::regclass THEN
            held := white_cross.entity_of(changed.objid);
            -- A new partition has no trigger for TRUNCATE yet; a table made again, under an attached name, none at all.
            -- What somebody has disabled stays so; and a dump that is being restored (its scripts turn off
            -- check_function_bodies) brings its triggers itself.
            IF held IS NOT NULL AND current_setting('check_function_bodies')::boolean THEN
                PERFORM white_cross.create_triggers(changed.objid::regclass, held)
                FROM pg_class AS c WHERE c.oid = changed.objid AND c.relkind IN ('r', 'p');
            END IF;
            -- A table that was renamed holds nothing any more, but still has its triggers.
            IF held IS NOT NULL OR EXISTS (
                SELECT FROM pg_trigger AS t WHERE t.tgrelid = changed.objid AND t.tgname = 'white_cross_truncate') THEN
                PERFORM @extschema@.wc_invalidate_all();
            END IF;
        ELSIF changed.classid = 'pg_type'::regclass AND EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.atttypid = changed.objid AND white_cross.entity_of(a.attrelid) IS NOT NULL) THEN
            PERFORM @extschema@.wc_invalidate_all();
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION white_cross.follow_ddl() IS
'Event trigger: what is altered in attached tables, their partitions and the types of their columns makes all of the cache stale; new partitions get their triggers.';

-- A table that is gone cannot be asked what it was, but its triggers are among what was dropped.
CREATE FUNCTION white_cross.follow_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d
               WHERE d.object_type = 'trigger' AND d.address_names[3] IN ('white_cross_change', 'white_cross_truncate')) THEN
        PERFORM @extschema@.wc_invalidate_all();
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.follow_drop() IS
'Event trigger: dropping an attached table, a partition of it or its triggers makes all of the cache stale.';

CREATE EVENT TRIGGER white_cross_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
    EXECUTE FUNCTION white_cross.follow_ddl();
ALTER EVENT TRIGGER white_cross_ddl ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_drop ON sql_drop EXECUTE FUNCTION white_cross.follow_drop();
ALTER EVENT TRIGGER white_cross_drop ENABLE ALWAYS;

-- ---------------------------------------------------------------------------------------------------------
-- Operation
-- ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION wc_version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_library_version';
COMMENT ON FUNCTION wc_version() IS 'The version of the loaded library.';

-- ---------------------------------------------------------------------------------------------------------
-- Privileges: internal things are nobody's, and what changes the database is for those who may anyway.
-- ---------------------------------------------------------------------------------------------------------

REVOKE ALL ON white_cross.binding, white_cross.worker, white_cross.invalidation, white_cross.hot_student FROM PUBLIC;
REVOKE ALL ON FUNCTION white_cross.register_worker(text), white_cross.unregister_worker(text), white_cross.start_relay(), white_cross.distrust_cache() FROM PUBLIC;
REVOKE ALL ON FUNCTION wc_attach(name, jsonb), wc_detach(name), wc_create_tables(name, boolean), wc_grant_worker(regrole) FROM PUBLIC;
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION @extschema@.wc_invalidate(%1$s), @extschema@.wc_invalidate(%1$s[]) FROM PUBLIC', id);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION wc_invalidate_all() FROM PUBLIC;
