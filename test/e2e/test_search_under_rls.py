"""white_cross.search_under_rls = index: what a policy hides stays hidden, and what is found is what plain SQL and `scan` find.

Only time may differ.  So nothing of a hidden row may reach anything that could show it: no row, no count, no error and no notice.
"""

import psycopg
import pytest
from school import School, attached_school

pytestmark = pytest.mark.thorough

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


@pytest.fixture(scope="module")
def guarded(cluster):
    school = attached_school(cluster, "search_under_rls")
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
    cluster.drop_database("search_under_rls")
    with cluster.connect() as connection:
        connection.execute(f"DROP ROLE {ROLE}, rls_open, rls_columns, rls_owner")


@pytest.fixture
def policed(guarded):
    """A transaction in which a test makes policies."""
    with guarded.connection.transaction(force_rollback=True):
        yield guarded


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


@pytest.mark.parametrize("policies", POLICIES)
def test_both_find_the_same(policed, policies):
    policed.sql("SET LOCAL max_stack_depth = '2MB'")
    of_students, of_records = POLICIES[policies]
    if policies == "searching":  # not of the table that it guards
        policed.sql("CREATE ROLE rls_inner BYPASSRLS; GRANT SELECT ON ALL TABLES IN SCHEMA public TO rls_inner")
        policed.sql("""CREATE FUNCTION inner_search() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS
            $$ SELECT wc_search_health_records('seldom') #>> '{pagination,total}' $$; ALTER FUNCTION inner_search OWNER TO rls_inner""")
        of_records = "(id LIKE '%00' OR inner_search() <> '0') AND id !~ '[13579]$' AND (id !~ '7.$' OR inner_search() <> '0')"
        police(policed, of_students, of_records, ROLE)
        compare(policed, [call for typed in ("seldom", "shownfirst commonlast4") for call in calls_of(typed)])
        return
    police(policed, of_students, of_records)
    found = compare(policed, [call for typed in TYPED for call in calls_of(typed)])
    assert any(page["records"] for page in found) == (policies != "nothing")


def test_restrictive_policies_and_forced_ones(policed):
    police(policed, "true", "true")
    policed.sql("CREATE POLICY q ON health_records AS RESTRICTIVE USING (type = 'ILLNESS')")
    calls = [call for typed in TYPED for call in calls_of(typed)]
    assert {record["type"] for page in compare(policed, calls) for record in page["records"]} == {"ILLNESS"}
    policed.sql("ALTER TABLE health_records OWNER TO rls_owner; ALTER TABLE students OWNER TO rls_owner")
    assert {record["type"] for page in compare(policed, calls, "rls_owner") for record in page["records"]} == {"CHECKUP", "ILLNESS"}
    policed.sql("ALTER TABLE health_records FORCE ROW LEVEL SECURITY")
    assert {record["type"] for page in compare(policed, calls, "rls_owner") for record in page["records"]} == {"ILLNESS"}
    assert {record["type"] for page in compare(policed, calls, "rls_open") for record in page["records"]} == {"CHECKUP", "ILLNESS"}


def test_a_role_of_some_columns_is_refused_alike(policed):
    police(policed, "true", "true")
    for mode in "scan", "index":
        with pytest.raises(psycopg.errors.InsufficientPrivilege), policed.connection.transaction():
            heard(policed, mode, ["'seldom'"], "rls_columns")


def test_a_policy_by_a_setting_is_asked_anew(policed):
    police(policed, "grade = current_setting('app.grade')", "right(id, 1) = current_setting('app.last')")
    for grade, last in ("5", "4"), ("6", "4"), ("6", "5"), ("5", "5"):
        policed.sql(f"SET LOCAL app.grade = '{grade}'; SET LOCAL app.last = '{last}'")
        for page in compare(policed, ["'everyone'", "'commonlast3'", "'seldom'"]):
            assert all(record["id"][-1] == last for record in page["records"])


def test_a_row_becomes_hidden_within_the_transaction(policed):
    police(policed, "true", "description NOT LIKE 'secret%'")
    before = compare(policed, ["'shownword seldom'"])[0]["pagination"]["total"]
    policed.sql("UPDATE health_records SET description = 'secret ' || description WHERE id IN ('r100', 'r200', 'r302')")
    assert compare(policed, ["'shownword seldom'"])[0]["pagination"]["total"] == before - 3


LONG_HIDDEN = "id NOT LIKE 'long%'"


@pytest.mark.parametrize("typed", ["longword", "longwo", "everyone -sage", '"longword x"', "shownfirst -sage", "N2", "commonlast2 -nothing", "long -sage"])
def test_a_hidden_long_word_gives_no_notice(policed, typed):
    """Making its document would tell that a hidden record has one."""
    policed.sql("SET LOCAL enable_seqscan = off")
    calls = calls_of(typed)
    notices = heard(policed, "index", calls[:3], "rls_open")[1]
    police(policed, None, LONG_HIDDEN)
    answers, under_policy = heard(policed, "index", calls)
    assert not any(record["id"].startswith("long") for page in answers for record in page["records"])
    assert not [notice for notice in under_policy if "too long" in notice], (typed, notices)


def test_what_is_not_hidden_gives_that_notice(policed):
    """So the test before can fail: an excluded word is compared with the document itself."""
    police(policed, None, "true")
    _, notices = heard(policed, "index", ["'shownfirst -sage'"])
    assert [notice for notice in notices if "too long" in notice]


def test_a_policy_sees_fewer_rows(policed):
    """Those that the index has found, and no row that it would not see otherwise."""
    policed.sql("""CREATE FUNCTION seen(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'policy sees %', $1; RETURN $1 !~ '[13579]$'; END $$""")
    police(policed, None, "seen(id)")
    by_mode = {mode: heard(policed, mode, ["'hiddenfirst commonlast4'", "'seldom'", "'longword'"]) for mode in ("scan", "index")}
    assert all(same(*pair) for pair in zip(by_mode["scan"][0], by_mode["index"][0]))
    saw = {mode: {notice for notice in notices if notice.startswith("policy sees")} for mode, (_, notices) in by_mode.items()}
    assert saw["index"] and saw["index"] < saw["scan"], (len(saw["index"]), len(saw["scan"]), sorted(saw["index"] - saw["scan"])[:10])
    assert not [notice for _, notices in by_mode.values() for notice in notices if LONG[:50] in notice]


def test_a_policy_that_fails_says_nothing_more(policed):
    policed.sql("""CREATE FUNCTION failing(text) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN IF $1 = 'r103' THEN RAISE EXCEPTION 'policy failed'; END IF; RETURN true; END $$""")
    police(policed, None, "failing(id)")
    for mode, typed in ("scan", "seldom"), ("index", "seldom"):
        with pytest.raises(psycopg.errors.RaiseException, match="^policy failed"), policed.connection.transaction():
            heard(policed, mode, [f"'{typed}'"])
    assert heard(policed, "index", ["'longword'"])[0][0]["pagination"]["total"] == 3  # it was not asked about that record


def test_a_policy_may_do_anything(policed):
    """DDL of tables that are being read is refused as ever; all else goes on."""
    policed.sql("""CREATE FUNCTION busy(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        IF $1 ~ '03$' THEN
            PERFORM set_config('white_cross.direct_reads', 'off', true), set_config('enable_tidscan', 'off', true);
            CREATE TEMP TABLE IF NOT EXISTS made_by_policy (n int); DROP TABLE made_by_policy;
            BEGIN DROP INDEX idx_health_records_search; EXCEPTION WHEN object_in_use OR insufficient_privilege THEN NULL; END;
            BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END;
        END IF;
        RETURN $1 !~ '[57]$'; END $$""")
    police(policed, None, "busy(id)")
    compare(policed, [call for typed in ("seldom", "shownfirst commonlast4", "everyone") for call in calls_of(typed)[:2]])


def test_a_policy_that_searches_itself(policed):
    """The search within is answered as any other, and the one around goes on with its own rows."""
    policed.sql("""CREATE FUNCTION again(text) RETURNS boolean LANGUAGE plpgsql AS $$ DECLARE inner_total text; BEGIN
        IF $1 = 'r103' AND coalesce(current_setting('app.deep', true), '') = '' THEN
            PERFORM set_config('app.deep', 'yes', true);
            inner_total := wc_search_health_records('shownword seldom') #>> '{pagination,total}';
            PERFORM wc_search_health_records('commonlast3');
            PERFORM set_config('app.deep', '', true), set_config('app.inner_total', inner_total, true);
        END IF;
        RETURN $1 !~ '[57]$'; END $$""")
    police(policed, "again(id)", "again(id)")
    compare(policed, calls_of("seldom"))
    assert policed.one("SELECT current_setting('app.inner_total')") == str(compare(policed, ["'shownword seldom'"])[0]["pagination"]["total"])


def test_only_superusers_set_it(guarded):
    with School(guarded.cluster, guarded.database, ROLE) as nurse:
        assert nurse.one("SELECT wc_search_health_records('nosuchword') #>> '{pagination,total}'") == "0"
        assert nurse.one("SHOW white_cross.search_under_rls") == "scan"
        for statement in "SET white_cross.search_under_rls = 'index'", "SELECT set_config('white_cross.search_under_rls', 'index', false)", \
                f"ALTER ROLE {ROLE} SET white_cross.search_under_rls = 'index'":
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                nurse.sql(statement)
    with guarded.cluster.connect(guarded.database, ROLE, options="-c white_cross.search_under_rls=index") as early:
        early.execute("SELECT wc_search_health_records('nosuchword')")
        assert early.execute("SHOW white_cross.search_under_rls").fetchone()[0] == "scan"


def read_of(school, relation, typed):
    """How many rows of a table, and entries of its indexes, a search reads."""
    what = f"""SELECT pg_stat_get_xact_tuples_returned('{relation}'::regclass) + pg_stat_get_xact_tuples_fetched('{relation}'::regclass)
               + (SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index WHERE indrelid = '{relation}'::regclass)"""
    heard(school, "index", [f"'{typed}'"])
    before = school.one(what)
    heard(school, "index", [f"'{typed}'"])
    return school.one(what) - before


def test_the_indexes_are_really_taken(policed):
    policed.sql("SET LOCAL max_parallel_workers_per_gather = 0")
    police(policed, "grade = '5'", "right(id, 1) < '8'")
    assert read_of(policed, "health_records", "longword") < 40
    assert read_of(policed, "students", "hiddenfirst commonlast4") < 300  # a query compares 2,000


def test_records_of_hidden_students_are_not_read(policed):
    """Whoever has the name is asked about before anything else is done with the student."""
    police(policed, "grade = '5'", None)
    assert read_of(policed, "health_records", "hiddenfirst commonlast4") < 10
    assert read_of(policed, "health_records", "shownfirst commonlast4") > 100


def test_diagnose_says_how_it_searches(policed):
    police(policed, "true", "true")
    told = "SELECT detail FROM wc_diagnose() WHERE \"check\" = 'row-level security' AND status = 'ok'"
    assert "white_cross.search_under_rls = scan)" in policed.one(told)
    policed.sql(f"ALTER ROLE {ROLE} SET white_cross.search_under_rls = 'index'")
    assert f"white_cross.search_under_rls = scan; index for {ROLE})" in policed.one(told)
    policed.sql("SET LOCAL white_cross.search_under_rls = 'index'")
    assert "tells how many hidden rows have a word" in policed.one(told)
