"""Each state of docs/operations.md is brought about for real, and health, metrics, log and wc_diagnose say what its row says."""

import json
import re
import shutil
import threading
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from school import Cache
from servers import Redis, until
from servers.process import own
from servers.worker import run_worker

pytestmark = pytest.mark.thorough

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/operations.md"
QUICK = {"queue": {"takeover_interval_ms": 50, "poll_interval_ms": 200, "hung_after_ms": 1000, "heartbeat_s": 1},
         "invalidate": {"scan_count": 10}}


def rows_of_the_table():
    lines = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in DOCUMENT.read_text().splitlines()
             if line.startswith("| ")]
    head, *rows = lines
    assert head == ["state", "when", "`/healthz`", "metrics", "log", "`wc_diagnose`"]
    return {row[0]: dict(zip(head, row)) for row in rows}


TABLE = rows_of_the_table()


class Stage:
    """What a state may need: a school, ways to start workers, and the worker that must reach the state."""

    def __init__(self, school, start_worker, ground, redis_server, stack):
        self.school, self.start_worker, self.ground, self.redis_server, self.stack = school, start_worker, ground, redis_server, stack

    def start(self, name="worker", **options):
        return self.start_worker(name, **({"settings": QUICK} | options))

    def drained(self, **options):
        worker = self.start(**options)
        until(lambda: self.state(worker) in ("idle", "healthy"), 15, "the worker to drain")
        return worker

    def state(self, worker):
        status, body = worker.get("/healthz")
        return status and json.loads(body)["state"]

    def redis(self, **settings):
        return self.stack.enter_context(Redis(self.ground, "states-redis", settings))

    def end_sessions(self):
        self.school.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND datname = current_database()",
                        self.school.worker_role)

    def hot_student(self, redis):
        """One that a change is rebuilt of."""
        student = self.school.add_student()
        until(self.school.is_drained)
        cache = Cache(self.stack.enter_context(redis.connect()), self.school)
        until(lambda: cache.load(student) == 1, 10, "a fill")
        # A change of what is cached tells the worker. The removal of all values would do so too, unless keys are opaque.
        self.school.sql("UPDATE students SET \"lastName\" = 'Hot' WHERE id = %s", student)
        until(lambda: (cache.summary(student) or {"student": {}})["student"].get("lastName") == "Hot", 10, "it to be rebuilt")
        return student


@contextmanager
def healthy(stage):
    worker = stage.drained()
    ended = threading.Event()

    def write():
        with stage.school.cluster.connect(stage.school.database) as connection:
            while not ended.wait(0.1):
                connection.execute("UPDATE students SET grade = '6'")

    stage.school.add_student()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield worker
    finally:
        ended.set()
        writer.join()


@contextmanager
def idle(stage):
    yield stage.drained()


@contextmanager
def catching_up(stage):
    """The queue has so many rows, as if each were of a transaction of its own, that the worker estimates their number."""
    worker = stage.start(enter=False)
    worker.write_configuration(QUICK | {"queue": QUICK["queue"] | {"batch_students": 50}})
    stage.school.sql("SELECT white_cross.register_worker('worker')")
    stage.school.sql("""INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at)
        SELECT pg_current_xact_id(), n, 1, ARRAY['s' || n % 1000], clock_timestamp() FROM generate_series(1, 600000) AS n""")
    worker.start()

    def progress():
        return json.loads(worker.get("/healthz")[1]).get("catching_up", {"rows_per_second": 0})

    # One drain alone tells no rate.
    shown = until(lambda: (shown := progress())["rows_per_second"] > 0 and shown, 15, "its pace")
    assert shown["rows_left"] > 0 and shown["seconds_left"] > 0
    waiting = stage.school.queue_length()
    assert waiting > 100_000 and waiting / 2 < worker.metrics()["wc_worker_queue_rows"] < 2 * waiting + 2000
    yield worker
    stage.school.sql("DELETE FROM white_cross.invalidation")


@contextmanager
def sweeping(stage):
    worker = stage.drained()
    with stage.redis_server.connect() as client:
        client.eval("for i = 1, 400000 do redis.call('SET', 'other:' .. i, '') end", 0)
        stage.school.sql("SELECT wc_invalidate_all()")
        yield worker
        client.flushall()


@contextmanager
def standby(stage):
    stage.drained(name="first")
    yield stage.start()


@contextmanager
def unregistered(stage):
    """A transaction that found no worker is prepared and not ended, so the worker cannot register."""
    school = stage.school
    school.psql("BEGIN; UPDATE students SET grade = '6'; INSERT INTO students VALUES ('s', 'n', 'f', 'l', '2015-01-01', '4', 'MALE'); "
                "PREPARE TRANSACTION 'forgotten'")
    worker = stage.start(enter=False)
    worker.start(wait=False)
    yield worker
    assert "prepared transaction 'forgotten'" in json.loads(worker.get("/healthz")[1])["detail"]
    (remedy,) = [row[3] for row in diagnosed(school) if "unregistered" in row[2]]
    assert "ROLLBACK PREPARED 'forgotten'" in remedy
    school.sql("ROLLBACK PREPARED 'forgotten'")


@contextmanager
def blocked(stage):
    worker = stage.drained()
    with closing(stage.school.cluster.connect(stage.school.database)) as somebody:
        somebody.execute("BEGIN; LOCK TABLE white_cross.invalidation IN SHARE MODE")
        yield worker
        until(lambda: f"process {somebody.info.backend_pid} of role" in json.loads(worker.get("/healthz")[1])["detail"], 10, "its name")
        assert any(f"pg_terminate_backend({somebody.info.backend_pid})" in (row[3] or "") for row in diagnosed(stage.school))


@contextmanager
def no_redis(stage):
    redis = stage.redis()
    worker = stage.drained(redis=redis)
    redis.stop()
    yield worker
    redis.start()


@contextmanager
def no_postgres(stage):
    worker = stage.drained()
    name = stage.school.database
    with stage.school.cluster.connect() as administrator:
        administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        stage.end_sessions()
        try:
            yield worker
        finally:
            administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextmanager
def set_aside(stage):
    """Redis refuses one student: its library is another for it."""
    worker = stage.drained()
    student = stage.school.add_student()
    until(stage.school.is_drained)
    with stage.redis_server.connect() as client:
        code = client.execute_command("FUNCTION", "LIST", "WITHCODE")[0]
        code = code[code.index("library_code") + 1]
        start = "    local existed = {}\n    local most_pages"
        assert code.count(start) == 1
        refusal = f"    for _, key in ipairs(keys) do\n if key == '{Cache.key(student, '')}' then\n return redis.error_reply('ERR no') end end\n"
        client.execute_command("FUNCTION", "LOAD", "REPLACE", code.replace(start, refusal + start))
        stage.school.sql("UPDATE students SET grade = '7' WHERE id = %s", student)
        yield worker
        client.execute_command("FUNCTION", "LOAD", "REPLACE", code)
        worker.restart()


@contextmanager
def evicting(stage):
    redis = stage.redis()
    worker = stage.drained(redis=redis)
    with redis.connect() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "100mb")
        yield worker
        client.config_set("maxmemory", "0")


@contextmanager
def events_wait(stage):
    """Somebody has put another key under the name of the stream."""
    redis = stage.redis()
    with redis.connect() as client:
        client.set("events", "a text")
        worker = stage.start(redis=redis, settings=QUICK | {"events": {"stream": "events"}}, enter=False)
        worker.start(wait=False)
        yield worker
        client.delete("events")


@contextmanager
def read_only(stage):
    worker = stage.drained()
    stage.school.sql(f"ALTER DATABASE {stage.school.database} SET default_transaction_read_only = on")
    stage.end_sessions()
    yield worker
    stage.school.sql(f"ALTER DATABASE {stage.school.database} RESET default_transaction_read_only")


@contextmanager
def full_disk(stage):
    """Redis cannot save what it holds, and takes no more writes."""
    folder = stage.ground.folder_for("states-dump")
    own(folder)
    redis = stage.redis(save="3600 1", dir=f'"{folder}"')
    worker = stage.drained(redis=redis)
    with redis.connect() as client:
        shutil.rmtree(folder)
        until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0)
        client.bgsave()
        until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", 10, "a save to fail")
        yield worker
        client.config_set("save", "")


@contextmanager
def no_rights(stage):
    """Its role may not read a table any more: what is removed is not rebuilt."""
    worker = stage.drained()
    student = stage.hot_student(stage.redis_server)
    stage.school.sql(f"REVOKE SELECT ON students FROM {stage.school.worker_role}")
    stage.school.sql("UPDATE students SET grade = '7' WHERE id = %s", student)
    yield worker
    for remedy in {row[3] for row in diagnosed(stage.school) if row[1] == "fail"}:
        stage.school.psql(remedy)


@contextmanager
def other_keys(stage):
    """The worker has opaque keys, and the database has not."""
    secret = stage.ground.folder_for("states-keys") / "secret"
    secret.write_text("s" * 32)
    secret.chmod(0o600)
    worker = stage.start(settings=QUICK | {"redis": {"opaque_keys": True, "key_secret_file": str(secret)}}, enter=False)
    worker.start(wait=False)
    yield worker
    worker.stop()


@contextmanager
def other_redis(stage):
    stage.drained(name="first")
    worker = stage.start("second", redis=stage.redis(), enter=False)
    worker.start(wait=False)
    yield worker
    worker.stop()


@contextmanager
def cold(stage):
    worker = stage.drained()
    student = stage.hot_student(stage.redis_server)
    stage.school.sql('ALTER TABLE students RENAME "firstName" TO forename')
    stage.school.sql("UPDATE students SET grade = '7' WHERE id = %s", student)
    yield worker
    stage.school.sql('ALTER TABLE students RENAME forename TO "firstName"')


BRINGS = {function.__name__.replace("_", " ").replace("read only", "read-only"): function for function in (
    healthy, idle, catching_up, sweeping, standby, unregistered, blocked, no_redis, no_postgres, set_aside, events_wait, evicting, read_only,
    full_disk, no_rights, other_keys, other_redis, cold)}


def test_every_state_of_the_table_is_brought_about():
    source = (DOCUMENT.parents[1] / "worker/process/state.hpp").read_text()
    names = set(re.findall(r'return "([^"]+)";', source))
    assert set(BRINGS) == set(TABLE) == names - {"starting", "off"}


def diagnosed(school):
    return school.rows('SELECT "check", status, detail, remedy FROM wc_diagnose()')


def holds(metrics, condition):
    name, operator, value = re.fullmatch(r"`(\S+) (?:(>) )?(\d+)`", condition).groups()
    return metrics[name] > float(value) if operator else metrics[name] == float(value)


@pytest.mark.parametrize("state", TABLE)
def test_a_state_says_in_four_places_what_the_table_says(state, school, start_worker, ground, redis_server):
    row = TABLE[state]
    check, status, words = re.fullmatch(r"(\w+) (\w+): (.+)", row["`wc_diagnose`"]).groups()
    line = re.escape(row["log"].strip("`")).replace("N", r"\d+")
    with ExitStack() as stack:
        stage = Stage(school, start_worker, ground, redis_server, stack)
        with BRINGS[state](stage) as worker:
            until(lambda: stage.state(worker) == state, 20, f"the state {state}")
            until(lambda: worker.get("/healthz")[0] == int(row["`/healthz`"]), 5, "the status of /healthz")
            until(lambda: worker.metrics()[f'wc_worker_state{{state="{state}"}}'] == 1, 5, "the metric of the state")
            until(lambda: holds(worker.metrics(), row["metrics"]), 5, row["metrics"])
            until(lambda: re.search(line, worker.log.read_text()), 5, f"the log to say {line}")
            until(lambda: any(found[:2] == (check, status) and words in found[2] for found in diagnosed(school)), 10,
                  f"{check} {status}: {words} of {diagnosed(school)}")
            assert sum(value for name, value in worker.metrics().items() if name.startswith("wc_worker_state{")) == 1
            if worker.get("/healthz")[0] == 200 and state != "catching up":
                assert all(found[1] == "ok" for found in diagnosed(school) if found[0] == check), diagnosed(school)
        if worker.running():
            until(lambda: stage.state(worker) in ("idle", "healthy", "standby"), 30, "the end of it")


def test_workers_of_one_name_need_one_redis(school, start_worker, ground, redis_server):
    with ExitStack() as stack:
        stage = Stage(school, start_worker, ground, redis_server, stack)
        first = stage.drained()
        second = start_worker("again", settings=QUICK | {"worker": {"name": "worker"}}, redis=stage.redis(), enter=False)
        second.start(wait=False)
        assert second.wait(30) != 0
        assert "workers of one name need the same redis.url" in second.log.read_text()
        assert first.healthy()


def test_a_holder_of_the_lock_that_drains_nothing_is_named(school, start_worker, ground, redis_server):
    """Somebody with a worker's rights has the lock, and rows wait."""
    with ExitStack() as stack, closing(school.cluster.connect(school.database)) as somebody:
        stage = Stage(school, start_worker, ground, redis_server, stack)
        worker = stage.drained()
        worker.stop()
        somebody.execute("SELECT white_cross.lock_drain(true, false)")
        worker.start()
        assert stage.state(worker) == "standby"
        school.add_student()
        until(lambda: stage.state(worker) == "blocked", 20, "the state")
        status, body = worker.get("/healthz")
        assert status == 503 and f"process {somebody.info.backend_pid} of role" in json.loads(body)["detail"]
        until(lambda: any(row[1] == "fail" and "blocked" in row[2] and f"pg_terminate_backend({somebody.info.backend_pid})" in row[3]
                          for row in diagnosed(school) if row[0] == "worker"), 10, "wc_diagnose")
        somebody.execute("SELECT white_cross.unlock_drain()")
        until(worker.healthy, 10, "the worker to drain")


def test_a_worker_that_was_renamed(school, start_worker, redis_server, ground):
    """It is not taken for one that hangs, and its session carries its name."""
    with ExitStack() as stack:
        stage = Stage(school, start_worker, ground, redis_server, stack)
        stage.drained(name="old").stop()
        school.sql("UPDATE white_cross.worker_report SET due_at = now() - interval '1 s' WHERE name = 'old'")
        new = stage.drained(name="new")
        until(lambda: any("worker new drains" in row[2] for row in diagnosed(school)), 10, "its report")
        (found,) = [row for row in diagnosed(school) if "worker old" in row[2]]
        assert found[1] == "warn" and "worker new does" in found[2] and "terminate" not in found[3]
        assert school.one("SELECT application_name FROM pg_stat_activity WHERE pid = white_cross.drainer()") == "wc-worker drain new"
        school.psql(found[3])
        assert not [row for row in diagnosed(school) if "worker old" in row[2]]
        assert new.healthy()
        assert run_worker("--config", new.configuration, "--check-config").returncode == 0


def test_reading_the_registrations_delays_no_worker(school, start_worker):
    """A dump can read them for hours. The queue's file keeps its size for that time, but its rows are drained."""
    school.sql("SELECT white_cross.register_worker('away')")
    school.add_student()
    school.sql("SELECT white_cross.unregister_worker('away')")
    with closing(school.cluster.connect(school.database)) as reader:
        reader.execute("BEGIN; SELECT * FROM white_cross.worker; SELECT * FROM white_cross.invalidation")
        start_worker(settings=QUICK)
        until(school.is_drained, 10, "the worker to register and drain")


@pytest.mark.parametrize("rows_of_one", [1, 100, 300_000])
def test_many_rows_are_estimated(school, start_worker, ground, redis_server, rows_of_one):
    """Each transaction has written so many of them."""
    rows = 300_000
    with ExitStack() as stack, closing(school.cluster.connect(school.database)) as somebody:
        stage = Stage(school, start_worker, ground, redis_server, stack)
        somebody.execute("SELECT white_cross.lock_drain(true, false)")
        school.sql("INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at) "
                   "SELECT (1000 + n / %s)::text::xid8, n %% %s, 1, ARRAY['s' || n], clock_timestamp() FROM generate_series(0, %s) AS n",
                   rows_of_one, rows_of_one, rows - 1)
        worker = stage.start()
        until(lambda: rows / 1.2 < worker.metrics()["wc_worker_queue_rows"] < 1.2 * rows, 10, "an estimate")
        until(lambda: school.one("SELECT queue_rows > 250000 FROM white_cross.worker_report"), 10, "its report of that")
        worker.stop()


def test_time_outs_that_its_role_was_given_are_not_the_workers(school, start_worker, ground, redis_server):
    """All that there are, and an isolation level that a drain is not made for."""
    role = f"ALTER ROLE {school.worker_role} IN DATABASE {school.database} SET"
    timeouts = [name for name, in school.rows("SELECT name FROM pg_settings WHERE name LIKE '%timeout' AND unit = 'ms' AND context = 'user'")]
    assert {"statement_timeout", "lock_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout"} <= set(timeouts)
    for name in timeouts:
        school.sql(f"{role} {name} = '400ms'")
    school.sql(f"{role} default_transaction_isolation = 'serializable'")
    with ExitStack() as stack:
        stage = Stage(school, start_worker, ground, redis_server, stack)
        worker = stage.drained()
        student = stage.hot_student(redis_server)
        sessions = "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE usename = %s AND datname = current_database()"
        cache = Cache(stack.enter_context(redis_server.connect()), school)
        observers = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND application_name LIKE '%%observer%%'"
        until(lambda: school.one(observers, school.worker_role) == 1, 10, "the session that looks at figures")
        for grade in "678":
            school.sql("UPDATE students SET grade = %s WHERE id = %s", grade, student)
            until(lambda: cache.summary(student) and cache.is_current(student), 10, "the rebuilt summary")
            before = school.one(sessions, school.worker_role)
            later = school.one("SELECT clock_timestamp() + interval '0.9 s'")
            until(lambda: school.one("SELECT clock_timestamp() > %s", later), 10, "twice what the role has for a time-out")
            # It may open one more, which a time-out does not.
            assert set(school.one(sessions, school.worker_role)) >= set(before)
        assert [worker.failures(part) for part in ("postgres", "redis", "prewarm")] == [0, 0, 0]


def test_tables_attached_later_are_granted_to_workers(school, start_worker, ground, redis_server):
    with ExitStack() as stack:
        stage = Stage(school, start_worker, ground, redis_server, stack)
        worker = stage.drained()
        school.sql("SELECT wc_detach('public'); CREATE SCHEMA clinic; SELECT wc_create_tables('clinic'); SELECT wc_attach('clinic')")
        school.sql("SET search_path = clinic, public")
        student = stage.hot_student(redis_server)
        school.sql("UPDATE students SET grade = '7' WHERE id = %s", student)
        cache = Cache(stack.enter_context(redis_server.connect()), school)
        until(lambda: cache.summary(student) and cache.is_current(student), 10, "the rebuilt summary")
        assert worker.failures("prewarm") == 0
        # What is taken away again is missed before anybody changes anything.
        school.sql(f"REVOKE SELECT ON allergies FROM {school.worker_role}")
        (found,) = [row for row in diagnosed(school) if row[0] == "worker" and row[1] == "fail"]
        assert school.worker_role in found[2] and "SELECT on clinic.allergies" in found[2]
        school.psql(found[3])
        assert not [row for row in diagnosed(school) if row[0] == "worker" and row[1] == "fail"]
