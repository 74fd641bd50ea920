-- Snapshots of PostgreSQL, and the ids of its transactions.
--
-- Transaction ids have 64 bits and Lua's numbers 53: they are compared as text, first by length, then by digits.

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

-- 'XID.SYSTEM.TIMELINE.LIFE', what wc_write_token gives → table, or nil if it is anything else.
local function parse_write_token(text)
    local xid, server = string.match(text, '^(%d+)%.(%d+%.%d+%.%d+)$')
    if not xid or not is_xid(xid) then
        return nil
    end
    return { xid = xid, origin = '#' .. server }
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
