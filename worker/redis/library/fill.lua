-- The way of a value into the cache.

-- Whether every fence that the value could have to meet still stands.
local function is_young(snapshot, life_ms, ahead_us)
    local life, ahead = tonumber(life_ms or ''), tonumber(ahead_us or '')
    if not life or not ahead then
        return false
    end
    -- A start that lies in the future says that the clocks are not what wc:clock says.
    return math.abs(now_us() + ahead - snapshot.started) <= life * 1000 / 2
end

-- Remembers a page under the student, for as long as any of them lives.  The set would keep the names of pages that
-- expired: each fill of a student with many looks at a few others and drops those that are gone.
-- false: a misfit stands there, and the page would be forgotten.
local function remember_page(pages, key, ttl_ms)
    if not try('SADD', pages, key) then
        return false
    end
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
    return true
end

-- What stands under the shared names and under that of the student's fence; nil in a slot that is not, or not wholly, here.
local function held_for(fence)
    if tag == '' then
        return here('MGET', EPOCH, EPOCH_LIFE, CLOCK, FENCE_ALL, fence, HORIZON, EPOCH_OF)
    end
    local held, own = here('MGET', EPOCH, EPOCH_LIFE, CLOCK, FENCE_ALL, FENCE_ALL, HORIZON, EPOCH_OF), here('MGET', fence)
    if held and own then
        held[5] = own[1]
        return held
    end
end

-- FCALL wc_fill 1 KEY VALUE TTL_SECONDS SNAPSHOT → 1 stored, 0 refused.  SNAPSHOT is the whole token of wc_cache_entries.
local function fill(keys, args)
    local key, value, ttl, token = keys[1], args[1], args[2], args[3]
    local prefix, is_page = prefix_of(key)
    if not prefix then
        return no_key('wc_fill')
    end
    if not value or not token or #args ~= 3 then
        return redis.error_reply('ERR wc_fill: value, ttl in seconds and snapshot are needed')
    end
    -- Three more digits, and milliseconds would be written in another form.
    if not is_life(ttl) or #ttl > 10 then
        return redis.error_reply('ERR wc_fill: the ttl is a positive number of seconds')
    end
    -- Whatever happens, this loader is done: the next one need not wait for its lease to run out.
    here('UNLINK', key .. ':lease')
    local fence = prefix .. 'fence'
    local held = is_covered(key) and held_for(fence)
    if not held then
        return 0
    end
    if held[7] and is_tagged(held[7]) ~= has_tag(prefix) then
        return redis.error_reply('ERR wc_fill: nothing would remove this key: the braces of student:{ID}: belong to redis.cluster_keys = ' ..
            'true of the worker and white_cross.cluster_keys = on of the database, which must agree')
    end
    local read, mark = string.match(token, '^([^/]*)/?(.*)$')
    -- No error: while settings change, a value may come with a key of before.
    if held[7] and not is_removed(prefix, mark, held[7]) then
        return 0
    end
    local snapshot = parse_snapshot(read)
    local epoch = parse_snapshot(held[1] or '')
    local horizon = parse_snapshot(held[6] or '')
    if not snapshot or not epoch or not horizon or not is_of_one_life(snapshot, epoch) or
        not covers(snapshot, horizon) or not is_young(snapshot, held[2], held[3]) or not allows(held[4], snapshot) or not allows(held[5], snapshot) then
        return 0
    end
    -- To MGET a fence of another type is none.
    if not held[4] and redis.call('EXISTS', FENCE_ALL) == 1 or not held[5] and redis.call('EXISTS', fence) == 1 then
        return 0
    end
    -- Remembered before it is there.
    if is_page and not remember_page(prefix .. 'pages', key, ttl * 1000) then
        return 0
    end
    -- Not SET KEY: what a function does is checked against its caller's rights, and this one is called by users who
    -- shall not SET a student's keys.  They may SET what is being filled, and RENAME that alone (config/users.acl).
    redis.call('SET', key .. ':filling', value, 'EX', ttl)
    redis.call('RENAME', key .. ':filling', key)
    return 1
end
