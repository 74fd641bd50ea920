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
