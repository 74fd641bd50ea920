"""An application that reads a student's health summary from the cache, writes, and reads its own write."""

import white_cross  # of clients/python


def make_cache(redis_url, database):
    """database: a connection of psycopg 3 with autocommit; an application has one for each thread, or a pool."""
    return white_cross.Cache(white_cross.connect(redis_url), lambda statement, values: database.execute(statement, values).fetchall())


def health_summary(cache, student, token=None):
    """The text of the JSON, or None; a browser can have it as it is.  token: of a write that must be seen."""
    return cache.read(student, "health_summary", token)


def rename(database, student, first_name):
    """A write.  Whoever must see it, in whatever process, reads with the token."""
    with database.transaction():
        database.execute('UPDATE students SET "firstName" = %s WHERE id = %s', [first_name, student])
        return database.execute("SELECT wc_write_token()").fetchone()[0]
