"""wc_invalidate: for changes that no trigger sees.  It goes the way of every change, and all that is cached of a student goes."""

import signal

import pytest
from psycopg import errors

from own_ids import OwnSchool
from school import Cache
from servers import until

pytestmark = pytest.mark.thorough

NAMES = "health_summary", "growth_chart", "records:1:20:{}"


def keys_of(cache, *students):
    keys = [cache.key(student, name) for student in students for name in NAMES]
    cache.plant(*keys)
    for student in students:
        cache.client.sadd(cache.key(student, "pages"), cache.key(student, NAMES[2]))
    return keys


@pytest.fixture
def students(school, cache):
    students = [school.add_student() for _ in range(3)]
    cache.until_drained()
    return students


def test_one(students, school, cache):
    gone, stays = keys_of(cache, students[0]), keys_of(cache, students[1])
    school.psql(f"SELECT wc_invalidate('{students[0]}'::text)")
    cache.until_invalidated(*gone)
    cache.assert_stays(*stays)


def test_many(students, school, cache):
    gone, stays = keys_of(cache, *students[:2]), keys_of(cache, students[2])
    school.sql("SELECT wc_invalidate(%s::text[])", [*students[:2], None])
    cache.until_invalidated(*gone)
    cache.assert_stays(*stays)


def test_all(students, school, cache):
    keys = keys_of(cache, *students, "whoever")
    school.psql("SELECT wc_invalidate_all()")
    cache.until_invalidated(*keys)


def test_it_is_part_of_the_transaction(students, school, cache):
    keys = keys_of(cache, *students)
    school.psql(f"BEGIN; SELECT wc_invalidate_all(), wc_invalidate('{students[0]}'::text); ROLLBACK")
    cache.assert_stays(*keys)


COUNTS = {"wc_invalidate('a'::text)": 1, "wc_invalidate('{a,b,a,NULL}'::text[])": 2, "wc_invalidate('{}'::text[])": 0, "wc_invalidate(7::bigint)": 1,
          "wc_prewarm('{a,b,a,NULL}')": 2, "wc_prewarm('{a,b}'::text[])": 2, "wc_invalidate_all()": None, "wc_invalidate_pattern('student:*')": None,
          "wc_invalidate(NULL::text)": None, "wc_prewarm(NULL)": None}


def queued_students(school):
    return {student for students, in school.rows("SELECT students FROM white_cross.invalidation WHERE students IS NOT NULL") for student in students}


@pytest.mark.parametrize("call", COUNTS)
def test_it_returns_how_many_students_are_queued(school, call):
    assert school.one(f"SELECT {call}") == (None if "NULL)" in call or "NULL::text" in call else 0), "no worker is registered"
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("TRUNCATE white_cross.invalidation")
    assert school.one(f"SELECT {call}") == COUNTS[call]
    assert len(queued_students(school)) == (COUNTS[call] or 0)
    assert str(school.one(f"SELECT pg_typeof({call})")) == "integer", "and not void or bigint, which JavaScript reads as text"


@pytest.mark.parametrize("id_type, given, queued", [
    ("uuid", "{6F9619FF-8B86-D011-B42D-00C04FC964F0,6f9619ff-8b86-d011-b42d-00c04fc964f0}", 1),
    ("integer", "{7,007,9223372036854775807}", 1), ("bigint", "{7,007,9223372036854775807}", 2)])
def test_a_student_counts_once_however_the_id_is_spelled(cluster, id_type, given, queued):
    school = OwnSchool(cluster, f"queued_{id_type}", id_type)
    with school.connection:
        school.sql("SELECT white_cross.register_worker('w')")
        assert school.one("SELECT wc_invalidate(%s::text[])", given) == school.one("SELECT wc_prewarm(%s)", given) == queued


def test_a_call_keeps_no_worker_from_registering(school):
    """It tells whether a worker is registered and waits for none, however long its transaction goes on."""
    with school.cluster.connect(school.database, autocommit=False) as long:
        assert long.execute("SELECT wc_invalidate('a'::text)").fetchone() == (0,)
        assert school.one("SELECT white_cross.register_worker('w')") is True
        assert long.execute("SELECT wc_invalidate('a'::text)").fetchone() == (1,)
        long.commit()
    assert queued_students(school) == {"a"}


@pytest.mark.parametrize("call", ["wc_invalidate_all()", "wc_invalidate_pattern('student:*')", "wc_prewarm('{x}'::text[])"])
def test_not_where_nothing_may_be_written(students, school, call):
    with pytest.raises(errors.ReadOnlySqlTransaction):
        school.sql("BEGIN READ ONLY")
        try:
            school.sql(f"SELECT {call}")
        finally:
            school.sql("ROLLBACK")


def test_not_by_everybody(students, school):
    school.sql("DO $$ BEGIN CREATE ROLE wc_test_nobody LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    with school.cluster.connect(school.database, "wc_test_nobody") as nobody:
        for call in ("wc_invalidate_all()", "wc_invalidate('x'::text)", "wc_invalidate('{x}'::text[])",
                     "wc_invalidate_pattern('student:*')", "wc_prewarm('{x}'::text[])"):
            with pytest.raises(errors.InsufficientPrivilege):
                nobody.execute(f"SELECT {call}")


def test_by_whom_it_was_granted_to(students, school, cache):
    """A role that may call these functions needs no privilege on any table or on the queue. Each function can be granted without
    the others."""
    school.sql("DO $$ BEGIN CREATE ROLE wc_test_caller LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    calls = {"wc_invalidate(text)": f"wc_invalidate('{students[0]}'::text)", "wc_invalidate(text[])": f"wc_invalidate('{{{students[0]}}}'::text[])",
             "wc_invalidate_all()": "wc_invalidate_all()", "wc_invalidate_pattern(text)": "wc_invalidate_pattern('student:*')"}
    with school.cluster.connect(school.database, "wc_test_caller") as caller:
        for function, call in calls.items():
            school.sql(f"GRANT EXECUTE ON FUNCTION {function} TO wc_test_caller")
            cache.until_drained()
            keys = keys_of(cache, students[0])
            caller.execute(f"SELECT {call}")
            cache.until_invalidated(*keys)
            for other in calls.values():
                if other != call:
                    with pytest.raises(errors.InsufficientPrivilege):
                        caller.execute(f"SELECT {other}")
            school.sql(f"REVOKE EXECUTE ON FUNCTION {function} FROM wc_test_caller")
        with pytest.raises(errors.InsufficientPrivilege):
            caller.execute("SELECT FROM white_cross.invalidation")


def test_keys_of_a_pattern(students, school, cache):
    keys = keys_of(cache, *students)
    charts = [key for key in keys if key.endswith("growth_chart")]
    school.psql("SELECT wc_invalidate_pattern('student:*:growth_chart')")
    cache.until_invalidated(*charts)
    cache.until_drained()
    cache.assert_stays(*(key for key in keys if key not in charts))


def test_patterns_of_one_transaction_and_all_at_once(students, school, cache, worker):
    keys = keys_of(cache, *students)
    worker.send(signal.SIGSTOP)
    school.psql(f"BEGIN; SELECT wc_invalidate_pattern('{cache.key(students[0], '*')}'); SELECT wc_invalidate_pattern('student:*:records:*');"
                f"SELECT wc_invalidate_pattern('{cache.key(students[1], 'growth_char[st]')}'); COMMIT")
    worker.send(signal.SIGCONT)
    gone = [key for key in keys if key.startswith(cache.key(students[0], "")) or "records" in key or key == cache.key(students[1], "growth_chart")]
    cache.until_invalidated(*gone)
    cache.until_drained()
    cache.assert_stays(*(key for key in keys if key not in gone))


def test_a_value_from_before_the_pattern_is_refused(students, school, cache):
    loaded = school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", students[0])[0]
    school.psql("SELECT wc_invalidate_pattern('student:*:health_summary')")
    cache.until_drained()
    assert cache.client.execute_command("FCALL", "wc_fill", 1, *loaded) == 0
    assert cache.load(students[0]) == 1


@pytest.mark.parametrize("pattern", ["", "*", "session:*", "Student:*", "s*", "student", "student:" + "x" * 1000])
def test_only_keys_of_students(students, school, pattern):
    with pytest.raises(errors.InvalidParameterValue):
        school.sql("SELECT wc_invalidate_pattern(%s)", pattern)
    assert school.queue_length() == 0


def test_a_pattern_that_is_rolled_back(students, school, cache):
    keys = keys_of(cache, *students)
    school.psql("BEGIN; SELECT wc_invalidate_pattern('student:*'); ROLLBACK")
    cache.assert_stays(*keys)


def test_prewarm(students, school, cache):
    school.psql(f"BEGIN; SELECT wc_prewarm('{{{students[0]}}}'::text[]); ROLLBACK")
    school.sql("SELECT wc_prewarm(%s::text[])", [*students[1:], "nobody", None])
    until(lambda: all(cache.summary(student) for student in students[1:]), 10, "the summaries to be there")
    assert all(map(cache.is_current, students[1:]))
    assert cache.summary(students[0]) is None and cache.client.keys("student:nobody:*") == []


def test_prewarm_is_asked_for_though_nothing_else_is_rebuilt(school, start_worker, redis_server):
    start_worker(settings={"prewarm": {"enabled": False}})
    student = school.add_student()
    with redis_server.connect() as client:
        cache = Cache(client, school)
        school.sql("SELECT wc_prewarm(%s::text[])", [student])
        until(lambda: cache.summary(student), 10, "the summary to be there")
        school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'; SELECT wc_prewarm('{{{student}}}'::text[])")
        until(lambda: cache.is_current(student), 10, "the new summary to be there")


def test_everything_goes_in_steps_that_are_bounded(school, start_worker, redis_server):
    """Redis serves no other client during a step. So no step is larger than the worker was told, and none waits to free
    memory."""
    step, count = 100, 5000
    worker = start_worker(settings={"invalidate": {"scan_count": step}, "prewarm": {"enabled": False}})
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        keys = [cache.key(f"s{n}") for n in range(count)]
        client.mset({key: cache.PLANTED for key in keys})
        log = {"slowlog-log-slower-than": 0, "slowlog-max-len": 100_000}
        before = {name: client.config_get(name)[name] for name in log}
        try:
            for name, value in log.items():
                client.config_set(name, value)
            client.slowlog_reset()
            school.psql("SELECT wc_invalidate_all()")
            until(lambda: not client.exists(*keys), 20, "all to be gone")
            cache.until_drained()
            commands = [entry["command"] for entry in client.slowlog_get(100_000)]
        finally:
            for name, value in before.items():
                client.config_set(name, value)
        assert worker.metrics()["wc_worker_swept_keys_total"] == count
    commands = [command.decode() if isinstance(command, bytes) else command for command in commands]
    names = {command.split()[0].upper() for command in commands}
    assert not names & {"DEL", "KEYS", "FLUSHALL", "FLUSHDB"}
    scans = [command for command in commands if command.startswith("SCAN ")]
    assert len(scans) >= count / step and all(command.endswith(f" COUNT {step}") for command in scans)
    # The log shows 31 words of a command and how many more there are.
    sizes = [31 + int(command.rpartition("(")[2].split()[0]) - 1 if "more arguments" in command else len(command.split()) - 1
             for command in commands if command.startswith("UNLINK ")]
    # A step of SCAN ends with the chain of its hash table that it is at.
    assert sum(sizes) >= count and max(sizes) <= 2 * step
