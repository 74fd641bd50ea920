"""An application at work: it reads through the cache, searches, and writes now and then."""

import random
import threading

import psycopg
import redis

READERS = 2
WORDS = ["asthma", "checkup", "vaccination", "fever", "vision"]


class Load:
    """`with` starts it and ends it.  database, cache: functions that connect."""

    def __init__(self, database, cache, pause=0.01):
        self._database = database
        self._cache = cache
        self._pause = pause
        self._stop = threading.Event()
        self.failure = None
        self._threads = [threading.Thread(target=self._work, args=(work,), daemon=True) for work in [self._read] * READERS + [self._write]]

    def _work(self, work):
        try:
            with self._database() as database, self._cache() as cache:
                ids = [id for id, in database.execute("SELECT id FROM students ORDER BY id LIMIT 500").fetchall()]
                while not self._stop.wait(self._pause):
                    work(database, cache, random.choice(ids))
        except (psycopg.Error, redis.RedisError, OSError) as failure:
            # The servers end before the load only when one of them fails.
            self.failure = failure

    def _read(self, database, cache, student):
        key = f"student:{student}:health_summary"
        if cache.execute_command("FCALL", "wc_get", 1, key) is None:
            row = database.execute("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", [student]).fetchone()
            cache.execute_command("FCALL", "wc_fill", 1, row[0], row[1], row[2], row[3] or "")
        if random.random() < 0.1:
            database.execute("SELECT wc_health_summary(%s)", [student])
            database.execute("SELECT wc_search_health_records(%s)", [random.choice(WORDS)])

    def _write(self, database, cache, student):
        if random.random() < 0.2:
            database.execute("UPDATE allergies SET reaction = %s WHERE \"studentId\" = %s", [f"seen {random.randrange(1000)} times", student])

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
