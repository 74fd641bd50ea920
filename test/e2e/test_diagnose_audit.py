"""wc_diagnose says whether the lines of white_cross.audit are written, and gives what keeps them from it back."""

import itertools

import pytest

from servers import until

OFF = "white_cross.audit = off: who reads leaves no line in the log"
READER = "diagnosed_reader"


@pytest.fixture
def roles(school):
    school.psql(f"CREATE ROLE {READER}")
    yield
    school.psql(f"DROP OWNED BY {READER}; DROP ROLE {READER}")


def audit(school):
    """(status, detail, remedy) of the check, as a new session has it."""
    with school.cluster.connect(school.database) as connection:
        return connection.execute("SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'audit'").fetchall()


def database(school):
    return f'DATABASE "{school.database}"'


def muted(audit, level):
    return f"white_cross.audit = {audit}, but log_min_messages = {level}: no line is written"


def test_nobody_is_audited(school):
    assert audit(school) == [("ok", OFF, None)]
    school.psql(f"ALTER {database(school)} SET log_min_messages = 'panic'")
    assert audit(school) == [("ok", OFF, None)]


def test_a_database_that_writes_nothing(school):
    for value, level in itertools.product(["on", "FAILED"], ["fatal", "panic", "error", "log", "info", "debug5"]):
        school.psql(f"ALTER {database(school)} SET white_cross.audit = '{value}'; ALTER {database(school)} SET log_min_messages = '{level}'")
        [(status, detail, remedy)] = audit(school)
        if level in ("fatal", "panic"):
            assert (status, detail) == ("fail", muted(value.lower(), level))
            school.psql(remedy)
            [(status, detail, remedy)] = audit(school)
        assert (status, detail, remedy) == ("ok", f"a line in the log (stderr), white_cross.audit = {value.lower()}", None)


def test_a_role_whose_calls_are_not_seen(school, roles):
    everybody, reader = database(school), f"ROLE {READER}"
    school.psql(f"ALTER {everybody} SET white_cross.audit = 'on'; ALTER {reader} SET log_min_messages = 'fatal'")
    [(status, detail, remedy)] = audit(school)
    assert (status, detail) == ("fail", f"role {READER}: {muted('on', 'fatal')}")
    school.psql(remedy)
    assert audit(school) == [("ok", "a line in the log (stderr), white_cross.audit = on", None)]
    # In this database alone, which the role's own does not outweigh.
    school.psql(f"ALTER {reader} SET log_min_messages = 'warning'; ALTER {reader} IN {everybody} SET log_min_messages = 'panic'")
    [(status, detail, remedy)] = audit(school)
    assert (status, detail) == ("fail", f"role {READER}: {muted('on', 'panic')}")
    school.psql(remedy)
    assert [status for status, _, _ in audit(school)] == ["ok"]


def test_a_role_that_alone_is_audited_or_is_not(school, roles):
    reader = f"ROLE {READER} IN {database(school)}"
    school.psql(f"ALTER {reader} SET white_cross.audit = 'failed'")
    assert audit(school) == [("ok", f"a line in the log (stderr), white_cross.audit = failed for role {READER}", None)]
    school.psql(f"ALTER {database(school)} SET log_min_messages = 'fatal'")
    assert [found[:2] for found in audit(school)] == [("fail", f"role {READER}: {muted('failed', 'fatal')}")]
    school.psql(f"ALTER {reader} SET white_cross.audit = 'off'")
    assert audit(school) == [("ok", OFF, None)]


def test_a_server_that_writes_no_log(school):
    school.psql(f"ALTER {database(school)} SET white_cross.audit = 'on'")
    school.psql("ALTER SYSTEM SET log_destination = ''")
    try:
        school.psql("SELECT pg_reload_conf()")
        [(status, detail, remedy)] = until(lambda: (found := audit(school))[0][0] == "fail" and found, 10, "the server to take the setting")
        assert (status, detail) == ("fail", "white_cross.audit is on, but log_destination is empty: no line is written")
        school.psql(remedy)
        until(lambda: audit(school)[0][0] == "ok", 10, "the server to take the remedy")
    finally:
        school.psql("ALTER SYSTEM RESET log_destination")
        school.psql("SELECT pg_reload_conf()")
