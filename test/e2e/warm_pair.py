"""Compares a call that may be served from shared memory with one that may not."""

import psycopg

UNCACHED = "SET white_cross.summary_cache = off"
CACHED = "SET white_cross.summary_cache = on"
PRELOADED = {"shared_preload_libraries": "$libdir/white_cross"}


class Counts:
    """The differences of wc_stat_cache since the last look."""

    def __init__(self, connection):
        self.connection = connection
        self.last = self._look()

    def _look(self):
        found = self.connection.execute("SELECT hits, misses, refused, fills, bypassed_by_reason FROM wc_stat_cache").fetchone()
        hits, misses, refused, fills, reasons = found
        return {"hits": hits, "misses": misses, "refused": refused, "fills": fills} | reasons

    def since(self):
        """Returns only the counts that are not 0."""
        now = self._look()
        grown = {name: now[name] - self.last[name] for name in now if now[name] != self.last[name]}
        self.last = now
        return grown


def outcome(connection, call):
    """All rows as text, or the SQLSTATE."""
    try:
        return connection.execute(f"SELECT r::text FROM {call} AS r").fetchall()
    except psycopg.Error as error:
        assert error.sqlstate, error
        return error.sqlstate


def same(connection, call, counts):
    """Calls without the cache, then twice with it, and checks that all three answers are the same. Returns the answer, and what
    was counted by the two calls."""
    connection.execute(UNCACHED)
    uncached = outcome(connection, call)
    connection.execute(CACHED)
    counts.since()
    first = outcome(connection, call)
    assert first == uncached, (call, counts.since())
    second = outcome(connection, call)
    assert second == uncached, (call, counts.since())
    return uncached, counts.since()
