"""A student's health summary from the cache, or else from the database and into the cache.

redis: redis-py's, with decode_responses=True.  database: a connection of psycopg 3 with autocommit.  patience: how long to
wait for somebody else who is loading, in seconds; longer than loading takes.
"""

import json
import time


def health_summary(redis, database, student, patience=1.0):
    key, give_up = f"student:{student}:health_summary", time.monotonic() + patience
    while True:
        if (cached := redis.fcall("wc_get", 1, key)) is not None:
            return json.loads(cached)
        if redis.fcall("wc_lease", 1, key, round(patience * 1000)) == 1 or time.monotonic() > give_up:
            break
        time.sleep(0.02)
    found = database.execute("SELECT value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", [student])
    value, ttl_seconds, snapshot = found.fetchone() or ("null", 1, None)
    redis.fcall("wc_fill", 1, key, value, ttl_seconds, snapshot or "")  # stores it, unless it is older than a change
    return json.loads(value)
