-- The worker's calls run even when Redis is out of memory: otherwise whoever fills the memory would keep stale values.
local function register_for_worker(name, callback)
    redis.register_function { function_name = name, callback = callback, flags = { 'allow-oom' } }
end
register_for_worker('wc_invalidate', invalidate)
register_for_worker('wc_fence_all', fence_all)
register_for_worker('wc_open_epoch', open_epoch)
register_for_worker('wc_advance', advance)
register_for_worker('wc_alive', renew_liveness)
register_for_worker('wc_note', note)
register_for_worker('wc_cover', cover)
-- Not beyond the memory that Redis may use: events wait in PostgreSQL, where there is room.
redis.register_function { function_name = 'wc_append', callback = append_events }
-- A student's key and the shared names of its shard are in different slots of a cluster.
redis.register_function { function_name = 'wc_fill', callback = fill, flags = { 'allow-cross-slot-keys' } }
redis.register_function { function_name = 'wc_get', callback = get, flags = { 'no-writes', 'allow-cross-slot-keys' } }
redis.register_function { function_name = 'wc_sample', callback = sample, flags = { 'no-writes', 'allow-cross-slot-keys' } }
redis.register_function { function_name = 'wc_hello', callback = hello, flags = { 'no-writes' } }
redis.register_function { function_name = 'wc_reads', callback = reads, flags = { 'no-writes' } }
redis.register_function { function_name = 'wc_lease', callback = lease, flags = { 'allow-cross-slot-keys' } }
