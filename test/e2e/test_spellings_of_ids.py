"""One id in several spellings: all functions understand it alike, and keys have the spelling of the student's own row."""

import json

import pytest

from every_call import EFFECTS, FAILED, OUTCOME, calls, outcome
from own_ids import TABLES
from school import Cache, School
from servers import Worker, until

UUID = "6f9619ff-8b86-d011-b42d-00c04fc964f0"
NUMBERS = ["7", "007", "+7", " 7", "7 ", "\t7\n"]
# the type: the id as the table spells it, other spellings of it, and text that is nobody's or no id at all
IDS = {
    "text": ("Ab-7", [], ["ab-7", "AB-7", "Ab-7 ", " Ab-7", ""], []),
    "varchar": ("Ab-7", [], ["ab-7", "AB-7", "Ab-7 ", " Ab-7", ""], []),
    "bpchar": ("Ab-7", ["Ab-7 ", "Ab-7    "], ["ab-7", "AB-7", " Ab-7", "Ab-7\t", ""], []),
    "uuid": (UUID, [UUID.upper(), "{" + UUID + "}", UUID.replace("-", ""), UUID[:4] + "-" + UUID[4:]], [UUID[:-1] + "1"],
             [f" {UUID}", f"{UUID} ", UUID[:-1], "", "x", "7", "Quill"]),
    "bigint": ("7", NUMBERS[1:], ["8", "-7", "07000000000000000007000000000", "99999999999"], ["", " ", "7a", "7.0", "1e1", "+-7", "x", "Quill"]),
    "integer": ("7", NUMBERS[1:], ["8", "-7", "07000000000000000007000000000", "4294967303"], ["", " ", "7a", "7.0", "1e1", "+-7", "x", "Quill"]),
}


@pytest.fixture(scope="module")
def schools(cluster):
    """A school for each type of id, with one student."""
    made = {}
    for id_type, (id, *_) in IDS.items():
        cluster.create_database(f"spellings_{id_type}")
        school = made[id_type] = School(cluster, f"spellings_{id_type}")
        school.connection.execute(TABLES.format(id=id_type, time="timestamp(3)") + OUTCOME)
        school.sql("CREATE EXTENSION white_cross")
        school.sql("SELECT wc_attach('public')")
        other = {"uuid": "00000000-0000-0000-0000-00000000000%s"}.get(id_type, "10%s")
        school.sql("INSERT INTO students VALUES (%s, 'N1', 'Ada', 'Quill', '2014-03-02', 'FEMALE', '5')", id)
        school.sql("INSERT INTO allergies (id, allergen, severity, student_id) VALUES (%s, 'Milk', 'SEVERE', %s)", other % 1, id)
        school.sql("INSERT INTO chronic_conditions (id, condition, diagnosed_date, status, student_id) VALUES (%s, 'Asthma', '2022-01-01', 'ACTIVE', %s)",
                   other % 1, id)
        for n, type in enumerate(("VACCINATION", "DENTAL", "CHECKUP"), 1):
            school.sql("INSERT INTO health_records VALUES (%s, %s, %s, '2025-10-10', 'seen', %s, 'W')", other % n, id, type,
                       json.dumps({"height": 120 + n, "weight": 30}))
    yield made
    for school in made.values():
        school.connection.close()
        cluster.psql(f"DROP DATABASE {school.database} WITH (FORCE)")


def literal(text):
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\t", "\\t") + "'::text"


def as_asked(name, text, spelling):
    """Replaces the id in the answers of functions for many students, because these return it as the caller wrote it."""
    return text.replace(f'"student_id":{json.dumps(spelling)}', '"asked"') if name.startswith(("wc_health_summaries", "wc_export_health_histories")) else text


@pytest.mark.parametrize("direct_reads", ["on", "off"])
@pytest.mark.parametrize("id_type", IDS)
def test_every_function_understands_every_spelling(schools, id_type, direct_reads):
    school = schools[id_type]
    school.sql(f"SET white_cross.direct_reads = {direct_reads}")
    own, same, nobodys, none = IDS[id_type]
    wrong = []
    for name, ways in calls(school).items():
        for call in ways:
            def of(spelling):
                return as_asked(name, outcome(school, call.replace("{id}", literal(spelling))), spelling)
            found = of(own)
            assert "nothing" != found and not FAILED.match(found), (call, found)
            wrong += [(call, spelling, of(spelling), found) for spelling in same if of(spelling) != found]
            if name.startswith("wc_cache_key"):
                wrong += [(call, spelling, of(spelling)) for spelling in nobodys + none if Cache.key(spelling, "") not in json.loads(of(spelling))]
                continue
            unknown = of(nobodys[0])
            assert unknown != found
            wrong += [(call, spelling, of(spelling), unknown) for spelling in nobodys if of(spelling) != unknown]
            # Text that is no id is a mistake, but for who works through keys that he found in the cache.
            expected = "nothing" if name.startswith("wc_cache_entries") else f"22P02 students are identified by {'uuids' if id_type == 'uuid' else 'numbers'}, and the given text is none"
            wrong += [(call, spelling, of(spelling)) for spelling in none if of(spelling) != expected]
    assert not wrong, wrong[:3]


@pytest.mark.parametrize("id_type", IDS)
def test_keys_are_those_of_the_row(schools, id_type):
    school = schools[id_type]
    own, same, _, _ = IDS[id_type]
    for spelling in [own, *same]:
        for kind in "health_summary", "growth_chart", "records:1:20:{}":
            (id, key), = school.rows("SELECT student_id, key FROM wc_cache_entries(ARRAY[%s], ARRAY[%s])", spelling, kind)
            assert (id, key) == (own, Cache.key(own, kind)) == (own, school.one("SELECT wc_cache_key(%s::text, %s)", spelling, kind))


@pytest.mark.parametrize("id_type", IDS)
def test_the_queue_has_the_spelling_of_the_row(schools, id_type):
    school = schools[id_type]
    own, same, nobodys, none = IDS[id_type]
    school.sql("INSERT INTO white_cross.worker (name) VALUES ('by hand')")
    functions = [name for name, in school.rows("SELECT DISTINCT proname FROM pg_proc WHERE proname = ANY (%s)", sorted(EFFECTS))]
    assert len(functions) == len(EFFECTS)
    for name in functions:
        for form in "{}", "ARRAY[{}]":
            if (name, form) == ("wc_prewarm", "{}"):
                continue
            for spelling in [own, *same]:
                school.sql("DELETE FROM white_cross.invalidation")
                school.sql(f"SELECT {name}({form.format(literal(spelling))})")
                assert school.rows("SELECT students FROM white_cross.invalidation") == [([own],)], (name, spelling)
            for spelling in none:
                assert outcome(school, f"{name}({form.format(literal(spelling))})").startswith("22P02 students are identified by")
    school.sql("DELETE FROM white_cross.invalidation")
    school.sql("UPDATE students SET grade = '6'")
    school.sql("UPDATE allergies SET reaction = 'hives'")
    assert {student for students, in school.rows("SELECT students FROM white_cross.invalidation") for student in students} == {own}
    school.sql("DELETE FROM white_cross.worker")


def test_without_tables_a_key_has_the_id_as_it_is(cluster, empty_database):
    with cluster.connect(empty_database) as connection:
        connection.execute("CREATE EXTENSION white_cross")
        for spelling in "007", UUID.upper(), " x ":
            assert connection.execute("SELECT wc_cache_key(%s::text, 'health_summary')", [spelling]).fetchone()[0] == Cache.key(spelling)


@pytest.mark.parametrize("id_type", ["uuid", "integer"])
def test_a_fill_under_another_spelling_is_invalidated(schools, ground, redis_server, id_type):
    school = schools[id_type]
    own, same, _, _ = IDS[id_type]
    school.allow_worker()
    with redis_server.connect() as client:
        client.flushall()
    with redis_server.connect() as client, Worker(ground, school.worker_dsn, redis_server, "spellings"):
        cache = Cache(client, school)
        cache.until_drained()
        until(lambda: cache.load(same[0]) == 1, 10, "a fill")
        assert cache.is_current(own)
        school.psql("UPDATE allergies SET reaction = 'Hives'")
        until(lambda: (cache.summary(own) or {"allergies": [{"reaction": "Hives"}]})["allergies"][0]["reaction"] == "Hives", 10, "the invalidation")


def test_deletion_takes_no_other_record_for_one_beyond_the_range(schools):
    school = schools["integer"]
    count = school.one("SELECT count(*) FROM health_records")
    for ids in ["4294967397"], ["4294967397", "8589934693"]:  # 101 and 2^32 more
        assert school.one("SELECT wc_bulk_delete_records(%s::text[])", ids) == {"deleted": 0, "notFound": len(ids)}
    assert outcome(school, "wc_bulk_delete_records(ARRAY['99999999999999999999'])").startswith("22003")
    assert outcome(school, "wc_bulk_delete_records(ARRAY['Quill'])").startswith("22P02") and "Quill" not in outcome(school, "wc_bulk_delete_records(ARRAY['Quill'])")
    assert school.one("SELECT count(*) FROM health_records") == count
