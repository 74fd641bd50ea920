"""Who may see what: every function gives a role what plain SQL gives that role, or the same error, whichever way it reads.

The expectation is not written by hand.  What `SELECT *` shows a role is copied into a database of its own; what a superuser is
answered there is what the role must be answered here.  A role that lacks a column must be refused wherever the answer depends
on that column, which a scrambled column shows.
"""

import json
import random

import pytest

from guarded_school import (PREFIX, REFUSED, ROLES, TABLES, expected, fill_shared_memory, guarded, is_as, open_tables, outcome,  # noqa: F401 (fixtures)
                            statements)
from school import School
from servers import Cluster, until

pytestmark = pytest.mark.thorough

SEES_ALL = "owner", "bypass", "reader"


def test_the_expectation_tells_roles_apart(expected):
    """Else all that follows would say nothing."""
    assert [statement for statement, answer in expected["owner"].items() if answer.startswith("42")] == [], "calls that are none"
    different = {role: json.dumps(answers) for role, answers in expected.items()}
    assert len({different[role] for role in SEES_ALL}) == 1
    # What belongs to a student whom the role does not see is not shown: so these two are answered alike.
    assert different["children_only"] == different["unseeing"]
    assert len(set(different.values())) == len(ROLES) - len(SEES_ALL)
    assert list(expected["nobody"].values()).count(REFUSED) > 60


@pytest.mark.parametrize("direct_reads", ["on", "off"])
@pytest.mark.parametrize("role", ROLES)
def test_rows(guarded, expected, role, direct_reads):
    """Twice, so that a summary may come from shared memory the second time."""
    with School(guarded.cluster, guarded.database, PREFIX + role) as session:
        session.sql(f"SET white_cross.direct_reads = {direct_reads}")
        for statement in statements(guarded) * 2:
            found = outcome(session, statement)
            assert is_as(found, expected[role][statement]), statement


def test_a_standby(guarded, expected, ground):
    with Cluster(ground, "access-standby", primary=guarded.cluster, settings={"shared_preload_libraries": "$libdir/white_cross"}) as standby:
        place = guarded.one("SELECT pg_current_wal_lsn()::text")
        with School(standby, guarded.database) as there:
            until(lambda: there.one("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", place), 30, "the standby to have all of it")
        for role in ROLES:
            with School(standby, guarded.database, PREFIX + role) as session:
                for statement in statements(guarded):
                    found = outcome(session, statement)
                    assert is_as(found, expected[role][statement]), f"{role}: {statement}"


def test_one_session_that_is_everybody_in_turn(guarded, expected):
    """Nothing that a session keeps for one role serves another: plans, indexes that it holds open, summaries, settings of a scan."""
    chance = random.Random(5)
    all_statements = statements(guarded)
    with School(guarded.cluster, guarded.database) as session:
        for _ in range(1500):
            role, statement = chance.choice(list(ROLES)), chance.choice(all_statements)
            session.sql(f"SET white_cross.direct_reads = {chance.choice(['on', 'off'])}")
            session.sql(f"SET ROLE {PREFIX}{role}")
            found = outcome(session, statement)
            assert is_as(found, expected[role][statement]), f"{role}: {statement}"


def test_what_a_policy_hides_from_the_caller_goes_into_no_cache(guarded):
    """All who may call Redis share it: a value that was built under a policy comes without the token that a fill takes."""
    for role in ROLES:
        if role == "nobody":
            continue
        with School(guarded.cluster, guarded.database, PREFIX + role) as session:
            rows = session.rows("SELECT value IS NULL, snapshot FROM wc_cache_entries(ARRAY['ann', 'ben'], '{health_summary,growth_chart}')")
            tokens = [token for absent, token in rows if not absent]
            if role in ("owner", "bypass"):
                assert len(tokens) == 4 and all(tokens), role
            else:
                assert not any(tokens), f"{role}: {rows}"


# ---- columns ----

# Another value for each row, by the type of the column.
SCRAMBLED = {
    "text": """coalesce({column}, '') || 'x' || id""",
    "character varying": """coalesce({column}, '') || 'x' || id""",
    "boolean": "NOT coalesce({column}, false)",
    "timestamp without time zone": "coalesce({column}, '2020-01-01') - interval '40 days 1 hour'",
    "date": "coalesce({column}, '2020-01-01') - 40",
    "jsonb": """'{{"height": 99, "weight": 16, "heartRate": 99}}'""",
    "ARRAY": """coalesce({column}, '{{}}') || 'x'::text""",
    "integer": "coalesce({column}, 0) + 1",
    "USER-DEFINED": "(enum_range(NULL::{type}))[1 + (array_position(enum_range(NULL::{type}), {column}) % cardinality(enum_range(NULL::{type})))]",
}


def columns(school):
    return school.rows("""
        SELECT c.table_name, c.column_name, c.data_type, quote_ident(c.udt_schema) || '.' || quote_ident(c.udt_name)
        FROM information_schema.columns AS c WHERE c.table_schema = 'public' AND c.table_name = ANY(%s) ORDER BY 1, c.ordinal_position""", list(TABLES))


def test_a_role_that_lacks_a_column(open_tables):
    """Whatever shows the column, or depends on it, is refused; what is not refused is right."""
    school = open_tables
    asked = [statement for statement in statements(school) if "'ben'" not in statement and "'cleo'" not in statement]
    right = {statement: outcome(school, statement) for statement in asked}
    looked_at, refusals, seen_without = 0, 0, set()
    for table, column, type, its_name in columns(school):
        quoted = f'"{column}"'
        depends = set()
        if column not in ("id", "studentId"):
            with school.connection.transaction(force_rollback=True):
                school.sql(f"UPDATE {table} SET {quoted} = {SCRAMBLED[type].format(column=quoted, type=its_name)}")
                depends = {statement for statement in asked if outcome(school, statement) != right[statement]}
        granted = ", ".join(f'"{other}"' for of, other, *_ in columns(school) if of == table and other != column)
        school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PREFIX}columns; REVOKE SELECT ON {table} FROM {PREFIX}columns; "
                   f"GRANT SELECT ({granted}) ON {table} TO {PREFIX}columns")
        fill_shared_memory(school)
        with School(school.cluster, school.database, f"{PREFIX}columns") as session:
            for direct_reads in "on", "off":
                session.sql(f"SET white_cross.direct_reads = {direct_reads}")
                for statement in asked:
                    found = outcome(session, statement)
                    looked_at += 1
                    if found.startswith(REFUSED):
                        refusals += 1
                        continue
                    assert statement not in depends, f"shown without {table}.{column}: {statement}: {found[:300]}"
                    assert found == right[statement], f"without {table}.{column}: {statement}"
                    seen_without.add((table, column))
        school.sql(f"REVOKE SELECT ({granted}) ON {table} FROM {PREFIX}columns")
    assert looked_at > 2000 and refusals > looked_at / 10 and len(seen_without) > 20


def test_rights_that_are_taken_away_amid_a_transaction(open_tables):
    """The next call is refused, also where a plan was kept and a summary is in shared memory; given back, it is answered again."""
    school = open_tables
    asked = [statement for statement in statements(school) if "'ann'" in statement]
    school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PREFIX}columns")
    with School(school.cluster, school.database, f"{PREFIX}columns") as session:
        with session.connection.transaction():
            session.sql("SELECT 1")
            answered = {statement: outcome(session, statement) for statement in asked * 2}
            for table in TABLES:
                school.sql(f"REVOKE SELECT ON {table} FROM {PREFIX}columns")
            fill_shared_memory(school)
            # What reads no table, such as a key, is answered as before.
            for statement in asked:
                found = outcome(session, statement)
                assert found.startswith(REFUSED) or (found == answered[statement] and statement.startswith("wc_cache_key(")), f"{statement}: {found[:200]}"
            school.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PREFIX}columns")
            assert {statement: outcome(session, statement) for statement in asked} == answered
