-- The removal of what a change made stale.

-- Pages that one call removes at most: Redis serves nobody else meanwhile, some milliseconds.
local PAGES_A_CALL = 2000

-- Removes pages of one student, at most `most` → bits, how many there were to look at.  Pages that are left are those that the
-- next call finds.  What goes with them is added to `also`.
local function remove_pages(prefix, most, also)
    local pages = prefix .. 'pages'
    if most < 1 then
        return MORE_PAGES, 0
    end
    -- All of them, where there are no more.
    local found = try('SRANDMEMBER', pages, most)
    if not found then
        also[#also + 1] = pages
        return LOST_PAGES, 0
    end
    local known = {}
    for _, key in ipairs(found) do
        -- A set written by hand could name any key: only pages of this student are taken from it.
        if string.sub(key, 1, #prefix + 8) == prefix .. 'records:' then
            known[#known + 1] = key
            also[#also + 1] = key .. ':lease'
        end
    end
    local bits = 0
    if #known > 0 and redis.call('UNLINK', unpack(known)) > 0 then
        bits = RECORDS
    end
    if #found < most then
        also[#also + 1] = pages
    else
        redis.call('SREM', pages, unpack(found))
        bits = bits + MORE_PAGES
    end
    return bits, #found
end

-- Keys that one command takes: Lua hands over no more than some thousands.
local KEYS_A_COMMAND = 4000

-- Removes keys in few commands, for callers that do not ask whether they existed.
local function unlink_all(names)
    for i = 1, #names, KEYS_A_COMMAND do
        redis.call('UNLINK', unpack(names, i, math.min(i + KEYS_A_COMMAND - 1, #names)))
    end
end

-- Removes what is stale of one student → bits of the kinds that existed, and what remove_pages says.  `is_cached`: false where none
-- of its single values exists.  What goes with them is added to `also`.
local function remove_kinds(prefix, kinds, is_cached, most_pages, also)
    local existed, pages = 0, 0
    local function remove(kind, name)
        if bit.band(kinds, kind) ~= 0 then
            local key = prefix .. name
            if is_cached then
                existed = existed + redis.call('UNLINK', key) * kind
            end
            also[#also + 1] = key .. ':lease'
        end
    end
    remove(SUMMARY, 'health_summary')
    remove(GROWTH, 'growth_chart')
    if bit.band(kinds, RECORDS) ~= 0 then
        local bits
        bits, pages = remove_pages(prefix, most_pages, also)
        existed = existed + bits
    end
    return existed, pages
end

-- Students for which one command first asks whether anything is cached.  For fewer it would cost more than it spares.
local ASK_FROM = 8

-- Whether a single value of any of these students exists.
local function is_any_cached(keys, args)
    if #keys < ASK_FROM then
        return true
    end
    local names = {}
    for i, prefix in ipairs(keys) do
        local function remember(kind, name)
            if bit.band(tonumber(args[2 * i]), kind) ~= 0 then
                names[#names + 1] = prefix .. name
            end
        end
        remember(SUMMARY, 'health_summary')
        remember(GROWTH, 'growth_chart')
        if #names >= KEYS_A_COMMAND then
            return true
        end
    end
    return #names > 0 and redis.call('EXISTS', unpack(names)) > 0
end

-- FCALL wc_invalidate N P1 … PN FENCE_MS KINDS1 XIDS1 … KINDSN XIDSN [SEEN] → for each the bits of the kinds that existed, and of what
-- is to be known beside: 8 a misfit stood where its fence or its pages belong; 16 which pages it has is lost, they are to be looked
-- for; 32 it has more pages than one call removes: once more.
-- KINDS: 1 health_summary, 2 records, 4 growth_chart, added up; and 8: its fence and its pages count as misfits, whatever they are.
-- XIDS: `XID,XID,...`; empty where wc:fence:all has them.
-- SEEN: a snapshot; with this call the worker has drained all that it sees.  It is not noted where an answer leaves something to do.
local function invalidate(keys, args)
    local ttl_ms = args[1]
    if not is_life(ttl_ms) then
        return redis.error_reply('ERR wc_invalidate: the life of a fence is a positive number of milliseconds')
    end
    local seen = #args == 2 + 2 * #keys and args[#args] or nil
    if #keys == 0 or #args ~= 1 + 2 * #keys and not seen then
        return redis.error_reply('ERR wc_invalidate: kinds and transaction ids are needed for each key')
    end
    if seen and not parse_snapshot(seen) then
        return redis.error_reply('ERR wc_invalidate: what the worker has drained is a snapshot')
    end
    for i = 1, #keys do
        -- All names are made from it: from another text they would be names of somebody else's keys.
        if not string.match(keys[i], '^student:.*:$') then
            return redis.error_reply('ERR wc_invalidate: a key is what the keys of a student begin with, student:ID:')
        end
        if not string.match(args[2 * i], '^1?%d$') or tonumber(args[2 * i]) > 15 then
            return redis.error_reply('ERR wc_invalidate: kinds is a number from 0 to 15')
        end
        if args[2 * i + 1] ~= '' and not are_xids(args[2 * i + 1]) then
            return redis.error_reply('ERR wc_invalidate: transaction ids are decimal numbers of at most 20 digits, with commas between')
        end
    end
    local existed = {}
    local most_pages = PAGES_A_CALL
    local also = {}
    local is_cached = is_any_cached(keys, args)
    for i, prefix in ipairs(keys) do
        local kinds = tonumber(args[2 * i])
        local is_misfit = bit.band(kinds, WAS_MISFIT) ~= 0
        if is_misfit then
            redis.call('UNLINK', prefix .. 'pages')
            redis.call('SET', prefix .. 'fence', lost_fence(), 'PX', ttl_ms)
        end
        local bits, pages = remove_kinds(prefix, kinds, is_cached, most_pages, also)
        most_pages = most_pages - pages
        bits = is_misfit and bit.bor(bits, LOST_PAGES) or bits
        existed[i] = bits
    end
    unlink_all(also)
    local is_done = true
    for i, prefix in ipairs(keys) do
        local is_misfit = bit.band(existed[i], LOST_PAGES) ~= 0
        if args[2 * i + 1] ~= '' then
            is_misfit = raise_fence(prefix .. 'fence', ttl_ms, args[2 * i + 1]) or is_misfit
        end
        existed[i] = existed[i] + (is_misfit and WAS_MISFIT or 0)
        is_done = is_done and existed[i] < WAS_MISFIT
    end
    if seen and is_done then
        redis.call('SET', SEEN, seen)
    end
    return existed
end
