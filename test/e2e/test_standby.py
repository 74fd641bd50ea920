"""A hot standby: the functions answer there, and what they offer for the cache says honestly what it has seen."""

import re
import signal

import pytest
from psycopg import errors

from school import School
from servers import Cluster, library, until


@pytest.fixture
def standby(ground, school):
    """The school as its standby shows it."""
    with Cluster(ground, "standby", primary=school.cluster) as cluster:
        standby = School(cluster, school.database)
        with standby.connection:
            yield standby


def until_replayed(school, standby):
    position = school.one("SELECT pg_current_wal_insert_lsn()::text")
    until(lambda: standby.one("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position), 20, "the standby to catch up")


def test_summaries(school, standby):
    student = school.add_student()
    school.add_allergy(student)
    school.add_record(student, type="VACCINATION", vital='{"height": 140}')
    until_replayed(school, standby)
    assert standby.summary(student) == school.summary(student)
    assert standby.rows("SELECT * FROM wc_health_summaries(%s::text[])", [student, "nobody"]) == [
        (student, school.summary(student)), ("nobody", None)]


def test_a_standby_that_lags_for_longer_than_a_fence_lives(school, standby, worker, cache):
    """What it reads is old, though its clock says that it has just been read."""
    student = school.add_student(lastName="Old")
    cache.until_drained()
    until_replayed(school, standby)
    load = "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])"
    assert cache.client.execute_command(*library.fill(*standby.rows(load, student)[0])) == 1, "one that keeps up may store"
    standby.sql("SELECT pg_wal_replay_pause()")
    until(lambda: standby.one("SELECT pg_get_wal_replay_pause_state()") == "paused", 20, "the standby to pause")
    worker.write_configuration({"invalidate": {"fence_ttl_s": 2}})
    worker.send(signal.SIGHUP)
    until(lambda: cache.client.get("wc:epoch:life") == "2000", 10, "the short life")
    school.psql(f"UPDATE students SET \"lastName\" = 'New' WHERE id = '{student}'")
    cache.until_drained()
    fence = cache.key(student, "fence")
    cache.client.pexpire(fence, 2000)  # the one that was to live longer
    until(lambda: not cache.client.exists(fence), 20, "the fence's life to be over")
    assert cache.client.execute_command(*library.fill(*standby.rows(load, student)[0])) == 0
    assert cache.load(student) == 1, "others may store all the while"


def test_exports(school, standby):
    student = school.add_student()
    school.add_record(student)
    until_replayed(school, standby)
    query = "SELECT chunk::jsonb - 'exportDate' FROM wc_export_health_history(%s::text) AS chunk"
    assert len(standby.rows(query, student)) == 5 and standby.rows(query, student) == school.rows(query, student)


def test_pages_and_lists(school, standby):
    student = school.add_student()
    school.add_allergy(student)
    for n in range(5):
        school.add_record(student, type="VACCINATION", vital='{"height": 140}', date=f"2025-10-0{n + 1}")
    until_replayed(school, standby)
    for call in ("wc_student_records({0}, 2, 2)", "wc_student_records_after({0}, NULL, 2)", "wc_student_allergies({0})", "wc_vaccinations({0})",
                 "wc_student_conditions({0})", "wc_recent_vitals({0}, 3)",
                 "(SELECT json_agg(value) FROM wc_cache_entries(ARRAY[{0}], ARRAY['records:1:2:{{\"type\":\"VACCINATION\"}}']))"):
        statement = f"SELECT {call.format(repr(student))}"
        assert standby.one(statement) == school.one(statement), call
    cursor = standby.one("SELECT wc_student_records_after(%s::text, NULL, 2) ->> 'nextCursor'", student)
    page = "SELECT wc_student_records_after(%s::text, %s, 2)"
    assert standby.one(page, student, cursor) == school.one(page, student, cursor)
    with pytest.raises(errors.ReadOnlySqlTransaction):
        standby.one("SELECT wc_bulk_delete_records('{x}'::text[])")


def test_searches_and_the_doctor(school, start_worker, standby):
    """Of a worker that drains on the primary a standby knows its word, and not the lock that it holds."""
    start_worker()
    student = school.add_student()
    for n in range(3):
        school.add_record(student, description="Sore throat", date=f"2025-10-0{n + 1}")
    until(lambda: school.one("SELECT count(*) FROM white_cross.worker_report WHERE draining"))
    until_replayed(school, standby)
    for call in "'sore thr'", "'quill', highlight => true", """'throat', "order" => 'rank'""":
        statement = f"SELECT wc_search_health_records({call})"
        assert standby.one(statement) == school.one(statement) and len(standby.one(statement)["records"]) == 3, call
    found = {check: (status, detail) for check, status, detail, _ in standby.rows("SELECT * FROM wc_diagnose()")}
    assert found["worker"][0] == "ok" and "drains the queue" in found["worker"][1]
    assert {status for check, (status, _) in found.items() if check != "relay"} == {"ok"}


def is_visible(xid, snapshot):
    """The rule of the Redis library."""
    xmin, xmax, in_progress = re.fullmatch(r"(\d+):(\d+):([\d,]*)@\d+#[\d.]+", snapshot).groups()
    return xid < int(xmin) or (xid < int(xmax) and str(xid) not in in_progress.split(","))


def test_a_transaction_in_progress_on_the_primary_is_not_called_visible(school, standby):
    """pg_current_snapshot() of a standby leaves it out, which would claim that it had been seen."""
    student = school.add_student()
    with school.cluster.connect(school.database, autocommit=False) as writer:
        writer.execute("UPDATE students SET \"lastName\" = 'Byron' WHERE id = %s", [student])
        open_xid = int(writer.execute("SELECT pg_current_xact_id()::text").fetchone()[0])
        school.add_allergy(student)  # a later transaction, committed
        until_replayed(school, standby)
        summary, snapshot = standby.rows("SELECT value, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]
        assert len(summary["allergies"]) == 1 and summary["student"]["lastName"] == "Quill"
        assert snapshot is None or not is_visible(open_xid, snapshot)
        writer.commit()
    until_replayed(school, standby)
    summary, snapshot = standby.rows("SELECT value, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]
    assert summary["student"]["lastName"] == "Byron"
