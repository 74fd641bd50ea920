-- The cache's liveness.
--
-- The worker renews wc:alive after each drain that found the queue's end, and it expires soon after the worker stops doing so.
-- Nothing is found without it.
--
-- It holds the run: which process of Redis wrote it, and since when that process has this library.  What a restarted Redis
-- found on its disk, and what a replica was sent, is of another run than the process's own, and wc_get finds nothing.  A client
-- asks wc_hello for the run on each new connection; on that connection `MGET wc:alive KEY` is then as good as wc_get, as long as
-- the first answer is that text.  Where the form of keys is the other one, or wc:alive excepts students, it holds another text,
-- so that such a client asks wc_get.
--
-- wc:seen is a snapshot: the worker has drained all that it sees.

-- Names this process and its time with this library; nil until the worker renews the liveness.
local run = nil

-- What wc:alive held when this process last wrote it.
local liveness_here = nil

-- Whether the servers for which wc:alive was written keep ids in braces, and the students that it excepts: prefix → true.
local is_tagged_here, excepted = false, {}

-- INFO is for the worker, who may call it.
local function name_run()
    local id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    return id .. '.' .. string.format('%.0f', now_us())
end

local function liveness_of(has_braces, excepts)
    return run .. (has_braces and ' tagged' or '') .. (excepts and ' but' or '')
end

-- FCALL wc_alive 1 wc:alive UNTIL_MS OF SEEN [P1 …] → 1, or 0 without an epoch.  The worker calls it after a drain that found the
-- queue's end; SEEN is the snapshot of that drain.  It excepts the students that it names by their prefixes.  Of other servers
-- than OF, what was cached is perhaps still to be swept.
local function renew_liveness(keys, args)
    local until_ms, servers, seen = args[1], args[2], args[3]
    if not is_name(keys[1], ALIVE) or #args < 3 or not is_life(until_ms) or not parse_snapshot(seen) then
        return redis.error_reply('ERR wc_alive: the key ' .. ALIVE .. ', a time in milliseconds, the servers and a snapshot are needed')
    end
    local left_ms = left_of(until_ms, servers)
    if not left_ms then
        return 0
    end
    run = run or name_run()
    is_tagged_here, excepted = is_tagged(servers), {}
    for i = 4, #args do
        excepted[args[i]] = true
    end
    liveness_here = liveness_of(is_tagged_here, next(excepted))
    redis.call('SET', SEEN, seen)
    redis.call('SET', ALIVE, liveness_here, 'PX', left_ms)
    return 1
end

-- FCALL wc_hello 1 KEY → what wc:alive holds as long as it covers all keys of the form that KEY has; nil: not known yet, ask
-- again later.  KEY is any that the client may read.  Nil in a cluster, where no MGET has both keys.
local function hello(keys)
    local prefix = prefix_of(keys[1])
    if not prefix then
        return no_key('wc_hello')
    end
    if tag ~= '' then
        return nil
    end
    return run and liveness_of(has_tag(prefix), false)
end

-- Whether wc:alive covers this key.
local function is_live(key)
    local may_have_tag = string.byte(key, 9) == 123
    if may_have_tag == is_tagged_here and not next(excepted) then
        return true
    end
    local prefix = prefix_of(key)
    return prefix and has_tag(prefix) == is_tagged_here and not excepted[prefix]
end
