"""The calls of the Redis function library, as commands for `execute_command` of a client or of a pipeline.

    client.execute_command(*library.get("student:ada:health_summary"))
"""

from .ground import ROOT

SOURCE = ROOT / "worker" / "redis" / "white_cross.lua"

# The positions of wc::cache::Kind as bits.
SUMMARY, RECORDS, GROWTH = 1, 2, 4

EPOCH = "wc:epoch"
EPOCH_OF = "wc:epoch:of"
OPENING = "wc:epoch:opening"
FENCE_ALL = "wc:fence:all"
ALIVE = "wc:alive"
CLOCK = "wc:clock"
HORIZON = "wc:horizon"


def load(text):
    return "FUNCTION", "LOAD", "REPLACE", text


# ---- for every client ----

def get(key):
    return "FCALL", "wc_get", 1, key


def fill(key, value, ttl_seconds, snapshot, function="wc_fill"):
    """snapshot as wc_cache_entries gave it: None where the value must not be cached."""
    return "FCALL", function, 1, key, value, ttl_seconds, snapshot or ""


def lease(key, milliseconds):
    return "FCALL", "wc_lease", 1, key, milliseconds


# ---- for the worker ----

def comma_separated(xids):
    return ",".join(map(str, xids))


def invalidate(fence_ms, *students):
    """students: (prefix, kinds, xids) each."""
    prefixes = [prefix for prefix, _, _ in students]
    rest = [part for _, kinds, xids in students for part in (kinds, comma_separated(xids))]
    return "FCALL", "wc_invalidate", len(prefixes), *prefixes, fence_ms, *rest


def fence_all(fence_ms, xids):
    return "FCALL", "wc_fence_all", 1, FENCE_ALL, fence_ms, comma_separated(xids)


def open_epoch(opening, snapshot, servers, life_ms):
    return "FCALL", "wc_open_epoch", 1, EPOCH, opening, snapshot, servers, life_ms


def alive(until_ms, servers):
    """until_ms: by Redis's clock."""
    return "FCALL", "wc_alive", 1, ALIVE, until_ms, servers
