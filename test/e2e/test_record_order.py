"""One order of records everywhere: the latest first, of one moment what was entered last, then by id; whatever the index, by both ways to read."""

import json
import random

import psycopg
import pytest

from own_ids import ID_TYPES, OwnSchool

pytestmark = pytest.mark.thorough

STUDENTS = 3
ORDER = "date DESC, created_at DESC, id"
INDEXES = {
    "as named": None,
    "the one before": "(student_id, date DESC, id) INCLUDE (type)",
    "without ties": "(student_id, date) INCLUDE (type, id)",
    "read backwards": "(student_id, date, created_at, id DESC) INCLUDE (type)",
    "nulls elsewhere": "(student_id, date DESC, created_at DESC NULLS LAST, id) INCLUDE (type)",
    "entries upside down": "(student_id, date DESC, created_at, id) INCLUDE (type)",
    "none": "",
}


def fill(school):
    """Few dates, fewer entries, some of them unknown; vitals of which many tell of growth; ids in no order."""
    chance = random.Random(11)
    for n in range(1, STUDENTS + 1):
        school.add(n, first_name=f"Tess{n}")
    numbers = list(range(1, 150 * STUDENTS + 1))
    chance.shuffle(numbers)
    with school.connection.cursor() as cursor:
        for place, number in enumerate(numbers):
            vital = chance.choice([None, "null", '{"heartRate": 80}'] + [json.dumps({"height": 140, "weight": chance.randint(25, 120)})] * 5)
            cursor.execute("INSERT INTO health_records (id, student_id, type, date, description, vital, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s)", (
                school.key(number), school.key(place % STUDENTS + 1), chance.choice(["CHECKUP", "VACCINATION"]), f"2025-06-{chance.randint(1, 5):02}",
                "sore throat", vital, chance.choice([None, "2025-07-01", "2025-07-02", "2025-07-02 00:00:00.001", "2025-08-01"])))
    school.sql("ANALYZE")


@pytest.fixture(scope="module", params=[(id, time) for id in ID_TYPES for time in (["timestamp(3)", "timestamptz", "date"] if id == "bigint" else ["timestamp(3)"])],
                ids="-".join)
def filled(request, cluster):
    id_type, time_type = request.param
    school = OwnSchool(cluster, f"order_{id_type}_{time_type.split('(')[0]}", id_type, time_type,
                       "ALTER TABLE health_records ALTER created_at DROP NOT NULL")
    with school.connection:
        fill(school)
        yield school


@pytest.fixture(params=INDEXES)
def school(request, filled):
    filled.sql("BEGIN")
    if INDEXES[request.param] is not None:
        filled.sql("DROP INDEX idx_health_records_student_date_type, idx_health_records_student_date, idx_health_records_date")
        if INDEXES[request.param]:
            filled.sql(f"CREATE INDEX other ON health_records {INDEXES[request.param]}")
            filled.sql("CREATE INDEX other_date ON health_records (date DESC, id)")
    yield filled
    filled.sql("ROLLBACK")


def ids(school, student, condition="true", limit=None):
    return [str(id) for id, in school.rows(f"SELECT id FROM health_records WHERE student_id = %s AND {condition} ORDER BY {ORDER} LIMIT %s",
                                           school.key(student), limit)]


def ids_of(records):
    return [str(record["id"]) for record in records]


HAS_VITAL = "jsonb_typeof(vital) <> 'null'"


def test_whoever_reads_records(school):
    student = 1
    everything = ids(school, student)
    assert len(everything) == 150 and everything != sorted(everything)
    # pages, by number and by cursor
    for size in 7, 50:
        pages = [school.of("wc_student_records", student, page, size)["records"] for page in range(1, 150 // size + 2)]
        assert ids_of(sum(pages, [])) == everything
        walked, cursor = [], None
        while True:
            page = school.of("wc_student_records_after", student, cursor, size)
            walked += ids_of(page["records"])
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert walked == everything
    cached, = school.rows(f"SELECT value FROM wc_cache_entries(%s::{school.id_type}[], ARRAY['records:3:20:{{}}'])", [school.key(student)])[0]
    assert ids_of(cached["records"]) == everything[40:60]
    assert ids_of(school.of("wc_student_records", student, 2, 20, '{"type": "VACCINATION"}')["records"]) == ids(school, student, "type = 'VACCINATION'")[20:40]
    # lists
    assert ids_of(school.of("wc_recent_vitals", student, 60)) == ids(school, student, HAS_VITAL, 60)
    assert ids_of(school.of("wc_vaccinations", student)) == ids(school, student, "type = 'VACCINATION'")


def test_summaries(school):
    for direct in "on", "off":
        school.sql(f"SET LOCAL white_cross.direct_reads = {direct}")
        keys = [school.key(n) for n in range(1, STUDENTS + 1)]
        many = dict(school.rows(f"SELECT student_id, summary FROM wc_health_summaries(%s::{school.id_type}[])", keys))
        for n in range(1, STUDENTS + 1):
            one = school.one(f"SELECT wc_health_summary(%s::{school.id_type})", school.key(n))
            assert ids_of(one["recentVitals"]) == ids(school, n, HAS_VITAL, 5)
            assert ids_of(one["recentVaccinations"]) == ids(school, n, "type = 'VACCINATION'", 5)
            assert next(summary for key, summary in many.items() if str(key) == str(school.key(n))) == one


def test_exports(school):
    for direct in "on", "off":
        school.sql(f"SET LOCAL white_cross.direct_reads = {direct}")
        key = school.key(2)
        chunks = [chunk for chunk, in school.rows(f"SELECT wc_export_health_history(%s::{school.id_type}, 40)", key)]
        assert ids_of(sum((chunk["records"] for chunk in chunks if chunk["type"] == "records"), [])) == ids(school, 2)
        lines = [json.loads(line) for line, in school.rows(f"SELECT wc_export_health_history_ndjson(%s::{school.id_type})", key)]
        assert [str(line["record"]["id"]) for line in lines if line["type"] == "record"] == ids(school, 2)
        csv = [line for line, in school.rows(f"SELECT wc_export_health_history_csv(%s::{school.id_type}, 'records')", key)]
        assert [line.split(",")[1] for line in csv[1:]] == ids(school, 2)


def test_searches(school):
    latest = [str(id) for id, in school.rows(f"SELECT id FROM health_records ORDER BY {ORDER}")]
    of_one = ids(school, 3)
    for direct in "on", "off":
        school.sql(f"SET LOCAL white_cross.direct_reads = {direct}")
        for query, wanted in ("sore throat", latest), ("Tess3", of_one), ("tess3 -fever", of_one):
            for page in 1, 3:
                for order in "date", "rank":
                    found = school.one("SELECT wc_search_health_records(%s, NULL, %s, 20, %s)", query, page, order)
                    assert ids_of(found["records"]) == wanted[(page - 1) * 20:page * 20], (direct, query, page, order)


def test_growth_has_one_point_a_moment(school):
    measured = "vital ? 'weight'"
    points = school.rows(f"SELECT DISTINCT ON (date) (vital ->> 'weight')::int FROM health_records WHERE student_id = %s AND {measured} "
                         f"ORDER BY date, created_at DESC, id", school.key(1))
    weights = [weight for weight, in points]
    chart = school.of("wc_growth_chart", 1, ["percentiles"])
    assert [point["weight"] for point in chart] == weights and len(weights) == 5
    assert school.of("wc_latest_bmi", 1, "2025-12-31")[:3] == (chart[-1]["category"], chart[-1]["implausible"]["bmi"] or False,
                                                              pytest.approx(weights[-1] / 1.4**2))
    trend = school.of("wc_vital_trend", 1, "weight")
    assert (trend["points"], trend["min"], trend["max"], trend["changeRate"]) == (
        5, min(weights), max(weights), pytest.approx((weights[-1] - weights[0]) / weights[0] * 100))
    in_summary = school.of("wc_health_summary", 1, ["trends", "growth"])
    assert in_summary["trends"]["weight"]["points"] == 5 and [point["weight"] for point in in_summary["growth"]] == weights
    svg = school.of("wc_growth_chart_svg", 1, "weight")
    assert svg.count("</title></circle>") == 5


# As the version before gave them, after the records 11 and 12: date and id alone.
OLD_CURSORS = {
    "text": "01010000447abddb0200e115abc336eb81ca69642d30303132",
    "uuid": "01010000447abddb0200cdefa534a92391da30303030303030302d303030302d303030302d303030302d303030303030303030303132",
    "bigint": "01010000447abddb02004cc7e38eaeae107f3132",
}


@pytest.fixture(params=ID_TYPES)
def few(request, cluster, empty_database):
    cluster.connect().execute(f'DROP DATABASE "{empty_database}"')
    school = OwnSchool(cluster, empty_database, request.param)
    with school.connection:
        school.add(1)
        for n, (date, entered) in enumerate((("06-30", "07-05"), ("06-30", "07-01"), ("06-30", "07-04"), ("06-30", "07-02"), ("06-30", "07-03"),
                                             ("06-01", "07-01"), ("06-01", "07-02")), 11):
            school.measure(1, f"2025-{date}", id=n, created_at=f"2025-{entered}")
        yield school


def walk(school, cursor, size):
    walked = []
    while True:
        page = school.of("wc_student_records_after", 1, cursor, size)
        walked += ids_of(page["records"])
        cursor = page["nextCursor"]
        if cursor is None:
            return [int(id[-2:]) for id in walked]


def test_cursors_of_the_old_form_go_on_in_the_old_order(few):
    """A client that was between two pages when the server was upgraded still gets all other records, each one once."""
    for size in 1, 2, 3, 20:
        assert walk(few, OLD_CURSORS[few.id_type], size) == [13, 14, 15, 16, 17]
        assert walk(few, None, size) == [11, 13, 15, 14, 12, 17, 16]
    page = few.of("wc_student_records_after", 1, OLD_CURSORS[few.id_type], 2)
    assert page["nextCursor"][:2] == "01" and few.of("wc_student_records_after", 1, None, 2)["nextCursor"][:2] == "02"
    for wrong in OLD_CURSORS[few.id_type][:-2], "02" + OLD_CURSORS[few.id_type][2:], "0103" + OLD_CURSORS[few.id_type][4:]:
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            few.of("wc_student_records_after", 1, wrong, 2)


@pytest.mark.parametrize("column", ["date", "created_at"])
@pytest.mark.parametrize("type", ["date", "timestamptz"])
def test_a_cursor_ends_with_the_type_of_its_times(few, column, type):
    """Its numbers would be other times."""
    def cursor():
        return few.of("wc_student_records_after", 1, None, 2)["nextCursor"]
    before = cursor()
    few.sql(f"ALTER TABLE health_records ALTER {column} TYPE {type}")
    after = cursor()
    for wrong in before, cursor()[:2] + before[2:]:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="dates of another type|invalid cursor"):
            few.of("wc_student_records_after", 1, wrong, 2)
    assert len(walk(few, after, 2)) == 5
    few.sql(f"ALTER TABLE health_records ALTER {column} TYPE timestamp")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="dates of another type"):
        few.of("wc_student_records_after", 1, after, 2)
    assert len(walk(few, before, 2)) == 5


def test_what_changes_which_entry_counts_makes_a_chart_stale(few):
    few.sql("SELECT white_cross.register_worker('watch')")
    few.sql("UPDATE health_records SET vital = '{\"height\": 140, \"weight\": 35}'")
    growth = few.one("SELECT max(sections) FROM white_cross.invalidation WHERE students IS NOT NULL")
    for change, is_stale in (("created_at = created_at + interval '1 day'", True), (f"id = '{few.key(99)}'", True), ("notes = 'x'", False)):
        few.sql("TRUNCATE white_cross.invalidation")
        few.sql(f"UPDATE health_records SET {change} WHERE id = (SELECT min(id::text) FROM health_records)::{few.id_type}")
        sections = few.one("SELECT sections FROM white_cross.invalidation")
        assert (sections == growth) is is_stale, (change, sections, growth)


def test_without_the_time_of_entry_ids_decide(few):
    few.sql("ALTER TABLE health_records DROP created_at")
    few.sql("UPDATE health_records SET vital = '{\"heartRate\": 80}', type = 'VACCINATION'")
    for columns in "(student_id, date DESC, id) INCLUDE (type)", "(student_id, date) INCLUDE (type)":
        few.sql(f"CREATE INDEX other ON health_records {columns}")
        summary = few.of("wc_health_summary", 1)
        assert [int(id[-2:]) for id in ids_of(summary["recentVitals"])] == [11, 12, 13, 14, 15]
        assert summary["recentVaccinations"][0]["id"] == summary["recentVitals"][0]["id"]
        assert [int(id[-2:]) for id in ids_of(few.of("wc_vaccinations", 1))] == [11, 12, 13, 14, 15, 16, 17]
        few.sql("DROP INDEX other")


def test_ties_cost_nothing(few):
    """A summary of a student whose records all have the same time reads as many pages as one of another student."""
    for student, step in (2, "0 hours"), (3, "1 hour"):
        few.add(student)
        few.sql(f"""INSERT INTO health_records (id, student_id, type, date, description, vital)
            SELECT {"n" if few.id_type == "bigint" else "(md5(n::text))::uuid" if few.id_type == "uuid" else "'r' || n"}, %s, 'VACCINATION',
                   timestamp '2025-01-01' - n * interval '{step}', repeat('x', 500), '{{"heartRate": 80}}' FROM generate_series({student * 10000}, {student * 10000 + 2000}) AS n""",
                few.key(student))
    few.sql("VACUUM ANALYZE health_records")

    def blocks(student):
        for _ in range(2):
            plan, = few.one(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT wc_health_summary(%s::{few.id_type})", few.key(student))
        return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]

    tied, apart = blocks(2), blocks(3)
    assert tied <= 1.5 * apart < 200, (tied, apart)


def test_indexes_of_the_old_form_are_replaced(few):
    """wc_diagnose and wc_index_statements tell how; until then they are read through."""
    few.sql("DROP INDEX idx_health_records_student_date_type, idx_health_records_date")
    few.sql("CREATE INDEX idx_health_records_student_date_type ON health_records (student_id, date DESC, id) INCLUDE (type)")
    few.sql("CREATE INDEX idx_health_records_date ON health_records (date DESC, id)")
    assert walk(few, None, 3) == [11, 13, 15, 14, 12, 17, 16]
    findings = few.rows("SELECT detail, remedy FROM wc_diagnose() WHERE \"check\" = 'indexes' AND status = 'warn'")
    assert ["is outdated" in detail for detail, _ in findings] == [True, True]
    statements = [statement for statement, in few.rows("SELECT wc_index_statements('public')")]
    assert [remedy for _, remedy in findings] == [" ".join(statements[:3]), " ".join(statements[3:])]
    for statement in statements:
        few.sql(statement)
    assert few.rows("SELECT wc_index_statements('public')") == []
    assert few.one("SELECT count(*) FROM pg_class WHERE relname LIKE 'idx%before'") == 0
    assert few.one("SELECT pg_get_indexdef('idx_health_records_date'::regclass)").endswith("(date DESC, created_at DESC, id)")
