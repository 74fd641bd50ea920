"""Searches by each of their ways against plain SQL: random queries, and rows in every state that an index may meet them in."""

import random

import pytest

pytestmark = pytest.mark.thorough

RECORDS = 6_000
COUNTED = 2_000  # as far as totals are exact
DOCUMENT = """to_tsvector('english', coalesce(r.description, '') || ' ' || coalesce(r.notes, '') || ' ' || coalesce(r.provider, ''))"""
NAME = """(s."firstName" || ' ' || s."lastName" || ' ' || s."studentNumber")"""

# Words from rare to common, alone and together, some of them only in old records, some of them names as well; many records
# of one date.
DATA = f"""
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, 'STU' || lpad(n::text, 4, '0'), (ARRAY['Emma', 'Zoë', 'Liam', 'Fever'])[1 + n % 4], (ARRAY['Smith', 'Garcia', 'O''Brien'])[1 + n / 4 % 3],
       '2014-03-02', '5', 'FEMALE' FROM generate_series(1, 2500) n;
INSERT INTO health_records (id, type, date, description, notes, provider, "studentId")
SELECT 'r' || md5(n::text), (ARRAY['CHECKUP', 'ILLNESS', 'DENTAL'])[1 + n % 3]::"HealthRecordType", timestamp '2025-10-10' - n / 40 * interval '1 day',
       concat_ws(' ', 'visit', CASE WHEN n % 3 < 2 THEN 'fever' END, CASE WHEN n % 5 < 3 THEN 'sore' END, CASE WHEN n % 7 < 4 THEN 'throat' END,
                 CASE WHEN n > 3000 THEN 'paper' END, CASE WHEN n % 100 = 7 THEN 'anaphylaxis' END, CASE WHEN n % 2 = 0 THEN 'feverish sleeping' END),
       CASE WHEN n % 6 = 0 THEN 'smith parents notified' END, CASE WHEN n % 4 = 0 THEN 'Nurse Kim' END, 's' || (1 + n * 7 % 240)
FROM generate_series(1, {RECORDS}) n;
"""
# Words, and what each is as the last one of a query.
WORDS = ["fever", "sore", "throat", "paper", "anaphylaxis", "visit", "nurse", "smith", "garcia", "emma", "stu00", "kim", "notified"]


@pytest.fixture
def searched(school):
    school.sql("CREATE EXTENSION pg_trgm")
    for (statement,) in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    school.psql(DATA)
    school.psql("VACUUM ANALYZE")
    return school


@pytest.fixture(params=["on", "off"])
def way(request, searched):
    """Searches through indexes and heap, and by queries."""
    searched.sql(f"SET white_cross.direct_reads = {request.param}")
    return request.param


def expected(school, terms, excluded=(), type=None):
    """Ids of all that match, in order.  `terms`: words, the last one as the beginning of one; of two words in one a phrase."""
    text = [f"phraseto_tsquery('english', '{term}')" for term in terms]
    if " " not in terms[-1]:
        text[-1] = f"to_tsquery('english', '{terms[-1]}:*')"
    text += [f"!!to_tsquery('english', '{term}')" for term in excluded]
    named = [f"{NAME} ILIKE '%%{term}%%'" for term in terms] + [f"{NAME} NOT ILIKE '%%{term}%%'" for term in excluded]
    named += [f"NOT {DOCUMENT} @@ to_tsquery('english', '{term}')" for term in excluded]
    return [id for (id,) in school.rows(f"""
        SELECT r.id FROM health_records r JOIN students s ON s.id = r."studentId"
        WHERE ({DOCUMENT} @@ ({' && '.join(text)}) OR {' AND '.join(named)}) AND r.type::text = coalesce(%s, r.type::text)
        ORDER BY r.date DESC, r.id""", type)]


def typed(terms, excluded=()):
    return " ".join([*(f"-{term}" for term in excluded), *(f'"{term}"' if " " in term else term for term in terms)])


def check(school, terms, excluded=(), type=None, page=1, size=20):
    found = school.one("SELECT wc_search_health_records(%s, %s, %s, %s)", typed(terms, excluded), type, page, size)
    wanted = expected(school, terms, excluded, type)
    told = (terms, excluded, type, page, size)
    assert [record["id"] for record in found["records"]] == wanted[(page - 1) * size: page * size], told
    pagination = found["pagination"]
    if pagination.get("totalIsLowerBound"):
        assert COUNTED < pagination["total"] <= len(wanted), told
    else:
        assert pagination["total"] == len(wanted), told


def test_random_queries(searched, way):
    chance = random.Random(20251124)
    for _ in range(120):
        terms = chance.sample(WORDS, chance.choice([1, 1, 2, 3]))
        if chance.random() < 0.2:
            terms.append(chance.choice(["sore throat", "fever sore", "visit fever", "throat paper"]))
        excluded = [word for word in chance.sample(WORDS, 1) if chance.random() < 0.3 and word not in terms]
        check(searched, terms, excluded, chance.choice([None, None, "ILLNESS"]), chance.choice([1, 1, 2, 40, 150]), chance.choice([7, 20, 500]))


def test_rows_in_every_state(searched, way):
    """Dead and moved rows, new versions in their old place, entries that the index has not sorted in, others' transactions."""
    searched.psql("""
        DELETE FROM health_records WHERE id < 'r3';
        UPDATE health_records SET "updatedAt" = "updatedAt" + interval '1 day' WHERE id < 'r6';
        UPDATE health_records SET description = 'paper fever' WHERE id BETWEEN 'r6' AND 'r8';
        UPDATE health_records SET date = date + interval '900 days' WHERE id BETWEEN 'r8' AND 'r9';
        INSERT INTO health_records (id, type, date, description, "studentId")
        SELECT 'n' || n, 'DENTAL', '2026-01-01', 'new sore throat fever', 's3' FROM generate_series(1, 30) n;""")
    other = searched.cluster.connect(searched.database, autocommit=False)
    other.execute("""DELETE FROM health_records WHERE id > 'rd';
        INSERT INTO health_records (id, type, date, description, "studentId") VALUES ('secret', 'DENTAL', '2027-01-01', 'sore throat fever', 's3')""")
    for round in "while the other writes", "after it has rolled back", "after VACUUM":
        for terms in ["fever"], ["throat"], ["paper"], ["sore throat"], ["anaphylaxis"], ["smith"], ["emma", "smith"], ["stu0003"], ["visit"]:
            for page in 1, 3, 120:
                check(searched, terms, page=page)
        if round == "while the other writes":
            other.rollback()
            other.close()
        else:
            searched.psql("VACUUM health_records")


def test_an_old_snapshot_finds_what_was(searched, way):
    searched.sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
    before = {word: expected(searched, [word]) for word in ("fever", "anaphylaxis", "garcia")}
    searched.psql("""UPDATE health_records SET description = 'visit', date = date - interval '1 year' WHERE id < 'r8';
                     DELETE FROM health_records WHERE id > 'rc'; VACUUM health_records;""")
    searched.psql("""INSERT INTO health_records (id, type, date, description, "studentId")
                     SELECT 'n' || n, 'DENTAL', '2026-01-01', 'fever anaphylaxis', 's3' FROM generate_series(1, 3000) n""")
    for word, wanted in before.items():
        assert expected(searched, [word]) == wanted
        check(searched, [word])
    searched.sql("ROLLBACK")


def test_in_the_transaction_that_writes(searched, way):
    searched.sql("BEGIN")
    searched.sql("UPDATE health_records SET description = 'visit' WHERE id < 'r8'")
    searched.add_record("s3", description="anaphylaxis and fever", date="2026-01-01")
    for word in "fever", "anaphylaxis", "garcia":
        check(searched, [word])
    searched.sql("ROLLBACK")


def test_when_the_index_knows_pages_only(searched, way):
    """With little memory the bitmap contains whole pages, and the search must check each of their rows again."""
    searched.psql(f"""CREATE TABLE roomy (LIKE health_records INCLUDING ALL) WITH (fillfactor = 10);
        INSERT INTO roomy SELECT * FROM health_records ORDER BY md5(id || 'x');
        TRUNCATE health_records; ALTER TABLE health_records SET (fillfactor = 10);
        INSERT INTO health_records SELECT * FROM roomy; DROP TABLE roomy;
        UPDATE health_records SET "updatedAt" = "updatedAt" + interval '1 day' WHERE id < 'r4'; VACUUM ANALYZE health_records""")
    assert searched.one("SELECT relpages FROM pg_class WHERE relname = 'health_records'") > 650
    searched.sql("SET work_mem = '64kB'")
    for terms in ["fever"], ["throat"], ["paper"], ["visit"], ["sore throat"], ["sore", "throat"], ["anaphylaxis"]:
        for page in 1, 90:
            check(searched, terms, page=page)
            check(searched, terms, type="ILLNESS", page=page)


def test_more_students_than_are_gone_through_one_by_one(searched, way):
    check(searched, ["stu"])
    check(searched, ["stu"], excluded=["emma"])
    check(searched, ["stu"], page=40)


def test_by_rank(searched, way):
    """Named first, then by ts_rank, the latest first among equals; of more matches the latest 2,000 of each kind."""
    for word in "anaphylaxis", "smith", "emma", "fever":
        found = searched.one("SELECT wc_search_health_records(%s, page_size => 500, page => 2, \"order\" => 'rank')", word)
        ranked = searched.rows(f"""
            WITH text AS (SELECT r.id, r.date, ts_rank({DOCUMENT}, q.q) AS rank FROM health_records r, (SELECT to_tsquery('english', %s)) AS q (q)
                          WHERE {DOCUMENT} @@ q.q ORDER BY r.date DESC, r.id LIMIT 2000),
                 named AS (SELECT r.id, r.date, 1::float4 AS rank FROM health_records r JOIN students s ON s.id = r."studentId"
                           WHERE {NAME} ILIKE %s ORDER BY r.date DESC, r.id LIMIT 2000)
            SELECT id FROM (SELECT * FROM text UNION ALL SELECT * FROM named) AS u GROUP BY id, date ORDER BY sum(rank) DESC, date DESC, id""",
            f"{word}:*", f"%{word}%")
        assert [record["id"] for record in found["records"]] == [id for (id,) in ranked[500:1000]], word
        pagination = found["pagination"]
        assert pagination["pages"] == -(-len(ranked) // 500)
        matching = len(expected(searched, [word]))
        if pagination.get("totalIsLowerBound"):
            assert pagination["rankedLatest"] == 2000 and COUNTED < pagination["total"] <= matching
        else:
            assert "rankedLatest" not in pagination and pagination["total"] == matching == len(ranked)


@pytest.mark.parametrize("dates", ["indexed", "not indexed"])
def test_many_of_a_name_none_of_them_lately(searched, way, dates):
    """A walk back through the dates finds no match for long. Then the search reads the students one by one, each as far as
    necessary."""
    searched.psql("""
        INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
        SELECT 'o' || n, 'OLD' || n, 'Ida', 'Olden', '2014-03-02', '5', 'FEMALE' FROM generate_series(1, 90) n;
        INSERT INTO health_records (id, type, date, description, "studentId")
        SELECT 'o' || md5(n::text), (ARRAY['CHECKUP', 'ILLNESS'])[1 + n % 2]::"HealthRecordType",
               timestamp '2020-01-01' - (n * 37 % 900) * interval '6 hours', 'olden days', 'o' || (1 + n % 90) FROM generate_series(1, 4000) n;
        VACUUM ANALYZE health_records""")
    if dates == "not indexed":
        searched.psql("DROP INDEX idx_health_records_date")
    for terms in ["ida"], ["ida", "olden"], ["olden"], ["fever"]:
        for page, size in (1, 20), (2, 7), (40, 20), (5, 500):
            check(searched, terms, page=page, size=size)
    check(searched, ["ida"], type="CHECKUP")
    check(searched, ["ida"], excluded=["days"])


def scans_of(school, relation, statement):
    """How often a statement begins to read an index or table, and how many rows it reads from its beginning."""
    counted = "SELECT pg_stat_get_xact_numscans(%s::regclass), pg_stat_get_xact_tuples_returned(%s::regclass)"
    with school.connection.transaction():
        before = school.rows(counted, relation, relation)[0]
        school.sql(statement)
        return [after - so_far for so_far, after in zip(before, school.rows(counted, relation, relation)[0])]


def test_a_word_that_the_latest_records_have_less_often(searched):
    """Two of the latest 64 have it, and a tenth of all: a walk through the dates finds them, whatever the latest ones have."""
    searched.psql("""INSERT INTO health_records (id, type, date, description, "studentId")
        SELECT 'w' || n, 'DENTAL', timestamp '2026-01-01' - n * interval '1 minute', CASE WHEN n % 30 = 0 OR n > 64 AND n % 10 = 0 THEN 'willow' ELSE 'oak' END, 's1'
        FROM generate_series(1, 30000) AS n; VACUUM ANALYZE health_records""")
    check(searched, ["willow"])
    assert scans_of(searched, "idx_health_records_date", "SELECT wc_search_health_records('willow')")[0] == 1


def test_a_short_part_of_many_names(searched):
    """No index finds the students: their records are looked for first, which ends before all names were read."""
    for students in 2500, 100_000:
        searched.sql("UPDATE pg_class SET reltuples = %s WHERE oid = 'students'::regclass", students)
        for part in "tu", "zo", "u7", "qx":
            for page in 1, 2, 40, 150:
                check(searched, [part], page=page)
    _, names = scans_of(searched, "students", "SELECT wc_search_health_records('tu')")
    assert names < 1000
