-- wc_diagnose: changes that are set aside

CREATE FUNCTION white_cross.check_set_aside() RETURNS SETOF white_cross.finding
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
