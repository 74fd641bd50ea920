"""A summary has the same bytes with any set of indexes and after any change of the rows, read directly and by queries."""

import psycopg
import pytest

from awkward import awkward_school
from inner_queries import queries_of

pytestmark = pytest.mark.thorough

INDEXES = {
    "ours": ['("studentId", date DESC, "createdAt" DESC, id) INCLUDE (type)'],
    "the application's": ['("studentId", date DESC)', '("studentId", type)'],
    "upside down": ['("studentId", date)', '("studentId", notes, type DESC)'],
    "types that no index has": ['("studentId", date DESC)'],
    "types beside the order": ['("studentId", date DESC, "createdAt" DESC, id)', '("studentId") INCLUDE (type)'],
}

# Each begins where the one before ended.
STATES = {
    "as loaded": "",
    "vacuumed": "VACUUM health_records",
    # No index has the description or, but for one, the notes: the new versions stay in the chains of the old.
    "updated within their pages": "UPDATE health_records SET description = 'new' || description, vital = CASE WHEN id < '4' THEN '{\"height\": 1}'::jsonb END WHERE id > '2' AND id < '6'",
    "updated once more": "UPDATE health_records SET provider = 'once more', vital = '{\"height\": 2}' WHERE id > '3' AND id < '5'",
    "moved to other dates and types": "UPDATE health_records SET date = date + interval '1 day', type = 'VACCINATION' WHERE id > 'e'",
    "moved to another student": "UPDATE health_records SET \"studentId\" = 's25' WHERE id > 'd' AND id < 'e'",
    "vacuumed in between": "VACUUM health_records",
    "deleted": "DELETE FROM health_records WHERE id > '7' AND id < '9'",
    "positions used again": "VACUUM health_records; INSERT INTO health_records (id, type, date, description, \"studentId\", \"updatedAt\") "
                            "SELECT 'new' || n, 'HEARING', '2020-01-01', repeat('x', 300), 's' || (1 + n % 50), now() FROM generate_series(1, 3000) AS n",
    "rolled back": "BEGIN; DELETE FROM health_records WHERE id < '3'; UPDATE health_records SET type = 'DENTAL'; ROLLBACK",
    "only some pages vacuumed": "VACUUM health_records; UPDATE health_records SET notes = 'late' WHERE \"studentId\" < 's2'",
}


@pytest.fixture(scope="module", params=INDEXES)
def school(request, cluster):
    with awkward_school(cluster, f"indexed_{list(INDEXES).index(request.param)}") as school:
        school.sql("ALTER TABLE health_records SET (autovacuum_enabled = off, fillfactor = 70)")
        # Room in each page, so that an update stays in it.
        school.sql("VACUUM FULL health_records")
        school.sql("DROP INDEX idx_health_records_student_date_type, idx_health_records_student_date, idx_health_records_student_type, idx_health_records_date, "
                   "idx_health_records_search, idx_health_records_vital_gin")
        for columns in INDEXES[request.param]:
            school.sql(f"CREATE INDEX ON health_records {columns}")
        yield school


ALL = "SELECT id, wc_health_summary(id)::text FROM students WHERE id < 's3' ORDER BY id"


def read(school, direct):
    school.sql(f"SET white_cross.direct_reads = {direct}")
    return school.rows(ALL)


def assert_same(school):
    """REQUIRES: the two statements have the same snapshot, or nobody writes."""
    direct, by_queries = read(school, "on"), read(school, "off")
    different = [id for (id, one), (_, other) in zip(direct, by_queries, strict=True) if one != other]
    assert not different, f"{len(different)} differ, the first is of {different[0]}"


def test_every_state(school):
    school.sql("SET white_cross.direct_reads = on")
    assert queries_of(school, "SELECT wc_health_summary('s27')") == [], "the tables are not read directly"
    school.sql("SET auto_explain.log_min_duration = -1")
    in_their_chains = 0
    # What a transaction sees that began before all of it, and one whose own changes are not committed.
    with school.cluster.connect(school.database) as old:
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        before = old.execute(ALL).fetchall()
        for state, statements in STATES.items():
            for statement in statements.split("; ") if statements else ():
                school.sql(statement)
            try:
                assert_same(school)
                school.sql("BEGIN")
                school.sql("DELETE FROM health_records WHERE id > 'a' AND id < 'b'")
                school.sql("UPDATE health_records SET date = date - interval '1 day' WHERE id > 'b' AND id < 'c'")
                school.sql("UPDATE health_records SET description = 'mine', vital = NULL WHERE id > 'c' AND id < 'd'")
                in_their_chains += school.one("SELECT pg_stat_get_xact_tuples_hot_updated('health_records'::regclass)")
                assert_same(school)
                school.sql("ROLLBACK")
                old.execute("SET LOCAL white_cross.direct_reads = on")
                assert old.execute(ALL).fetchall() == before, "an old snapshot sees something else"
            except AssertionError as error:
                raise AssertionError(f"{state}: {error}") from error
    assert in_their_chains > 0, "no version stayed in the chain of the one before"


def test_an_index_that_is_younger_than_the_snapshot(cluster):
    """The versions of a row are one HOT chain and differ in the indexed column. The index has only the newest value, which is
    wrong for a snapshot that sees an older version."""
    with awkward_school(cluster, "younger_index") as school:
        school.sql("ALTER TABLE health_records SET (autovacuum_enabled = off, fillfactor = 50)")
        school.sql("DROP INDEX idx_health_records_student_date_type, idx_health_records_student_type")
        school.sql("VACUUM FULL health_records")
        with school.cluster.connect(school.database) as old:
            old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            before = old.execute(ALL).fetchall()
            school.sql("UPDATE health_records SET type = 'DENTAL' WHERE id < '8'")
            school.sql("CREATE INDEX younger ON health_records (\"studentId\", type)")
            assert school.one("SELECT indcheckxmin FROM pg_index WHERE indexrelid = 'younger'::regclass")
            assert old.execute(ALL).fetchall() == before
        assert_same(school)


def test_serializable_transactions_see_each_other(school):
    """Two that each count and then add: one of them fails, as it does by queries."""
    with school.cluster.connect(school.database) as one, school.cluster.connect(school.database) as other:
        for connection in one, other:
            connection.execute("SET white_cross.direct_reads = on")
            connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        for connection in one, other:
            connection.execute("SELECT wc_health_summary('s27')").fetchall()
        with pytest.raises(psycopg.errors.SerializationFailure):
            for n, connection in enumerate((one, other)):
                connection.execute("INSERT INTO health_records (id, type, date, description, \"studentId\", \"updatedAt\") "
                                   "VALUES (%s, 'DENTAL', '2021-01-01', '', 's27', now())", [f"serializable-{n}"])
            one.execute("COMMIT")
            other.execute("COMMIT")


def test_a_student_without_records_and_one_without_vaccinations(school):
    school.add_student("nothing")
    school.add_student("one")
    school.add_record("one", type="DENTAL", vital="null")
    assert_same(school)
    assert school.one("SELECT wc_health_summary('nothing') -> 'recordCounts'") == {}
