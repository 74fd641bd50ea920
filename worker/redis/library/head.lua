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
-- Where keys name students by opaque ids, the servers of the epoch have ` opaque:` and the fingerprints of the secrets, and a value
-- comes with a token that ends with the fingerprint of one and the opaque id: under other keys nothing is stored.
--
-- Keys of a student share the prefix P, `student:ID:`, or `student:{ID}:` in an epoch whose servers end in ` tagged`; a key of
-- the other form is one that no invalidation reaches, so it is neither filled nor found.
--   P health_summary, P growth_chart, P records:PAGE:LIMIT:FILTERS    values, plain JSON
--   P pages                                                           set of the records keys that were filled
--   P fence                                                           see below
--   KEY :lease                                                        held by whoever loads KEY
--   KEY :filling                                                      a value on its way to KEY, inside wc_fill alone
-- and wc:fence:all is a fence for every student.  It is one key for the whole keyspace; in a Redis Cluster it exists once in
-- each shard, as all names do that students share.

-- Anybody may have put something else under a name of ours.  A key of another type (a misfit) is removed by the call that needs
-- its name, and the caller is told.  What it was put over is lost: a fence begins anew with a floor above all ids that were
-- fenced in this epoch, and of pages that nobody remembers the worker is told to look for them.

local FENCE_ALL = 'wc:fence:all'
local EPOCH = 'wc:epoch'
local EPOCH_OF = 'wc:epoch:of'
local EPOCH_LIFE = 'wc:epoch:life'
local EPOCH_OPENING = 'wc:epoch:opening'
local HORIZON = 'wc:horizon'
local CLOCK = 'wc:clock'
local ALIVE = 'wc:alive'
local SEEN = 'wc:seen'

-- No transaction has a larger id.
local LARGEST_XID = '18446744073709551615'

-- The positions of wc::cache::Kind as bits.
local SUMMARY, RECORDS, GROWTH = 1, 2, 4

-- What wc_invalidate answers beside them.
local WAS_MISFIT, LOST_PAGES, MORE_PAGES = 8, 16, 32

-- The answer to a command, or nil where its key is a misfit.
local function try(...)
    local answer = redis.pcall(...)
    if type(answer) == 'table' and answer.err then
        if string.find(answer.err, 'WRONGTYPE', 1, true) then
            return nil
        end
        error(answer)
    end
    return answer
end

local function now_us()
    local now = redis.call('TIME')
    return now[1] * 1000000 + now[2]
end

-- Whether a text is a positive number of milliseconds that Redis takes: a longer one it would refuse in the middle of a function,
-- which has done a part of its work by then.
local function is_life(ttl_ms)
    return ttl_ms ~= nil and #ttl_ms <= 15 and string.match(ttl_ms, '^[1-9]%d*$') ~= nil
end
