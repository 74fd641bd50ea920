"""DDL of every kind.  Whatever changes what a summary says leaves a row in the queue; and every table that a read can
reach is watched, so that each write to it does."""

import threading

import psycopg
import pytest

from school import School
from servers import until

STUDENTS = ("s1", "s2")
ROW = """INSERT INTO {table} (id, allergen, severity, verified, "createdAt", "updatedAt", "studentId")
         VALUES ('{id}', '{table}', 'MILD', false, now(), now(), '{student}')"""

NOT_NULL = ("id", "allergen", "severity", "verified", "createdAt", "updatedAt", "studentId")

PARTITIONED = """
    DROP TABLE allergies;
    CREATE TABLE allergies (id text, allergen text, severity "AllergySeverity", reaction text, treatment text, verified boolean,
        "verifiedBy" text, "verifiedAt" timestamp(3), "createdAt" timestamp(3), "updatedAt" timestamp(3), "studentId" text)
        PARTITION BY LIST ("studentId");
    CREATE TABLE part1 PARTITION OF allergies FOR VALUES IN ('s1');
    CREATE TABLE part2 PARTITION OF allergies FOR VALUES IN ('s2');
    """ + ROW.format(table="part1", id="p1", student="s1") + ";" + ROW.format(table="part2", id="p2", student="s2")

# What a dump's restore or a generated migration says first, and what says nothing.
PREAMBLES = {"": "", "as a dump begins": "SET check_function_bodies = false; SET client_min_messages = warning; SET row_security = off"}

# name: (what was there before, statements that are looked at one by one)
SCENARIOS = {
    "a child made before attaching": (
        "SELECT wc_detach('public'); CREATE TABLE child () INHERITS (allergies); SELECT wc_attach('public')", []),
    "a child, and its end": ("", [
        "CREATE TABLE child () INHERITS (allergies)", ROW.format(table="child", id="c1", student="s1"), "DROP TABLE child"]),
    "a child that inherits later, and no longer": ("CREATE TABLE child (LIKE allergies); " + ROW.format(table="child", id="c1", student="s1"), [
        "ALTER TABLE child INHERIT allergies", "ALTER TABLE child NO INHERIT allergies"]),
    "a parent of others inherits": (
        "CREATE TABLE parent (LIKE allergies); CREATE TABLE child () INHERITS (parent); CREATE TABLE grandchild () INHERITS (child); "
        + ROW.format(table="grandchild", id="c1", student="s1"),
        ["ALTER TABLE parent INHERIT allergies", "ALTER TABLE grandchild NO INHERIT child"]),
    "a child made with its schema": ("", [
        "CREATE SCHEMA other CREATE TABLE child () INHERITS (public.allergies)",
        ROW.format(table="other.child", id="c1", student="s1"), "DROP SCHEMA other CASCADE"]),
    "a child made by AS": ("", ["CREATE TABLE child AS SELECT * FROM allergies WHERE \"studentId\" = 's1'",
                                "ALTER TABLE child " + ", ".join(f'ALTER "{name}" SET NOT NULL' for name in NOT_NULL),
                                "ALTER TABLE child INHERIT allergies"]),
    "partitions": (PARTITIONED, [
        "CREATE TABLE part3 (LIKE allergies)", ROW.format(table="part3", id="p3", student="s3"),
        "ALTER TABLE allergies DETACH PARTITION part1", "ALTER TABLE allergies ATTACH PARTITION part1 FOR VALUES IN ('s1')",
        "ALTER TABLE allergies DETACH PARTITION part1 CONCURRENTLY", "DROP TABLE part2"]),
    "partitions of partitions": (PARTITIONED, [
        "ALTER TABLE allergies DETACH PARTITION part1",
        "CREATE TABLE middle PARTITION OF allergies FOR VALUES IN ('s1') PARTITION BY LIST (id)",
        "ALTER TABLE middle ATTACH PARTITION part1 FOR VALUES IN ('p1')",
        "CREATE TABLE leaf PARTITION OF middle DEFAULT", ROW.format(table="leaf", id="l1", student="s1"), "DROP TABLE middle"]),
    "another table under the name": ("CREATE TABLE other (LIKE allergies INCLUDING ALL); " + ROW.format(table="other", id="o1", student="s1"), [
        "ALTER TABLE allergies RENAME TO old; ALTER TABLE other RENAME TO allergies"]),
    "renamed as an index may be": ("CREATE TABLE other (LIKE allergies INCLUDING ALL); " + ROW.format(table="other", id="o1", student="s1"), [
        "ALTER INDEX allergies RENAME TO old", "ALTER INDEX other RENAME TO allergies"]),
    "moved to another schema": ("CREATE SCHEMA other; CREATE TABLE other.allergies (LIKE allergies)", [
        "ALTER TABLE allergies RENAME TO old; ALTER TABLE other.allergies SET SCHEMA public",
        "ALTER TABLE allergies SET SCHEMA other"]),
    "made anew by AS": ("", [
        "ALTER TABLE allergies RENAME TO old; CREATE TABLE allergies AS SELECT * FROM old WHERE \"studentId\" = 's1'"]),
    "made anew by INTO": ("", [
        "ALTER TABLE allergies RENAME TO old; SELECT * INTO allergies FROM old WHERE \"studentId\" = 's1'"]),
    "a schema under the name": (
        # The functions stay where they are; the tables of another schema take the places of the attached ones.
        "CREATE SCHEMA clinic; SELECT wc_create_tables('clinic'); SELECT wc_detach('public'); SELECT wc_attach('clinic'); "
        "CREATE SCHEMA next; CREATE TABLE next.students (LIKE clinic.students INCLUDING ALL); "
        "CREATE TABLE next.allergies (LIKE clinic.allergies INCLUDING ALL); CREATE TABLE next.health_records (LIKE clinic.health_records INCLUDING ALL); "
        "CREATE TABLE next.chronic_conditions (LIKE clinic.chronic_conditions INCLUDING ALL); "
        "DELETE FROM white_cross.invalidation",
        ["ALTER SCHEMA clinic RENAME TO previous", "ALTER SCHEMA next RENAME TO clinic",
         """INSERT INTO clinic.students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
            VALUES ('s1', '1', 'Ada', 'Quill', '2015-01-01', '4', 'MALE')"""]),
    "a view under the name": ("", [
        "ALTER TABLE allergies RENAME TO base; CREATE VIEW allergies AS SELECT * FROM base",
        ROW.format(table="base", id="v1", student="s1")]),
    "a type that goes": ("CREATE DOMAIN remark AS text; ALTER TABLE allergies ALTER treatment TYPE remark", ["DROP DOMAIN remark CASCADE"]),
    "an enum that goes": ("", ["DROP TYPE \"AllergySeverity\" CASCADE"]),
    "a schema that goes, with the type": (
        "CREATE SCHEMA other; ALTER TYPE \"AllergySeverity\" SET SCHEMA other", ["DROP SCHEMA other CASCADE"]),
    "a label renamed": ("", ["ALTER TYPE \"AllergySeverity\" RENAME VALUE 'MILD' TO 'SLIGHT'"]),
    "a label renamed below a domain": (
        "CREATE DOMAIN severity AS \"AllergySeverity\"; CREATE DOMAIN severity2 AS severity; ALTER TABLE allergies ALTER severity TYPE severity2",
        ["ALTER TYPE \"AllergySeverity\" RENAME VALUE 'MILD' TO 'SLIGHT'"]),
    "a label renamed, of a child's column only": (
        "CREATE TABLE child () INHERITS (allergies)", ["ALTER TYPE \"AllergySeverity\" RENAME VALUE 'MILD' TO 'SLIGHT'"]),
    "a new label": ("", [
        "ALTER TYPE \"AllergySeverity\" ADD VALUE 'FATAL' BEFORE 'MILD'", "UPDATE allergies SET severity = 'FATAL'"]),
    "columns": ("", [
        "ALTER TABLE allergies ALTER reaction TYPE text USING 'changed'", "ALTER TABLE allergies ADD treatment2 text",
        "ALTER TABLE allergies DROP treatment", "ALTER TABLE allergies RENAME treatment2 TO treatment",
        "ALTER TABLE allergies DROP reaction, ADD reaction text DEFAULT 'other'"]),
}


MAKING_TABLES = ("a child, and its end", "a parent of others inherits", "a child made with its schema", "partitions", "made anew by AS")


@pytest.fixture(scope="module")
def template(cluster):
    """A school with two students, changes of which are queued: the name of its database."""
    name = "ddl_template"
    cluster.create_database(name)
    school = School(cluster, name)
    school.attach()
    for student in STUDENTS:
        school.add_student(student)
        school.add_allergy(student, f"a-{student}", severity="MILD", reaction="Hives", treatment="Salve")
    school.sql("SELECT white_cross.register_worker('w')")
    school.connection.close()
    yield name
    with cluster.connect() as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def watched(cluster, template):
    name = "ddl_watched"
    with cluster.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    school = School(cluster, name)
    with school.connection:
        yield Watched(school)
    with cluster.connect() as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Watched:
    """A school, what its summaries say, and what the queue says of changes."""

    def __init__(self, school):
        self.school = school

    def summaries(self):
        return {student: self._summary(student) for student in STUDENTS}

    def _summary(self, student):
        try:
            return self.school.summary(student)
        except psycopg.Error as error:
            return error.sqlstate

    def take_queue(self):
        """The students that were queued, None for all of them."""
        rows = self.school.rows("DELETE FROM white_cross.invalidation RETURNING students")
        return {student for students, in rows for student in students or [None]}

    def step(self, statement):
        """Runs it; says which students' summaries changed without a row in the queue."""
        before = self.summaries()
        self.take_queue()
        self.school.sql(statement)
        queued = self.take_queue()
        after = self.summaries()
        return [student for student in STUDENTS if before[student] != after[student] and not queued & {student, None}]

    def reached(self):
        """The tables that a read of allergies can reach, by the catalog alone."""
        return [name for name, in self.school.rows("""
            WITH RECURSIVE reached (id) AS (
                SELECT to_regclass(format('%I.%I', schema_name, table_name))::oid FROM white_cross.binding WHERE entity = 'allergies'
                UNION SELECT i.inhrelid FROM reached JOIN pg_inherits AS i ON i.inhparent = reached.id)
            SELECT c.oid::regclass::text FROM reached JOIN pg_class AS c ON c.oid = reached.id WHERE c.relkind = 'r' ORDER BY 1""")]

    def unseen_writes(self):
        """Writes of each kind to each table that a read can reach, of which the queue says nothing."""
        label = self.school.one("SELECT min(enumlabel) FROM pg_enum JOIN pg_type t ON t.oid = enumtypid WHERE typname = 'AllergySeverity'")
        unseen = []
        for table in self.reached():
            for role, write in (("origin", ROW.format(table=table, id="new", student="s1").replace("MILD", label or "MILD")),
                                ("origin", f"UPDATE {table} SET allergen = 'Dust'"), ("replica", f"UPDATE {table} SET allergen = 'Milk'"),
                                ("origin", f"DELETE FROM {table} WHERE id = 'new'"), ("origin", f"TRUNCATE {table}")):
                self.take_queue()
                self.school.sql(f"SET session_replication_role = {role}")
                try:
                    is_change = self.school.sql(write).rowcount != 0
                except (psycopg.errors.CheckViolation, psycopg.errors.UndefinedColumn):  # another partition's, or no column any more
                    is_change = False
                if is_change and not self.take_queue():
                    unseen.append(f"{table}: {write}")
        return unseen


@pytest.mark.parametrize("name, preamble", [(name, "") for name in SCENARIOS] + [(name, "as a dump begins") for name in MAKING_TABLES])
def test_what_changes_summaries_is_queued(watched, name, preamble):
    before, steps = SCENARIOS[name]
    for statement in filter(None, (PREAMBLES[preamble], before)):
        watched.school.sql(statement)
    unseen = {statement: students for statement in steps if (students := watched.step(statement))}
    assert unseen == {}
    assert watched.unseen_writes() == []


def test_a_partition_that_is_detached_by_halves(cluster, watched):
    """DETACH … CONCURRENTLY commits twice.  Rows are gone with the first time; then it waits, and may be interrupted."""
    school = watched.school
    school.sql(PARTITIONED)
    school.sql("DROP TRIGGER white_cross_truncate ON part1")
    watched.take_queue()
    before = watched.summaries()
    with cluster.connect(school.database) as reader, cluster.connect(school.database) as dba:
        reader.execute("BEGIN; SELECT count(*) FROM allergies")
        failed = []

        def detach():
            try:
                dba.execute("ALTER TABLE allergies DETACH PARTITION part1 CONCURRENTLY")
            except psycopg.Error as error:
                failed.append(error)

        thread = threading.Thread(target=detach, daemon=True)
        thread.start()
        until(lambda: school.one("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'part1'::regclass"), 10, "the first half")
        after = watched.summaries()
        queued = watched.take_queue()
        dba.cancel()
        thread.join()
        assert before["s1"] != after["s1"], "the test's premise: rows are gone already"
        assert queued & {"s1", None}
        assert isinstance(failed[0], psycopg.errors.QueryCanceled)
        reader.execute("COMMIT")
    # Nobody reads the partition any more, and PostgreSQL refuses to alter it: what it lacks stops no DDL and is no fault.
    school.sql("ALTER TABLE allergies ADD COLUMN extra text")
    found = [(detail, remedy) for check, detail, remedy in
             school.rows("SELECT \"check\", detail, remedy FROM wc_diagnose() WHERE status <> 'ok' AND \"check\" = 'triggers'")]
    assert len(found) == 1 and "part1" in found[0][0]
    school.sql("ALTER TABLE allergies DROP extra")  # since 18 the second half asks the partition for each column of the table
    school.psql(found[0][1])
    assert watched.summaries() == after and watched.unseen_writes() == []
    assert not school.one("SELECT count(*) FROM pg_inherits WHERE inhdetachpending")


def test_restoring_one_table_of_a_dump(cluster, watched):
    """Its triggers are there as soon as the table is; that the dump makes them once more is no error."""
    school = watched.school
    dump = cluster.program("pg_dump", "-t", "allergies", "--clean", database=school.database)
    before = watched.summaries()
    assert watched.step("DROP TABLE allergies") == []
    watched.take_queue()
    school.psql(dump.replace("DROP TABLE", "DROP TABLE IF EXISTS").replace("ALTER TABLE ONLY public.allergies DROP", "ALTER TABLE IF EXISTS ONLY public.allergies DROP")
                .replace("DROP INDEX", "DROP INDEX IF EXISTS").replace("DROP TRIGGER IF EXISTS", "--").replace("DROP TRIGGER", "--"))
    assert watched.take_queue() & {"s1", None}
    assert watched.summaries() == before and watched.unseen_writes() == []


def test_restoring_a_whole_dump_by_several_at_once(cluster, watched):
    """No table's constraint waits for the triggers of another."""
    school = watched.school
    school.sql(PARTITIONED + "; ALTER TABLE part1 ADD PRIMARY KEY (id); ALTER TABLE part2 ADD PRIMARY KEY (id); "
               "CREATE TABLE kin (PRIMARY KEY (id)) INHERITS (health_records); CREATE TABLE kin2 (PRIMARY KEY (id)) INHERITS (health_records)")
    cluster.program("pg_dump", "-Fc", "-f", cluster.folder / "whole.dump", database=school.database)
    cluster.create_database("ddl_restored")
    try:
        cluster.program("pg_restore", "-j", 4, "--exit-on-error", "-d", "ddl_restored", cluster.folder / "whole.dump")
        restored = School(cluster, "ddl_restored")
        with restored.connection:
            again = Watched(restored)
            restored.sql("SELECT white_cross.register_worker('w')")
            assert again.summaries() == watched.summaries()
            assert trigger_troubles(restored) == [] and again.unseen_writes() == []
    finally:
        with cluster.connect() as connection:
            connection.execute("DROP DATABASE ddl_restored WITH (FORCE)")


def tokens(connection, student="s1"):
    """The snapshots that values of this student carry; None where they are not to be cached."""
    return [token for token, in connection.execute(
        "SELECT snapshot FROM wc_cache_entries(ARRAY[%s], ARRAY['health_summary', 'records:1:20:{}'])", (student,))]


def trigger_troubles(school):
    return school.rows("SELECT detail, remedy FROM wc_diagnose() WHERE \"check\" = 'triggers' AND status <> 'ok' ORDER BY 1")


def test_a_table_becomes_a_partition_of_the_one_that_takes_its_place(watched):
    """Large tables are often partitioned in this way. Both tables have row triggers with the same name, which PostgreSQL would
    refuse."""
    school = watched.school
    before = watched.summaries()
    assert watched.step("""
        ALTER TABLE allergies RENAME TO old;
        CREATE TABLE allergies (LIKE old) PARTITION BY LIST ("studentId")""") == []
    assert watched.step("ALTER TABLE allergies ATTACH PARTITION old DEFAULT") == []
    assert watched.summaries() == before and watched.unseen_writes() == [] and trigger_troubles(school) == []


def test_a_role_that_may_not_attach_a_partition_does_not_lock_it(cluster, watched):
    school = watched.school
    school.sql("DO $$ BEGIN CREATE ROLE ddl_nobody LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    with cluster.connect(school.database) as reader, cluster.connect(school.database, "ddl_nobody") as nobody:
        reader.execute("BEGIN; SELECT count(*) FROM allergies")
        nobody.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            nobody.execute("ALTER TABLE students ATTACH PARTITION allergies DEFAULT")


def test_nothing_is_cached_of_foreign_tables(cluster, watched):
    """A session that changes the rows on the other server fires no trigger here."""
    school = watched.school
    rows = cluster.folder / "foreign.csv"
    rows.write_text("f1,Latex,SEVERE,,,f,,,2025-01-01,2025-01-01,s1\n")
    rows.chmod(0o644)
    school.sql("CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw")
    assert all(tokens(school.connection))
    assert watched.step(f"CREATE FOREIGN TABLE far () INHERITS (allergies) SERVER files OPTIONS (filename '{rows}', format 'csv')") == []
    assert [allergy["id"] for allergy in school.summary("s1")["allergies"]] == ["f1", "a-s1"]
    assert tokens(school.connection) == [None, None]
    (detail, remedy), = trigger_troubles(school)
    assert "far is a foreign table" in detail and remedy is None
    assert watched.step("ALTER FOREIGN TABLE far NO INHERIT allergies") == []
    assert all(tokens(school.connection)) and trigger_troubles(school) == []
    assert watched.step("ALTER FOREIGN TABLE far INHERIT allergies") == []
    assert tokens(school.connection) == [None, None]
    assert watched.step("DROP FOREIGN TABLE far") == []
    assert all(tokens(school.connection))


def test_a_temporary_child_is_its_sessions_own(cluster, watched):
    school = watched.school
    with cluster.connect(school.database) as other:
        school.sql("CREATE TEMPORARY TABLE mine () INHERITS (allergies); " + ROW.format(table="mine", id="t1", student="s1"))
        assert len(school.summary("s1")["allergies"]) == 2
        assert tokens(school.connection) == [None, None] and all(tokens(other))
        assert trigger_troubles(school) == []


@pytest.mark.parametrize("definition", [
    "AFTER INSERT ON allergies FOR EACH ROW EXECUTE FUNCTION white_cross.record_change('allergies')",
    "AFTER INSERT OR DELETE OR UPDATE OF reaction ON allergies FOR EACH ROW EXECUTE FUNCTION white_cross.record_change('allergies')",
    "AFTER INSERT OR UPDATE OR DELETE ON allergies FOR EACH ROW WHEN (false) EXECUTE FUNCTION white_cross.record_change('allergies')",
    "AFTER INSERT OR UPDATE OR DELETE ON allergies FOR EACH ROW EXECUTE FUNCTION white_cross.record_change('students')",
    "BEFORE INSERT OR UPDATE OR DELETE ON allergies FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
])
def test_a_trigger_that_has_the_name_alone(school, definition):
    school.sql(f"DROP TRIGGER white_cross_change ON allergies; CREATE TRIGGER white_cross_change {definition}; "
               "ALTER TABLE allergies ENABLE ALWAYS TRIGGER white_cross_change")
    (detail, remedy), = trigger_troubles(school)
    assert "another trigger under the name white_cross_change" in detail and remedy is None


def test_many_children_at_once(watched):
    """A whole tree gets its triggers with one statement."""
    school = watched.school
    school.sql("CREATE TABLE top (LIKE allergies)")
    school.sql("; ".join(f"CREATE TABLE leaf{n} () INHERITS (top)" for n in range(300)))
    school.sql("ALTER TABLE top INHERIT allergies")
    assert trigger_troubles(school) == []
    assert school.one("SELECT count(*) FROM pg_trigger WHERE tgfoid = 'white_cross.record_change()'::regprocedure AND tgenabled = 'A'") == 2 * (4 + 301)


def test_unrelated_ddl_calls_only_the_event_triggers(watched):
    """Temporary tables are made by the hundred in a transaction."""
    school = watched.school
    watched.take_queue()
    school.sql("SET track_functions = 'all'")
    with school.connection.transaction():
        for n in range(20):
            school.sql(f"CREATE TEMPORARY TABLE t{n} (a int PRIMARY KEY, b text)")
            school.sql(f"CREATE TABLE u{n} AS SELECT * FROM t{n}; DROP TABLE t{n}")
        called = dict(school.rows("SELECT funcname::text, calls FROM pg_stat_xact_user_functions WHERE schemaname = 'white_cross'"))
    assert set(called) == {"expect_ddl", "follow_ddl", "follow_drop"}
    assert watched.take_queue() == set()


def test_no_query_is_planned_for_temporary_tables(school):
    """The event triggers ask PostgreSQL what a command did without a query: one would cost more than the command."""
    with school.cluster.connect(school.database) as connection:
        connection.execute("CREATE TEMPORARY TABLE t (a int PRIMARY KEY, b text); ALTER TABLE t ADD c int; CREATE INDEX ON t (b); DROP TABLE t")
        connection.execute("CREATE TABLE u AS SELECT 1 AS one; DROP TABLE u")
        kept = connection.execute("SELECT ident FROM pg_backend_memory_contexts WHERE ident LIKE '%event_trigger%' AND name LIKE 'Cached%'").fetchall()
    assert kept == []
