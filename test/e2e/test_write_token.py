"""Read your own writes: a reader with the token of a transaction gets an answer from the cache only after the transaction's
invalidation."""

import json
import signal

import pytest
from psycopg import errors

from school import School
from servers import Cluster, library, until

pytestmark = pytest.mark.thorough


@pytest.fixture
def live(cache):
    until(lambda: cache.client.exists("wc:alive"), 10, "the worker to renew liveness")
    return cache


@pytest.fixture
def student(school, live):
    student = school.add_student(lastName="Old")
    live.until_drained()
    until(lambda: live.load(student) == 1, 10, "a fill")
    return student


def read(cache, student, token=""):
    return cache.client.execute_command(*library.get(cache.key(student), token))


def name_in(text):
    return json.loads(text)["student"]["lastName"]


def rename(connection, student, name="New"):
    connection.execute('UPDATE students SET "lastName" = %s WHERE id = %s', [name, student])


def token_of(connection):
    return connection.execute("SELECT wc_write_token()").fetchone()[0]


@pytest.fixture
def another(school):
    with school.cluster.connect(school.database) as connection:
        yield connection


def until_answered(cache, student, token):
    """Waits until the worker has drained the change and no older value is found. A reader that misses loads."""
    def is_answered():
        if (text := read(cache, student, token)) is None:
            cache.load(student)
        return text
    until(is_answered, 10, "an answer to the token")
    assert name_in(read(cache, student, token)) == "New"


def test_before_the_drain_it_is_a_miss_and_after_it_the_new_value(school, worker, live, student, another):
    assert name_in(read(live, student)) == "Old"
    worker.send(signal.SIGSTOP)
    with another.transaction():
        rename(another, student)
        token = token_of(another)
    assert name_in(read(live, student)) == "Old", "the worker does not know yet"
    assert read(live, student, token) is None
    worker.send(signal.SIGCONT)
    until_answered(live, student, token)


def test_a_single_change_is_noted_with_its_invalidation(school, worker, live, student, another):
    """The worker notes it at once, and does not wait until it renews the liveness."""
    worker.write_configuration({"invalidate": {"alive_ttl_ms": 60_000}})
    worker.restart()
    until(lambda: read(live, student) or live.load(student) == -1, 20, "the worker to renew liveness")
    alive = live.client.pttl("wc:alive")
    assert alive > 55_000
    with another.transaction():
        token = token_of(another)
        rename(another, student)
    until_answered(live, student, token)


@pytest.mark.parametrize("how", ["savepoint", "rolled back savepoint", "early", "after"])
def test_wherever_it_is_taken(school, worker, live, student, another, how):
    worker.send(signal.SIGSTOP)
    if how == "after":
        rename(another, student)
        token = token_of(another)
    else:
        with another.transaction():
            token = token_of(another) if how == "early" else None
            rename(another, student)
            if not token:
                with another.transaction(force_rollback=how.startswith("rolled")):
                    token = token_of(another)
    assert read(live, student, token) is None
    worker.send(signal.SIGCONT)
    until_answered(live, student, token)


def test_of_a_prepared_transaction(school, live, student, another):
    another.execute("BEGIN")
    rename(another, student)
    token = token_of(another)
    another.execute("PREPARE TRANSACTION 'renamed'")
    # Everything that was committed has been drained, and noted, and this one is not among it.
    marker = school.add_student()
    live.until_drained()
    with school.cluster.connect(school.database) as connection, connection.transaction():
        rename(connection, marker)
        later = token_of(connection)
    until_answered(live, marker, later)
    assert name_in(read(live, student)) == "Old" and read(live, student, token) is None
    another.execute("COMMIT PREPARED 'renamed'")
    until_answered(live, student, token)


def test_of_one_that_was_rolled_back(live, student, another):
    with another.transaction(force_rollback=True):
        rename(another, student)
        token = token_of(another)
    until(lambda: read(live, student, token), 10, "the next renewal of the liveness")
    assert name_in(read(live, student, token)) == "Old"


def test_of_one_that_changes_everything(school, live, student, another):
    """Its invalidation is over with the sweep."""
    with another.transaction():
        another.execute("SELECT wc_invalidate_all()")
        rename(another, student)
        token = token_of(another)
    until_answered(live, student, token)


def test_of_many_students_at_once(school, live, student, another):
    """More than one call to Redis: no invalidation says that it was the last."""
    school.sql("""INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
                  SELECT 'many' || n, 'M' || n, 'f', 'l', '2015-01-01', '4', 'MALE' FROM generate_series(1, 300) AS n""")
    live.until_drained()
    with another.transaction():
        another.execute('UPDATE students SET "lastName" = %s', ["New"])
        token = token_of(another)
    until_answered(live, student, token)


def test_another_life_of_the_server(school, live, student, another):
    token = token_of(another)
    until(lambda: read(live, student, token), 10, "the next renewal of the liveness")
    xid, _, server = token.partition(".")
    assert read(live, student, f"{xid}.{server}1") is None


def test_a_standby_says_whether_it_has_caught_up(ground, school):
    with Cluster(ground, "standby", primary=school.cluster) as cluster:
        standby = School(cluster, school.database)
        with standby.connection:
            assert standby.one("SELECT wc_write_token()") is None
            standby.sql("SELECT pg_wal_replay_pause()")
            until(lambda: standby.one("SELECT pg_get_wal_replay_pause_state()") == "paused", 20, "the standby to pause")
            with school.cluster.connect(school.database) as connection:
                with connection.transaction():
                    connection.execute("CREATE TABLE something (n int)")
                    token = token_of(connection)
                assert connection.execute("SELECT wc_sees_write(%s)", [token]).fetchone()[0]
            assert standby.one("SELECT wc_sees_write(%s)", token) is False
            standby.sql("SELECT pg_wal_replay_resume()")
            until(lambda: standby.one("SELECT wc_sees_write(%s)", token), 20, "the standby to catch up")
            with pytest.raises(errors.InvalidTextRepresentation):
                standby.sql("SELECT wc_sees_write('x')")


def test_an_older_snapshot_does_not_see_it(school, another):
    school.sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
    school.sql("SELECT 1")
    token = token_of(another)
    assert school.one("SELECT wc_sees_write(%s)", token) is False
    school.sql("COMMIT")
    assert school.one("SELECT wc_sees_write(%s)", token) is True
