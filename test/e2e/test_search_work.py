"""How much a search reads, by the place of its words in time, and that it finds what plain SQL finds."""

import pytest
from compared_search import check
from school import attached_school

pytestmark = pytest.mark.thorough

RECORDS = 45_000

# The latest records first.  Each word but the last two is in a tenth of all; "sage" and "thyme" come by chance, together in a
# quarter.  The rows are small, so that a page of the table has more than 64 of them.
DATA = f"""
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, 'N' || n, (ARRAY['Emma', 'Zoë', 'Liam', 'Noah'])[1 + n % 4], CASE WHEN n <= 2400 THEN 'Garcia' ELSE 'Okafor' END || n % 7,
       '2014-03-02', '5', 'FEMALE' FROM generate_series(1, 3000) n;
INSERT INTO health_records (id, type, date, description, "studentId")
SELECT 'r' || n, (ARRAY['CHECKUP', 'ILLNESS'])[1 + n % 2]::"HealthRecordType", timestamp '2025-10-10' - n * interval '1 minute',
       concat_ws(' ', CASE WHEN n % 10 = 0 THEN 'everywhere' END, CASE WHEN n % 5 = 1 AND n > {RECORDS} / 2 THEN 'formerly' END,
                 CASE WHEN n % 5 = 2 AND n <= {RECORDS} / 2 THEN 'nowadays' END, CASE WHEN n % 10 = 3 AND n > {RECORDS} / 10 THEN 'lately' END,
                 CASE WHEN n % 10 = 4 THEN 'dogwell elmstead' END, CASE WHEN n % 10 = 5 THEN 'firbank' END, CASE WHEN n % 10 = 6 THEN 'gorsefield' END,
                 CASE WHEN n / 10 % 2 = 0 THEN 'sage' END, CASE WHEN n / 20 % 2 = 0 THEN 'thyme' END), 's' || 1 + n * 7 % 3000
FROM generate_series(1, {RECORDS}) AS n ORDER BY n * 7 % 100, n;
"""
PLACED = ["everywhere", "formerly", "nowadays", "lately", "dogwell elmstead", "elmstead dogwell", "firbank gorsefield", "sage thyme", "firbank -gorsefield",
          "sage -thyme", '"dogwell elmstead"', '"elmstead dogwell"', "lately thy", "formerly nowadays"]


@pytest.fixture(scope="module")
def searched(cluster):
    """A district that the tests only read."""
    school = attached_school(cluster, "search_work")
    school.sql("CREATE EXTENSION pg_trgm")
    school.psql(DATA)
    for (statement,) in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    school.psql("VACUUM ANALYZE students, health_records")
    with school.connection:
        yield school
    cluster.drop_database(school.database)


@pytest.fixture(params=["directly", "by queries", "under RLS", "under RLS by the index"])
def way(request, searched):
    if request.param == "by queries":
        searched.sql("SET white_cross.direct_reads = off")
    if request.param.startswith("under RLS"):
        searched.psql("""CREATE ROLE nurse; GRANT SELECT ON ALL TABLES IN SCHEMA public TO nurse;
            ALTER TABLE health_records ENABLE ROW LEVEL SECURITY; ALTER TABLE students ENABLE ROW LEVEL SECURITY;
            CREATE POLICY mine ON students TO nurse USING (right(id, 1) < '7');
            CREATE POLICY mine ON health_records TO nurse USING (right(id, 1) < '9');""")
        if request.param == "under RLS by the index":
            searched.sql("SET white_cross.search_under_rls = 'index'")
        searched.sql("SET ROLE nurse")
    yield request.param
    searched.sql("RESET ROLE")
    searched.sql("RESET ALL")
    if request.param.startswith("under RLS"):
        searched.psql("""DROP POLICY mine ON students; DROP POLICY mine ON health_records;
            ALTER TABLE health_records DISABLE ROW LEVEL SECURITY; ALTER TABLE students DISABLE ROW LEVEL SECURITY;
            DROP OWNED BY nurse; DROP ROLE nurse;""")


def test_rows_are_small(searched):
    assert searched.one('SELECT max((ctid::text::point)[1]) FROM health_records') > 64


@pytest.mark.parametrize("typed", PLACED)
def test_every_place_in_time(searched, way, typed):
    """The first pages, one in the middle, the last one, and one behind it."""
    count = check(searched, typed)
    check(searched, typed, page=2, highlight=True)
    check(searched, typed, type="ILLNESS")
    for page in {max(count // 40, 1), max(-(-count // 20), 1), count // 20 + 2}:
        check(searched, typed, page=page)


@pytest.mark.parametrize("typed", ["formerly", '"formerly"', "lately -thyme", "sage thyme", "form", '"dogwell elmstead"'])
def test_what_the_index_has_not_sorted_in(searched, way, typed):
    """A few new records of each word stay in the index's list of what is new, and so do those whose words have changed."""
    with searched.connection.transaction(force_rollback=True):
        searched.sql("RESET ROLE")
        searched.sql("""INSERT INTO health_records (id, type, date, description, "studentId")
            SELECT 'new' || n, 'CHECKUP', timestamp '2025-10-11' + n * interval '1 minute', word, 's' || n
            FROM unnest(ARRAY['formerly', 'lately', 'sage thyme', 'dogwell elmstead', 'elmstead dogwell', 'nothing']) WITH ORDINALITY AS w (word, n)""")
        searched.sql("UPDATE health_records SET description = 'formerly lately sage thyme dogwell elmstead' WHERE id IN ('r1', 'r1001', 'r2001', 'r3001')")
        searched.sql("UPDATE health_records SET description = 'nothing' WHERE id IN ('r10', 'r11', 'r12', 'r13', 'r44', 'r22501', 'r22506')")
        if way.startswith("under RLS"):
            searched.sql("SET ROLE nurse")
        check(searched, typed)
        check(searched, typed, page=2)


def counted(school, relation, typed, page=1):
    """What a search reads of an index or a table: how often it begins, how many pages, and how many rows that it was looking for."""
    search = "SELECT wc_search_health_records(%s, page => %s)"
    what = ("SELECT pg_stat_get_xact_numscans(%(r)s::regclass), pg_stat_get_xact_blocks_fetched(%(r)s::regclass), "
            "pg_stat_get_xact_tuples_fetched(%(r)s::regclass)")
    school.one(search, typed, page)  # its plans and catalogs
    with school.connection.transaction():
        before = school.connection.execute(what, {"r": relation}).fetchone()
        school.one(search, typed, page)
        after = school.connection.execute(what, {"r": relation}).fetchone()
    return dict(zip(("scans", "blocks", "rows"), (now - so_far for now, so_far in zip(after, before))))


def test_old_records_are_found_by_a_walk(searched):
    """Of half of the entries of the index of dates it reads each page once, and no row but those that it counts or shows."""
    pages = searched.one("SELECT relpages FROM pg_class WHERE relname = 'idx_health_records_date'")
    dates = counted(searched, "idx_health_records_date", "formerly")
    assert dates["scans"] == 1 and pages * 0.4 < dates["blocks"] < pages * 0.7
    assert counted(searched, "idx_health_records_date", "everywhere")["blocks"] < 10  # it stops where the page is full


@pytest.mark.parametrize("way", ["under RLS"], indirect=True)
def test_under_rls_not_all_documents_are_made(searched, way):
    """A policy hides the index of words.  Two thirds of the records show that there are more than are counted; the latest are found by a walk."""
    search = "SELECT wc_search_health_records('lately')"
    read = """SELECT pg_stat_get_xact_tuples_returned('health_records'::regclass) + sum(pg_stat_get_xact_tuples_fetched(indexrelid))
              FROM pg_index WHERE indrelid = 'health_records'::regclass"""
    searched.sql("SET max_parallel_workers_per_gather = 0")  # what a worker reads is counted as its own
    assert searched.one(search)["pagination"]["totalIsLowerBound"]
    with searched.connection.transaction():
        before = searched.one(read)
        searched.one(search)
        assert 2000 < searched.one(read) - before < RECORDS


def test_a_page_far_behind_is_sorted(searched):
    """A walk to it would be longer than fetching and sorting all."""
    assert counted(searched, "idx_health_records_date", "formerly", page=1000)["scans"] == 0


def test_words_that_never_meet_cost_no_row(searched):
    assert counted(searched, "health_records", "firbank gorsefield")["blocks"] == 0


def test_a_part_of_the_table_is_enough_to_count(searched):
    """A word in half of all: a third of its positions, then some of the latest records."""
    whole = counted(searched, "idx_health_records_search", '"sage" "thyme"')["blocks"]
    some = counted(searched, "idx_health_records_search", "sage")
    assert some["scans"] == 2 and some["blocks"] < whole, (some, whole)


def test_both_names_are_looked_for_in_the_index(searched):
    """Of 600 Emmas and 343 of that last name it compares those that are both."""
    both = searched.one("SELECT count(*) FROM students WHERE \"firstName\" = 'Emma' AND \"lastName\" = 'Garcia3'")
    assert counted(searched, "students", "emma garcia3")["rows"] < 3 * both


def test_not_all_students_of_a_common_name_are_compared(searched):
    """The first 400 of 2,400 have more records than are counted, and the latest records soon have those of the page."""
    assert counted(searched, "students", "garcia")["rows"] < 1000
