"""A Redis that says no: one clear line, patience, and recovery once the fault is repaired.  No password in any line."""

import pytest

from refused_worker import IMPATIENT, complains_once, keeps_the_cache_fresh, tries_again
from school import Cache
from secured_redis import administrator, secured  # noqa: F401 (fixtures)
from servers import Redis, until

pytestmark = pytest.mark.thorough


@pytest.fixture
def start_refused(start_worker, secured, administrator):
    """A worker that will not get what it wants: not waited for."""
    def start(redis=secured, **redis_settings):
        worker = start_worker(enter=False, redis=redis, settings=IMPATIENT | {"redis": redis_settings})
        worker.start(wait=False)
        return worker
    return start


def test_a_wrong_password_until_redis_has_it(start_refused, secured, administrator, school, tmp_path):
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("hush-the-coming-one")
    worker = start_refused(password_file=str(password))
    complains_once(worker, "redis: ", "the user wc_worker or its password", "WRONGPASS", "redis.password_file")
    administrator.execute_command("ACL", "SETUSER", "wc_worker", ">hush-the-coming-one")
    keeps_the_cache_fresh(worker, secured, school)
    assert len(worker.warnings()) == 1 and "redis: connected again" in worker.log.read_text()
    assert "hush" not in worker.log.read_text()


def test_a_wrong_password_until_the_file_has_it(start_refused, secured, school, tmp_path):
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("hush-wrong")
    worker = start_refused(password_file=str(password))
    complains_once(worker, "WRONGPASS")
    password.write_text(secured.passwords["wc_worker"] + "\n")
    keeps_the_cache_fresh(worker, secured, school)
    assert "hush" not in worker.log.read_text() and secured.passwords["wc_worker"] not in worker.log.read_text()


def test_a_password_file_that_is_gone(start_refused, secured, administrator, school, tmp_path):
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(secured.passwords["wc_worker"])
    worker = start_refused(password_file=str(password))
    until(worker.healthy, 30, "the worker to be healthy")
    password.unlink()
    assert administrator.execute_command("CLIENT", "KILL", "USER", "wc_worker") > 0
    until(lambda: any("the password file cannot be read" in line for line in worker.warnings()), 30, "the log to name the file")
    tries_again(worker)
    assert sum("redis: " in line and "password file" in line for line in worker.warnings()) == 1
    password.write_text(secured.passwords["wc_worker"])
    keeps_the_cache_fresh(worker, secured, school)


def test_a_user_that_is_not_there(start_refused, secured, administrator, school):
    worker = start_refused(user="wc_nobody")
    complains_once(worker, "the user wc_nobody or its password", "redis.user")
    administrator.execute_command("ACL", "SETUSER", "wc_nobody", "on", ">" + secured.passwords["wc_worker"], "~*", "+@all")
    keeps_the_cache_fresh(worker, secured, school)
    assert secured.passwords["wc_worker"] not in worker.log.read_text()


def test_a_missing_password(start_refused):
    complains_once(start_refused(user="", password_file=""), "NOAUTH", "redis.password_file")


def test_a_password_for_a_redis_without_one(ground, start_refused, school):
    with Redis(ground, "redis-open", password="") as server:
        worker = start_refused(redis=server, password="hush")
        complains_once(worker, "no password for the user default")
        assert "hush" not in worker.log.read_text()


def test_a_redis_that_does_not_know_auth(ground, start_refused):
    """It answers with the arguments of the command that it does not know."""
    with Redis(ground, "redis-no-auth", settings={"rename-command": 'AUTH ""'}, password="") as server:
        worker = start_refused(redis=server, password="hush")
        complains_once(worker, "Redis refuses")
        assert "hush" not in worker.log.read_text()


@pytest.mark.parametrize("missing, code", [
    ("function|list", "NOPERM"), ("function|load", "NOPERM"), ("info", "NOPERM"), ("fcall", "NOPERM"),
    ("set", ""), ("unlink", ""), ("append", ""), ("mget", "NOPERM"), ("@all", "NOPERM"),
], ids=lambda rule: rule)
def test_a_missing_right_until_it_is_given(start_refused, secured, administrator, school, missing, code):
    """Redis 7.0 does not say which command inside a function it refused; the worker does."""
    administrator.execute_command("FUNCTION", "FLUSH")
    administrator.execute_command("ACL", "SETUSER", "wc_worker", "-" + missing)
    school.sql("SELECT white_cross.register_worker('worker')")
    school.add_student()
    worker = start_refused()
    named = "+@connection +info +function|list" if missing == "@all" else f"+{missing}"
    complains_once(worker, code, f": the user lacks {named}" + ("" if missing == "@all" else ", which config/users.acl gives"))
    administrator.execute_command("ACL", "LOAD")
    keeps_the_cache_fresh(worker, secured, school)


@pytest.mark.parametrize("pattern", ["~student:*", "~wc:*"])
def test_keys_that_are_not_allowed(start_refused, secured, administrator, school, pattern):
    administrator.execute_command("ACL", "SETUSER", "wc_worker", "resetkeys", pattern)
    school.sql("SELECT white_cross.register_worker('worker')")
    school.add_student()
    worker = start_refused()
    other, = {"~student:*", "~wc:*"} - {pattern}
    complains_once(worker, f": the user lacks {other}, which config/users.acl gives")
    administrator.execute_command("ACL", "LOAD")
    keeps_the_cache_fresh(worker, secured, school)


def test_a_right_that_rebuilding_needs(start_refused, secured, administrator, school):
    """The threads that rebuild name it too, and no student."""
    administrator.execute_command("ACL", "SETUSER", "wc_worker", "-rename")
    worker = start_refused()
    with secured.connect("wc_application") as client:
        cache, student = Cache(client, school), school.add_student("ada-1815")
        until(worker.healthy, 30, "the worker to be healthy")
        cache.until_drained()
        until(lambda: cache.load(student) == 1, 10, "a fill")
        school.add_allergy(student)
        until(lambda: any("prewarm" in line and ": the user lacks +rename, which" in line for line in worker.warnings()), 10, "the rule")
        administrator.execute_command("ACL", "LOAD")
    # Redis ends the connections of users whose rules it has read again.
    with secured.connect("wc_application") as client:
        cache = Cache(client, school)
        until(lambda: cache.summary(student) and cache.is_current(student), 30, "the new summary")
        assert student not in worker.log.read_text()


def test_a_redis_too_old_for_functions(ground, start_refused, school):
    with Redis(ground, "redis-old", settings={"rename-command": 'FUNCTION ""'}) as server:
        worker = start_refused(redis=server)
        complains_once(worker, "no functions", "version 7")
        assert school.one("SELECT count(*) FROM white_cross.worker") == 0, "nothing is queued for a worker that cannot work"
        server._settings.pop("rename-command")
        server.restart()
        keeps_the_cache_fresh(worker, server, school)


def test_a_replica(ground, start_refused, secured, school):
    """A promoted one is a primary like any other."""
    with Redis(ground, "redis-replica", settings={"replicaof": "127.0.0.1 1"}) as server, server.connect() as client:
        worker = start_refused(redis=server)
        complains_once(worker, "READONLY", "primary")
        client.replicaof("NO", "ONE")
        keeps_the_cache_fresh(worker, server, school)


def test_nobody_there(start_refused, secured):
    worker = start_refused(url="redis://127.0.0.1:1")
    complains_once(worker, "cannot connect to 127.0.0.1:1: Connection refused")


def test_a_name_that_nobody_has(start_refused):
    complains_once(start_refused(url="rediss://nowhere.invalid"), "cannot connect to nowhere.invalid:6379: ")


# ---- Unix sockets ----

def test_a_unix_socket(start_refused, secured, school):
    worker = start_refused(url=f"unix://{secured.socket}")
    keeps_the_cache_fresh(worker, secured, school)


def test_a_unix_socket_with_user_and_database(start_refused, secured, administrator, school):
    worker = start_refused(url=f"unix://wc_worker:{secured.passwords['wc_worker']}@{secured.socket}?db=3", user="", password_file="")
    until(worker.healthy, 30, "the worker to be healthy")

    def where():
        return {(client["user"], client["db"]) for client in administrator.client_list() if client["name"] == "wc-worker"}

    until(lambda: where() == {("wc_worker", "3")}, 10, "all connections to have chosen the database")
    assert administrator.keys("*") == []
    with secured.connect(db=3) as client:
        until(lambda: client.exists("wc:epoch"), 10, "an epoch in that database")
        client.flushdb()
    assert secured.passwords["wc_worker"] not in worker.log.read_text()


def test_a_unix_socket_that_nobody_listens_on(start_refused, secured):
    complains_once(start_refused(url=f"unix://{secured.folder}/none.sock"), f"cannot connect to {secured.folder}/none.sock: No such file")
