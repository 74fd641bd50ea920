"""wc_search_health_records takes any text as a query. Every way to read gives the same page, and all of them use indexes."""

import random

import pytest

SEARCH = "SELECT wc_search_health_records(%s, page => %s, page_size => %s)"
DOCUMENT = """to_tsvector('english', coalesce(r.description, '') || ' ' || coalesce(r.notes, '') || ' ' || coalesce(r.provider, ''))"""
NAME = """(s."firstName" || ' ' || s."lastName" || ' ' || s."studentNumber")"""
RECORDS = 6_000
COUNTED = 2_000  # as far as totals are exact

# Of 6,000 records, the latest first: "everywhere" in two of three, "old" in all of the oldest half, "seldom" in one of a hundred.
DATA = """
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, 'STU' || lpad(n::text, 4, '0'), (ARRAY['Emma', 'Zoë', 'Liam'])[1 + n % 3], (ARRAY['Everywhere', 'Smith', 'O''Brien'])[1 + n / 3 % 3],
       '2014-03-02', '5', 'FEMALE' FROM generate_series(1, 3000) n;
INSERT INTO health_records (id, type, date, description, notes, provider, "studentId")
SELECT 'r' || lpad(n::text, 5, '0'), (ARRAY['CHECKUP', 'ILLNESS'])[1 + n % 2]::"HealthRecordType", timestamp '2025-10-10' - n / 3 * interval '1 hour',
       concat_ws(' ', 'record', CASE WHEN n % 3 < 2 THEN 'everywhere' END, CASE WHEN n > 3000 THEN 'old' END, CASE WHEN n % 100 = 7 THEN 'seldom seen' END),
       CASE WHEN n % 7 = 0 THEN 'Parents notified' END, CASE WHEN n % 5 = 0 THEN 'Nurse Kim' END, 's' || (1 + n % 60)
FROM generate_series(1, {records}) n;
ANALYZE;
"""


@pytest.fixture
def searched(school):
    school.sql("CREATE EXTENSION pg_trgm")
    for (statement,) in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    school.psql(DATA.format(records=RECORDS))
    return school


def search(school, query, page=1, size=20):
    return school.one(SEARCH, query, page, size)


def expected(school, words, name, page, size, type=None):
    """Returns the ids of the page and the total, from plain SQL."""
    found = school.rows(f"""
        SELECT r.id FROM health_records r JOIN students s ON s.id = r."studentId"
        WHERE ({DOCUMENT} @@ %s::tsquery OR {NAME} ILIKE %s) AND r.type::text = coalesce(%s, r.type::text)
        ORDER BY r.date DESC, r.id""", words, name, type)
    return [id for (id,) in found[(page - 1) * size: page * size]], len(found)


@pytest.mark.parametrize("query, words, name", [
    ("everywhere", "'everywher':*", "%everywhere%"),  # common by text and by name: a walk
    ("old", "'old':*", "%old%"),                      # common, but none of the latest: sorted by the server
    ("seldom", "'seldom':*", "%seldom%"),             # rare: sorted here
    ("smith", "'smith':*", "%smith%"),                # by name alone
    ("records", "'record':*", "%records%"),           # all of them
    ("nobody", "'nobodi':*", "%nobody%"),
])
@pytest.mark.parametrize("indexed", [True, False])
def test_every_way_gives_the_same_page(searched, query, words, name, indexed):
    if not indexed:
        searched.psql("DROP EXTENSION pg_trgm CASCADE; DROP INDEX idx_health_records_search, idx_health_records_date")
    for page, size in (1, 20), (2, 7), (150, 20), (1, 500):
        ids, total = expected(searched, words, name, page, size)
        found = search(searched, query, page, size)
        assert [record["id"] for record in found["records"]] == ids, (page, size)
        pagination = found["pagination"]
        if pagination.get("totalIsLowerBound"):
            assert COUNTED < pagination["total"] <= total
        else:
            assert pagination["total"] == total
        assert pagination["pages"] == -(-pagination["total"] // size)


def test_a_bounded_total_says_so(searched):
    pagination = search(searched, "everywhere")["pagination"]
    assert pagination["totalIsLowerBound"] is True and pagination["total"] > COUNTED
    for query, total in ("seldom", 60), ("STU0017", 100):
        pagination = search(searched, query)["pagination"]
        assert "totalIsLowerBound" not in pagination and pagination["total"] == total


def test_gin_fuzzy_search_limit_hides_no_records(searched):
    searched.psql("VACUUM health_records")  # what the index has not sorted in yet is always given whole
    searched.sql("SET gin_fuzzy_search_limit = 10")
    (plain,) = searched.rows(f"SELECT count(*) FROM health_records AS r WHERE {DOCUMENT} @@ 'notifi'")[0]
    assert plain < RECORDS // 7, "it cuts nothing here: the test says nothing"
    for way in "on", "off":
        searched.sql(f"SET white_cross.direct_reads = {way}")
        for query in "notified", "parents notified":
            assert search(searched, query)["pagination"]["total"] == RECORDS // 7
    assert searched.one("SHOW gin_fuzzy_search_limit") == "10"


def test_of_one_type(searched):
    for query, words in ("everywhere", "'everywher':*"), ("seldom", "'seldom':*"):
        found = searched.one("SELECT wc_search_health_records(%s, 'ILLNESS')", query)
        assert [record["id"] for record in found["records"]] == expected(searched, words, f"%{query}%", 1, 20, "ILLNESS")[0]


def scans(school, query, *indexes, without="seqscan"):
    """How often indexes were scanned by a search, which on so few rows would have other ways as well."""
    school.sql("BEGIN")
    for way in without.split():
        school.sql(f"SET LOCAL enable_{way} = off")
    found = search(school, query)
    counted = [school.one("SELECT pg_stat_get_xact_numscans(%s::regclass)", name) for name in indexes]
    school.sql("ROLLBACK")
    return found, counted


def test_it_goes_through_the_indexes_that_wc_index_statements_makes(searched):
    _, (words, names) = scans(searched, "seldom", "idx_health_records_search", "idx_students_name", without="seqscan indexscan indexonlyscan")
    assert words and names
    _, (dates,) = scans(searched, "everywhere", "idx_health_records_date", without="seqscan sort")
    assert dates


def test_an_index_that_an_application_made_long_ago_serves_too(school):
    school.psql("DROP INDEX idx_health_records_search; CREATE INDEX prisma ON health_records USING gin (to_tsvector('english', "
                "COALESCE(description, '') || ' ' || COALESCE(notes, '') || ' ' || COALESCE(provider, '')))")
    assert scans(school, "seldom", "prisma")[1] != [0]


PIECES = ['"', "-", "'", "\\", ":*", "&", "|", "!", "(", ")", "<->", "%", "_", "*", " ", "\t", "\n", "fever", "seldom", "O'Brien", "the", "or", "AND",
          "Zoë", "“", "”", "’", "«", "\u00a0", "\u3000", "\u200d", "🤒", "👩‍⚕️", "漢字", "עברית", "e\u0301", "\x01", "\x02", "\x03", "\x7f", "a:b", "1e9",
          "http://x.y/z?<b>", "<script>", "&lt;", "x" * 3000, "\U0010ffff", "$1", "';--", "pg_catalog.english"]


def test_any_text_is_a_query(searched):
    """Junk, whole and in parts: never an error, never a notice, and what is found is JSON."""
    notices = []
    searched.connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    chance = random.Random(20251123)
    queries = PIECES + ["x" * 10_000, "fever " * 2_000, "🤒" * 10_000, '"' * 9_999, "-" * 10_000, "a,b;c." * 2_000, '"' + "seldom seen " * 900]
    queries += ["".join(chance.choices(PIECES, k=chance.randrange(1, 9))) for _ in range(300)]
    queries += ["".join(chr(chance.choice([chance.randrange(1, 0xD800), chance.randrange(0xE000, 0x110000)])) for _ in range(12)) for _ in range(100)]
    for query in queries:
        for arguments in "", ", \"order\" => 'rank', highlight => true":
            found = searched.one(f"SELECT wc_search_health_records(%s, page_size => 1{arguments})", query)
            assert found["pagination"]["total"] >= len(found["records"]), query
    assert notices == []


def test_highlights_are_safe_to_show(searched):
    student = searched.one("SELECT min(id) FROM students")
    searched.add_record(student, description="<script>alert('fever')</script> \x02fever\x03 & \"fever\"")
    (record,) = search_with_highlight(searched, "fever")
    shown = record["highlight"]["description"]
    assert "<mark>fever</mark>" in shown
    plain = shown.replace("<mark>", "").replace("</mark>", "")
    assert not set(plain) & set("<>\"'\x02\x03")


def search_with_highlight(school, query):
    return school.one("SELECT wc_search_health_records(%s, highlight => true)", query)["records"]


def test_in_a_read_only_transaction(searched):
    searched.sql("BEGIN READ ONLY")
    assert search(searched, "everywhere")["records"]
    searched.sql("ROLLBACK")


def test_settings_of_the_session_stay(searched):
    for setting in "jit", "client_min_messages":
        before = searched.one(f"SHOW {setting}")
        search(searched, "everywhere the")
        assert searched.one(f"SHOW {setting}") == before
