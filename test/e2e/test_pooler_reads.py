"""Reads through PgBouncer as config/pgbouncer.ini has it: each client gets what it gets without, whoever had the session before."""

import psycopg
import pytest
from every_call import OUTCOME, PASSING, calls, outcome

from school import Cache, attached_school
from servers import PgBouncer, opaque_keys
from servers.pgbouncer import example_settings, version


@pytest.fixture(scope="module")
def pooled_school(cluster):
    with attached_school(cluster, "read_through_a_pooler") as school:
        school.sql(OUTCOME)
        for student in "ada", "bob":
            school.add_student(student)
            school.add_allergy(student)
            school.add_condition(student)
            for month in range(1, 6):
                school.add_record(student, date=f"2025-0{month}-01 10:00", type="VACCINATION", vital='{"height": 130, "weight": 30}')
        yield school
    cluster.drop_database("read_through_a_pooler")


@pytest.fixture
def start(ground, cluster):
    started = []

    def start(**settings):
        pooler = PgBouncer(ground, cluster, [], name="reading-pgbouncer", settings=example_settings() | settings)
        started.append(pooler)
        return pooler.__enter__()
    yield start
    for pooler in started:
        pooler.stop()


def without_passing(text):
    return PASSING.sub("", text)


def client(pooler, school, prepares=False):
    return psycopg.connect(pooler.dsn(school.database), autocommit=True, prepare_threshold=0 if prepares else None)


@pytest.mark.parametrize("prepares", [False, True], ids=["unprepared", "prepared"])
def test_every_call(start, pooled_school, prepares):
    """Two clients share one session of the server, in turn, and prepare what they call."""
    if prepares and version() < (1, 21):
        pytest.skip("PgBouncer knows prepared statements from 1.21 on")
    pooler = start(default_pool_size=1, reserve_pool_size=0)
    with client(pooler, pooled_school, prepares) as one, client(pooler, pooled_school, prepares) as other:
        for of in calls(pooled_school).values():
            for call in of:
                for student in "ada", "bob":
                    statement = call.replace("{id}", f"'{student}'::text")
                    expected = outcome(pooled_school, statement)
                    for connection in one, other:
                        found = connection.execute("SELECT outcome(%s)", [statement]).fetchone()[0]
                        assert without_passing(found) == expected, statement


def test_what_one_client_sets_for_its_transaction_the_next_has_not(start, pooled_school):
    pooler = start(default_pool_size=1, reserve_pool_size=0)
    chosen = {"white_cross.purpose": "visit", "white_cross.traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
              "white_cross.direct_reads": "off", "white_cross.time_zone": "Pacific/Kiritimati", "white_cross.cluster_keys": "on"}

    def settings(connection):
        return {name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in chosen}
    with client(pooler, pooled_school) as one, client(pooler, pooled_school) as other:
        key = "SELECT wc_cache_key('ada'::text, 'health_summary')"
        other.execute(key)  # the library, and its settings with it
        before = settings(other)
        with one.transaction():
            pid = one.info.backend_pid, one.execute("SELECT pg_backend_pid()").fetchone()[0]
            for name, value in chosen.items():
                one.execute("SELECT set_config(%s, %s, true)", [name, value])
            assert settings(one) == chosen and one.execute(key).fetchone()[0] == f"student:{{{opaque_keys.name_of('ada')}}}:health_summary"
            one.execute("SELECT wc_health_summary('ada'::text)")
        assert other.execute("SELECT pg_backend_pid()").fetchone()[0] == pid[1], "the same session of the server"
        assert settings(other) == before and other.execute(key).fetchone()[0] == Cache.key("ada")


def test_a_session_that_is_discarded_between_two_clients(start, pooled_school):
    """pool_mode = session with DISCARD ALL, which also drops plans, temporary tables and prepared statements."""
    pooler = start(pool_mode="session", server_reset_query="DISCARD ALL", default_pool_size=1, reserve_pool_size=0)
    expected = outcome(pooled_school, "wc_health_summary('ada'::text)")
    pids = set()
    for _ in range(3):
        with client(pooler, pooled_school, prepares=True) as connection:
            connection.execute("SET white_cross.direct_reads = off")
            for statement in "wc_health_summary('ada'::text)", "wc_health_summary('ada'::text)":
                assert without_passing(connection.execute("SELECT outcome(%s)", [statement]).fetchone()[0]) == expected
            pids.add(connection.execute("SELECT pg_backend_pid()").fetchone()[0])
        with client(pooler, pooled_school) as connection:
            assert connection.execute("SELECT current_setting('white_cross.direct_reads')").fetchone()[0] == "on"
            assert without_passing(connection.execute("SELECT outcome(%s)", ["wc_health_summary('ada'::text)"]).fetchone()[0]) == expected
    assert len(pids) == 1, "one session of the server for all"
