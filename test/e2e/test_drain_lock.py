"""The drain lock: only a worker can take it, whichever advisory locks other roles take."""

import itertools
import signal
from contextlib import closing

import psycopg
import pytest

from district_workers import QUICK
from school import Cache
from servers import until

CLASS, ID = 22339, 1


@pytest.fixture
def somebody(school):
    """A session of a role that may connect, and nothing else."""
    if not school.one("SELECT 1 FROM pg_roles WHERE rolname = 'wc_somebody'"):
        school.sql("CREATE ROLE wc_somebody LOGIN")
    with closing(school.cluster.connect(school.database, "wc_somebody")) as session:
        yield session


def every_lock(session):
    """Each way to take a lock by a function of the server's own that takes numbers, with the numbers of ours."""
    kinds = session.execute(
        "SELECT p.proname, p.proargtypes::regtype[]::text[] FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace "
        "AND p.proname LIKE '%advisory%' AND p.proname NOT LIKE '%unlock%'").fetchall()
    assert {"pg_advisory_lock", "pg_try_advisory_xact_lock_shared"} <= {name for name, _ in kinds}
    for name, types in kinds:
        values = [CLASS, ID, (CLASS << 32) | ID, 3] if types == ["bigint"] else [CLASS, ID, 3]
        for arguments in itertools.product(values, repeat=len(types)):
            yield f"SELECT {name}({', '.join(f'{value}::{type}' for value, type in zip(arguments, types))})"


def test_no_lock_that_any_role_may_take_keeps_a_worker_from_draining(school, somebody, start_worker, redis_server):
    somebody.execute("BEGIN")
    for statement in every_lock(somebody):
        somebody.execute(statement)
    worker = start_worker(settings=QUICK)
    with redis_server.connect() as client:
        cache = Cache(client, school)
        student = school.add_student()
        until(school.is_drained, 10, "the worker to drain")
        worker.restart(signal.SIGKILL)
        cache.plant_summary(student)
        school.psql("UPDATE students SET grade = '6'")
        cache.until_invalidated(cache.key(student))
        assert school.one("SELECT pid FROM pg_stat_activity WHERE pid = white_cross.drainer() AND usename = %s", school.worker_role)


@pytest.mark.parametrize("call", ["lock_drain(true, false)", "lock_drain(false, false)", "unlock_drain()"])
def test_the_lock_itself_is_for_workers(somebody, school, call):
    school.sql("GRANT USAGE ON SCHEMA white_cross TO wc_somebody")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        somebody.execute(f"SELECT white_cross.{call}")


def test_it_ends_with_the_session_or_with_the_transaction(school):
    drainer = "SELECT white_cross.drainer()"
    with closing(school.cluster.connect(school.database)) as one:
        assert one.execute("SELECT white_cross.lock_drain(true, false)").fetchone()[0]
        one.execute("BEGIN; ROLLBACK")
        assert school.one(drainer) == one.info.backend_pid
        assert not school.one("SELECT white_cross.lock_drain(true, false)")
        assert one.execute("SELECT white_cross.unlock_drain()").fetchone()[0]
        assert not one.execute("SELECT white_cross.unlock_drain()").fetchone()[0]
        one.execute("BEGIN")
        assert one.execute("SELECT white_cross.lock_drain(false, true)").fetchone()[0]
        assert school.one(drainer) == one.info.backend_pid
        one.execute("COMMIT")
        assert school.one(drainer) is None
        one.execute("SELECT white_cross.lock_drain(true, false)")
    until(lambda: school.one(drainer) is None, 10, "the lock to end with its session")
