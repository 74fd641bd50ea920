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
