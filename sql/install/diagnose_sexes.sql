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
