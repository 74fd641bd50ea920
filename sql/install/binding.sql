-- Binding to the application's tables

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

-- "studentId" -> student_id
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
        WHERE t.tgname LIKE name_pattern AND t.tgfoid = 'white_cross.record_change()'::regprocedure AND t.tgenabled <> 'A'
    LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', made.relation, made.name);
    END LOOP;
END
$$;

CREATE FUNCTION white_cross.compute_bmi() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_compute_bmi';
COMMENT ON FUNCTION white_cross.compute_bmi() IS
'Trigger that wc_attach(..., compute_bmi => true) makes on the records: BMI in kg/m2, to one decimal, into vital.bmi where height (cm) and weight (kg) are positive numbers; else the vital stays as it is.';

-- Makes the trigger that fills in BMI, or drops it.  Not ALWAYS, unlike those that track: what replication applies was computed by
-- the publisher, if it computes, and a subscriber that changed it would differ from it.
CREATE FUNCTION white_cross.switch_bmi_trigger(relation regclass, wanted boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present boolean := EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = 'white_cross_bmi');
BEGIN
    IF wanted AND NOT present THEN
        EXECUTE format('CREATE TRIGGER white_cross_bmi BEFORE INSERT OR UPDATE ON %s '
                       'FOR EACH ROW EXECUTE FUNCTION white_cross.compute_bmi(''health_records'')', relation);
        EXECUTE format('ALTER TRIGGER white_cross_bmi ON %s DEPENDS ON EXTENSION white_cross', relation);
    ELSIF present AND NOT wanted THEN
        EXECUTE format('DROP TRIGGER white_cross_bmi ON %s', relation);
    END IF;
END
$$;

CREATE FUNCTION wc_attach(application_schema name, overrides jsonb DEFAULT NULL, compute_bmi boolean DEFAULT NULL)
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
        IF part.entity = 'health_records' AND compute_bmi IS NOT NULL THEN
            PERFORM white_cross.switch_bmi_trigger(part.relation, compute_bmi);
        END IF;
        entity := part.entity;
        attached_table := part.relation;
        columns := part.columns;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION wc_attach(name, jsonb, boolean) IS
'Binds students, health_records, allergies and chronic_conditions of a schema: maps their columns ("studentId" or student_id) and creates the triggers that track changes. "overrides" names what is called otherwise: {"students": {"table": "pupils", "columns": {"id": "pupil_id"}}}. "compute_bmi" true: a trigger fills vital.bmi (kg/m2, to one decimal) of each record that is written with height (cm) and weight (kg), and replaces what was there; false: it is dropped; NULL: as it is. Attaching again completes what is missing and changes nothing else. Needs ownership of the tables. Errors: 3F000 no such schema, 42P01, 42703 or 42804 with all that is missing or of a wrong type, 22023 an unknown override, 55000 attached elsewhere.';

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
        WHERE t.tgfoid IN ('white_cross.record_change()'::regprocedure, 'white_cross.compute_bmi()'::regprocedure) AND t.tgparentid = 0
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
