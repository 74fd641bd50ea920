"""A fill that comes late: a value is loaded, and stored when something else has happened since."""

from servers import until


def load(school, student):
    """Loads a value as a slow application does, and does not store it yet."""
    return school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]


def store(cache, loaded):
    return cache.client.execute_command("FCALL", "wc_fill", 1, *loaded)


def until_stored(cache, student):
    """What was there before an epoch is removed after it has begun, and with it, maybe, the first value that is stored."""
    until(lambda: cache.load(student) == 1 and cache.is_current(student), 10, "a value of the new epoch that stays")
