"""Which change makes which key stale, and no other."""

import pytest

from school import Cache
from servers import until

KINDS = {"summary": "health_summary", "page": "records:1:20:{}", "page with a filter": 'records:3:50:{"type":"CHECKUP"}',
         "growth": "growth_chart"}
PAGES = {"page", "page with a filter"}

CHANGES = {
    "a student's name": ("UPDATE students SET \"firstName\" = 'Augusta' WHERE id = 'ada'", {"summary"} | PAGES),
    "a birth date": ("UPDATE students SET \"dateOfBirth\" = '2013-03-03' WHERE id = 'ada'", {"summary", "growth"} | PAGES),
    "a sex": ("UPDATE students SET gender = 'OTHER' WHERE id = 'ada'", {"summary", "growth"} | PAGES),
    "a record's vital": ("""UPDATE health_records SET vital = '{"height": 141}' WHERE id = 'r1'""", {"summary", "growth"} | PAGES),
    "a record with a vital": ("""INSERT INTO health_records (id, type, date, description, vital, "updatedAt", "studentId")
        VALUES ('r2', 'CHECKUP', now(), 'x', '{"weight": 30}', now(), 'ada')""", {"summary", "growth"} | PAGES),
    "the date of a record with a vital": ("UPDATE health_records SET date = '2025-10-11' WHERE id = 'r1'", {"summary", "growth"} | PAGES),
    "the type of a record with a vital": ("UPDATE health_records SET type = 'SCREENING' WHERE id = 'r1'", {"summary", "growth"} | PAGES),
    "a record's notes": ("UPDATE health_records SET notes = 'Seen' WHERE id = 'r1'", {"summary"} | PAGES),
    "a record without a vital": ("""INSERT INTO health_records (id, type, date, description, "updatedAt", "studentId")
        VALUES ('r2', 'DENTAL', now(), 'x', now(), 'ada')""", {"summary"} | PAGES),
    "an allergy": ("UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'", {"summary"}),
    "a condition": ("UPDATE chronic_conditions SET status = 'RESOLVED' WHERE id = 'c1'", set()),
    "a new condition": ("""INSERT INTO chronic_conditions (id, condition, "diagnosedDate", "updatedAt", "studentId")
        VALUES ('c2', 'Migraine', now(), now(), 'ada')""", set()),
}


@pytest.fixture
def ada(school):
    student = school.add_student("ada")
    school.add_record(student, "r1", vital='{"height": 140}')
    school.add_allergy(student, "a1")
    school.add_condition(student, "c1")
    return student


@pytest.mark.parametrize("change", CHANGES)
def test_change(change, ada, school, cache):
    statement, stale = CHANGES[change]
    cache.until_drained()
    keys = {kind: cache.key(ada, name) for kind, name in KINDS.items()}
    cache.plant(*keys.values())
    cache.client.sadd(cache.key(ada, "pages"), *(keys[page] for page in PAGES))
    school.psql(statement)
    if stale:
        cache.until_invalidated(*(keys[kind] for kind in stale))
    cache.assert_stays(*(key for kind, key in keys.items() if kind not in stale))


def test_the_set_of_pages_goes_with_them(ada, school, cache):
    page = cache.key(ada, "records:1:20:{}")
    cache.until_drained()
    snapshot = school.one("SELECT snapshot FROM wc_cache_entries(ARRAY['ada'])")
    assert cache.client.execute_command("FCALL", "wc_fill", 1, page, "[]", 300, snapshot) == 1
    assert cache.client.smembers(cache.key(ada, "pages")) == {page}
    school.psql("UPDATE health_records SET notes = 'Seen' WHERE id = 'r1'")
    until(lambda: cache.client.exists(page, cache.key(ada, "pages")) == 0, 10, "page and set to be gone")


@pytest.mark.plain_keys("puts keys there that begin as those of an id; no opaque one is the beginning of another, since all are as long: test_opaque_keys.py")
def test_keys_of_others_are_left_alone(ada, school, cache):
    """Ids that begin alike, and keys of the application that are none of ours."""
    cache.until_drained()
    keys = ["student:ada2:health_summary", "student:ad:health_summary", "session:ada", "student:ada:photo"]
    cache.plant(*keys)
    cache.plant_summary(ada)
    school.psql("UPDATE students SET grade = '6' WHERE id = 'ada'")
    cache.until_invalidated(cache.key(ada))
    cache.assert_stays(*keys)


@pytest.fixture
def scanning(start_worker, redis_server, school):
    """A worker that looks for pages that are in no set."""
    start_worker(settings={"invalidate": {"scan": True, "scan_count": 10}})
    with redis_server.connect() as client:
        yield Cache(client, school)


def test_pages_stored_by_hand_are_found_by_scanning_and_no_others(ada, school, scanning):
    other = school.add_student("adam")
    scanning.until_drained()
    pages = [scanning.key(ada, f"records:{n}:20:{{}}") for n in range(50)]
    others = [scanning.key(other, f"records:{n}:20:{{}}") for n in range(50)]
    scanning.plant(*pages, *others)
    school.psql("UPDATE health_records SET notes = 'Seen' WHERE id = 'r1'")
    scanning.until_invalidated(*pages)
    scanning.assert_stays(*others)


def test_without_scanning_pages_in_no_set_stay(ada, school, cache):
    """docs/cache.md says this of clients that store pages without the library."""
    cache.until_drained()
    page = cache.key(ada, "records:1:20:{}")
    cache.plant(page)
    school.psql("UPDATE health_records SET notes = 'Seen' WHERE id = 'r1'")
    cache.assert_stays(page)
