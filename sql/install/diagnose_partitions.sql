-- wc_diagnose: attached tables that are partitioned, and whether the rows of one student are read directly from them

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
