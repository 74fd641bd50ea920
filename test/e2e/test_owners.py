"""Whoever owns the tables attaches, detaches and grants, and nobody else; and no role gains a right by it."""

import threading
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import errors

from servers import ServerFailed, until

TABLES = "students", "health_records", "allergies", "chronic_conditions"

# How a role comes to the tables; whether it may do what their owner may, and whether it may after SET ROLE to the owner.
ROLES = {
    "owner": ("", True, True),
    "superuser": ("ALTER ROLE {role} SUPERUSER", True, True),
    "member": ("GRANT {owner} TO {role}", True, True),
    "member of a member": ("CREATE ROLE {role}_between; GRANT {owner} TO {role}_between; GRANT {role}_between TO {role}", True, True),
    "member that does not inherit": ("ALTER ROLE {role} NOINHERIT; GRANT {owner} TO {role}", False, True),
    "member with ADMIN": ("GRANT {owner} TO {role} WITH ADMIN OPTION", True, True),
    "plain": ("", False, None),
    "all privileges on the tables": ("GRANT ALL ON ALL TABLES IN SCHEMA clinic TO {role} WITH GRANT OPTION", False, None),
    "owner of the schema": ("ALTER SCHEMA clinic OWNER TO {role}", False, None),
    "owner of the database": ("ALTER DATABASE {database} OWNER TO {role}", False, None),
    "owner of three tables": ("ALTER TABLE clinic.students OWNER TO {role}; ALTER TABLE clinic.health_records OWNER TO {role}; "
                              "ALTER TABLE clinic.allergies OWNER TO {role}", False, None),
    "owner before": ("CREATE ROLE {role}_next; REASSIGN OWNED BY {owner} TO {role}; REASSIGN OWNED BY {role} TO {role}_next", False, None),
    "owner since": ("REASSIGN OWNED BY {owner} TO {role}", True, None),
    "worker": ("SELECT wc_grant_worker('{role}')", False, None),
    "reads and writes all": ("GRANT pg_read_all_data, pg_write_all_data, pg_monitor TO {role}", False, None),
    "makes roles": ("ALTER ROLE {role} CREATEROLE CREATEDB BYPASSRLS REPLICATION", False, None),
}
# PostgreSQL 16 tells a member's three rights apart.
ROLES_SINCE_16 = {
    "member WITH INHERIT FALSE": ("GRANT {owner} TO {role} WITH INHERIT FALSE, SET TRUE", False, True),
    "member WITH SET FALSE": ("GRANT {owner} TO {role} WITH INHERIT TRUE, SET FALSE", True, None),
    "member WITH ADMIN alone": ("GRANT {owner} TO {role} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", False, None),
}

# A statement that only the owner may run, what proves that it was done, and whether the tables are attached before.
CALLS = {
    "attach": ("SELECT count(*) FROM wc_attach('clinic')", "SELECT count(*) = 8 FROM pg_trigger WHERE tgname ~ '^white_cross_(change|truncate|bmi)$'", False),
    "attach again": ("SELECT count(*) FROM wc_attach('clinic', compute_bmi => true)", "SELECT count(*) = 1 FROM pg_trigger WHERE tgname = 'white_cross_bmi'", True),
    "index statements": ("SELECT count(*) FROM wc_index_statements('clinic')", None, True),
    "index statements before": ("SELECT count(*) FROM wc_index_statements('clinic', false)", None, False),
    "row functions": ("SELECT count(*) FROM wc_row_functions('clinic')", None, True),
    "grant": ("SELECT wc_grant_worker('wc_other_worker')", "SELECT has_table_privilege('wc_other_worker', 'clinic.allergies', 'SELECT')", True),
    "detach": ("SELECT wc_detach('clinic')", "SELECT count(*) = 0 FROM pg_trigger WHERE tgname ~ '^white_cross_(change|truncate|bmi)$'", True),
}


def named(text, role, owner, database):
    return text.format(role=role, owner=owner, database=database)


class Place:
    """A database whose tables in the schema clinic belong to a role."""

    def __init__(self, cluster, database, owner="wc_keeper"):
        self.cluster, self.database, self.owner = cluster, database, owner
        self.connection = cluster.connect(database)
        self.sql(f"""CREATE EXTENSION white_cross; CREATE SCHEMA clinic; SELECT wc_create_tables('clinic'); GRANT USAGE ON SCHEMA clinic TO PUBLIC;
                     ALTER SCHEMA clinic OWNER TO {owner}""")
        for table in TABLES:
            self.sql(f"ALTER TABLE clinic.{table} OWNER TO {owner}")

    def sql(self, statement):
        return self.connection.execute(statement)

    def one(self, statement):
        return self.sql(statement).fetchone()[0]

    @contextmanager
    def undone(self):
        """Undoes all that is done in it: roles, owners and rights are rows of the transaction too."""
        self.sql("BEGIN")
        try:
            yield
        finally:
            self.sql("ROLLBACK")

    def tried(self, role, statement, then=""):
        """Runs a statement as a role; returns the SQLSTATE if it fails."""
        self.sql("SAVEPOINT before")
        try:
            self.sql(f"SET LOCAL SESSION AUTHORIZATION {role}; {then}")
            self.sql(statement)
            assert self.one("SELECT current_user::text") == (self.owner if then else role)
            self.sql("RESET ROLE; SET LOCAL SESSION AUTHORIZATION postgres")
            return None
        except psycopg.Error as error:
            self.sql("ROLLBACK TO before")
            return error.diag.sqlstate


@pytest.fixture(scope="module")
def place(cluster):
    cluster.create_database("owned")
    with cluster.connect() as connection:
        for role in "wc_keeper", "wc_stranger", "wc_other_worker":
            connection.execute(f"CREATE ROLE {role} LOGIN")
    place = Place(cluster, "owned")
    with place.connection:
        yield place
    cluster.drop_database("owned")
    cluster.psql("DROP ROLE wc_keeper, wc_stranger, wc_other_worker")


@pytest.mark.parametrize("how", [*ROLES, *ROLES_SINCE_16])
@pytest.mark.parametrize("call", CALLS)
def test_who_may_do_what(place, how, call):
    if how in ROLES_SINCE_16 and place.cluster.version < 16:
        pytest.skip("PostgreSQL 16 tells these rights of a member apart")
    making, may, may_as_owner = (ROLES | ROLES_SINCE_16)[how]
    statement, proof, attached = CALLS[call]
    role = place.owner if how == "owner" else "wc_stranger"
    with place.undone():
        place.sql("DROP INDEX clinic.idx_health_records_search; SELECT wc_attach('clinic')")
        place.sql(named(making, role, place.owner, place.database) or "SELECT 1")
        if not attached:
            place.sql("SELECT wc_detach('clinic')")
        superusers = place.sql("SELECT oid FROM pg_roles WHERE rolsuper ORDER BY oid").fetchall()
        assert place.tried(role, statement) == (None if may else "42501")
        if may and proof:
            assert place.one(proof)
        elif proof:
            assert not place.one(proof)
        if may_as_owner is not None and not may:
            assert place.tried(role, statement, f"SET ROLE {place.owner}") == (None if may_as_owner else "42501")
        assert place.sql("SELECT oid FROM pg_roles WHERE rolsuper ORDER BY oid").fetchall() == superusers


def test_each_function_of_the_matrix_is_one_that_everybody_may_call(place):
    for function in "wc_attach(name,jsonb,boolean)", "wc_detach(name)", "wc_index_statements(name,boolean)", "wc_grant_worker(regrole)", \
                    "wc_create_tables(name,boolean)":
        assert place.one(f"SELECT has_function_privilege('wc_stranger', '{function}', 'EXECUTE') AND NOT prosecdef FROM pg_proc WHERE oid = '{function}'::regprocedure")


@pytest.mark.parametrize("gone, who, may", [
    ("DROP TABLE clinic.allergies", "wc_keeper", True),
    ("DROP TABLE clinic.allergies", "wc_stranger", False),
    ("ALTER SCHEMA clinic RENAME TO elsewhere", "wc_keeper", True),
    ("ALTER SCHEMA clinic RENAME TO elsewhere", "wc_stranger", False),
    ("DROP SCHEMA clinic CASCADE", "wc_keeper", False),
    ("DROP SCHEMA clinic CASCADE", "wc_stranger", False),
    ("DROP SCHEMA clinic CASCADE; ALTER DATABASE owned OWNER TO wc_stranger", "wc_stranger", True),
])
def test_who_detaches_what_is_gone(place, gone, who, may):
    with place.undone():
        place.sql(f"SET LOCAL client_min_messages = warning; SELECT wc_attach('clinic'); {gone}")
        assert place.tried(who, "SELECT wc_detach('clinic')") == (None if may else "42501")
        assert place.tried(who, "SELECT wc_grant_worker('wc_other_worker')") == "42501"


def test_a_table_of_somebody_else_is_not_told_to_be_absent(place):
    """Summaries would say that nobody has an allergy."""
    with place.undone():
        place.sql("SELECT wc_attach('clinic')")
        for table in TABLES:
            place.sql(f"ALTER TABLE clinic.{table} OWNER TO {'wc_keeper' if table == 'allergies' else 'wc_stranger'}")
        for role in "wc_stranger", "wc_keeper":
            assert place.tried(role, """SELECT wc_attach('clinic', '{"allergies": {"table": null}}')""") == "42501"
        assert place.one("SELECT count(*) = 2 FROM pg_trigger WHERE tgrelid = 'clinic.allergies'::regclass AND tgname ~ '^white_cross_'")


def test_without_attached_tables_nobody_but_a_superuser_grants(place):
    with place.undone():
        for role, may in ("wc_keeper", False), ("wc_stranger", False), ("postgres", True):
            assert place.tried(role, "SELECT wc_grant_worker('wc_other_worker')") == (None if may else "42501")


def test_nobody_grants_what_is_not_theirs_to_grant(place):
    """The owner of the tables does not own their schema, which the worker's role may not use."""
    grant = "SELECT wc_grant_worker('wc_other_worker')"
    with place.undone():
        place.sql("SELECT wc_attach('clinic'); ALTER SCHEMA clinic OWNER TO postgres; REVOKE USAGE ON SCHEMA clinic FROM PUBLIC; GRANT USAGE ON SCHEMA clinic TO wc_keeper")
        assert place.tried("wc_keeper", grant) == "42501"
        place.sql("GRANT USAGE ON SCHEMA clinic TO wc_other_worker")
        assert place.tried("wc_keeper", grant) is None


def test_tables_are_made_by_whoever_may_make_them(place):
    with place.undone():
        place.sql("CREATE SCHEMA mine AUTHORIZATION wc_stranger; CREATE SCHEMA other")
        assert place.tried("wc_stranger", "SELECT wc_create_tables('other')") == "42501"
        assert place.tried("wc_stranger", "SELECT wc_create_tables('mine')") is None
        assert place.one("SELECT count(*) FROM pg_class WHERE relnamespace = 'mine'::regnamespace AND relowner <> 'wc_stranger'::regrole") == 0
        assert place.tried("wc_stranger", "SELECT wc_attach('mine', compute_bmi => true)") is None


# ---- what is inside stays closed ----

# Functions of the extension that run with its owner's rights, or as a role that they are told.
POWERFUL = """
SELECT p.oid::regprocedure::text, p.proname::text FROM pg_proc AS p
JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension AS e ON d.refobjid = e.oid AND e.extname = 'white_cross'
WHERE p.prosecdef OR p.prosrc IN ('wc_run_as', 'wc_create_trigger', 'wc_enable_trigger', 'wc_drop_trigger')"""
# What a worker needs of them, by wc_grant_worker.
OF_A_WORKER = {"register_worker", "unregister_worker", "report_worker", "holders", "other_redis", "distrust_cache", "serve_redis", "served_shards", "serve_shards", "serve_target", "vouch_target", "distrust_target", "forget_rows", "restamp_rows", "release_rows", "report_target", "take_set_aside_of", "set_aside_for", "student_ids_statement", "wc_performance", "wc_diagnose"}
AS_OTHERS = {"run_as": "(10, 'SELECT 1')", "create_trigger": "('clinic.students'::regclass, 'white_cross_bmi', 'students')",
             "enable_trigger": "('clinic.students'::regclass, 'white_cross_change')", "drop_trigger": "('clinic.students'::regclass, 'white_cross_change')"}


@pytest.mark.parametrize("role", ["wc_stranger", "wc_keeper", "wc_other_worker"])
def test_no_role_may_call_what_runs_as_somebody_else(place, role):
    with place.undone():
        place.sql("SELECT wc_attach('clinic'); SELECT wc_grant_worker('wc_other_worker')")
        place.sql(f"GRANT USAGE ON SCHEMA white_cross TO {role}")
        found = place.sql(POWERFUL).fetchall()
        assert len(found) >= 20 and AS_OTHERS.keys() <= {name for _, name in found}
        may = {name for function, name in found if place.one(f"SELECT has_function_privilege('{role}', '{function}', 'EXECUTE')")}
        assert may == (OF_A_WORKER if role == "wc_other_worker" else set())


@pytest.mark.parametrize("name", AS_OTHERS)
def test_a_privilege_given_by_mistake_makes_nobody_another(place, name):
    with place.undone():
        place.sql("SELECT wc_attach('clinic'); GRANT USAGE ON SCHEMA white_cross TO wc_stranger")
        ((function,),) = place.sql(f"SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'white_cross'::regnamespace AND proname = '{name}'")
        place.sql(f"GRANT EXECUTE ON FUNCTION {function} TO wc_stranger")
        assert place.tried("wc_stranger", f"SELECT white_cross.{name}{AS_OTHERS[name]}") == "42501"


def test_default_privileges_give_nothing_of_it_away(cluster, place):
    cluster.create_database("generous")
    try:
        with cluster.connect("generous") as connection:
            connection.execute("""ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO wc_stranger;
                                  ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
                                  ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; CREATE EXTENSION white_cross""")
            open_tables = connection.execute("""SELECT relname FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE relkind = 'r' AND a.grantee = 0
                                                AND relnamespace = 'white_cross'::regnamespace GROUP BY 1 ORDER BY 1""").fetchall()
            assert open_tables == [], "what everybody may write, nobody can rely on"
            given = [function for function, _ in connection.execute(POWERFUL).fetchall()
                     if connection.execute("SELECT has_function_privilege('wc_stranger', %s, 'EXECUTE')", [function]).fetchone()[0]]
            assert given == []
            # An owner whom they give nothing may have the triggers all the same.
            connection.execute("CREATE SCHEMA clinic; SELECT wc_create_tables('clinic', false)")
            for table in TABLES:
                connection.execute(f"ALTER TABLE clinic.{table} OWNER TO wc_keeper")
            connection.execute("SELECT wc_attach('clinic', compute_bmi => true)")
    finally:
        cluster.drop_database("generous")


# ---- nothing of the tables' owner runs as anybody else ----

def test_a_superuser_makes_the_triggers_as_the_owner(place):
    """The owner may not: so it was not the superuser who tried."""
    with place.undone():
        place.sql("REVOKE TRIGGER ON clinic.allergies FROM wc_keeper")
        assert place.tried("postgres", "SELECT wc_attach('clinic')") == "42501"
        place.sql("GRANT TRIGGER ON clinic.allergies TO wc_keeper")
        assert place.tried("postgres", "SELECT wc_attach('clinic')") is None


def test_a_partition_of_somebody_else(place):
    """PostgreSQL lets the owner of a partitioned table create no trigger that would be one of another's table too."""
    with place.undone():
        place.sql("ALTER TABLE clinic.allergies RENAME TO former; CREATE TABLE clinic.allergies (LIKE clinic.former) PARTITION BY LIST (id); "
                  "CREATE TABLE clinic.rest PARTITION OF clinic.allergies DEFAULT; ALTER TABLE clinic.allergies OWNER TO wc_keeper")
        for role in "wc_keeper", "postgres":
            assert place.tried(role, "SELECT wc_attach('clinic')") == "42501"
        place.sql("ALTER TABLE clinic.rest OWNER TO wc_keeper")
        assert place.tried("wc_keeper", "SELECT wc_attach('clinic')") is None
        assert place.one("SELECT count(*) = 2 AND bool_and(tgenabled = 'A') FROM pg_trigger WHERE tgrelid = 'clinic.rest'::regclass")


def test_a_superuser_counts_labels_as_the_owner(place):
    """The owner sees no row, by a policy that is forced on it; so none is counted."""
    notices = []
    place.connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    count = 'INSERT INTO clinic.chronic_conditions (id, condition, "diagnosedDate", status, "studentId") VALUES (\'c\', \'Asthma\', now(), \'odd\', \'s\')'
    with place.undone():
        place.sql("SET LOCAL session_replication_role = replica")
        place.sql(count)
        place.sql("SET LOCAL session_replication_role = origin; SELECT wc_attach('clinic')")
        assert [notice for notice in notices if "1 rows of clinic.chronic_conditions" in notice]
        notices.clear()
        place.sql("ALTER TABLE clinic.chronic_conditions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        place.sql("SELECT wc_attach('clinic')")
        assert [notice for notice in notices if "without a rank" in notice] == []


# What an owner may put where a look at its table would run it.
HOSTILE = """
CREATE FUNCTION clinic.spy(anyelement) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN IF current_user <> 'wc_keeper' THEN RAISE EXCEPTION 'a trap ran as %', current_user USING ERRCODE = 'TRAPS'; END IF; RETURN true; END $$;
CREATE FUNCTION clinic.spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM clinic.spy(1); RETURN NEW; END $$;
CREATE DOMAIN clinic.word AS text CHECK (clinic.spy(VALUE));
CREATE DOMAIN clinic.flag AS boolean DEFAULT clinic.spy(1);
ALTER TABLE clinic.chronic_conditions ALTER status TYPE varchar(40), ADD COLUMN word clinic.word DEFAULT 'a';
ALTER TABLE clinic.health_records ADD COLUMN trap boolean DEFAULT clinic.spy(1), ADD COLUMN flag clinic.flag,
    ADD COLUMN made boolean GENERATED ALWAYS AS (clinic.spy(description)) STORED, ADD CHECK (clinic.spy(notes));
CREATE INDEX ON clinic.health_records (clinic.spy(description));
CREATE INDEX ON clinic.health_records ("studentId") WHERE clinic.spy(provider);
CREATE STATISTICS clinic.watched ON clinic.spy(description), notes FROM clinic.health_records;
CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON clinic.allergies FOR EACH ROW EXECUTE FUNCTION clinic.spring();
CREATE TRIGGER b BEFORE TRUNCATE ON clinic.allergies EXECUTE FUNCTION clinic.spring();
CREATE RULE r AS ON DELETE TO clinic.students WHERE clinic.spy(OLD.grade) DO INSTEAD NOTHING;
CREATE POLICY p ON clinic.chronic_conditions USING (clinic.spy(status));
ALTER TABLE clinic.chronic_conditions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE FUNCTION clinic.as_text(clinic."AllergySeverity") RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM clinic.spy(1); RETURN 'MILD'; END $$;
CREATE CAST (clinic."AllergySeverity" AS text) WITH FUNCTION clinic.as_text(clinic."AllergySeverity") AS IMPLICIT;
"""


@pytest.mark.parametrize("role", ["wc_keeper", "postgres", "wc_stranger"])
def test_nothing_that_the_owner_made_runs_as_another(place, role):
    with place.undone():
        place.sql('ALTER TYPE clinic."AllergySeverity" OWNER TO wc_keeper; SET LOCAL SESSION AUTHORIZATION wc_keeper')
        place.sql(HOSTILE)
        place.sql("""INSERT INTO clinic.students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES ('s', 'n', 'A', 'B', '2015-01-01', '4', 'FEMALE');
                     INSERT INTO clinic.chronic_conditions (id, condition, "diagnosedDate", status, "studentId") VALUES ('c', 'Asthma', now(), 'odd', 's');
                     INSERT INTO clinic.allergies (id, allergen, severity, "studentId") VALUES ('a', 'Milk', 'MILD', 's');
                     INSERT INTO clinic.health_records (id, type, date, description, "studentId") VALUES ('r', 'DENTAL', now(), 'x', 's');
                     DROP INDEX clinic.idx_health_records_search""")
        place.sql("SET LOCAL SESSION AUTHORIZATION postgres")
        if role == "wc_stranger":
            place.sql("GRANT wc_keeper TO wc_stranger")
        for statement in ("SELECT * FROM wc_index_statements('clinic')", "SELECT * FROM wc_attach('clinic', compute_bmi => true)", "SELECT * FROM wc_attach('clinic')",
                          "SELECT wc_grant_worker('wc_other_worker')", "SELECT * FROM wc_index_statements('clinic', false)", "SELECT wc_detach('clinic')"):
            assert place.tried(role, statement) is None, statement
        # The traps are good ones.
        assert place.tried("postgres", "UPDATE clinic.health_records SET notes = 'y'") == "TRAPS"
        assert place.tried("postgres", "UPDATE clinic.chronic_conditions SET word = 'z'") == "TRAPS"
        assert place.tried("postgres", "SELECT severity::text FROM clinic.allergies") == "TRAPS"


def test_a_schema_that_takes_the_name_meanwhile(cluster):
    """The owner of two schemas attaches the tables of one, and gives its name to the other, where somebody else's tables are."""
    cluster.create_database("swapped")
    with cluster.connect() as connection:
        connection.execute("CREATE ROLE wc_thief LOGIN; CREATE ROLE wc_victim")
    try:
        with Place(cluster, "swapped", "wc_thief").connection as connection:
            connection.execute("CREATE SCHEMA vault; SELECT wc_create_tables('vault'); ALTER SCHEMA vault OWNER TO wc_thief")
            for table in TABLES:
                connection.execute(f"ALTER TABLE vault.{table} OWNER TO wc_victim")
            attached = []

            def attach():
                with cluster.connect("swapped", "wc_thief", application_name="attaching") as thief:
                    try:
                        attached.append(thief.execute("SELECT * FROM wc_attach('clinic')").fetchall())
                    except psycopg.Error as error:
                        attached.append(error.diag.sqlstate)

            connection.execute("BEGIN; LOCK TABLE clinic.students IN SHARE MODE")
            other = threading.Thread(target=attach)
            other.start()
            with cluster.connect("swapped") as looking:
                until(lambda: looking.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = 'attaching' AND wait_event_type = 'Lock'").fetchone())
            connection.execute("ALTER SCHEMA clinic RENAME TO away; ALTER SCHEMA vault RENAME TO clinic; COMMIT")
            other.join()
            assert attached == ["42501"]
            assert connection.execute("SELECT tgrelid::regclass FROM pg_trigger WHERE tgname ~ '^white_cross_(change|truncate|bmi)$'").fetchall() == []
    finally:
        cluster.drop_database("swapped")
        cluster.psql("DROP ROLE wc_thief, wc_victim")


# ---- from beginning to end, as a managed service allows it ----

def test_a_database_without_a_superuser(cluster, empty_database):
    """A superuser creates the extension and two roles. The rest is done by the owner of the database, who reads and writes no file of the
    server: tables, attaching, indexes by a pipe, the worker's rights; then it works, is altered, given to another, and undone."""
    cluster.psql(f"CREATE ROLE wc_app LOGIN; CREATE ROLE wc_heir LOGIN; CREATE ROLE wc_drainer LOGIN; ALTER DATABASE {empty_database} OWNER TO wc_app")
    try:
        cluster.psql("CREATE EXTENSION white_cross", empty_database)

        def psql(script, user="wc_app"):
            return cluster.psql(script, empty_database, user)

        psql("CREATE SCHEMA app; SELECT wc_create_tables('app', false); SELECT count(*) FROM wc_attach('app');")
        statements = psql("SELECT wc_index_statements('app')")
        assert statements.count("\n") == 8 == statements.count(";\n")
        psql(statements)
        assert psql("SELECT wc_index_statements('app')") == ""
        psql("DROP INDEX app.idx_allergies_student_severity;\nSELECT wc_index_statements('app') \\gexec\n")
        assert psql("SELECT wc_index_statements('app')") == ""
        psql("SELECT wc_grant_worker('wc_drainer')")

        student = "SELECT wc_health_summary('s'::text) -> 'student' ->> 'firstName'"
        psql("SELECT white_cross.register_worker('w')", "wc_drainer")
        psql("""INSERT INTO app.students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
                VALUES ('s', 'n', 'Ada', 'Quill', '2015-01-01', '4', 'FEMALE')""")
        assert psql("DELETE FROM white_cross.invalidation WHERE students = '{s}' RETURNING n", "wc_drainer") != ""
        assert psql(student) == psql(student, "wc_drainer") == "Ada\n"
        # DDL is followed, and what it brings gets its triggers.
        psql('ALTER TABLE app.allergies ADD COLUMN more text; CREATE TABLE app.older () INHERITS (app.allergies)')
        assert psql("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'app.older'::regclass AND tgenabled = 'A'") == "2\n"

        cluster.psql("REASSIGN OWNED BY wc_app TO wc_heir", empty_database)
        for statement in "SELECT wc_detach('app')", "SELECT wc_attach('app')", "SELECT wc_index_statements('app')", "SELECT wc_grant_worker('wc_app')":
            with pytest.raises(ServerFailed, match="must be owner of app"):
                psql(statement)
        psql("SELECT count(*) FROM wc_attach('app', compute_bmi => true); SELECT wc_grant_worker('wc_drainer'); SELECT wc_detach('app')", "wc_heir")
        assert psql("SELECT count(*) FROM pg_trigger WHERE tgname ~ '^white_cross_(change|truncate|bmi)$'") == "0\n"
    finally:
        cluster.psql(f"ALTER DATABASE {empty_database} OWNER TO postgres")
        cluster.psql("DROP OWNED BY wc_app, wc_heir, wc_drainer CASCADE", empty_database)
        cluster.psql("DROP ROLE wc_app, wc_heir, wc_drainer")


def test_what_a_role_is_told_that_may_not(place):
    with place.undone():
        place.sql("SAVEPOINT before; SET LOCAL SESSION AUTHORIZATION wc_stranger")
        with pytest.raises(errors.InsufficientPrivilege, match="role wc_stranger must be owner of .*clinic.allergies") as refused:
            place.sql("SELECT wc_attach('clinic')")
        assert "SET ROLE" in refused.value.diag.message_hint
