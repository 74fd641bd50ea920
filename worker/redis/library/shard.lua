-- A shard of a Redis Cluster.
--
-- A function reaches only the slots of its own node.  So the names that all students share exist once in each shard, and end in
-- `:{TAG}`, with a TAG whose slot is of this shard.  Only the worker knows one: its calls bring it, and this process remembers it.
-- A process that no worker has called yet knows none, and neither stores nor finds anything.
--
-- A command takes keys of one slot alone, also within a function, and none at all of a slot that is elsewhere or on its way.
--
-- A slot that came to this shard has values and lacks fences: nothing is stored or found in it until the worker covers it.

-- What the shared names end in; empty outside of a cluster.
local tag = ''

-- The slots that the worker covers: slot → true, as the text says; and the servers and the number of the call that said so.
local covered, covered_text, covered_of, covered_number = {}, '', '', '0'

-- Whether `key` is the shared name `name`, with whatever tag.  The names then have that tag.
local function is_name(key, name)
    if key == name then
        return true
    end
    local base = string.sub(name, 1, #name - #tag)
    local ending = key and string.sub(key, 1, #base) == base and string.sub(key, #base + 1)
    if not ending or ending ~= '' and not string.match(ending, '^:{%d+}$') then
        return false
    end
    tag = ending
    FENCE_ALL, EPOCH, EPOCH_OF, EPOCH_LIFE = 'wc:fence:all' .. tag, 'wc:epoch' .. tag, 'wc:epoch:of' .. tag, 'wc:epoch:life' .. tag
    EPOCH_OPENING, HORIZON, CLOCK = 'wc:epoch:opening' .. tag, 'wc:horizon' .. tag, 'wc:clock' .. tag
    ALIVE, SEEN = 'wc:alive' .. tag, 'wc:seen' .. tag
    return true
end

-- The answer to a command, or nil where its keys are not of one slot that is here.
local function here(...)
    local answer = redis.pcall(...)
    if type(answer) == 'table' and answer.err then
        if string.find(answer.err, 'non local key', 1, true) or string.find(answer.err, 'hash to the same slot', 1, true) then
            return nil
        end
        error(answer)
    end
    return answer
end

-- Whether a text is of slots, as the worker writes them.  A number beyond the last slot would keep Redis busy for longer than anybody waits.
local function are_slots(text)
    for range in string.gmatch(text, '[^,]+') do
        local first, last = string.match(range, '^(%d+)-?(%d*)$')
        if not first or #first > 5 or #last > 5 or tonumber(first) > 16383 or (tonumber(last) or 0) > 16383 then
            return false
        end
    end
    return true
end

-- FCALL wc_cover 1 wc:alive:{TAG} NUMBER OF SLOTS → 1, or 0 where the epoch is of other servers, or a call with a larger number was
-- here, as of a worker that was stopped for a while.  SLOTS: `FIRST-LAST,SLOT,…`; all others are no longer covered.
local function cover(keys, args)
    local number, servers, slots = args[1], args[2], args[3]
    if #args ~= 3 or not is_xid(number) or not are_slots(slots) or not is_name(keys[1], ALIVE) or tag == '' then
        return redis.error_reply('ERR wc_cover: the key ' .. ALIVE .. ' with the tag of a shard, a number, the servers and slots are needed')
    end
    if redis.call('MGET', EPOCH_OF)[1] ~= servers or servers == covered_of and less(number, covered_number) then
        return 0
    end
    covered_of, covered_number = servers, number
    if slots ~= covered_text then
        covered, covered_text = {}, slots
        for range in string.gmatch(slots, '[^,]+') do
            local first, last = string.match(range, '^(%d+)-?(%d*)$')
            for slot = tonumber(first), tonumber(last) or tonumber(first) do
                covered[slot] = true
            end
        end
    end
    return 1
end

-- Whether the worker covers the slot of this key.  Keys of an id that is empty or begins with a brace are not all in one slot.
local function is_covered(key)
    return tag == '' or string.sub(key, 9, 10) ~= '{}' and covered[redis.call('CLUSTER', 'KEYSLOT', key)] == true
end
