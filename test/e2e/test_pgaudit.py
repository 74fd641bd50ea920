"""Beside pgaudit, which sees what queries read: not direct reads and summaries from shared memory, unless they are turned off."""

import glob

import pytest

from servers import Cluster
from servers.cluster import pg_config
from warm_school import WarmSchool

pytestmark = pytest.mark.skipif(not glob.glob(f"{pg_config('pkglibdir')}/pgaudit.so"), reason="pgaudit is not installed (Debian's postgresql-NN-pgaudit)")
TABLES = ["allergies", "health_records", "students"]  # that a summary reads


@pytest.fixture(scope="module")
def server(ground):
    settings = {"shared_preload_libraries": "pgaudit, $libdir/white_cross", "pgaudit.log": "read", "pgaudit.log_relation": "on", "pgaudit.log_catalog": "off"}
    with Cluster(ground, "pgaudit-pg", settings=settings) as cluster:
        yield cluster


@pytest.fixture
def school(server):
    server.create_database("seen_by_pgaudit")
    with WarmSchool.attached(server, "seen_by_pgaudit") as school:
        school.add_student("ada")
        school.add_allergy("ada")
        school.add_record("ada", vital='{"height": 130, "weight": 30}')
        yield school
    server.drop_database("seen_by_pgaudit")


def seen(school, statement="SELECT wc_health_summary('ada'::text)"):
    """The attached tables that pgaudit says this statement has read, and whether it was a hit."""
    began, hits = school.cluster.log.stat().st_size, school.hits()
    school.sql(statement)
    hit = school.hits() > hits
    with school.cluster.log.open() as log:
        log.seek(began)
        lines = [line for line in log if "AUDIT: SESSION" in line]
    return [table for table in TABLES if any(f",public.{table}," in line for line in lines)], hit


def test_a_statement_of_the_application(school):
    assert seen(school, "SELECT * FROM allergies") == (["allergies"], False)


def test_direct_reads_and_hits_are_not_seen(school):
    assert [seen(school) for _ in range(3)][1:] == [([], True), ([], True)]


def test_queries_that_are_asked_for_are_seen_each_time(school):
    """A hit takes the place of a direct read, and never that of a query."""
    assert [seen(school) for _ in range(2)][1] == ([], True)
    school.sql("SET white_cross.direct_reads = off")
    assert [seen(school) for _ in range(3)] == [(TABLES, False)] * 3


def test_two_indexes_that_serve_together_are_direct_reads_too(school):
    """The date in one, the type in the other: then a hit takes the place of no query either."""
    for index, in school.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'health_records'::regclass AND NOT indisprimary"):
        school.sql(f"DROP INDEX {index}")
    school.sql('CREATE INDEX only_dates ON health_records ("studentId", date DESC); CREATE INDEX only_types ON health_records ("studentId", type)')
    assert [seen(school) for _ in range(3)][1:] == [([], True), ([], True)]
    school.sql("DROP INDEX only_dates")
    assert [seen(school) for _ in range(3)] == [(TABLES, False)] * 3
