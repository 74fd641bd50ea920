"""A hot standby: the functions answer there, and what they offer for the cache says honestly what it has seen."""

import re
import signal
import threading

import psycopg
import pytest
from psycopg import errors

from replication import until_replayed
from school import School
from servers import Cluster, library, until


@pytest.fixture
def standby(ground, school):
    """The school as its standby shows it."""
    with Cluster(ground, "standby", primary=school.cluster) as cluster:
        standby = School(cluster, school.database)
        with standby.connection:
            yield standby


def test_summaries(school, standby):
    student = school.add_student()
    school.add_allergy(student)
    school.add_record(student, type="VACCINATION", vital='{"height": 140}')
    until_replayed(school, standby)
    assert standby.summary(student) == school.summary(student)
    assert standby.rows("SELECT * FROM wc_health_summaries(%s::text[])", [student, "nobody"]) == [
        (student, school.summary(student)), ("nobody", None)]


def test_a_standby_that_lags_for_longer_than_a_fence_lives(school, standby, worker, cache):
    """The standby reads old rows, though the clock says that they were just read."""
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


def test_searches_and_wc_diagnose(school, start_worker, standby):
    """A standby has the report of a worker that drains on the primary, but does not see its lock."""
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


INDEXES = "students_pkey", "idx_allergies_student_severity", "idx_health_records_student_date_type"


def three_students(school):
    students = [school.add_student() for _ in range(3)]
    for student in students:
        school.add_record(student, vital='{"height": 140}', description="Sore throat")
        school.add_allergy(student)
    return students


def test_indexes_that_are_made_anew(school, standby):
    """The primary waits for its own readers before it drops what they look at.  A standby replays that at any moment: in this
    transaction word of it comes with the look at the index alone, for the tables are locked already."""
    student = three_students(school)[0]
    until_replayed(school, standby)
    calls = ["SELECT wc_health_summary(%s)", "SELECT wc_bmi_category_of(%s)", "SELECT json_agg(c::jsonb - 'exportDate') FROM wc_export_health_history(%s) AS c",
             "SELECT wc_search_health_records('throat') WHERE %s <> ''"]
    plain = [school.one(call, student) for call in calls]
    watching = School(standby.cluster, standby.database)
    for call, answer in zip(calls, plain):
        assert standby.one(call, student) == answer
        with standby.connection.transaction():
            standby.sql("LOCK TABLE students, health_records, allergies, chronic_conditions IN ACCESS SHARE MODE")
            for index in (*INDEXES, "idx_health_records_search", "idx_health_records_date"):
                school.sql(f"REINDEX INDEX CONCURRENTLY {index}")
            # Asked by another session: replay would wait for the end of a transaction that has had a snapshot.
            until_replayed(school, watching)
            assert standby.one(call, student) == answer
    watching.connection.close()


def test_an_extension_that_goes(school, standby):
    """An object that was looked up by its name may be dropped before it is locked."""
    students = three_students(school)
    until_replayed(school, standby)
    plain = {student: school.summary(student) for student in students}
    stop = threading.Event()
    answers, refusals, wrong, ended = [0], set(), [], []

    def read(student):
        while not stop.is_set():
            with standby.cluster.connect(standby.database) as connection:
                read_by(connection, student)

    def read_by(connection, student):
        while not stop.is_set() and not connection.closed:
            try:
                found = connection.execute("SELECT wc_health_summary(%s)", [student]).fetchone()[0]
                answers[0] += 1
                if found != plain[student]:
                    wrong.append(found)
            except psycopg.Error as error:
                if connection.closed:
                    ended.append(str(error))
                else:
                    refusals.add((error.sqlstate, re.sub(r"\d+", "N", error.diag.message_primary or str(error))))

    readers = [threading.Thread(target=read, args=[student]) for student in students]
    for reader in readers:
        reader.start()
    try:
        for _ in range(8):
            school.sql("DROP EXTENSION white_cross CASCADE")
            school.sql("CREATE EXTENSION white_cross")
            school.sql("SELECT wc_attach('public')")
            before = answers[0]
            until(lambda: answers[0] > before, 60, "an answer")
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    # What the server itself says where the function has gone between parsing and running, or replay needed a lock.
    documented = {("42883", "function wc_health_summary(unknown) does not exist"), ("XX000", "cache lookup failed for function N"),
                  ("55000", "white_cross is not attached to any tables"), ("40001", "canceling statement due to conflict with recovery"),
                  ("42883", "function wc_health_summary(text) does not exist"), ("40P01", "deadlock detected")}
    assert refusals <= documented, refusals - documented
    assert not wrong and answers[0] > 8
    # Replay ends a session that it cannot wait for; nothing else does.
    log = standby.cluster.log.read_text()
    assert len(ended) <= log.count("FATAL:  terminating connection due to conflict with recovery") and "terminated by signal" not in log, ended
    until_replayed(school, standby)
    assert standby.summary(students[0]) == plain[students[0]]


def is_visible(xid, snapshot):
    """The rule of the Redis library."""
    xmin, xmax, in_progress = re.fullmatch(r"(\d+):(\d+):([\d,]*)@\d+#[\d.]+(?:/\S+)?", snapshot).groups()
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
