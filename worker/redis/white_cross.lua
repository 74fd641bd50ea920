#!lua name=white_cross
-- The cache's side of the promise that no value is older than its invalidation.
--
-- Two things meet here.  An invalidation carries the xid of the transaction that changed a student; it removes
-- the stale values and leaves a fence: the xid, kept for longer than any fill can take.  A fill carries the
-- snapshot with which PostgreSQL built the value; it is stored only if every fenced xid is visible in that
-- snapshot, which is to say: only if the value was built from a state that contains every change that has been
-- invalidated.  A reader that loaded before the change and stores after its invalidation is refused.
--
-- Functions run one at a time in Redis, so check and store are one step.
--
-- Keys of a student share the prefix P, `student:ID:` or `student:{ID}:`
--   P health_summary, P growth_chart, P records:PAGE:LIMIT:FILTERS    values, plain JSON
--   P pages                                                           set of the records keys that were filled
--   P fence                                                           see below
--   KEY :lease                                                        held by whoever loads KEY
--   KEY :filling                                                      a value on its way to KEY, inside wc_fill alone
-- and wc:fence:all is a fence for every student.  It is one key for the whole keyspace: in a Redis Cluster a
-- function reaches only the slots of its own node, so there it would have to exist once per node.
--
-- Fences are lost when Redis is emptied or restarted.  So there is an epoch: wc:epoch holds a snapshot that the worker took
-- after that loss, and a fill must have seen all that it saw, which includes every change whose fence may be lost.
-- Without an epoch nothing can be stored.  It is one key, as wc:fence:all is.
--
-- A fence lives for a while only, wc:epoch:life in milliseconds.  A value whose transaction began longer ago than half of
-- that is refused: its fence may be gone.  wc:clock says by how much PostgreSQL's clock is ahead of this one.  Another
-- life is another epoch, so that no fence of the old life is judged by the new one.
--
-- That time is of the value's transaction, and on a standby that lags behind a young transaction reads an old state.  So there is
-- also wc:horizon: a snapshot that the worker took lately, at most three quarters of a fence's life ago, or it is gone.  A fill
-- must have seen all that it saw: whatever is fenced no longer.  An epoch begins with its own snapshot as the horizon.
--
-- wc:alive says that the worker is caught up: renewed after each drain that found the queue's end, gone soon after the
-- worker is.  wc_get finds nothing without it.  What it holds must be what this process remembers: after a restart, or on
-- a replica, which may lag behind, wc_get finds nothing either.
--
-- A fence is the text `FLOOR;XID,XID,...`: only snapshots that see each XID, and whose xmin is above FLOOR, may fill.
-- The floor and its `;` may be missing, ids stand there more than once and in any order: a change is one APPEND.  When the
-- text has grown too long, all but the latest ids sink into the floor, which refuses a little more than needed and
-- never less.
--
-- Transaction ids have 64 bits and Lua's numbers 53: they are compared as text, first by length, then by digits.

local FENCE_ALL = 'wc:fence:all'
local EPOCH = 'wc:epoch'
local EPOCH_OF = 'wc:epoch:of'
local EPOCH_LIFE = 'wc:epoch:life'
local EPOCH_OPENING = 'wc:epoch:opening'
local HORIZON = 'wc:horizon'
local CLOCK = 'wc:clock'
local ALIVE = 'wc:alive'
local MAX_FENCE_BYTES = 512
local IDS_KEPT = 16

-- The positions of wc::cache::Kind as bits.
local SUMMARY, RECORDS, GROWTH = 1, 2, 4

-- What wc:alive held when this process last wrote it.
local alive_here = nil

-- Of wc_get, as this process remembers: to count costs no write.
local hits, misses = 0, 0

local function less(a, b)
    if #a ~= #b then
        return #a < #b
    end
    return a < b
end

local function is_xid(text)
    return text == '0' or (#text <= 20 and string.match(text, '^[1-9]%d*$') ~= nil)
end

-- 'XMIN:XMAX:XIP,XIP,...@MICROSECONDS#SYSTEM.TIMELINE.LIFE' → table, or nil if it is anything else.  The time after the @
-- is that of the start of the transaction that built the value.  What follows the # names the server, and its life
-- between two crashes; a standby has none of its own.  It may be missing altogether.
local function parse_snapshot(text)
    local xmin, xmax, xip, started, origin = string.match(text, '^(%d+):(%d+):([%d,]*)@(%d+)(.*)$')
    if not xmin or not is_xid(xmin) or not is_xid(xmax) or less(xmax, xmin) or not string.match(origin, '^#?[%d.]*$') then
        return nil
    end
    return { xmin = xmin, xmax = xmax, in_progress = ',' .. xip .. ',', started = tonumber(started), origin = origin }
end

-- Whether the ids of both snapshots mean the same transactions, and none that the value saw was lost since: a promotion
-- begins another timeline, a crash another life.
local function is_of_one_life(snapshot, epoch)
    return snapshot.origin == epoch.origin or
        snapshot.origin ~= '' and string.sub(epoch.origin, 1, #snapshot.origin + 1) == snapshot.origin .. '.'
end

local function is_visible(xid, snapshot)
    if less(xid, snapshot.xmin) then
        return true
    end
    return less(xid, snapshot.xmax) and not string.find(snapshot.in_progress, ',' .. xid .. ',', 1, true)
end

-- Whether all that is visible in `other` is visible in `snapshot`.
local function covers(snapshot, other)
    if less(snapshot.xmax, other.xmax) then
        return false
    end
    for xid in string.gmatch(snapshot.in_progress, '%d+') do
        if less(xid, other.xmax) and not string.find(other.in_progress, ',' .. xid .. ',', 1, true) then
            return false
        end
    end
    return true
end

-- The floor of a fence, and the text of its ids.
local function parse_fence(fence)
    local floor, xids = string.match(fence, '^(%d+);([%d,]*)$')
    if floor then
        return floor, xids
    end
    return '0', string.match(fence, '^[%d,]*$')
end

local function allows(fence, snapshot)
    if not fence then
        return true
    end
    local floor, xids = parse_fence(fence)
    if not xids or (floor ~= '0' and not less(floor, snapshot.xmin)) then
        return false
    end
    for xid in string.gmatch(xids, '%d+') do
        if not is_visible(xid, snapshot) then
            return false
        end
    end
    return true
end

local function now_us()
    local now = redis.call('TIME')
    return now[1] * 1000000 + now[2]
end

-- Whether every fence that the value could have to meet still stands.
local function is_young(snapshot, life_ms, ahead_us)
    local life, ahead = tonumber(life_ms or ''), tonumber(ahead_us or '')
    if not life or not ahead then
        return false
    end
    -- A start that lies in the future says that the clocks are not what wc:clock says.
    return math.abs(now_us() + ahead - snapshot.started) <= life * 1000 / 2
end

-- Lets all but the latest ids of a fence sink into its floor.
local function shorten_fence(key)
    local floor, text = parse_fence(redis.call('GET', key))
    local known, xids = {}, {}
    for xid in string.gmatch(text or '', '%d+') do
        if not known[xid] then
            known[xid] = true
            xids[#xids + 1] = xid
        end
    end
    table.sort(xids, less)
    local sunk = math.max(0, #xids - IDS_KEPT)
    if sunk > 0 and less(floor, xids[sunk]) then
        floor = xids[sunk]
    end
    redis.call('SET', key, floor .. ';' .. table.concat(xids, ',', sunk + 1), 'KEEPTTL')
end

-- Adds the ids of a text, `XID,XID,...`, to the fence under `key` and starts its life anew.
local function raise_fence(key, ttl_ms, text)
    local length = redis.call('APPEND', key, ',' .. text)
    if length == #text + 1 then
        redis.call('PEXPIRE', key, ttl_ms)
    else
        -- A worker that was told of a shorter life must not cut this one.
        redis.call('PEXPIRE', key, ttl_ms, 'GT')
    end
    if length > MAX_FENCE_BYTES then
        shorten_fence(key)
    end
end

local function is_life(ttl_ms)
    return ttl_ms ~= nil and string.match(ttl_ms, '^[1-9]%d*$') ~= nil
end

-- Whether a text is XID or XID,XID,...
local function are_xids(text)
    if not text or string.match(text, '^%d[%d,]*$') == nil or string.find(text, ',,', 1, true) or
        string.sub(text, -1) == ',' then
        return false
    end
    for xid in string.gmatch(text, '%d+') do
        if not is_xid(xid) then
            return false
        end
    end
    return true
end

-- Removes what is stale of one student → bits of the kinds that existed.
local function remove_kinds(prefix, kinds)
    local existed = 0
    local also = {}
    local function remove(kind, name)
        if bit.band(kinds, kind) ~= 0 then
            local key = prefix .. name
            existed = existed + redis.call('UNLINK', key) * kind
            also[#also + 1] = key .. ':lease'
        end
    end
    remove(SUMMARY, 'health_summary')
    remove(GROWTH, 'growth_chart')
    if bit.band(kinds, RECORDS) ~= 0 then
        local pages = prefix .. 'pages'
        local removed = 0
        for _, key in ipairs(redis.call('SMEMBERS', pages)) do
            -- A set written by hand could name any key: only pages of this student are taken from it.
            if string.sub(key, 1, #prefix + 8) == prefix .. 'records:' then
                removed = removed + redis.call('UNLINK', key)
                redis.call('UNLINK', key .. ':lease')
            end
        end
        also[#also + 1] = pages
        if removed > 0 then
            existed = existed + RECORDS
        end
    end
    if #also > 0 then
        redis.call('UNLINK', unpack(also))
    end
    return existed
end

-- FCALL wc_invalidate N P1 … PN FENCE_MS KINDS1 XIDS1 … KINDSN XIDSN → for each the bits of the kinds that existed.
-- KINDS: 1 health_summary, 2 records, 4 growth_chart, added up.  XIDS: `XID,XID,...`; empty where wc:fence:all has them.
local function invalidate(keys, args)
    local ttl_ms = args[1]
    if not is_life(ttl_ms) then
        return redis.error_reply('ERR wc_invalidate: the life of a fence is a positive number of milliseconds')
    end
    if #keys == 0 or #args ~= 1 + 2 * #keys then
        return redis.error_reply('ERR wc_invalidate: kinds and transaction ids are needed for each key')
    end
    for i = 1, #keys do
        if not string.match(args[2 * i], '^[0-7]$') then
            return redis.error_reply('ERR wc_invalidate: kinds is a number from 0 to 7')
        end
        if args[2 * i + 1] ~= '' and not are_xids(args[2 * i + 1]) then
            return redis.error_reply('ERR wc_invalidate: transaction ids are decimal numbers of at most 20 digits, with commas between')
        end
    end
    local existed = {}
    for i, prefix in ipairs(keys) do
        existed[i] = remove_kinds(prefix, tonumber(args[2 * i]))
        if args[2 * i + 1] ~= '' then
            raise_fence(prefix .. 'fence', ttl_ms, args[2 * i + 1])
        end
    end
    return existed
end

-- FCALL wc_fence_all 1 wc:fence:all FENCE_MS XIDS → 1.  Deletes nothing: the worker then removes what is cached in
-- bounded steps, and what is filled meanwhile has passed this fence.
local function fence_all(keys, args)
    if keys[1] ~= FENCE_ALL or #args ~= 2 or not is_life(args[1]) or not are_xids(args[2]) then
        return redis.error_reply('ERR wc_fence_all: the key ' .. FENCE_ALL .. ', a life in milliseconds and transaction ids are needed')
    end
    raise_fence(FENCE_ALL, args[1], args[2])
    return 1
end

-- 'student:ID:records:1:20:{}' → 'student:ID:', true.  An id may hold colons, but not `:records:N:N:`.
local function prefix_of(key)
    local prefix = string.match(key, '^(student:.-:)records:%d+:%d+:')
    if prefix then
        return prefix, true
    end
    return string.match(key, '^(student:.+:)health_summary$') or string.match(key, '^(student:.+:)growth_chart$'), false
end

-- Remembers a page under the student, for as long as any of them lives.  The set would keep the names of pages that
-- expired: each fill of a student with many looks at a few others and drops those that are gone.
local function remember_page(pages, key, ttl_ms)
    redis.call('SADD', pages, key)
    if redis.call('PTTL', pages) < ttl_ms then
        redis.call('PEXPIRE', pages, ttl_ms)
    end
    if redis.call('SCARD', pages) > 64 then
        for _, other in ipairs(redis.call('SRANDMEMBER', pages, 4)) do
            if redis.call('EXISTS', other) == 0 then
                redis.call('SREM', pages, other)
            end
        end
    end
end

-- FCALL wc_fill 1 KEY VALUE TTL_SECONDS SNAPSHOT → 1 stored, 0 refused.
local function fill(keys, args)
    local key, value, ttl, token = keys[1], args[1], tonumber(args[2]), args[3]
    local prefix, is_page = prefix_of(key)
    if not prefix then
        return redis.error_reply('ERR wc_fill: not a key of a student: the name ends in health_summary, growth_chart or records:PAGE:LIMIT:FILTERS')
    end
    if not value or not token or #args ~= 3 then
        return redis.error_reply('ERR wc_fill: value, ttl in seconds and snapshot are needed')
    end
    if not ttl or ttl < 1 or ttl % 1 ~= 0 then
        return redis.error_reply('ERR wc_fill: the ttl is a positive number of seconds')
    end
    -- Whatever happens, this loader is done: the next one need not wait for its lease to run out.
    redis.call('UNLINK', key .. ':lease')
    local held = redis.call('MGET', EPOCH, EPOCH_LIFE, CLOCK, FENCE_ALL, prefix .. 'fence', HORIZON)
    local snapshot = parse_snapshot(token)
    local epoch = parse_snapshot(held[1] or '')
    local horizon = parse_snapshot(held[6] or '')
    if not snapshot or not epoch or not horizon or not is_of_one_life(snapshot, epoch) or
        not covers(snapshot, horizon) or not is_young(snapshot, held[2], held[3]) or not allows(held[4], snapshot) or not allows(held[5], snapshot) then
        return 0
    end
    -- Not SET KEY: what a function does is checked against its caller's rights, and this one is called by users who
    -- shall not SET a student's keys.  They may SET what is being filled, and RENAME that alone (config/users.acl).
    redis.call('SET', key .. ':filling', value, 'EX', ttl)
    redis.call('RENAME', key .. ':filling', key)
    if is_page then
        remember_page(prefix .. 'pages', key, ttl * 1000)
    end
    return 1
end

-- FCALL wc_open_epoch 1 wc:epoch OPENING SNAPSHOT OF LIFE_MS → 1, or 0 where OPENING is not what wc:epoch:opening holds:
-- fences may have been lost between the worker's writing that and its taking the snapshot, so it begins again.  OF says of
-- which servers this is the epoch, LIFE_MS how long its fences live.
local function open_epoch(keys, args)
    local opening, token, servers, life = args[1], args[2], args[3], args[4]
    if keys[1] ~= EPOCH or #args ~= 4 or not parse_snapshot(token) or not is_life(life) then
        return redis.error_reply('ERR wc_open_epoch: the key ' .. EPOCH .. ', an opening, a snapshot, the servers and the life of fences are needed')
    end
    if redis.call('GET', EPOCH_OPENING) ~= opening then
        return 0
    end
    -- Not alive until a drain has found the queue's end: what is cached may be of another epoch.
    redis.call('UNLINK', EPOCH_OPENING, ALIVE)
    redis.call('MSET', EPOCH_OF, servers, EPOCH_LIFE, life, EPOCH, token)
    redis.call('SET', HORIZON, token, 'PX', string.format('%.0f', math.max(1, math.floor(tonumber(life) * 3 / 4))))
    return 1
end

-- Milliseconds that are left until a time by this clock, for what a worker says: it may be long on its way, or the worker be
-- stopped before it sends it, so it says until when it is good, and for which servers.  nil: it is over, or others are here now.
local function left_of(until_ms, servers)
    local left_ms = tonumber(until_ms) - math.floor(now_us() / 1000)
    if left_ms <= 0 or redis.call('EXISTS', EPOCH) == 0 or redis.call('GET', EPOCH_OF) ~= servers then
        return nil
    end
    return string.format('%.0f', left_ms)
end

-- FCALL wc_advance 1 wc:horizon SNAPSHOT UNTIL_MS LIFE_MS OF → 1, or 0 where it comes too late, or fences have another life.  For the
-- worker: UNTIL_MS is three quarters of LIFE_MS after the snapshot was taken.
local function advance(keys, args)
    local token, until_ms, life, servers = args[1], args[2], args[3], args[4]
    if keys[1] ~= HORIZON or #args ~= 4 or not parse_snapshot(token) or not is_life(until_ms) or not is_life(life) then
        return redis.error_reply('ERR wc_advance: the key ' .. HORIZON .. ', a snapshot, a time, the life of fences and the servers are needed')
    end
    local left_ms = left_of(until_ms, servers)
    if not left_ms or redis.call('GET', EPOCH_LIFE) ~= life then
        return 0
    end
    redis.call('SET', HORIZON, token, 'PX', left_ms)
    return 1
end

-- FCALL wc_alive 1 wc:alive UNTIL_MS OF → 1, or 0 without an epoch.  For the worker, when it is caught up.
-- Of other servers than OF, what was cached is perhaps still to be swept.
local function alive(keys, args)
    local until_ms, servers = args[1], args[2]
    if keys[1] ~= ALIVE or #args ~= 2 or not is_life(until_ms) then
        return redis.error_reply('ERR wc_alive: the key ' .. ALIVE .. ', a time in milliseconds and the servers are needed')
    end
    local left_ms = left_of(until_ms, servers)
    if not left_ms then
        return 0
    end
    alive_here = string.format('%.0f', now_us())
    redis.call('SET', ALIVE, alive_here, 'PX', left_ms)
    return 1
end

-- FCALL wc_get 1 KEY → the value, or nil; nil too while nobody vouches for what is cached.
local function get(keys)
    local found = redis.call('MGET', ALIVE, keys[1])
    if not alive_here or found[1] ~= alive_here then
        misses = misses + 1
        return false
    end
    if found[2] then
        hits = hits + 1
    else
        misses = misses + 1
    end
    return found[2]
end

-- FCALL wc_reads 0 → how often wc_get has found a value, and how often none, since this process took up the library.
local function reads()
    return { hits, misses }
end

-- FCALL wc_lease 1 KEY MILLISECONDS → 1: load it, you are the one; 0: another is loading or has loaded, look again shortly.
local function lease(keys, args)
    local ms = args[1]
    if not ms or not string.match(ms, '^[1-9]%d*$') then
        return redis.error_reply('ERR wc_lease: a positive number of milliseconds is needed')
    end
    -- Who missed it just before another stored it need not load it again.
    if get(keys) then
        return 0
    end
    if redis.call('SET', keys[1] .. ':lease', '1', 'NX', 'PX', ms) then
        return 1
    end
    return 0
end

redis.register_function('wc_invalidate', invalidate)
redis.register_function('wc_fence_all', fence_all)
redis.register_function('wc_open_epoch', open_epoch)
redis.register_function('wc_advance', advance)
redis.register_function('wc_alive', alive)
redis.register_function('wc_fill', fill)
redis.register_function { function_name = 'wc_get', callback = get, flags = { 'no-writes' } }
redis.register_function { function_name = 'wc_reads', callback = reads, flags = { 'no-writes' } }
redis.register_function('wc_lease', lease)
