-- What an invalidation leaves behind.
--
-- A fence is the text `FLOOR;XID,XID,...`: only snapshots that see each XID, and whose xmin is above FLOOR, may fill.
-- The floor and its `;` may be missing, ids stand there more than once and in any order: a change is one APPEND.  When the
-- text has grown too long, all but the latest ids sink into the floor, which refuses a little more than needed and
-- never less.

local MAX_FENCE_BYTES = 512
local IDS_KEPT = 16

-- Not less than any id that was fenced in this epoch; nil: unknown, as the library was loaded since its beginning.
local highest = nil

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

-- What stands in the place of a fence that is lost: only what has seen all that it can have held may be stored.
local function lost_fence()
    return (highest or LARGEST_XID) .. ';'
end

-- Lets all but the latest ids of a fence sink into its floor.
local function shorten_fence(key)
    local floor, text = parse_fence(redis.call('GET', key))
    if not text then
        redis.call('SET', key, lost_fence(), 'KEEPTTL')
        return
    end
    local known, xids = {}, {}
    for xid in string.gmatch(text, '%d+') do
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

local function note_highest(text)
    if highest and not string.find(text, ',', 1, true) then
        highest = less(highest, text) and text or highest
    elseif highest then
        for xid in string.gmatch(text, '%d+') do
            if less(highest, xid) then
                highest = xid
            end
        end
    end
end

-- Adds the ids of a text, `XID,XID,...`, to the fence under `key` and starts its life anew → whether a misfit stood there.
local function raise_fence(key, ttl_ms, text)
    note_highest(text)
    local length = try('APPEND', key, ',' .. text)
    if not length then
        redis.call('UNLINK', key)
        redis.call('SET', key, lost_fence() .. text, 'PX', ttl_ms)
        return true
    end
    if length == #text + 1 then
        redis.call('PEXPIRE', key, ttl_ms)
    -- A worker that was told of a shorter life must not cut this one.  One without an end is none of ours.
    elseif redis.call('PEXPIRE', key, ttl_ms, 'GT') == 0 and redis.call('PTTL', key) == -1 then
        redis.call('PEXPIRE', key, ttl_ms)
    end
    if length > MAX_FENCE_BYTES then
        shorten_fence(key)
    end
    return false
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

-- FCALL wc_fence_all 1 wc:fence:all FENCE_MS XIDS → 1, or 2 where something else than a fence stood there.  Deletes nothing: the
-- worker then removes what is cached in bounded steps, and what is filled meanwhile has passed this fence.
local function fence_all(keys, args)
    if not is_name(keys[1], FENCE_ALL) or #args ~= 2 or not is_life(args[1]) or not are_xids(args[2]) then
        return redis.error_reply('ERR wc_fence_all: the key ' .. FENCE_ALL .. ', a life in milliseconds and transaction ids are needed')
    end
    -- It is everybody's fence: what cannot be read would keep all values out.
    local held = try('GET', FENCE_ALL)
    if held and not select(2, parse_fence(held)) then
        redis.call('SET', FENCE_ALL, lost_fence(), 'PX', args[1])
        raise_fence(FENCE_ALL, args[1], args[2])
        return 2
    end
    return raise_fence(FENCE_ALL, args[1], args[2]) and 2 or 1
end
