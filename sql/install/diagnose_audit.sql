-- wc_diagnose: the lines of white_cross.audit

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

