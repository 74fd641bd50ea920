"""Ids of text, uuid and bigint; camelCase and snake_case columns: summary, cache and worker alike."""

import pytest

from own_ids import own_tables  # noqa: F401 (a fixture)
from school import Cache
from servers import Worker, until


def test_summary(own_tables):
    id, allergy, record = own_tables.ids
    # As text when a client binds text, and as the type itself.
    for cast in "text", own_tables.id_type:
        summary = own_tables.one(f"SELECT wc_health_summary(%s::{cast})", id)
        assert str(summary["student"]["id"]) == id
        assert summary["student"]["dateOfBirth"] == "2014-03-02T00:00:00.000Z"
        assert [(str(a["id"]), a["allergen"], a["createdAt"]) for a in summary["allergies"]] == [
            (allergy, "Milk", "2025-01-01T00:00:00.000Z")]
        assert [(str(r["id"]), r["date"]) for r in summary["recentVaccinations"]] == [(record, "2025-10-10T09:30:00.000Z")]
        assert summary["recentVitals"][0]["vital"] == {"height": 140}
        assert summary["recordCounts"] == {"VACCINATION": 1}
    many = own_tables.rows(f"SELECT * FROM wc_health_summaries(%s::{own_tables.id_type}[])", own_tables.ids)
    assert len(many) == 3


def test_pages_lists_and_deletion(own_tables):
    id, _, record = own_tables.ids
    other = "7" if own_tables.id_type == "bigint" else "11111111-1111-4111-8111-111111111111"
    own_tables.sql("INSERT INTO health_records VALUES (%s, %s, 'DENTAL', '2025-10-09 09:30:00+00', 'Cleaning', NULL, 'Dr. Who', NULL, '{x}')",
                   other, id)
    for cast in "text", own_tables.id_type:
        page = own_tables.one(f"SELECT wc_student_records(%s::{cast}, 1, 1)", id)
        assert page["pagination"] == {"page": 1, "limit": 1, "total": 2, "pages": 2}
        assert [(str(r["id"]), r["date"], r["createdAt"], str(r["student"]["id"])) for r in page["records"]] == [
            (record, "2025-10-10T09:30:00.000Z", "2025-01-01T00:00:00.000Z", id)]
        cursor = own_tables.one(f"SELECT wc_student_records_after(%s::{cast}, NULL, 1) ->> 'nextCursor'", id)
        for rest in (own_tables.one(f"SELECT wc_student_records_after(%s::{cast}, %s, 1)", id, cursor),
                     own_tables.one(f"SELECT wc_student_records(%s::{cast}, 2, 1)", id),
                     own_tables.one(f"""SELECT wc_student_records(%s::{cast}, filters =>
                         '{{"type": "DENTAL", "dateFrom": "2025-10-09T11:30:00+02:00", "dateTo": "2025-10-09T09:30:00Z", "provider": "WHO"}}')""", id)):
            assert [(str(r["id"]), r["attachments"]) for r in rest["records"]] == [(other, ["x"])]
        # A type that is text has no list of labels.
        assert own_tables.one(f"""SELECT wc_student_records(%s::{cast}, filters => '{{"type": "dental"}}')""", id)["records"] == []
        assert len(own_tables.one(f"SELECT wc_student_allergies(%s::{cast})", id)) == 1
        assert [str(r["id"]) for r in own_tables.one(f"SELECT wc_vaccinations(%s::{cast})", id)] == [record]
        assert [str(r["id"]) for r in own_tables.one(f"SELECT wc_recent_vitals(%s::{cast}, 3)", id)] == [record]
        assert own_tables.one(f"SELECT wc_student_conditions(%s::{cast})", id) == []
        entry, = own_tables.rows(f"SELECT key, value FROM wc_cache_entries(%s::{cast}[], ARRAY['records:2:1:{{}}'])", [id])
        assert entry == (Cache.key(id, "records:2:1:{}"), own_tables.one(f"SELECT wc_student_records(%s::{cast}, 2, 1)", id))
    for cast, left in (own_tables.id_type, 1), ("text", 0):
        gone = {"deleted": 1, "notFound": 1}
        assert own_tables.one(f"SELECT wc_bulk_delete_records(%s::{cast}[])", [other if left else record, id]) == gone
        assert own_tables.one("SELECT count(*) FROM health_records") == left


@pytest.fixture
def client(redis_server):
    """An empty Redis."""
    with redis_server.connect() as client:
        client.flushall()
        yield client


def until_rebuilt(cache, student):
    """An allergy of the student gets a reaction, and the cached summary with it."""
    cache.school.psql("UPDATE allergies SET reaction = 'Hives'")
    until(lambda: (cache.summary(student) or {"allergies": [{}]})["allergies"][0].get("reaction") == "Hives", 10, "the new summary")
    assert cache.is_current(student)


def test_the_cache_follows_changes(own_tables, ground, redis_server, client):
    own_tables.allow_worker()
    with Worker(ground, own_tables.worker_dsn, redis_server, "kinds"):
        cache = Cache(client, own_tables)
        cache.until_drained()
        student, other, _ = own_tables.ids
        assert cache.load(student) == 1
        cache.plant_summary(other)
        until_rebuilt(cache, student)
        assert cache.is_planted(cache.key(other))


def test_a_key_that_is_no_students_stops_nothing(own_tables, ground, redis_server, client):
    """Whatever lies in Redis at the start, its id need not be one: it is removed, and the others are rebuilt as ever."""
    own_tables.allow_worker()
    cache = Cache(client, own_tables)
    cache.plant_summary("no-such-id", *own_tables.ids)
    with Worker(ground, own_tables.worker_dsn, redis_server, "kinds"):
        cache.until_invalidated(cache.key("no-such-id"))
        cache.until_drained()
        student = own_tables.ids[0]
        until(lambda: cache.load(student) == 1, 5, "a fill")
        until_rebuilt(cache, student)
