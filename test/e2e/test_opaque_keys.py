"""Keys that say nothing: opaque ids in the place of the students' ids, and secrets that come, change and go while values are read."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psycopg
import pytest

from cache_applications import Database, Node, white_cross
from opaque_school import FIRST, SECOND, THIRD, Secrets, change, entry, fill, get, ids_in, key_of, load, numbers, opaque, settings, turn, until_live
from opaque_school import client, school, secrets, server, worker  # noqa: F401 (fixtures)
from own_ids import OwnSchool
from servers import library, until
from servers.worker import Worker, run_worker

pytestmark = pytest.mark.thorough

IDS = ["ada", "a b", "{ada}", "ada:records:1:20:{}", "zoë", "x" * 200, "%s'\"\\", "*"]


# ---- the extension ----

def test_keys_have_opaque_ids(school):
    for student in IDS:
        school.add_student(student)
        assert school.one("SELECT wc_cache_key(%s::text, 'health_summary')", student) == key_of(student)
        assert school.one("SELECT wc_cache_key(%s::text, 2, 10)", student) == key_of(student, kind="records:2:10:{}")
        key, value, _, snapshot = entry(school, student)
        assert key == key_of(student) and json.loads(value)["student"]["id"] == student
        assert snapshot.endswith(":" + opaque(student))
    assert school.one("SELECT wc_cache_key(7, 'growth_chart')") == key_of("7", kind="growth_chart")
    school.sql("SET white_cross.cluster_keys = on")
    assert school.one("SELECT wc_cache_key('ada'::text, 'health_summary')") == f"student:{{{opaque('ada')}}}:health_summary"


def test_postgresql_itself_tells_a_text_that_is_of_no_type(server, school):
    """It never comes to us, so no setting of ours keeps it out of the log, and none of the server's."""
    school.sql("SET log_error_verbosity = terse; SET log_min_error_statement = panic")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        school.sql("SELECT wc_health_summary('no-uuid-7c1f'::uuid)")
    until(lambda: 'invalid input syntax for type uuid: "no-uuid-7c1f"' in server.log.read_text(), 10, "the server's own line")


def test_no_role_can_switch_them_off_for_itself(server, school):
    school.sql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
    try:
        with server.connect(school.database, "reader") as reader:
            # Before the library is there, any name can be set to anything.
            reader.execute("SET white_cross.opaque_keys = off")
            assert reader.execute("SELECT wc_cache_key('ada'::text, 'growth_chart')").fetchone() == (key_of("ada", kind="growth_chart"),)
            for statement in ("SET white_cross.opaque_keys = off", "SET white_cross.key_secret_file = '/etc/passwd'"):
                with pytest.raises(psycopg.errors.CantChangeRuntimeParam):
                    reader.execute(statement)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("SHOW white_cross.key_secret_file")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("SELECT white_cross.key_fingerprints()")
    finally:
        school.sql("DROP ROLE reader")


@pytest.mark.parametrize("text, mode, fault", [
    (None, 0o640, "cannot be opened"), ("", 0o640, "has no secret"), ("short\n", 0o640, "of less than 32 characters"),
    (FIRST, 0o644, "may be read by everybody"), (FIRST, 0o660, "may be written by others"),
    (f"{FIRST}\n{SECOND}\n{THIRD}", 0o640, "more than two secrets"), (f"{FIRST}\n{FIRST}", 0o640, "the same secret twice")])
def test_a_file_that_cannot_be_used_stops_keys_and_nothing_else(school, secrets, text, mode, fault):
    school.add_student("ada")
    if text is None:
        secrets.path.unlink()
    else:
        secrets.write(text, mode=mode)
    for statement in ("SELECT wc_cache_key('ada'::text, 'health_summary')", "SELECT * FROM wc_cache_entries(ARRAY['ada'])"):
        with pytest.raises(psycopg.errors.ConfigFileError, match=fault) as raised:
            school.sql(statement)
        assert "openssl rand" in raised.value.diag.message_hint and "first-secret" not in str(raised.value)
        assert str(secrets.path) not in str(raised.value)
    assert school.rows("SELECT status FROM wc_diagnose() WHERE \"check\" = 'keys'") == [("fail",)]
    change(school, "ada")
    assert school.summary("ada")["student"]["lastName"] == "Quillx"
    secrets.write(FIRST)
    assert school.one("SELECT wc_cache_key('ada'::text, 'health_summary')") == key_of("ada")
    assert school.one("SELECT detail FROM wc_diagnose() WHERE \"check\" = 'keys'").startswith("keys of the cache have opaque ids")


def test_one_statement_has_keys_of_one_secret(school, secrets):
    """A file that is replaced meanwhile must not make a student unknown to a statement that joins by key."""
    slow = "SELECT wc_cache_key('ada'::text, 'records'), pg_sleep(CASE WHEN n = 1 THEN 1 ELSE 0 END) FROM generate_series(1, 3) AS n"
    with school.cluster.connect(school.database) as other, ThreadPoolExecutor() as pool:
        result = pool.submit(lambda: other.execute(slow).fetchall())
        until(lambda: school.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 10)
        secrets.write(SECOND)
        assert [key for key, _ in result.result()] == [key_of("ada", FIRST, "records")] * 3
    assert school.one("SELECT wc_cache_key('ada'::text, 'records')") == key_of("ada", SECOND, "records")


# ---- the library ----

def test_a_value_is_stored_under_its_own_key_alone(school, client, worker):
    school.add_student("ada"), school.add_student("eve")
    until(school.is_drained, 10)
    key, value, ttl, snapshot = entry(school, "ada")
    plain, mark = snapshot.split("/")
    print_, name = mark.split(":")
    for other in ("student:ada:health_summary", key_of("eve"), key_of("ada", SECOND)):
        assert fill(client, other, value, ttl, snapshot) == 0
    for token in (plain, plain + "/", f"{plain}/{print_[:-1]}!:{name}", f"{plain}/AAAAAAAA:{name}", f"{plain}/:{name}", f"{plain}/{print_}:"):
        assert fill(client, key, value, ttl, token) == 0
    assert fill(client, key, value, ttl, snapshot) == 1


# ---- the worker ----

def test_what_changes_is_gone_and_redis_has_no_id(school, client, worker):
    for student in IDS:
        school.add_student(student)
        school.add_record(student, vital='{"height": 140}')
    until(school.is_drained, 10)
    kinds = ["health_summary", "growth_chart", "records:1:20:{}", 'records:1:20:{"type":"CHECKUP"}']
    for student in IDS:
        keys = [load(school, client, student, kind) for kind in kinds]
        until_live(client, keys[0])
        school.sql("UPDATE health_records SET vital = '{\"height\": 150}' WHERE \"studentId\" = %s", student)
        until(lambda: client.exists(*keys[2:]) == 0, 10)
        until(school.is_drained, 10)
        assert (text := client.get(keys[0])) is None or json.loads(text) == school.summary(student)
        assert (text := client.get(keys[1])) is None or "140" not in text
    assert client.exists(*(f"student:{opaque(student)}:fence" for student in IDS)) == len(IDS)
    assert ids_in(client, [student for student in IDS if len(student) > 1]) == []
    assert "x" * 200 not in worker.log.read_text() and "zoë" not in worker.log.read_text()


def test_by_hand(school, client, worker):
    students = [school.add_student(f"hand-{n}") for n in range(300)]
    until(school.is_drained, 10)
    for statement in (f"SELECT wc_invalidate('{students[1]}'::text)", "SELECT wc_invalidate_all()", "SELECT wc_invalidate_pattern('student:*:health_summary')",
                      f"SELECT wc_invalidate_pattern('student:{opaque(students[1])}:*')"):
        keys = [load(school, client, student) for student in students[:5]]
        client.set(keys[1], "planted", ex=300)
        school.sql(statement)
        until(lambda: client.get(keys[1]) != "planted", 10, statement)
        until(school.is_drained, 10)
    school.sql("SELECT wc_prewarm(%s)", students)
    until(lambda: client.exists(*map(key_of, students)) == len(students), 20, "all to be built")
    assert ids_in(client, ["hand-"]) == []
    # A change of all of them at once.
    client.mset({key_of(student): "planted" for student in students})
    school.sql("UPDATE students SET grade = '9'")
    until(lambda: not any(client.get(key_of(student)) == "planted" for student in students), 20)
    assert school.rows("SELECT student FROM white_cross.hot_student WHERE student NOT LIKE 'hand-%'") == []


def test_redis_is_lost(school, client, worker, redis_server):
    school.add_student("ada")
    until(school.is_drained, 10)
    key = load(school, client, "ada")
    until_live(client, key)
    client.flushall()
    until(lambda: client.get("wc:epoch"), 10)
    until(school.is_drained, 10)
    until_live(client, load(school, client, "ada"))
    change(school, "ada")
    until(lambda: (text := client.get(key)) is None or json.loads(text) == school.summary("ada"), 10)


def test_the_audit_finds_what_is_stale_under_an_opaque_key(ground, school, client, redis_server, secrets):
    for n in range(250):
        school.add_student(f"audited-{n}")
    with Worker(ground, school.worker_dsn, redis_server, "opaque-audit", settings=settings(secrets, audit={"rate_per_s": 100})) as worker:
        until(school.is_drained, 10)
        keys = [load(school, client, f"audited-{n}") for n in (3, 249)]
        client.set(keys[1], '{"stale": true}', ex=300)
        until(lambda: client.get(keys[1]) != '{"stale": true}', 20, "the stale value to be removed")
        until(lambda: worker.audited() >= 3, 20)
        assert worker.audited("stale") == 1 and client.exists(keys[0])
        assert "audited-" not in worker.log.read_text()


@pytest.mark.parametrize("id_type, spelling", {"text": "id {}", "varchar(20)": "id-{}", "char(12)": "id-{}", 'text COLLATE "C"': "Id-{}", "uuid": "00000000-0000-0000-0000-{:012}",
                                                "bigint": "{}", "integer": "{}"}.items())
def test_the_auditor_goes_round_students_of_any_type_of_id(server, id_type, spelling):
    """Each page begins behind the last id of the one before, as a worker without any other right reads it."""
    name = f"opaque_{next(numbers)}"
    with OwnSchool(server, name, id_type) as school:
        school.key = spelling.format
        for n in range(1, 13):
            school.add(n)
        school.allow_worker()
        school.sql(f"SET ROLE {school.worker_role}")
        found, page = [], [None]
        while page and len(found) < 50:
            page = [id for id, in school.rows("SELECT i FROM white_cross.student_ids(%s, 5) AS i", page[-1])]
            found += page
        assert sorted(found) == sorted(spelling.format(n) for n in range(1, 13))
    server.drop_database(name)


# ---- switching and secrets ----

def start(ground, school, redis_server, secrets, is_on):
    return Worker(ground, school.worker_dsn, redis_server, f"opaque-{next(numbers)}",
                  settings=settings(secrets) if is_on else settings(secrets, redis={"opaque_keys": False}, worker={"name": "w"}))


def test_on_off_and_on_again(ground, school, client, redis_server, secrets):
    """After each switch nothing of before is found: not by clients that still have keys of before, either."""
    school.add_student("ada")
    stale = {}
    for is_on in (True, False, True):
        turn(school, "on" if is_on else "off")
        with start(ground, school, redis_server, secrets, is_on):
            until(school.is_drained, 10)
            key = until(lambda: (made := entry(school, "ada")) and fill(client, *made) == 1 and made[0], 10)
            assert key == (key_of("ada") if is_on else "student:ada:health_summary")
            until_live(client, key)
            for old, made in stale.items():
                assert get(client, old) is None, "it would never be removed"
                assert fill(client, *made) == 0
            stale = {key: entry(school, "ada")}
    assert "student:ada:health_summary" not in list(client.scan_iter())


def test_a_secret_is_replaced_without_a_stale_or_a_lost_value(school, client, worker, secrets):
    school.add_student("ada"), school.add_student("eve")
    until(school.is_drained, 10)
    old = load(school, client, "ada")
    load(school, client, "eve")
    until_live(client, old)

    # The new one comes second, then first: what is cached stays, and changes remove keys of both.
    for lines, secret in (((FIRST, SECOND), FIRST), ((SECOND, FIRST), SECOND)):
        secrets.write(*lines)
        until(lambda: "," in (client.get("wc:epoch:of") or ""), 10, "the worker to know both")
        new = until(lambda: (made := entry(school, "ada")) and fill(client, *made) == 1 and made[0], 10, "the worker to know them", interval=0.05)
        assert new == key_of("ada", secret)
        until_live(client, old)
        assert get(client, key_of("eve")) is not None, "nothing was lost"
        client.mset({key_of("ada", FIRST): "planted", key_of("ada", SECOND): "planted"})
        change(school, "ada")
        until(lambda: "planted" not in client.mget(key_of("ada", FIRST), key_of("ada", SECOND)), 10, "both to be removed")
        until(school.is_drained, 10)
        old = load(school, client, "ada")

    # The old one goes: nothing of it may be found, since no change removes it any more.
    late = entry(school, "eve")
    client.set(key_of("ada", FIRST), "planted", ex=300)
    secrets.write(SECOND)
    until(lambda: get(client, key_of("ada", FIRST)) is None and get(client, key_of("eve", FIRST)) is None, 10)
    until(lambda: fill(client, *entry(school, "ada")) == 1, 10)
    until_live(client, key_of("ada", SECOND))
    assert client.exists(key_of("ada", FIRST), key_of("eve", FIRST)) == 0
    secrets.write(FIRST)
    made = entry(school, "eve")
    secrets.write(SECOND)
    until(lambda: get(client, key_of("ada", SECOND)) is not None, 15)
    assert late[0] == key_of("eve", SECOND) and made[0] == key_of("eve", FIRST)
    assert fill(client, *made) == 0, "of a session that is late"


def test_a_worker_with_another_secret_says_so_and_vouches_for_nothing(ground, school, client, redis_server, secrets):
    school.add_student("ada")
    theirs = Secrets(ground.folder_for("others") / "keys")
    theirs.write(SECOND)
    worker = Worker(ground, school.worker_dsn, redis_server, "opaque-other", settings=settings(theirs))
    worker.start(wait=False)
    try:
        until(lambda: "other keys" in worker.get("/healthz")[1], 20, "it to say so")
        assert worker.get("/healthz")[0] == 503
        assert fill(client, *entry(school, "ada")) == 0 and not client.exists("wc:alive")
        until(lambda: school.rows("SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'worker' AND detail LIKE '%other keys%'"), 10)
        theirs.write(SECOND, FIRST)
        until(worker.healthy, 20, "it to find the secret without a restart")
        until_live(client, load(school, client, "ada"))
        # And the other way about: the server's is replaced by one that the worker does not have.
        secrets.write(THIRD)
        until(lambda: not client.exists("wc:alive") and "other keys" in worker.get("/healthz")[1], 20)
        change(school, "ada")
        secrets.write(FIRST)
        until(worker.healthy, 20)
        until(school.is_drained, 10)
        assert (text := get(client, key_of("ada"))) is None or json.loads(text) == school.summary("ada")
    finally:
        worker.stop()


class PythonReader:
    """clients/python, with one cache for all reads."""

    def __init__(self, redis_server, database):
        self._client = redis_server.connect()
        self._cache = white_cross.Cache(self._client, database.query, opaque_keys=True)

    def one(self, student):
        return json.loads(self._cache.read(student))

    def stop(self):
        self._client.close()


class NodeReader(Node):
    """clients/node, as the user who may do everything."""

    def __init__(self, redis_server, database):
        super().__init__(SimpleNamespace(url=redis_server.url, passwords={"default": redis_server.password}), database, "default")

    def one(self, student):
        return super().one(student, opaque_keys=True)


@pytest.mark.parametrize("application", [PythonReader, NodeReader])
def test_the_clients_ask_once_and_follow_a_secret(school, client, redis_server, worker, secrets, application):
    if application is NodeReader and not shutil.which("node"):
        pytest.skip("there is no node")
    school.add_student("ada")
    until(school.is_drained, 10)
    database = Database(school)
    reader = application(redis_server, database)

    def queries_of_a_read():
        before = database.queries
        assert reader.one("ada") == school.summary("ada")
        return database.queries - before
    try:
        assert queries_of_a_read() == 2, "the key, and the value"
        until(lambda: queries_of_a_read() == 0, 10, "it to come from Redis")
        secrets.write(SECOND, FIRST)
        until(lambda: "," in (client.get("wc:epoch:of") or ""), 10, "the worker to know both")
        change(school, "ada")
        until(school.is_drained, 10)
        until(lambda: queries_of_a_read() == 0, 10)
        until(lambda: client.exists(key_of("ada", SECOND)), 10, "a value under the new key")
        secrets.write(SECOND)
        until(lambda: "," not in client.get("wc:epoch:of"), 10, "the worker to know one")
        change(school, "ada")
        until(school.is_drained, 10)
        until(lambda: queries_of_a_read() == 0, 10)
        assert not client.exists(key_of("ada", FIRST)) and ids_in(client, ["ada"]) == []
    finally:
        reader.stop()


@pytest.mark.parametrize("is_on", [True, False])
def test_server_and_worker_must_both_have_it(ground, school, client, redis_server, secrets, is_on):
    turn(school, "off" if is_on else "on")
    worker = start(ground, school, redis_server, secrets, is_on)
    worker.start(wait=False)
    try:
        until(lambda: "other keys" in worker.get("/healthz")[1], 20)
        assert not client.exists("wc:alive")
    finally:
        worker.stop()


def test_a_worker_does_not_start_with_a_file_that_cannot_be_used(ground, school, redis_server, secrets):
    worker = Worker(ground, school.worker_dsn, redis_server, "opaque-refused", settings=settings(secrets))
    secrets.write(FIRST, mode=0o644)
    worker.write_configuration()
    refused = run_worker("--config", worker.configuration)
    assert refused.returncode == 78 and "may be read by everybody" in refused.stderr and FIRST not in refused.stderr


def test_a_worker_that_lacks_a_secret_lets_another_drain(ground, school, client, redis_server, secrets):
    school.add_student("ada")
    theirs = Secrets(ground.folder_for("lacking") / "keys")
    theirs.write(FIRST)
    quick = {"queue": {"takeover_interval_ms": 50, "poll_interval_ms": 100}}
    with Worker(ground, school.worker_dsn, redis_server, "opaque-lacking", settings=settings(theirs, worker={"name": "lacking"}, **quick)) as lacking:
        until_live(client, load(school, client, "ada"))
        with Worker(ground, school.worker_dsn, redis_server, "opaque-knowing", settings=settings(secrets, worker={"name": "knowing"}, **quick)) as knowing:
            secrets.write(SECOND, FIRST)
            until(lambda: "other keys" in lacking.get("/healthz")[1], 20, "the first to say so")
            until(lambda: json.loads(knowing.get("/healthz")[1])["state"] in ("idle", "healthy"), 20, "the second to drain")
            key = load(school, client, "ada")
            assert key == key_of("ada", SECOND)
            until_live(client, key)
            change(school, "ada")
            until(lambda: (text := client.get(key)) is None or json.loads(text) == school.summary("ada"), 10, "the old value to be gone")
