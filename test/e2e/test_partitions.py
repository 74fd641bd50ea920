"""Answers about partitioned tables have the same bytes as about plain ones, read directly and by queries."""

import threading

import psycopg
import pytest

from awkward import awkward_school
from every_call import OUTCOME, calls, outcome
from partitioned import BY_STUDENT, INDEX, LAYOUTS, hashes, indexed, partitioned
from school import attached_school
from servers import until

pytestmark = pytest.mark.thorough

READER = "reader_of_partitions"
STUDENTS = ["s1", "s2", "s12", "s27", "s35", "nobody"]
SEARCHES = [f"wc_search_health_records('{words}'{more})" for words in ("plain", "long quote", "Brien") for more in ("", ", 'VACCINATION', 1, 5")]


@pytest.fixture(scope="module")
def school(cluster):
    with awkward_school(cluster, "partitions") as school:
        school.sql("DELETE FROM students WHERE id NOT IN (SELECT 's' || n FROM generate_series(1, 40) n)")
        # Entered at other times than they tell of, some at the same time.
        school.sql("UPDATE health_records SET \"createdAt\" = timestamp '2020-02-01' + ascii(id) % 4 * interval '1 day'")
        school.sql(OUTCOME)
        school.sql("LOAD 'auto_explain'")
        school.sql(f"CREATE ROLE {READER}")
        school.sql(f"GRANT SELECT ON students, health_records, allergies, chronic_conditions TO {READER}")
        yield school
        school.sql(f"DROP OWNED BY {READER}; DROP ROLE {READER}")


@pytest.fixture(scope="module")
def all_calls(school):
    found = [call for ways in calls(school).values() for call in ways]
    return [call.replace("{id}", f"'{student}'") for student in STUDENTS for call in found] + SEARCHES


@pytest.fixture(scope="module")
def plain(school, all_calls):
    school.sql("SET white_cross.direct_reads = off")
    return {call: outcome(school, call) for call in all_calls}


def statements_of(school, call, role="none"):
    """Which statements about records the call runs."""
    seen = []
    school.connection.add_notice_handler(take := lambda notice: seen.append(notice.message_primary))
    for setting, value in {"auto_explain.log_min_duration": "0", "auto_explain.log_nested_statements": "on", "auto_explain.log_level": "log",
                           "client_min_messages": "log", "role": role}.items():
        school.sql(f"SET {setting} = {value}")
    school.sql(f"SELECT * FROM {call}")
    school.sql("RESET ROLE; RESET client_min_messages; SET auto_explain.log_min_duration = -1")
    school.connection.remove_notice_handler(take)
    return [text for text in seen if "health_records" in text]


def assert_same(school, expected):
    for direct in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct}")
        different = [call for call, answer in expected.items() if outcome(school, call) != answer]
        assert not different, f"direct_reads {direct}: {len(different)} of {len(expected)} differ, the first is {different[0]}"


# Calls that an index answers alone: a page that is not full needs no count.
BY_INDEX = ["wc_health_summary('{}')", "wc_student_records('{}', 1, 400)", "wc_student_records_after('{}', NULL, 5)",
            "wc_export_health_history('{}')", "wc_latest_bmi('{}', '2026-01-01'::date)"]


def ways(school):
    """{call: the students whose records it reads directly}"""
    school.sql("SET white_cross.direct_reads = on")
    return {call: {student for student in STUDENTS[:-1] if not statements_of(school, call.format(student))} for call in BY_INDEX}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(school, plain, layout):
    key, statements, way = LAYOUTS[layout]
    with partitioned(school, key, statements):
        assert_same(school, plain)
        direct = ways(school)
    every, none = set(STUDENTS[:-1]), set()
    if way == "summary":
        assert direct[BY_INDEX[0]] == every
    elif way == "either":
        assert all(none < students < every for students in direct.values()), direct
    else:
        assert all(students == (every if way == "direct" else none) for students in direct.values()), direct


def test_all_tables_by_hash(school, plain):
    by_id = hashes("students", 3, prefix="s_") + ["ALTER TABLE students ADD PRIMARY KEY (id)"]
    allergies = hashes("allergies", 3, prefix="a_") + ['CREATE INDEX ON allergies ("studentId")']
    with partitioned(school, BY_STUDENT, indexed(hashes())), partitioned(school, BY_STUDENT, allergies, "allergies"), \
            partitioned(school, "BY HASH (id)", by_id, "students"):
        assert_same(school, plain)
        school.sql("SET white_cross.direct_reads = on")
        assert not [text for text in statements_of(school, "wc_health_summary('s27')") if "unnest" in text]
        summaries = "SELECT student_id, summary::text FROM wc_health_summaries(ARRAY(SELECT 's' || n FROM generate_series(0, 41) n)) ORDER BY 1"
        direct = school.rows(summaries)
        school.sql("SET white_cross.direct_reads = off")
        assert school.rows(summaries) == direct


@pytest.mark.parametrize("layout", ["hash", "dates", "no index on one", "dates, and a default with rows"])
def test_many_students_at_once(school, layout):
    """Also where the first are read directly, and one in the middle cannot be."""
    some = "ARRAY(SELECT 's' || n FROM generate_series(0, 41) n UNION ALL SELECT NULL UNION ALL SELECT 's' || n FROM generate_series(1, 9) n)"
    batches = [f"wc_health_summaries({some})", f"wc_export_health_histories({some}, 7)", f"wc_export_health_histories({some})"]
    key, statements, _ = LAYOUTS[layout]
    school.sql("SET white_cross.direct_reads = off")
    expected = {call: outcome(school, call) for call in batches}
    with partitioned(school, key, statements):
        assert_same(school, expected)


def test_a_page_of_a_cursor_in_the_middle_of_everything(school):
    """Each page begins where the last one ended, also in another partition, and from either end."""
    def pages():
        text, cursor, found = None, None, []
        while not text or cursor:
            text = school.one("SELECT wc_student_records_after('s27', %s, 3)::text", cursor)
            cursor = school.one("SELECT %s::json ->> 'nextCursor'", text)
            found.append(text)
        return found + [school.one("SELECT wc_student_records('s27', %s, 3)::text", page) for page in range(1, len(found) + 2)] + \
            [school.one("SELECT wc_student_records('s27', 2, 3, %s::json)::text", filters)
             for filters in ('{"dateFrom":"2020-01-02T00:00:00Z"}', '{"dateTo":"2020-01-05T00:00:00Z"}')]

    school.sql("SET white_cross.direct_reads = off")
    expected = pages()
    assert len(expected) > 10
    school.sql("SET white_cross.direct_reads = on")
    for layout in "hash", "dates", "dates of hashes", "hashes of dates", "dates, columns elsewhere":
        key, statements, _ = LAYOUTS[layout]
        with partitioned(school, key, statements):
            assert pages() == expected, layout


def test_rights_are_those_of_the_table(school, plain):
    """As for PostgreSQL: whoever may read the table may read its partitions through it, and nobody else."""
    key, statements, _ = LAYOUTS["row-level security on one"]
    calls = [call.format("s27") for call in BY_INDEX] + [call.format("s12") for call in BY_INDEX]
    with partitioned(school, key, statements):
        school.sql("CREATE SCHEMA hidden; ALTER TABLE part0 SET SCHEMA hidden; REVOKE ALL ON hidden.part0, part1 FROM PUBLIC")
        school.sql("SET white_cross.direct_reads = on")
        school.sql(f"SET ROLE {READER}")
        refused = {outcome(school, call)[:5] for call in calls}
        school.sql("RESET ROLE")
        assert refused == {"42501"}
        school.sql(f"GRANT SELECT ON health_records TO {READER}")
        school.sql(f"SET ROLE {READER}")
        assert_same(school, {call: plain[call] for call in calls if call in plain})
        school.sql("RESET ROLE; SET white_cross.direct_reads = on")
        assert [call for call in calls if statements_of(school, call, READER)] == []

        school.sql("ALTER TABLE health_records ENABLE ROW LEVEL SECURITY; CREATE POLICY most ON health_records USING (type <> 'VACCINATION')")
        school.sql(f"SET ROLE {READER}")
        answers = {call: outcome(school, call) for call in calls}
        assert not any('"VACCINATION"' in answer for answer in answers.values())
        assert_same(school, answers)
        school.sql("RESET ROLE")
    school.sql("DROP SCHEMA hidden")


def test_a_foreign_table_among_the_partitions(school, plain):
    """Read by queries, for the students who are in it."""
    file = f"{school.one('SHOW data_directory')}/part1.csv"  # where the server may write
    school.sql("CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw")
    with partitioned(school, BY_STUDENT, hashes(count=2)):
        school.sql(f"COPY part1 TO '{file}' (FORMAT csv)")
        shape = school.one("SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) FROM pg_attribute "
                           "WHERE attrelid = 'part1'::regclass AND attnum > 0")
        school.sql(f"DROP TABLE part1; CREATE FOREIGN TABLE part1 ({shape}) SERVER files OPTIONS (filename '{file}', format 'csv')")
        for column, in school.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'health_records'::regclass AND attnotnull AND attnum > 0"):
            school.sql(f'ALTER TABLE part1 ALTER "{column}" SET NOT NULL')
        school.sql("ALTER TABLE health_records ATTACH PARTITION part1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
        school.sql(f"CREATE INDEX ON health_records {INDEX}")
        # With a foreign table among them, nothing is given to be cached.
        assert_same(school, {call: answer for call, answer in plain.items() if not call.startswith("wc_cache_entries")})
        assert all(set() < students < set(STUDENTS[:-1]) for students in ways(school).values())
    school.sql("DROP EXTENSION file_fdw CASCADE")


def test_a_partition_under_concurrent_detachment(school):
    """Old snapshots see its rows until it is done, new ones do not."""
    summary = "SELECT wc_health_summary('s27')::text"
    with partitioned(school, BY_STUDENT, indexed(hashes())), school.cluster.connect(school.database) as holder, \
            school.cluster.connect(school.database) as old, school.cluster.connect(school.database) as dba:
        part, = school.rows("SELECT tableoid::regclass::text FROM health_records WHERE \"studentId\" = 's27' LIMIT 1")[0]
        whole = school.one(summary)
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        holder.execute("BEGIN; SELECT 1 FROM health_records LIMIT 1")
        detaching = threading.Thread(target=dba.execute, args=[f"ALTER TABLE health_records DETACH PARTITION {part} CONCURRENTLY"])
        detaching.start()
        until(lambda: school.one("SELECT 1 FROM pg_inherits WHERE inhdetachpending"))
        for direct in "on", "off":
            old.execute(f"SET LOCAL white_cross.direct_reads = {direct}")
            assert old.execute(summary).fetchone()[0] == whole, direct
            school.sql(f"SET white_cross.direct_reads = {direct}")
            assert '"recordCounts":{}' in school.one(summary), direct
        holder.execute("ROLLBACK")
        old.execute("ROLLBACK")
        detaching.join()
        school.sql("SET white_cross.direct_reads = on")
        assert '"recordCounts":{}' in school.one(summary)
        number = part.removeprefix("part")
        school.sql(f"ALTER TABLE health_records ATTACH PARTITION {part} FOR VALUES WITH (MODULUS 4, REMAINDER {number})")
        assert school.one(summary) == whole


def test_students_without_a_partition(school, all_calls):
    """After those who have one, with and without parts in the partition that is left."""
    for layout in "hash", "hashes of dates", "dates":
        key, statements, _ = LAYOUTS[layout]
        with partitioned(school, key, statements):
            for n in range(1, 4):
                if school.one("SELECT to_regclass(%s)", f"part{n}"):
                    school.sql(f"DROP TABLE part{n}")
            school.sql("SET white_cross.direct_reads = off")
            assert_same(school, {call: outcome(school, call) for call in all_calls if not call.startswith("wc_search")})


def test_a_row_that_moves_to_another_partition(school):
    with partitioned(school, BY_STUDENT, indexed(hashes())):
        for statement in ("UPDATE health_records SET \"studentId\" = 's2' WHERE \"studentId\" = 's27' AND type = 'VACCINATION'",
                          "VACUUM health_records", "DELETE FROM health_records WHERE \"studentId\" = 's2'"):
            school.sql(statement)
            school.sql("SET white_cross.direct_reads = off")
            expected = {call.format(student): outcome(school, call.format(student)) for call in BY_INDEX for student in ("s2", "s27")}
            assert_same(school, expected)


def test_serializable_transactions_see_each_other(school):
    """Two that each count and then add: one of them fails, as it does by queries."""
    with partitioned(school, BY_STUDENT, indexed(hashes())), school.cluster.connect(school.database) as one, \
            school.cluster.connect(school.database) as other:
        for connection in one, other:
            connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
            connection.execute("SELECT wc_health_summary('s27')")
        with pytest.raises(psycopg.errors.SerializationFailure):
            for n, connection in enumerate((one, other)):
                connection.execute("INSERT INTO health_records (id, type, date, description, \"studentId\", \"updatedAt\") "
                                   "VALUES (%s, 'DENTAL', '2021-01-01', '', 's27', now())", [f"serializable-{n}"])
            one.execute("COMMIT")
            other.execute("COMMIT")


def test_what_is_in_shared_memory_is_never_of_partitions(preloaded_cluster):
    """So nobody has to forget it when a partition with rows is attached or detached."""
    school = attached_school(preloaded_cluster, "warm_partitions")
    with school.connection:
        student = school.add_student()
        school.add_record(student)
        bypassed = "SELECT coalesce((bypassed_by_reason ->> 'tables')::bigint, 0) FROM wc_stat_cache"
        before = school.one(bypassed)
        with partitioned(school, BY_STUDENT, indexed(hashes())):
            part, = school.rows("SELECT tableoid::regclass::text FROM health_records")[0]
            for _ in range(2):
                assert school.summary(student)["recordCounts"] == {"CHECKUP": 1}
            school.sql(f"ALTER TABLE health_records DETACH PARTITION {part}")
            assert school.summary(student)["recordCounts"] == {}
            school.sql(f"ALTER TABLE health_records ATTACH PARTITION {part} FOR VALUES WITH (MODULUS 4, REMAINDER {part[-1]})")
            assert school.summary(student)["recordCounts"] == {"CHECKUP": 1}
        assert school.one(bypassed) == before + 4
    preloaded_cluster.drop_database("warm_partitions")
