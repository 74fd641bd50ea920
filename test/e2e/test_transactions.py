"""The functions inside every kind of transaction and session."""

import threading

import pytest
from psycopg import errors


@pytest.fixture
def ada(school):
    student = school.add_student("ada")
    school.add_record(student, "r1", type="VACCINATION")
    school.add_allergy(student, "a1")
    return student


def test_a_read_only_transaction(ada, school):
    school.sql("BEGIN READ ONLY")
    assert school.summary(ada)["student"]["id"] == ada
    assert school.one("SELECT key FROM wc_cache_entries(ARRAY['ada'])")
    school.sql("ROLLBACK")


def test_uncommitted_changes_of_ones_own_are_seen(ada, school):
    school.sql("BEGIN")
    school.sql("DELETE FROM allergies")
    assert school.summary(ada)["allergies"] == []
    school.add_allergy(ada, "a2", allergen="Soy")
    assert [a["allergen"] for a in school.summary(ada)["allergies"]] == ["Soy"]
    school.sql("ROLLBACK")
    assert [a["allergen"] for a in school.summary(ada)["allergies"]] == ["Peanuts"]


def test_uncommitted_changes_of_others_are_not(ada, school):
    with school.cluster.connect(school.database, autocommit=False) as other:
        other.execute("DELETE FROM allergies")
        assert len(school.summary(ada)["allergies"]) == 1
        other.rollback()


def test_repeatable_read_stays_with_its_snapshot(ada, school):
    with school.cluster.connect(school.database, autocommit=False) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        first = reader.execute("SELECT wc_health_summary('ada')").fetchone()
        school.sql("DELETE FROM allergies")
        assert reader.execute("SELECT wc_health_summary('ada')").fetchone() == first
    assert school.summary(ada)["allergies"] == []


def test_a_parallel_query(school):
    school.sql("""INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
                  SELECT 's' || n, 'S' || n, 'A', 'B', '2014-01-01', '5', 'MALE', now() FROM generate_series(1, 5000) n""")
    school.sql("ANALYZE students")
    school.sql("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0")
    query = "SELECT count(wc_health_summary(id)) FROM students"
    plan = "\n".join(row[0] for row in school.rows(f"EXPLAIN (ANALYZE, COSTS OFF) {query}"))
    assert "Workers Launched: " in plan and "Workers Launched: 0" not in plan, plan
    assert school.one(query) == 5000


def test_a_cursor_and_a_lateral_join(ada, school):
    rows = school.rows("SELECT v.id, s FROM (VALUES ('ada'), ('nobody')) v (id) LEFT JOIN LATERAL wc_health_summary(v.id) s ON true")
    assert [(id, bool(summary)) for id, summary in rows] == [("ada", True), ("nobody", False)]


def test_inside_plpgsql_with_caught_errors(ada, school):
    """An error that somebody catches leaves the session as usable as before."""
    school.sql("""CREATE FUNCTION tries(n int) RETURNS int LANGUAGE plpgsql AS $$
        DECLARE caught int := 0;
        BEGIN
            FOR i IN 1 .. n LOOP
                BEGIN
                    PERFORM wc_health_summary('ada', include => '{nonsense}');
                EXCEPTION WHEN OTHERS THEN caught := caught + 1;
                END;
                PERFORM wc_health_summary('ada');
            END LOOP;
            RETURN caught;
        END $$""")
    assert school.one("SELECT tries(100)") == 100
    assert school.summary(ada)


def test_a_cancelled_call_leaves_the_session_usable(ada, school):
    """statement_timeout in the middle of many summaries."""
    school.sql("SET statement_timeout = '50ms'")
    with pytest.raises(errors.QueryCanceled):
        school.sql("SELECT count(wc_health_summary('ada' || left(n::text, 0))) FROM generate_series(1, 100000000) n")
    school.sql("RESET statement_timeout")
    assert school.summary(ada)


def test_a_column_added_renamed_and_dropped(ada, school):
    school.summary(ada)
    school.sql("ALTER TABLE allergies ADD COLUMN more text DEFAULT 'x'")
    assert len(school.summary(ada)["allergies"]) == 1
    school.sql("ALTER TABLE allergies DROP COLUMN treatment")
    with pytest.raises(errors.DatabaseError, match="treatment") as refused:
        school.summary(ada)
    assert refused.value.sqlstate not in ("XX000", None)
    school.sql("ALTER TABLE allergies ADD COLUMN treatment text")
    assert school.summary(ada)["allergies"][0]["treatment"] is None


def test_a_table_dropped_and_made_again(ada, school):
    school.summary(ada)
    school.sql("CREATE TABLE saved AS TABLE allergies; CREATE TABLE empty (LIKE allergies INCLUDING ALL); DROP TABLE allergies; "
               "ALTER TABLE empty RENAME TO allergies; INSERT INTO allergies TABLE saved")
    school.sql("SELECT wc_attach('public')")
    assert len(school.summary(ada)["allergies"]) == 1


def test_not_attached(school):
    school.sql("SELECT wc_detach('public')")
    with pytest.raises(errors.DatabaseError) as refused:
        school.summary("ada")
    assert refused.value.sqlstate != "XX000"
    assert "wc_attach" in (refused.value.diag.message_hint or "")


def test_writers_do_not_wait_for_each_other(school):
    """Two open transactions that changed the same student's rows, with a worker registered: both commit."""
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("DELETE FROM white_cross.invalidation")
    student = school.add_student()
    first = school.cluster.connect(school.database, autocommit=False)
    second = school.cluster.connect(school.database, autocommit=False)
    for connection, id in (first, "x1"), (second, "x2"):
        connection.execute('INSERT INTO allergies (id, allergen, severity, verified, "updatedAt", "studentId") '
                           "VALUES (%s, 'Milk', 'MILD', false, now(), %s)", [id, student])
    second.execute("SET lock_timeout = '2s'")
    done = threading.Thread(target=second.commit)
    done.start()
    done.join(10)
    assert not done.is_alive()
    first.commit()
    first.close()
    second.close()
    assert school.queue_length() == 3
