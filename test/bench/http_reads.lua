-- For wrk: WAY, STUDENTS, FIRST and SHARE of the environment.  Each request asks for a student at random among those that have been
-- read; SHARE of them ask for the next one that has not, so that this share misses, whatever the way.
local way, students, first, share = os.getenv('WAY'), tonumber(os.getenv('STUDENTS')), tonumber(os.getenv('FIRST')), tonumber(os.getenv('SHARE'))
local known = first

function init()
    math.randomseed(os.getenv('SEED'))
end

function request()
    local n
    if share > 0 and known < students and math.random() < share then
        known = known + 1
        n = known
    else
        n = math.random(known)
    end
    return wrk.format('GET', '/' .. way .. '/' .. string.format('c%024d', n))
end

function done(summary, latency)
    io.write(string.format('FOUND %d %d %d %d %d %d %d\n', summary.requests, summary.duration, latency:percentile(50), latency:percentile(95),
        latency:percentile(99), summary.errors.timeout, summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.connect))
end
