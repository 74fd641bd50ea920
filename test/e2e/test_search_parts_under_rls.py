"""Searches of partitioned records with white_cross.search_under_rls = index: policies of the table decide about rows of its partitions."""

import pytest
from compared_search import DOCUMENT
from partitioned import BY_DATE, BY_STUDENT, INDEX, REORDERED, hashes, partitioned, ranges
from policed_search import POLICIES, ROLE, TYPED, calls_of, compare, compare_by_settings, guarded_school, heard, police, same

pytestmark = pytest.mark.thorough

INDEXES = [f"CREATE INDEX ON health_records {INDEX}", f"CREATE INDEX ON health_records USING gin ({DOCUMENT.replace('r.', '')})",
           'CREATE INDEX ON health_records (date DESC, "createdAt" DESC, id)', "CREATE INDEX ON health_records (id)"]
DAYS = ["MINVALUE", "'2025-10-05'", "'2025-10-07'", "'2025-10-09'", "MAXVALUE"]
LAYOUTS = {
    "hash": (BY_STUDENT, hashes()),
    "dates of hashes": (BY_DATE, [s for n, one in enumerate(ranges(DAYS, more=f"PARTITION {BY_STUDENT}"))
                                  for s in (one, *hashes(f"part{n}", 2, prefix=f"part{n}_"))]),
    "columns elsewhere": (BY_STUDENT, [*hashes(count=2)[:1], *REORDERED, "ALTER TABLE health_records ATTACH PARTITION part1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)"]),
}


@pytest.fixture(scope="module", params=LAYOUTS)
def guarded(cluster, request):
    key, parts = LAYOUTS[request.param]
    with guarded_school(cluster, "search_parts_under_rls") as school, partitioned(school, key, [*parts, *INDEXES]):
        # Nobody may read the partitions themselves, and policies of theirs do not count.
        school.sql(f"GRANT SELECT ON health_records TO {ROLE}, rls_open")
        for (part,) in school.rows("SELECT relid::regclass::text FROM pg_partition_tree('health_records') WHERE isleaf"):
            school.sql(f"ALTER TABLE {part} ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON {part} USING (false)")
        yield school


@pytest.fixture
def policed(guarded):
    """A transaction in which a test makes policies."""
    with guarded.connection.transaction(force_rollback=True):
        yield guarded


def read(school):
    """How many rows of all partitions, and entries of their indexes, the session has read."""
    return school.one("""SELECT sum(pg_stat_get_xact_tuples_returned(relid) + pg_stat_get_xact_tuples_fetched(relid)
            + (SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(indexrelid)), 0) FROM pg_index WHERE indrelid = relid))
        FROM pg_partition_tree('health_records') WHERE isleaf""")


@pytest.mark.parametrize("policies", [name for name in POLICIES if name != "searching"])
def test_both_find_the_same(policed, policies):
    police(policed, *POLICIES[policies])
    found = compare(policed, [call for typed in TYPED for call in calls_of(typed)])
    assert any(page["records"] for page in found) == (policies != "nothing")


def test_a_policy_by_a_setting_is_asked_anew(policed):
    compare_by_settings(policed)


def test_rows_that_change_within_the_transaction(policed):
    """One becomes hidden, and others move to another partition."""
    police(policed, "true", "description NOT LIKE 'secret%'")
    before = compare(policed, ["'shownword seldom'"])[0]["pagination"]["total"]
    policed.sql("UPDATE health_records SET description = 'secret ' || description WHERE id IN ('r100', 'r200', 'r302')")
    policed.sql("UPDATE health_records SET \"studentId\" = 's7', date = date - interval '3 days' WHERE id LIKE 'r4_2'")
    assert compare(policed, ["'shownword seldom'"])[0]["pagination"]["total"] == before - 3


@pytest.mark.parametrize("typed", ["longword", "everyone -sage", "shownfirst -sage", "N2"])
def test_a_hidden_long_word_gives_no_notice(policed, typed):
    police(policed, None, "id NOT LIKE 'long%'")
    answers, notices = heard(policed, "index", calls_of(typed))
    assert not any(record["id"].startswith("long") for page in answers for record in page["records"])
    assert not [notice for notice in notices if "too long" in notice]


def test_a_policy_sees_what_the_index_has_found(policed):
    """And no row that lies at the same position of another partition."""
    policed.sql("""CREATE FUNCTION seen(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'policy sees %', $1; RETURN $1 !~ '[1357]$'; END $$""")
    police(policed, None, "seen(id)")
    by_mode = {mode: heard(policed, mode, ["'seldom'", "'longword'"]) for mode in ("scan", "index")}
    assert all(same(*pair) for pair in zip(by_mode["scan"][0], by_mode["index"][0]))
    saw = {mode: {notice.split()[-1] for notice in notices if notice.startswith("policy sees")} for mode, (_, notices) in by_mode.items()}
    matching = {id for (id,) in policed.rows("SELECT id FROM health_records WHERE description ~ '(seldom|longword)'")}
    assert saw["index"] == matching and len(saw["scan"]) > 9000


def test_the_indexes_are_really_taken(policed):
    # Of so few rows the planner would rather read all than look up those of the page.
    policed.sql("SET LOCAL enable_seqscan = off")
    police(policed, "grade = '5'", "right(id, 1) < '8'")
    for typed, most in ("longword", 100), ("hiddenfirst commonlast4", 100), ("shownfirst commonlast4", 5000):
        heard(policed, "index", [f"'{typed}'"])
        before = read(policed)
        heard(policed, "index", [f"'{typed}'"])
        assert read(policed) - before < most, typed


def test_partitioned_students(guarded):
    """A query finds them by their names, though each partition has an index of names."""
    school = guarded
    by_name = school.one("SELECT split_part(pg_get_indexdef('idx_students_name'::regclass), ' USING ', 2)")
    parts = [*hashes("students", 3, prefix="pupils"), "CREATE UNIQUE INDEX ON students (id)", f"CREATE INDEX ON students USING {by_name}",
             f"GRANT SELECT ON students TO {ROLE}"]
    with partitioned(school, "BY HASH (id)", parts, "students"), school.connection.transaction(force_rollback=True):
        police(school, *POLICIES["both"])
        compare(school, [call for typed in TYPED[::2] for call in calls_of(typed)[:2]])
