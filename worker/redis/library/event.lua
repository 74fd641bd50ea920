-- The stream of events: what changed, for others.

-- An id as PostgreSQL gives it, and a time as RFC 3339 has it, in UTC.
local function is_event(sections, xid, time)
    return string.match(sections, '^[a-z_,]+$') and string.match(xid, '^%d+$') and string.match(time, '^[%d-]+T[%d:.]+Z$')
end

-- FCALL wc_append 1 STREAM MOST STUDENT1 SECTIONS1 XID1 TIME1 ... → how many were appended: all of them, or none where Redis refuses
-- the call or its first entry.  The stream keeps about MOST entries, the newest.
local function append_events(keys, args)
    if #keys ~= 1 or #args < 5 or #args % 4 ~= 1 then
        return redis.error_reply('ERR wc_append: a stream, its length, and four texts for each event are needed')
    end
    if not string.match(args[1], '^[1-9]%d*$') or #args[1] > 15 then
        return redis.error_reply('ERR wc_append: the length of a stream is a positive number')
    end
    for i = 2, #args, 4 do
        if not is_event(args[i + 1], args[i + 2], args[i + 3]) then
            return redis.error_reply('ERR wc_append: an event has sections, a transaction id and a time')
        end
    end
    for i = 2, #args, 4 do
        redis.call('XADD', keys[1], 'MAXLEN', '~', args[1], '*', 'student', args[i], 'sections', args[i + 1], 'xid', args[i + 2], 'time', args[i + 3])
    end
    return (#args - 1) / 4
end
