"""Pages of records in the cache: spelled as a Node service spells them, stored by the fenced fill, gone with the next change."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from school import Cache
from servers import library, until

KINDS = ["records:1:20:{}", 'records:1:20:{"type":"CHECKUP"}', 'records:2:50:{"provider":"Zoë \\"Z\\" O\'Neil","type":"DENTAL"}']


@pytest.fixture
def ada(school, cache):
    student = school.add_student("ada")
    school.add_record(student, "r1")
    school.add_record(student, "r2", vital='{"height": 140}')
    school.add_allergy(student, "a1")
    cache.until_drained()
    return student


def entries(school, student, kinds):
    return school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s], %s)", student, kinds)


def fill(cache, student, kinds=KINDS):
    """Stores all values under these keys, as an application does on a miss."""
    found = entries(cache.school, student, kinds)
    assert [cache.client.execute_command(*library.fill(*entry)) for entry in found] == [1] * len(kinds)
    return [key for key, *_ in found]


def test_they_are_spelled_as_a_node_service_spells_them(school):
    if not shutil.which("node"):
        pytest.skip("there is no node")
    lines = subprocess.run(["node", Path(__file__).with_name("records_key.mjs"), "20251010"], capture_output=True, text=True,
                           check=True).stdout.split("\n")[:-1]
    cases = [json.loads(line) for line in lines]
    assert len({case["spelled"] for case in cases}) > 200
    for case in cases:
        wanted = Cache.key("ada", "records:3:25:") + case["spelled"]
        assert school.one("SELECT wc_cache_key('ada', 3, 25, %s::json)", case["source"]) == wanted, case
        assert school.one("SELECT wc_cache_key('ada', %s)", "records:3:25:" + case["source"]) == wanted, case


def test_a_record_written_by_psql_removes_every_page_and_its_set(ada, school, cache):
    other = school.add_student("ada2")
    cache.until_drained()
    keys, others = fill(cache, ada), fill(cache, other)
    assert keys == [cache.key(ada, kind) for kind in KINDS]
    assert json.loads(cache.client.get(keys[1])) == school.one("SELECT wc_student_records('ada', 1, 20, '{\"type\": \"CHECKUP\"}')")
    assert all(290 <= cache.client.ttl(key) <= 300 for key in keys)
    school.psql("UPDATE health_records SET notes = 'Seen' WHERE id = 'r1'")
    until(lambda: cache.client.exists(*keys, cache.key(ada, "pages")) == 0, 10, "the pages and their set to be gone")
    assert cache.client.exists(*others) == len(others)


@pytest.mark.parametrize("change, stale", {
    "a student's name": ("UPDATE students SET \"lastName\" = 'Byron' WHERE id = 'ada'", True),
    "a new record": ("INSERT INTO health_records (id, type, date, description, \"studentId\") VALUES ('r3', 'DENTAL', now(), 'x', 'ada')", True),
    "many records deleted": ("SELECT wc_bulk_delete_records('{r1,r2,r9}'::text[])", True),
    "an allergy": ("UPDATE allergies SET reaction = 'Hives' WHERE id = 'a1'", False),
    "a condition": ("INSERT INTO chronic_conditions (id, condition, \"diagnosedDate\", \"studentId\") VALUES ('c1', 'Asthma', now(), 'ada')", False),
}.values(), ids=["student", "record", "bulk", "allergy", "condition"])
def test_what_makes_pages_stale(ada, school, cache, change, stale):
    keys = fill(cache, ada)
    school.psql(change)
    if stale:
        until(lambda: cache.client.exists(*keys) == 0, 10, "the pages to be gone")
    else:
        # The worker works in order: this one is seen after the change.
        marker = school.add_student()
        cache.plant_summary(marker)
        school.psql(f"UPDATE students SET grade = '6' WHERE id = '{marker}'")
        cache.until_invalidated(cache.key(marker))
        assert cache.client.exists(*keys) == len(keys)


def test_a_page_from_before_a_change_is_refused(ada, school, cache):
    (before,) = entries(school, ada, KINDS[:1])
    cache.plant(before[0])
    cache.client.sadd(cache.key(ada, "pages"), before[0])
    school.psql("DELETE FROM health_records WHERE id = 'r1'")
    cache.until_invalidated(before[0])
    assert cache.client.execute_command(*library.fill(*before)) == 0
    assert json.loads(cache.client.get(fill(cache, ada)[0]))["pagination"]["total"] == 1


def test_a_deletion_of_many_is_one_transaction_for_the_queue(school):
    school.sql("SELECT white_cross.register_worker('w')")
    students = [school.add_student() for _ in range(3)]
    records = [school.add_record(student) for student in students for _ in range(4)]
    school.sql("DELETE FROM white_cross.invalidation")
    assert school.one("SELECT wc_bulk_delete_records(%s::text[])", [*records, "nobody"]) == {"deleted": 12, "notFound": 1}
    assert [sorted(ids) for ids, in school.rows("SELECT students FROM white_cross.invalidation")] == [sorted(students)]
