"""What the worker's role, an application's role and all other roles may do."""

import psycopg
import pytest
from psycopg import errors


@pytest.fixture
def as_role(school):
    """as_role(name): a connection of a role without any privilege but what the test gives it."""
    connections = []

    def connect(name):
        if not school.one("SELECT 1 FROM pg_roles WHERE rolname = %s", name):
            school.sql(f"CREATE ROLE {name} LOGIN")
        connections.append(school.cluster.connect(school.database, name))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def test_the_worker_may_do_its_work_and_no_more(school, as_role):
    student = school.add_student()
    worker = as_role(school.worker_role)
    school.allow_worker()
    assert worker.execute("SELECT white_cross.register_worker('w')").fetchone()[0] is True
    school.add_allergy(student)
    assert ([student],) in worker.execute("DELETE FROM white_cross.invalidation RETURNING students").fetchall()
    assert worker.execute("SELECT key FROM wc_cache_entries(ARRAY[%s])", [student]).fetchone()
    worker.execute("INSERT INTO white_cross.hot_student VALUES (%s, 1.5)", [student])
    for statement in ("UPDATE students SET grade = '1'", "DELETE FROM allergies", "SELECT * FROM white_cross.binding",
                      "UPDATE white_cross.invalidation SET n = 2", "DELETE FROM white_cross.binding", "DELETE FROM white_cross.worker",
                      "SELECT wc_attach('public')", "SELECT wc_detach('public')", "CREATE TABLE public.mine ()",
                      f"SELECT wc_grant_worker('{school.worker_role}')"):
        with pytest.raises((errors.InsufficientPrivilege, errors.DatabaseError)) as refused:
            worker.execute(statement)
        assert refused.value.sqlstate == "42501", f"{statement}: {refused.value}"


def test_other_roles_cannot_use_internal_objects(school, as_role):
    nobody = as_role("wc_test_nobody")
    for table in "binding", "worker", "worker_report", "served_redis", "served_shard", "target", "swept", "target_set_aside", "target_report", "invalidation", "hot_student", "growth_reference":
        with pytest.raises(errors.InsufficientPrivilege):
            nobody.execute(f"SELECT * FROM white_cross.{table}")
    with pytest.raises(errors.InsufficientPrivilege):
        nobody.execute("SELECT white_cross.register_worker('w')")


def test_a_writer_needs_no_privilege_on_the_queue(school, as_role):
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("GRANT INSERT, SELECT, UPDATE ON students TO PUBLIC")
    writer = as_role("wc_test_writer")
    writer.execute("""INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
                      VALUES ('w', 'w', 'A', 'B', '2014-01-01', '5', 'MALE', now())""")
    assert (["w"],) in school.rows("SELECT students FROM white_cross.invalidation")


def test_a_summary_needs_the_privileges_that_its_query_would(school, as_role):
    student = school.add_student()
    reader = as_role("wc_test_reader")
    school.sql("REVOKE ALL ON students, health_records, allergies FROM wc_test_reader")
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute("SELECT wc_health_summary(%s::text)", [student])
    school.sql("GRANT SELECT ON students, health_records TO wc_test_reader")
    with pytest.raises(errors.InsufficientPrivilege, match="allergies"):
        reader.execute("SELECT wc_health_summary(%s::text)", [student])
    school.sql("GRANT SELECT ON allergies TO wc_test_reader")
    assert reader.execute("SELECT wc_health_summary(%s::text)", [student]).fetchone()[0]["student"]["id"] == student


def test_row_level_security_holds(school, as_role):
    seen, hidden = school.add_student("seen"), school.add_student("hidden")
    school.add_allergy(seen, allergen="Milk")
    school.add_allergy(seen, allergen="Secret")
    school.sql("GRANT SELECT ON students, health_records, allergies, chronic_conditions TO PUBLIC")
    for statement in ("ALTER TABLE students ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON students USING (id = 'seen')",
                      "ALTER TABLE allergies ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON allergies USING (allergen <> 'Secret')"):
        school.sql(statement)
    reader = as_role("wc_test_reader")

    def summary(connection, student):
        return connection.execute("SELECT wc_health_summary(%s::text)", [student]).fetchone()[0]

    assert [a["allergen"] for a in summary(reader, seen)["allergies"]] == ["Milk"]
    assert summary(reader, hidden) is None
    assert len(summary(school.connection, seen)["allergies"]) == 2
    # and the same connection, as somebody else
    school.sql("SET ROLE wc_test_reader")
    assert summary(school.connection, hidden) is None
    school.sql("RESET ROLE")
    assert summary(school.connection, hidden) is not None


def test_a_role_of_another_database_cannot_drain(school, as_role):
    with pytest.raises(psycopg.Error):
        as_role("wc_test_stranger").execute("DELETE FROM white_cross.invalidation")
