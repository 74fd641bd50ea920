-- white_cross: the install script.  The build joins these files, in the order that the Makefile gives, to
-- white_cross--VERSION.sql.  Public functions are named wc_* and are in the schema that CREATE EXTENSION names.
-- Internal tables and functions are in the schema white_cross; applications must not use them.
\echo Use "CREATE EXTENSION white_cross" to load this file. \quit

-- PostgreSQL runs a script with the extension's schema first in search_path.  Other roles may have functions, operators and
-- types there that fit a call better than the server's do.  From here on a name without a schema is the server's, also in
-- function bodies that are parsed here, and the extension's own objects are named with their schema.  Every update script
-- must begin with this line too.
SET LOCAL search_path = pg_catalog, pg_temp;
-- The script installs the same objects whatever the settings of the database.  (PostgreSQL reads the whole script under the
-- database's standard_conforming_strings before the first line runs, so a backslash may stand in E'' only.)
SET LOCAL quote_all_identifiers = off;

-- The extension calls its own functions by their names in the schema white_cross, so no other role may create objects there.
DO $$
DECLARE
    others  text;
    grantee text;
BEGIN
    IF to_regnamespace('white_cross') IS NULL THEN
        CREATE SCHEMA white_cross;
        -- Take back what default privileges have granted.
        FOR grantee IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                       FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
                       WHERE n.nspname = 'white_cross' AND a.grantee <> n.nspowner LOOP
            EXECUTE format('REVOKE ALL ON SCHEMA white_cross FROM %s', grantee);
        END LOOP;
        RETURN;
    END IF;
    SELECT string_agg(DISTINCT coalesce(r.rolname, 'PUBLIC'), ', ') INTO others
    FROM pg_namespace AS n
    CROSS JOIN LATERAL (SELECT n.nspowner UNION
                        SELECT a.grantee FROM aclexplode(n.nspacl) AS a WHERE a.privilege_type = 'CREATE') AS able (id)
    LEFT JOIN pg_roles AS r ON r.oid = able.id
    WHERE n.nspname = 'white_cross' AND NOT coalesce(r.rolsuper OR r.rolname = current_user, false);
    IF others IS NOT NULL OR '@extschema@' <> 'white_cross' THEN
        RAISE EXCEPTION 'schema "white_cross" exists already%', coalesce(', and these roles may create objects in it: ' || others, '')
            USING ERRCODE = 'duplicate_schema',
                  HINT = 'The extension keeps its own tables and functions in this schema. Drop or rename it.';
    END IF;
END
$$;

-- Returns the current name of the schema of the public functions; its owner may have renamed it.
CREATE FUNCTION white_cross.home() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'white_cross';
END;

-- Internal tables

-- The binding: which table of the application holds which entity.  It has names and no OIDs, so that a dump restores it.
CREATE TABLE white_cross.binding (
    entity      text PRIMARY KEY CHECK (entity IN ('students', 'health_records', 'allergies', 'chronic_conditions')),
    schema_name name NOT NULL,
    table_name  name NOT NULL,
    columns     jsonb NOT NULL
);
COMMENT ON TABLE white_cross.binding IS 'which table and columns of the application hold which entity; written by wc_attach';
SELECT pg_catalog.pg_extension_config_dump('white_cross.binding', '');

-- The OIDs and column numbers of the bound tables when they were attached.  They show that a column was renamed, so that the
-- column with another name is the one that was attached.  Not dumped: the numbers are valid in this database only.
CREATE TABLE white_cross.bound_column (
    entity    text NOT NULL,
    attribute text NOT NULL,
    relation  oid NOT NULL,
    number    smallint NOT NULL,
    PRIMARY KEY (entity, attribute)
);
COMMENT ON TABLE white_cross.bound_column IS 'the columns that were attached, by table and number, as in pg_attribute';

-- The registered workers.  Changes are queued only while there is at least one, as with a replication slot.
CREATE TABLE white_cross.worker (
    name          text PRIMARY KEY,
    registered_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE white_cross.worker IS 'consumers of the queue; changes are queued only while there is at least one';

-- The workers' reports, one with each heartbeat, for wc_diagnose.  They are not in the table worker, because writers of all
-- sessions cache that table and reread it after each change.  A name has at most two rows, which are updated in place.
CREATE TABLE white_cross.worker_report (
    name           text NOT NULL,
    draining       boolean NOT NULL,
    has_session    boolean NOT NULL,
    pid            integer,
    seen_at        timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    oldest_seconds double precision NOT NULL,
    queue_rows     bigint NOT NULL,
    state          text NOT NULL,
    detail         text,
    redis          text,
    redis_run_id   text,
    cache_hits     bigint,
    cache_misses   bigint,
    PRIMARY KEY (name, draining)
) WITH (fillfactor = 50);
COMMENT ON TABLE white_cross.worker_report IS 'for each name of a worker, the last report of the one that drains and of one that stands by';
COMMENT ON COLUMN white_cross.worker_report.has_session IS 'the worker has a session of its own, and holds the drain lock in it; false behind a transaction pooler';
COMMENT ON COLUMN white_cross.worker_report.pid IS 'process of the session that drains; NULL behind a transaction pooler';
COMMENT ON COLUMN white_cross.worker_report.due_at IS 'when the next report is overdue';
COMMENT ON COLUMN white_cross.worker_report.oldest_seconds IS 'age of the oldest row in the queue; writers read it before they stop queueing for this worker';
COMMENT ON COLUMN white_cross.worker_report.queue_rows IS 'number of rows in the queue, estimated if there are many';
COMMENT ON COLUMN white_cross.worker_report.state IS 'the worker''s state, as /healthz names it; docs/operations.md has the table of states';
COMMENT ON COLUMN white_cross.worker_report.detail IS 'why the worker is in this state; NULL if the name of the state says it';
COMMENT ON COLUMN white_cross.worker_report.redis IS 'address of the Redis that the worker serves, without user and password; NULL if it could not be reached';
COMMENT ON COLUMN white_cross.worker_report.redis_run_id IS 'the run_id that this Redis has had since its start';
COMMENT ON COLUMN white_cross.worker_report.cache_hits IS 'hits of wc_get since Redis loaded the function library; NULL if Redis could not be reached';

-- The queue.  A transaction inserts its rows once, just before its commit; only the worker deletes rows.
CREATE TABLE white_cross.invalidation (
    xid       xid8 NOT NULL,
    n         integer NOT NULL,
    sections  smallint NOT NULL,
    students  text[],
    pattern   text,
    queued_at timestamptz NOT NULL,
    PRIMARY KEY (xid, n)
);
COMMENT ON TABLE white_cross.invalidation IS 'changed students, to be removed from the cache';
COMMENT ON COLUMN white_cross.invalidation.xid IS 'top-level transaction id of the writer: the fence';
COMMENT ON COLUMN white_cross.invalidation.n IS 'number of the row within the transaction; -1: the registration of a worker';
COMMENT ON COLUMN white_cross.invalidation.sections IS 'what changed: 1 students, 2 health_records, 4 allergies, 8 chronic_conditions, 16 growth; 32: nothing changed, but the worker shall prewarm the student';
COMMENT ON COLUMN white_cross.invalidation.students IS 'ids in text form; NULL: every student';
COMMENT ON COLUMN white_cross.invalidation.pattern IS 'if students is NULL: pattern of the keys to remove; NULL: all keys of students';
COMMENT ON COLUMN white_cross.invalidation.queued_at IS 'clock time just before the commit';
ALTER TABLE white_cross.invalidation SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.0);

-- Changes that Redis refuses while it accepts those of others: the worker tries them again.
CREATE TABLE white_cross.set_aside (
    student  text NOT NULL,
    sections smallint NOT NULL,
    xids     xid8[] NOT NULL,
    reason   text NOT NULL,
    since    timestamptz NOT NULL
);
COMMENT ON TABLE white_cross.set_aside IS 'changes that Redis refuses to invalidate while it accepts those of others, with its answer; normally empty';
COMMENT ON COLUMN white_cross.set_aside.since IS 'clock time just before the commit of the change';

-- The hot list: students whose summaries are read often.  The worker saves it, so that it can rebuild them after a restart.
CREATE TABLE white_cross.hot_student (
    student text PRIMARY KEY,
    weight  real NOT NULL CHECK (weight > 0)
);
COMMENT ON TABLE white_cross.hot_student IS 'students that were hot in the cache when the worker last saved its list';

-- The rows of these tables are valid on their own server only, so rows that logical replication brings are dropped.
CREATE FUNCTION white_cross.drop_replicated() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_drop_replicated';
COMMENT ON FUNCTION white_cross.drop_replicated() IS
'Trigger on the tables of white_cross: drops rows that logical replication applies, as of a publication FOR ALL TABLES, because they belong to another server. It cannot drop a TRUNCATE of the queue: after one, every student counts as changed.';
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{binding,bound_column,worker,worker_report,invalidation,set_aside,hot_student}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.%I FOR EACH ROW '
                       'EXECUTE FUNCTION white_cross.drop_replicated()', name);
        EXECUTE format('ALTER TABLE white_cross.%I ENABLE REPLICA TRIGGER white_cross_own', name);
    END LOOP;
END
$$;
CREATE TRIGGER white_cross_own_truncate AFTER TRUNCATE ON white_cross.invalidation
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.invalidation ENABLE REPLICA TRIGGER white_cross_own_truncate;

-- Change tracking

CREATE FUNCTION white_cross.record_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_record_change';
COMMENT ON FUNCTION white_cross.record_change() IS
'Trigger on the attached tables: remembers the student of a changed row; the transaction queues all of them when it commits. Argument: the entity.';

CREATE FUNCTION white_cross.announce_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_announce_change';
COMMENT ON FUNCTION white_cross.announce_change() IS
'Trigger on white_cross.binding and white_cross.worker: makes all sessions reread the table.';

CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON white_cross.binding
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.announce_change();
ALTER TABLE white_cross.binding ENABLE ALWAYS TRIGGER announce_change;
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON white_cross.worker
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.announce_change();
ALTER TABLE white_cross.worker ENABLE ALWAYS TRIGGER announce_change;

-- The triggers on the attached tables and on their partitions and children

-- Returns the table itself and the tables that a query of it reads too: partitions, and children that inherit.  Leaves out
-- temporary tables, whose rows only one session sees and which are never cached, and a partition whose detachment was
-- interrupted, which queries do not read.
CREATE FUNCTION white_cross.reached(attached oid, OUT relation oid, OUT depth integer, OUT kind "char") RETURNS SETOF record
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE line (id, depth) AS (
        SELECT attached, 0
        UNION
        SELECT i.inhrelid, line.depth + 1 FROM line JOIN pg_inherits AS i ON i.inhparent = line.id AND NOT i.inhdetachpending
    )
    SELECT c.oid, max(line.depth), c.relkind
    FROM line JOIN pg_class AS c ON c.oid = line.id
    WHERE c.relpersistence <> 't'
    GROUP BY c.oid, c.relkind;
END;

-- Returns the attached tables that exist.
CREATE FUNCTION white_cross.attached_tables(OUT entity text, OUT relation oid) RETURNS SETOF record
LANGUAGE sql STABLE ROWS 4 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT b.entity, c.oid
    FROM white_cross.binding AS b
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name AND c.relkind IN ('r', 'p');
END;

-- Whether a table can have the trigger of that name.  TRUNCATE of a foreign table fires triggers from version 16 on.
CREATE FUNCTION white_cross.can_have_trigger(kind "char", name name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT kind IN ('r', 'p') OR (kind = 'f' AND (name = 'white_cross_change' OR current_setting('server_version_num')::integer >= 160000));
END;

-- These take tables by OID, so that a table that is renamed meanwhile is still the one that is meant.
CREATE FUNCTION white_cross.create_trigger(relation oid, trigger name, entity text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_create_trigger';
COMMENT ON FUNCTION white_cross.create_trigger(oid, name, text) IS
'Creates one of the extension''s triggers, with the rights of the table''s owner, so that DROP EXTENSION drops it; the whole cache becomes stale. Errors: 42501 the caller is no superuser, or the owner may not create triggers on the table or on a partition of it.';
CREATE FUNCTION white_cross.enable_trigger(relation oid, trigger name) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_enable_trigger';
COMMENT ON FUNCTION white_cross.enable_trigger(oid, name) IS
'Makes a trigger fire always, also on a subscriber; the whole cache becomes stale. Errors: 42501 the caller is no superuser.';
CREATE FUNCTION white_cross.drop_trigger(relation oid, trigger name) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_drop_trigger';
COMMENT ON FUNCTION white_cross.drop_trigger(oid, name) IS
'Drops a trigger, if there is one of that name; the whole cache becomes stale. Errors: 42501 the caller is no superuser.';

-- Creates the missing triggers of one attached table and of its partitions and children.
CREATE FUNCTION white_cross.create_triggers(attached regclass, entity text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted record;
BEGIN
    -- Parents come first, because PostgreSQL clones the row trigger of a partitioned table to its partitions.
    FOR wanted IN
        SELECT r.relation, v.name
        FROM white_cross.reached(attached) AS r
        CROSS JOIN (VALUES ('white_cross_change'::name), ('white_cross_truncate')) AS v (name)
        WHERE white_cross.can_have_trigger(r.kind, v.name)
        ORDER BY r.depth, v.name
    LOOP
        IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = wanted.relation AND t.tgname = wanted.name) THEN
            PERFORM white_cross.create_trigger(wanted.relation, wanted.name, entity);
            PERFORM white_cross.enable_triggers(wanted.relation, wanted.name);
        END IF;
    END LOOP;
END
$$;

-- Enables triggers as ALWAYS, so that they also fire for logical replication and session_replication_role = replica.
CREATE FUNCTION white_cross.enable_triggers(attached regclass, name_pattern text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT t.tgrelid AS relation, t.tgname AS name
        FROM white_cross.reached(attached) AS r
        JOIN pg_trigger AS t ON t.tgrelid = r.relation
        WHERE t.tgname LIKE name_pattern AND t.tgfoid = 'white_cross.record_change()'::regprocedure AND t.tgenabled <> 'A'
    LOOP
        PERFORM white_cross.enable_trigger(made.relation, made.name);
    END LOOP;
END
$$;

-- Stores the OIDs and column numbers of the binding's names in bound_column.  "anew": replaces all of them; otherwise a column
-- that was attached, and still exists under another name, keeps its entry.
-- jit is off because the planner overestimates functions that return rows, and a compilation takes a second.
CREATE FUNCTION white_cross.remember(anew boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    DELETE FROM white_cross.bound_column AS m WHERE NOT EXISTS (SELECT FROM white_cross.binding AS b WHERE b.entity = m.entity);
    INSERT INTO white_cross.bound_column AS m (entity, attribute, relation, number)
    SELECT t.entity, c.key, t.relation, a.attnum
    FROM white_cross.attached_tables() AS t
    JOIN white_cross.binding AS b ON b.entity = t.entity
    CROSS JOIN LATERAL jsonb_each_text(b.columns) AS c
    JOIN pg_attribute AS a ON a.attrelid = t.relation AND a.attname = c.value AND a.attnum > 0 AND NOT a.attisdropped
    ON CONFLICT ON CONSTRAINT bound_column_pkey DO UPDATE
        SET relation = excluded.relation, number = excluded.number
        WHERE (m.relation, m.number) IS DISTINCT FROM (excluded.relation, excluded.number)
          AND (anew OR NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = m.relation AND a.attnum = m.number AND NOT a.attisdropped));
END
$$;

-- For changes of the binding by wc_attach or by the restore of a dump.
CREATE FUNCTION white_cross.remember_binding() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM white_cross.remember(true);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION white_cross.remember_binding() IS
'Trigger on white_cross.binding: stores the OIDs and column numbers of its names in white_cross.bound_column.';
CREATE TRIGGER remember_binding AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON white_cross.binding
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.remember_binding();
ALTER TABLE white_cross.binding ENABLE ALWAYS TRIGGER remember_binding;

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
        SELECT c.oid::regclass INTO relation
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = application_schema AND c.relname = part.table_name AND c.relkind IN ('r', 'p');
        IF NOT FOUND THEN
            missing_tables := missing_tables || format('%I.%I (%s)', application_schema, part.table_name, part.name);
            CONTINUE;
        END IF;
        mapping := '{}';
        FOR wanted IN SELECT a.attribute, a.kind, a.is_optional FROM white_cross.attributes() AS a WHERE a.entity = part.name LOOP
            override := overrides -> part.name -> 'columns' ->> wanted.attribute;
            -- Prefer Prisma's spelling ("studentId") to that of plain SQL (student_id).
            SELECT c.attname, c.atttypid, c.attcollation INTO column_of
            FROM pg_attribute AS c
            WHERE c.attrelid = relation AND c.attnum > 0 AND NOT c.attisdropped
              AND c.attname IN (coalesce(override, wanted.attribute), coalesce(override, white_cross.snake_case(wanted.attribute)))
            ORDER BY c.attname = coalesce(override, wanted.attribute) DESC
            LIMIT 1;
            -- A column that the overrides name must exist, even for an optional attribute.
            IF NOT FOUND AND wanted.is_optional AND override IS NULL THEN
                CONTINUE;
            END IF;
            IF NOT FOUND THEN
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
                  HINT = 'If tables or columns have other names, give them in the argument "overrides"; wc_create_tables creates the tables.';
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

CREATE FUNCTION @extschema@.wc_attach(application_schema name, overrides jsonb DEFAULT NULL, compute_bmi boolean DEFAULT NULL)
RETURNS TABLE (entity text, attached_table regclass, columns jsonb)
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_attach';
CREATE FUNCTION white_cross.attach(caller oid, application_schema name, overrides jsonb, compute_bmi boolean)
RETURNS TABLE (entity text, attached_table regclass, columns jsonb)
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
    wanted := coalesce(overrides, white_cross.overrides_in_force(), '{}');
    PERFORM white_cross.require_owner(caller, ARRAY(SELECT r.relation FROM white_cross.resolve(application_schema, wanted) AS r));
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
        columns := part.columns;
        RETURN NEXT;
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
                       'RETURNS TABLE (entity text, attached_table regclass, columns jsonb) LANGUAGE sql BEGIN ATOMIC '
                       'SELECT a.entity, a.attached_table, a.columns FROM %1$s.wc_attach(application_schema, overrides::jsonb, compute_bmi) AS a; END', '@extschema@', type);
    END LOOP;
    FOREACH type IN ARRAY '{jsonb,json,text}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION %s.wc_attach(name, %s, boolean) IS %L', '@extschema@', type,
'Binds students, health_records, allergies and chronic_conditions of a schema: maps their columns ("studentId" or student_id) and creates the triggers that track changes. "overrides", as jsonb, json or text, names what is called otherwise: {"students": {"table": "pupils", "columns": {"id": "pupil_id"}}}. "compute_bmi" true: a trigger fills vital.bmi (kg/m2, to one decimal) of each record that is written with height and weight (cm and kg, or in a known unit), and replaces what was there unless no child has such a BMI; false: it is dropped; NULL: as it is. Warns of severities and statuses without a rank, with their number where they are text, and of an enum of types without VACCINATION. Attaching again completes what is missing and changes nothing else. A notice says how many of the indexes of wc_index_statements are missing. Whoever owns the tables may call it, and members of that role. Errors: 42501 the caller does not own all of the tables, 3F000 no such schema, 42P01, 42703 or 42804 with all that is missing or of a wrong type, 22023 an unknown override, 22P02 overrides that are not JSON, 55000 attached elsewhere.');
    END LOOP;
END
$$;

-- Returns the overrides that describe the current binding, so that attaching again needs none.
CREATE FUNCTION white_cross.overrides_in_force() RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT pg_catalog.jsonb_object_agg(b.entity, pg_catalog.jsonb_build_object('table', b.table_name, 'columns', b.columns))
    FROM white_cross.binding AS b;
END;

CREATE FUNCTION @extschema@.wc_detach(application_schema name) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_detach';
CREATE FUNCTION white_cross.detach(caller oid, application_schema name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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
    PERFORM white_cross.require_owner_of_attached(caller, true);
    -- Skip clones on partitions: PostgreSQL drops them with the trigger that they were cloned from.
    FOR made IN
        SELECT t.tgname AS trigger, t.tgrelid AS relation
        FROM pg_trigger AS t
        WHERE t.tgfoid IN ('white_cross.record_change()'::regprocedure, 'white_cross.compute_bmi()'::regprocedure) AND t.tgparentid = 0
    LOOP
        PERFORM white_cross.drop_trigger(made.relation, made.trigger);
    END LOOP;
    DELETE FROM white_cross.binding AS b WHERE b.schema_name = application_schema;
END
$$;
COMMENT ON FUNCTION @extschema@.wc_detach(name) IS
'Undoes wc_attach: drops the triggers and forgets the mapping; tables and data stay as they are. Cached values are no longer kept fresh. Whoever owns the tables may call it, and the owner of the database if they are gone. Errors: 55000 not attached to that schema, 42501 the caller does not own all of the tables.';

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

-- Summaries

CREATE FUNCTION @extschema@.wc_health_summary(student_id text, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';
CREATE FUNCTION @extschema@.wc_health_summary(student_id uuid, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';
CREATE FUNCTION @extschema@.wc_health_summary(student_id bigint, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';

CREATE FUNCTION @extschema@.wc_health_summaries(student_ids text[]) RETURNS TABLE (student_id text, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
CREATE FUNCTION @extschema@.wc_health_summaries(student_ids uuid[]) RETURNS TABLE (student_id uuid, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
CREATE FUNCTION @extschema@.wc_health_summaries(student_ids bigint[]) RETURNS TABLE (student_id bigint, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
-- Text of no type, as most drivers send an array, is read as an array of text.
CREATE FUNCTION @extschema@.wc_health_summaries(student_ids text) RETURNS TABLE (student_id text, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';

-- Summaries in shared memory: what there is to see of them

CREATE FUNCTION white_cross.cache_statistics(OUT hits bigint, OUT misses bigint, OUT outdated bigint, OUT refused bigint, OUT bypassed bigint,
    OUT bypassed_by_reason json, OUT fills bigint, OUT evictions bigint, OUT entries bigint, OUT bytes bigint, OUT memory bigint, OUT floor_blocked boolean)
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_statistics';
COMMENT ON FUNCTION white_cross.cache_statistics() IS
'For wc_stat_cache: returns counts of the summaries in shared memory, since the server''s start and over all databases. Zeros if the library is not preloaded or white_cross.cache_memory is 0.';

CREATE VIEW @extschema@.wc_stat_cache AS
SELECT s.hits, s.misses, s.outdated, s.refused, s.bypassed, s.bypassed_by_reason, s.fills, s.evictions, s.entries, s.bytes, s.memory, s.floor_blocked
FROM white_cross.cache_statistics() AS s;
COMMENT ON VIEW @extschema@.wc_stat_cache IS
'Shows counts of the summaries in shared memory, since the server''s start and over all databases, in one row. hits: summaries served from memory. misses: summaries built from the tables, and kept; outdated: misses that found a text from before a change. refused: summaries built because the snapshot does not see a change of the student that has begun to commit. bypassed: calls that may not use the memory; bypassed_by_reason: the same calls by reason. fills: texts kept; evictions: texts removed to make room. entries, bytes: texts that are kept now; memory: the room for them. floor_blocked: a transaction that was prepared before the server''s start or its last crash is still open, and no summary is served from memory until it ends. pg_monitor may read it.';
COMMENT ON COLUMN @extschema@.wc_stat_cache.bypassed_by_reason IS
'Counts by reason: writing (the transaction has written), serializable, snapshot (of an unusual kind), recovery (a standby), settings (white_cross.direct_reads is off, or birth dates are timestamptz), tables (partitions, children, row-level security, temporary), privileges, triggers (ours are missing, disabled or altered), types, definitions (altered after the snapshot), id (longer than 255 bytes).';

-- Records of a student

-- Overloads for text, uuid and bigint ids share their comments.
--
-- Drivers bind filters as json, as jsonb, or as text of one type or none.  anycompatible takes all of these, and text of no type
-- becomes text.  Overloads cannot: of several only one can have the defaults, so that "filters => '{}'::jsonb" without a page
-- would find no function, or more than one.
DO $$
DECLARE
    id text;
    ids text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_student_records(student_id %s, page bigint DEFAULT 1, page_size bigint DEFAULT 20, filters anycompatible DEFAULT ''{}''::text) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_records''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_student_records_after(student_id %s, cursor text DEFAULT NULL, page_size bigint DEFAULT 20, filters anycompatible DEFAULT ''{}''::text) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_records_after''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_student_allergies(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_allergies''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_student_conditions(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_conditions''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_recent_vitals(student_id %s, n bigint DEFAULT 5) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_recent_vitals''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_vaccinations(student_id %s) RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_vaccinations''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_records(%s, bigint, bigint, anycompatible) IS %L', '@extschema@', id,
'Returns a page of a student''s records as JSON: records, latest first, ties by id, and pagination with page, limit, total and pages. Pages count from 1, page_size is 1 to 500. filters is json, jsonb or text: type (a record type), dateFrom and dateTo (ISO 8601, both inclusive; a date alone means the whole day, a time without a zone is UTC), provider (a part of the name, in any case of letters). A filter of null, or an empty provider, filters nothing. NULL for page, page_size or filters means the default. An unknown student, or one whom a policy hides, has an empty page; NULL for a NULL id. Errors: 22P02 text that is not JSON, 42804 filters of another type; 22023 a page or page_size out of range, filters that are not an object, an unknown filter or record type, a filter that is not a string; 22007 a date that is not one, 22008 a date beyond those of PostgreSQL; and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_records_after(%s, text, bigint, anycompatible) IS %L', '@extschema@', id,
'Returns the records of a student after a cursor, as JSON: records, as wc_student_records has them, and nextCursor to pass next, null at the end. NULL for the cursor begins with the latest. The cost does not grow with depth, and records that come or go in between cause no repeated and no missing record. A cursor is valid for its student and its filters only. It contains the date and id of a record, so treat it as you treat those. Errors: 22023 an invalid cursor, or one that belongs to another student or other filters, and those of wc_student_records.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_allergies(%s) IS %L', '@extschema@', id,
'Returns the allergies of a student as a JSON array, with the items and the order of wc_health_summary. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_student_conditions(%s) IS %L', '@extschema@', id,
'Returns the chronic conditions of a student as a JSON array, with the items and the order of chronicConditions in wc_health_summary: by status, condition, id. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_recent_vitals(%s, bigint) IS %L', '@extschema@', id,
'Returns the latest n records with vitals of a student as a JSON array, with the items and the order of recentVitals in wc_health_summary; n is 1 to 500, NULL: 5. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: 22023 n out of range, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_vaccinations(%s) IS %L', '@extschema@', id,
'Returns all vaccinations of a student as a JSON array, with the items and the order of recentVaccinations in wc_health_summary. Empty for an unknown student, or one whom a policy hides; NULL for a NULL id. Errors: as wc_health_summary.');
    END LOOP;
    -- As text: an array of text, as most drivers send it, without a type.
    FOREACH ids IN ARRAY '{text[],uuid[],bigint[],text}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_bulk_delete_records(ids %s) RETURNS json '
                       'LANGUAGE c VOLATILE PARALLEL UNSAFE AS ''MODULE_PATHNAME'', ''wc_bulk_delete_records''', '@extschema@', ids);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_bulk_delete_records(%s) IS %L', '@extschema@', ids,
'Deletes the records with these ids in one statement, as the caller may, and returns {"deleted": rows, "notFound": ids}. An id that appears more than once counts once; NULLs are passed over; a record that a policy hides is not found. When the transaction commits, everything cached of the students becomes stale. NULL for NULL. Errors: 42501 no privilege to delete, or to select the id; 25006 in a read-only transaction or on a standby; 55000, 42P01, 42703, 22P02 and 42804 as wc_health_summary; 23503 a foreign key that keeps a record. After an error nothing is deleted. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
    END LOOP;
END
$$;

-- Search

CREATE FUNCTION @extschema@.wc_search_health_records(query text, type text DEFAULT NULL, page bigint DEFAULT 1, page_size bigint DEFAULT 20,
                                         "order" text DEFAULT 'date', highlight boolean DEFAULT false) RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_search_health_records';
COMMENT ON FUNCTION @extschema@.wc_search_health_records(text, text, bigint, bigint, text, boolean) IS
'Returns a page of the health records that a query finds, with their students, as JSON: {records, pagination: {page, limit, total, pages}}. Any text is a query. A record must have all words, in any form that English gives them, in description, notes and provider; the last word may also be the beginning of one. Words "in quotes" must stand side by side; -word must not appear. The search also finds the records of a student when each word is a part of first name, last name or number. It passes over words after the first 64; a query without a word finds nothing. "type" is a label of the type of records, NULL for any. "order" is date (the latest first, ties by id) or rank (the best first, records of students of that name before all others; of more than 2000 matches by text, or by name, it ranks the latest 2000: then pagination has rankedLatest, and pages ends with them). highlight adds, for each record, description, notes and provider as escaped HTML, with the matches in <mark>, and NULL where nothing matched. total is exact up to 2000; above, when counting on would take long, it is a lower bound and totalIsLowerBound is true. "page" counts from 1, "page_size" is 1 to 500. NULL for a NULL query. Reads as the caller: the search neither finds nor counts what row-level security hides. Errors: 22023 an unknown type or order, a page below 1, a page size out of range; 55000 not attached, 42P01 a table is gone, 42703 a column is gone, 42501 no privilege. No error shows the query.';

-- Export and import of a student's whole history

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
    ids text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_export_health_history(student_id %s, batch_size bigint DEFAULT 500) RETURNS SETOF json '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 10 AS ''MODULE_PATHNAME'', ''wc_export_health_history''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_export_health_history_ndjson(student_id %s) RETURNS SETOF text '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 50 AS ''MODULE_PATHNAME'', ''wc_export_health_history_ndjson''', '@extschema@', id);
        EXECUTE format('CREATE FUNCTION %s.wc_export_health_history_csv(student_id %s, section text DEFAULT ''records'', harmless boolean DEFAULT true) RETURNS SETOF text '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 50 AS ''MODULE_PATHNAME'', ''wc_export_health_history_csv''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_history(%s, bigint) IS %L', '@extschema@', id,
'Returns the whole history of a student as JSON objects, one a row: {"type": "student", "chunk": 1, "studentId", "format": 1, "exportDate", "student"}; then "records" with at most batch_size records each (1 to 10000, NULL: 500), newest first, ties by id; "allergies", most severe first; "conditions", by status; "end" with the numbers of rows. "chunk" counts up from 1. Rows have every column of their table except generated ones: attributes under the names of wc_health_summary, others under their own. Times are UTC, to the millisecond, or to the microsecond where they have one; infinity is "infinity". Values of other types are text as pg_dump writes it, whatever the settings of the session; "$jsonNulls" lists the columns of a row that hold JSON''s null. Returns no row for an unknown student, one whom a policy hides, or NULL. In the SELECT list, and so in COPY (SELECT ...) and with a cursor, it returns chunk after chunk of one snapshot and needs memory for one chunk; in FROM PostgreSQL first collects all of them, on disk beyond work_mem. Reads as the caller. Errors: 22023 batch_size out of range, 42501 no privilege on a table or a column, 0A000 a value of a type that no import can read, and those of wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_history_ndjson(%s) IS %L', '@extschema@', id,
'Like wc_export_health_history, with one row of a table in each JSON object, and each object as one line of text. The types are student, record, allergy, condition and end. wc_import_health_history reads these too. NULL gives no row. Errors: as wc_export_health_history.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_history_csv(%s, text, boolean) IS %L', '@extschema@', id,
'Returns one section of a student''s history as CSV (RFC 4180), one line a row and without its line end: first the names, then the rows as wc_export_health_history has them, with the student''s id in front. section is records (also for NULL), student, allergies or conditions. NULL in a column becomes nothing between two commas, empty text becomes "". Lists and vitals are JSON. With harmless (also for NULL), text that a spreadsheet would run as a formula gets an apostrophe in front: text that begins with = + - @ (full-width ones too), with a control character, or with a blank other than a space, which a spreadsheet may drop. Numbers stay as they are, and with false everything does. Errors: 22023 an unknown section, and those of wc_export_health_history.');
    END LOOP;
    -- As text: an array of text, as most drivers send it, without a type.
    FOREACH ids IN ARRAY '{text[],uuid[],bigint[],text}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %2$s.wc_export_health_histories(student_ids %1$s, batch_size bigint DEFAULT 500) '
                       'RETURNS TABLE (student_id %3$s, chunk json) '
                       'LANGUAGE c STABLE PARALLEL SAFE ROWS 500 AS ''MODULE_PATHNAME'', ''wc_export_health_histories''', ids, '@extschema@', rtrim(ids, '[]'));
        EXECUTE format('COMMENT ON FUNCTION %s.wc_export_health_histories(%s, bigint) IS %L', '@extschema@', ids,
'Like wc_export_health_history, for many students in the order of their ids: each chunk with the id. Unknown students and NULLs give no row. Errors: as wc_export_health_history. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
    END LOOP;
END
$$;

-- Callers have the export as json, as jsonb, or as text of one type or none.
DO $$
DECLARE
    type text;
BEGIN
    FOREACH type IN ARRAY '{json,jsonb,text}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_import_health_history(history %s, on_conflict text DEFAULT ''error'') RETURNS json '
                       'LANGUAGE c VOLATILE PARALLEL UNSAFE AS ''MODULE_PATHNAME'', ''wc_import_health_history''', '@extschema@', type);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_import_health_history(%s, text) IS %L', '@extschema@', type,
'Imports the export of one student, completely or not at all. history is a JSON array, as json, jsonb or text, of all chunks of wc_export_health_history, or of all lines of wc_export_health_history_ndjson, in their order. Returns, as JSON, how many rows of each section were inserted, updated and skipped. on_conflict says what happens to a row whose id exists already: error (also for NULL), skip, update; a row of another student is always an error. Rows that exist and are not in the export stay. Columns that a row does not name get their default, or stay as they are; generated columns make their value anew. Runs as the caller; triggers fire, so that caches follow. NULL for NULL. Errors name the chunk, the row in it and the field, and show nothing of its content: 22P02 text that is not JSON, 22032 JSON that is no export, that is cut off or that names unknown columns, 23502 a missing or null value, 22P02, 22007, 22008, 22003, 22001 a value that does not fit its column, 23505 an id or another unique value that exists already, 23503 and 23514 other constraints, 428C9 an update that would change a column GENERATED ALWAYS AS IDENTITY, otherwise the SQLSTATE of the database''s own error; 22023 an unknown on_conflict; 42501 no privilege; 25006 on a standby.');
    END LOOP;
END
$$;

-- Vital signs: statistics and trends

CREATE FUNCTION white_cross.statistics_add(state internal, value double precision) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_add';
CREATE FUNCTION white_cross.statistics_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_combine';
CREATE FUNCTION white_cross.statistics_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_serialize';
CREATE FUNCTION white_cross.statistics_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_deserialize';
CREATE FUNCTION white_cross.statistics_rounded(state internal) RETURNS json
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_rounded';
CREATE FUNCTION white_cross.statistics_exact(state internal) RETURNS json
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_statistics_exact';

CREATE AGGREGATE @extschema@.wc_statistics(value double precision) (
    SFUNC = white_cross.statistics_add, STYPE = internal, SSPACE = 8192,
    COMBINEFUNC = white_cross.statistics_combine,
    SERIALFUNC = white_cross.statistics_serialize, DESERIALFUNC = white_cross.statistics_deserialize,
    FINALFUNC = white_cross.statistics_rounded, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.wc_statistics(double precision) IS
'Returns {"count", "sum", "average", "min", "max", "median", "stdDev"} of the values that are not NULL, in their unit. All but the count are rounded to two decimals, as JavaScript''s Math.round(x * 100) / 100 rounds. stdDev is the population''s. The median of an even number of values is the mean of the two in the middle. NULL if there is no value. Runs in parallel, with the same result. Keeps 8 bytes for each value of a group in memory. Errors: 22003 NaN or an infinite value, or a sum out of range; 54000 more than 134 million values in a group.';
CREATE AGGREGATE @extschema@.wc_statistics_exact(value double precision) (
    SFUNC = white_cross.statistics_add, STYPE = internal, SSPACE = 8192,
    COMBINEFUNC = white_cross.statistics_combine,
    SERIALFUNC = white_cross.statistics_serialize, DESERIALFUNC = white_cross.statistics_deserialize,
    FINALFUNC = white_cross.statistics_exact, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.wc_statistics_exact(double precision) IS
'Like wc_statistics, without rounding: numbers have the shortest digits that read back as the same double precision number.';

CREATE FUNCTION white_cross.trend_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_combine';
CREATE FUNCTION white_cross.trend_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_serialize';
CREATE FUNCTION white_cross.trend_deserialize(bytes bytea, state internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_deserialize';
CREATE FUNCTION white_cross.trend_result(state internal) RETURNS json
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_trend_result';

-- An aggregate for each type of time.
DO $$
DECLARE
    kind record;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('timestamp', 'wc_trend_add'), ('timestamptz', 'wc_trend_add'), ('date', 'wc_trend_add_day')) AS k (type, symbol) LOOP
        EXECUTE format('CREATE FUNCTION white_cross.trend_add(state internal, value double precision, at %s) RETURNS internal '
                       'LANGUAGE c IMMUTABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', %L', kind.type, kind.symbol);
        EXECUTE format('CREATE AGGREGATE %s.wc_trend(value double precision, at %s) ('
                       'SFUNC = white_cross.trend_add, STYPE = internal, SSPACE = 320, COMBINEFUNC = white_cross.trend_combine, '
                       'SERIALFUNC = white_cross.trend_serialize, DESERIALFUNC = white_cross.trend_deserialize, '
                       'FINALFUNC = white_cross.trend_result, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE)', '@extschema@', kind.type);
        EXECUTE format('COMMENT ON AGGREGATE %s.wc_trend(double precision, %s) IS %L', '@extschema@', kind.type,
'Returns {"trend", "changeRate", "average", "min", "max", "points", "slopePer30Days", "rSquared"} of values over time, which may come in any order. trend is "increasing" or "decreasing" if the last value differs from the first by more than 5 %, else "stable". changeRate is (last - first) / |first| in percent; it is null if the first value is 0, and then any difference is a trend. If the first or the last moment has several values, their mean counts. slopePer30Days is the slope of the least-squares line, in the value''s unit. rSquared (0 to 1) is the share of the variance that the line explains. Both are null if all points have the same time. Rows with a NULL are ignored; NULL if no row is left. Runs in parallel. Errors: 22003 NaN or an infinite value, 22008 an infinite time.');
    END LOOP;
END
$$;

-- Tables have vitals as jsonb; drivers also bind them as json, or as text of one type or none.
DO $$
DECLARE
    kind record;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('jsonb', 'wc_vital_value'), ('json', 'wc_vital_value_of_text'), ('text', 'wc_vital_value_of_text')) AS k (type, symbol) LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_vital_value(vital %s, name text) RETURNS double precision '
                       'LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS ''MODULE_PATHNAME'', %L', '@extschema@', kind.type, kind.symbol);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_vital_value(%s, text) IS %L', '@extschema@', kind.type,
'Returns one vital sign of a record (temperature, bloodPressureSystolic, bloodPressureDiastolic, heartRate, respiratoryRate, oxygenSaturation, height, weight, bmi) in its own unit: degrees Celsius, mmHg, per minute, percent, cm, kg, kg/m^2. The vital of a record, as jsonb, json or text, has a number, a text with its unit ("80 lb", "5 ft 2 in"), or a number or text with the unit beside it ({"weight": 80, "weightUnit": "lb"}); docs/growth.md lists the accepted spellings. NULL if the vital sign is missing, is not a number or has an unknown unit, and for a NULL argument. Charts, categories, trends and compute_bmi use this function. Errors: 22023 an unknown vital; 22P02 text that is not JSON, 22P05 and 22003 JSON that jsonb cannot hold.');
    END LOOP;
END
$$;

-- Growth and vitals of a student.  Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id    text;
    since text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        FOREACH since IN ARRAY '{timestamptz,text,date}'::text[] LOOP
            EXECUTE format('CREATE FUNCTION %s.wc_vital_trend(student_id %s, vital text, since %s) RETURNS json '
                           'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_vital_trend''', '@extschema@', id,
                           since || CASE since WHEN 'text' THEN ' DEFAULT NULL' ELSE '' END);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_vital_trend(%s, text, %s) IS %L', '@extschema@', id, since,
'Returns wc_trend of one vital sign of a student (temperature, bloodPressureSystolic, bloodPressureDiastolic, heartRate, respiratoryRate, oxygenSaturation, height, weight, bmi) over the student''s records, from "since" on if it is given. A day without an hour is the whole day in white_cross.time_zone. If several records have the same time, the one that was entered last counts. Records for which wc_vital_value is NULL are ignored. NULL if no record is left, for an unknown student or one that a policy hides, and for a NULL id or vital. Reads as the caller. Errors: 22023 an unknown vital; those of wc_health_summary; those of the input of times.');
        END LOOP;
        EXECUTE format('CREATE FUNCTION %s.wc_growth_chart(student_id %s, include text[] DEFAULT ''{}'') RETURNS json '
                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_growth_chart''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_growth_chart(%s, text[]) IS %L', '@extschema@', id,
'Returns the growth of a student as a JSON array, oldest first: [{"date", "height" in cm, "weight" in kg, "bmi" in kg/m^2, "recordType"}]. Each record whose vital has a height or a weight (wc_vital_value) gives an item. If several records have the same time, the one that was entered last counts. Values in other units are converted, to two decimals. include => ''{percentiles}'' adds to each item: "ageMonths" (whole days / 30.4375, by the calendar of white_cross.time_zone); "zScores", "percentiles" and "implausible" (CDC''s limits of the modified z-score) of height, weight and bmi; and the BMI "category". They follow CDC 2000 with the extended BMI of 2022. BMI is computed from height and weight if the record has both. They are null outside 24 to 240 months, without a birth date, and for a sex without a reference; for such a sex "implausible" is true if the value is implausible for both sexes. Empty for an unknown student or one that a policy hides; NULL for a NULL id. Reads as the caller. Errors: 22023 an unknown section; those of wc_health_summary.');
        EXECUTE format('CREATE FUNCTION %s.wc_growth_chart_svg(student_id %s, measure text, width bigint DEFAULT 800, height bigint DEFAULT 600) '
                       'RETURNS text LANGUAGE c STABLE STRICT PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_growth_chart_svg''', '@extschema@', id);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_growth_chart_svg(%s, text, bigint, bigint) IS %L', '@extschema@', id,
'Returns a growth chart as an SVG document, which is XML in ASCII. It shows CDC 2000 percentile curves from 3 to 97 (BMI with the extension of 2022), as many as there is room to label, over at least six years of age. A line joins the student''s measurements. Implausible ones are hollow and not joined; one that is off the scale is an arrow with its value. A line below says how many could not be drawn, and why: no birth date, or an age outside the curves. measure: bmi (kg/m^2, from height and weight if the record has both), height (cm) or weight (kg). width and height are in pixels, 160 to 4000. The chart follows the reader''s light or dark scheme. It has ages and values, but no names and no dates. It has no curves for a sex without a reference. NULL for an unknown student or one that a policy hides, and for a NULL argument. Reads as the caller. Errors: 22023 an unknown measure or a size out of range; those of wc_health_summary.');
    END LOOP;
END
$$;

-- BMI categories of students, and how many students are in each.  A time that is given as text or date without an hour means the
-- whole day.  So does a literal, which PostgreSQL resolves to the overload for text.  Only that overload has a default for the
-- time, because calls without it would be ambiguous otherwise.
DO $$
DECLARE
    id      text;
    as_of   text;
    said    text;
    counted constant text := ' "as_of": NULL means now, and a day without an hour means the whole day in white_cross.time_zone.';
    latest  constant text := 'A record counts if its vital gives a BMI: from height (cm) and weight (kg), or as recorded (kg/m^2). If several records have the same time, the one that was entered last counts.';
    nobody  constant text := ' for an unknown student or one that a policy hides, and for a NULL id. Reads as the caller. Errors: those of wc_health_summary, and those of the input of times.';
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        FOREACH as_of IN ARRAY '{timestamptz,text,date}'::text[] LOOP
            said := as_of || CASE as_of WHEN 'text' THEN ' DEFAULT NULL' ELSE '' END;
            EXECUTE format('CREATE FUNCTION %s.wc_bmi_category_of(student_id %s, as_of %s, plausible_only boolean DEFAULT false) RETURNS text '
                           'LANGUAGE c STABLE PARALLEL SAFE COST 2000 AS ''MODULE_PATHNAME'', ''wc_bmi_category_of''', '@extschema@', id, said);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_bmi_category_of(%s, %s, boolean) IS %L', '@extschema@', id, as_of,
'Returns the BMI category (underweight, healthy, overweight, obesity class 1 to 3, by CDC 2000 with the extension of 2022) of a student''s latest measurement up to "as_of". ' || latest || ' A measurement that CDC''s limits call implausible has a category too, because an extreme value is more often true than not; wc_latest_bmi tells which ones are implausible. With "plausible_only" they give NULL, and never the category of an older measurement.' || counted || ' NULL without a measurement, for a sex or an age without a reference,' || nobody);
            EXECUTE format('CREATE FUNCTION %s.wc_latest_bmi(student_id %s, as_of %s, OUT category text, OUT implausible boolean, OUT bmi double precision, OUT measured_at timestamptz) '
                           'RETURNS record LANGUAGE c STABLE PARALLEL SAFE COST 2000 AS ''MODULE_PATHNAME'', ''wc_latest_bmi''', '@extschema@', id, said);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_latest_bmi(%s, %s) IS %L', '@extschema@', id, as_of,
'Returns a student''s latest measurement up to "as_of": the BMI category as wc_bmi_category_of returns it, whether height, weight or BMI is implausible by CDC''s limits (check such a value, do not drop it), the BMI in kg/m^2, and when it was measured. ' || latest || counted || ' All NULL without a measurement,' || nobody);
            EXECUTE format('CREATE FUNCTION %s.wc_bmi_group_of(student_id %s, as_of %s, within interval DEFAULT ''1 year'') RETURNS text '
                           'LANGUAGE c STABLE PARALLEL SAFE COST 2000 AS ''MODULE_PATHNAME'', ''wc_bmi_group_of''', '@extschema@', id, said);
            EXECUTE format('COMMENT ON FUNCTION %s.wc_bmi_group_of(%s, %s, interval) IS %L', '@extschema@', id, as_of,
'Returns the name of the row in which wc_growth_prevalence counts a student. It is the BMI category of the latest measurement that is no older than "within" at "as_of" (NULL: of any age). It is "no recent measurement" if there is no such measurement; "to be checked" if height, weight or BMI is implausible by CDC''s limits; "no reference" for an age outside 24 to 240 months, without a birth date, and for a sex without a reference. ' || latest || counted || ' An unknown student, or one that a policy hides, gives "no recent measurement"; a NULL id gives NULL. Reads as the caller. Errors: 22023 "within" is not positive; those of wc_health_summary; those of the input of times.');
        END LOOP;
    END LOOP;
    FOREACH as_of IN ARRAY '{timestamptz,text,date}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION %s.wc_growth_prevalence(grade text %s, as_of %s, within interval DEFAULT ''1 year'') '
                       'RETURNS TABLE (student_grade text, sex text, category text, students bigint, percent double precision, counted_at timestamptz, counted_within interval) '
                       'LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100 AS ''MODULE_PATHNAME'', ''wc_growth_prevalence'' '
                       -- Parallel workers pay off even if the students fill few pages, because each student costs a search in an index.
                       'SET min_parallel_table_scan_size = 0 SET jit = off', '@extschema@',
                       CASE as_of WHEN 'text' THEN 'DEFAULT NULL' ELSE '' END,
                       as_of || CASE as_of WHEN 'text' THEN ' DEFAULT NULL' ELSE '' END);
        EXECUTE format('COMMENT ON FUNCTION %s.wc_growth_prevalence(text, %s, interval) IS %L', '@extschema@', as_of,
'Returns how many active students are in each BMI category (CDC 2000, extended 2022), by grade and sex. A student is active if isActive is true or NULL, or if no column isActive is attached. The latest measurement up to "as_of" that is no older than "within" (NULL: of any age) decides. "grade" NULL means all grades. Three more rows make the numbers add up: "to be checked", "no recent measurement" and "no reference"; wc_bmi_group_of tells which one a student is in. percent is the share of the students of the grade and sex that have a category. counted_at and counted_within repeat what was asked. Runs one statement over all students, which parallel workers can share, and needs the index on student and date that wc_index_statements names to be fast. Reads as the caller: counts only students that row-level security shows.' || counted || ' Errors: those of wc_bmi_group_of; 42703 no column for the grade is attached.');
    END LOOP;
END
$$;

-- The cache

CREATE FUNCTION @extschema@.wc_cache_key(student_id text, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id uuid, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id bigint, kind text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_key';

-- The filters are of any type that drivers bind JSON as, as in records.sql.
CREATE FUNCTION @extschema@.wc_cache_key(student_id text, page bigint, page_size bigint, filters anycompatible DEFAULT '{}'::text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id uuid, page bigint, page_size bigint, filters anycompatible DEFAULT '{}'::text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';
CREATE FUNCTION @extschema@.wc_cache_key(student_id bigint, page bigint, page_size bigint, filters anycompatible DEFAULT '{}'::text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_cache_page_key';

CREATE FUNCTION @extschema@.wc_cache_entries(student_ids text[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id text, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION @extschema@.wc_cache_entries(student_ids uuid[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id uuid, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';
CREATE FUNCTION @extschema@.wc_cache_entries(student_ids bigint[], kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id bigint, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';

CREATE FUNCTION @extschema@.wc_cache_entries(student_ids text, kinds text[] DEFAULT '{health_summary}')
RETURNS TABLE (student_id text, key text, value json, ttl_seconds integer, snapshot text)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'wc_cache_entries';

CREATE FUNCTION @extschema@.wc_write_token() RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_write_token';
CREATE FUNCTION @extschema@.wc_sees_write(token text) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'wc_sees_write';
COMMENT ON FUNCTION @extschema@.wc_write_token() IS
'Returns a token of this transaction: FCALL wc_get 1 KEY TOKEN finds a value only when it contains what this transaction changed, and what was committed before it began. Valid once the transaction is committed, by COMMIT PREPARED too; savepoints make no difference. The transaction gets an id, if it has none. NULL where nothing can be written: on a standby, and in a read-only transaction that has written nothing. Opaque: digits and dots.';
COMMENT ON FUNCTION @extschema@.wc_sees_write(text) IS
'Returns whether this statement sees what the transaction of the token changed. On a standby that lags it is false, and what is read there may be older. False too for a token of another server, of another timeline, and on the primary of before its last start or crash. NULL for NULL. Errors: 22P02 no token.';

-- These functions queue changes that no trigger sees.
CREATE FUNCTION @extschema@.wc_invalidate(student_id text) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION @extschema@.wc_invalidate(student_id uuid) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION @extschema@.wc_invalidate(student_id bigint) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate';
CREATE FUNCTION @extschema@.wc_invalidate(student_ids text[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION @extschema@.wc_invalidate(student_ids uuid[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION @extschema@.wc_invalidate(student_ids bigint[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_many';
CREATE FUNCTION @extschema@.wc_invalidate_all() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_all';
-- The extension's own functions call this one: a rename of the other function's schema does not affect it.
CREATE FUNCTION white_cross.invalidate_all() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_all';
CREATE FUNCTION @extschema@.wc_invalidate_pattern(pattern text) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_invalidate_pattern';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids text[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids uuid[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids bigint[]) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
CREATE FUNCTION @extschema@.wc_prewarm(student_ids text) RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wc_prewarm';
COMMENT ON FUNCTION @extschema@.wc_invalidate_pattern(text) IS
E'Removes the cached values whose keys match a pattern of Redis (* ? [ ] and \\ as there) once this transaction commits, by a walk through all keys in bounded steps. After it no value of any student that is older than this transaction is stored. The pattern begins with student: and has at most 1000 bytes. Returns NULL, because only the worker sees the keys; 0 while no worker is registered, because then nothing is queued. Errors: 22023 another pattern, 25006 in a read-only transaction or on a standby.';
COMMENT ON FUNCTION @extschema@.wc_invalidate_all() IS
'Makes everything cached of every student stale once this transaction commits. Returns NULL: every student, whom nobody counts; 0 while no worker is registered, because then nothing is queued. Errors: 25006 in a read-only transaction or on a standby.';

-- Overloads for text, uuid and bigint ids share their comments.
DO $$
DECLARE
    id text;
    ids text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION %s.wc_health_summary(%s, text[]) IS %L', '@extschema@', id,
'Returns the health summary of a student as JSON: student, allergies (most severe first, by label: LIFE_THREATENING, SEVERE, MODERATE, MILD in any case of letters and any type of the column, then others), recentVitals and recentVaccinations (the latest 5 each, ties by id), recordCounts by type. "include" adds sections: chronicConditions, growth (height in cm, weight in kg, bmi in kg/m2, oldest first), trends (of each vital from first to last value: a change beyond 5 % is increasing or decreasing). Timestamps are UTC, to the millisecond. NULL for an unknown student or a NULL id. Reads as the caller: row-level security and privileges hold. Errors: 55000 not attached, 42P01 a table is gone, 42809 a table is now a view or a foreign table, 42703 a column is gone, 42501 no privilege, 22023 an unknown section, 22P02 an id that the column''s type cannot have, 42804 an id of another type, or a column whose type or collation has become one that it cannot have, 40001 the schema was renamed in between: try again.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_cache_key(%s, text) IS %L', '@extschema@', id,
'Returns the Redis key of a student''s cached value. Kinds are health_summary, growth_chart, records:PAGE:LIMIT:FILTERS and, for the beginning of the keys of all pages, records. Where tables are attached the key has the id as the students'' column spells it: 007 is 7 where ids are numbers, uuids are in lower case; text that no student can have as an id stays as it is. With white_cross.cluster_keys = on the id stands in braces. Errors: 22023 an unknown kind, FILTERS of more than 10000 bytes or nested too deeply; 42804 an id of another type than the attached students have; for pages 22P02 FILTERS that are not JSON, 22P05 a character that text of this database cannot hold, and those of wc_student_records. No error shows any part of the filters.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_cache_key(%s, bigint, bigint, anycompatible) IS %L', '@extschema@', id,
'Returns the Redis key of a cached page of records: student:ID:records:PAGE:LIMIT:FILTERS. It has the id as the students'' column spells it, and the filters as JavaScript''s JSON.stringify writes them, in the caller''s order: give them as text or json, because jsonb has an order of its own. Errors: 22P02 text that is not JSON, 42804 filters of another type; those of wc_student_records for page, page_size and filters, except that the function does not look at types and dates; 22P05 a character that text of this database cannot hold.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_invalidate(%s) IS %L', '@extschema@', id,
'Makes everything cached of this student stale once this transaction commits: for changes that no trigger sees. Returns how many students it queues: 1; 0 for an id that no student can have, and while no worker is registered, because then nothing is queued. It does not look whether there is such a student. NULL for NULL. Errors: 25006 in a read-only transaction or on a standby, 55000 not attached, 22P02 and 42804 as wc_health_summary.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_invalidate(%s[]) IS %L', '@extschema@', id,
'Like wc_invalidate, for many students; NULLs among them are passed over. Returns how many students it queues, each once. Errors: as wc_invalidate.');
    END LOOP;
    -- As text: an array of text, as most drivers send it, without a type.
    FOREACH ids IN ARRAY '{text[],uuid[],bigint[],text}'::text[] LOOP
        EXECUTE format('COMMENT ON FUNCTION %s.wc_health_summaries(%s) IS %L', '@extschema@', ids,
'Like wc_health_summary, for many students with a constant number of queries. Returns a row for each element, in their order, with the id as the caller gave it; summary is NULL for an unknown student. Errors: as wc_health_summary. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_cache_entries(%s, text[]) IS %L', '@extschema@', ids,
'Returns what to store in the cache for these students: key, value, lifetime in seconds, and the snapshot that the value was read with, which a fenced fill (FCALL wc_fill) checks. student_id and key have the id as the student''s own row spells it, however the caller spelled it. Unknown students give no row, and neither does text that no student can have as an id. All rows of one kind come before those of the next. snapshot is NULL where a value must not be cached: in a transaction that has changed something itself, and under row-level security. kinds: health_summary, growth_chart as wc_growth_chart gives it by default, and records:PAGE:LIMIT:FILTERS for a page as wc_student_records gives it, such as records:1:20:{"type":"DENTAL"}; its key is spelled as wc_cache_key spells it. Errors: 22023 an unknown kind, 22P02 and 22P05 as wc_cache_key, and those of wc_health_summary and wc_student_records. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
        EXECUTE format('COMMENT ON FUNCTION %s.wc_prewarm(%s) IS %L', '@extschema@', ids,
'Makes the worker build the health summaries of these students into the cache once this transaction commits, whether they were cached or not: before a vaccination day, for example. Unknown students and NULLs are passed over; students beyond the worker''s prewarm.backlog_limit stay as they are. Returns how many students it queues, each once, unknown ones too; 0 while no worker is registered, because then nothing is queued. NULL for NULL. Errors: as wc_invalidate. Text of no type is read as the text of an array, such as {a,b}; other text is error 22P02.');
    END LOOP;
END
$$;

-- The worker

CREATE FUNCTION white_cross.register_worker(worker_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
    IF EXISTS (SELECT FROM white_cross.worker AS w WHERE w.name = worker_name) THEN
        RETURN false;
    END IF;
    -- Wait for transactions that have found no worker and have not ended yet.  This lock does not wait for transactions that
    -- only read the table, as a dump does for hours.
    LOCK TABLE white_cross.worker IN EXCLUSIVE MODE;
    INSERT INTO white_cross.worker (name) VALUES (worker_name) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Remove old rows, of which there may be many after a lapsed registration: the row for every student covers them.
    BEGIN
        LOCK TABLE white_cross.invalidation IN ACCESS EXCLUSIVE MODE NOWAIT;
        TRUNCATE white_cross.invalidation;
    EXCEPTION WHEN lock_not_available THEN
        DELETE FROM white_cross.invalidation;
    END;
    -- Earlier changes were not queued, so queue every student.  The row commits together with the registration, so it is not
    -- lost if this worker dies now.  Its n is -1, because rows of this transaction's own changes have 0 and up.
    INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at)
    VALUES (pg_current_xact_id(), -1, 31, NULL, clock_timestamp());
    RETURN true;
END
$$;
COMMENT ON FUNCTION white_cross.register_worker(text) IS
'Registers a worker, so that changes are queued for it. Returns true if the registration is new: then earlier changes were not queued, and a row for every student is queued, which makes the whole cache stale. Errors: 55P03 open transactions of writers delayed it for 2 seconds; try again.';

CREATE FUNCTION white_cross.lock_drain(for_session boolean, wait boolean) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_lock_drain';
COMMENT ON FUNCTION white_cross.lock_drain(boolean, boolean) IS
'Takes the drain lock: only the worker that holds it drains this database''s queue. for_session: until unlock_drain or the end of the session; otherwise until the end of the transaction. Returns false if another session has it and "wait" is false. pg_locks shows it as an advisory lock with objsubid 3, which no function of PostgreSQL itself takes.';

CREATE FUNCTION white_cross.unlock_drain() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_unlock_drain';
COMMENT ON FUNCTION white_cross.unlock_drain() IS
'Releases the drain lock that lock_drain took for the session. Returns false, with a warning, if this session does not hold it.';

CREATE FUNCTION white_cross.begin_drain() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_begin_drain';
COMMENT ON FUNCTION white_cross.begin_drain() IS
'A worker older than white_cross.take calls it just before it reads the queue: the next commit with changes notifies again. Errors: 55000 no worker is registered, because the queue had reached white_cross.queue_limit or somebody unregistered it; then changes were not queued.';

CREATE FUNCTION white_cross.take(in_progress xid8[], last_xid xid8, last_n integer, later_xid xid8, later_n integer, most bigint)
RETURNS TABLE (kind "char", name text, n integer, number bigint, xids text)
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'wc_take';
COMMENT ON FUNCTION white_cross.take(xid8[], xid8, integer, xid8, integer, bigint) IS
'Takes rows out of the queue, for about "most" students, after it has done what begin_drain does: those of the transactions "in_progress" behind the place (last_xid, last_n), then all behind (later_xid, later_n). The rows'' kinds: "s" a student that one row names (n: its sections, number: its age in microseconds, xids); "*" a row for every student, which stays in the queue (name and n: its place, xids: the pattern of its keys); ">" the place of the last row; "." the batch (name: the token of the snapshot that saw it, n: rows deleted, number: 1 if no more rows wait). Errors: 55000 no worker is registered; 42501 the role may not read and delete the queue; 25006 the transaction is read-only.';

CREATE FUNCTION white_cross.unregister_worker(worker_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM white_cross.worker_report AS r WHERE r.name = worker_name;
    DELETE FROM white_cross.worker AS w WHERE w.name = worker_name;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION white_cross.unregister_worker(text) IS
'Removes the registration of a worker that will not come back. Without any registered worker, changes are not queued. Returns false if no worker of that name was registered.';

-- Updates rows in place, so that they stay few.  Deletes this session's report of its other role, draining or standby.
CREATE FUNCTION white_cross.report_worker(worker_name text, draining boolean, has_session boolean, next_seconds integer, report jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    session_pid integer := CASE WHEN has_session THEN pg_backend_pid() END;
BEGIN
    DELETE FROM white_cross.worker_report AS r
    WHERE r.name = worker_name AND r.draining <> report_worker.draining AND r.pid = session_pid;
    INSERT INTO white_cross.worker_report AS r
    SELECT worker_name, report_worker.draining, report_worker.has_session, session_pid, clock_timestamp(),
           clock_timestamp() + 3 * next_seconds * interval '1 second',
           coalesce(w.oldest_seconds, 0), coalesce(w.queue_rows, 0), coalesce(w.state, ''), w.detail, w.redis, w.redis_run_id, w.cache_hits, w.cache_misses
    FROM jsonb_to_record(report) AS w (oldest_seconds double precision, queue_rows bigint, state text, detail text,
                                     redis text, redis_run_id text, cache_hits bigint, cache_misses bigint)
    ON CONFLICT ON CONSTRAINT worker_report_pkey DO UPDATE
        SET has_session = excluded.has_session, pid = excluded.pid, seen_at = excluded.seen_at, due_at = excluded.due_at,
            oldest_seconds = excluded.oldest_seconds, queue_rows = excluded.queue_rows, state = excluded.state, detail = excluded.detail,
            redis = excluded.redis, redis_run_id = excluded.redis_run_id, cache_hits = excluded.cache_hits, cache_misses = excluded.cache_misses;
END
$$;
COMMENT ON FUNCTION white_cross.report_worker(text, boolean, boolean, integer, jsonb) IS
'Stores a worker''s report for wc_diagnose: whether it drains, in how many seconds it will report again, and, in "report", columns of white_cross.worker_report.';

-- Returns a literal that stands on one line whatever the text is.  Any role may put a line break into the name of a transaction that
-- it prepares; what is behind the break would leave a comment, and run when somebody pastes a remedy.
CREATE FUNCTION white_cross.literal_on_one_line(value text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN value ~ '[[:cntrl:]]' THEN 'E''' || (
    SELECT string_agg(CASE WHEN c ~ '[[:cntrl:]]' AND ascii(c) < 128 THEN E'\\x' || lpad(to_hex(ascii(c)), 2, '0')
                           WHEN c IN (E'\\', '''') THEN c || c ELSE c END, '' ORDER BY n)
    FROM regexp_split_to_table(value, '') WITH ORDINALITY AS s (c, n)) || '''' ELSE quote_literal(value) END;

-- Returns the remedy for a transaction that somebody prepared and left.
CREATE FUNCTION white_cross.end_prepared(gid text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN format(E'-- Whoever prepared it must end it:\n-- COMMIT PREPARED %1$s;  or  ROLLBACK PREPARED %1$s;', white_cross.literal_on_one_line(gid));

-- Finds the sessions and prepared transactions that hold what a worker waits for, each as
-- "process 7 of role x (application), at work for 12 s", with a statement that ends it.
CREATE FUNCTION white_cross.find_holders(what text) RETURNS TABLE (pid integer, who text, remedy text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT h.pid,
           CASE WHEN h.pid IS NULL THEN format('prepared transaction %s, for %s s', white_cross.literal_on_one_line(p.gid), round(extract(epoch FROM clock_timestamp() - p.prepared)))
                ELSE format('process %s of role %s (%s), %s for %s s', h.pid, a.usename, coalesce(nullif(a.application_name, ''), a.backend_type),
                            CASE WHEN a.state LIKE 'idle in transaction%' THEN 'idle in a transaction' WHEN a.state = 'idle' THEN 'idle' ELSE 'at work' END,
                            round(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change)))) END,
           CASE WHEN h.pid IS NULL THEN white_cross.end_prepared(p.gid)
                ELSE format('SELECT pg_terminate_backend(%s);', h.pid) END
    FROM (SELECT DISTINCT l.pid, l.virtualtransaction
          FROM pg_locks AS l
          WHERE l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
            AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND CASE what
                    -- transactions of writers that may have found no worker, and sessions that lock the table
                    WHEN 'registration' THEN l.relation = 'white_cross.worker'::regclass AND l.mode <> 'AccessShareLock'
                    WHEN 'queue' THEN l.relation = 'white_cross.invalidation'::regclass AND l.mode <> 'AccessShareLock'
                    WHEN 'drain' THEN l.locktype = 'advisory' AND l.classid = 22339 AND l.objid = 1 AND l.objsubid = 3
                    ELSE false
                END) AS h
    LEFT JOIN pg_stat_activity AS a ON a.pid = h.pid
    LEFT JOIN pg_locks AS x ON h.pid IS NULL AND x.pid IS NULL AND x.virtualtransaction = h.virtualtransaction AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
    LEFT JOIN pg_prepared_xacts AS p ON p.transaction = x.transactionid
    -- Ignore short transactions of writers and workers.
    WHERE what <> 'queue' OR h.pid IS NULL OR clock_timestamp() - a.xact_start > interval '3 s'
    ORDER BY a.xact_start;
END
$$;
CREATE FUNCTION white_cross.holders(what text) RETURNS TABLE (pid integer, who text, remedy text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN QUERY SELECT h.* FROM white_cross.find_holders(what) AS h; END $$;
COMMENT ON FUNCTION white_cross.holders(text) IS
'Returns the sessions and prepared transactions that hold what a worker waits for: "registration" keeps it from registering, "queue" from draining, "drain" is the drain lock.';

-- Returns the Redis of another running worker if it is not this worker's: one database keeps one Redis fresh.  It compares run
-- ids, because one Redis may have several addresses, and two hosts may each have a Redis at 127.0.0.1.
CREATE FUNCTION white_cross.other_redis(worker_name text, address text, run_id text) RETURNS TABLE (name text, redis text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.name, r.redis FROM white_cross.worker_report AS r
    WHERE r.due_at > clock_timestamp() AND r.redis IS NOT NULL AND r.pid IS DISTINCT FROM pg_backend_pid()
      AND EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = r.pid OR NOT r.has_session)
      AND r.redis_run_id <> run_id
    -- The draining worker decides which Redis is kept fresh.
    ORDER BY r.draining DESC, r.name = worker_name DESC, r.seen_at DESC LIMIT 1;
END
$$;
COMMENT ON FUNCTION white_cross.other_redis(text, text, text) IS
'Returns another running worker of this database that serves another Redis than this one, if there is one.';

CREATE FUNCTION white_cross.distrust_cache() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN PERFORM white_cross.invalidate_all(); END $$;
COMMENT ON FUNCTION white_cross.distrust_cache() IS
'Queues a row for every student. A worker calls it when it finds that Redis or PostgreSQL was restarted: cached values may then be of a state that is lost.';

CREATE FUNCTION white_cross.snapshot() RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'wc_snapshot';
COMMENT ON FUNCTION white_cross.snapshot() IS
'Returns the snapshot token that goes with every cached value: the snapshot, @, the transaction''s start in microseconds, #, cluster.timeline.life. The life changes with each start and each crash of the server; a standby''s token has none.';

CREATE FUNCTION white_cross.start_relay() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_start_relay';
COMMENT ON FUNCTION white_cross.start_relay() IS
'Starts the relay, a background process that notifies on behalf of all writers of this database, unless it runs. It ends when no worker drains the queue. Returns false if the library is not in shared_preload_libraries, or (with a warning) if there is no room for another background process: then writers notify by themselves.';

-- Returns the roles that wc_grant_worker was called for: they may take the drain lock.
CREATE FUNCTION white_cross.worker_roles() RETURNS SETOF regrole
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT a.grantee::regrole FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
    WHERE p.oid = 'white_cross.lock_drain(boolean, boolean)'::regprocedure AND a.grantee <> p.proowner AND a.grantee <> 0;
END;

-- Returns the workers' roles that may not read all attached tables, with the missing privileges.
CREATE FUNCTION white_cross.missing_grants() RETURNS TABLE (worker_role regrole, missing text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT w.role, string_agg(m.what, ', ' ORDER BY m.what)
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
        WHERE NOT has_table_privilege(w.role::oid, c.oid, 'SELECT')) AS m
    GROUP BY w.role;
END;

-- As the caller, who may not be allowed to grant privileges on the schema.
CREATE FUNCTION white_cross.grant_tables(caller oid, worker_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
BEGIN
    FOR part IN SELECT b.schema_name, b.table_name FROM white_cross.binding AS b LOOP
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

-- For wc_attach.  The role that attaches tables may not be allowed to grant privileges on them; wc_diagnose then shows that.
CREATE FUNCTION white_cross.grant_tables_to_workers(caller oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lacking record;
BEGIN
    FOR lacking IN SELECT m.worker_role FROM white_cross.missing_grants() AS m LOOP
        BEGIN
            PERFORM white_cross.grant_tables(caller, lacking.worker_role);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'role % of wc-worker cannot read the attached tables: %', lacking.worker_role, SQLERRM
                USING HINT = format('As the owner of schema and tables: SELECT %s.wc_grant_worker(%L);', white_cross.home(), lacking.worker_role);
        END;
    END LOOP;
END
$$;

CREATE FUNCTION @extschema@.wc_grant_worker(worker_role regrole) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_grant_worker';
CREATE FUNCTION white_cross.grant_worker(caller oid, worker_role regrole) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF worker_role IS NULL THEN
        RAISE EXCEPTION 'wc_grant_worker needs the name of a role' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM white_cross.require_owner_of_attached(caller, false);
    EXECUTE format('GRANT USAGE ON SCHEMA white_cross, %s TO %s', white_cross.home(), worker_role);
    EXECUTE format('GRANT SELECT, DELETE ON white_cross.invalidation TO %s', worker_role);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON white_cross.set_aside TO %s', worker_role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON white_cross.hot_student TO %s', worker_role);
    EXECUTE format('GRANT SELECT ON white_cross.worker TO %s', worker_role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION white_cross.lock_drain(boolean, boolean), white_cross.unlock_drain(), white_cross.register_worker(text), white_cross.unregister_worker(text), white_cross.report_worker(text, boolean, boolean, integer, jsonb), white_cross.holders(text), white_cross.other_redis(text, text, text), white_cross.begin_drain(), white_cross.take(xid8[], xid8, integer, xid8, integer, bigint), white_cross.start_relay(), white_cross.distrust_cache() TO %s', worker_role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION white_cross.call_histograms(), white_cross.call_statistics(), white_cross.slow_calls(), white_cross.take_spans(integer), %s.wc_performance() TO %s', white_cross.home(), worker_role);
    EXECUTE format('GRANT SELECT ON %1$s.wc_stat_functions, %1$s.wc_slow_calls TO %2$s', white_cross.home(), worker_role);
    PERFORM white_cross.grant_tables(caller, worker_role);
END
$$;
COMMENT ON FUNCTION @extschema@.wc_grant_worker(regrole) IS
'Gives a role what wc-worker needs and nothing else: to read and delete the queue, register itself, keep its list of hot students, and read the attached tables. wc_attach grants the same for the tables that it attaches. Whoever owns the attached tables may call it. Errors: 42501 the caller does not own all of them, or may not grant USAGE on their schema to a role that lacks it.';

-- DDL changes rows, or their meaning, without firing row triggers.  The event triggers are in C (changes/ddl.cpp).  For DDL
-- about attached tables they call these functions, which run with the rights of the extension's owner.

CREATE FUNCTION white_cross.watch_attached() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    -- A new partition or child has no triggers yet, and neither has a new table under an attached name.  Triggers that somebody
    -- has disabled stay disabled.
    PERFORM white_cross.create_triggers(t.relation::regclass, t.entity) FROM white_cross.attached_tables() AS t;
    PERFORM white_cross.remember(false);
END
$$;
COMMENT ON FUNCTION white_cross.watch_attached() IS
'Creates the missing triggers of the attached tables and their partitions and children, after DDL about one of these.';

CREATE FUNCTION white_cross.remember_attached() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$ BEGIN PERFORM white_cross.remember(false); END $$;
COMMENT ON FUNCTION white_cross.remember_attached() IS
'Stores the column numbers of the binding''s names in bound_column, after DDL about an attached table.';

CREATE FUNCTION white_cross.make_way(partition oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = partition AND t.tgname = 'white_cross_change' AND t.tgparentid = 0
               AND t.tgfoid = 'white_cross.record_change()'::regprocedure) THEN
        PERFORM white_cross.drop_trigger(partition, 'white_cross_change');
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.make_way(oid) IS
'Drops the row trigger of a table that is about to become a partition, and so to get its parent''s trigger.';

CREATE FUNCTION white_cross.follow_type(changed oid, renamed boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    using_it record;
    found_one boolean := false;
BEGIN
    FOR using_it IN
        -- Look for the type itself only: functions do not read columns of types that are based on it, such as domains.
        SELECT DISTINCT t.relation::regclass AS relation
        FROM white_cross.attached_tables() AS t
        JOIN pg_attribute AS a ON a.attrelid = t.relation AND a.atttypid = changed AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        found_one := true;
        IF renamed THEN
            -- Sessions cache labels, and reread them when they lock a table.  A session that already holds the lock would read
            -- the old label with a snapshot that claims to have seen the new one.  So wait for all readers: every read locks the
            -- attached table itself, and perhaps not its partitions and children.
            EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', using_it.relation);
        END IF;
    END LOOP;
    RETURN found_one;
END
$$;
COMMENT ON FUNCTION white_cross.follow_type(oid, boolean) IS
'Whether columns of attached tables have the type that was altered. If a label was renamed, waits for all readers of these tables.';

CREATE FUNCTION white_cross.expect_ddl() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'wc_expect_ddl';
COMMENT ON FUNCTION white_cross.expect_ddl() IS
'Event trigger for what must happen before a command: a partition that is detached concurrently makes the whole cache stale with the first of its two commits; a table that becomes a partition loses its own trigger; the restore of a dump may create triggers that exist already.';
CREATE FUNCTION white_cross.follow_ddl() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'wc_follow_ddl';
COMMENT ON FUNCTION white_cross.follow_ddl() IS
'Event trigger: an altered attached table, partition or child of one, or type of their columns makes the whole cache stale; new tables among them get their triggers.';
CREATE FUNCTION white_cross.follow_drop() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'wc_follow_drop';
COMMENT ON FUNCTION white_cross.follow_drop() IS
'Event trigger: dropping an attached table, a partition or child of one, its columns or its triggers makes the whole cache stale.';

-- Functions, the C library and the worker find the extension's objects by the name of this schema.  If it were renamed, the event
-- triggers above would fail, and with them every DDL of every session.  (The schema of the wc_* functions may be renamed.)
CREATE FUNCTION white_cross.keep_schema() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regnamespace('white_cross') IS NULL THEN
        RAISE EXCEPTION 'schema "white_cross" cannot be renamed: extension white_cross finds its tables and functions by that name'
            USING ERRCODE = 'feature_not_supported', HINT = 'DROP EXTENSION white_cross removes the schema.';
    END IF;
END
$$;
COMMENT ON FUNCTION white_cross.keep_schema() IS 'Event trigger: refuses to rename the schema white_cross.';

-- Event triggers fire in the order of their names: white_cross_anchor fires before those that need the schema.
CREATE EVENT TRIGGER white_cross_anchor ON ddl_command_end WHEN TAG IN ('ALTER SCHEMA') EXECUTE FUNCTION white_cross.keep_schema();
ALTER EVENT TRIGGER white_cross_anchor ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_expect ON ddl_command_start EXECUTE FUNCTION white_cross.expect_ddl();
ALTER EVENT TRIGGER white_cross_expect ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_ddl ON ddl_command_end EXECUTE FUNCTION white_cross.follow_ddl();
ALTER EVENT TRIGGER white_cross_ddl ENABLE ALWAYS;
CREATE EVENT TRIGGER white_cross_drop ON sql_drop EXECUTE FUNCTION white_cross.follow_drop();
ALTER EVENT TRIGGER white_cross_drop ENABLE ALWAYS;

-- Operation

CREATE FUNCTION @extschema@.wc_version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_library_version';
-- Called by functions of ours, which do not rely on the name of the schema that the one above is in.
CREATE FUNCTION white_cross.library_version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_library_version';
COMMENT ON FUNCTION @extschema@.wc_version() IS 'The version of the loaded library.';

-- What calls cost: of each function that reads the attached tables

-- Which calls are counted, and how to count more.  "yes", "not preloaded", "turned off" or "no room".
CREATE FUNCTION white_cross.call_counting() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_call_counting';

CREATE FUNCTION white_cross.call_statistics(OUT function text, OUT since timestamptz,
    OUT calls bigint, OUT errors bigint, OUT errors_by_class text, OUT slow bigint, OUT total_ms double precision,
    OUT p50_ms double precision, OUT p95_ms double precision, OUT p99_ms double precision, OUT window_seconds double precision,
    OUT window_calls bigint, OUT window_errors bigint, OUT window_errors_by_class text, OUT window_slow bigint, OUT window_total_ms double precision,
    OUT window_p50_ms double precision, OUT window_p95_ms double precision, OUT window_p99_ms double precision) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 24 AS 'MODULE_PATHNAME', 'wc_call_statistics';
COMMENT ON FUNCTION white_cross.call_statistics() IS
'For wc_stat_functions and wc_performance: returns a row for each function whose calls are counted, and one with a NULL function for all of them. No rows if calls are not counted.';

CREATE FUNCTION white_cross.call_histograms(OUT function text, OUT calls bigint, OUT errors bigint, OUT sum_seconds double precision,
                                            OUT le_seconds double precision[], OUT below bigint[]) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 23 AS 'MODULE_PATHNAME', 'wc_call_histograms';
COMMENT ON FUNCTION white_cross.call_histograms() IS
'For the worker''s metrics: returns for each function how many calls took less than each of le_seconds, from 1 microsecond by powers of two to 68.7 seconds, since wc_stat_reset or since the server started. Longer calls are in calls only. No rows if calls are not counted.';

CREATE FUNCTION white_cross.slow_calls(OUT ended_at timestamptz, OUT function text, OUT ms double precision, OUT sqlstate text, OUT trace_id text) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 128 AS 'MODULE_PATHNAME', 'wc_slow_calls';
COMMENT ON FUNCTION white_cross.slow_calls() IS
'For wc_slow_calls: returns the last 128 slow calls, the latest first.';

CREATE FUNCTION white_cross.take_spans(most integer, OUT trace_id text, OUT parent_id text, OUT span_id text, OUT function text,
                                       OUT began_unix_ns bigint, OUT ended_unix_ns bigint, OUT busy_ns bigint, OUT sqlstate text, OUT lost_before bigint) RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_take_spans';
COMMENT ON FUNCTION white_cross.take_spans(integer) IS
'For a worker that exports traces: returns and removes the oldest calls that had a sampled traceparent, at most "most" of them. Each call is returned once, even if the transaction rolls back. busy_ns is the time spent in the function; it is less than the span if a set was fetched row by row. sqlstate is NULL if the call succeeded. lost_before counts the calls before this one that were overwritten before anybody took them. Memory has room for 4096 calls. Errors: 22023 "most" is negative.';

CREATE FUNCTION @extschema@.wc_stat_reset() RETURNS void
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_stat_reset';
COMMENT ON FUNCTION @extschema@.wc_stat_reset() IS
'Resets the counts of calls of this database: wc_stat_functions, wc_performance and wc_slow_calls no longer show earlier calls.';

CREATE VIEW @extschema@.wc_stat_functions AS
    SELECT s.function, s.since, s.calls, s.errors, s.errors_by_class::jsonb AS errors_by_class, s.slow, s.total_ms,
           s.total_ms / nullif(s.calls, 0) AS mean_ms, s.p50_ms, s.p95_ms, s.p99_ms,
           s.window_seconds, s.window_calls, s.window_errors, s.window_errors_by_class::jsonb AS window_errors_by_class, s.window_slow, s.window_total_ms,
           s.window_total_ms / nullif(s.window_calls, 0) AS window_mean_ms, s.window_p50_ms, s.window_p95_ms, s.window_p99_ms
    FROM white_cross.call_statistics() AS s
    WHERE s.function IS NOT NULL;
COMMENT ON VIEW @extschema@.wc_stat_functions IS
'Shows the calls of each function that reads the attached tables, in this database: since counting began (wc_stat_reset, the start of the server or its last crash), and in the last five minutes (window_seconds is the exact length). A failed call is in calls and in errors. Percentiles are within 2 % for calls above 2 microseconds. Empty if the library is not preloaded.';

CREATE VIEW @extschema@.wc_slow_calls AS
    SELECT s.ended_at, s.function, s.ms, s.sqlstate, s.trace_id FROM white_cross.slow_calls() AS s;
COMMENT ON VIEW @extschema@.wc_slow_calls IS
'Shows the last 128 calls in this database that took longer than white_cross.slow_query_threshold, the latest first. sqlstate is NULL if the call succeeded, trace_id if the caller named none. Arguments are not kept.';

-- With the rights of the extension's owner, who sees the states of other roles' sessions: it shows how many there are of each.
CREATE FUNCTION @extschema@.wc_performance() RETURNS json
LANGUAGE sql VOLATILE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT json_build_object(
        'timeWindow', '5 minutes',
        'totalRequests', s.window_calls,
        'avgResponseTime', round((s.window_total_ms / nullif(s.window_calls, 0))::numeric, 3),
        'p50', round(s.window_p50_ms::numeric, 3),
        'p95', round(s.window_p95_ms::numeric, 3),
        'p99', round(s.window_p99_ms::numeric, 3),
        'slowRequests', s.window_slow,
        'errorRate', round((100.0 * s.window_errors / nullif(s.window_calls, 0))::numeric, 3),
        'cache', json_build_object('connected', NULL, 'dbSize', NULL, 'usedMemory', NULL, 'hitRate', NULL),
        'database', json_build_object('poolStats', (
            SELECT coalesce(json_agg(json_build_object('state', p.state, 'count', p.count) ORDER BY p.state), '[]'::json)
            FROM (SELECT a.state, count(*) AS count FROM pg_stat_activity AS a
                  WHERE a.datname = current_database() AND a.backend_type = 'client backend' GROUP BY a.state) AS p)),
        'memory', json_build_object('heapUsed', NULL, 'heapTotal', NULL))
    FROM (SELECT) AS one
    LEFT JOIN white_cross.call_statistics() AS s ON s.function IS NULL;
END;
COMMENT ON FUNCTION @extschema@.wc_performance() IS
'Returns figures of the last five minutes, over all functions that read the attached tables, as JSON: timeWindow, totalRequests, avgResponseTime, p50, p95, p99, slowRequests, errorRate, cache, database (sessions of this database by state), memory. Milliseconds and percent, to three decimals. All keys are always present; unknown values are null. Only a worker knows cache and memory, so they are null here. Calls are not counted, and their figures null, if the library is not preloaded.';

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
            (4, 'health_records', 'idx_health_records_vital_gin', format('USING gin (%s)', b.c ->> 'vital'),
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

-- wc_diagnose: the attached tables

CREATE TYPE white_cross.finding AS (status text, detail text, remedy text);

-- Returns the triggers that each table that a query reads should have.  "state": as pg_trigger.tgenabled; 'missing'; or 'another',
-- a trigger that has the name and does something else.
CREATE FUNCTION white_cross.wanted_triggers(OUT entity text, OUT attached regclass, OUT relation regclass, OUT name name, OUT state text)
RETURNS SETOF record
LANGUAGE sql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.entity, t.relation::regclass, r.relation::regclass, wanted.name,
           CASE WHEN g.oid IS NULL THEN 'missing'
                WHEN g.tgfoid <> 'white_cross.record_change()'::regprocedure OR g.tgtype <> wanted.type OR g.tgqual IS NOT NULL
                     OR g.tgattr::text <> '' OR g.tgnargs <> 1 OR encode(g.tgargs, 'escape') <> t.entity || E'\\000' THEN 'another'
                ELSE g.tgenabled::text END
    FROM white_cross.attached_tables() AS t
    CROSS JOIN LATERAL white_cross.reached(t.relation) AS r
    -- The types are bits of pg_trigger.tgtype: after each row that is inserted, updated or deleted; after a TRUNCATE statement.
    CROSS JOIN (VALUES ('white_cross_change'::name, 1 + 4 + 8 + 16), ('white_cross_truncate', 32)) AS wanted (name, type)
    LEFT JOIN pg_trigger AS g ON g.tgrelid = r.relation AND g.tgname = wanted.name
    WHERE white_cross.can_have_trigger(r.kind, wanted.name);
END;

-- Returns attached tables that have another name or schema now than the binding says.  A table is the attached one if it has the
-- stored OID and the trigger of its entity.
CREATE FUNCTION white_cross.moved_tables(OUT entity text, OUT bound_name name, OUT relation oid, OUT schema_name name, OUT table_name name)
RETURNS SETOF record
LANGUAGE sql STABLE ROWS 4 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT b.entity, b.table_name, c.oid, n.nspname, c.relname
    FROM white_cross.binding AS b
    JOIN white_cross.bound_column AS m ON m.entity = b.entity
    JOIN pg_class AS c ON c.oid = m.relation AND c.relkind IN ('r', 'p')
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE (n.nspname, c.relname) <> (b.schema_name, b.table_name)
      AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgfoid = 'white_cross.record_change()'::regprocedure
                  AND encode(t.tgargs, 'escape') = b.entity || E'\\000');
END;

CREATE FUNCTION white_cross.moved_columns(OUT entity text, OUT attribute text, OUT bound_name name, OUT relation regclass, OUT name name)
RETURNS SETOF record
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.entity, m.attribute, (b.columns ->> m.attribute)::name, m.relation::regclass, a.attname
    FROM white_cross.binding AS b
    JOIN white_cross.bound_column AS m ON m.entity = b.entity
    JOIN pg_attribute AS a ON a.attrelid = m.relation AND a.attnum = m.number AND NOT a.attisdropped
    WHERE a.attname <> b.columns ->> m.attribute
      -- Look only at the table that is attached now, or, if there is none under that name, at the one that has moved.
      AND (m.relation = (SELECT t.relation FROM white_cross.attached_tables() AS t WHERE t.entity = m.entity)
           OR (m.relation IN (SELECT v.relation FROM white_cross.moved_tables() AS v WHERE v.entity = m.entity)
               AND NOT EXISTS (SELECT FROM white_cross.attached_tables() AS t WHERE t.entity = m.entity)));
END;

-- Returns the binding as overrides, with the new names of tables and columns that were renamed and whose old names are unused.
CREATE FUNCTION white_cross.proven_overrides(attached name) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved  record;
    proven jsonb := white_cross.overrides_in_force();
BEGIN
    FOR moved IN SELECT * FROM white_cross.moved_tables() AS v
                 WHERE v.schema_name = attached AND NOT EXISTS (SELECT FROM white_cross.attached_tables() AS t WHERE t.entity = v.entity) LOOP
        proven := jsonb_set(proven, ARRAY[moved.entity, 'table'], to_jsonb(moved.table_name));
    END LOOP;
    FOR moved IN SELECT * FROM white_cross.moved_columns() AS v
                 WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = v.relation AND a.attname = v.bound_name AND NOT a.attisdropped) LOOP
        proven := jsonb_set(proven, ARRAY[moved.entity, 'columns', moved.attribute], to_jsonb(moved.name));
    END LOOP;
    RETURN proven;
END
$$;

CREATE FUNCTION white_cross.check_binding(attached name) RETURNS SETOF white_cross.finding
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
            cure := format('SELECT %s.wc_attach(%L, %L);', white_cross.home(), attached, proven);
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
CREATE FUNCTION white_cross.check_unattached() RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate record;
    fitting   name[] := '{}';
BEGIN
    FOR candidate IN SELECT n.nspname FROM pg_namespace AS n
                     WHERE EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'students' AND c.relkind IN ('r', 'p')) LOOP
        BEGIN
            PERFORM white_cross.resolve(candidate.nspname, '{}');
            fitting := fitting || candidate.nspname;
        EXCEPTION WHEN undefined_table OR undefined_column OR datatype_mismatch THEN
            NULL;
        END;
    END LOOP;
    RETURN NEXT ROW ('fail', 'not attached to any tables' || CASE cardinality(fitting) WHEN 0 THEN ': run wc_attach with their schema, and with their names where these are others'
                             WHEN 1 THEN '' ELSE ': run wc_attach with one of the schemas ' || array_to_string(fitting, ', ') END,
                     CASE cardinality(fitting) WHEN 1 THEN format('SELECT %s.wc_attach(%L);', white_cross.home(), fitting[1]) END)::white_cross.finding;
END
$$;

CREATE FUNCTION white_cross.check_triggers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Changes that the missing trigger would have seen are unknown, so the remedy makes the whole cache stale.
    SELECT 'fail', format(CASE w.state WHEN 'missing' THEN '%1$s has no trigger %2$s: changes of it are not seen'
                          WHEN 'another' THEN '%1$s has another trigger under the name %2$s: changes are not seen. Where nobody needs it, drop it and attach again'
                          WHEN 'D' THEN 'trigger %2$s of %1$s is disabled: changes are not seen'
                          WHEN 'R' THEN 'trigger %2$s of %1$s fires on replicas only: changes are not seen'
                          ELSE 'trigger %2$s of %1$s does not fire on replicas: changes that come by replication are not seen' END,
                          w.relation, w.name),
           CASE w.state WHEN 'another' THEN NULL
                        WHEN 'missing' THEN format('SELECT white_cross.create_triggers(%L, %L); ', w.attached, w.entity)
                        ELSE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I; ', w.relation, w.name) END
               || format('SELECT %s.wc_invalidate_all();', white_cross.home())
    FROM white_cross.wanted_triggers() AS w WHERE w.state <> 'A'
    UNION ALL
    SELECT 'warn', format('%s is a foreign table, and read as %s: changes that are made elsewhere are not seen, so nothing is cached', r.relation::regclass, t.entity), NULL
    FROM white_cross.attached_tables() AS t CROSS JOIN LATERAL white_cross.reached(t.relation) AS r WHERE r.kind = 'f'
    UNION ALL
    SELECT 'warn', format('%s is no longer read as %s, and still a partition: its detachment was interrupted, or is under way', i.inhrelid::regclass, t.entity),
           format('ALTER TABLE %s DETACH PARTITION %s FINALIZE;', i.inhparent::regclass, i.inhrelid::regclass)
    FROM white_cross.attached_tables() AS t CROSS JOIN LATERAL white_cross.reached(t.relation) AS r
    JOIN pg_inherits AS i ON i.inhparent = r.relation AND i.inhdetachpending
    UNION ALL
    SELECT 'ok', format('%s triggers, all enabled', count(*)), NULL
    FROM white_cross.wanted_triggers() AS w HAVING coalesce(bool_and(w.state = 'A'), true);
END;

CREATE FUNCTION white_cross.check_event_triggers() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH looked_at AS (
        SELECT wanted.name, wanted.event, wanted.tags, wanted.function,
               CASE WHEN e.oid IS NULL THEN 'missing'
                    WHEN e.evtfoid <> wanted.function OR e.evtevent <> wanted.event OR e.evttags IS DISTINCT FROM wanted.tags THEN 'another'
                    WHEN e.evtenabled <> 'A' THEN 'not enabled' END AS fault
        FROM (VALUES ('white_cross_expect'::name, 'ddl_command_start'::name, NULL::text[], 'white_cross.expect_ddl()'::regprocedure),
                     ('white_cross_ddl', 'ddl_command_end', NULL, 'white_cross.follow_ddl()'),
                     ('white_cross_drop', 'sql_drop', NULL, 'white_cross.follow_drop()'),
                     ('white_cross_anchor', 'ddl_command_end', '{ALTER SCHEMA}', 'white_cross.keep_schema()')) AS wanted (name, event, tags, function)
        LEFT JOIN pg_event_trigger AS e ON e.evtname = wanted.name
    )
    SELECT 'fail', format('event trigger %s is %s: changes of tables and types are not seen', w.name, w.fault),
           CASE w.fault WHEN 'missing' THEN format('CREATE EVENT TRIGGER %I ON %I%s EXECUTE FUNCTION %s; ALTER EXTENSION white_cross ADD EVENT TRIGGER %1$I; ',
                                                   w.name, w.event, (SELECT format(' WHEN TAG IN (%s)', string_agg(quote_literal(tag), ', ')) FROM unnest(w.tags) AS tag HAVING count(*) > 0),
                                                   w.function)
                        WHEN 'not enabled' THEN '' END
           -- Tables that were created meanwhile have no triggers: watch_attached() creates them.
           || format('ALTER EVENT TRIGGER %I ENABLE ALWAYS; SELECT white_cross.watch_attached(); SELECT %s.wc_invalidate_all();', w.name, white_cross.home())
    FROM looked_at AS w WHERE w.fault IS NOT NULL
    UNION ALL
    SELECT 'ok', 'all enabled', NULL FROM looked_at AS w HAVING bool_and(w.fault IS NULL);
END;

CREATE FUNCTION white_cross.check_indexes(attached name) RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    many constant real := 10000;  -- students whose names are read for each search
BEGIN
    RETURN QUERY
    SELECT 'warn', format(CASE w.state WHEN 'another' THEN 'index %s of %s has another definition: %4$s' ELSE 'index %s of %s is %s: %s' END,
                          CASE w.state WHEN 'invalid' THEN w.present ELSE w.index_name END, w.relation, w.state, w.purpose),
           (SELECT string_agg(s, '; ') FROM white_cross.index_statement(w.relation, w.index_name, w.definition, w.state, w.present, true) AS s) || ';'
    FROM white_cross.wanted_indexes(attached) AS w WHERE w.state <> 'valid';
    IF NOT FOUND THEN
        RETURN NEXT ROW ('ok', format('%s indexes, all valid', (SELECT count(*) FROM white_cross.wanted_indexes(attached))), NULL)::white_cross.finding;
    END IF;
    RETURN QUERY
    SELECT 'warn', format('pg_trgm is not installed: a search reads the names of all %s students', c.reltuples::bigint),
           'CREATE EXTENSION pg_trgm; ' || format(
               'CREATE INDEX %s%I ON %s %s;', CASE c.relkind WHEN 'r' THEN 'CONCURRENTLY ' ELSE '' END,
               white_cross.unused_name(c.relnamespace, 'idx_students_name'), c.oid::regclass,
               white_cross.name_index(quote_ident(b.columns ->> 'firstName'), quote_ident(b.columns ->> 'lastName'),
                                      quote_ident(b.columns ->> 'studentNumber'), 'gin_trgm_ops'))
    FROM white_cross.binding AS b
    JOIN pg_namespace AS n ON n.nspname = b.schema_name
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = b.table_name
    WHERE b.entity = 'students' AND c.reltuples > many AND NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_trgm')
      AND EXISTS (SELECT FROM pg_available_extensions AS e WHERE e.name = 'pg_trgm');
END
$$;

CREATE FUNCTION white_cross.check_statistics() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH looked_at AS (
        SELECT c.oid::regclass AS relation, c.reltuples, s.n_mod_since_analyze AS changed,
               pg_relation_size(c.oid) > 512 * 1024 AS is_large
        FROM (SELECT DISTINCT w.relation FROM white_cross.wanted_triggers() AS w) AS w
        JOIN pg_class AS c ON c.oid = w.relation AND c.relkind = 'r'
        LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid
    ), judged AS (
        SELECT l.*, l.reltuples < 0 AND l.is_large AS is_unknown,
               l.reltuples >= 0 AND l.changed > greatest(1000, 0.2 * l.reltuples) AS is_stale
        FROM looked_at AS l
    )
    SELECT 'warn', CASE WHEN j.is_unknown THEN format('%s has never been analyzed: the planner guesses', j.relation)
                   ELSE format('%s rows of %s have changed since it was analyzed', j.changed, j.relation) END,
           format('ANALYZE %s;', j.relation)
    FROM judged AS j WHERE j.is_unknown OR j.is_stale
    UNION ALL
    SELECT 'ok', 'fresh enough', NULL FROM judged AS j HAVING coalesce(bool_and(NOT (j.is_unknown OR j.is_stale)), true);
END;

CREATE FUNCTION white_cross.check_policies() RETURNS SETOF white_cross.finding
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
          AND has_function_privilege(r.oid, 'white_cross.begin_drain()', 'EXECUTE')
          AND (g.forced OR NOT pg_has_role(r.oid, g.relowner, 'USAGE'))
        GROUP BY r.oid, r.rolname
    )
    SELECT 'warn', format('row-level security of %s applies to the worker''s role %I: it builds nothing into the cache', w.relations, w.rolname)
                   || CASE WHEN w.is_no_other THEN '' ELSE '; and others than a worker seem to use that role: give the worker one of its own, with BYPASSRLS' END,
           CASE WHEN w.is_no_other THEN format('ALTER ROLE %I BYPASSRLS;', w.rolname) END
    FROM worker AS w
    UNION ALL
    SELECT 'ok', format('on %s: whom it applies to is given nothing to cache; summaries are read by queries, and searches without the index of words',
                        string_agg(g.relation::text, ', ')), NULL
    FROM guarded AS g HAVING count(*) > 0
    UNION ALL
    SELECT 'ok', 'not in use on the attached tables', NULL WHERE NOT EXISTS (SELECT FROM guarded AS g);
END;

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

-- wc_diagnose: unknown spellings of sexes, for which charts and counts have no percentile and no category

CREATE FUNCTION white_cross.is_known_sex(sex text) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_is_known_sex';
COMMENT ON FUNCTION white_cross.is_known_sex(text) IS
'Whether a text is one of the spellings of a sex that growth references understand, or of one without a reference, such as OTHER.';

-- Uses the statistics of ANALYZE for enums and texts, because wc_diagnose reads no rows and shows no text of a row.
CREATE FUNCTION white_cross.check_sexes() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH noted AS (
        SELECT DISTINCT ON (t.oid) t.oid::regclass AS relation, c.attname AS name, greatest(t.reltuples, 0) AS rows,
               s.most_common_vals::text::text[] AS common, s.most_common_freqs AS shares, s.histogram_bounds::text::text[] AS others
        FROM white_cross.binding AS b
        JOIN pg_namespace AS n ON n.nspname = b.schema_name
        JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = b.table_name
        JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attname = b.columns ->> 'gender' AND c.attnum > 0 AND NOT c.attisdropped
        JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = c.attname
        WHERE b.entity = 'students'
        ORDER BY t.oid, s.inherited DESC
    ), unknown AS (
        SELECT k.relation, k.name,
               (SELECT ceil(sum(one.share) * k.rows) FROM unnest(k.common, k.shares) AS one (sex, share) WHERE NOT white_cross.is_known_sex(one.sex)) AS many,
               (SELECT count(*) FROM unnest(k.others) AS one (sex) WHERE NOT white_cross.is_known_sex(one.sex)) AS seldom
        FROM noted AS k
    ), found AS (
        SELECT format('about %s rows of %s have a %s in a spelling that is not known: their charts and counts have no percentile and no category',
                      greatest(u.many, u.seldom), u.relation, u.name) AS detail,
               format('SELECT %I, count(*) FROM %s GROUP BY 1;', u.name, u.relation) AS remedy
        FROM unknown AS u WHERE u.many > 0 OR u.seldom > 0
    )
    SELECT 'warn', f.detail, f.remedy FROM found AS f
    UNION ALL
    SELECT 'ok', 'all that are noted are known', NULL WHERE NOT EXISTS (SELECT FROM found AS f);
END;

-- wc_diagnose: workers and queue

-- Returns the process that holds this database's drain lock.
CREATE FUNCTION white_cross.drainer() RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT l.pid FROM pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.classid = 22339 AND l.objid = 1 AND l.objsubid = 3 AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    LIMIT 1;
END;

-- The status of each state of a worker, and the remedy.  A worker of this version has no other states.
CREATE FUNCTION white_cross.worker_states() RETURNS TABLE (state text, status text, remedy text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('healthy', 'ok', NULL), ('idle', 'ok', NULL), ('standby', 'ok', NULL), ('sweeping', 'ok', NULL), ('off', 'ok', NULL),
           ('catching up', 'warn', '-- It drains: wait.  How far it is: /healthz and the worker''s log.'),
           ('unregistered', 'fail', NULL), ('blocked', 'fail', NULL),
           ('no redis', 'fail', E'-- Start Redis, or mend redis.url of the worker; what it says: journalctl -u wc-worker'),
           ('no postgres', 'fail', E'-- What it says: journalctl -u wc-worker'),
           ('evicting', 'fail', E'-- In redis-cli, and in redis.conf:\n-- CONFIG SET maxmemory-policy noeviction'),
           ('set aside', 'fail', '-- Look at the check "set aside".'),
           ('read-only', 'fail', E'-- Mend postgres.url and redis.url of the worker: they must lead to the primaries.'),
           ('full disk', 'fail', E'-- Make room where the worker says so, for PostgreSQL or for Redis.'),
           ('no rights', 'fail', NULL),
           ('other redis', 'fail', E'-- Give all workers of this database the same redis.url, or stop this one: one database keeps one Redis fresh.'),
           ('cold', 'fail', E'-- Values are removed and not rebuilt; what the worker says: journalctl -u wc-worker');
END;

CREATE FUNCTION white_cross.check_workers() RETURNS SETOF white_cross.finding
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
    SELECT 'fail', format('role %s of wc-worker lacks %s: what is removed is not rebuilt', m.worker_role, m.missing),
           format('SELECT %s.wc_grant_worker(%L);', white_cross.home(), m.worker_role)
    FROM white_cross.missing_grants() AS m WHERE EXISTS (SELECT FROM white_cross.worker)
    UNION ALL
    SELECT 'ok', 'none is registered: nothing is queued, and no cache is kept fresh', NULL
    WHERE NOT EXISTS (SELECT FROM white_cross.worker) AND NOT EXISTS (SELECT FROM reported AS r WHERE NOT r.is_late);
END;

-- Returns the oldest session, slot or prepared transaction that may still see deleted rows, and so keeps vacuum from removing them.
CREATE FUNCTION white_cross.vacuum_holder() RETURNS TABLE (who text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT h.who, h.remedy
    FROM (SELECT age(a.backend_xmin) AS age,
                 format('process %s of role %s (%s), whose transaction began %s s ago', a.pid, a.usename, coalesce(nullif(a.application_name, ''), a.backend_type),
                        round(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)))) AS who,
                 format('SELECT pg_terminate_backend(%s);', a.pid) AS remedy
          FROM pg_stat_activity AS a
          WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid() AND a.backend_type IN ('client backend', 'walsender')
            AND (a.datname = current_database() OR a.backend_type = 'walsender')
          UNION ALL
          SELECT age(s.xmin), format('replication slot %s, %s', s.slot_name, CASE WHEN s.active THEN 'in use: a standby with hot_standby_feedback has old queries' ELSE 'which nobody uses' END),
                 CASE WHEN s.active THEN '-- End the long queries on the standby.' ELSE format(E'-- If nobody will use it again:\nSELECT pg_drop_replication_slot(%L);', s.slot_name) END
          FROM pg_replication_slots AS s WHERE s.xmin IS NOT NULL
          UNION ALL
          SELECT age(p.transaction), format('prepared transaction %s of %s s ago', white_cross.literal_on_one_line(p.gid), round(extract(epoch FROM clock_timestamp() - p.prepared))),
                 white_cross.end_prepared(p.gid)
          FROM pg_prepared_xacts AS p WHERE p.database = current_database()) AS h
    ORDER BY h.age DESC LIMIT 1;
END;

CREATE FUNCTION white_cross.check_queue() RETURNS SETOF white_cross.finding
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
                WHERE r.draining AND r.state = 'catching up' AND r.due_at > clock_timestamp() LIMIT 1) AS progress
        FROM waiting AS w
    ), verdict AS (
        SELECT j.*, CASE WHEN j.is_queued AND j.oldest > 60 THEN CASE WHEN j.progress IS NULL THEN 'late' ELSE 'catching up' END
                         WHEN j.size > j.most / 2 AND j.rows < 100000 THEN 'dead rows' WHEN j.size > j.most / 2 THEN 'long' ELSE 'short' END AS state,
               h.who, h.remedy
        FROM judged AS j LEFT JOIN white_cross.vacuum_holder() AS h ON j.size > j.most / 2
    )
    SELECT CASE v.state WHEN 'late' THEN 'fail' WHEN 'short' THEN 'ok' ELSE 'warn' END,
           format('%s%s rows, the oldest %s s old; %s of at most %s', CASE WHEN v.rows = 100000 THEN 'at least ' END, v.rows, v.oldest,
                  pg_size_pretty(v.size), pg_size_pretty(v.most))
           || CASE v.state WHEN 'catching up' THEN '; the worker catches up: ' || v.progress
                           WHEN 'dead rows' THEN '; most of it rows that were drained'
                                                 || coalesce(' and that vacuum cannot remove: ' || v.who || ' might still see them', ' since the last vacuum') ELSE '' END,
           CASE v.state WHEN 'late' THEN
                    -- No change is lost by this: the next registration queues a row for every student.
                    E'-- Restart the worker: systemctl restart wc-worker.  Only if it is gone for good:\n'
                    || (SELECT string_agg(format('SELECT white_cross.unregister_worker(%L);', w.name), ' ') FROM white_cross.worker AS w)
                WHEN 'catching up' THEN '-- It drains: wait.'
                WHEN 'long' THEN '-- It drains, or will: look at the check "worker".'
                WHEN 'dead rows' THEN concat_ws(E'\n', v.remedy, 'VACUUM white_cross.invalidation;') END
    FROM verdict AS v;
END;

-- wc_diagnose: library, cache and server

-- After an upgrade the SQL objects are old until somebody runs ALTER EXTENSION UPDATE, and the library is old in sessions, or in a
-- server that preloads it, that began before the upgrade.
CREATE FUNCTION white_cross.check_library(loaded text) RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN e.extversion = loaded THEN 'ok' ELSE 'fail' END,
           CASE WHEN e.extversion = loaded THEN format('version %s', loaded)
                ELSE format('the library is version %s, its SQL objects %s', loaded, e.extversion) END,
           CASE WHEN e.extversion = loaded THEN NULL
                WHEN string_to_array(e.extversion, '.')::integer[] < string_to_array(loaded, '.')::integer[] THEN 'ALTER EXTENSION white_cross UPDATE;'
                ELSE E'-- The library was loaded before the newer one was installed.  Where it is preloaded, restart the server; in psql:\n\\connect' END
    FROM pg_extension AS e WHERE e.extname = 'white_cross';
END;

CREATE FUNCTION white_cross.check_notifications() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- If all listening sessions keep up, the notification queue has a few pages.  If it has megabytes, it waits for a session
    -- that listens and has a long transaction, or whose client does not read.  PostgreSQL does not show which sessions listen,
    -- so name the one that has been inactive for longest, as PostgreSQL's own warning does.
    WITH used AS (
        SELECT u.share, u.share * coalesce(current_setting('max_notify_queue_pages', true)::float8, 1048576)
                        * current_setting('block_size')::float8 AS bytes
        FROM (SELECT pg_notification_queue_usage() AS share) AS u
    ), judged AS (
        SELECT u.*, CASE WHEN u.share > 0.5 THEN 'fail' WHEN u.bytes > 8 * 1024 * 1024 OR u.share > 0.1 THEN 'warn' ELSE 'ok' END AS status
        FROM used AS u
    ), suspect AS (
        SELECT a.pid FROM pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
          AND (a.xact_start IS NOT NULL OR a.wait_event = 'ClientWrite' OR a.query ILIKE 'listen %')
        ORDER BY a.xact_start IS NULL, coalesce(a.xact_start, a.state_change) LIMIT 1
    )
    SELECT j.status, format('%s %% of the server''s queue of notifications is in use, %s', round((j.share * 100)::numeric, 1), pg_size_pretty(j.bytes::bigint)),
           CASE WHEN j.status <> 'ok' THEN
               (SELECT format(E'-- The queue waits for a session that listens; of those that may, this one has kept still for longest.\nSELECT pg_terminate_backend(%s);', o.pid)
                FROM suspect AS o) END
    FROM judged AS j;
END;

CREATE FUNCTION white_cross.check_relay() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH found AS (
        SELECT s.preloaded, EXISTS (SELECT FROM white_cross.worker) AS is_queued, current_setting('white_cross.notify') AS notify,
               EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.backend_type = 'white_cross relay' AND a.datname = current_database()) AS relays,
               s.libraries
        FROM (SELECT l.libraries, 'white_cross' = ANY (regexp_split_to_array(regexp_replace(l.libraries, E'\\$libdir/|"|\\s', '', 'g'), ',')) AS preloaded
              -- pg_settings, not current_setting(), which raises an error for a role that may not see the setting
              FROM (SELECT coalesce((SELECT g.setting FROM pg_settings AS g WHERE g.name = 'shared_preload_libraries'), '') AS libraries) AS l) AS s
    )
    SELECT CASE WHEN f.is_queued AND NOT f.preloaded AND f.notify <> 'off' THEN 'warn'
                WHEN f.is_queued AND f.preloaded AND f.notify = 'relay' AND NOT f.relays AND white_cross.drainer() IS NOT NULL THEN 'warn' ELSE 'ok' END,
           CASE WHEN NOT f.preloaded THEN 'not preloaded: each transaction that changes something notifies by itself, and writers wait for each other there'
                WHEN f.notify <> 'relay' THEN format('preloaded, white_cross.notify = %s', f.notify)
                WHEN f.relays THEN 'preloaded, and a relay notifies for all writers' ELSE 'preloaded, no relay runs: writers notify by themselves' END,
           CASE WHEN f.is_queued AND NOT f.preloaded AND f.notify <> 'off' THEN
                    format(E'ALTER SYSTEM SET shared_preload_libraries = %s;\n-- Then restart the server.',
                           (SELECT string_agg(quote_literal(trim(p.library)), ', ')
                            FROM unnest(string_to_array(concat_ws(',', nullif(f.libraries, ''), 'white_cross'), ',')) AS p (library)))
                WHEN f.is_queued AND f.preloaded AND f.notify = 'relay' AND NOT f.relays AND white_cross.drainer() IS NOT NULL
                    THEN 'SELECT white_cross.start_relay();' END
    FROM found AS f;
END;

CREATE FUNCTION white_cross.check_calls() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE c.counting WHEN 'no room' THEN 'warn' ELSE 'ok' END,
           CASE c.counting
               WHEN 'yes' THEN format('counted since %s', (SELECT s.since FROM white_cross.call_statistics() AS s LIMIT 1))
               WHEN 'not preloaded' THEN 'not preloaded: nothing is counted, and slow calls are not logged'
               WHEN 'turned off' THEN 'white_cross.track_databases = 0: nothing is counted, and slow calls are not logged'
               ELSE format('nothing is counted: white_cross.track_databases = %s, and other databases have all places', current_setting('white_cross.track_databases')) END,
           CASE c.counting WHEN 'no room' THEN
               format(E'ALTER SYSTEM SET white_cross.track_databases = %s;\n-- Then restart the server.', current_setting('white_cross.track_databases')::integer + 1) END
    FROM (SELECT white_cross.call_counting() AS counting) AS c;
END;

-- "patience": how long a transaction may be open and idle.
CREATE FUNCTION white_cross.check_connections(patience interval DEFAULT '5 minutes') RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH open AS (
        SELECT a.pid, a.state, a.state_change, a.application_name, a.state IS NULL AS is_hidden
        FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend'
    ), counted AS (
        SELECT count(*) AS n, current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS most,
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
    SELECT 'warn', format('process %s holds a transaction open and has done nothing for %s s: rows and notifications wait for it', o.pid,
                          round(extract(epoch FROM clock_timestamp() - o.state_change))),
           format('SELECT pg_terminate_backend(%s);', o.pid)
    FROM open AS o
    WHERE o.state LIKE 'idle in transaction%' AND clock_timestamp() - o.state_change > patience;
END;

CREATE FUNCTION white_cross.check_cache() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH latest AS (
        SELECT r.cache_hits AS hits, r.cache_hits + r.cache_misses AS reads FROM white_cross.worker_report AS r
        WHERE r.due_at > clock_timestamp() AND r.cache_hits IS NOT NULL ORDER BY r.seen_at DESC LIMIT 1
    )
    SELECT 'ok', coalesce((SELECT format('%s %% of %s reads with wc_get were hits, since Redis took up the library',
                                         round(100.0 * l.hits / l.reads, 1), l.reads) FROM latest AS l WHERE l.reads > 0),
                          (SELECT 'nobody has read with wc_get since Redis took up the library' FROM latest AS l),
                          'hit rate unknown: no worker that reaches Redis has reported'), NULL::text
    UNION ALL
    SELECT 'fail', format('the Redis of worker %s evicts keys when its memory is full, and with them what keeps stale values out: nothing is cached until that ends', r.name),
           s.remedy
    FROM white_cross.worker_report AS r JOIN white_cross.worker_states() AS s ON s.state = r.state
    WHERE r.state = 'evicting' AND r.draining AND r.due_at > clock_timestamp();
END;

-- wc_diagnose: the schemas of the extension itself

-- A role that may create functions in a schema can create one there that fits a call better than the extension's function.  The
-- extension itself calls its functions with exact types, or from a schema where no other role may create any; but people call
-- SELECT wc_attach('public').
CREATE FUNCTION white_cross.check_schemas() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH able AS (
        SELECT n.nspname, a.is_owner, CASE WHEN r.rolname = 'pg_database_owner' THEN d.datdba ELSE a.id END AS id, e.extowner
        FROM pg_extension AS e
        JOIN pg_namespace AS n ON n.oid = e.extnamespace OR n.nspname = 'white_cross'
        JOIN pg_database AS d ON d.datname = current_database()
        CROSS JOIN LATERAL (SELECT n.nspowner, true UNION
                            SELECT x.grantee, false FROM aclexplode(n.nspacl) AS x
                            WHERE x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner) AS a (id, is_owner)
        LEFT JOIN pg_roles AS r ON r.oid = a.id
        WHERE e.extname = 'white_cross'
    ), others AS (
        SELECT a.nspname, a.is_owner, coalesce(quote_ident(r.rolname), 'PUBLIC') AS name
        FROM able AS a LEFT JOIN pg_roles AS r ON r.oid = a.id
        WHERE a.id <> a.extowner AND NOT coalesce(r.rolsuper, false)
    )
    SELECT 'warn', format('%s may create functions in schema %s, which a call of wc_* by somebody else may find instead of the extension''s', o.name, o.nspname),
           format('REVOKE CREATE ON SCHEMA %I FROM %s;', o.nspname, o.name)
    FROM others AS o WHERE NOT o.is_owner
    UNION ALL
    SELECT 'ok', coalesce(string_agg(format('%s owns schema %s, and may create functions there that a call of wc_* finds instead of the extension''s', o.name, o.nspname), '; '),
                          'nobody else may create anything in the schemas of the extension'), NULL
    FROM others AS o HAVING coalesce(bool_and(o.is_owner), true);
END;

-- wc_diagnose: changes that are set aside

CREATE FUNCTION white_cross.check_set_aside() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH waiting AS (
        SELECT count(DISTINCT s.student) AS students, min(s.since) AS since, min(s.reason) AS reason FROM white_cross.set_aside AS s
    )
    SELECT CASE WHEN w.students = 0 THEN 'ok' ELSE 'fail' END,
           CASE WHEN w.students = 0 THEN 'no change is set aside'
                ELSE format('%s students may be stale in the cache since %s: Redis refuses their invalidation, and theirs alone: %s',
                            w.students, w.since, w.reason) END,
           CASE WHEN w.students > 0 THEN
               E'-- In redis-cli, remove what stands under the names of these students; the worker tries again every minute:\nSELECT student FROM white_cross.set_aside;' END
    FROM waiting AS w;
END;

-- The doctor, part eight: summaries in shared memory

-- Which of the reasons for passing the cache by somebody can do something about.
CREATE FUNCTION white_cross.bypass_causes() RETURNS TABLE (reason text, cause text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('writing', 'in a transaction that has written before'), ('serializable', 'under SERIALIZABLE'),
           ('settings', 'white_cross.direct_reads is off, or birth dates are timestamptz'),
           ('tables', 'the tables are partitioned, have children or row-level security, or are temporary'),
           ('privileges', 'the role may not select from all of the tables'), ('triggers', 'the extension''s triggers are missing, disabled or altered'),
           ('types', 'text of a column depends on settings'), ('id', 'ids are longer than 255 bytes');
END;

CREATE FUNCTION white_cross.check_summary_cache() RETURNS SETOF white_cross.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH counted AS (
        SELECT s.*, s.hits + s.misses + s.refused + s.bypassed AS calls FROM white_cross.cache_statistics() AS s
    ), passing AS (
        -- The reason that counts most.
        SELECT b.cause, r.value::bigint AS calls
        FROM counted AS c CROSS JOIN LATERAL json_each_text(c.bypassed_by_reason) AS r JOIN white_cross.bypass_causes() AS b ON b.reason = r.key
        ORDER BY r.value::bigint DESC LIMIT 1
    ), left_over AS (
        SELECT string_agg(format('-- In database %s, once you know which: COMMIT PREPARED %s; or ROLLBACK PREPARED %2$s;',
                                 white_cross.literal_on_one_line(p.database), white_cross.literal_on_one_line(p.gid)), E'\n') AS remedy
        -- Whether it is from before a crash no catalog tells.
        FROM pg_prepared_xacts AS p
    ), judged AS (
        SELECT c.*, CASE WHEN c.memory = 0 THEN 'none' WHEN pg_is_in_recovery() THEN 'standby' WHEN c.floor_blocked THEN 'blocked'
                         -- Rooms too small: a tenth of what is kept pushes out what could still be used, again and again.
                         WHEN c.evictions > c.entries AND c.evictions * 10 > c.hits + c.misses THEN 'small'
                         WHEN c.calls > 1000 AND p.calls * 2 > c.calls THEN 'passed by' ELSE 'well' END AS verdict, p.cause, p.calls AS passing
        FROM counted AS c LEFT JOIN passing AS p ON true
    )
    SELECT CASE WHEN j.verdict IN ('blocked', 'small', 'passed by') THEN 'warn' ELSE 'ok' END,
           CASE j.verdict WHEN 'none' THEN 'no summaries in shared memory: the library is not preloaded, or white_cross.cache_memory is 0'
                          WHEN 'standby' THEN 'a standby serves no summaries from shared memory'
                          WHEN 'blocked' THEN
                              CASE WHEN o.remedy IS NULL THEN 'a transaction that is open since before the first summary'
                                   ELSE 'a transaction that was prepared before the server''s start, or its last crash, is left' END || ': no summary comes from shared memory until it ends'
                          WHEN 'small' THEN format('%s summaries fit into %s, and %s of %s that were kept had to make room for others', j.entries,
                                                   pg_size_pretty(j.memory), j.evictions, j.fills)
                          WHEN 'passed by' THEN format('%s of %s calls pass the summaries in shared memory by: %s', j.passing, j.calls, j.cause)
                          ELSE format('%s of %s calls served from shared memory, %s summaries in %s of %s', j.hits, j.calls, j.entries,
                                      pg_size_pretty(j.bytes), pg_size_pretty(j.memory)) END,
           CASE j.verdict WHEN 'blocked' THEN o.remedy
                          WHEN 'small' THEN format(E'ALTER SYSTEM SET white_cross.cache_memory = %L;\n-- Then restart the server.',
                                                   (2 * j.memory / 1024 / 1024)::bigint || 'MB') END
    FROM judged AS j CROSS JOIN left_over AS o;
END;

-- wc_diagnose: what is wrong, and the statement that cures it

-- It is SECURITY DEFINER: a role that may call it sees what the extension's owner sees, and needs no other privilege.  It shows
-- names of tables, counts and process ids, and never a row of an attached table.
CREATE FUNCTION @extschema@.wc_diagnose() RETURNS TABLE ("check" text, status text, detail text, remedy text)
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
    RETURN QUERY SELECT 'cache', f.* FROM white_cross.check_cache() AS f;
    RETURN QUERY SELECT 'notifications', f.* FROM white_cross.check_notifications() AS f;
    RETURN QUERY SELECT 'relay', f.* FROM white_cross.check_relay() AS f;
    IF has_function_privilege('white_cross.cache_statistics()', 'EXECUTE') AND has_function_privilege('white_cross.call_statistics()', 'EXECUTE') THEN
        RETURN QUERY SELECT 'summary cache', f.* FROM white_cross.check_summary_cache() AS f;
        RETURN QUERY SELECT 'calls', f.* FROM white_cross.check_calls() AS f;
    ELSE
        unseen := 'summaries in shared memory and counted calls';
    END IF;
    RETURN QUERY SELECT 'connections', f.* FROM white_cross.check_connections() AS f;

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
'Looks for what would keep the summaries from being right, the cache from being fresh, or either from being fast: a row for each finding, with status ok, warn or fail, and a remedy that can be pasted; at least one row for each check: library, schemas, binding, triggers, event triggers, indexes, statistics, labels, sexes, row-level security, worker, queue, set aside, cache, notifications, relay, summary cache, calls, connections. Runs with the rights of the extension''s owner, reads catalogs and statistics only and changes nothing; a remedy may need rights that its reader does not have. Works on a standby.';

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

-- The functions that read, once more with jsonb as their result

-- Each is the same C function, which returns what it is declared to return, so that calls of both count as calls of one function.
-- Those that come from the catalog are all that read and return JSON.  wc_cache_entries is not one of them: its values are stored
-- as they are, and jsonb would spell them otherwise.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments,
               regexp_replace(pg_get_function_result(p.oid), E'json(\\)?)$', E'jsonb\\1') AS result, p.prosrc AS symbol, p.procost AS cost,
               CASE WHEN p.proisstrict THEN 'STRICT' ELSE '' END AS strictness, CASE WHEN p.proretset THEN 'ROWS ' || p.prorows ELSE '' END AS rows,
               oidvectortypes(p.proargtypes) AS types
        FROM pg_proc AS p
        JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'c'
        JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'white_cross'
        WHERE p.pronamespace = e.extnamespace AND p.prokind = 'f' AND p.provolatile = 's' AND p.proparallel = 's'
          AND pg_get_function_result(p.oid) ~ E'json(\\)?)$'
        ORDER BY p.oid
    LOOP
        EXECUTE format('CREATE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE c STABLE %s PARALLEL SAFE COST %s %s AS ''MODULE_PATHNAME'', %L',
                       '@extschema@', f.name || '_jsonb', f.arguments, f.result, f.strictness, f.cost, f.rows, f.symbol);
        EXECUTE format('COMMENT ON FUNCTION %s.%I(%s) IS %L', '@extschema@', f.name || '_jsonb', f.types,
                       format('Like %1$s, with jsonb instead of json: DISTINCT, GROUP BY and UNION can compare it, and drivers that map jsonb read it. Members come in the order of jsonb. Counts as a call of %1$s. Errors: as %1$s; 54000 more than jsonb can hold.', f.name));
    END LOOP;
END
$$;

-- Privileges.  By default no role may use internal objects, or call functions that change the database.

REVOKE ALL ON white_cross.binding, white_cross.bound_column, white_cross.worker, white_cross.worker_report, white_cross.invalidation, white_cross.set_aside, white_cross.hot_student, white_cross.growth_reference FROM PUBLIC;
REVOKE ALL ON FUNCTION white_cross.lock_drain(boolean, boolean), white_cross.unlock_drain(), white_cross.register_worker(text), white_cross.unregister_worker(text), white_cross.report_worker(text, boolean, boolean, integer, jsonb), white_cross.holders(text), white_cross.other_redis(text, text, text), white_cross.begin_drain(), white_cross.take(xid8[], xid8, integer, xid8, integer, bigint), white_cross.start_relay(), white_cross.distrust_cache(), white_cross.invalidate_all(), white_cross.watch_attached(), white_cross.remember_attached(), white_cross.make_way(oid), white_cross.follow_type(oid, boolean) FROM PUBLIC;
-- Those that act as somebody else, whom their first argument names.  Only functions of the extension may call them.
REVOKE ALL ON FUNCTION white_cross.attach(oid, name, jsonb, boolean), white_cross.detach(oid, name), white_cross.create_tables(oid, name, boolean), white_cross.index_statements(oid, name, boolean), white_cross.grant_worker(oid, regrole), white_cross.run_as(oid, text), white_cross.create_trigger(oid, name, text), white_cross.enable_trigger(oid, name), white_cross.drop_trigger(oid, name) FROM PUBLIC;
-- A table's owner creates the triggers.
GRANT EXECUTE ON FUNCTION white_cross.record_change(), white_cross.compute_bmi() TO PUBLIC;
-- Everybody may call wc_attach, wc_detach, wc_index_statements and wc_grant_worker: they look at who owns the tables.
REVOKE ALL ON FUNCTION @extschema@.wc_diagnose() FROM PUBLIC;
DO $$
DECLARE
    id text;
BEGIN
    FOREACH id IN ARRAY '{text,uuid,bigint}'::text[] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %2$s.wc_invalidate(%1$s), %2$s.wc_invalidate(%1$s[]), %2$s.wc_prewarm(%1$s[]) FROM PUBLIC', id, '@extschema@');
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.wc_prewarm(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.wc_invalidate_all(), @extschema@.wc_invalidate_pattern(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.wc_import_health_history(json, text), @extschema@.wc_import_health_history(jsonb, text), @extschema@.wc_import_health_history(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION white_cross.call_statistics(), white_cross.call_histograms(), white_cross.slow_calls(), white_cross.take_spans(integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.wc_performance(), @extschema@.wc_stat_reset() FROM PUBLIC;

-- What default privileges gave away of the tables and views, to whomever; and of the functions that show what others do, or that run
-- with the rights of the extension's owner.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN SELECT DISTINCT c.oid::regclass AS relation, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
                 FROM pg_extension AS e
                 JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                 JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind IN ('r', 'v')
                 CROSS JOIN LATERAL aclexplode(c.relacl) AS a
                 WHERE e.extname = 'white_cross' AND a.grantee <> c.relowner LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', given.relation, given.grantee);
    END LOOP;
    FOR given IN SELECT DISTINCT p.oid::regprocedure AS function, a.grantee::regrole::text AS grantee
                 FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
                 WHERE (p.pronamespace = 'white_cross'::regnamespace AND p.prosecdef OR
                        p.oid IN ('white_cross.run_as(oid,text)'::regprocedure, 'white_cross.create_trigger(oid,name,text)'::regprocedure,
                                  'white_cross.enable_trigger(oid,name)'::regprocedure, 'white_cross.drop_trigger(oid,name)'::regprocedure,
                                  '@extschema@.wc_diagnose()'::regprocedure,
                                  'white_cross.call_statistics()'::regprocedure, 'white_cross.call_histograms()'::regprocedure,
                                  'white_cross.slow_calls()'::regprocedure, 'white_cross.take_spans(integer)'::regprocedure,
                                  '@extschema@.wc_performance()'::regprocedure, '@extschema@.wc_stat_reset()'::regprocedure))
                   AND a.grantee <> p.proowner AND a.grantee <> 0 LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', given.function, given.grantee);
    END LOOP;
END
$$;

-- What who watches the server may see.
REVOKE ALL ON FUNCTION white_cross.cache_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION white_cross.cache_statistics() TO pg_monitor;
GRANT SELECT ON @extschema@.wc_stat_cache TO pg_monitor;
-- Who watches the server watches this too.
GRANT SELECT ON @extschema@.wc_stat_functions, @extschema@.wc_slow_calls TO pg_monitor;
GRANT EXECUTE ON FUNCTION white_cross.call_statistics(), white_cross.call_histograms(), white_cross.slow_calls(), @extschema@.wc_performance() TO pg_monitor;

