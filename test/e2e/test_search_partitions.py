"""Searches of partitioned records have the same bytes as those of a plain table, read directly and by queries."""

import random
import threading

import pytest

from compared_search import DOCUMENT, check
from partitioned import BY_DATE, BY_STUDENT, DAYS, INDEX, LAYOUTS, REORDERED, hashes, partitioned, ranges
from school import attached_school
from servers import until

pytestmark = pytest.mark.thorough

RECORDS = 9_000

# The latest records first, over the twelve days of the layouts' partitions, many of one date.  The students of "Garcia" are more than
# are looked at before it is decided how to go on.
DATA = f"""
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, 'N' || n, (ARRAY['Emma', 'Zoë', 'Liam', 'Noah'])[1 + n % 4],
       CASE WHEN n <= 12 THEN 'Fever' WHEN n <= 60 THEN 'O''Brien' WHEN n <= 200 THEN 'Smith' ELSE 'Garcia' END, '2014-03-02', '5', 'FEMALE'
FROM generate_series(1, 1000) n;
INSERT INTO health_records (id, type, date, "createdAt", description, notes, provider, "studentId")
SELECT 'r' || md5(n::text), (ARRAY['CHECKUP', 'ILLNESS', 'DENTAL'])[1 + n % 3]::"HealthRecordType",
       timestamp '2020-01-09' - n / 40 * interval '1 hour 16 minutes', timestamp '2020-02-01' + n * 7 % 5 * interval '1 day',
       concat_ws(' ', 'visit', CASE WHEN n % 3 < 2 THEN 'everywhere' END, CASE WHEN n % 5 < 3 THEN 'sage' END, CASE WHEN n % 7 < 4 THEN 'thyme' END,
                 CASE WHEN n > {RECORDS} * 0.6 THEN 'formerly' END, CASE WHEN n < {RECORDS} * 0.4 THEN 'lately' END,
                 CASE WHEN n % 100 = 7 THEN 'anaphylaxis' END, CASE WHEN n % 4 = 0 AND n > {RECORDS} / 10 THEN 'feverish sleeping' END,
                 CASE WHEN n % 3 = 1 AND (n < {RECORDS} * 0.3 OR n > {RECORDS} * 0.55) THEN 'pausing' END),
       CASE WHEN n % 6 = 0 THEN 'smith parents notified' END, CASE WHEN n % 4 = 0 THEN 'Nurse Kim' END, 's' || (1 + n * 7 % 900)
FROM generate_series(1, {RECORDS}) n ORDER BY n * 7 % 100, n;
"""
WORDS = ["everywhere", "sage", "thyme", "formerly", "lately", "anaphylaxis", "feverish", "pausing", "nurse", "smith", "garcia", "emma", "brien", "kim"]
TYPED = [*WORDS, "visit", "fever", "nobody", "sage thyme", "formerly lately", '"sage thyme"', '"feverish sleeping"', "everywhere -sage", "-thyme formerly",
         "anaphylaxis -everywhere", "emma garcia", "noah brien", "smith -parents", "fe", "sm", "form", "N12", "anaphylaxis nurse"]
SEARCH_INDEXES = [f"CREATE INDEX ON health_records USING gin ({DOCUMENT.replace('r.', '')})",
                  'CREATE INDEX ON health_records (date DESC, "createdAt" DESC, id)', "CREATE INDEX ON health_records (id)"]
FOUR_HASHES = [*hashes(), f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES]
DAYS_AND_REST = [*ranges(DAYS, leave_out=[2, 4]), "CREATE TABLE rest PARTITION OF health_records DEFAULT", f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES]


def call(typed, type=None, page=1, size=20, order="date", highlight=False):
    return "wc_search_health_records(%s, %s, page => %s, page_size => %s, \"order\" => %s, highlight => %s)", (typed, type, page, size, order, highlight)


def generated():
    chance = random.Random(20260419)
    found = [call(typed) for typed in TYPED]
    for typed in TYPED:
        found += [call(typed, type=chance.choice(["ILLNESS", "DENTAL"])), call(typed, page=chance.choice([2, 5, 40]), size=chance.choice([7, 20]))]
    found += [call(typed, order="rank", highlight=chance.random() < 0.5) for typed in TYPED[::3]]
    for _ in range(30):
        words = " ".join(chance.sample(WORDS, chance.randrange(1, 4)))
        found.append(call(words, chance.choice([None, "CHECKUP"]), chance.choice([1, 1, 3]), chance.choice([1, 20, 200])))
    return found


CALLS = generated()


@pytest.fixture(scope="module")
def school(cluster):
    school = attached_school(cluster, "search_partitions")
    school.sql("CREATE EXTENSION pg_trgm")
    school.psql(DATA)
    for (statement,) in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    school.psql("VACUUM ANALYZE students, health_records")
    school.sql("LOAD 'auto_explain'")
    with school.connection:
        yield school
    cluster.drop_database(school.database)


def answer(school, call):
    statement, arguments = call
    return school.one(f"SELECT {statement}::text", *arguments)


def answers(school, direct, calls=CALLS):
    school.sql(f"SET white_cross.direct_reads = {direct}")
    return [answer(school, call) for call in calls]


@pytest.fixture(scope="module")
def plain(school):
    return answers(school, "on")


def assert_same(found, expected, told, calls=CALLS):
    different = [call for call, one, other in zip(calls, found, expected) if one != other]
    assert not different, f"{told}: {len(different)} of {len(calls)} differ, the first is {different[0][1]}"


def statements_of(school, call, role):
    """The statements that a search runs inside."""
    seen = []
    school.connection.add_notice_handler(take := lambda notice: seen.append(notice.message_primary))
    for setting, value in {"auto_explain.log_min_duration": "0", "auto_explain.log_nested_statements": "on", "auto_explain.log_level": "log",
                           "client_min_messages": "log", "white_cross.direct_reads": "on", "role": role}.items():
        school.sql(f"SET {setting} = {value}")
    answer(school, call)
    school.sql("RESET ROLE; RESET client_min_messages; SET auto_explain.log_min_duration = -1")
    school.connection.remove_notice_handler(take)
    return seen


def is_direct(school, role="none"):
    """Whether matches by text, and by name, are found without a query of records for them."""
    text = [one for one in statements_of(school, call("everywhere"), role) if "@@) $1" in one]
    names = [one for one in statements_of(school, call("brien"), role) if "health_records" in one and "OPERATOR(pg_catalog.~~*) $2" in one]
    return not text, not names


def looks_up_ids(school, call):
    """Whether a query looks for the records of the page, or for those that are ranked, by their ids."""
    return any(sign in one for one in statements_of(school, call, "none") for sign in ("AS u(id, n)", "ts_rank("))


# One that a query finds, because most names have such a part, one by rank, and one that counts all.
KINDS = [call("everywhere"), call("anaphylaxis", highlight=True), call("emma garcia"), call("ia"), call("brien", order="rank"), call("sage thyme", order="rank")]


def test_a_plain_table(school, plain):
    """By queries it has the same bytes; what is told of directness is right for both."""
    assert is_direct(school) == (True, True)
    assert not [one for one in KINDS if looks_up_ids(school, one)]
    assert_same(answers(school, "off"), plain, "by queries")
    totals = [school.one("SELECT %s::json #>> '{pagination,total}'", text) for text in plain]
    assert len(set(totals)) > 20


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(school, plain, layout):
    """By whatever they are partitioned, searches read all of them directly, where each partition has the indexes."""
    key, statements, _ = LAYOUTS[layout]
    lacks_index_by_student = layout in ("no index on one", "no index on one of the dates", "an invalid index", "hash, the application's indexes",
                                        "dates, the application's indexes", "dates, an index of each kind")
    with partitioned(school, key, statements + SEARCH_INDEXES):
        assert_same(answers(school, "on"), plain, "directly")
        assert is_direct(school) == (True, not lacks_index_by_student)
        assert not [one for one in KINDS if looks_up_ids(school, one)]
        some = CALLS[::4]
        assert_same(answers(school, "off", some), plain[::4], "by queries", some)


CHANGES = [
    "UPDATE health_records SET description = 'formerly lately sage thyme' WHERE id < 'r08'",
    "UPDATE health_records SET \"studentId\" = 's7', date = date + interval '1 day' WHERE id BETWEEN 'r10' AND 'r18'",
    "DELETE FROM health_records WHERE id BETWEEN 'r20' AND 'r40'",
    "INSERT INTO health_records (id, type, date, description, \"studentId\") SELECT 'new' || n, 'DENTAL', timestamp '2019-12-28 01:00' + n * interval '11 hours', "
    "(ARRAY['formerly', 'sage thyme', 'anaphylaxis'])[1 + n % 3], 's' || n FROM generate_series(1, 24) n",
]
LAYOUTS_OF_CHANGES = {"hash": (BY_STUDENT, FOUR_HASHES), "dates, and a default": (BY_DATE, DAYS_AND_REST),
                      **{name: (LAYOUTS[name][0], LAYOUTS[name][1] + SEARCH_INDEXES) for name in ("hashes of dates", "dates, columns elsewhere")}}


@pytest.mark.parametrize("layout", LAYOUTS_OF_CHANGES)
def test_rows_that_were_changed_and_moved(school, layout):
    """With their new versions in the indexes' lists of what is new, and sorted in; with the old ones dead, and removed."""
    with partitioned(school, *LAYOUTS_OF_CHANGES[layout]):
        for change in [*CHANGES, "VACUUM health_records"]:
            school.sql(change)
            assert_same(answers(school, "on"), answers(school, "off"), change)
        assert is_direct(school) == (True, True)


@pytest.mark.parametrize("key, parts", [(BY_STUDENT, hashes(more="WITH (fillfactor = 60)")), (BY_DATE, ranges(DAYS, more="WITH (fillfactor = 60)"))])
def test_versions_that_no_index_has(school, key, parts):
    """A page is read where its records were found: the versions themselves, or the places that indexes have of them."""
    hot = "SELECT sum(pg_stat_get_xact_tuples_hot_updated(inhrelid)) FROM pg_inherits WHERE inhparent = 'health_records'::regclass"
    with partitioned(school, key, [*parts, f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES]):
        with school.connection.transaction():
            for day in range(3):
                school.sql("UPDATE health_records SET \"updatedAt\" = \"updatedAt\" + interval '1 day' WHERE id LIKE '%%' || %s", "13579bdf"[day])
            assert school.one(hot) > 1000
        for change in "SELECT 1", "VACUUM health_records":
            school.sql(change)
            assert_same(answers(school, "on"), answers(school, "off"), change)
            assert not [one for one in KINDS if looks_up_ids(school, one)]


# Words, and which of four partitions by hash have them: in all records but the latest, in a third of these, and in the oldest ones.
SHARES = {"alone": ("3", "", ""), "firstfew": ("123", "0", ""), "firstold": ("123", "", "0"), "othersfew": ("01", "23", ""), "othersold": ("01", "2", "3"),
          "firstlatest": ("0", "", "123"), "onemore": ("1", "023", ""), "without": ("023", "", "")}
CONDITIONS = ["date < '2020-01-06'", "date < '2020-01-06' AND left(md5(id), 1) < '5'", "date < '2019-12-31'"]
MANY = 80_000


def test_partitions_with_other_shares_of_a_word(school):
    """Where very many match, and not the latest, each partition is taken to have its share of the latest that do, until one turns out to
    have less or more."""
    def has(word):
        return " OR ".join(f"tableoid::regclass::text = 'part{number}' AND {condition}"
                           for numbers, condition in zip(SHARES[word], CONDITIONS) for number in numbers)

    with partitioned(school, BY_STUDENT, FOUR_HASHES):
        school.sql(f"""INSERT INTO health_records (id, type, date, description, "studentId")
                       SELECT 'm' || n, (ARRAY['CHECKUP', 'ILLNESS'])[1 + n % 2]::"HealthRecordType", timestamp '2019-12-29' + n * interval '12 seconds', 'many', 's' || (1 + n % 900)
                       FROM generate_series(1, {MANY}) n""")
        school.sql("UPDATE health_records SET notes = concat_ws(' ', notes, " + ", ".join(f"CASE WHEN {has(word)} THEN '{word}' END" for word in SHARES) + ")")
        school.sql("VACUUM FULL health_records")  # the look at a part of the table begins at its beginning
        school.sql("VACUUM ANALYZE health_records")
        for word in SHARES:
            some = [call(word, page=page, size=size) for page, size in [(1, 200), (2, 150), (1, 20)]]
            some += [call(word, order="rank"), call(word, "ILLNESS", size=200)]
            assert_same(answers(school, "on", some), answers(school, "off", some), word, some)
        assert is_direct(school) == (True, True)


def test_words_whose_positions_are_in_a_tree(school):
    """With one row on a page, positions take so much room that the index has a tree of them for fewer than are counted."""
    some = [call('"parents"'), call('"parents"', "ILLNESS"), call('"notified" -sage')]  # in quotes, so that no beginnings are looked for
    with partitioned(school, BY_STUDENT, [*hashes(count=1, more="WITH (fillfactor = 10)"), f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES]):
        school.sql("UPDATE health_records SET attachments = ARRAY(SELECT md5(id || n) FROM generate_series(1, 20) n)")
        school.sql("VACUUM FULL health_records")
        school.sql("VACUUM ANALYZE health_records")
        assert_same(answers(school, "on", some), answers(school, "off", some), "in a tree", some)
        assert school.one("SELECT %s::json #>> '{pagination,total}'", answer(school, some[0])) == str(RECORDS // 6)
        assert is_direct(school) == (True, True)


def test_students_of_a_page(school):
    """Of which there may be none, or two; whose table is partitioned; or which only a query can read."""
    some = [*KINDS, *CALLS[::5]]
    restore = "INSERT INTO students SELECT * FROM away; DROP TABLE away"
    with partitioned(school, BY_STUDENT, FOUR_HASHES):
        # Their records stay, those of the table that is not partitioned too.
        school.sql("CREATE TABLE away AS SELECT * FROM students WHERE id LIKE '%7'; SET session_replication_role = replica")
        school.sql("DELETE FROM students USING away WHERE students.id = away.id; RESET session_replication_role")
        on = answers(school, "on", some)
        assert any('"student":null' in text.replace(" ", "") for text in on)
        assert_same(on, answers(school, "off", some), "students that are gone", some)
        assert not looks_up_ids(school, KINDS[0])
        school.sql(restore)
        with partitioned(school, "BY HASH (id)", [*hashes("students", 3, prefix="pupils"), "CREATE UNIQUE INDEX ON students (id)"], "students"):
            assert_same(answers(school, "on", some), answers(school, "off", some), "partitioned students", some)
            assert not looks_up_ids(school, KINDS[0])
            school.sql("DROP INDEX students_id_idx; CREATE INDEX ON pupils0 (id); CREATE UNIQUE INDEX ON pupils1 (id)")
            assert_same(answers(school, "on", some), answers(school, "off", some), "without an index on one", some)
            assert looks_up_ids(school, KINDS[0])


def test_the_default_partition_has_the_latest(school, plain):
    """Ranges of dates beside it have as many matches as the page shows, and none of them is on it."""
    with partitioned(school, BY_DATE, DAYS_AND_REST):
        assert school.one("SELECT max(date) FROM rest") > school.one("SELECT max(date) FROM part3")
        assert_same(answers(school, "on"), plain, "directly")
        assert is_direct(school) == (True, True)


def test_ranges_that_end_at_one_date(school, plain):
    """More matches than are counted are in some of the partitions that end there; the others have as late ones."""
    ends = ["'2019-12-01'", "'2020-01-03'", "'2020-02-01'"]
    parts = [s for n, one in enumerate(hashes(count=8, more=f"PARTITION {BY_DATE}")) for s in (one, *ranges(ends, f"part{n}", prefix=f"part{n}_"))]
    with partitioned(school, BY_STUDENT, [*parts, f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES]):
        assert_same(answers(school, "on"), plain, "directly")
        assert is_direct(school) == (True, True)


def numbers(school, counter, relations, typed):
    """What a counter of PostgreSQL says of each relation for one search."""
    school.sql("SET white_cross.direct_reads = on")
    counters = "SELECT ARRAY(SELECT pg_stat_get_xact_%s(name::regclass) FROM unnest(%%s::text[]) WITH ORDINALITY AS n (name, at) ORDER BY at)" % counter
    answer(school, call(typed))  # its plans and catalogs
    with school.connection.transaction():
        before = school.one(counters, relations)
        answer(school, call(typed))
        return [now - so_far for now, so_far in zip(school.one(counters, relations), before)]


def indexes_of(school, part, like):
    return school.one("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND pg_get_indexdef(indexrelid) LIKE %s", part, like)


def test_what_is_not_read(school):
    """Earlier ranges of dates once the page is full, and the records of students in partitions where they have none."""
    with partitioned(school, BY_DATE, [*ranges(DAYS), f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES]):
        dates = [indexes_of(school, f"part{n}", "%btree (date%") for n in range(5)]
        # What is counted is all in the latest one, and what is old in the first.
        assert numbers(school, "numscans", dates, "lately")[:4] == [0, 0, 0, 0]
        parts = [f"part{n}" for n in range(5)]
        assert numbers(school, "tuples_fetched", parts, "formerly")[3:] == [0, 0]
    with partitioned(school, BY_STUDENT, FOUR_HASHES):
        students = [indexes_of(school, f"part{n}", '%btree ("studentId"%') for n in range(4)]
        scans = numbers(school, "numscans", students, "N899")
        assert sorted(scans) == [0, 0, 0, 1], scans


@pytest.mark.parametrize("way", ["no index of words on one", "another expression on one", "an invalid index of words", "a condition"])
def test_one_partition_without_the_index_of_words(school, plain, way):
    """Then queries search all of them."""
    with partitioned(school, BY_STUDENT, [*hashes(), f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES[1:]]):
        document = DOCUMENT.replace("r.", "")
        for n in range(4):
            school.sql(f"CREATE INDEX words{n} ON part{n} USING gin ({document})")
        assert is_direct(school) == (True, True)
        school.sql({"no index of words on one": "DROP INDEX words2",
                    "another expression on one": f"DROP INDEX words2; CREATE INDEX ON part2 USING gin ({document.replace('english', 'simple')})",
                    "an invalid index of words": "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'words2'::regclass; ALTER TABLE part2 SET (fillfactor = 99)",
                    "a condition": f"DROP INDEX words2; CREATE INDEX ON part2 USING gin ({document}) WHERE id > ''"}[way])
        assert is_direct(school)[0] is False
        some = CALLS[:30]
        assert_same(answers(school, "on", some), plain[:30], way, some)


def test_columns_that_lie_elsewhere_by_name(school, plain):
    """A part's own numbers of columns: two texts have changed places, so the expression of the whole table is another one."""
    with partitioned(school, BY_STUDENT, [*hashes(count=2)[:1], *REORDERED, "ALTER TABLE health_records ATTACH PARTITION part1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
                                          f"CREATE INDEX ON health_records {INDEX}", *SEARCH_INDEXES]):
        assert is_direct(school) == (True, True)
        assert_same(answers(school, "on"), plain, "directly")


def test_partitions_that_come_and_go_in_one_session(school, plain):
    """What a session keeps of a partition follows its indexes and its place."""
    with partitioned(school, BY_DATE, DAYS_AND_REST):
        answers(school, "on")
        for change in ["ALTER TABLE health_records DETACH PARTITION part3",
                       "ALTER TABLE health_records ATTACH PARTITION part3 FOR VALUES FROM ('2020-01-02 08:00') TO ('2020-01-06')",
                       "ALTER TABLE health_records DETACH PARTITION rest", "DROP TABLE part0",
                       "ALTER TABLE health_records ATTACH PARTITION rest DEFAULT", "DROP TABLE rest, part1, part3"]:
            school.sql(change)
            assert_same(answers(school, "on"), answers(school, "off"), change)
        assert answers(school, "on", [call("everywhere")]) == answers(school, "on", [call("nobody")])
        assert is_direct(school) == (True, True)


def test_rights_are_those_of_the_table(school, plain):
    some = CALLS[:12]
    school.sql("CREATE ROLE searcher; GRANT SELECT ON students TO searcher")
    with partitioned(school, BY_STUDENT, FOUR_HASHES):
        school.sql("REVOKE ALL ON part0, part1, part2, part3 FROM PUBLIC; ALTER TABLE part1 ENABLE ROW LEVEL SECURITY; GRANT SELECT ON health_records TO searcher")
        assert is_direct(school, "searcher") == (True, True)
        school.sql("SET ROLE searcher")
        assert_same(answers(school, "on", some), plain[:12], "directly", some)
        school.sql("RESET ROLE; ALTER TABLE health_records ENABLE ROW LEVEL SECURITY; CREATE POLICY most ON health_records USING (type <> 'DENTAL')")
        assert is_direct(school, "searcher")[0] is False
        school.sql("SET ROLE searcher")
        on = answers(school, "on", some)
        assert not any('"DENTAL"' in text for text in on)
        assert_same(on, answers(school, "off", some), "under a policy", some)
        school.sql("RESET ROLE; REVOKE SELECT ON health_records FROM searcher; DROP POLICY most ON health_records; ALTER TABLE health_records DISABLE ROW LEVEL SECURITY")
        school.sql("GRANT SELECT (id) ON health_records TO searcher; SET ROLE searcher")
        with pytest.raises(Exception, match="permission denied"):
            answer(school, call("everywhere"))
        school.sql("RESET ROLE")
    school.sql("DROP OWNED BY searcher; DROP ROLE searcher")


def test_a_foreign_table_among_the_partitions(school, plain):
    file = f"{school.one('SHOW data_directory')}/part1.csv"  # where the server may write
    school.sql("CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw")
    with partitioned(school, BY_STUDENT, hashes(count=2)):
        school.sql(f"COPY part1 TO '{file}' (FORMAT csv)")
        shape = school.one("SELECT string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END), ', ' "
                           "ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'part1'::regclass AND attnum > 0")
        school.sql(f"DROP TABLE part1; CREATE FOREIGN TABLE part1 ({shape}) SERVER files OPTIONS (filename '{file}', format 'csv')")
        school.sql("ALTER TABLE health_records ATTACH PARTITION part1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
        for index in SEARCH_INDEXES:
            school.sql(index)
        some = CALLS[:30]
        assert_same(answers(school, "on", some), plain[:30], "by queries", some)
        assert is_direct(school) == (False, False)
    school.sql("DROP EXTENSION file_fdw CASCADE")


def test_a_partition_under_concurrent_detachment(school):
    """Old snapshots find its rows until it is done, new ones do not."""
    some = [call("anaphylaxis"), call("everywhere", size=200), call("brien")]
    # A kept plan may have another partition than the snapshot.
    custom = "SET plan_cache_mode = force_custom_plan"
    with partitioned(school, BY_STUDENT, FOUR_HASHES), school.cluster.connect(school.database) as holder, \
            school.cluster.connect(school.database) as old, school.cluster.connect(school.database) as dba:
        school.sql(custom)
        whole = answers(school, "on", some)
        old.execute(f"{custom}; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        holder.execute("BEGIN; SELECT 1 FROM health_records LIMIT 1")
        detaching = threading.Thread(target=dba.execute, args=["ALTER TABLE health_records DETACH PARTITION part2 CONCURRENTLY"])
        detaching.start()
        until(lambda: school.one("SELECT 1 FROM pg_inherits WHERE inhdetachpending"))
        without = answers(school, "off", some)
        assert all(one != other for one, other in zip(without, whole))
        assert answers(school, "on", some) == without
        for direct in "on", "off":
            old.execute(f"SET LOCAL white_cross.direct_reads = {direct}")
            found = [old.execute(f"SELECT {statement}::text", arguments).fetchone()[0] for statement, arguments in some]
            assert found == whole, direct
        holder.execute("ROLLBACK")
        old.execute("ROLLBACK")
        detaching.join()
        assert answers(school, "on", some) == without
        school.sql("DROP TABLE part2; RESET plan_cache_mode")


def test_what_plain_sql_finds(school):
    """Counts over all partitions, and the last of all pages."""
    school.sql("SET white_cross.direct_reads = on")
    with partitioned(school, BY_STUDENT, FOUR_HASHES):
        school.sql("UPDATE health_records SET \"createdAt\" = '2020-02-01'")
        for typed in "anaphylaxis", "formerly", "sage thyme", "lately -sage", "brien", "everywhere":
            count = check(school, typed)
            check(school, typed, page=max(count // 40, 1))
            check(school, typed, page=max(-(-count // 20), 1))
