"""wc_diagnose finds settings of PostgreSQL that cost something, by what the server has counted, and is quiet about all others."""

from contextlib import ExitStack, closing

import pytest

from school import attached_school
from servers import Cluster, until

MB = 1024 * 1024


def found(school, check="check_settings"):
    """[(status, detail, remedy)] of the check."""
    return school.rows(f"SELECT * FROM white_cross.{check}() ORDER BY 1")


def of(school, check, *arguments):
    """[(detail, remedy)] of one part of the check, with its bounds."""
    rows = school.rows(f"SELECT status, detail, remedy FROM white_cross.{check}({', '.join(map(str, arguments))})")
    assert all(status == "warn" for status, _, _ in rows)
    return [row[1:] for row in rows]


def is_ok(school):
    return [status for status, _, _ in found(school)] == ["ok"]


def psql(school, sql, options=""):
    """Runs SQL in a process of its own, which hands in what it has counted when it ends."""
    with school.cluster.connect(school.database, options=options) as connection:
        for statement in sql.split(";"):
            connection.execute(statement)


def test_nothing_to_say(school):
    ((status, detail, remedy),) = found(school)
    assert (status, remedy) == ("ok", None) and detail.startswith("shared_buffers = 128MB, random_page_cost = 4, work_mem = 4MB:")


# ---- memory that the tables do not fit into ----

@pytest.fixture(scope="module")
def small(ground):
    """A server with 1 MB of shared_buffers, and a student with 4 MB of records."""
    with Cluster(ground, "small-pg", {"shared_buffers": "1MB", "max_connections": 20, "autovacuum": "off",
                                        # Parameters are a DETAIL of a logged statement.
                                        "log_error_verbosity": "default"}) as cluster:
        school = attached_school(cluster, "small_school")
        with school.connection:
            student = school.add_student()
            school.psql(f"""INSERT INTO health_records (id, type, date, description, "studentId")
                            SELECT 'r' || n, 'DENTAL', now(), repeat('x', 400), '{student}' FROM generate_series(1, 8000) AS n; VACUUM ANALYZE""")
            # A session hands in what it has counted when it ends.
            until(lambda: school.one("SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()"), 10, "that session to end")
            school.psql("SELECT pg_stat_reset()")
            yield school


def test_shared_buffers(small):
    school = small
    misses = """SELECT coalesce(sum(heap_blks_read), 0) FROM pg_statio_all_tables WHERE relname = 'health_records'"""
    hits = misses.replace("heap_blks_read", "heap_blks_hit")
    # What is read once is no sign.
    psql(school, "SELECT count(notes) FROM health_records")
    until(lambda: school.one(misses) > 0)
    assert of(school, "check_buffers", 64 * MB) == []
    for _ in range(4):
        psql(school, "SELECT count(notes) FROM health_records")
    until(lambda: of(school, "check_buffers", 64 * MB))
    ((status, detail, remedy),) = found(school)
    assert status == "warn" and "were not in shared_buffers, of 1024 kB only" in detail and "shared_buffers = " in remedy
    school.psql(remedy)
    # Somebody has chosen more than what counts as small.
    assert of(school, "check_buffers", MB - 1) == [] and of(school, "check_buffers", MB)
    # Mostly they are there.
    before, reads = school.one(hits), school.one(misses)
    psql(school, f"""SELECT count(*) FROM generate_series(1, {20 * reads}) AS n,
                     LATERAL (SELECT 1 FROM health_records WHERE ctid = CASE WHEN n > 0 THEN '(0,1)'::tid END OFFSET 0) AS r""")
    until(lambda: school.one(hits) > before + 15 * reads)
    assert of(school, "check_buffers", 64 * MB) == []


# ---- the price of a page ----

def scan(school, times):
    psql(school, ";".join(["SELECT count(*) FROM health_records"] * times), "-c enable_indexscan=off -c enable_indexonlyscan=off -c enable_bitmapscan=off")


def test_random_page_cost(small):
    school = small
    school.psql("SELECT pg_stat_reset()")
    scan(school, 99)
    until(lambda: school.one("SELECT seq_scan FROM pg_stat_all_tables WHERE relname = 'health_records'") == 99)
    assert of(school, "check_page_cost", 100) == [] and len(of(school, "check_page_cost", 100, 99)) == 1
    scan(school, 1)
    until(lambda: of(school, "check_page_cost", 100))
    assert of(school, "check_page_cost") == []  # of a table that is read fast
    ((detail, remedy),) = of(school, "check_page_cost", 100)
    assert detail.startswith("public.health_records was read from end to end 100 times, and random_page_cost = 4 ")
    school.psql("ALTER DATABASE small_school SET random_page_cost = 2.9")
    assert of(school, "check_page_cost", 100) == []
    school.psql("ALTER DATABASE small_school SET seq_page_cost = 0.5")
    assert len(of(school, "check_page_cost", 100)) == 1
    school.psql("ALTER DATABASE small_school RESET ALL")
    try:
        school.psql("ALTER TABLESPACE pg_default SET (random_page_cost = 1.5)")
        assert of(school, "check_page_cost", 100) == []
    finally:
        school.psql("ALTER TABLESPACE pg_default RESET (random_page_cost)")
    try:
        school.psql(remedy)
        until(lambda: of(school, "check_page_cost", 100) == [])
    finally:
        school.psql("ALTER SYSTEM RESET random_page_cost")
        school.psql("SELECT pg_reload_conf()")


def test_scans_that_end_early_or_are_few_cost_nothing(small):
    school = small
    school.psql("SELECT pg_stat_reset()")
    psql(school, ";".join(["SELECT id FROM health_records LIMIT 1"] * 100))
    until(lambda: school.one("SELECT seq_scan FROM pg_stat_all_tables WHERE relname = 'health_records'") == 100)
    assert of(school, "check_page_cost", 100) == []
    school.psql("SELECT pg_stat_reset()")
    scan(school, 100)
    psql(school, "SET enable_seqscan = off; SELECT count(*) FROM generate_series(1, 9901) AS n, LATERAL (SELECT 1 FROM health_records WHERE id = 'r' || n OFFSET 0) AS r (x)")
    until(lambda: school.one("SELECT idx_scan FROM pg_stat_all_tables WHERE relname = 'health_records'") >= 9901)
    assert of(school, "check_page_cost", 100) == []


def test_a_table_that_fits_needs_no_memory(small):
    small.psql("SELECT pg_stat_reset()")
    scan(small, 5)
    until(lambda: of(small, "check_buffers"))
    small.psql("DELETE FROM health_records; VACUUM FULL health_records")
    assert of(small, "check_buffers") == []


# ---- memory of a session ----

def sort(school, times):
    """Each writes one temporary file."""
    statement = "SELECT count(*) FROM (SELECT proname FROM pg_proc ORDER BY md5(proname) OFFSET 0) AS s"
    psql(school, ";".join([statement] * times), "-c work_mem=64kB")


def test_work_mem(school):
    files = "SELECT temp_files FROM pg_stat_database WHERE datname = current_database()"
    sort(school, 99)
    until(lambda: school.one(files) >= 99)
    assert school.one(files) == 99 and of(school, "check_work_mem") == [] and is_ok(school)
    sort(school, 1)
    until(lambda: school.one(files) == 100)
    # As long as the server's own would have sufficed for them: they were of a session that chose less.
    assert of(school, "check_work_mem") == []
    school.psql(f'ALTER DATABASE "{school.database}" SET work_mem = \'64kB\'')
    ((status, detail, remedy),) = school.rows("SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'settings'")
    assert status == "warn" and detail.startswith("this database wrote 100 temporary files") and "work_mem = 64 kB" in detail
    school.psql(remedy)
    with school.cluster.connect(school.database) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("4MB",)
    assert is_ok(school)


def test_work_mem_in_no_unit_and_temporary_files_of_few_transactions(school):
    school.psql(f'ALTER DATABASE "{school.database}" SET work_mem = 64')
    sort(school, 3)
    until(lambda: of(school, "check_work_mem", 3))
    committed = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    psql(school, ";".join(["SELECT"] * 3001))
    until(lambda: school.one(committed) > 3001)
    assert of(school, "check_work_mem", 3) == []


# ---- the log ----

VALUES = "statements are logged with the values that they are given"


def test_values_in_the_log(school):
    """Of the database; the remedy leaves the statements in the log, and takes the values out."""
    database = f'ALTER DATABASE "{school.database}"'
    for setting, value in [("log_min_duration_statement", "1s"), ("log_min_duration_statement", "0"), ("log_statement", "mod"), ("log_statement", "ALL"),
                           ("log_transaction_sample_rate", "0.01"), ("log_parameter_max_length_on_error", "-1")]:
        assert is_ok(school)
        school.psql(f"{database} SET {setting} = '{value}'")
        ((status, detail, remedy),) = found(school)
        assert status == "warn" and detail.startswith(VALUES) and f"{setting} = {value.lower()}" in detail
        # Where the setting of the whole server is at fault, another one of the database's.  The server is of all tests.
        school.psql(f"{database} SET log_parameter_max_length = '1kB'")
        assert len(found(school)) == 1
        for _, _, remedy in found(school):
            school.psql(remedy)
        assert is_ok(school)
        school.psql(f"{database} RESET ALL")


def test_samples_of_statements(school):
    """They are logged where both are set."""
    database = f'ALTER DATABASE "{school.database}" SET'
    school.psql(f"{database} log_min_duration_sample = '100ms'; {database} log_statement_sample_rate = 0")
    assert is_ok(school)
    school.psql(f"{database} log_statement_sample_rate = 0.1")
    ((_, detail, _),) = found(school)
    assert "log_min_duration_sample = 100ms" in detail
    school.psql(f"{database} log_min_duration_sample = -1")
    assert is_ok(school)


def test_statements_of_less_are_not_looked_at(school):
    school.psql(f"ALTER DATABASE \"{school.database}\" SET log_statement = 'ddl'")
    assert is_ok(school)


def test_values_in_the_log_of_a_role(school):
    school.psql("CREATE ROLE logged_reader; ALTER ROLE logged_reader SET log_statement = 'all'")
    try:
        ((status, detail, remedy),) = found(school)
        assert status == "warn" and detail.startswith(f"role logged_reader: {VALUES}")
        school.psql(remedy)
        assert is_ok(school)
    finally:
        school.psql("DROP OWNED BY logged_reader; DROP ROLE logged_reader")


def test_values_in_the_log_of_the_whole_server(small):
    school = small
    school.psql("ALTER SYSTEM SET log_min_duration_statement = 0")
    try:
        school.psql("SELECT pg_reload_conf()")
        ((_, remedy),) = until(lambda: of(school, "check_logged_values"))
        marked = "SELECT %s::text || 'is in the log'"
        with school.cluster.connect(school.database) as connection:
            connection.execute(marked, ("before the remedy",))
            school.psql(remedy)
            until(lambda: of(school, "check_logged_values") == [])
            connection.execute(marked, ("after the remedy",))
        log = school.cluster.log.read_text()
        assert "before the remedy" in log and "after the remedy" not in log
    finally:
        school.psql("ALTER SYSTEM RESET log_min_duration_statement")
        school.psql("ALTER SYSTEM RESET log_parameter_max_length")
        school.psql("SELECT pg_reload_conf()")


# ---- transactions that nobody ends ----

def test_a_transaction_that_nothing_will_end(school):
    with closing(school.cluster.connect(school.database)) as forgotten:
        for statement in "BEGIN", "SELECT 1":
            forgotten.execute(statement)
        assert of(school, "check_idle_timeout") == []
        ((detail, remedy),) = until(lambda: of(school, "check_idle_timeout", "'100 ms'"))
        assert "and 1 transactions of this database" in detail
        # What the session that looks has set for itself, as the worker has, says nothing of the others.
        school.psql(f"ALTER DATABASE \"{school.database}\" SET idle_in_transaction_session_timeout = '1h'")
        with school.cluster.connect(school.database) as connection:
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            assert connection.execute("SELECT FROM white_cross.check_idle_timeout('100 ms')").fetchall() == []
        school.psql(f"ALTER DATABASE \"{school.database}\" SET idle_in_transaction_session_timeout = 0")
        assert of(school, "check_idle_timeout", "'100 ms'")
        school.psql(remedy)
        assert of(school, "check_idle_timeout", "'100 ms'") == []


# ---- limits of sessions ----

def test_a_limit_of_sessions_that_is_reached(school):
    school.psql(f'CREATE ROLE pooled_reader LOGIN CONNECTION LIMIT 2; GRANT CONNECT ON DATABASE "{school.database}" TO pooled_reader')
    try:
        with ExitStack() as stack:
            connect = lambda: stack.enter_context(school.cluster.connect(school.database, "pooled_reader"))  # noqa: E731
            connect()
            assert [status for status, _, _ in found(school, "check_connections")] == ["ok"]
            connect()
            _, (status, detail, remedy) = found(school, "check_connections")
            assert status == "warn" and detail == "ROLE pooled_reader has all 2 sessions that it may open: the next one is refused"
            with pytest.raises(Exception, match="too many connections for role"):
                connect()
            school.psql(remedy)
            connect()
            assert [status for status, _, _ in found(school, "check_connections")] == ["ok"]
            sessions = school.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            school.psql(f'ALTER DATABASE "{school.database}" CONNECTION LIMIT {sessions}')
            _, (status, detail, remedy) = found(school, "check_connections")
            assert status == "warn" and detail.startswith("DATABASE ")
            school.psql(remedy)
            assert [status for status, _, _ in found(school, "check_connections")] == ["ok"]
    finally:
        school.psql("DROP OWNED BY pooled_reader; DROP ROLE pooled_reader")
