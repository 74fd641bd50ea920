"""Searches under policies: what is typed, by whom, and what is compared."""

from contextlib import contextmanager

import psycopg
from school import attached_school

LONG = "x" * 3000  # to_tsvector gives a notice for a word of this length
ROLE = "rls_nurse"
ROWS = f"""
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, 'N' || n, CASE WHEN n > 400 THEN 'Other' WHEN n % 2 = 0 THEN 'Shownfirst' ELSE 'Hiddenfirst' END, CASE WHEN n <= 400 THEN 'Commonlast' || n % 7 ELSE 'Others' || n END, '2014-03-02', (5 + n % 2)::text, 'FEMALE'
FROM generate_series(1, 4000) n;
INSERT INTO health_records (id, type, date, description, "studentId")
SELECT 'r' || n, (ARRAY['CHECKUP', 'ILLNESS'])[1 + n / 2 % 2]::"HealthRecordType", timestamp '2025-10-10' - n * interval '1 minute',
       concat_ws(' ', 'everyone', CASE WHEN n % 2 = 0 THEN 'shownword' ELSE 'hiddenword' END, CASE WHEN n % 100 < 4 THEN 'seldom' END,
                 CASE WHEN n % 3 = 0 THEN 'sage' END), 's' || 1 + n % 400
FROM generate_series(1, 9000) n;
INSERT INTO health_records (id, type, date, description, "studentId")
SELECT 'long' || n, 'CHECKUP', '2025-10-11', 'longword {LONG} everyone', 's2' FROM generate_series(1, 3) n;
"""
# What each finds, as itself, is compared between the values of the setting; the policies are for students and for records.
TYPED = ["seldom", "everyone", "shownword", "hiddenword", "hiddenword seldom", "sage shownword", "seldom -sage", "everyone -seldom", '"everyone shownword"', "longword",
         "shownfirst", "hiddenfirst", "commonlast3", "shownfirst commonlast4", "hiddenfirst commonlast4", "commonlast3 -seldom", "shownfirst -commonlast4", "N7", "sh", "nosuchword"]
POLICIES = {
    "both": ("grade = '5'", "right(id, 1) < '8'"),
    "students": ("grade = '5'", None),
    "records": (None, "id !~ '[13579]$'"),
    "subquery": ("true", """EXISTS (SELECT FROM students s WHERE s.id = "studentId" AND s.grade = '5')"""),
    "searching": ("true", "wc_search_health_records('seldom') #>> '{pagination,total}' <> '0' AND id !~ '[13579]$'"),
    "nothing": ("false", "false"),
}


@contextmanager
def guarded_school(cluster, database):
    """A database with these rows and all indexes, and roles that may read it."""
    school = attached_school(cluster, database)
    school.sql("CREATE EXTENSION pg_trgm")
    school.psql("SET client_min_messages = error;" + ROWS)
    for (statement,) in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    school.psql(f"""SET client_min_messages = error; VACUUM ANALYZE students, health_records;
        CREATE ROLE {ROLE} LOGIN; CREATE ROLE rls_open BYPASSRLS; CREATE ROLE rls_columns; CREATE ROLE rls_owner;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}, rls_open, rls_owner; GRANT CREATE ON SCHEMA public TO {ROLE};
        GRANT SELECT (id, type, date, description, notes, provider, "studentId") ON health_records TO rls_columns; GRANT SELECT ON students TO rls_columns""")
    yield school
    school.connection.close()
    cluster.drop_database(database)
    with cluster.connect() as connection:
        connection.execute(f"DROP ROLE {ROLE}, rls_open, rls_columns, rls_owner")


def police(school, of_students=None, of_records=None, role="PUBLIC"):
    for table, shown in ("students", of_students), ("health_records", of_records):
        if shown:
            school.sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON {table} TO {role} USING ({shown})")


def heard(school, mode, calls, role=ROLE):
    """Answers of calls, and the notices that came with them."""
    notices = []
    handler = lambda notice: notices.append(notice.message_primary)
    school.sql(f"SET LOCAL white_cross.search_under_rls = '{mode}'; SET LOCAL ROLE {role}; SET LOCAL client_min_messages = 'debug1'")
    school.connection.add_notice_handler(handler)
    try:
        return [school.one(f"SELECT wc_search_health_records({call})") for call in calls], notices
    finally:
        school.connection.remove_notice_handler(handler)
        if school.connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
            school.sql("RESET ROLE; RESET client_min_messages; RESET white_cross.search_under_rls")


def calls_of(typed):
    return [f"'{typed}'", f"'{typed}', page => 2, page_size => 7, highlight => true", f"'{typed}', 'ILLNESS'", f"""'{typed}', "order" => 'rank'"""]


def same(one, other):
    """Equal, but that a total that is a lower bound may be any one."""
    one, other = ({**found, "pagination": {key: value for key, value in found["pagination"].items() if not (found["pagination"].get("totalIsLowerBound") and
                   key in ("total", "pages"))}} for found in (one, other))
    return one == other


def compare(school, calls, role=ROLE):
    by_scan, by_index = heard(school, "scan", calls, role)[0], heard(school, "index", calls, role)[0]
    different = [call for call, one, other in zip(calls, by_scan, by_index) if not same(one, other)]
    assert not different, different
    return by_index


def compare_by_settings(school):
    """A policy that asks for settings of the session decides by what they are now."""
    police(school, "grade = current_setting('app.grade')", "right(id, 1) = current_setting('app.last')")
    for grade, last in ("5", "4"), ("6", "4"), ("6", "5"), ("5", "5"):
        school.sql(f"SET LOCAL app.grade = '{grade}'; SET LOCAL app.last = '{last}'")
        for page in compare(school, ["'everyone'", "'commonlast3'", "'seldom'"]):
            assert all(record["id"][-1] == last for record in page["records"])
