"""white_cross.search_under_rls = index: what a policy hides stays hidden, and what is found is what plain SQL and `scan` find.

Only time may differ.  So nothing of a hidden row may reach anything that could show it: no row, no count, no error and no notice.
"""

import psycopg
import pytest
from policed_search import LONG, POLICIES, ROLE, TYPED, calls_of, compare, compare_by_settings, guarded_school, heard, police, same
from school import School

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def guarded(cluster):
    with guarded_school(cluster, "search_under_rls") as school:
        yield school


@pytest.fixture
def policed(guarded):
    """A transaction in which a test makes policies."""
    with guarded.connection.transaction(force_rollback=True):
        yield guarded


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
    compare_by_settings(policed)


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
