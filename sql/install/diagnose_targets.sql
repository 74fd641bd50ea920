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
