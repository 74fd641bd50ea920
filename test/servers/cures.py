"""The Redis library, or the extension, without one of its cures.  Tests with it must find a stale value: if they find
none, they cannot see the fault that the cure prevents.

Each cure is a list of (text of the source, replacement without the cure).  It is an error if the text does not occur
exactly once, so that no test runs with a library that still has the cure.
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
    "fence with the removal": [("raise_fence(prefix .. 'fence', ttl_ms, args[2 * i + 1]) or is_misfit", "is_misfit")],
    "removal": [("local bits, pages = remove_kinds(prefix, kinds, is_cached, most_pages, also)", "local bits, pages = 0, 0")],
    "opening": [("if try('GET', EPOCH_OPENING) ~= opening then", "if false then")],
    "no liveness for a new epoch": [("redis.call('UNLINK', EPOCH_OPENING, ALIVE)", "redis.call('UNLINK', EPOCH_OPENING)")],
    "liveness for these servers": [("held[2] ~= servers", "false")],
    # what wc_get asks for
    "liveness": [("liveness_here and found[1] == liveness_here and", "")],
    "liveness of this process": [("liveness_here and found[1] == liveness_here and", "found[1] and")],
    # what a client without Lua compares with
    "name of the run": [("run = run or name_run()", "run = 'one and the same'"), ("return run and liveness", "run = 'one and the same'\n    return liveness")],
    # what a reader with the token of a write asks for
    "token of a write": [("(not write or was_drained(write, found[3])) and ", "")],
    "life of a token": [("snapshot.origin == write.origin and ", "")],
}


# What the torture's readers leave out.
READER_CURES = ("tokens of readers", "run of the connection")

# The extension without one of its cures: the statement that takes it out in the database.
DATABASE_CURES = {
    "triggers on children": """CREATE OR REPLACE FUNCTION white_cross.reached(attached oid, OUT relation oid, OUT depth integer, OUT kind "char")
        RETURNS SETOF record LANGUAGE sql STABLE
        BEGIN ATOMIC SELECT c.oid, 0, c.relkind FROM pg_class AS c WHERE c.oid = attached; END""",
    "triggers on what is made": """CREATE OR REPLACE FUNCTION white_cross.watch_attached() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS 'BEGIN END'""",
    "the event trigger of DDL": "ALTER EVENT TRIGGER white_cross_ddl DISABLE",
    "the event trigger of DROP": "ALTER EVENT TRIGGER white_cross_drop DISABLE",
}


def without(*names):
    """Returns the library's source without these cures."""
    source = library.source()
    for name in names:
        for said, instead in CURES[name]:
            if source.count(said) != 1:
                raise ValueError(f"the library says {source.count(said)} times, and not once: {said}")
            source = source.replace(said, instead)
    return source


def beside(source, suffix="_without"):
    """Returns the source as a second library, for a Redis that also has the worker's own; its functions are
    wc_fill_without, …"""
    return re.sub(r"'(wc_[a-z_]+)'", rf"'\1{suffix}'", source.replace("name=white_cross", f"name=white_cross{suffix}", 1))
