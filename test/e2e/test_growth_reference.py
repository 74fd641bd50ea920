"""Growth references of users: loading by COPY, checks, visibility within a query, dumps and privileges."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors

from backend_memory import CALLS, LIMIT_KB, resident_kb
from school import School
from servers import until

POINTS = "24,1,87,0.035", "36,1,96,0.037", "48,1,103,0.039"
ASKED = "wc_growth_zscore('height', 'male', 30, 95, 'who')"


def load(school, *points, reference="who", measure="height", sex="male"):
    with school.connection.cursor().copy("COPY white_cross.growth_reference FROM STDIN CSV") as copy:
        copy.write("".join(f"{reference},{measure},{sex},{point}\n" for point in points))


def test_interpolated_between_its_own_points(school):
    load(school, *POINTS)
    assert school.one(f"SELECT {ASKED}") == pytest.approx((95 / 91.5 - 1) / 0.036, abs=1e-12)
    assert school.one("SELECT wc_growth_value('height', 'male', 48, 50, 'who')") == 103
    for age in 23.99, 48.01:
        assert school.one("SELECT wc_growth_zscore('height', 'male', %s, 95, 'who')", age) is None
    assert school.one("SELECT wc_growth_zscore('height', 'female', 30, 95, 'who')") is None
    assert school.one("SELECT wc_growth_zscore_batch('height', '{male,female}', '{30,30}', '{95,95}', 'who')") == [
        school.one(f"SELECT {ASKED}"), None]
    assert school.rows("SELECT age_months, value FROM wc_growth_curves('height', 'male', '{50}', 'who')") == [(24, 87), (36, 96), (48, 103)]
    assert school.one("SELECT wc_growth_zscore('height', 'male', 30, 95, 'cdc') = wc_growth_zscore('height', 'male', 30, 95)")


WRONG = [
    # point, error, what it says, and another name than in POINTS
    ("60,1,87,0", errors.CheckViolation, "S is positive", {}),
    ("60,1,87,-0.03", errors.CheckViolation, "S is positive", {}),
    ("60,1,87,NaN", errors.CheckViolation, "S is positive", {}),
    ("60,1,87,3.5", errors.CheckViolation, "S is positive and at most 1", {}),
    ("60,1,0,0.03", errors.CheckViolation, "M is positive", {}),
    ("60,1,-87,0.03", errors.CheckViolation, "M is positive", {}),
    ("60,1,Infinity,0.03", errors.CheckViolation, "M is positive and finite", {}),
    ("60,NaN,87,0.03", errors.CheckViolation, "L is from", {}),
    ("NaN,1,87,0.03", errors.CheckViolation, "age_months is finite", {}),
    ("-1,1,87,0.03", errors.InvalidParameterValue, "age -1 comes after age 48", {}),
    ("47,1,87,0.03", errors.InvalidParameterValue, "age 47 comes after age 48", {}),
    ("48,1,87,0.03", errors.UniqueViolation, "already exists", {}),
    (",1,87,0.03", errors.NotNullViolation, "age_months", {}),
    ("60,1,87,0.03", errors.CheckViolation, "cdc is the built-in one", {"reference": "cdc"}),
    ("60,1,87,0.03", errors.CheckViolation, "cdc is the built-in one", {"reference": "CDC"}),
    ("60,1,87,0.03", errors.CheckViolation, "bmi, height or weight", {"measure": "Height"}),
    ("60,1,87,0.03", errors.CheckViolation, "male or female", {"sex": "MALE"}),
]


def test_a_wrong_point_is_refused_with_its_line(school):
    load(school, *POINTS)
    for point, error, says, names in WRONG:
        with pytest.raises(error) as refused:
            load(school, point, **names)
        assert says in str(refused.value), point
        assert "line 1" in refused.value.diag.context, point
    assert school.one("SELECT count(*) FROM white_cross.growth_reference") == len(POINTS)


def test_unknown_names_list_the_known(school):
    load(school, *POINTS)
    load(school, *POINTS, reference="zurich")
    with pytest.raises(errors.InvalidParameterValue) as refused:
        school.one("SELECT wc_growth_zscore('height', 'male', 30, 95, 'whom')")
    assert "cdc, who, zurich" in refused.value.diag.message_hint
    with pytest.raises(errors.InvalidParameterValue) as refused:
        school.one("SELECT wc_growth_zscore('weight', 'male', 30, 95, 'who')")
    assert "height" in refused.value.diag.message_hint


def test_each_query_sees_the_reference_of_its_snapshot(school):
    """Kept for the calls of a query, and of one expression of a PL/pgSQL function: not longer than it is true."""
    load(school, *POINTS)
    school.sql(f"""
        CREATE FUNCTION seen(OUT was float8[]) LANGUAGE plpgsql AS $$
        DECLARE change text;
        BEGIN
            FOREACH change IN ARRAY ARRAY['SELECT', 'UPDATE white_cross.growth_reference SET m = m + 1', 'SELECT'] LOOP
                EXECUTE change;
                was := was || {ASKED};
            END LOOP;
            BEGIN
                UPDATE white_cross.growth_reference SET m = m + 1;
                PERFORM 1 / 0;
            EXCEPTION WHEN division_by_zero THEN
            END;
            FOR i IN 1 .. 3 LOOP
                BEGIN
                    IF i = 2 THEN UPDATE white_cross.growth_reference SET m = m + 10; END IF;
                    was := was || {ASKED};
                    IF i = 2 THEN PERFORM 1 / 0; END IF;
                EXCEPTION WHEN division_by_zero THEN
                END;
            END LOOP;
        END $$""")
    def z(median):
        return (95 / median - 1) / 0.036
    # What was appended in the block that failed is kept, for variables do not roll back.
    assert school.one("SELECT seen()") == pytest.approx([z(91.5), z(92.5), z(92.5), z(92.5), z(102.5), z(92.5)], abs=1e-9)


def test_another_sessions_change_is_seen_by_the_next_query_and_not_by_a_repeatable_one(school):
    load(school, *POINTS)
    with school.cluster.connect(school.database, autocommit=False) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = reader.execute(f"SELECT {ASKED}").fetchone()
        school.sql("UPDATE white_cross.growth_reference SET m = m + 1")
        assert reader.execute(f"SELECT {ASKED}").fetchone() == before
        reader.rollback()
        assert reader.execute(f"SELECT {ASKED}").fetchone() != before


def test_a_rolled_back_change_is_forgotten_though_no_number_of_the_snapshot_tells(school):
    """When a later transaction has ended meanwhile, the end of a subtransaction moves no bound of the snapshot."""
    load(school, *POINTS)
    before = school.one(f"SELECT {ASKED}")
    school.sql(f"""
        CREATE FUNCTION seen(OUT was float8[]) LANGUAGE plpgsql AS $$
        BEGIN
            FOR i IN 1 .. 2 LOOP
                BEGIN
                    IF i = 1 THEN
                        UPDATE white_cross.growth_reference SET m = m + 1;
                        PERFORM pg_advisory_xact_lock(1);
                    END IF;
                    was := was || {ASKED};
                    IF i = 1 THEN RAISE division_by_zero; END IF;
                EXCEPTION WHEN division_by_zero THEN
                END;
            END LOOP;
        END $$""")
    with school.cluster.connect(school.database) as later, ThreadPoolExecutor(1) as pool:
        later.execute("SELECT pg_advisory_lock(1)")
        seen = pool.submit(school.one, "SELECT seen()")
        until(lambda: later.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone()[0] == 1,
              10, "the change")
        later.execute("SELECT pg_current_xact_id()")
        later.execute("SELECT pg_advisory_unlock(1)")
        changed, after = seen.result()
    assert changed != before
    assert after == before


@pytest.mark.parametrize("form", ["--column-inserts", "--encoding=UTF8"])
def test_a_dump_keeps_it_whatever_the_order_of_its_rows(school, request, form):
    load(school, *POINTS)
    # The first point becomes the last of the heap.
    school.sql("UPDATE white_cross.growth_reference SET m = m WHERE age_months = 24")
    before = school.one(f"SELECT {ASKED}")
    dump = school.cluster.program("pg_dump", form, database=school.database)
    copy = f"{school.database}_copy"
    school.cluster.create_database(copy)
    request.addfinalizer(lambda: school.cluster.drop_database(copy))
    school.cluster.psql(dump, copy)
    restored = School(school.cluster, copy)
    with restored.connection:
        assert restored.one(f"SELECT {ASKED}") == before
        assert restored.one("SELECT count(*) FROM white_cross.growth_reference") == len(POINTS)


def test_every_role_may_read_and_none_may_change(school):
    load(school, *POINTS)
    expected = school.one(f"SELECT {ASKED}")
    school.sql("DO $$ BEGIN CREATE ROLE wc_test_asker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    with school.cluster.connect(school.database, "wc_test_asker") as nobody:
        assert nobody.execute(f"SELECT {ASKED}").fetchone()[0] == expected
        for statement in "SELECT * FROM white_cross.growth_reference", "DELETE FROM white_cross.growth_reference":
            with pytest.raises(errors.InsufficientPrivilege):
                nobody.execute(statement)


def test_memory_stays_flat_though_the_reference_changes_from_call_to_call(school):
    load(school, *POINTS)
    load(school, *POINTS, reference="own")
    # An assignment: its expression, and what was kept for it, lives as long as the transaction.
    school.sql("""
        CREATE FUNCTION calls(n int) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE z float8;
        BEGIN
            FOR i IN 1 .. n LOOP
                z := wc_growth_zscore('height', 'male', 30, 95, CASE WHEN i % 2 = 0 THEN 'who' ELSE 'own' END);
            END LOOP;
        END $$""")
    school.sql("BEGIN")
    school.sql("SELECT calls(2000)")
    before = resident_kb(school.connection.info.backend_pid)
    school.sql(f"SELECT calls({CALLS})")
    grown = resident_kb(school.connection.info.backend_pid) - before
    school.sql("ROLLBACK")
    assert grown < LIMIT_KB
