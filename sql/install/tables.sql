-- Internal tables

-- Which table of the application plays which part.  Kept by name, so that a dump restores it.
CREATE TABLE white_cross.binding (
    entity      text PRIMARY KEY CHECK (entity IN ('students', 'health_records', 'allergies', 'chronic_conditions')),
    schema_name name NOT NULL,
    table_name  name NOT NULL,
    columns     jsonb NOT NULL
);
COMMENT ON TABLE white_cross.binding IS 'which table and columns of the application hold which entity; written by wc_attach';
SELECT pg_catalog.pg_extension_config_dump('white_cross.binding', '');

-- The workers that must be told of changes.  Like a replication slot: while there is none, nothing is queued.
CREATE TABLE white_cross.worker (
    name          text PRIMARY KEY,
    registered_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE white_cross.worker IS 'consumers of the queue; changes are queued only while there is at least one';

-- What workers say of themselves with each heartbeat, for wc_diagnose.  Not in the table above: writers of all sessions
-- look into it, and forget what they saw with each change of it.  At most two rows a name, each changed in its place.
CREATE TABLE white_cross.worker_report (
    name         text NOT NULL,
    draining     boolean NOT NULL,
    has_session  boolean NOT NULL,
    seen_at      timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    cache_hits   bigint,
    cache_misses bigint,
    redis_evicts boolean NOT NULL,
    PRIMARY KEY (name, draining)
) WITH (fillfactor = 50);
COMMENT ON TABLE white_cross.worker_report IS 'the last word of the worker that drains, and of one that stands by, under each name';
COMMENT ON COLUMN white_cross.worker_report.has_session IS 'it holds a lock for as long as it drains; false behind a transaction pooler';
COMMENT ON COLUMN white_cross.worker_report.due_at IS 'when it should have been heard of again, with time to spare';
COMMENT ON COLUMN white_cross.worker_report.cache_hits IS 'of wc_get, since Redis took up the function library; NULL while Redis could not be reached';
COMMENT ON COLUMN white_cross.worker_report.redis_evicts IS 'Redis may evict what keeps stale values out: no epoch is open';

-- The queue.  Writers only insert, each transaction once, just before its commit; the worker deletes.
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
COMMENT ON COLUMN white_cross.invalidation.n IS 'ordinal within the transaction; -1: the registration of a worker';
COMMENT ON COLUMN white_cross.invalidation.sections IS 'what changed: 1 students, 2 health_records, 4 allergies, 8 chronic_conditions, 16 growth; 32: nothing changed, but the student is to be prewarmed';
COMMENT ON COLUMN white_cross.invalidation.students IS 'ids in text form; NULL: every student';
COMMENT ON COLUMN white_cross.invalidation.pattern IS 'glob of the keys to remove, where students is NULL; NULL: all keys of students';
COMMENT ON COLUMN white_cross.invalidation.queued_at IS 'clock time just before the commit';
ALTER TABLE white_cross.invalidation SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.0);

-- Students whose summaries are read often, saved by the worker so that a restart begins warm.
CREATE TABLE white_cross.hot_student (
    student text PRIMARY KEY,
    weight  real NOT NULL CHECK (weight > 0)
);
COMMENT ON TABLE white_cross.hot_student IS 'students that were hot in the cache when the worker last saved its list';

-- Each server's own: what a subscription brings of these tables is dropped.
CREATE FUNCTION white_cross.drop_replicated() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_drop_replicated';
COMMENT ON FUNCTION white_cross.drop_replicated() IS
'Trigger on the tables of white_cross: rows that replication applies, as of a publication FOR ALL TABLES, are another server''s and are dropped; after a TRUNCATE of the queue, which cannot be dropped, every student counts as changed.';
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{binding,worker,worker_report,invalidation,hot_student}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.%I FOR EACH ROW '
                       'EXECUTE FUNCTION white_cross.drop_replicated()', name);
        EXECUTE format('ALTER TABLE white_cross.%I ENABLE REPLICA TRIGGER white_cross_own', name);
    END LOOP;
END
$$;
CREATE TRIGGER white_cross_own_truncate AFTER TRUNCATE ON white_cross.invalidation
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.invalidation ENABLE REPLICA TRIGGER white_cross_own_truncate;
