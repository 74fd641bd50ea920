-- Binding to the application's tables

-- The attributes that functions of this extension read, and the types that a column may have for each.
CREATE FUNCTION white_cross.attributes(OUT entity text, OUT attribute text, OUT kind text, OUT is_optional boolean) RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 46 AS 'MODULE_PATHNAME', 'wc_attributes';
COMMENT ON FUNCTION white_cross.attributes() IS
'The attributes of the four entities, the kind of column that each takes, and whether the application may have none for it.';

CREATE FUNCTION white_cross.fits(type oid, kind text) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_fits';
COMMENT ON FUNCTION white_cross.fits(oid, text) IS
'Whether a column of this type can hold an attribute of that kind. Errors: 22023 an unknown kind.';

CREATE FUNCTION white_cross.misfit(type oid, type_collation oid, kind text, student_type oid, student_collation oid) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_misfit';
COMMENT ON FUNCTION white_cross.misfit(oid, oid, text, oid, oid) IS
'Returns why a column of this type and collation cannot hold an attribute of that kind; NULL if it can. student_type and student_collation are those of the students'' id; NULL if they are unknown. Errors: 22023 an unknown kind.';

-- "studentId" -> student_id
CREATE FUNCTION white_cross.snake_case(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.lower(pg_catalog.regexp_replace(name, '([A-Z])', E'_\\1', 'g'));
END;

-- Returns the column that wc_attach takes for an attribute without being told; NULL if there is none.
CREATE FUNCTION white_cross.column_of(relation oid, attribute text) RETURNS name
LANGUAGE sql STABLE
BEGIN ATOMIC
    -- Prefer Prisma's spelling ("studentId") to that of plain SQL (student_id).
    SELECT c.attname
    FROM pg_attribute AS c
    WHERE c.attrelid = relation AND c.attnum > 0 AND NOT c.attisdropped AND c.attname IN (attribute, white_cross.snake_case(attribute))
    ORDER BY c.attname = attribute DESC
    LIMIT 1;
END;

-- Returns, of columns by attribute, those that wc_attach finds only if it is told; NULL if there are none.
CREATE FUNCTION white_cross.other_names(relation oid, columns jsonb) RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_object_agg(c.key, c.value) FROM jsonb_each_text(columns) AS c
    WHERE c.value IS DISTINCT FROM white_cross.column_of(relation, c.key)::text;
END;

-- Returns overrides without what wc_attach finds without being told, so that a person sees at once what differs.
CREATE FUNCTION white_cross.shortened(application_schema name, overrides jsonb) RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(jsonb_object_agg(s.entity, s.difference) FILTER (WHERE s.difference <> '{}'), '{}')
    FROM (SELECT o.key AS entity,
                 CASE WHEN o.value -> 'table' = 'null' THEN o.value
                      ELSE jsonb_strip_nulls(jsonb_build_object('table', nullif(o.value ->> 'table', o.key), 'columns', white_cross.other_names(c.oid, o.value -> 'columns'))) END AS difference
          FROM jsonb_each(overrides) AS o
          LEFT JOIN pg_namespace AS n ON n.nspname = application_schema
          LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = o.value ->> 'table') AS s;
END;

-- Finds tables and columns without changing anything.  Errors name everything that is missing or wrong.  No row for allergies or
-- chronic conditions if the application has no such table, and "overrides" names none.
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
    may_be_absent boolean;
    is_citext boolean := false;
    another   text;
    id_type   oid;
    id_collation oid;
    misfit    text;
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
    -- Refuse unknown names: a misspelled override must not be ignored.
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
        -- Told so, or not told of any: the application may have no such table.
        may_be_absent := part.name IN ('allergies', 'chronic_conditions') AND (overrides -> part.name ->> 'table') IS NULL;
        IF may_be_absent AND overrides -> part.name -> 'table' = 'null' THEN
            CONTINUE;
        END IF;
        SELECT c.oid::regclass INTO relation
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = application_schema AND c.relname = part.table_name AND c.relkind IN ('r', 'p');
        IF NOT FOUND AND may_be_absent THEN
            CONTINUE;
        ELSIF NOT FOUND THEN
            missing_tables := missing_tables || format('%I.%I (%s)', application_schema, part.table_name, part.name);
            CONTINUE;
        END IF;
        mapping := '{}';
        FOR wanted IN SELECT a.attribute, a.kind, a.is_optional FROM white_cross.attributes() AS a WHERE a.entity = part.name LOOP
            override := overrides -> part.name -> 'columns' ->> wanted.attribute;
            SELECT c.attname, c.atttypid, c.attcollation INTO column_of
            FROM pg_attribute AS c
            WHERE c.attrelid = relation AND c.attnum > 0 AND NOT c.attisdropped
              AND c.attname = coalesce(override, white_cross.column_of(relation, wanted.attribute)::text);
            -- A column that the overrides name must exist, even for an optional attribute.
            IF NOT FOUND AND wanted.is_optional AND override IS NULL THEN
                CONTINUE;
            END IF;
            IF NOT FOUND THEN
                -- Without a student in it, it hardly is what its name says.
                another := CASE WHEN may_be_absent AND wanted.kind = 'student' THEN part.name ELSE another END;
                missing_columns := missing_columns || format('%I.%I.%I', application_schema, part.table_name,
                                                             coalesce(override, wanted.attribute));
                CONTINUE;
            END IF;
            IF part.name = 'students' AND wanted.attribute = 'id' THEN
                id_type := column_of.atttypid;
                id_collation := column_of.attcollation;
            END IF;
            misfit := white_cross.misfit(column_of.atttypid, column_of.attcollation, wanted.kind, id_type, id_collation);
            IF misfit IS NOT NULL THEN
                is_citext := is_citext OR wanted.kind = 'id' AND EXISTS (SELECT FROM pg_type AS t WHERE t.oid = column_of.atttypid AND t.typname = 'citext');
                wrong_types := wrong_types || format('%I.%I.%I %s', application_schema, part.table_name, column_of.attname, misfit);
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
                  HINT = CASE WHEN is_citext THEN 'In citext an id has several spellings, and a key in Redis has one. Make the ids text, with CHECK (id = lower(id)).'
                              ELSE 'If tables or columns have other names, give them in the argument "overrides"; wc_create_tables creates the tables.'
                                   || CASE WHEN another IS NULL THEN ''
                                           ELSE format(' If the table %1$s is something else, leave it out: {"%1$s": {"table": null}}.', another) END END;
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.resolve(name, jsonb) IS 'The tables and columns that wc_attach would bind.';

CREATE FUNCTION white_cross.compute_bmi() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_compute_bmi';
COMMENT ON FUNCTION white_cross.compute_bmi() IS
'Trigger that wc_attach(..., compute_bmi => true) makes on the records: BMI in kg/m2, to one decimal, into vital.bmi where height and weight are positive (cm and kg, or in a unit that wc_vital_value knows) and some child has such a BMI by CDC''s limits; else the vital stays as it is.';

-- Creates the trigger that fills in BMI, or drops it.  It is not ENABLE ALWAYS, unlike the triggers that track changes: the
-- publisher has computed the BMI of replicated rows, and a subscriber that changed them would differ from it.
CREATE FUNCTION white_cross.switch_bmi_trigger(relation regclass, wanted boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present boolean := EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = 'white_cross_bmi');
BEGIN
    IF wanted AND NOT present THEN
        PERFORM white_cross.create_trigger(relation, 'white_cross_bmi', 'health_records');
    ELSIF present AND NOT wanted THEN
        PERFORM white_cross.drop_trigger(relation, 'white_cross_bmi');
    END IF;
END
$$;

-- The public functions below run as their caller, and call those of the schema white_cross with the caller's role, which nobody
-- else may call (server/caller.cpp).  Refuses a caller who does not own these tables, and is no member of the role that does.
CREATE FUNCTION white_cross.require_owner(caller oid, tables regclass[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    not_owned text;
BEGIN
    SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid) INTO not_owned
    FROM pg_class AS c WHERE c.oid = ANY (tables) AND NOT pg_has_role(caller, c.relowner, 'USAGE');
    IF not_owned IS NOT NULL THEN
        RAISE EXCEPTION 'role % must be owner of %', caller::regrole, not_owned USING ERRCODE = 'insufficient_privilege',
            HINT = 'The owner of the tables, members of that role and superusers may do this. A member that does not inherit runs SET ROLE first.';
    END IF;
END
$$;

-- Refuses a caller who does not own what is attached.  "may_be_gone": the owner of the database may go on if no attached table
-- exists any more.
CREATE FUNCTION white_cross.require_owner_of_attached(caller oid, may_be_gone boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tables regclass[] := ARRAY(SELECT t.relation FROM white_cross.attached_tables() AS t);
BEGIN
    -- Where none has its name, those count that were attached and have other names now.
    IF cardinality(tables) = 0 THEN
        tables := ARRAY(SELECT DISTINCT c.oid FROM white_cross.bound_column AS m JOIN pg_class AS c ON c.oid = m.relation);
    END IF;
    IF cardinality(tables) > 0 THEN
        PERFORM white_cross.require_owner(caller, tables);
    ELSIF NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'white_cross' AND pg_has_role(caller, e.extowner, 'USAGE'))
          AND NOT (may_be_gone AND EXISTS (SELECT FROM pg_database AS d WHERE d.datname = current_database() AND pg_has_role(caller, d.datdba, 'USAGE'))) THEN
        RAISE EXCEPTION 'role % does not own any attached table', caller::regrole USING ERRCODE = 'insufficient_privilege',
            HINT = 'The owner of the tables attaches them with wc_attach.';
    END IF;
END
$$;

-- Runs what is about tables of the application, as somebody who may do it anyway.
CREATE FUNCTION white_cross.run_as(role oid, command text) RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_run_as';
COMMENT ON FUNCTION white_cross.run_as(oid, text) IS
'Runs a command with the rights of a role; returns the number in its first row and column, NULL if it gives none. Errors: 42501 the caller is no superuser, and those of the command.';

-- Forgets tables that were attached and are told not to exist.  A table that is only missing may have been renamed; without it
-- summaries would say that nobody has an allergy.
CREATE FUNCTION white_cross.forget_absent(caller oid, application_schema name, overrides jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    absent record;
    made   record;
BEGIN
    FOR absent IN SELECT b.entity, b.table_name FROM white_cross.binding AS b
                  WHERE b.entity NOT IN (SELECT r.entity FROM white_cross.resolve(application_schema, overrides) AS r) LOOP
        IF (overrides -> absent.entity -> 'table') IS DISTINCT FROM 'null' THEN
            RAISE EXCEPTION 'table "%.%", attached as %, does not exist', application_schema, absent.table_name, absent.entity
                USING ERRCODE = 'undefined_table',
                      HINT = format('Name the table in its place in the argument "overrides", or say that there is none: {"%s": {"table": null}}.', absent.entity);
        END IF;
        FOR made IN SELECT t.tgname AS trigger, t.tgrelid AS relation FROM pg_trigger AS t
                    WHERE t.tgfoid = 'white_cross.record_change()'::regprocedure AND t.tgparentid = 0
                      AND encode(t.tgargs, 'escape') = absent.entity || E'\\000' LOOP
            PERFORM white_cross.require_owner(caller, ARRAY[made.relation]);
            PERFORM white_cross.drop_trigger(made.relation, made.trigger);
        END LOOP;
        DELETE FROM white_cross.binding AS b WHERE b.entity = absent.entity;
        -- Also if no trigger was left to drop.
        PERFORM white_cross.invalidate_all();
    END LOOP;
END
$$;

CREATE FUNCTION @extschema@.wc_attach(application_schema name, overrides jsonb DEFAULT NULL, compute_bmi boolean DEFAULT NULL)
RETURNS TABLE (entity text, attached_table regclass, columns integer, other_names jsonb)
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_attach';
CREATE FUNCTION white_cross.attach(caller oid, application_schema name, overrides jsonb, compute_bmi boolean)
RETURNS TABLE (entity text, attached_table regclass, columns integer, other_names jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    attached  name;
    part      record;
    missing   bigint;
    wanted    jsonb;
BEGIN
    IF application_schema IS NULL THEN
        RAISE EXCEPTION 'wc_attach needs the name of a schema' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    -- Allow one call at a time: a concurrent call could change the binding between this call's reading and writing.
    LOCK TABLE white_cross.binding IN SHARE ROW EXCLUSIVE MODE;
    SELECT b.schema_name INTO attached FROM white_cross.binding AS b WHERE b.schema_name <> application_schema LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'white_cross is attached to schema "%" already', attached
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Run SELECT %s.wc_detach(%L) first.', white_cross.home(), attached);
    END IF;
    -- Without overrides: as it is, and a table that was absent is looked for again.
    wanted := coalesce(overrides, (SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(white_cross.overrides_in_force()) AS o WHERE o.value -> 'table' <> 'null'), '{}');
    PERFORM white_cross.require_owner(caller, ARRAY(SELECT r.relation FROM white_cross.resolve(application_schema, wanted) AS r));
    PERFORM white_cross.forget_absent(caller, application_schema, wanted);
    FOR part IN SELECT * FROM white_cross.resolve(application_schema, wanted) LOOP
        -- The names may stand for other tables by now.
        PERFORM white_cross.require_owner(caller, ARRAY[part.relation]);
        -- Write only rows that differ, so that attaching twice changes nothing.
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
        columns := (SELECT count(*) FROM jsonb_object_keys(part.columns));
        other_names := white_cross.other_names(part.relation, part.columns);
        RETURN NEXT;
    END LOOP;
    FOREACH entity IN ARRAY '{allergies,chronic_conditions}'::text[] LOOP
        IF NOT EXISTS (SELECT FROM white_cross.binding AS b WHERE b.entity = attach.entity) THEN
            RAISE NOTICE 'schema "%" has no table for %: that section is empty everywhere', application_schema, entity
                USING HINT = 'If the table has another name, give it in the argument "overrides"; if it is created later, run wc_attach again.';
            attached_table := NULL;
            columns := 0;
            other_names := NULL;
            RETURN NEXT;
        END IF;
    END LOOP;
    -- A schema may have been renamed while this call waited for a table.
    PERFORM white_cross.require_owner_of_attached(caller, false);
    PERFORM white_cross.grant_tables_to_workers(caller);
    -- Do this even if no row of the binding differs: the names may stand for other tables now.
    PERFORM white_cross.remember(true);
    SELECT count(*) INTO missing FROM white_cross.wanted_indexes(application_schema) AS w WHERE w.state <> 'valid';
    IF missing > 0 THEN
        RAISE NOTICE 'indexes that the functions want are missing or invalid in schema "%": %', application_schema, missing
            USING HINT = format(E'To create them, run in psql: SELECT %s.wc_index_statements(%L) \\gexec', white_cross.home(), application_schema);
    END IF;
    PERFORM white_cross.warn_of_labels();
END
$$;

-- Drivers bind the overrides also as json, or as text of one type or none.  Only the function above has a default for them.
DO $$
DECLARE
    type text;
BEGIN
    FOREACH type IN ARRAY '{json,text}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %1$s.wc_attach(application_schema name, overrides %2$s, compute_bmi boolean DEFAULT NULL) '
                       'RETURNS TABLE (entity text, attached_table regclass, columns integer, other_names jsonb) LANGUAGE sql BEGIN ATOMIC '
                       'SELECT a.entity, a.attached_table, a.columns, a.other_names FROM %1$s.wc_attach(application_schema, overrides::jsonb, compute_bmi) AS a; END', '@extschema@', type);
    END LOOP;
    FOREACH type IN ARRAY '{jsonb,json,text}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION %s.wc_attach(name, %s, boolean) IS %L', '@extschema@', type,
'Binds students, health_records, allergies and chronic_conditions of a schema: maps their columns ("studentId" or student_id) and creates the triggers that track changes. Returns a row for each: its table, how many columns it has found, and those that have other names than these two, by attribute. "overrides", as jsonb, json or text, names what is called otherwise: {"students": {"table": "pupils", "columns": {"id": "pupil_id"}}}. "compute_bmi" true: a trigger fills vital.bmi (kg/m2, to one decimal) of each record that is written with height and weight (cm and kg, or in a known unit), and replaces what was there unless no child has such a BMI; false: it is dropped; NULL: as it is. Without a table of allergies or of chronic conditions, which a notice tells, that section is empty everywhere; {"allergies": {"table": null}} says that there is none any more, or that a table of that name is something else; wc_attach without overrides looks for it again. Warns of severities and statuses without a rank, with their number where they are text, and of an enum of types without VACCINATION. Attaching again completes what is missing and changes nothing else. A notice says how many of the indexes of wc_index_statements are missing. Whoever owns the tables may call it, and members of that role. Errors: 42501 the caller does not own all of the tables, 3F000 no such schema, 42P01, 42703 or 42804 with all that is missing or of a wrong type, 22023 an unknown override, 22P02 overrides that are not JSON, 55000 attached elsewhere.');
    END LOOP;
END
$$;

-- Returns the overrides that describe the current binding, so that attaching again needs none.
CREATE FUNCTION white_cross.overrides_in_force() RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    -- What is not attached is absent, also if there is a table of that name by now: it may be another one.
    SELECT '{"allergies": {"table": null}, "chronic_conditions": {"table": null}}'::pg_catalog.jsonb
           || pg_catalog.jsonb_object_agg(b.entity, pg_catalog.jsonb_build_object('table', b.table_name, 'columns', b.columns))
    FROM white_cross.binding AS b;
END;

CREATE FUNCTION @extschema@.wc_detach(application_schema name) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_detach';
CREATE FUNCTION white_cross.detach(caller oid, application_schema name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made     record;
    students oid;
BEGIN
    LOCK TABLE white_cross.binding IN SHARE ROW EXCLUSIVE MODE;
    PERFORM FROM white_cross.binding AS b WHERE b.schema_name = application_schema;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'white_cross is not attached to schema "%"', application_schema
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM white_cross.require_owner_of_attached(caller, true);
    -- Skip clones on partitions: PostgreSQL drops them with the trigger that they were cloned from.
    FOR made IN
        SELECT t.tgname AS trigger, t.tgrelid AS relation
        FROM pg_trigger AS t
        WHERE t.tgfoid IN ('white_cross.record_change()'::regprocedure, 'white_cross.compute_bmi()'::regprocedure) AND t.tgparentid = 0
    LOOP
        PERFORM white_cross.drop_trigger(made.relation, made.trigger);
    END LOOP;
    students := coalesce((SELECT t.relation FROM white_cross.attached_tables() AS t WHERE t.entity = 'students'),
                         (SELECT m.relation FROM white_cross.bound_column AS m WHERE m.entity = 'students' LIMIT 1));
    DELETE FROM white_cross.binding AS b WHERE b.schema_name = application_schema;
    PERFORM white_cross.tell_made_row_functions(students);
END
$$;
COMMENT ON FUNCTION @extschema@.wc_detach(name) IS
'Undoes wc_attach: drops the triggers and forgets the mapping; tables and data stay as they are. Cached values are no longer kept fresh. What wc_row_functions made stays too, and fails until the tables are attached again: a notice names it, and its hint has the statements that drop it. Whoever owns the tables may call it, and the owner of the database if they are gone. Errors: 55000 not attached to that schema, 42501 the caller does not own all of the tables.';

CREATE FUNCTION @extschema@.wc_create_tables(application_schema name, indexes boolean DEFAULT true) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_create_tables';
CREATE FUNCTION white_cross.create_tables(caller oid, application_schema name, indexes boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text;
BEGIN
    IF to_regnamespace(quote_ident(application_schema)) IS NULL THEN
        RAISE EXCEPTION 'schema "%" does not exist', application_schema USING ERRCODE = 'invalid_schema_name';
    END IF;
    -- Name every object with its schema: the schema may contain types of other roles with the names of the server's types.
    PERFORM white_cross.run_as(caller, format($statements$
    CREATE TYPE %1$I."Gender" AS ENUM ('MALE', 'FEMALE', 'OTHER', 'PREFER_NOT_TO_SAY');
    CREATE TYPE %1$I."AllergySeverity" AS ENUM ('MILD', 'MODERATE', 'SEVERE', 'LIFE_THREATENING');
    CREATE TYPE %1$I."HealthRecordType" AS ENUM ('CHECKUP', 'VACCINATION', 'ILLNESS', 'INJURY', 'SCREENING',
        'PHYSICAL_EXAM', 'MENTAL_HEALTH', 'DENTAL', 'VISION', 'HEARING');

    CREATE TABLE %1$I.students (
        id                 text PRIMARY KEY,
        "studentNumber"    text NOT NULL UNIQUE,
        "firstName"        text NOT NULL,
        "lastName"         text NOT NULL,
        "dateOfBirth"      timestamp(3) NOT NULL,
        grade              text NOT NULL,
        gender             %1$I."Gender" NOT NULL,
        photo              text,
        "medicalRecordNum" text UNIQUE,
        "isActive"         boolean NOT NULL DEFAULT true,
        "enrollmentDate"   timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "createdAt"        timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt"        timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "nurseId"          text
    );
    CREATE TABLE %1$I.health_records (
        id          text PRIMARY KEY,
        type        %1$I."HealthRecordType" NOT NULL,
        date        timestamp(3) NOT NULL,
        description text NOT NULL,
        vital       jsonb,
        provider    text,
        notes       text,
        attachments text[],
        "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "studentId" text NOT NULL REFERENCES %1$I.students (id) ON DELETE CASCADE ON UPDATE CASCADE
    );
    CREATE TABLE %1$I.allergies (
        id           text PRIMARY KEY,
        allergen     text NOT NULL,
        severity     %1$I."AllergySeverity" NOT NULL,
        reaction     text,
        treatment    text,
        verified     boolean NOT NULL DEFAULT false,
        "verifiedBy" text,
        "verifiedAt" timestamp(3),
        "createdAt"  timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt"  timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "studentId"  text NOT NULL REFERENCES %1$I.students (id) ON DELETE CASCADE ON UPDATE CASCADE
    );
    CREATE TABLE %1$I.chronic_conditions (
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
        "studentId"      text NOT NULL REFERENCES %1$I.students (id) ON DELETE CASCADE ON UPDATE CASCADE
    );
    $statements$, application_schema));
    IF indexes THEN
        FOR statement IN SELECT white_cross.index_statement(w.relation, w.index_name, w.definition, w.state, w.present, false)
                         FROM white_cross.wanted_indexes(application_schema) AS w WHERE w.state <> 'valid' LOOP
            PERFORM white_cross.run_as(caller, statement);
        END LOOP;
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.wc_create_tables(name, boolean) IS
'Creates students, health_records, allergies and chronic_conditions in a schema that has none, as Prisma does, with their enums and, unless "indexes" is false, their indexes. Run wc_attach afterwards. The caller must be allowed to create tables in the schema, and owns them then. Errors: 42501 it may not, 42P07 or 42710 an object of that name exists already.';
