"""A school whose summaries are kept in shared memory. It reads each with the cache and without it under one snapshot."""

import psycopg

from school import School

# plain(id) reads the tables.
PLAIN = """
CREATE OR REPLACE FUNCTION plain(id {type}) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET white_cross.summary_cache = off
    AS $$ SELECT public.wc_health_summary(id)::text $$;
"""
ID_TYPES = "text", "uuid", "bigint"  # of which there are functions


class WarmSchool(School):
    def __init__(self, cluster, database):
        super().__init__(cluster, database)
        self.sql("CREATE EXTENSION IF NOT EXISTS white_cross")
        for type in ID_TYPES:
            self.sql(PLAIN.format(type=type))

    @classmethod
    def of(cls, school):
        return cls(school.cluster, school.database)

    @classmethod
    def attached(cls, cluster, database):
        school = cls(cluster, database)
        school.attach()
        return school

    def both(self, student, connection=None, type="text"):
        """Returns the summary's text, and checks that it has the same bytes with the cache and without."""
        found, plain = (connection or self.connection).execute(
            f"SELECT wc_health_summary(id)::text, plain(id) FROM (SELECT %s::{type} AS id OFFSET 0) AS q", [student]).fetchone()
        assert found == plain, (student, found, plain)
        return found

    def twice(self, student, connection=None):
        """Returns the summary's text after two reads, of which the second may be a hit."""
        first = self.both(student, connection)
        assert self.both(student, connection) == first
        return first

    def statistics(self):
        """Returns the counts of the whole server, which no other test uses at the same time."""
        cursor = self.sql("SELECT * FROM wc_stat_cache")
        return dict(zip([column.name for column in cursor.description], cursor.fetchone()))

    def hits(self):
        return self.one("SELECT hits FROM wc_stat_cache")

    def bypassed(self, reason):
        return self.one("SELECT (bypassed_by_reason ->> %s)::bigint FROM wc_stat_cache", reason)

    def is_hit(self, student, connection=None):
        before = self.hits()
        self.both(student, connection)
        return self.hits() > before

    def becomes_hit(self, student, connection=None):
        """Reads the student twice, and returns whether the second read is a hit."""
        self.both(student, connection)
        return self.is_hit(student, connection)

    def rename(self, student, name, connection=None):
        (connection or self.connection).execute('UPDATE students SET "lastName" = %s WHERE id = %s', [name, student])

    def session(self, **options):
        return self.cluster.connect(self.database, **options)


def answers(session):
    """Returns the summary of ada, or the error, with the cache and without, each twice: all must be the same."""
    found = []
    for setting in "on", "off", "on", "off":
        session.execute(f"SET white_cross.summary_cache = {setting}")
        try:
            found.append(session.execute("SELECT wc_health_summary('ada')::text").fetchone()[0])
        except psycopg.Error as error:
            found.append((error.sqlstate, str(error)))
    session.execute("RESET white_cross.summary_cache")
    return found
