-- The names of keys.

-- Where `:records:PAGE:LIMIT:` of a page stands in its key.  Both the id and the filters may hold `:records:N:N:` themselves.  Filters are
-- JSON, and what follows it inside of JSON is none: it stands in a string there, and the quotation marks after it are odd in number.
local function filters_of(key)
    local found, filters, from = {}, {}, 1
    while true do
        local first, last = string.find(key, ':records:%d+:%d+:', from)
        if not first then
            break
        end
        found[#found + 1] = first
        filters[#found] = string.sub(key, last + 1)
        from = first + 1
    end
    if #found <= 1 then
        return found[1]
    end
    local decoded = {}
    for i, place in ipairs(found) do
        if pcall(cjson.decode, filters[i]) then
            decoded[#decoded + 1] = place
        end
    end
    return #decoded == 1 and decoded[1] or nil
end

local OURS_BESIDE = { fence = true, pages = true, lease = true, filling = true }

-- 'student:ID:records:1:20:{}' → 'student:ID:', true; nil for what is no value of a student's.  An id may be anything, also empty.
-- The end of the name comes first: no filters end in a word that follows a colon.
local function prefix_of(key)
    key = key or ''
    local prefix, name = string.match(key, '^(student:.*:)([a-z_]*)$')
    if name == 'health_summary' or name == 'growth_chart' then
        return prefix, false
    end
    if OURS_BESIDE[name] or string.sub(key, 1, 8) ~= 'student:' then
        return nil
    end
    local place = filters_of(string.sub(key, 9))
    if not place then
        return nil
    end
    return string.sub(key, 1, 8 + place), true
end

local function no_key(name)
    return redis.error_reply('ERR ' .. name .. ': not a key of a student: the name ends in health_summary, growth_chart or records:PAGE:LIMIT:FILTERS')
end

local function is_tagged(servers)
    return string.sub(servers, -7) == ' tagged'
end

-- The fingerprints of the secrets whose keys the worker removes, with commas between; nil: keys have ids as they are.
local function secrets_of(servers)
    return string.match(servers, ' opaque:([%w_,-]+)')
end

-- Whether a change would remove this key.  MARK: what the token of the value says of its key, FINGERPRINT:OPAQUE_ID, or an empty text.
local function is_removed(prefix, mark, servers)
    local secrets = secrets_of(servers)
    if not secrets then
        return mark == ''
    end
    local secret, id = string.match(mark, '^([%w_-]+):([%w_-]+)$')
    return secret and string.find(',' .. secrets .. ',', ',' .. secret .. ',', 1, true) and
        (prefix == 'student:' .. id .. ':' or prefix == 'student:{' .. id .. '}:')
end

local function has_tag(prefix)
    return string.match(prefix, '^student:{.*}:$') ~= nil
end
