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
-- and wc:fence:all is a fence for every student.  It is one key for the whole keyspace: in a Redis Cluster a
-- function reaches only the slots of its own node, so there it would have to exist once per node.
--
-- Fences are lost when Redis is emptied or restarted.  So there is an epoch: wc:epoch holds a snapshot that the worker took
-- after that loss, and a fill must have seen all that it saw, which includes every change whose fence may be lost.
-- Without an epoch nothing can be stored.  It is one key, as wc:fence:all is.
--
-- A fence is the text `FLOOR;XID,XID,...`: only snapshots that see each XID, and whose xmin is above FLOOR, may fill.
-- It holds at most 64 ids; when there are more, the older half sinks into the floor, which refuses a little more
-- than needed and never less.
--
-- Transaction ids have 64 bits and Lua's numbers 53: they are compared as text, first by length, then by digits.

local FENCE_ALL = 'wc:fence:all'
local EPOCH = 'wc:epoch'
local MAX_FENCED = 64

-- The positions of wc::cache::Kind as bits.
local SUMMARY, RECORDS, GROWTH = 1, 2, 4

local function less(a, b)
    if #a ~= #b then
        return #a < #b
    end
    return a < b
end

local function is_xid(text)
    return text == '0' or (#text <= 20 and string.match(text, '^[1-9]%d*$') ~= nil)
end

-- 'XMIN:XMAX:XIP,XIP,...@MICROSECONDS' → table, or nil if it is anything else.  The time after the @ is that of the
-- start of the transaction that built the value.
local function parse_snapshot(text)
    local xmin, xmax, xip, started = string.match(text, '^(%d+):(%d+):([%d,]*)@(%d+)$')
    if not xmin or not is_xid(xmin) or not is_xid(xmax) or less(xmax, xmin) then
        return nil
    end
    return { xmin = xmin, xmax = xmax, in_progress = ',' .. xip .. ',', started = started }
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

local function allows(fence, snapshot)
    if not fence then
        return true
    end
    local floor, xids = string.match(fence, '^(%d+);([%d,]*)$')
    if not floor or (floor ~= '0' and not less(floor, snapshot.xmin)) then
        return false
    end
    for xid in string.gmatch(xids, '%d+') do
        if not is_visible(xid, snapshot) then
            return false
        end
    end
    return true
end

-- Adds args[first..] to the fence under `key` and starts its life anew.
local function raise_fence(key, ttl_ms, args, first)
    local known, xids, floor = {}, {}, '0'
    local function add(xid)
        if not known[xid] then
            known[xid] = true
            xids[#xids + 1] = xid
        end
    end
    local old = redis.call('GET', key)
    if old then
        local old_floor, old_xids = string.match(old, '^(%d+);([%d,]*)$')
        floor = old_floor or '0'
        for xid in string.gmatch(old_xids or '', '%d+') do
            add(xid)
        end
    end
    for i = first, #args do
        add(args[i])
    end
    if #xids > MAX_FENCED then
        table.sort(xids, less)
        local sunk = #xids - MAX_FENCED / 2
        if less(floor, xids[sunk]) then
            floor = xids[sunk]
        end
        xids = { unpack(xids, sunk + 1) }
    end
    redis.call('SET', key, floor .. ';' .. table.concat(xids, ','), 'PX', ttl_ms)
end

-- Why these arguments cannot be a fence, or nil.
local function fence_fault(ttl_ms, args, first)
    if not ttl_ms or not string.match(ttl_ms, '^[1-9]%d*$') then
        return 'the life of a fence is a positive number of milliseconds'
    end
    if #args < first then
        return 'at least one transaction id is needed'
    end
    for i = first, #args do
        if not is_xid(args[i]) then
            return 'a transaction id is a decimal number of at most 20 digits'
        end
    end
    return nil
end

-- FCALL wc_invalidate 1 P KINDS FENCE_MS XID [XID ...] → bits of the kinds that existed.
-- KINDS: 1 health_summary, 2 records, 4 growth_chart, added up.
local function invalidate(keys, args)
    local prefix, kinds = keys[1], tonumber(args[1])
    local fault = fence_fault(args[2], args, 3)
    if not kinds or kinds < 0 or kinds > 7 or kinds % 1 ~= 0 then
        fault = 'kinds is a number from 0 to 7'
    end
    if fault then
        return redis.error_reply('ERR wc_invalidate: ' .. fault)
    end
    local existed = 0
    local function remove(kind, name)
        if bit.band(kinds, kind) ~= 0 then
            local key = prefix .. name
            existed = existed + redis.call('UNLINK', key) * kind
            redis.call('UNLINK', key .. ':lease')
        end
    end
    remove(SUMMARY, 'health_summary')
    remove(GROWTH, 'growth_chart')
    if bit.band(kinds, RECORDS) ~= 0 then
        local pages = prefix .. 'pages'
        local members = redis.call('SMEMBERS', pages)
        local removed = 0
        for _, key in ipairs(members) do
            -- A set written by hand could name any key: only pages of this student are taken from it.
            if string.sub(key, 1, #prefix + 8) == prefix .. 'records:' then
                removed = removed + redis.call('UNLINK', key)
                redis.call('UNLINK', key .. ':lease')
            end
        end
        redis.call('UNLINK', pages)
        if removed > 0 then
            existed = existed + RECORDS
        end
    end
    raise_fence(prefix .. 'fence', args[2], args, 3)
    return existed
end

-- FCALL wc_fence_all 1 wc:fence:all FENCE_MS XID [XID ...] → 1.  Deletes nothing: the worker then removes what is
-- cached in bounded steps, and what is filled meanwhile has passed this fence.
local function fence_all(keys, args)
    local fault = fence_fault(args[1], args, 2)
    if keys[1] ~= FENCE_ALL then
        fault = 'the key is ' .. FENCE_ALL
    end
    if fault then
        return redis.error_reply('ERR wc_fence_all: ' .. fault)
    end
    raise_fence(keys[1], args[1], args, 2)
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
    local snapshot = parse_snapshot(token)
    local epoch = parse_snapshot(redis.call('GET', EPOCH) or '')
    if not snapshot or not epoch or not covers(snapshot, epoch) or not allows(redis.call('GET', FENCE_ALL), snapshot) or
        not allows(redis.call('GET', prefix .. 'fence'), snapshot) then
        return 0
    end
    redis.call('SET', key, value, 'EX', ttl)
    if is_page then
        remember_page(prefix .. 'pages', key, ttl * 1000)
    end
    return 1
end

-- FCALL wc_open_epoch 1 wc:epoch OPENING SNAPSHOT OF → 1, or 0 where OPENING is not what wc:epoch:opening holds: fences
-- may have been lost between the worker's writing that and its taking the snapshot, so it begins again.  OF says of which
-- servers this is the epoch.
local function open_epoch(keys, args)
    local opening, token, servers = args[1], args[2], args[3]
    if keys[1] ~= EPOCH or #args ~= 3 or not parse_snapshot(token) then
        return redis.error_reply('ERR wc_open_epoch: the key ' .. EPOCH .. ', an opening, a snapshot and the servers are needed')
    end
    if redis.call('GET', EPOCH .. ':opening') ~= opening then
        return 0
    end
    redis.call('UNLINK', EPOCH .. ':opening')
    redis.call('SET', EPOCH .. ':of', servers)
    redis.call('SET', EPOCH, token)
    return 1
end

-- FCALL wc_get 1 KEY → the value or nil.
local function get(keys)
    return redis.call('GET', keys[1])
end

-- FCALL wc_lease 1 KEY MILLISECONDS → 1: load it, you are the one; 0: another is loading, look again shortly.
local function lease(keys, args)
    local ms = args[1]
    if not ms or not string.match(ms, '^[1-9]%d*$') then
        return redis.error_reply('ERR wc_lease: a positive number of milliseconds is needed')
    end
    if redis.call('SET', keys[1] .. ':lease', '1', 'NX', 'PX', ms) then
        return 1
    end
    return 0
end

redis.register_function('wc_invalidate', invalidate)
redis.register_function('wc_fence_all', fence_all)
redis.register_function('wc_open_epoch', open_epoch)
redis.register_function('wc_fill', fill)
redis.register_function { function_name = 'wc_get', callback = get, flags = { 'no-writes' } }
redis.register_function('wc_lease', lease)
