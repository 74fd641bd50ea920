-- Reading, and the lease of whoever loads.

-- Values that readers found and did not find, as this process remembers: to count costs no write.
local hits, misses = 0, 0

-- Whether the worker has drained the transaction that wc_write_token named.
local function was_drained(write, seen)
    local snapshot = parse_snapshot(seen or '')
    return snapshot and snapshot.origin == write.origin and is_visible(write.xid, snapshot)
end

-- The liveness, the value and what was drained, as MGET has them in a cluster that it does not know.
local function read_in_shard(key)
    local shared = is_covered(key) and here('MGET', ALIVE, SEEN)
    if not shared then
        return {}
    end
    local value = here('MGET', key)
    return { shared[1], value and value[1], shared[2] }
end

-- The value, or false.  write: nil, or a transaction that the value must contain.
local function find(key, write)
    local found
    if tag ~= '' then
        found = read_in_shard(key)
    else
        found = write and here('MGET', ALIVE, key, SEEN) or here('MGET', ALIVE, key) or {}
    end
    local is_vouched = liveness_here and found[1] == liveness_here and is_live(key)
    local value = is_vouched and (not write or was_drained(write, found[3])) and found[2]
    if value then
        hits = hits + 1
    else
        misses = misses + 1
    end
    return value
end

-- A token as the caller gave it, or none → what find wants, and whether it is a token.
local function write_of(token)
    if not token or token == '' then
        return nil, true
    end
    local write = parse_write_token(token)
    return write, write ~= nil
end

local function no_token(name)
    return redis.error_reply('ERR ' .. name .. ': the token is none of wc_write_token(); pass on its text as it is')
end

-- FCALL wc_get 1 KEY [TOKEN] → the value, or nil; nil too while wc:alive does not cover the key, and until the worker has
-- drained the transaction of TOKEN.  An empty TOKEN is none.
local function get(keys, args)
    local write, is_token = write_of(args[1])
    if not is_token then
        return no_token('wc_get')
    end
    if not keys[1] then
        return no_key('wc_get')
    end
    return find(keys[1], write)
end

-- FCALL wc_sample 1 KEY → for the worker's audit, all of one moment: the value, the student's fence, the liveness, the fence of all, the
-- epoch, the life of fences, and what was drained; nil where wc_get would find nothing.  It does not count as a read.
local function sample(keys)
    local key = keys[1]
    local prefix = prefix_of(key)
    if not prefix then
        return no_key('wc_sample')
    end
    local shared = is_covered(key) and here('MGET', ALIVE, FENCE_ALL, EPOCH, EPOCH_LIFE, SEEN)
    local own = shared and here('MGET', key, prefix .. 'fence')
    if not own or not own[1] or not liveness_here or shared[1] ~= liveness_here or not is_live(key) then
        return nil
    end
    return { own[1], own[2], unpack(shared) }
end

-- FCALL wc_reads 0 → how often readers have found a value, and how often none, since this process took up the library.
local function reads()
    return { hits, misses }
end

-- FCALL wc_lease 1 KEY MILLISECONDS [TOKEN [HITS]] → 1: load it, you are the one; 0: another is loading or has loaded, look again
-- shortly.  HITS: how many values the caller has found by MGET since it said so last, for wc_reads.
local function lease(keys, args)
    local ms, more = args[1], args[3] or '0'
    if not prefix_of(keys[1]) then
        return no_key('wc_lease')
    end
    if not is_life(ms) then
        return redis.error_reply('ERR wc_lease: a positive number of milliseconds is needed')
    end
    local write, is_token = write_of(args[2])
    if not is_token then
        return no_token('wc_lease')
    end
    if not string.match(more, '^%d+$') or #more > 12 then
        return redis.error_reply('ERR wc_lease: the hits are a number of at most 12 digits')
    end
    hits = hits + tonumber(more)
    -- Another client may have stored the value since this one missed it.
    if find(keys[1], write) then
        return 0
    end
    if redis.call('SET', keys[1] .. ':lease', '1', 'NX', 'PX', ms) then
        return 1
    end
    return 0
end
