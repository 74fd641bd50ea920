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

-- The Redis that is served.  It stands here and not in Redis: where several processes of Redis take each other's place, each remembers
-- only that it was served once, and not what changed while another one was.
CREATE TABLE white_cross.served_redis (
    process text NOT NULL,
    since   timestamptz
);
COMMENT ON TABLE white_cross.served_redis IS 'the process of Redis from which changes are removed: one row, or none before the first worker came';
COMMENT ON COLUMN white_cross.served_redis.process IS 'the run_id of Redis and the master_replid of its data';
COMMENT ON COLUMN white_cross.served_redis.since IS 'since when; NULL if no other was served before';

-- The shards of a Redis Cluster that are served.  A process is trusted with the slots that stand here and with no others: it has had
-- them, and every change since, from when the worker had removed what was cached in them.
CREATE TABLE white_cross.served_shard (
    process text NOT NULL,
    slots   text NOT NULL
);
COMMENT ON TABLE white_cross.served_shard IS 'of a Redis Cluster: the processes from which changes are removed, and the slots that each is trusted with';
COMMENT ON COLUMN white_cross.served_shard.process IS 'the run_id of Redis and the master_replid of its data';
COMMENT ON COLUMN white_cross.served_shard.slots IS 'FIRST-LAST,SLOT,...';

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

-- The queue.  A transaction inserts its rows once, just before its commit; only the worker deletes rows.
-- Its columns stay as they are: sessions that loaded the library of 0.1.0 go on writing these six, whatever ALTER EXTENSION UPDATE does.
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
COMMENT ON COLUMN white_cross.invalidation.pattern IS 'if students is NULL: pattern of the keys to remove; NULL: all keys of students. Otherwise the W3C trace context of the writer; NULL: it has none, or none that is sampled';
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
    FOREACH name IN ARRAY '{binding,bound_column,worker,worker_report,served_redis,served_shard,target,swept,target_set_aside,target_report,invalidation,set_aside,hot_student}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER white_cross_own BEFORE INSERT OR UPDATE OR DELETE ON white_cross.%I FOR EACH ROW '
                       'EXECUTE FUNCTION white_cross.drop_replicated()', name);
        EXECUTE format('ALTER TABLE white_cross.%I ENABLE REPLICA TRIGGER white_cross_own', name);
    END LOOP;
END
$$;
CREATE TRIGGER white_cross_own_truncate AFTER TRUNCATE ON white_cross.invalidation
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.drop_replicated();
ALTER TABLE white_cross.invalidation ENABLE REPLICA TRIGGER white_cross_own_truncate;
