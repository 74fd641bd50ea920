"""The library without one of its cures, for tests that must then find something stale.  No setting does this.

Each cure is a list of (what the source says, what it says without the cure); a text that is not there once is an error,
so that no test goes on with a library that still has the cure.
"""

import re

from . import library

CURES = {
    "fences": [("not allows(held[4], snapshot)", "false"), ("not allows(held[5], snapshot)", "false")],
    "fence of a student": [("not allows(held[5], snapshot)", "false")],
    "fence of all": [("not allows(held[4], snapshot)", "false")],
    "life of the server": [("not is_of_one_life(snapshot, epoch)", "false")],
    "age": [("not is_young(snapshot, held[2], held[3])", "false")],
    "horizon": [("not covers(snapshot, horizon)", "false")],
    # how ids and snapshots are read
    "ids by length": [("    if #a ~= #b then\n        return #a < #b\n    end\n", "")],
    "xmin": [("    if less(xid, snapshot.xmin) then\n        return true\n    end\n", "    if not less(snapshot.xmin, xid) then\n        return true\n    end\n")],
    "xmax": [("return less(xid, snapshot.xmax) and not", "return not")],
    "list of those in progress": [("return less(xid, snapshot.xmax) and not string.find(snapshot.in_progress, ',' .. xid .. ',', 1, true)",
                                   "return less(xid, snapshot.xmax)")],
    "xmax of the horizon": [("    if less(snapshot.xmax, other.xmax) then\n        return false\n    end\n", "")],
    "those whom the horizon has seen": [("if less(xid, other.xmax) and not string.find(other", "if false and not string.find(other")],
    # what the worker's calls do
    "fence with the removal": [("raise_fence(prefix .. 'fence', ttl_ms, args[2 * i + 1])", "")],
    "removal": [("existed[i] = remove_kinds(prefix, tonumber(args[2 * i]))", "existed[i] = 0")],
    "opening": [("if redis.call('GET', EPOCH_OPENING) ~= opening then", "if false then")],
    "no word for a new epoch": [("redis.call('UNLINK', EPOCH_OPENING, ALIVE)", "redis.call('UNLINK', EPOCH_OPENING)")],
    "word for these servers": [("redis.call('GET', EPOCH_OF) ~= servers", "false")],
    # what wc_get asks for
    "word": [("if not alive_here or found[1] ~= alive_here then", "if false then")],
    "word of this process": [("if not alive_here or found[1] ~= alive_here then", "if not found[1] then")],
}


def without(*names):
    """The library's source."""
    source = library.SOURCE.read_text()
    for name in names:
        for said, instead in CURES[name]:
            if source.count(said) != 1:
                raise ValueError(f"white_cross.lua says {source.count(said)} times, and not once: {said}")
            source = source.replace(said, instead)
    return source


def beside(source, suffix="_without"):
    """The same as a second library, which stands in Redis beside the worker's own: its functions are wc_fill_without, …"""
    return re.sub(r"'(wc_[a-z_]+)'", rf"'\1{suffix}'", source.replace("name=white_cross", f"name=white_cross{suffix}", 1))
