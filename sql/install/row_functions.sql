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
