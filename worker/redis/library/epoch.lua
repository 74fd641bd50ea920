-- The epoch, the horizon and the clock: what holds when fences are lost or have run out.
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

-- FCALL wc_open_epoch 1 wc:epoch OPENING SNAPSHOT OF LIFE_MS → 1, or 0 where OPENING is not what wc:epoch:opening holds:
-- fences may have been lost between the worker's writing that and its taking the snapshot, so it begins again.  OF says of
-- which servers this is the epoch, LIFE_MS how long its fences live.
local function open_epoch(keys, args)
    local opening, token, servers, life = args[1], args[2], args[3], args[4]
    if not is_name(keys[1], EPOCH) or #args ~= 4 or not parse_snapshot(token) or not is_life(life) then
        return redis.error_reply('ERR wc_open_epoch: the key ' .. EPOCH .. ', an opening, a snapshot, the servers and the life of fences are needed')
    end
    if try('GET', EPOCH_OPENING) ~= opening then
        return 0
    end
    local xmax = parse_snapshot(token).xmax
    highest = highest and less(xmax, highest) and highest or xmax
    -- Until a drain has found the queue's end, wc_get finds nothing: what is cached may be of another epoch.
    redis.call('UNLINK', EPOCH_OPENING, ALIVE)
    redis.call('MSET', EPOCH_OF, servers, EPOCH_LIFE, life, EPOCH, token)
    redis.call('SET', HORIZON, token, 'PX', string.format('%.0f', math.max(1, math.floor(tonumber(life) * 3 / 4))))
    return 1
end

-- FCALL wc_note 1 wc:clock|wc:epoch:opening TEXT → 1.  SET, for the worker, also where memory is full.
local function note(keys, args)
    if not is_name(keys[1], CLOCK) and not is_name(keys[1], EPOCH_OPENING) or #args ~= 1 then
        return redis.error_reply('ERR wc_note: the key ' .. CLOCK .. ' or ' .. EPOCH_OPENING .. ' and a text are needed')
    end
    redis.call('SET', keys[1], args[1])
    return 1
end

-- The milliseconds that are left until a time by this clock.  A worker's call may arrive late, or the worker may be stopped
-- before it sends it, so the call names the time until which it holds, and its servers.  nil: the time is over, or the epoch is
-- of other servers.
local function left_of(until_ms, servers)
    local left_ms = tonumber(until_ms) - math.floor(now_us() / 1000)
    local held = redis.call('MGET', EPOCH, EPOCH_OF)
    if left_ms <= 0 or not held[1] or held[2] ~= servers then
        return nil
    end
    return string.format('%.0f', left_ms)
end

-- FCALL wc_advance 1 wc:horizon SNAPSHOT UNTIL_MS LIFE_MS OF → 1, or 0 where it comes too late, or fences have another life.  In a
-- cluster also where the horizon would go back: for a slot that came to the shard it stands in the place of fences.  For the worker:
-- UNTIL_MS is three quarters of LIFE_MS after the snapshot was taken.
local function advance(keys, args)
    local token, until_ms, life, servers = args[1], args[2], args[3], args[4]
    if not is_name(keys[1], HORIZON) or #args ~= 4 or not parse_snapshot(token) or not is_life(until_ms) or not is_life(life) then
        return redis.error_reply('ERR wc_advance: the key ' .. HORIZON .. ', a snapshot, a time, the life of fences and the servers are needed')
    end
    local left_ms = left_of(until_ms, servers)
    if not left_ms or redis.call('MGET', EPOCH_LIFE)[1] ~= life then
        return 0
    end
    local held = tag ~= '' and parse_snapshot(redis.call('MGET', HORIZON)[1] or '')
    if held and not covers(parse_snapshot(token), held) then
        return 0
    end
    redis.call('SET', HORIZON, token, 'PX', left_ms)
    return 1
end
