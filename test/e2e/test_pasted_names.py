"""Whoever pastes a remedy may be a superuser.  No name that another role chose gets out of the comment that it is in."""

import pytest

from sql_literals import literal

# Of transactions, which any role may prepare.
NAMES = {
    "a new line": "left\nCREATE ROLE wc_pasted SUPERUSER; --",
    "a carriage return": "left\rCREATE ROLE wc_pasted SUPERUSER; --",
    "a quote and a new line": "left'\n;CREATE ROLE wc_pasted SUPERUSER; --",
    "a backslash and a new line": "left\\'\n;CREATE ROLE wc_pasted SUPERUSER; --\\",
    "a command of psql": "left\n\\echo pasted\n--",
    "no ASCII": "left\u0085é\n\u2028CREATE ROLE wc_pasted SUPERUSER; --",
    "nothing special": "left'\\",
}
REMEDIES = {
    "who keeps vacuum from removing rows": "SELECT remedy FROM white_cross.vacuum_holder()",
    "who is in the way of a registration": "SELECT remedy FROM white_cross.find_holders('registration')",
}


def assert_harmless(school, remedy, name):
    """Pasted as it is, it does nothing.  What stands behind its comment marks ends the transaction of that name."""
    assert school.psql(remedy) == ""
    assert not school.one("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wc_pasted')")
    is_left = "SELECT EXISTS (SELECT FROM pg_prepared_xacts WHERE gid = %s)"
    assert school.one(is_left, name)
    school.psql(remedy[remedy.rindex("ROLLBACK PREPARED"):])
    assert not school.one(is_left, name)


@pytest.mark.parametrize("remedies", REMEDIES.values(), ids=REMEDIES)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_prepared_transaction(school, remedies, name):
    with school.cluster.connect(school.database, autocommit=False) as writer:
        writer.execute("UPDATE students SET grade = '6'; INSERT INTO students VALUES ('s', 'n', 'f', 'l', '2015-01-01', '4', 'MALE')")
        writer.execute(f"PREPARE TRANSACTION {literal(name)}")
    try:
        found = [remedy for remedy, in school.rows(remedies) if "PREPARED" in remedy]
        assert len(found) == 1
        assert_harmless(school, found[0], name)
    finally:
        if school.one("SELECT EXISTS (SELECT FROM pg_prepared_xacts WHERE gid = %s)", name):
            school.sql(f"ROLLBACK PREPARED {literal(name)}")
        school.sql("DROP ROLE IF EXISTS wc_pasted")
