-- white_cross: from 0.1.0 to 0.2.0.  What a released version has made is written out here once more, and stays as it is: later versions
-- change sql/install, not this file.  test/e2e/test_upgrade.py compares the result with a new installation.
\echo Use "ALTER EXTENSION white_cross UPDATE" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL quote_all_identifiers = off;

-- The new objects call the new library.  A session that loaded the old one keeps it to its end, and a server that preloads it until it
-- is restarted.  Such sessions go on writing and reading: nothing of what their library uses changes here.
DO $$
DECLARE
    loaded constant text := white_cross.library_version();
BEGIN
    IF string_to_array(loaded, '.')::integer[] < '{0,2,0}' THEN
        RAISE EXCEPTION 'the library that is loaded is version %, and this update needs 0.2.0', loaded
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Install the new library and connect again. If shared_preload_libraries has white_cross, restart PostgreSQL.';
    END IF;
END
$$;

-- Builds between 0.1.0 and 0.2.0 called themselves 0.1.0 too.  What to change in them is not known.
DO $$
BEGIN
    IF (SELECT md5(string_agg(m.name, ',' ORDER BY m.name COLLATE "C"))
        FROM (SELECT concat_ws(' ', i.type, CASE WHEN i.object_names[1] = n.nspname THEN 'public' ELSE i.object_names[1] END,
                               array_to_string(i.object_names[2:], '.'),
                               (SELECT string_agg(t.typname, '.' ORDER BY a.n)
                                FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, n) JOIN pg_type AS t ON t.oid = a.type),
                               p.prosrc) AS name
              FROM pg_extension AS e
              JOIN pg_namespace AS n ON n.oid = e.extnamespace
              JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
              CROSS JOIN LATERAL pg_identify_object_as_address(d.classid, d.objid, d.objsubid) AS i
              LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
              -- Row types are members from PostgreSQL 17 on only.
              WHERE e.extname = 'white_cross' AND d.classid <> 'pg_type'::regclass) AS m) <> '0301ae16436a085bb3285231cb626a80' THEN
        RAISE EXCEPTION 'the objects of white_cross in this database are not those of version 0.1.0'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'They are of a build before 0.2.0, or somebody has changed them. DROP EXTENSION white_cross; CREATE EXTENSION white_cross; and attach the tables again. The tables stay.';
    END IF;
END
$$;

COMMENT ON COLUMN white_cross.invalidation.pattern IS 'if students is NULL: pattern of the keys to remove; NULL: all keys of students. Otherwise the W3C trace context of the writer; NULL: it has none, or none that is sampled';

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
CREATE OR REPLACE FUNCTION white_cross.resolve(application_schema name, overrides jsonb)
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

-- Its columns have changed, and a function keeps its type for as long as it lives.
DROP FUNCTION @extschema@.wc_attach(name, json, boolean), @extschema@.wc_attach(name, text, boolean), @extschema@.wc_attach(name, jsonb, boolean), white_cross.attach(oid, name, jsonb, boolean);
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
CREATE OR REPLACE FUNCTION white_cross.overrides_in_force() RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    -- What is not attached is absent, also if there is a table of that name by now: it may be another one.
    SELECT '{"allergies": {"table": null}, "chronic_conditions": {"table": null}}'::pg_catalog.jsonb
           || pg_catalog.jsonb_object_agg(b.entity, pg_catalog.jsonb_build_object('table', b.table_name, 'columns', b.columns))
    FROM white_cross.binding AS b;
END;

DO $$
DECLARE
    summary regprocedure;
BEGIN
    FOR summary IN SELECT oid FROM pg_proc WHERE proname = 'wc_health_summary' AND pronamespace = '@extschema@'::regnamespace LOOP
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', summary,
                       replace(obj_description(summary, 'pg_proc'), 'was renamed in between',
                               'was renamed, or partitions came or went all the time, in between'));
    END LOOP;
END
$$;

COMMENT ON FUNCTION white_cross.take(xid8[], xid8, integer, xid8, integer, bigint) IS
'Takes rows out of the queue, for about "most" students, after it has done what begin_drain does: those of the transactions "in_progress" behind the place (last_xid, last_n), then all behind (later_xid, later_n). The rows'' kinds: "s" a student that one row names (n: its sections, number: its age in microseconds, xids); "*" a row for every student, which stays in the queue (name and n: its place, number: its age in microseconds, xids: the pattern of its keys); "t" a transaction of a sampled trace (name: its traceparent, number: its age in microseconds, xids), of 32 transactions at most; ">" the place of the last row; "." the batch (name: the token of the snapshot that saw it, n: rows deleted, number: 1 if no more rows wait, xids: the time from which ages count, in microseconds since 1970). Errors: 55000 no worker is registered; 42501 the role may not read and delete the queue; 25006 the transaction is read-only.';

-- The Redis that is served.  It stands here and not in Redis: where several processes of Redis take each other's place, each remembers
-- only that it was served once, and not what changed while another one was.
CREATE TABLE white_cross.served_redis (
    process text NOT NULL,
    since   timestamptz
);
COMMENT ON TABLE white_cross.served_redis IS 'the process of Redis from which changes are removed: one row, or none before the first worker came';
COMMENT ON COLUMN white_cross.served_redis.process IS 'the run_id of Redis and the master_replid of its data';
COMMENT ON COLUMN white_cross.served_redis.since IS 'since when; NULL if no other was served before';

CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.served_redis FOR EACH ROW
EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.served_redis ENABLE REPLICA TRIGGER white_cross_own;

-- The shards of a Redis Cluster that are served.  A process is trusted with the slots that stand here and with no others: it has had
-- them, and every change since, from when the worker had removed what was cached in them.
CREATE TABLE white_cross.served_shard (
    process text NOT NULL,
    slots   text NOT NULL
);
COMMENT ON TABLE white_cross.served_shard IS 'of a Redis Cluster: the processes from which changes are removed, and the slots that each is trusted with';
COMMENT ON COLUMN white_cross.served_shard.process IS 'the run_id of Redis and the master_replid of its data';
COMMENT ON COLUMN white_cross.served_shard.slots IS 'FIRST-LAST,SLOT,...';

CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.served_shard FOR EACH ROW
EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.served_shard ENABLE REPLICA TRIGGER white_cross_own;

-- ---- several Redis ----

-- Several Redis, each kept fresh by itself.  A target is owed every change that its snapshot "done" does not see, unless it is away.
CREATE TABLE white_cross.target (
    name          text PRIMARY KEY,
    process       text NOT NULL,
    is_away       boolean NOT NULL,
    keeps_rows    boolean NOT NULL,
    done          pg_snapshot,
    vouched_until timestamptz NOT NULL,
    sweep         xid8
) WITH (fillfactor = 20);
COMMENT ON TABLE white_cross.target IS 'several Redis: which process of each is kept fresh, and how far; empty with one Redis';
COMMENT ON COLUMN white_cross.target.process IS 'the run_id of Redis and the master_replid of its data';
COMMENT ON COLUMN white_cross.target.is_away IS 'nothing is kept for it, and all that is cached there is removed before a reader is answered again';
COMMENT ON COLUMN white_cross.target.keeps_rows IS 'rows stay in the queue however long it is away, since it has the stream of events';
COMMENT ON COLUMN white_cross.target.done IS 'what this snapshot sees has been removed there; NULL: nothing is known';
COMMENT ON COLUMN white_cross.target.vouched_until IS 'no reader is answered there after this time, unless a worker says so again';
COMMENT ON COLUMN white_cross.target.sweep IS 'all that is cached there and does not contain this transaction is being removed; NULL: nothing is';

-- Rows for every student that a target has worked off, as long as another one has not.
CREATE TABLE white_cross.swept (
    target text NOT NULL,
    xid    xid8 NOT NULL,
    n      integer NOT NULL,
    PRIMARY KEY (xid, n, target)
);
COMMENT ON TABLE white_cross.swept IS 'several Redis: rows for every student that a target has done and that wait in the queue for the others';

CREATE TABLE white_cross.target_set_aside (
    target   text NOT NULL,
    student  text NOT NULL,
    sections smallint NOT NULL,
    xids     xid8[] NOT NULL,
    reason   text NOT NULL,
    since    timestamptz NOT NULL
);
COMMENT ON TABLE white_cross.target_set_aside IS 'several Redis: changes that one of them refuses while it accepts those of others; normally empty';

CREATE TABLE white_cross.target_report (
    target       text PRIMARY KEY,
    worker       text NOT NULL,
    draining     boolean NOT NULL,
    seen_at      timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    state        text NOT NULL,
    detail       text,
    redis        text,
    cache_hits   bigint,
    cache_misses bigint
) WITH (fillfactor = 50);
COMMENT ON TABLE white_cross.target_report IS 'several Redis: what the worker said last of each';

CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.target FOR EACH ROW
EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.target ENABLE REPLICA TRIGGER white_cross_own;
CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.swept FOR EACH ROW
EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.swept ENABLE REPLICA TRIGGER white_cross_own;
CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.target_set_aside FOR EACH ROW
EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.target_set_aside ENABLE REPLICA TRIGGER white_cross_own;
CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.target_report FOR EACH ROW
EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.target_report ENABLE REPLICA TRIGGER white_cross_own;

-- Several Redis, the targets, each kept fresh by itself.  docs/decisions/regions.md has the reasons.
--
-- Nobody deletes a row of the queue where he has read it.  A target says up to which snapshot it has removed everything, and a row goes
-- once all targets that are not away have passed it.

CREATE FUNCTION white_cross.lock_target(target text) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_lock_target';
COMMENT ON FUNCTION white_cross.lock_target(text) IS
'Takes the lock of one of several Redis until unlock_target or the end of the session: only the worker that holds it keeps that Redis fresh. Shares the drain lock, so that no worker with one Redis drains the queue meanwhile. Returns false if another session has either.';

CREATE FUNCTION white_cross.unlock_target(target text) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_unlock_target';
COMMENT ON FUNCTION white_cross.unlock_target(text) IS
'Releases what lock_target took. Returns false, with a warning, if this session does not hold it.';

CREATE FUNCTION white_cross.look(in_progress xid8[], last_xid xid8, last_n integer, later_xid xid8, later_n integer, most bigint)
RETURNS TABLE (kind "char", name text, n integer, number bigint, xids text)
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_look';
COMMENT ON FUNCTION white_cross.look(xid8[], xid8, integer, xid8, integer, bigint) IS
'Like white_cross.take, and leaves the rows in the queue: for several Redis, each of which goes through it by itself.';

-- Every call finds one of three: the target is trusted; it is trusted once a sweep, which a worker began, is over; or it is trusted no
-- more, as it is new, was away, or is another process: then a sweep is noted.  What is committed from then on is kept for it.
CREATE FUNCTION white_cross.serve_target(target text, process text, keeps_rows boolean, life_ms integer, OUT is_distrusted boolean, OUT may_answer boolean, OUT sweep xid8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known white_cross.target;
    was_one boolean;
BEGIN
    -- Whoever kept one Redis fresh, or a cluster, removes everything there when he comes again.
    UPDATE white_cross.served_redis AS r SET process = '' WHERE r.process <> '';
    was_one := FOUND;
    DELETE FROM white_cross.served_shard;
    SELECT * INTO known FROM white_cross.target AS t WHERE t.name = serve_target.target FOR UPDATE;
    is_distrusted := known.name IS NULL OR known.is_away OR known.process <> serve_target.process;
    -- Of those who come for the first target alone: its row keeps all changes meanwhile.
    may_answer := was_one OR coalesce(is_distrusted AND NOT known.is_away, false);
    sweep := CASE WHEN is_distrusted THEN pg_current_xact_id() ELSE known.sweep END;
    INSERT INTO white_cross.target AS t (name, process, is_away, keeps_rows, done, vouched_until, sweep)
    VALUES (serve_target.target, serve_target.process, false, serve_target.keeps_rows,
            CASE WHEN NOT is_distrusted OR serve_target.keeps_rows THEN known.done ELSE pg_current_snapshot() END,
            clock_timestamp() + life_ms * interval '1 millisecond', serve_target.sweep)
    ON CONFLICT ON CONSTRAINT target_pkey DO UPDATE
        SET process = excluded.process, is_away = false, keeps_rows = excluded.keeps_rows, done = excluded.done,
            vouched_until = excluded.vouched_until, sweep = excluded.sweep;
END
$$;
COMMENT ON FUNCTION white_cross.serve_target(text, text, boolean, integer) IS
'Notes which process of Redis the worker that holds the target''s lock serves. is_distrusted: the target is new, was away or is another process than before, so that all that is cached there must be removed; may_answer: that process, or one Redis or a cluster that was served before, may still be found by readers. sweep: a transaction after which all that is cached there is to be removed; NULL: nothing is. keeps_rows: rows wait for this target however long it is away. It counts as away from life_ms after the last call of this or vouch_target.';

CREATE FUNCTION white_cross.vouch_target(target text, process text, in_progress xid8[], next_xid xid8, life_ms integer) RETURNS boolean
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE white_cross.target AS t
    SET vouched_until = clock_timestamp() + life_ms * interval '1 millisecond',
        done = CASE WHEN next_xid = '0' THEN t.done
                    ELSE (SELECT concat_ws(':', coalesce(min(x), vouch_target.next_xid), vouch_target.next_xid, coalesce(string_agg(x::text, ',' ORDER BY x), ''))
                          FROM unnest(in_progress) AS p (x))::pg_snapshot END
    WHERE t.name = vouch_target.target AND t.process = vouch_target.process AND NOT t.is_away;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION white_cross.vouch_target(text, text, xid8[], xid8, integer) IS
'Says that the target is kept fresh for life_ms more, and that all changes are removed there which the snapshot with these transactions in progress and this next one sees (0: nothing new). Until then rows are kept for it. Returns false if it was away, or is another process: then it must be served anew before any reader is answered there.';

CREATE FUNCTION white_cross.distrust_target(target text) RETURNS xid8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE white_cross.target AS t SET sweep = pg_current_xact_id() WHERE t.name = distrust_target.target;
    RETURN pg_current_xact_id();
END
$$;
COMMENT ON FUNCTION white_cross.distrust_target(text) IS
'Notes that all that is cached in this target is to be removed. Returns the transaction that its values must contain from now on.';

CREATE FUNCTION white_cross.forget_rows(target text, xids xid8[], numbers integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE white_cross.target AS t SET sweep = NULL WHERE t.name = forget_rows.target AND t.sweep = ANY (xids);
    INSERT INTO white_cross.swept AS s (target, xid, n)
    SELECT forget_rows.target, i.xid, i.n FROM unnest(xids, numbers) AS d (xid, n) JOIN white_cross.invalidation AS i ON i.xid = d.xid AND i.n = d.n
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION white_cross.forget_rows(text, xid8[], integer[]) IS
'Notes that the target has done what these rows for every student, or its own sweep, asked for.';

-- Whether the row stands for every student, so that it stays until the sweeps are over.  The condition is that of
-- src/extension/changes/take.cpp.
CREATE FUNCTION white_cross.is_for_everybody(students text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN students IS NULL OR cardinality(students) > 100000 OR pg_column_size(students) > 1000000;

-- A row that somebody made by hand, or that a dump brought, may have any xid: a target could have passed that before the row was there.
-- So it gets the xid of now, and then it is as any other.  A row's own xmin tells: where it is that of the xid, the row became visible
-- when the xid did.
CREATE FUNCTION white_cross.restamp_rows() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH odd AS (
        DELETE FROM white_cross.invalidation AS i WHERE i.xmin::text <> (i.xid::text::numeric % 4294967296)::text
        RETURNING i.sections, i.students, i.pattern, i.queued_at
    )
    INSERT INTO white_cross.invalidation (xid, n, sections, students, pattern, queued_at)
    SELECT pg_current_xact_id(), (-1 - row_number() OVER ())::integer, o.sections, o.students, o.pattern, o.queued_at FROM odd AS o;
END;
COMMENT ON FUNCTION white_cross.restamp_rows() IS
'Gives rows of the queue that have the xid of another transaction than the one that inserted them the xid of this one.';

CREATE FUNCTION white_cross.release_rows(since xid8) RETURNS xid8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reached xid8;
BEGIN
    -- No reader is answered by a target whose time is over.  Where none is alive, nothing would be won.
    UPDATE white_cross.target AS t SET is_away = true
    WHERE t.name IN (SELECT o.name FROM white_cross.target AS o WHERE NOT o.is_away AND o.vouched_until < clock_timestamp() ORDER BY o.name FOR UPDATE)
      AND t.vouched_until < clock_timestamp()
      AND EXISTS (SELECT FROM white_cross.target AS o WHERE NOT o.is_away AND o.vouched_until >= clock_timestamp());
    SELECT min(coalesce(pg_snapshot_xmin(t.done), '0'::xid8)) INTO reached FROM white_cross.target AS t WHERE NOT t.is_away OR t.keeps_rows;
    IF reached IS NULL THEN
        RETURN since;
    END IF;
    DELETE FROM white_cross.invalidation AS i
    WHERE i.xid >= since AND NOT white_cross.is_for_everybody(i.students)
      AND i.xmin::text = (i.xid::text::numeric % 4294967296)::text
      AND NOT EXISTS (SELECT FROM white_cross.target AS t
                      WHERE (NOT t.is_away OR t.keeps_rows) AND (t.done IS NULL OR NOT pg_visible_in_snapshot(i.xid, t.done)));
    DELETE FROM white_cross.invalidation AS i
    USING (SELECT DISTINCT s.xid, s.n FROM white_cross.swept AS s) AS s
    WHERE i.xid = s.xid AND i.n = s.n AND white_cross.is_for_everybody(i.students)
      AND NOT EXISTS (SELECT FROM white_cross.target AS t
                      WHERE (NOT t.is_away OR t.keeps_rows)
                        AND NOT EXISTS (SELECT FROM white_cross.swept AS o WHERE o.target = t.name AND o.xid = i.xid AND o.n = i.n));
    DELETE FROM white_cross.swept AS s WHERE NOT EXISTS (SELECT FROM white_cross.invalidation AS i WHERE i.xid = s.xid AND i.n = s.n);
    RETURN greatest(since, reached);
END
$$;
COMMENT ON FUNCTION white_cross.release_rows(xid8) IS
'Marks the targets whose time is over as away, and deletes the rows of the queue, with xids from "since" on, that all others have done. Returns where to begin the next time.';

CREATE FUNCTION white_cross.report_target(target text, worker_name text, draining boolean, next_seconds integer, report jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO white_cross.target_report AS r
    SELECT report_target.target, worker_name, draining, clock_timestamp(), clock_timestamp() + 3 * next_seconds * interval '1 second',
           coalesce(w.state, ''), w.detail, w.redis, w.cache_hits, w.cache_misses
    FROM jsonb_to_record(report) AS w (state text, detail text, redis text, cache_hits bigint, cache_misses bigint)
    ON CONFLICT ON CONSTRAINT target_report_pkey DO UPDATE
        SET worker = excluded.worker, draining = excluded.draining, seen_at = excluded.seen_at, due_at = excluded.due_at, state = excluded.state,
            detail = excluded.detail, redis = excluded.redis, cache_hits = excluded.cache_hits, cache_misses = excluded.cache_misses
        -- One that stands by says nothing new of a target that another one keeps fresh.
        WHERE excluded.draining OR NOT r.draining OR r.worker = excluded.worker OR r.due_at < clock_timestamp();
END
$$;
COMMENT ON FUNCTION white_cross.report_target(text, text, boolean, integer, jsonb) IS
'Stores what a worker says of one of several Redis, for wc_diagnose.';

CREATE FUNCTION white_cross.take_set_aside_of(target text) RETURNS TABLE (student text, sections integer, age bigint, xids text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM white_cross.target_set_aside AS s WHERE s.target = take_set_aside_of.target RETURNING s.student, s.sections, s.xids, s.since
    )
    SELECT g.student, bit_or(g.sections)::integer, greatest(0, extract(epoch FROM clock_timestamp() - min(g.since)) * 1000000)::bigint, array_agg(DISTINCT x.xid)::text
    FROM gone AS g CROSS JOIN LATERAL unnest(g.xids) AS x (xid) GROUP BY g.student;
END;
COMMENT ON FUNCTION white_cross.take_set_aside_of(text) IS
'Takes the changes that were set aside for this target, each student once, with the age of its oldest change in microseconds.';

CREATE FUNCTION white_cross.set_aside_for(target text, changes jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO white_cross.target_set_aside (target, student, sections, xids, reason, since)
    SELECT set_aside_for.target, c.student, c.sections, c.xids::xid8[], c.reason, clock_timestamp() - c.age * interval '1 microsecond'
    FROM jsonb_to_recordset(changes) AS c (student text, sections smallint, xids text, reason text, age bigint);
END;
COMMENT ON FUNCTION white_cross.set_aside_for(text, jsonb) IS
'Keeps changes that this target refuses while it accepts those of others, until take_set_aside_of.';

CREATE FUNCTION @extschema@.wc_forget_target(name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM white_cross.swept AS s WHERE s.target = wc_forget_target.name;
    DELETE FROM white_cross.target_set_aside AS s WHERE s.target = wc_forget_target.name;
    DELETE FROM white_cross.target_report AS r WHERE r.target = wc_forget_target.name;
    DELETE FROM white_cross.target AS t WHERE t.name = wc_forget_target.name AND (t.is_away OR t.vouched_until < clock_timestamp());
    IF FOUND THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT FROM white_cross.target AS t WHERE t.name = wc_forget_target.name) THEN
        RAISE EXCEPTION 'the target "%" is kept fresh', wc_forget_target.name USING ERRCODE = 'object_in_use',
            HINT = 'Take its [[redis.target]] out of the configuration of all workers, and restart them.';
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION @extschema@.wc_forget_target(text) IS
'Forgets one of several Redis that no worker has in its configuration any more, so that nothing is kept for it. Returns false if there was none of that name. Errors: 55006 a worker keeps it fresh.';

REVOKE ALL ON FUNCTION white_cross.lock_target(text), white_cross.unlock_target(text), white_cross.look(xid8[], xid8, integer, xid8, integer, bigint), white_cross.serve_target(text, text, boolean, integer), white_cross.vouch_target(text, text, xid8[], xid8, integer), white_cross.distrust_target(text), white_cross.forget_rows(text, xid8[], integer[]), white_cross.restamp_rows(), white_cross.release_rows(xid8), white_cross.report_target(text, text, boolean, integer, jsonb), white_cross.take_set_aside_of(text), white_cross.set_aside_for(text, jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.wc_forget_target(text) FROM PUBLIC;
-- What default privileges gave away of them, to whomever.
REVOKE ALL ON white_cross.target, white_cross.swept, white_cross.target_set_aside, white_cross.target_report FROM PUBLIC;
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN SELECT c.oid::regclass AS thing, a.grantee::regrole::text AS grantee
                 FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
                 WHERE c.oid IN ('white_cross.target'::regclass, 'white_cross.swept'::regclass, 'white_cross.target_set_aside'::regclass, 'white_cross.target_report'::regclass)
                   AND a.grantee <> c.relowner AND a.grantee <> 0 LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', given.thing, given.grantee);
    END LOOP;
    FOR given IN SELECT p.oid::regprocedure AS thing, a.grantee::regrole::text AS grantee
                 FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
                 WHERE (p.pronamespace = 'white_cross'::regnamespace
                        AND p.proname IN ('lock_target', 'unlock_target', 'look', 'serve_target', 'vouch_target', 'distrust_target', 'forget_rows', 'restamp_rows',
                                          'release_rows', 'report_target', 'take_set_aside_of', 'set_aside_for')
                        OR p.oid = '@extschema@.wc_forget_target(text)'::regprocedure)
                   AND a.grantee <> p.proowner AND a.grantee <> 0 LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', given.thing, given.grantee);
    END LOOP;
END
$$;

-- ---- end of several Redis ----

CREATE FUNCTION white_cross.serve_redis(process text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    served record;
BEGIN
    -- Of several Redis that were kept fresh before, none learns from now on what changes.
    UPDATE white_cross.target AS t SET is_away = true WHERE NOT t.is_away;
    SELECT r.process, r.since INTO served FROM white_cross.served_redis AS r;
    IF NOT FOUND OR served.process <> serve_redis.process THEN
        DELETE FROM white_cross.served_redis;
        INSERT INTO white_cross.served_redis VALUES (serve_redis.process, CASE WHEN served.process IS NOT NULL THEN clock_timestamp() END);
    END IF;
    IF served.process <> serve_redis.process THEN
        PERFORM white_cross.invalidate_all();
        RETURN 0;
    END IF;
    RETURN greatest(1, coalesce(extract(epoch FROM clock_timestamp() - served.since), 86400) * 1000);
END
$$;
COMMENT ON FUNCTION white_cross.serve_redis(text) IS
'Notes which process of Redis the worker that drains serves. Returns for how many milliseconds it has been that one: 0 if it was another one until now, after queueing a row for every student, because what is cached here may lack what was removed there.';

CREATE OR REPLACE FUNCTION white_cross.vacuum_holder() RETURNS TABLE (who text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT h.who, h.remedy
    FROM (SELECT greatest(age(a.backend_xid), age(a.backend_xmin)) AS age,
                 a.backend_xid IS NOT NULL AND coalesce(age(a.backend_xid) >= age(a.backend_xmin), true) AS is_cause, a.xact_start AS since,
                 format('process %s of role %s (%s), whose transaction began %s s ago', a.pid, a.usename, coalesce(nullif(a.application_name, ''), a.backend_type),
                        round(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)))) AS who,
                 format('SELECT pg_terminate_backend(%s);', a.pid) AS remedy
          FROM pg_stat_activity AS a
          WHERE coalesce(a.backend_xid, a.backend_xmin) IS NOT NULL AND a.pid <> pg_backend_pid() AND a.backend_type IN ('client backend', 'walsender')
            AND (a.datname = current_database() OR a.backend_type = 'walsender')
          UNION ALL
          SELECT age(s.xmin), true, NULL, format('replication slot %s, %s', s.slot_name, CASE WHEN s.active THEN 'in use: a standby with hot_standby_feedback has old queries' ELSE 'which nobody uses' END),
                 CASE WHEN s.active THEN '-- End the long queries on the standby.' ELSE format(E'-- If nobody will use it again:\nSELECT pg_drop_replication_slot(%L);', s.slot_name) END
          FROM pg_replication_slots AS s WHERE s.xmin IS NOT NULL
          UNION ALL
          SELECT age(p.transaction), true, p.prepared, format('prepared transaction %s of %s s ago', white_cross.literal_on_one_line(p.gid), round(extract(epoch FROM clock_timestamp() - p.prepared))),
                 white_cross.end_prepared(p.gid)
          FROM pg_prepared_xacts AS p WHERE p.database = current_database()) AS h
    ORDER BY h.age DESC, h.is_cause DESC, h.since LIMIT 1;
END;

CREATE OR REPLACE FUNCTION white_cross.check_queue() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Count at most 100,000 rows, so that the diagnosis itself stays cheap.  A row for every student waits until the sweep of
    -- Redis is over, so it does not count as old while the worker reports a sweep.
    WITH waiting AS (
        SELECT count(*) AS rows, coalesce(extract(epoch FROM clock_timestamp() - min(q.queued_at) FILTER (WHERE NOT q.is_swept AND isfinite(q.queued_at))), 0) AS oldest
        FROM (SELECT i.queued_at, i.students IS NULL AND EXISTS (SELECT FROM white_cross.worker_report AS r
                                                                WHERE r.draining AND r.state = 'sweeping' AND r.due_at > clock_timestamp()) AS is_swept
              FROM white_cross.invalidation AS i LIMIT 100000) AS q
    ), judged AS (
        SELECT w.rows, round(w.oldest) AS oldest, pg_relation_size('white_cross.invalidation') AS size,
               pg_size_bytes(current_setting('white_cross.queue_limit')) AS most, EXISTS (SELECT FROM white_cross.worker) AS is_queued,
               (SELECT r.detail FROM white_cross.worker_report AS r
                WHERE r.draining AND r.state = 'catching up' AND r.due_at > clock_timestamp() LIMIT 1) AS progress,
               EXISTS (SELECT FROM white_cross.worker_report AS r
                       WHERE r.draining AND r.state = 'events wait' AND r.due_at > clock_timestamp()) AS is_kept
        FROM waiting AS w
    ), verdict AS (
        SELECT j.*, CASE WHEN j.is_queued AND j.oldest > 60 THEN CASE WHEN j.is_kept THEN 'kept' WHEN j.progress IS NULL THEN 'late' ELSE 'catching up' END
                         WHEN j.size > j.most / 2 AND j.rows < 100000 THEN 'dead rows' WHEN j.size > j.most / 2 THEN 'long' ELSE 'short' END AS state,
               h.who, h.remedy
        FROM judged AS j LEFT JOIN white_cross.vacuum_holder() AS h ON j.size > j.most / 2
    )
    SELECT CASE v.state WHEN 'late' THEN 'fail' WHEN 'short' THEN 'ok' ELSE 'warn' END,
           format('%s%s rows, the oldest %s s old; %s of at most %s', CASE WHEN v.rows = 100000 THEN 'at least ' END, v.rows, v.oldest,
                  pg_size_pretty(v.size), pg_size_pretty(v.most))
           || CASE v.state WHEN 'catching up' THEN '; the worker catches up: ' || v.progress
                           WHEN 'kept' THEN '; their values are removed, and their events wait'
                           WHEN 'dead rows' THEN '; most of it rows that were drained'
                                                 || coalesce(' and that vacuum cannot remove: ' || v.who || ' might still see them', ' since the last vacuum') ELSE '' END,
           CASE v.state WHEN 'late' THEN
                    -- No change is lost by this: the next registration queues a row for every student.
                    E'-- Restart the worker: systemctl restart wc-worker.  Only if it is gone for good:\n'
                    || (SELECT string_agg(format('SELECT white_cross.unregister_worker(%L);', w.name), ' ') FROM white_cross.worker AS w)
                WHEN 'catching up' THEN '-- It drains: wait.'
                WHEN 'kept' THEN '-- Look at the check "worker".'
                WHEN 'long' THEN '-- It drains, or will: look at the check "worker".'
                WHEN 'dead rows' THEN concat_ws(E'\n', v.remedy, 'VACUUM white_cross.invalidation;') END
    FROM verdict AS v;
END;

-- Of a Redis Cluster a shard may be away.
CREATE OR REPLACE FUNCTION white_cross.check_set_aside() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH waiting AS (
        SELECT count(DISTINCT s.student) AS students, min(s.since) AS since, min(s.reason) AS reason,
               bool_and(s.reason LIKE 'shard: %') AS is_of_shards
        FROM white_cross.set_aside AS s
    )
    SELECT CASE WHEN w.students = 0 THEN 'ok' ELSE 'fail' END,
           CASE WHEN w.students = 0 THEN 'no change is set aside'
                WHEN w.is_of_shards THEN format('%s students wait since %s for a shard of the Redis Cluster, and wc_get finds nothing of them: %s', w.students, w.since, w.reason)
                ELSE format('%s students may be stale in the cache since %s: Redis refuses their invalidation, and theirs alone: %s',
                            w.students, w.since, w.reason) END,
           CASE WHEN w.students > 0 AND NOT w.is_of_shards THEN
               E'-- In redis-cli, remove what stands under the names of these students; the worker tries again every minute:\nSELECT student FROM white_cross.set_aside;' END
    FROM waiting AS w;
END;

CREATE FUNCTION white_cross.served_shards() RETURNS TABLE (process text, slots text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.process, s.slots FROM white_cross.served_shard AS s;
END;
COMMENT ON FUNCTION white_cross.served_shards() IS
'Returns which processes of a Redis Cluster are trusted with which slots, as serve_shards noted it.';

CREATE FUNCTION white_cross.serve_shards(processes text[], slots text[]) RETURNS xid8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE white_cross.target AS t SET is_away = true WHERE NOT t.is_away;
    DELETE FROM white_cross.served_shard;
    INSERT INTO white_cross.served_shard (process, slots)
    SELECT s.process, s.slots FROM unnest(serve_shards.processes, serve_shards.slots) AS s (process, slots);
    RETURN pg_current_xact_id();
END
$$;
COMMENT ON FUNCTION white_cross.serve_shards(text[], text[]) IS
'Notes which processes of a Redis Cluster the worker that drains trusts with which slots, in the place of what was noted before. Returns a number that grows with each call.';

-- What the worker's role needs of the extension itself: each right once, and things by the names that GRANT takes.
CREATE FUNCTION white_cross.worker_rights() RETURNS TABLE (kind text, thing text, privilege text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'SCHEMA', s.name, 'USAGE' FROM (VALUES ('white_cross'), (white_cross.home())) AS s (name)
    UNION ALL
    SELECT 'TABLE', t.name, p.privilege
    FROM (VALUES ('white_cross.invalidation', '{SELECT,DELETE}'::text[]), ('white_cross.set_aside', '{SELECT,INSERT,DELETE}'),
                 ('white_cross.hot_student', '{SELECT,INSERT,UPDATE,DELETE}'),
                 (white_cross.home() || '.wc_stat_functions', '{SELECT}'), (white_cross.home() || '.wc_slow_calls', '{SELECT}')) AS t (name, privileges)
    CROSS JOIN LATERAL unnest(t.privileges) AS p (privilege)
    UNION ALL
    SELECT 'FUNCTION', f.name, 'EXECUTE'
    FROM unnest(ARRAY['white_cross.lock_drain(boolean, boolean)', 'white_cross.unlock_drain()', 'white_cross.register_worker(text)',
                      'white_cross.unregister_worker(text)', 'white_cross.report_worker(text, boolean, boolean, integer, jsonb)', 'white_cross.holders(text)',
                      'white_cross.other_redis(text, text, text)', 'white_cross.take(xid8[], xid8, integer, xid8, integer, bigint)', 'white_cross.start_relay()',
                      'white_cross.distrust_cache()', 'white_cross.serve_redis(text)', 'white_cross.served_shards()', 'white_cross.serve_shards(text[], text[])',
                      'white_cross.key_fingerprints()', 'white_cross.student_ids(text, integer)', 'white_cross.student_ids_statement()',
                      'white_cross.lock_target(text)', 'white_cross.unlock_target(text)', 'white_cross.look(xid8[], xid8, integer, xid8, integer, bigint)',
                      'white_cross.serve_target(text, text, boolean, integer)', 'white_cross.vouch_target(text, text, xid8[], xid8, integer)',
                      'white_cross.distrust_target(text)', 'white_cross.forget_rows(text, xid8[], integer[])', 'white_cross.restamp_rows()',
                      'white_cross.release_rows(xid8)', 'white_cross.report_target(text, text, boolean, integer, jsonb)',
                      'white_cross.take_set_aside_of(text)', 'white_cross.set_aside_for(text, jsonb)',
                      'white_cross.call_histograms()', 'white_cross.call_statistics()', 'white_cross.slow_calls()', 'white_cross.take_spans(integer)',
                      white_cross.home() || '.wc_performance()', white_cross.home() || '.wc_diagnose()']) AS f (name);
END;

-- Returns the roles that wc_grant_worker was called for: they may take the drain lock, or rows out of the queue.
CREATE OR REPLACE FUNCTION white_cross.worker_roles() RETURNS SETOF regrole
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT a.grantee::regrole FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
    WHERE p.oid IN ('white_cross.lock_drain(boolean, boolean)'::regprocedure, 'white_cross.take(xid8[], xid8, integer, xid8, integer, bigint)'::regprocedure)
      AND a.grantee <> p.proowner AND a.grantee <> 0;
END;

-- The worker's role needs no right on chronic conditions, on the list of workers, or to begin a drain by itself.
CREATE OR REPLACE FUNCTION white_cross.missing_grants() RETURNS TABLE (worker_role regrole, missing text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT w.role, m.what
    FROM white_cross.worker_roles() AS w (role)
    CROSS JOIN LATERAL (
        SELECT format('USAGE on schema %I', n.nspname) AS what
        FROM pg_namespace AS n
        WHERE n.nspname IN (SELECT b.schema_name FROM white_cross.binding AS b) AND NOT has_schema_privilege(w.role::oid, n.oid, 'USAGE')
        UNION ALL
        SELECT format('SELECT on %I.%I', n.nspname, c.relname)
        FROM white_cross.binding AS b
        JOIN pg_namespace AS n ON n.nspname = b.schema_name
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
        WHERE b.entity <> 'chronic_conditions' AND NOT has_table_privilege(w.role::oid, c.oid, 'SELECT')) AS m;
END;

-- Returns the workers' roles that lack a right, on the extension or on attached tables, with the missing rights.
CREATE FUNCTION white_cross.missing_rights() RETURNS TABLE (worker_role regrole, missing text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.worker_role, string_agg(DISTINCT m.what, ', ')
    FROM (SELECT w.role AS worker_role, format('%s on %s', r.privilege, CASE r.kind WHEN 'SCHEMA' THEN 'schema ' ELSE '' END || r.thing) AS what
          FROM white_cross.worker_roles() AS w (role) CROSS JOIN white_cross.worker_rights() AS r
          WHERE NOT CASE r.kind WHEN 'SCHEMA' THEN has_schema_privilege(w.role::oid, to_regnamespace(r.thing)::oid, r.privilege)
                                WHEN 'TABLE' THEN has_table_privilege(w.role::oid, r.thing, r.privilege)
                                ELSE has_function_privilege(w.role::oid, r.thing, r.privilege) END
          UNION ALL
          SELECT g.worker_role, g.missing FROM white_cross.missing_grants() AS g) AS m
    GROUP BY m.worker_role;
END;

-- For wc_attach.  The role that attaches tables may not be allowed to grant privileges on them; wc_diagnose then shows that.
CREATE OR REPLACE FUNCTION white_cross.grant_tables_to_workers(caller oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lacking record;
BEGIN
    FOR lacking IN SELECT DISTINCT m.worker_role FROM white_cross.missing_grants() AS m LOOP
        BEGIN
            PERFORM white_cross.grant_tables(caller, lacking.worker_role);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'role % of wc-worker cannot read the attached tables: %', lacking.worker_role, SQLERRM
                USING HINT = format('As the owner of schema and tables: SELECT %s.wc_grant_worker(%L);', white_cross.home(), lacking.worker_role);
        END;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION white_cross.check_workers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH lock AS (
        SELECT white_cross.drainer() AS pid
    ), reported AS (
        SELECT r.*, l.pid IS NOT DISTINCT FROM r.pid AND r.has_session AS is_holder, clock_timestamp() > r.due_at AS is_late,
               format('last heard of %s s ago', round(extract(epoch FROM clock_timestamp() - r.seen_at))) AS heard
        FROM white_cross.worker_report AS r CROSS JOIN lock AS l
    ), registered AS (
        SELECT w.name, l.pid, r.has_session, coalesce(r.is_late, clock_timestamp() > w.registered_at + interval '2 minutes') AS is_late,
               coalesce(r.heard, 'never heard of') AS heard, coalesce(r.state, 'healthy') AS state, r.detail,
               (SELECT o.name FROM reported AS o WHERE o.is_holder AND o.draining AND o.name <> w.name) AS other
        FROM white_cross.worker AS w CROSS JOIN lock AS l LEFT JOIN reported AS r ON r.name = w.name AND r.draining
        -- Skip a worker whose newer report says why it does not drain: the second part below shows it.
        WHERE r.name IS NOT NULL OR NOT EXISTS (SELECT FROM reported AS o WHERE o.name = w.name AND NOT o.is_late)
    ), judged AS (
        SELECT g.*, CASE WHEN g.other IS NOT NULL THEN 'replaced' WHEN g.pid IS NOT NULL AND g.is_late THEN 'hangs'
                         -- A standby has the worker's report, but does not see locks of the primary.
                         WHEN g.pid IS NULL AND (g.is_late OR (g.has_session AND NOT pg_is_in_recovery())) THEN 'gone' ELSE 'drains' END AS verdict
        FROM registered AS g
    )
    SELECT CASE j.verdict WHEN 'drains' THEN s.status WHEN 'replaced' THEN 'warn' ELSE 'fail' END,
           CASE j.verdict WHEN 'drains' THEN format('worker %s drains the queue, %s; %s', j.name, j.heard, concat_ws(': ', j.state, j.detail))
                          WHEN 'replaced' THEN format('worker %s is registered and does not drain: worker %s does', j.name, j.other)
                          WHEN 'hangs' THEN format('worker %s holds on to the queue and does nothing, %s: nothing stale is removed', j.name, j.heard)
                          ELSE format('worker %s is registered and nobody drains the queue, %s: nothing stale is removed', j.name, j.heard) END,
           CASE j.verdict WHEN 'drains' THEN
                              coalesce(s.remedy, CASE j.state WHEN 'blocked' THEN (SELECT string_agg(h.remedy, E'\n') FROM white_cross.find_holders('queue') AS h)
                                                              WHEN 'no rights' THEN (SELECT string_agg(format('SELECT %s.wc_grant_worker(%L);', white_cross.home(), w.role), E'\n')
                                                                                     FROM white_cross.worker_roles() AS w (role)) END)
                          WHEN 'hangs' THEN format('SELECT pg_terminate_backend(%s);', j.pid)
                          WHEN 'replaced' THEN format(E'-- If no worker of that name will run again (the same: wc-worker --unregister, with its worker.name):\nSELECT white_cross.unregister_worker(%L);', j.name)
                          ELSE format(E'-- Start it again: systemctl restart wc-worker.  Only if it is gone for good (the same: wc-worker --unregister):\nSELECT white_cross.unregister_worker(%L);', j.name) END
    FROM judged AS j LEFT JOIN white_cross.worker_states() AS s ON s.state = j.state
    UNION ALL
    -- Workers that run and do not drain.
    SELECT s.status,
           CASE r.state WHEN 'standby' THEN format('worker %s stands by, %s', r.name, r.heard)
                        ELSE format('worker %s runs and does not drain, %s; %s', r.name, r.heard, concat_ws(': ', r.state, r.detail)) END,
           coalesce(s.remedy, CASE r.state WHEN 'unregistered' THEN (SELECT string_agg(h.remedy, E'\n') FROM white_cross.find_holders('registration') AS h)
                                           WHEN 'blocked' THEN (SELECT string_agg(h.remedy, E'\n') FROM white_cross.find_holders('drain') AS h)
                                           WHEN 'no rights' THEN (SELECT string_agg(format('SELECT %s.wc_grant_worker(%L);', white_cross.home(), w.role), E'\n')
                                                                  FROM white_cross.worker_roles() AS w (role)) END)
    FROM reported AS r LEFT JOIN white_cross.worker_states() AS s ON s.state = r.state
    WHERE NOT r.is_late AND NOT (r.draining AND EXISTS (SELECT FROM white_cross.worker AS w WHERE w.name = r.name))
      AND EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = r.pid OR NOT r.has_session)
    UNION ALL
    SELECT 'fail', format('role %s of wc-worker lacks %s', m.worker_role, m.missing),
           format('SELECT %s.wc_grant_worker(%L);', white_cross.home(), m.worker_role)
    FROM white_cross.missing_rights() AS m WHERE EXISTS (SELECT FROM white_cross.worker)
    UNION ALL
    SELECT 'ok', 'none is registered: nothing is queued, and no cache is kept fresh', NULL
    WHERE NOT EXISTS (SELECT FROM white_cross.worker) AND NOT EXISTS (SELECT FROM reported AS r WHERE NOT r.is_late);
END;

CREATE OR REPLACE FUNCTION white_cross.grant_tables(caller oid, worker_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
BEGIN
    -- No value of the cache has chronic conditions.
    FOR part IN SELECT b.schema_name, b.table_name FROM white_cross.binding AS b WHERE b.entity <> 'chronic_conditions' LOOP
        IF NOT has_schema_privilege(worker_role::oid, part.schema_name::text, 'USAGE') THEN
            PERFORM white_cross.run_as(caller, format('GRANT USAGE ON SCHEMA %I TO %s', part.schema_name, worker_role));
        END IF;
        -- GRANT only warns a caller who may use the schema and may not grant that.
        IF NOT has_schema_privilege(worker_role::oid, part.schema_name::text, 'USAGE') THEN
            RAISE EXCEPTION 'role % may not grant USAGE on schema "%"', caller::regrole, part.schema_name USING ERRCODE = 'insufficient_privilege',
                HINT = format('As the owner of the schema: GRANT USAGE ON SCHEMA %I TO %s;', part.schema_name, worker_role);
        END IF;
        PERFORM white_cross.run_as(caller, format('GRANT SELECT ON %I.%I TO %s', part.schema_name, part.table_name, worker_role));
    END LOOP;
END
$$;

DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION %s.wc_cache_key(%s, text) IS %L', '@extschema@', id,
'Returns the Redis key of a student''s cached value. Kinds are health_summary, growth_chart, records:PAGE:LIMIT:FILTERS and, for the beginning of the keys of all pages, records. Where tables are attached the key has the id as the students'' column spells it: 007 is 7 where ids are numbers, uuids are in lower case; text that no student can have as an id stays as it is. With white_cross.cluster_keys = on the id stands in braces, with white_cross.opaque_keys = on an opaque id stands in its place. Errors: F0000 the file of white_cross.key_secret_file cannot be used, 22023 an unknown kind, FILTERS of more than 10000 bytes or nested too deeply; 42804 an id of another type than the attached students have; for pages 22P02 FILTERS that are not JSON, 22P05 a character that text of this database cannot hold, and those of wc_student_records. No error shows any part of the filters.');
    END LOOP;
END
$$;

COMMENT ON FUNCTION @extschema@.wc_grant_worker(regrole) IS
'Gives a role what wc-worker needs and nothing else: to read and delete the queue, register itself, keep its list of hot students, and read the attached tables but chronic_conditions, of which no cached value is made. wc_attach grants the same for the tables that it attaches. Whoever owns the attached tables may call it. Errors: 42501 the caller does not own all of them, or may not grant USAGE on their schema to a role that lacks it.';

CREATE OR REPLACE FUNCTION white_cross.check_policies() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH guarded AS (
        SELECT c.oid::regclass AS relation, c.relowner, c.relforcerowsecurity AS forced
        FROM white_cross.binding AS b
        JOIN pg_namespace AS n ON n.nspname = b.schema_name
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
        WHERE c.relrowsecurity
    ), worker AS (
        SELECT r.rolname, string_agg(g.relation::text, ', ') AS relations,
               -- That it is a worker's and nobody else's, to whom policies are meant to apply: it writes no attached table, and
               -- reads no other one that has policies.
               NOT EXISTS (SELECT FROM white_cross.attached_tables() AS t
                           WHERE has_table_privilege(r.oid, t.relation, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(r.oid, t.relation, 'INSERT, UPDATE'))
               AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relrowsecurity AND has_any_column_privilege(r.oid, c.oid, 'SELECT')
                               AND c.oid NOT IN (SELECT t.relation FROM white_cross.attached_tables() AS t)) AS is_no_other
        FROM pg_roles AS r CROSS JOIN guarded AS g
        WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
          AND has_function_privilege(r.oid, 'white_cross.lock_drain(boolean, boolean)', 'EXECUTE')
          AND (g.forced OR NOT pg_has_role(r.oid, g.relowner, 'USAGE'))
        GROUP BY r.oid, r.rolname
    )
    SELECT 'warn', format('row-level security of %s applies to the worker''s role %I: it builds nothing into the cache', w.relations, w.rolname)
                   || CASE WHEN w.is_no_other THEN '' ELSE '; and others than a worker seem to use that role: give the worker one of its own, with BYPASSRLS' END,
           CASE WHEN w.is_no_other THEN format('ALTER ROLE %I BYPASSRLS;', w.rolname) END
    FROM worker AS w
    UNION ALL
    SELECT 'ok', format('on %s: whom it applies to is given nothing to cache; summaries are read by queries, and searches ', string_agg(g.relation::text, ', '))
                 || CASE WHEN current_setting('white_cross.search_under_rls', true) = 'index'
                         THEN 'ask the policies about what the indexes of all rows find: their time tells how many hidden rows have a word (white_cross.search_under_rls = index)'
                         ELSE 'examine each row that policies show, which takes seconds on a large table (white_cross.search_under_rls = scan'
                              || coalesce((SELECT '; index for ' || string_agg(DISTINCT pg_get_userbyid(o.setrole)::text, ', ')
                                           FROM pg_db_role_setting AS o
                                           WHERE o.setrole <> 0 AND 'white_cross.search_under_rls=index' = ANY (o.setconfig)
                                             AND o.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))), '')
                              || ')' END, NULL
    FROM guarded AS g HAVING count(*) > 0
    UNION ALL
    SELECT 'ok', 'not in use on the attached tables', NULL WHERE NOT EXISTS (SELECT FROM guarded AS g);
END;

CREATE FUNCTION white_cross.key_fingerprints() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_key_fingerprints';
COMMENT ON FUNCTION white_cross.key_fingerprints() IS
'Returns the fingerprints of the secrets in white_cross.key_secret_file, with commas between, that of new keys first: the worker compares them with its own. Empty with white_cross.opaque_keys = off. Errors: F0000 the file cannot be used.';

-- Opaque keys do not say whose they are, so the worker that audits them goes through the students: with its own rights, but for the
-- names of table and column.
CREATE FUNCTION white_cross.student_ids_statement() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('SELECT s.%1$I::text FROM %2$I.%3$I AS s WHERE $1 IS NULL OR s.%1$I > $1::%4$s ORDER BY s.%1$I LIMIT $2',
                  c.attname, b.schema_name, b.table_name, format_type(c.atttypid, -1))
    FROM white_cross.binding AS b
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = b.table_name
    JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attname = b.columns ->> 'id' AND NOT c.attisdropped
    WHERE b.entity = 'students';
END;
CREATE FUNCTION white_cross.student_ids(after text, most integer) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text := white_cross.student_ids_statement();
BEGIN
    IF statement IS NOT NULL THEN
        RETURN QUERY EXECUTE statement USING after, most;
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.student_ids(text, integer) IS
'Returns the ids of at most "most" students that come after this id in the order of the column; of the first ones if it is NULL. Nothing where no tables are attached.';

CREATE OR REPLACE FUNCTION white_cross.grant_worker(caller oid, worker_role regrole) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed record;
BEGIN
    IF worker_role IS NULL THEN
        RAISE EXCEPTION 'wc_grant_worker needs the name of a role' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM white_cross.require_owner_of_attached(caller, false);
    FOR needed IN SELECT * FROM white_cross.worker_rights() LOOP
        EXECUTE format('GRANT %s ON %s %s TO %s', needed.privilege, needed.kind, needed.thing, worker_role);
    END LOOP;
    PERFORM white_cross.grant_tables(caller, worker_role);
END
$$;

-- Looks for an index of any name that does the work.  "state" is valid; missing; invalid, which is what a failed CREATE INDEX
-- CONCURRENTLY leaves; outdated: an earlier version created the index, which orders records of the same time by their ids alone, and
-- is still useful; or another: an index of that name has another definition.  "present": the name of the index that was found.
CREATE OR REPLACE FUNCTION white_cross.wanted_indexes(application_schema name)
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

-- Functions on the row type of the students, and a view: for tools that show columns and tables, but no functions with an id

-- Returns those functions: name; what is declared behind the student; what is passed behind the id; and the type of the result.
-- All types that are no words of the grammar have their schema, because the statements run under the path of whoever pastes them.
-- Each call has all arguments and their exact types, so that no overload of another role fits better.  Pages are integers, because a
-- bigint is text in GraphQL.
CREATE FUNCTION white_cross.row_forms() RETURNS TABLE (place integer, form text, parameters text, arguments text, result text)
LANGUAGE sql IMMUTABLE ROWS 10 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES (1, 'health_summary', '', ', ''{}''::pg_catalog.text[]', 'json'),
           (2, 'growth_chart', '', ', ''{}''::pg_catalog.text[]', 'json'),
           (3, 'recent_vitals', '', ', 5::bigint', 'json'),
           (4, 'vaccinations', '', '', 'json'),
           (5, 'student_allergies', '', '', 'json'),
           (6, 'student_conditions', '', '', 'json'),
           (7, 'bmi_category_of', '', ', NULL::pg_catalog.text, false', 'text'),
           (8, 'student_records', ', page integer DEFAULT 1, page_size integer DEFAULT 20, filters pg_catalog.jsonb DEFAULT ''{}''', ', page::bigint, page_size::bigint, filters', 'json'),
           (9, 'vital_trend', ', vital pg_catalog.text, since pg_catalog.timestamptz DEFAULT NULL', ', vital, since', 'json'),
           (10, 'growth_chart_svg', ', measure pg_catalog.text', ', measure, 800::bigint, 600::bigint', 'text');
END;

-- Returns the type of which wc_health_summary has an overload, for ids of another type: of a domain, for example.
CREATE FUNCTION white_cross.overload_for(id_type oid) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN b.type = 'uuid'::regtype THEN 'pg_catalog.uuid'
                WHEN b.type IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype) THEN 'bigint' ELSE 'pg_catalog.text' END
    FROM (SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AS type FROM pg_type AS t WHERE t.oid = id_type) AS b;
END;

-- Returns whether a function or a rule of a view calls the public function of that name.
CREATE FUNCTION white_cross.calls_own(class regclass, object oid, called name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM pg_depend AS d
                   JOIN pg_proc AS p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid AND p.proname = called
                   JOIN pg_extension AS e ON e.extname = 'white_cross' AND e.extnamespace = p.pronamespace
                   WHERE d.classid = class AND d.objid = object);
END;

-- Returns, for each function and the view, its name, the statement that creates it, whether it is there already, and else why it
-- cannot be made.
CREATE FUNCTION white_cross.wanted_row_functions(students regclass, id name, prefix text, as_jsonb boolean)
RETURNS TABLE (name text, statement text, is_there boolean, obstacle text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH student AS (
        SELECT c.oid, c.reltype, c.relnamespace, format('%I', n.nspname) AS schema, white_cross.overload_for(a.atttypid) AS id_type
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = id
        WHERE c.oid = students
    ), form AS (
        SELECT f.*, prefix || f.form AS name, 'wc_' || f.form || t.suffix AS called, t.result_type
        FROM white_cross.row_forms() AS f
        CROSS JOIN LATERAL (SELECT CASE WHEN as_jsonb AND f.result = 'json' THEN '_jsonb' ELSE '' END AS suffix,
                                   CASE WHEN as_jsonb AND f.result = 'json' THEN 'jsonb' ELSE f.result END AS result_type) AS t
    ), function AS (
        SELECT f.place, f.name,
               format('CREATE FUNCTION %s.%I(student %s%s) RETURNS pg_catalog.%s LANGUAGE sql STABLE PARALLEL SAFE RETURN %s.%s((student).%I::%s%s);',
                      s.schema, f.name, students, f.parameters, f.result_type, white_cross.home(), f.called, id, s.id_type, f.arguments) AS statement,
               p.oid IS NOT NULL AND p.prorettype = to_regtype('pg_catalog.' || f.result_type) AND white_cross.calls_own('pg_proc', p.oid, f.called) AS is_there,
               CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = students AND a.attname = f.name AND NOT a.attisdropped)
                    THEN 'the table has a column of this name'
                    WHEN p.oid IS NOT NULL THEN 'there is another function of this name that takes a student' END AS obstacle
        FROM form AS f
        CROSS JOIN student AS s
        LEFT JOIN LATERAL (SELECT p.oid, p.prorettype FROM pg_proc AS p
                           WHERE p.pronamespace = s.relnamespace AND p.proname = f.name AND p.proargtypes[0] = s.reltype
                           ORDER BY white_cross.calls_own('pg_proc', p.oid, f.called), p.oid LIMIT 1) AS p ON true
    ), view AS (
        SELECT 11 AS place, 'student_summaries' AS name,
               format('CREATE VIEW %s.student_summaries WITH (security_invoker = true) AS SELECT s.%I AS id, %s FROM %s AS s;', s.schema, id,
                      (SELECT string_agg(format('%s.%s(s.%I::%s%s) AS %s', white_cross.home(), f.called, id, s.id_type, f.arguments,
                                                CASE f.form WHEN 'health_summary' THEN 'summary' ELSE f.form END), ', ' ORDER BY f.place)
                       FROM form AS f WHERE f.form IN ('health_summary', 'growth_chart')), students) AS statement,
               EXISTS (SELECT FROM pg_class AS c JOIN pg_rewrite AS r ON r.ev_class = c.oid
                       WHERE c.relnamespace = s.relnamespace AND c.relname = 'student_summaries' AND c.relkind = 'v'
                         AND white_cross.calls_own('pg_rewrite', r.oid, CASE WHEN as_jsonb THEN 'wc_health_summary_jsonb' ELSE 'wc_health_summary' END::name)
                         AND EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refobjid = students)) AS is_there,
               -- There a view reads as its owner, so that it would show the ids of students that a policy hides from the reader.
               CASE WHEN current_setting('server_version_num')::integer < 150000 THEN 'a view that reads as its caller needs PostgreSQL 15'
                    WHEN EXISTS (SELECT FROM pg_type AS t WHERE t.typnamespace = s.relnamespace AND t.typname = 'student_summaries')
                      OR EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = s.relnamespace AND c.relname = 'student_summaries')
                    THEN 'there is another object of this name' END AS obstacle
        FROM student AS s
    )
    SELECT w.name, w.statement, w.is_there, w.obstacle
    FROM (SELECT f.place, f.name, f.statement, f.is_there, f.obstacle FROM function AS f
          UNION ALL SELECT v.place, v.name, v.statement, v.is_there, v.obstacle FROM view AS v) AS w
    ORDER BY w.place;
END;

-- Returns the functions and views of wc_row_functions for a table of students, in any schema and with any prefix: what stays, and
-- fails, when the table is no longer attached.  "dropping": what follows DROP for each kind.
CREATE FUNCTION white_cross.made_row_functions(students oid) RETURNS TABLE (kind text, name text, dropping text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'FUNCTION', format('%I', p.proname), p.oid::regprocedure::text
    FROM pg_class AS c JOIN pg_proc AS p ON p.proargtypes[0] = c.reltype
    WHERE c.oid = students
      AND EXISTS (SELECT FROM white_cross.row_forms() AS f WHERE right(p.proname, length(f.form)) = f.form
                    AND (white_cross.calls_own('pg_proc', p.oid, ('wc_' || f.form)::name) OR white_cross.calls_own('pg_proc', p.oid, ('wc_' || f.form || '_jsonb')::name)))
    UNION ALL
    SELECT 'VIEW', format('%I', v.relname), v.oid::regclass::text
    FROM pg_class AS v JOIN pg_rewrite AS r ON r.ev_class = v.oid
    WHERE v.relkind = 'v' AND v.relname = 'student_summaries'
      AND (white_cross.calls_own('pg_rewrite', r.oid, 'wc_health_summary') OR white_cross.calls_own('pg_rewrite', r.oid, 'wc_health_summary_jsonb'))
      AND EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = students)
    ORDER BY 1, 2, 3;
END;

-- Tells which of them stay, and the statements that drop them.
CREATE FUNCTION white_cross.tell_made_row_functions(students oid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names    text;
    dropping text;
BEGIN
    SELECT string_agg(k.names, ', ' ORDER BY k.kind), string_agg(format('DROP %s %s;', k.kind, k.dropping), ' ' ORDER BY k.kind) INTO names, dropping
    FROM (SELECT m.kind, string_agg(DISTINCT m.name, ', ' ORDER BY m.name) AS names, string_agg(m.dropping, ', ' ORDER BY m.dropping) AS dropping
          FROM white_cross.made_row_functions(students) AS m GROUP BY m.kind) AS k;
    IF names IS NOT NULL THEN
        RAISE NOTICE 'what wc_row_functions made stays, and fails until % is attached again: %', students::regclass, names
            USING HINT = format('To drop it: %s', dropping);
    END IF;
END
$$;

CREATE FUNCTION @extschema@.wc_row_functions(application_schema name, prefix text DEFAULT '', as_jsonb boolean DEFAULT false) RETURNS SETOF text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'wc_row_functions';

CREATE FUNCTION white_cross.row_functions(caller oid, application_schema name, prefix text, as_jsonb boolean) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    students record;
    wanted   record;
    said     text;
    longest  constant integer := current_setting('max_identifier_length')::integer;
BEGIN
    -- A function on the rows of another schema would answer with the attached schema's student of the same id.
    IF NOT EXISTS (SELECT FROM white_cross.binding AS b WHERE b.schema_name = application_schema) THEN
        RAISE EXCEPTION 'white_cross is not attached to schema "%"', application_schema USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('Run SELECT %s.wc_attach(%L) first.', white_cross.home(), application_schema);
    END IF;
    PERFORM white_cross.require_owner(caller, ARRAY(SELECT t.relation FROM white_cross.tables_of(application_schema) AS t));
    SELECT max(octet_length(coalesce(prefix, '') || f.form)) AS bytes INTO wanted FROM white_cross.row_forms() AS f;
    IF wanted.bytes > longest THEN
        RAISE EXCEPTION 'a prefix of % bytes makes names longer than % bytes', octet_length(prefix), longest USING ERRCODE = 'name_too_long';
    END IF;
    SELECT t.relation, (t.columns ->> 'id')::name AS id INTO students FROM white_cross.tables_of(application_schema) AS t WHERE t.entity = 'students';
    FOR wanted IN SELECT w.* FROM white_cross.wanted_row_functions(students.relation, students.id, coalesce(prefix, ''), coalesce(as_jsonb, false)) AS w
                  WHERE NOT w.is_there LOOP
        IF wanted.obstacle IS NULL THEN
            RETURN NEXT wanted.statement;
        ELSE
            said := format('%s is left out: %s', white_cross.literal_on_one_line(wanted.name), wanted.obstacle);
            RETURN NEXT '-- ' || said;
            -- \gexec runs the comment without showing it.
            RAISE NOTICE '%', said;
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION @extschema@.wc_row_functions(name, text, boolean) IS
E'Returns the statements that create functions on the rows of the attached students, such as health_summary(students), so that SELECT s.health_summary FROM students AS s is SELECT wc_health_summary(s.id), and a view student_summaries with id, summary and growth_chart of each student. "prefix" stands before the names of the functions: PostGraphile wants ''students_''. With "as_jsonb" they return jsonb. What is there already has no statement. What cannot be made, because the table has a column of that name or another object has it, is left out, with a comment in its place and a notice. This function runs none of them. To run them, call SELECT wc_row_functions(''public'') \\gexec in psql. Functions and view belong to whoever runs the statements and read with the rights of their caller; DROP EXTENSION needs CASCADE and drops them. Whoever owns the tables may call it, and members of that role. Errors: 55000 not attached to that schema, 42501 the caller does not own all of the tables, 42622 a prefix that makes a name too long.';

CREATE OR REPLACE FUNCTION white_cross.detach(caller oid, application_schema name) RETURNS void
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

-- Tables that the application did not have when it was attached.  One that is there now hides what it holds until it is attached.
CREATE FUNCTION white_cross.check_absent(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    in_force constant jsonb := white_cross.overrides_in_force();
    absent   text;
    there    text[] := '{}';
BEGIN
    FOR absent IN SELECT o.key FROM jsonb_each(in_force) AS o WHERE o.value -> 'table' = 'null' ORDER BY o.key LOOP
        BEGIN
            there := there || ARRAY(SELECT r.entity FROM white_cross.resolve(attached, in_force - absent) AS r WHERE r.entity = absent);
        EXCEPTION WHEN undefined_column OR datatype_mismatch THEN
            -- A table of that name which is something else.
            NULL;
        END;
        IF absent <> ALL (there) THEN
            RETURN NEXT ROW ('ok', format('no table is attached as %s: that section is empty everywhere. Where there is one, attach again', absent), NULL)::white_cross.finding;
        END IF;
    END LOOP;
    -- One statement attaches them all: what one remedy leaves out, it would take away from another one.
    RETURN QUERY SELECT 'warn', format('table %I.%I is not attached, and that section is empty everywhere', attached, t.entity),
                        format('SELECT %s.wc_attach(%L, %L);', white_cross.home(), attached, white_cross.shortened(attached, in_force - there))
                 FROM unnest(there) AS t (entity);
END
$$;

CREATE OR REPLACE FUNCTION white_cross.check_binding(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    proven constant jsonb := white_cross.proven_overrides(attached);
    wrong  text;
    cure   text;
BEGIN
    BEGIN
        PERFORM white_cross.resolve(attached, white_cross.overrides_in_force());
    EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch OR invalid_schema_name THEN
        wrong := SQLERRM;
    END;
    IF wrong IS NULL THEN
        RETURN NEXT ROW ('ok', format('attached to schema %I', attached), NULL)::white_cross.finding;
        RETURN QUERY SELECT * FROM white_cross.check_absent(attached);
        -- Only the person who made the new table or column knows whether the new or the old one is meant, so there is no remedy.
        RETURN QUERY
        SELECT 'warn', format('%I.%I is read as %s, and is not the table that was attached: that is %I.%I now. Attach again to keep it so',
                              attached, v.bound_name, v.entity, v.schema_name, v.table_name), NULL
        FROM white_cross.moved_tables() AS v
        UNION ALL
        SELECT 'warn', format('column %I of %s is read as %s, and is not the column that was attached: that is %I now. Attach again to keep it so',
                              v.bound_name, v.relation, v.attribute, v.name), NULL
        FROM white_cross.moved_columns() AS v;
        RETURN;
    END IF;
    -- Offer a statement only if it cures everything: all that was attached exists under another name.
    IF proven <> white_cross.overrides_in_force() THEN
        BEGIN
            PERFORM white_cross.resolve(attached, proven);
            cure := format('SELECT %s.wc_attach(%L, %L);', white_cross.home(), attached, white_cross.shortened(attached, proven));
        EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch OR invalid_schema_name THEN
            NULL;
        END;
    END IF;
    RETURN NEXT ROW ('fail', concat_ws('; ', wrong,
        (SELECT string_agg(format('the table attached as %s is %I.%I now', v.entity, v.schema_name, v.table_name), '; ' ORDER BY v.entity)
         FROM white_cross.moved_tables() AS v),
        (SELECT string_agg(format('the column attached as %s of %s is %I now', v.attribute, v.entity, v.name), '; ' ORDER BY v.entity, v.attribute)
         FROM white_cross.moved_columns() AS v)), cure)::white_cross.finding;
END
$$;

-- Offers a statement if exactly one schema has such tables.
CREATE OR REPLACE FUNCTION white_cross.check_unattached() RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate record;
    fitting   name[] := '{}';
BEGIN
    FOR candidate IN SELECT n.nspname FROM pg_namespace AS n
                     WHERE EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'students' AND c.relkind IN ('r', 'p')) LOOP
        BEGIN
            -- A table that seems to be absent may have another name, which only a person knows.
            IF (SELECT count(*) FROM white_cross.resolve(candidate.nspname, '{}')) = 4 THEN
                fitting := fitting || candidate.nspname;
            END IF;
        EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch THEN
            NULL;
        END;
    END LOOP;
    RETURN NEXT ROW ('fail', 'not attached to any tables' || CASE cardinality(fitting) WHEN 0 THEN ': run wc_attach with their schema, and with their names where these are others'
                             WHEN 1 THEN '' ELSE ': run wc_attach with one of the schemas ' || array_to_string(fitting, ', ') END,
                     CASE cardinality(fitting) WHEN 1 THEN format('SELECT %s.wc_attach(%L);', white_cross.home(), fitting[1]) END)::white_cross.finding;
END
$$;

-- wc_help: the functions by subject

-- The names come from the catalog, the words from here.  A function without words has the first of its comment.
CREATE FUNCTION @extschema@.wc_help() RETURNS TABLE (subject text, function text, purpose text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 80
BEGIN ATOMIC
    WITH known (n, subject, name, purpose) AS (VALUES
        (101, 'set up', 'wc_create_tables', 'creates the four tables in a schema without them'),
        (102, 'set up', 'wc_attach', 'attaches the tables of a schema'),
        (103, 'set up', 'wc_index_statements', 'statements for the indexes that are missing'),
        (104, 'set up', 'wc_grant_worker', 'gives a role what wc-worker needs'),
        (105, 'set up', 'wc_row_functions', 'statements for functions on rows of students'),
        (106, 'set up', 'wc_detach', 'undoes wc_attach; tables and data stay'),
        (201, 'read', 'wc_health_summary', 'the health summary of a student'),
        (202, 'read', 'wc_health_summaries', 'the summaries of many students, a row for each'),
        (203, 'read', 'wc_student_records', 'a page of the records of a student'),
        (204, 'read', 'wc_student_records_after', 'the records behind a cursor'),
        (205, 'read', 'wc_recent_vitals', 'the latest records with vitals of a student'),
        (206, 'read', 'wc_vaccinations', 'the vaccinations of a student'),
        (207, 'read', 'wc_student_allergies', 'the allergies of a student'),
        (208, 'read', 'wc_student_conditions', 'the chronic conditions of a student'),
        (209, 'read', 'wc_search_health_records', 'the records that a person''s query finds'),
        (210, 'read', 'wc_vital_trend', 'the trend of a vital sign of a student'),
        (211, 'read', 'wc_vital_value', 'a vital sign of a record in its standard unit'),
        (301, 'growth', 'wc_growth_chart', 'height, weight and BMI of a student over time'),
        (302, 'growth', 'wc_growth_chart_svg', 'the same as a picture with percentile curves'),
        (303, 'growth', 'wc_latest_bmi', 'the latest BMI of a student, and its category'),
        (304, 'growth', 'wc_bmi_category_of', 'the category of the latest BMI of a student'),
        (305, 'growth', 'wc_bmi_group_of', 'the group that counts a student'),
        (306, 'growth', 'wc_growth_prevalence', 'students by BMI category, grade and sex'),
        (307, 'growth', 'wc_age_months', 'age as growth references count it'),
        (308, 'growth', 'wc_growth_percentile', 'percentile of a value for sex and age'),
        (309, 'growth', 'wc_growth_zscore', 'z-score of a value for sex and age'),
        (310, 'growth', 'wc_growth_value', 'value at a percentile'),
        (311, 'growth', 'wc_growth_modified_zscore', 'CDC''s modified z-score'),
        (312, 'growth', 'wc_growth_implausible', 'whether a value is implausible by CDC''s limits'),
        (313, 'growth', 'wc_growth_curves', 'percentile curves as rows'),
        (314, 'growth', 'wc_bmi', 'BMI in kg/m2, to one decimal'),
        (315, 'growth', 'wc_bmi_exact', 'BMI in kg/m2, not rounded'),
        (316, 'growth', 'wc_bmi_category', 'the category of a BMI for sex and age'),
        (317, 'growth', 'wc_bmi_percent_of_p95', 'a BMI in percent of the 95th percentile'),
        (401, 'aggregate', 'wc_statistics', 'count, average, median and more of values'),
        (402, 'aggregate', 'wc_statistics_exact', 'the same, not rounded'),
        (403, 'aggregate', 'wc_trend', 'the trend of values over time'),
        (501, 'move', 'wc_export_health_history', 'the whole history of a student in chunks'),
        (502, 'move', 'wc_export_health_histories', 'the same of many students'),
        (503, 'move', 'wc_export_health_history_ndjson', 'the same of a student, one row a line'),
        (504, 'move', 'wc_export_health_history_csv', 'one section of it as lines of CSV'),
        (505, 'move', 'wc_import_health_history', 'takes an export back'),
        (506, 'move', 'wc_bulk_delete_records', 'deletes records by their ids'),
        (601, 'cache', 'wc_cache_entries', 'what to store in the cache for students'),
        (602, 'cache', 'wc_cache_key', 'the Redis key of a cached value'),
        (603, 'cache', 'wc_write_token', 'token of this transaction, to read its writes'),
        (604, 'cache', 'wc_sees_write', 'whether this statement sees such a transaction'),
        (605, 'cache', 'wc_invalidate', 'makes cached values of students stale'),
        (606, 'cache', 'wc_invalidate_all', 'makes all cached values stale'),
        (607, 'cache', 'wc_invalidate_pattern', 'removes cached values whose keys match'),
        (608, 'cache', 'wc_prewarm', 'asks the worker to build summaries'),
        (701, 'operate', 'wc_diagnose', 'what is wrong or slow, with statements as cure'),
        (702, 'operate', 'wc_performance', 'the last five minutes of calls'),
        (706, 'operate', 'wc_forget_target', 'forgets one of several Redis that is gone'),
        (703, 'operate', 'wc_stat_reset', 'counts calls from now on'),
        (704, 'operate', 'wc_version', 'the version of the loaded library'),
        (705, 'operate', 'wc_help', 'this list')
    ), callable AS (
        SELECT p.proname::text AS name, regexp_replace(p.proname, '_(jsonb|batch)$', '') AS base,
               substring(p.proname FROM '_(jsonb|batch)$') AS form, min(obj_description(p.oid, 'pg_proc')) AS comment
        FROM pg_extension AS e
        JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
        JOIN pg_proc AS p ON p.oid = d.objid
        WHERE e.extname = 'white_cross' AND starts_with(p.proname::text, 'wc_') AND has_function_privilege(p.oid, 'EXECUTE')
          AND p.pronamespace = e.extnamespace
        GROUP BY p.proname
    )
    SELECT coalesce(k.subject, 'other'), c.name,
           CASE WHEN k.name IS NULL THEN left(split_part(c.comment, '. ', 1), 50)
                WHEN c.form IS NULL THEN k.purpose
                WHEN c.form = 'jsonb' THEN 'like ' || c.base || ', as jsonb'
                ELSE 'like ' || c.base || ', of arrays' END
    FROM callable AS c LEFT JOIN known AS k ON k.name = c.base
    ORDER BY k.n, c.name;
END;

COMMENT ON FUNCTION @extschema@.wc_help() IS
'Returns the functions that the caller may call, each name once, by subject, with a few words on what it gives. The comment of each says more: arguments, NULLs and errors.';

-- Those that act as somebody else, whom their first argument names.  Only functions of the extension may call them.
REVOKE ALL ON FUNCTION white_cross.attach(oid, name, jsonb, boolean), white_cross.row_functions(oid, name, text, boolean), white_cross.serve_redis(text),
    white_cross.served_shards(), white_cross.serve_shards(text[], text[]), white_cross.key_fingerprints(), white_cross.student_ids(text, integer), white_cross.student_ids_statement() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION white_cross.key_fingerprints() TO pg_monitor;
-- What default privileges gave away of them.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN SELECT p.oid::regprocedure AS function, a.grantee::regrole::text AS grantee
                 FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
                 WHERE p.oid IN ('white_cross.attach(oid,name,jsonb,boolean)'::regprocedure, 'white_cross.row_functions(oid,name,text,boolean)'::regprocedure)
                   AND a.grantee <> p.proowner AND a.grantee <> 0 LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', given.function, given.grantee);
    END LOOP;
END
$$;

-- ---- wc_diagnose: what keys of Redis call the students ----

CREATE OR REPLACE FUNCTION white_cross.worker_states() RETURNS TABLE (state text, status text, remedy text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('healthy', 'ok', NULL), ('idle', 'ok', NULL), ('standby', 'ok', NULL), ('sweeping', 'ok', NULL), ('off', 'ok', NULL),
           ('catching up', 'warn', '-- It drains: wait.  How far it is: /healthz and the worker''s log.'),
           ('unregistered', 'fail', NULL), ('blocked', 'fail', NULL),
           ('no redis', 'fail', E'-- Start Redis, or mend redis.url of the worker; what it says: journalctl -u wc-worker'),
           ('no postgres', 'fail', E'-- What it says: journalctl -u wc-worker'),
           ('evicting', 'fail', E'-- In redis-cli, and in redis.conf:\n-- CONFIG SET maxmemory-policy noeviction'),
           ('events wait', 'fail', E'-- The cache is kept fresh.  Mend what the detail says of Redis, or switch the events off: events.stream of the worker.'),
           ('set aside', 'fail', '-- Look at the check "set aside".'),
           ('read-only', 'fail', E'-- Mend postgres.url and redis.url of the worker: they must lead to the primaries.'),
           ('full disk', 'fail', E'-- Make room where the worker says so, for PostgreSQL or for Redis.'),
           ('no rights', 'fail', NULL),
           ('other keys', 'fail', E'-- Give the server and the worker the same secrets, one a line: white_cross.key_secret_file and redis.key_secret_file, with\n-- white_cross.opaque_keys = on and redis.opaque_keys = true; docs/security.md says how a secret is replaced.'),
           ('other redis', 'fail', E'-- Give all workers of this database the same redis.url, or stop this one: one database keeps one Redis fresh.'),
           ('cold', 'fail', E'-- Values are removed and not rebuilt; what the worker says: journalctl -u wc-worker');
END;

CREATE FUNCTION white_cross.check_keys() RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secrets text[];
BEGIN
    secrets := string_to_array(white_cross.key_fingerprints(), ',');
    RETURN QUERY SELECT 'ok', CASE cardinality(secrets)
                                  WHEN 0 THEN 'keys of the cache have the ids of students as they are'
                                  WHEN 1 THEN format('keys of the cache have opaque ids, by the secret %s', secrets[1])
                                  ELSE format('keys of the cache have opaque ids, by the secret %s; those of %s are removed too', secrets[1], secrets[2]) END,
                        NULL::text;
EXCEPTION WHEN config_file_error THEN
    RETURN QUERY SELECT 'fail', SQLERRM, E'-- In a shell on the server, as the user that PostgreSQL runs as, for a secret that it has not had yet:\n'
                                         '-- (umask 137; openssl rand -base64 32 > FILE)';
END
$$;

-- wc_diagnose: settings of PostgreSQL that cost something here, by what the server has counted

-- What a database or a role has set for itself, and counts in this database.
CREATE FUNCTION white_cross.own_settings(names text[]) RETURNS TABLE (role oid, setdatabase oid, name text, value text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.setrole, s.setdatabase, split_part(e.entry, '=', 1), lower(substr(e.entry, strpos(e.entry, '=') + 1))
    FROM pg_db_role_setting AS s, unnest(s.setconfig) AS e (entry)
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
      AND split_part(e.entry, '=', 1) = ANY (names);
END;

-- The values with which sessions of this database begin: everybody's (role 0), and those of each role that has one of its own.
CREATE FUNCTION white_cross.first_settings(names text[]) RETURNS TABLE (role oid, name text, value text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH own AS (SELECT o.* FROM white_cross.own_settings(names) AS o)
    SELECT r.role, n.name,
           -- Whose setting wins: a role's in this database, a role's, this database's, everybody's.  Not current_setting(): the
           -- worker sets time-outs for its own session, which may be this one.
           coalesce((SELECT o.value FROM own AS o WHERE o.name = n.name AND o.role IN (r.role, 0)
                     ORDER BY o.role = 0, o.setdatabase = 0 LIMIT 1),
                    (SELECT g.reset_val FROM pg_settings AS g WHERE g.name = n.name))
    FROM (SELECT o.role FROM own AS o UNION SELECT 0::oid) AS r, unnest(names) AS n (name);
END;

-- "small": what initdb sets on every machine.  Nobody has chosen it.
CREATE FUNCTION white_cross.check_buffers(small bigint DEFAULT 134217728) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH counted AS (
        SELECT sum(pg_total_relation_size(s.relid)) AS size,
               sum(coalesce(s.heap_blks_read, 0) + coalesce(s.idx_blks_read, 0) + coalesce(s.toast_blks_read, 0) + coalesce(s.tidx_blks_read, 0)) AS misses,
               sum(coalesce(s.heap_blks_hit, 0) + coalesce(s.idx_blks_hit, 0) + coalesce(s.toast_blks_hit, 0) + coalesce(s.tidx_blks_hit, 0)) AS hits
        FROM pg_statio_all_tables AS s WHERE s.relid IN (SELECT w.relation FROM white_cross.wanted_triggers() AS w)
    ), judged AS (
        SELECT c.*, g.setting::bigint * current_setting('block_size')::bigint AS buffers
        FROM counted AS c, pg_settings AS g WHERE g.name = 'shared_buffers'
    )
    SELECT 'warn', format('%s %% of the blocks of the attached tables (%s) that were asked for were not in shared_buffers, of %s only',
                          round(100.0 * j.misses / (j.hits + j.misses), 1), pg_size_pretty(j.size), pg_size_pretty(j.buffers)),
           -- How much memory the machine has no catalog tells.
           '-- In postgresql.conf, a quarter of the machine''s memory: shared_buffers = ..., then restart the server.'
    FROM judged AS j
    -- The blocks that a start reads once are no sign: more was read than four times what there is room for.
    WHERE j.buffers <= small AND j.size > 2 * j.buffers
      AND j.misses * current_setting('block_size')::bigint > 4 * j.buffers AND j.misses * 10 > j.hits + j.misses;
END;

-- "many": blocks from which on it takes long to read a table from end to end.  "often": how many times that was done.
CREATE FUNCTION white_cross.check_page_cost(many integer DEFAULT 1000, often bigint DEFAULT 100) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH wanted AS (
        SELECT max(f.value) FILTER (WHERE f.name = 'random_page_cost') AS random, max(f.value) FILTER (WHERE f.name = 'seq_page_cost') AS sequential
        FROM white_cross.first_settings('{random_page_cost,seq_page_cost}') AS f WHERE f.role = 0
    ), read AS (
        SELECT s.relid::regclass AS relation, s.seq_scan AS scans,
               coalesce((SELECT o.option_value FROM pg_options_to_table(t.spcoptions) AS o WHERE o.option_name = 'random_page_cost'), w.random) AS random,
               coalesce((SELECT o.option_value FROM pg_options_to_table(t.spcoptions) AS o WHERE o.option_name = 'seq_page_cost'), w.sequential) AS sequential
        FROM pg_stat_all_tables AS s JOIN pg_class AS c ON c.oid = s.relid
        JOIN pg_database AS d ON d.datname = current_database()
        JOIN pg_tablespace AS t ON t.oid = coalesce(nullif(c.reltablespace, 0), d.dattablespace)
        CROSS JOIN wanted AS w
        WHERE s.relid IN (SELECT x.relation FROM white_cross.wanted_triggers() AS x WHERE x.entity = 'health_records')
          -- Often, more than now and then for a report, and to the end each time.
          AND c.relpages > many AND s.seq_scan >= often AND s.seq_scan * 100 > s.seq_scan + coalesce(s.idx_scan, 0)
          AND s.seq_tup_read > 0.5 * s.seq_scan * c.reltuples
    )
    SELECT 'warn', format('%s was read from end to end %s times, and random_page_cost = %s makes the planner shun its indexes: right for turning disks',
                          r.relation, r.scans, r.random),
           E'-- Where the data lies on an SSD:\nALTER SYSTEM SET random_page_cost = 1.1;\nSELECT pg_reload_conf();'
    FROM read AS r
    WHERE CASE WHEN r.random ~ '^[0-9.]+$' AND r.sequential ~ '^[0-9.]+$' THEN r.random::float8 >= 3 * r.sequential::float8 END;
END;

-- "often": temporary files from which on it is no single report.
CREATE FUNCTION white_cross.check_work_mem(often bigint DEFAULT 100) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH written AS (
        SELECT d.datname, d.temp_files, d.temp_bytes / d.temp_files AS size, f.value,
               -- In memory rows take about twice the room.
               2 ^ greatest(2, ceil(log(2::numeric, 2.0 * d.temp_bytes / d.temp_files / 1048576)))::integer AS megabytes
        FROM pg_stat_database AS d, white_cross.first_settings('{work_mem}') AS f
        WHERE d.datname = current_database() AND f.role = 0 AND d.temp_files >= greatest(often, 1) AND d.temp_bytes > 0
          -- More than one transaction in a thousand.
          AND d.temp_files * 1000 > d.xact_commit
    ), judged AS (
        SELECT w.*, CASE WHEN w.value ~ '^[0-9]+$' THEN w.value::bigint * 1024
                         WHEN w.value ~ '^[0-9.]+ *[kmgt]b$' THEN pg_size_bytes(w.value) END AS bytes
        FROM written AS w
    )
    SELECT 'warn', format('this database wrote %s temporary files, of %s on average: work_mem = %s is too small for its sorts and hashes',
                          j.temp_files, pg_size_pretty(j.size), pg_size_pretty(j.bytes)),
           format(E'-- Each sort and each hash of a session may take so much.\nALTER DATABASE %I SET work_mem = ''%sMB'';', j.datname, j.megabytes)
    -- Beyond that memory for each session is no cure: the statement is to be looked at.
    FROM judged AS j WHERE j.megabytes <= 64 AND j.bytes < j.megabytes * 1048576;
END;

-- Values that statements are given are what is read and written of children.
CREATE FUNCTION white_cross.check_logged_values() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH names AS (
        SELECT '{log_statement,log_min_duration_statement,log_min_duration_sample,log_statement_sample_rate,log_transaction_sample_rate,log_parameter_max_length,log_parameter_max_length_on_error}'::text[] AS list
    ), known AS (
        SELECT f.role, f.name, f.value FROM names AS n, white_cross.first_settings(n.list) AS f
    ), logged AS (
        -- Statements are logged, those that fail apart; and for both the setting that says how much of each value.
        SELECT k.role, string_agg(format('%s = %s', k.name, k.value), ', ' ORDER BY k.name) AS reasons, 'log_parameter_max_length' AS name
        FROM known AS k
        WHERE CASE k.name WHEN 'log_statement' THEN k.value IN ('mod', 'all')
                          WHEN 'log_min_duration_statement' THEN k.value NOT LIKE '-%'
                          WHEN 'log_transaction_sample_rate' THEN k.value !~ '^[0.]+$'
                          WHEN 'log_min_duration_sample' THEN
                              k.value NOT LIKE '-%' AND (SELECT o.value !~ '^[0.]+$' FROM known AS o WHERE o.role = k.role AND o.name = 'log_statement_sample_rate')
                          ELSE false END
        GROUP BY k.role
        UNION ALL
        SELECT k.role, 'an error occurs', 'log_parameter_max_length_on_error' FROM known AS k WHERE k.name = 'log_parameter_max_length_on_error'
    )
    SELECT 'warn', format('%sstatements are logged with the values that they are given (%s, %s = %s): the log has what is read and written of students',
                          CASE WHEN l.role <> 0 THEN format('role %s: ', pg_get_userbyid(l.role)) END, l.reasons, l.name, k.value),
           -- The narrowest setting wins, so that is where the remedy goes.
           CASE WHEN l.role <> 0 THEN format('ALTER ROLE %I IN DATABASE %I SET %s = 0;', pg_get_userbyid(l.role), current_database(), l.name)
                WHEN EXISTS (SELECT FROM white_cross.own_settings(ARRAY[l.name]) AS o WHERE o.role = 0)
                    THEN format('ALTER DATABASE %I SET %s = 0;', current_database(), l.name)
                ELSE format(E'ALTER SYSTEM SET %s = 0;\nSELECT pg_reload_conf();', l.name) END
    FROM logged AS l JOIN known AS k ON k.role = l.role AND k.name = l.name
    WHERE k.value !~ '^0+[a-z]*$';
END;

-- "patience": as of check_connections, which names the sessions.
CREATE FUNCTION white_cross.check_idle_timeout(patience interval DEFAULT '5 minutes') RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'warn', format('idle_in_transaction_session_timeout = 0, and %s transactions of this database have been open and idle for more than %s s: nothing will end them',
                          count(*), round(extract(epoch FROM patience))),
           -- A role may still have another one, by ALTER ROLE
           format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = ''5min'';', current_database())
    FROM pg_stat_activity AS a, white_cross.first_settings('{idle_in_transaction_session_timeout}') AS f
    WHERE f.role = 0 AND f.value ~ '^0+[a-z]*$' AND a.datname = current_database()
      AND a.state LIKE 'idle in transaction%' AND clock_timestamp() - a.state_change > patience
    HAVING count(*) > 0;
END;

CREATE FUNCTION white_cross.check_settings() RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_well boolean := true;
    trouble white_cross.finding;
BEGIN
    FOR trouble IN SELECT * FROM white_cross.check_buffers() UNION ALL SELECT * FROM white_cross.check_page_cost()
                   UNION ALL SELECT * FROM white_cross.check_work_mem() UNION ALL SELECT * FROM white_cross.check_logged_values()
                   UNION ALL SELECT * FROM white_cross.check_idle_timeout() LOOP
        is_well := false;
        RETURN NEXT trouble;
    END LOOP;
    IF is_well THEN
        RETURN NEXT ROW ('ok', (SELECT string_agg(format('%s = %s', s.name, current_setting(s.name)), ', ')
                                FROM unnest('{shared_buffers,random_page_cost,work_mem}'::text[]) AS s (name))
                               || ': nothing that the server has counted speaks against them', NULL)::white_cross.finding;
    END IF;
END
$$;

-- ---- wc_diagnose: the lines of white_cross.audit ----

-- As sessions of this database have it that begin now, or a role's where it has settings of its own.
CREATE FUNCTION white_cross.check_audit() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH own AS (
        SELECT o.* FROM white_cross.own_settings('{white_cross.audit,log_min_messages}') AS o
    ), wanted AS (
        SELECT f.role, f.name, f.value FROM white_cross.first_settings('{white_cross.audit,log_min_messages}') AS f
    ), judged AS (
        SELECT a.role, a.value AS audit, m.value AS level, m.value IN ('fatal', 'panic') AS is_mute
        FROM wanted AS a JOIN wanted AS m ON m.role = a.role AND m.name = 'log_min_messages'
        WHERE a.name = 'white_cross.audit' AND a.value <> 'off'
    ), mute AS (
        SELECT 'fail' AS status,
               concat(CASE WHEN j.role <> 0 THEN format('role %s: ', pg_get_userbyid(j.role)) END,
                      format('white_cross.audit = %s, but log_min_messages = %s: no line is written', j.audit, j.level)) AS detail,
               coalesce((SELECT string_agg(format('ALTER %s RESET log_min_messages;',
                                                  CASE WHEN o.role = 0 AND o.setdatabase = 0 THEN 'ROLE ALL'
                                                       WHEN o.role = 0 THEN format('DATABASE %I', current_database())
                                                       WHEN o.setdatabase = 0 THEN format('ROLE %I', pg_get_userbyid(o.role))
                                                       ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(o.role), current_database()) END),
                                           E'\n' ORDER BY o.role, o.setdatabase)
                         FROM own AS o WHERE o.name = 'log_min_messages' AND o.role IN (j.role, 0) AND o.value IN ('fatal', 'panic')),
                        E'ALTER SYSTEM SET log_min_messages = ''warning'';\nSELECT pg_reload_conf();') AS remedy
        FROM judged AS j WHERE j.is_mute
    ), nowhere AS (
        SELECT 'fail' AS status, 'white_cross.audit is on, but log_destination is empty: no line is written' AS detail,
               E'ALTER SYSTEM SET log_destination = ''stderr'';\nSELECT pg_reload_conf();' AS remedy
        WHERE current_setting('log_destination') = '' AND EXISTS (SELECT FROM judged)
    ), troubles AS (SELECT m.* FROM mute AS m UNION ALL SELECT n.* FROM nowhere AS n)
    SELECT t.* FROM troubles AS t
    UNION ALL
    SELECT 'ok', coalesce('a line in the log (' || current_setting('log_destination') || '), white_cross.audit = '
                          || (SELECT string_agg(concat(j.audit, CASE WHEN j.role <> 0 THEN format(' for role %s', pg_get_userbyid(j.role)) END), ', '
                                                ORDER BY j.role) FROM judged AS j),
                          'white_cross.audit = off: who reads leaves no line in the log'), NULL
    WHERE NOT EXISTS (SELECT FROM troubles);
END;

-- wc_diagnose: several Redis

CREATE FUNCTION white_cross.check_targets() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH known AS (
        SELECT t.name, r.worker, r.detail, r.redis, s.status, s.remedy, t.is_away OR t.vouched_until < clock_timestamp() AS is_away,
               CASE WHEN r.due_at > clock_timestamp() THEN r.state END AS state, round(extract(epoch FROM clock_timestamp() - t.vouched_until)) AS seconds,
               (SELECT count(DISTINCT a.student) FROM white_cross.target_set_aside AS a WHERE a.target = t.name) AS set_aside
        FROM white_cross.target AS t
        LEFT JOIN white_cross.target_report AS r ON r.target = t.name
        LEFT JOIN white_cross.worker_states() AS s ON s.state = r.state
        -- With one Redis none of them is served any more.
        WHERE EXISTS (SELECT FROM white_cross.target AS o WHERE NOT o.is_away)
    )
    SELECT CASE WHEN k.is_away OR k.set_aside > 0 OR k.state IS NULL THEN 'fail' ELSE coalesce(k.status, 'ok') END,
           format('%s%s: %s%s', k.name, ' at ' || k.redis,
                  CASE WHEN k.is_away THEN format('away, and nothing is found there, since %s s', k.seconds)
                       ELSE format('worker %s keeps it fresh', k.worker) END
                  || '; ' || concat_ws(': ', coalesce(k.state, 'the worker has said nothing lately'), k.detail),
                  CASE WHEN k.set_aside > 0 THEN format('; %s students may be stale there, since it refuses their invalidation', k.set_aside) ELSE '' END),
           CASE WHEN k.set_aside > 0 THEN format(E'-- In redis-cli, remove what stands under the names of these students; the worker tries again every minute:\nSELECT student FROM white_cross.target_set_aside WHERE target = %L;', k.name)
                WHEN k.is_away THEN concat_ws(E'\n', k.remedy, format(E'-- If no worker has it in its configuration any more:\nSELECT %s.wc_forget_target(%L);', white_cross.home(), k.name))
                ELSE k.remedy END
    FROM known AS k ORDER BY k.name;
END;

-- wc_diagnose: limits of roles and databases, and connections that are reserved

-- "patience": how long a transaction may be open and idle.
CREATE OR REPLACE FUNCTION white_cross.check_connections(patience interval DEFAULT '5 minutes') RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH open AS (
        SELECT a.pid, a.state, a.state_change, a.application_name, a.state IS NULL AS is_hidden
        FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend'
    ), counted AS (
        SELECT count(*) AS n, current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                              - coalesce(current_setting('reserved_connections', true)::integer, 0) AS most,
               count(*) FILTER (WHERE o.is_hidden) AS hidden,
               (SELECT string_agg(format('%s %s', s.n, s.state), ', ' ORDER BY s.state)
                FROM (SELECT count(*) AS n, coalesce(p.state, 'in a state that is not shown') AS state FROM open AS p GROUP BY 2) AS s) AS states
        FROM open AS o
    )
    SELECT CASE WHEN c.n >= 0.95 * c.most THEN 'fail' WHEN c.n > 0.8 * c.most THEN 'warn' ELSE 'ok' END,
           format('%s of %s: %s', c.n, c.most, c.states),
           -- End those that have been idle for longest; pools connect again when they need to.
           CASE WHEN c.n > 0.8 * c.most THEN
               format('SELECT pg_terminate_backend(a.pid) FROM (SELECT pid FROM pg_stat_activity WHERE backend_type = ''client backend'' AND state = ''idle'' '
                      'AND application_name NOT LIKE ''wc-worker%%'' AND pid <> pg_backend_pid() ORDER BY state_change LIMIT %s) AS a;', ceil(c.n - 0.8 * c.most)::integer) END
    FROM counted AS c
    UNION ALL
    -- A limit that is narrower than the server's, and reached: a pool that wants one more session is refused.
    SELECT 'warn', format('%s has all %s sessions that it may open: the next one is refused', l.who, l.most),
           format(E'-- If the pools that use it are right:\nALTER %s CONNECTION LIMIT %s;', l.who, 2 * l.most)
    FROM (SELECT format('DATABASE %I', d.datname) AS who, d.datconnlimit AS most,
                 (SELECT count(*) FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend' AND a.datid = d.oid) AS n
          FROM pg_database AS d WHERE d.datname = current_database() AND d.datconnlimit > 0
          UNION ALL
          SELECT format('ROLE %I', r.rolname), r.rolconnlimit,
                 (SELECT count(*) FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend' AND a.usesysid = r.oid)
          FROM pg_roles AS r
          WHERE r.rolconnlimit > 0 AND NOT r.rolsuper
            AND EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.usesysid = r.oid)) AS l
    WHERE l.n >= l.most
    UNION ALL
    SELECT 'warn', format('process %s holds a transaction open and has done nothing for %s s: rows and notifications wait for it', o.pid,
                          round(extract(epoch FROM clock_timestamp() - o.state_change))),
           format('SELECT pg_terminate_backend(%s);', o.pid)
    FROM open AS o
    WHERE o.state LIKE 'idle in transaction%' AND clock_timestamp() - o.state_change > patience;
END;

-- The same question as src/extension/direct/partition_key asks for each read, by the names of the columns that the key has.
CREATE FUNCTION white_cross.check_partitions() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH keys AS (
        SELECT t.entity, t.relation::regclass AS attached, tree.relid, tree.isleaf,
               p.partnatts = 1 AND (a.attname = b.columns ->> CASE t.entity WHEN 'students' THEN 'id' ELSE 'studentId' END
                                    OR t.entity = 'health_records' AND p.partstrat = 'r' AND a.attname = b.columns ->> 'date') AS is_found
        FROM white_cross.attached_tables() AS t
        JOIN white_cross.binding AS b ON b.entity = t.entity
        JOIN pg_class AS c ON c.oid = t.relation AND c.relkind = 'p'
        CROSS JOIN LATERAL pg_partition_tree(t.relation) AS tree
        LEFT JOIN pg_partitioned_table AS p ON p.partrelid = tree.relid
        LEFT JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
    ), tables AS (
        SELECT k.attached, count(*) FILTER (WHERE k.isleaf) AS partitions,
               min(k.relid::regclass::text) FILTER (WHERE NOT k.isleaf AND k.is_found IS NOT TRUE) AS other
        FROM keys AS k GROUP BY k.attached
    )
    SELECT CASE WHEN t.other IS NULL THEN 'ok' ELSE 'warn' END,
           CASE WHEN t.other IS NULL THEN format('%s: the rows of a student are read directly from its %s partitions', t.attached, t.partitions)
                ELSE format('%s: queries read it, which takes longer, since %s is partitioned by %s. What is partitioned by the student alone, and records by ranges of their date alone, is read directly',
                            t.attached, t.other, pg_get_partkeydef(t.other::regclass)) END,
           NULL
    FROM tables AS t ORDER BY t.attached::text;
END;

CREATE OR REPLACE FUNCTION @extschema@.wc_diagnose() RETURNS TABLE ("check" text, status text, detail text, remedy text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    attached name;
    unseen   text;
    is_sound boolean := true;
BEGIN
    RETURN QUERY SELECT 'library', f.* FROM white_cross.check_library(white_cross.library_version()) AS f;
    RETURN QUERY SELECT 'schemas', f.* FROM white_cross.check_schemas() AS f;

    SELECT b.schema_name INTO attached FROM white_cross.binding AS b LIMIT 1;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'binding', f.* FROM white_cross.check_unattached() AS f;
    ELSE
        FOR status, detail, remedy IN SELECT * FROM white_cross.check_binding(attached) LOOP
            "check" := 'binding';
            is_sound := is_sound AND status <> 'fail';
            RETURN NEXT;
        END LOOP;
        RETURN QUERY SELECT 'triggers', f.* FROM white_cross.check_triggers() AS f;
    END IF;
    RETURN QUERY SELECT 'event triggers', f.* FROM white_cross.check_event_triggers() AS f;
    -- The wanted indexes are known only if the binding is right.
    IF attached IS NOT NULL AND is_sound THEN
        RETURN QUERY SELECT 'indexes', f.* FROM white_cross.check_indexes(attached) AS f;
        RETURN QUERY SELECT 'partitions', f.* FROM white_cross.check_partitions() AS f;
        RETURN QUERY SELECT 'statistics', f.* FROM white_cross.check_statistics() AS f;
        RETURN QUERY SELECT 'labels', f.* FROM white_cross.check_labels() AS f;
        RETURN QUERY SELECT 'sexes', f.* FROM white_cross.check_sexes() AS f;
    END IF;
    IF attached IS NOT NULL THEN
        RETURN QUERY SELECT 'row-level security', f.* FROM white_cross.check_policies() AS f;
    END IF;
    RETURN QUERY SELECT 'worker', f.* FROM white_cross.check_workers() AS f;
    RETURN QUERY SELECT 'queue', f.* FROM white_cross.check_queue() AS f;
    RETURN QUERY SELECT 'set aside', f.* FROM white_cross.check_set_aside() AS f;
    RETURN QUERY SELECT 'target', f.* FROM white_cross.check_targets() AS f;
    RETURN QUERY SELECT 'cache', f.* FROM white_cross.check_cache() AS f;
    RETURN QUERY SELECT 'notifications', f.* FROM white_cross.check_notifications() AS f;
    RETURN QUERY SELECT 'relay', f.* FROM white_cross.check_relay() AS f;
    IF has_function_privilege('white_cross.cache_statistics()', 'EXECUTE') AND has_function_privilege('white_cross.call_statistics()', 'EXECUTE') THEN
        RETURN QUERY SELECT 'summary cache', f.* FROM white_cross.check_summary_cache() AS f;
        RETURN QUERY SELECT 'calls', f.* FROM white_cross.check_calls() AS f;
    ELSE
        unseen := 'summaries in shared memory and counted calls';
    END IF;
    IF has_function_privilege('white_cross.key_fingerprints()', 'EXECUTE') THEN
        RETURN QUERY SELECT 'keys', f.* FROM white_cross.check_keys() AS f;
    ELSE
        unseen := concat_ws(', ', unseen, 'what keys of the cache call students');
    END IF;
    RETURN QUERY SELECT 'audit', f.* FROM white_cross.check_audit() AS f;
    RETURN QUERY SELECT 'connections', f.* FROM white_cross.check_connections() AS f;
    RETURN QUERY SELECT 'settings', f.* FROM white_cross.check_settings() AS f;

    IF NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
        unseen := concat_ws(', ', unseen, 'what other roles'' sessions do');
    END IF;
    IF NOT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') THEN
        unseen := concat_ws(', ', unseen, 'which libraries are preloaded');
    END IF;
    IF unseen IS NOT NULL THEN
        RETURN QUERY SELECT 'sight', 'warn', format('role %s, whose function this is, may not see %s', current_user, unseen),
                            format('GRANT pg_monitor TO %I;', current_user);
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.wc_diagnose() IS
'Looks for what would keep the summaries from being right, the cache from being fresh, or either from being fast: a row for each finding, with status ok, warn or fail, and a remedy that can be pasted; at least one row for each check: library, schemas, binding, triggers, event triggers, indexes, statistics, labels, sexes, row-level security, worker, queue, set aside, cache, notifications, relay, summary cache, calls, keys, audit, connections, settings. Runs with the rights of the extension''s owner, reads catalogs and statistics only and changes nothing; a remedy may need rights that its reader does not have. Works on a standby.';
