"""The calls of the Redis function library, as commands for `execute_command` of a client or of a pipeline.

    client.execute_command(*library.get("student:ada:health_summary"))
"""

import re

from .ground import ROOT

PARTS = ROOT / "worker" / "redis" / "library"

# The positions of wc::cache::Kind as bits.
SUMMARY, RECORDS, GROWTH = 1, 2, 4

EPOCH = "wc:epoch"
EPOCH_OF = "wc:epoch:of"
OPENING = "wc:epoch:opening"
FENCE_ALL = "wc:fence:all"
ALIVE = "wc:alive"
CLOCK = "wc:clock"
HORIZON = "wc:horizon"
SEEN = "wc:seen"


def source():
    """The library as the worker has it: its parts, in the order of worker.mk."""
    order = re.search(r"^LIBRARY_PARTS = .*,([\w ]+)\)$", (ROOT / "worker/worker.mk").read_text(), re.M)[1].split()
    assert set(order) == {path.stem for path in PARTS.glob("*.lua")}, "worker.mk names other parts than there are"
    return "".join((PARTS / f"{part}.lua").read_text() + "\n" for part in order)


def load(text):
    return "FUNCTION", "LOAD", "REPLACE", text


# ---- for every client ----

def get(key, token=""):
    return "FCALL", "wc_get", 1, key, *([token] if token else [])


def hello(key):
    return "FCALL", "wc_hello", 1, key


def direct(key):
    """Without Lua: the value counts if the first answer is what hello said on this connection."""
    return "MGET", ALIVE, key


def fill(key, value, ttl_seconds, snapshot, function="wc_fill"):
    """snapshot: as wc_cache_entries returned it; None for a value that must not be cached."""
    return "FCALL", function, 1, key, value, ttl_seconds, snapshot or ""


def lease(key, milliseconds, token=""):
    return "FCALL", "wc_lease", 1, key, milliseconds, *([token] if token else [])


# ---- for the worker ----

def comma_separated(xids):
    return ",".join(map(str, xids))


def invalidate(fence_ms, *students, seen=None):
    """students: a (prefix, kinds, xids) for each.  seen: the snapshot of all that has been drained with this call."""
    prefixes = [prefix for prefix, _, _ in students]
    rest = [part for _, kinds, xids in students for part in (kinds, comma_separated(xids))]
    return "FCALL", "wc_invalidate", len(prefixes), *prefixes, fence_ms, *rest, *([seen] if seen else [])


def fence_all(fence_ms, xids):
    return "FCALL", "wc_fence_all", 1, FENCE_ALL, fence_ms, comma_separated(xids)


def open_epoch(opening, snapshot, servers, life_ms):
    return "FCALL", "wc_open_epoch", 1, EPOCH, opening, snapshot, servers, life_ms


def renew_liveness(until_ms, servers, seen):
    """until_ms: a time by Redis's clock.  seen: the snapshot of the drain."""
    return "FCALL", "wc_alive", 1, ALIVE, until_ms, servers, seen
