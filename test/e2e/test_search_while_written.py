"""Searches of common words while others write, and while VACUUM sorts in what is new and removes what is dead."""

import random
import threading
import time

import psycopg
import pytest
from compared_search import check
from school import attached_school
from servers import until

pytestmark = pytest.mark.thorough

RECORDS = 12_000
SECONDS = 8
WORDS = ["alder", "birch", "cedar", "larch"]
TYPED = ["alder", "alder birch", '"alder birch"', "birch -cedar", "ced", "cedar larch"]
MOVING = 40

# {name: how the records are partitioned, and into what}
DAYS = ["MINVALUE", "'2025-10-04'", "'2025-10-07'", "'2025-10-09'", "'2025-10-09 20:00'"]
KINDS = {
    "plain": None,
    "hash": ("HASH (\"studentId\")", [f"FOR VALUES WITH (MODULUS 4, REMAINDER {n})" for n in range(4)]),
    "dates": ("RANGE (date)", [*(f"FOR VALUES FROM ({low}) TO ({high})" for low, high in zip(DAYS, DAYS[1:])), "DEFAULT"]),
}


def split(school, key, parts):
    """Partitions the records.  The key of a record tells its number, so that no number is there twice."""
    school.psql("\n".join([
        "ALTER TABLE health_records RENAME TO whole;", f"CREATE TABLE health_records (LIKE whole INCLUDING DEFAULTS) PARTITION BY {key};",
        *(f"CREATE TABLE part{n} PARTITION OF health_records {bounds};" for n, bounds in enumerate(parts)), "DROP TABLE whole;",
        f"""ALTER TABLE health_records ADD PRIMARY KEY (id, {'date' if 'date' in key else '"studentId"'});""", "SELECT wc_attach('public');"]))


@pytest.fixture(scope="module", params=KINDS)
def written(cluster, request):
    school = attached_school(cluster, "search_written")
    school.sql("CREATE EXTENSION pg_trgm")
    if KINDS[request.param]:
        split(school, *KINDS[request.param])
    school.psql(f"""
        INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
        SELECT 's' || n, 'N' || n, 'Ada', 'Quill', '2014-03-02', '5', 'FEMALE' FROM generate_series(0, 99) n;
        INSERT INTO health_records (id, type, date, description, "studentId")
        SELECT 'r' || n, 'CHECKUP', timestamp '2025-10-10' - n * interval '1 minute',
               concat_ws(' ', {', '.join(f"CASE WHEN hashint4(n + {place}) % 2 = 0 THEN '{word}' END" for place, word in enumerate(WORDS))}), 's' || n % 100
        FROM generate_series(1, {RECORDS}) n;
        INSERT INTO health_records (id, type, date, description, "studentId")
        SELECT 'm' || n, 'CHECKUP', timestamp '2025-10-10' - n * interval '4 hours', 'alder birch', 's' || n FROM generate_series(1, {MOVING}) n;""")
    for (statement,) in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    school.psql("VACUUM ANALYZE students, health_records")
    with school.connection:
        yield school
    cluster.drop_database(school.database)


class Work(threading.Thread):
    """Calls a step over and over until `with` ends, and then raises what a step raised."""

    def __init__(self, cluster, database, step):
        super().__init__(daemon=True)
        self._connection, self._step, self._end, self._failed, self.steps = cluster.connect(database), step, False, None, 0

    def run(self):
        try:
            while not self._end:
                self._step(self._connection)
                self.steps += 1
        except psycopg.Error as error:
            self._failed = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self._end = True
        self.join()
        self._connection.close()
        if self._failed:
            raise self._failed


def write(connection, chance=random.Random(7)):
    """Changes, removes and adds a few records, in one transaction; sometimes it is rolled back."""
    with connection.transaction(force_rollback=chance.random() < 0.2):
        # In one order, so that two writers do not wait for each other.
        for number in sorted(chance.randrange(1, RECORDS) for _ in range(chance.randrange(1, 30))):
            words = " ".join(word for word in WORDS if chance.random() < 0.5)
            match chance.randrange(4):
                case 0:
                    connection.execute("DELETE FROM health_records WHERE id = %s", [f"r{number}"])
                case 1:
                    connection.execute("""INSERT INTO health_records (id, type, date, description, "studentId")
                        VALUES (%s, 'CHECKUP', timestamp '2025-10-10' - %s * interval '1 minute', %s, %s) ON CONFLICT DO NOTHING""",
                                       [f"r{number}", number, words, f"s{number % 100}"])
                case _:
                    connection.execute("UPDATE health_records SET description = %s WHERE id = %s", [words, f"r{number}"])


def move(connection, chance=random.Random(8)):
    """Gives records to other students, and to other times: they move to other partitions."""
    connection.execute("""UPDATE health_records SET "studentId" = 's' || %s::int, date = timestamp '2025-10-10' - %s * interval '1 minute' WHERE id = %s""",
                       [chance.randrange(100), chance.randrange(RECORDS), f"m{chance.randrange(1, MOVING + 1)}"])


def tidy(connection):
    connection.execute("VACUUM health_records")
    connection.execute("""SELECT gin_clean_pending_list(c.oid) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'gin') AND c.relkind = 'i' AND pg_get_indexdef(c.oid) LIKE '%to_tsvector%'""")


def test_each_search_finds_what_its_snapshot_has(cluster, written):
    with Work(cluster, written.database, write) as writer, Work(cluster, written.database, write), \
            Work(cluster, written.database, move) as mover, Work(cluster, written.database, tidy) as vacuum:
        ends, searches = time.monotonic() + SECONDS, 0
        while time.monotonic() < ends:
            for typed in TYPED:
                with written.connection.transaction():
                    written.sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    check(written, typed)
                    check(written, typed, page=3)
                searches += 1
        until(lambda: vacuum.steps > 1 and writer.steps > 10 and mover.steps > 10, 60, "the others to have done something")
    assert searches >= len(TYPED)
