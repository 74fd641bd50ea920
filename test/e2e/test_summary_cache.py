"""Summaries from shared memory: which calls use them and which do not, and that no byte ever differs."""

import json
import threading
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import errors

from servers import until
from warm_fixtures import cluster, empty_warm  # noqa: F401 (fixtures)
from warm_school import answers

REPLICA = "SET LOCAL session_replication_role = replica"
OURS = "TRIGGER white_cross_change"


@pytest.fixture
def warm(empty_warm):  # noqa: F811 (a fixture)
    """Two students; the summary of ada is in shared memory."""
    for student in "ada", "bea":
        empty_warm.add_student(student)
        empty_warm.add_allergy(student)
        empty_warm.add_record(student, type="VACCINATION", vital='{"height": 140, "weight": 35}')
    assert empty_warm.becomes_hit("ada")
    return empty_warm


@pytest.fixture
def sessions(warm):
    """sessions(autocommit=False, …): another session of this database, closed with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(warm.session(**({"options": "-c lock_timeout=20s"} | options)))


# ---- what it is for ----

def test_a_second_read_is_a_hit_also_of_another_session(warm, sessions):
    assert warm.is_hit("ada", sessions())
    assert '"Peanuts"' in warm.both("ada")


def test_a_change_is_seen_by_the_next_statement(warm, sessions):
    """Transactions enter their changes into the registers even if no worker is registered."""
    other = sessions()
    for n in range(20):
        warm.rename("ada", f"Name {n}")
        assert f"Name {n}" in warm.twice("ada", other)
        assert f"Name {n}" in warm.twice("ada")


def test_a_change_is_seen_where_a_worker_is_registered(warm, sessions):
    warm.sql("SELECT white_cross.register_worker('somebody')")
    other = sessions()
    for n in range(5):
        warm.rename("ada", f"Name {n}")
        assert f"Name {n}" in warm.twice("ada", other)


@pytest.mark.parametrize("change", [
    "INSERT INTO allergies (id, allergen, severity, \"updatedAt\", \"studentId\") VALUES ('new', 'Milk', 'MILD', now(), 'ada')",
    "UPDATE allergies SET reaction = 'Hives'", "DELETE FROM allergies", "TRUNCATE allergies", "UPDATE health_records SET \"studentId\" = 'bea'",
    "DELETE FROM health_records", "TRUNCATE students CASCADE", "DELETE FROM students WHERE id = 'ada'",
    "DELETE FROM students WHERE id = 'ada'; INSERT INTO students (id, \"studentNumber\", \"firstName\", \"lastName\", \"dateOfBirth\", grade, gender, "
    "\"updatedAt\") VALUES ('ada', 'N', 'Another', 'Quill', '2014-03-02', '5', 'FEMALE', now())",
    "SELECT wc_invalidate('ada'::text)", "SELECT wc_invalidate_all()",
    "BEGIN; SAVEPOINT a; DELETE FROM allergies; RELEASE a; COMMIT", "BEGIN; SAVEPOINT a; DELETE FROM allergies; ROLLBACK TO a; UPDATE allergies SET reaction = 'x'; COMMIT",
    "SET synchronous_commit = off; DELETE FROM allergies", "BEGIN; DELETE FROM allergies; PREPARE TRANSACTION 'warm'; COMMIT PREPARED 'warm'",
    f"BEGIN; {REPLICA}; UPDATE students SET \"firstName\" = 'Replica'; COMMIT",
    "COPY allergies (id, allergen, severity, \"updatedAt\", \"studentId\") FROM PROGRAM 'echo copied,Soy,MILD,2025-10-10,ada' CSV",
])
def test_every_change_makes_a_miss(warm, sessions, change):
    other = sessions()
    assert warm.is_hit("ada", other)
    warm.psql(change)
    assert not warm.is_hit("ada", other)
    if warm.one("SELECT wc_health_summary('ada')"):
        assert warm.becomes_hit("ada", other)


def test_what_is_rolled_back_is_never_shown(warm, sessions):
    other = sessions()
    warm.psql("BEGIN; UPDATE students SET \"lastName\" = 'Never'; ROLLBACK")
    assert "Never" not in warm.twice("ada", other)


def test_sections_asked_for_come_behind_the_kept_ones(warm):
    warm.add_condition("ada")
    warm.both("ada")
    before = warm.hits()
    whole = warm.one("SELECT wc_health_summary('ada'::text, '{chronicConditions,growth,trends}')::text")
    assert warm.hits() > before
    warm.sql("SET white_cross.summary_cache = off")
    assert warm.one("SELECT wc_health_summary('ada'::text, '{chronicConditions,growth,trends}')::text") == whole
    assert json.loads(whole)["chronicConditions"]


def test_lists_and_cache_entries_are_read_from_it(warm):
    warm.both("ada"), warm.both("bea")
    calls = ["SELECT string_agg(summary::text, '|') FROM wc_health_summaries('{ada,nobody,bea,ada}'::text[])",
             "SELECT string_agg(value::text, '|') FROM wc_cache_entries('{ada,nobody,bea}'::text[], '{health_summary}')"]
    for call, least in zip(calls, (3, 2)):
        before = warm.hits()
        found = warm.one(call)
        assert warm.hits() >= before + least
        warm.sql("SET white_cross.summary_cache = off")
        assert warm.one(call) == found
        warm.sql("RESET white_cross.summary_cache")


def test_nobody_is_not_kept(warm):
    assert warm.twice("eve") is None
    warm.add_student("eve")
    assert warm.twice("eve")


def test_what_is_too_large_is_read_each_time(warm):
    warm.add_record("bea", type="VACCINATION", notes="x" * 20_000_000)
    entries = warm.statistics()["entries"]
    assert len(warm.twice("bea")) > 20_000_000
    assert warm.statistics()["entries"] == entries


def test_long_ids(warm):
    for length in 254, 255, 256, 1000:
        student = "é" * (length // 2) + "x" * (length % 2)
        warm.add_student(student)
        assert warm.is_hit(student) is (length <= 255) or warm.is_hit(student) is (length <= 255)
        warm.rename(student, "Renamed")
        assert "Renamed" in warm.twice(student)


# ---- who may not use it ----

def test_a_transaction_with_changes_of_its_own(warm):
    """A BEFORE trigger of one row sees earlier rows of the statement, for which no AFTER trigger has fired yet."""
    warm.psql("""
        CREATE TABLE seen (found text, plain text);
        CREATE FUNCTION peek() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO seen SELECT wc_health_summary(s.id)::text, plain(s.id) FROM students AS s WHERE s.id <> NEW.id;
            RETURN NEW;
        END $$;
        CREATE TRIGGER aaa_peek BEFORE UPDATE ON students FOR EACH ROW EXECUTE FUNCTION peek();""")
    warm.twice("ada"), warm.twice("bea")
    warm.sql("UPDATE students SET \"lastName\" = 'Seen at once'")
    rows = warm.rows("SELECT found, plain FROM seen")
    assert len(rows) == 2 and any("Seen at once" in plain for _, plain in rows)
    assert all(found == plain for found, plain in rows)


def test_parallel_workers_of_a_transaction_with_changes(warm, sessions):
    writer = sessions(autocommit=False, prepare_threshold=None)
    warm.twice("ada"), warm.twice("bea")
    warm.rename("ada", "Mine", writer)
    writer.execute("SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; "
                   "SET LOCAL max_parallel_workers_per_gather = 2")
    statement = "SELECT wc_health_summary(id)::text, plain(id) FROM students"
    (plan,), = writer.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}").fetchall()
    assert '"Workers Launched": 0' not in json.dumps(plan) and '"Workers Launched"' in json.dumps(plan)
    rows = writer.execute(statement).fetchall()
    assert all(found == plain for found, plain in rows) and any("Mine" in found for found, _ in rows)


def test_a_serializable_transaction_reads_what_it_says_it_read(warm, sessions):
    """Each reads what the other one writes.  A hit takes no predicate lock, and would let both commit."""
    one, other = (sessions(autocommit=False) for _ in range(2))
    warm.twice("ada"), warm.twice("bea")
    for session in one, other:
        session.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        session.execute("SELECT count(*) FROM pg_class")
    one.execute("SELECT wc_health_summary('ada')").fetchone()
    other.execute("SELECT wc_health_summary('bea')").fetchone()
    with pytest.raises(errors.SerializationFailure):
        warm.rename("bea", "From one", one)
        warm.rename("ada", "From other", other)
        one.commit()
        other.commit()


def test_a_table_that_somebody_has_for_himself_is_waited_for(warm, sessions):
    """A call waits for the lock as it does without the cache, because later readers may see the changes of the session that holds
    it."""
    owner, reader = sessions(autocommit=False), sessions(options="-c lock_timeout=100ms")
    assert warm.is_hit("ada", reader)
    for table in "students", "health_records", "allergies":
        owner.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(errors.LockNotAvailable):
            reader.execute("SELECT wc_health_summary('ada')")
        owner.rollback()
    assert warm.is_hit("ada", reader)


# ---- triggers ----

UNWATCHED = {
    "disabled": f"ALTER TABLE students DISABLE {OURS}",
    "all disabled": "ALTER TABLE students DISABLE TRIGGER ALL",
    "of origin": f"ALTER TABLE students ENABLE {OURS}",
    "of replicas": f"ALTER TABLE students ENABLE REPLICA {OURS}",
    "dropped": f"DROP {OURS} ON students",
    "of a condition": f"DROP {OURS} ON students; CREATE {OURS} AFTER UPDATE ON students FOR EACH ROW WHEN (NEW.id = 'nobody') "
                      f"EXECUTE FUNCTION white_cross.record_change('students'); ALTER TABLE students ENABLE ALWAYS {OURS}",
    "of a condition, for all events": f"DROP {OURS} ON students; CREATE {OURS} AFTER INSERT OR DELETE OR UPDATE ON students FOR EACH ROW WHEN (pg_trigger_depth() > 5) "
                                      f"EXECUTE FUNCTION white_cross.record_change('students'); ALTER TABLE students ENABLE ALWAYS {OURS}",
    "of a column": f"DROP {OURS} ON students; CREATE {OURS} AFTER INSERT OR DELETE OR UPDATE OF grade ON students FOR EACH ROW "
                   f"EXECUTE FUNCTION white_cross.record_change('students'); ALTER TABLE students ENABLE ALWAYS {OURS}",
    "of another table": f"DROP {OURS} ON students; CREATE {OURS} AFTER INSERT OR DELETE OR UPDATE ON students FOR EACH ROW "
                        f"EXECUTE FUNCTION white_cross.record_change('allergies'); ALTER TABLE students ENABLE ALWAYS {OURS}",
    "of another function": f"""DROP {OURS} ON students; CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL;END';
        CREATE {OURS} AFTER INSERT OR DELETE OR UPDATE ON students FOR EACH ROW EXECUTE FUNCTION nothing('students'); ALTER TABLE students ENABLE ALWAYS {OURS}""",
    "before the row": f"DROP {OURS} ON students; CREATE {OURS} BEFORE UPDATE ON students FOR EACH ROW EXECUTE FUNCTION white_cross.record_change('students'); "
                      f"ALTER TABLE students ENABLE ALWAYS {OURS}",
}
BACK = "SELECT wc_detach('public'); SELECT count(*) FROM wc_attach('public')"


def change_unseen(session, replica):
    """Past the trigger: SQL that fails because a trigger makes it fail changes nothing, and that is well too."""
    try:
        with session.transaction():
            if replica:
                session.execute(REPLICA)
            session.execute("UPDATE students SET \"firstName\" = 'Unseen ' || clock_timestamp()")
    except psycopg.Error as error:
        assert error.sqlstate[:2] in ("39", "42", "XX", "55", "0A"), error


@pytest.mark.parametrize("how", UNWATCHED)
@pytest.mark.parametrize("replica", [False, True], ids=["origin", "replica"])
def test_triggers_that_do_not_see_everything(warm, sessions, how, replica):
    """The test includes readers that hold their locks from earlier, and readers that have looked in between."""
    writer, old, reader = sessions(), sessions(autocommit=False), sessions()
    warm.twice("ada", old), warm.twice("ada", reader)
    if "DROP" in UNWATCHED[how]:
        old.commit()  # else it is waited for
    for statement in UNWATCHED[how].split("; "):
        writer.execute(statement)
    warm.twice("ada", old)
    change_unseen(writer, replica)
    warm.twice("ada", old), warm.twice("ada", reader)
    change_unseen(writer, replica)
    warm.twice("ada", old), warm.twice("ada", reader)
    old.commit()
    if how == "of another function":
        warm.psql(f"DROP {OURS} ON students")  # wc_detach does not know it
    warm.psql(BACK)
    warm.twice("ada", reader)
    assert warm.becomes_hit("ada", reader)


def test_a_reader_that_holds_its_locks_hears_of_a_trigger(warm, sessions):
    """It takes no new lock, and no event trigger enters a change that would make it look."""
    old, writer = sessions(autocommit=False), sessions()
    writer.execute("ALTER EVENT TRIGGER white_cross_ddl DISABLE")
    warm.twice("ada", old)
    writer.execute(f"ALTER TABLE students DISABLE {OURS}")
    change_unseen(writer, replica=False)
    assert "Unseen" in warm.twice("ada", old)


def test_a_trigger_that_names_another_table(warm, sessions):
    """It finds the student in another column, and so enters a change of somebody else."""
    reader, writer = sessions(), sessions()
    for statement in ('ALTER TABLE allergies RENAME "studentId" TO pupil', "SELECT count(*) FROM wc_attach('public', '{\"allergies\": {\"columns\": {\"studentId\": \"pupil\"}}}')",
                      "ALTER TABLE health_records ADD pupil text DEFAULT 'bea'", f"DROP {OURS} ON health_records",
                      f"CREATE {OURS} AFTER INSERT OR DELETE OR UPDATE ON health_records FOR EACH ROW EXECUTE FUNCTION white_cross.record_change('allergies')",
                      f"ALTER TABLE health_records ENABLE ALWAYS {OURS}"):
        writer.execute(statement)
    warm.twice("ada", reader)
    writer.execute("DELETE FROM health_records WHERE \"studentId\" = 'ada'")
    assert "VACCINATION" not in warm.twice("ada", reader)
    warm.psql(BACK.replace("wc_attach('public')", "wc_attach('public', '{\"allergies\": {\"columns\": {\"studentId\": \"pupil\"}}}')"))
    assert warm.becomes_hit("ada", reader)


@pytest.mark.parametrize("replica", [False, True], ids=["origin", "replica"])
@pytest.mark.parametrize("events", ["ENABLE", "DISABLE"])
@pytest.mark.parametrize("table", ["students", "allergies", "health_records"])
def test_triggers_off_and_on_in_one_transaction(warm, sessions, replica, events, table):
    """Nothing but the definition of the trigger says that something was changed: neither it nor an event trigger."""
    reader, old, writer = sessions(), sessions(autocommit=False), sessions()
    before = warm.twice("ada", reader)
    old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    warm.twice("ada", old)
    text = {"students": "firstName", "allergies": "allergen", "health_records": "description"}[table]
    writer.execute(f"ALTER EVENT TRIGGER white_cross_ddl {events}")
    with writer.transaction():
        if replica:
            writer.execute(REPLICA)
        writer.execute(f"ALTER TABLE {table} DISABLE {OURS}")
        writer.execute(f"UPDATE {table} SET \"{text}\" = 'Unseen'")
        writer.execute(f"ALTER TABLE {table} ENABLE ALWAYS {OURS}")
    assert warm.twice("ada", old) == before
    assert "Unseen" in warm.twice("ada", reader)
    assert warm.twice("ada", old) == before
    assert "Unseen" in warm.twice("ada", reader)
    writer.execute("ALTER EVENT TRIGGER white_cross_ddl ENABLE")


# ---- definitions ----

DEFINITIONS = {
    "columns swapped": "BEGIN; ALTER TABLE students RENAME \"firstName\" TO x; ALTER TABLE students RENAME \"lastName\" TO \"firstName\"; "
                       "ALTER TABLE students RENAME x TO \"lastName\"; COMMIT",
    "another mapping": "SELECT count(*) FROM wc_attach('public', '{\"students\": {\"columns\": {\"firstName\": \"lastName\", \"lastName\": \"firstName\"}}}')",
    "another type": "ALTER TABLE students ALTER \"firstName\" TYPE varchar",
    "another type that cuts": "ALTER TABLE students ALTER \"firstName\" TYPE text USING 'cut'",
    "another type that cuts, unseen": "ALTER EVENT TRIGGER white_cross_ddl DISABLE; ALTER TABLE students ALTER \"firstName\" TYPE text USING 'cut'; "
                                      "ALTER EVENT TRIGGER white_cross_ddl ENABLE ALWAYS",
    "times with a zone": "SET timezone = 'Asia/Tokyo'; ALTER TABLE health_records ALTER date TYPE timestamptz",
    "a label of another name": "ALTER TYPE \"AllergySeverity\" RENAME VALUE 'SEVERE' TO 'GRAVE'",
    "a label, unseen by triggers": f"BEGIN; {REPLICA}; ALTER TYPE \"AllergySeverity\" RENAME VALUE 'SEVERE' TO 'GRAVE'; COMMIT",
    "a label, by hand": "UPDATE pg_enum SET enumlabel = 'BY HAND' WHERE enumlabel = 'SEVERE'",
    "a label of a type of records": "ALTER TYPE \"HealthRecordType\" RENAME VALUE 'VACCINATION' TO 'JAB'",
    "a sex of another name": "ALTER TYPE \"Gender\" RENAME VALUE 'FEMALE' TO 'F'",
    "a new label": "ALTER TYPE \"AllergySeverity\" ADD VALUE 'WORST'",
    "another table of the name": "CREATE TABLE other AS SELECT * FROM allergies; UPDATE other SET reaction = 'Of the other'; ALTER TABLE allergies RENAME TO former; "
                                 "ALTER TABLE other RENAME TO allergies; SELECT count(*) FROM wc_attach('public')",
    "written anew": "VACUUM FULL allergies; CLUSTER students USING students_pkey",
    "emptied, unseen": f"BEGIN; {REPLICA}; TRUNCATE allergies; COMMIT",
    "emptied, triggers off": f"BEGIN; ALTER TABLE allergies DISABLE TRIGGER ALL; TRUNCATE allergies; ALTER TABLE allergies ENABLE TRIGGER ALL; "
                             f"ALTER TABLE allergies ENABLE ALWAYS {OURS}; COMMIT",
    "a child": "CREATE TABLE child () INHERITS (allergies); INSERT INTO child (id, allergen, severity, \"updatedAt\", \"studentId\") "
               "VALUES ('child', 'Child', 'MILD', now(), 'ada')",
    "a child, unseen": f"BEGIN; {REPLICA}; CREATE TABLE child () INHERITS (allergies); INSERT INTO child (id, allergen, severity, \"updatedAt\", \"studentId\") "
                       "VALUES ('child', 'Child', 'MILD', now(), 'ada'); COMMIT",
    "no index": "DROP INDEX idx_health_records_student_date_type",
    "a policy": "ALTER TABLE students ENABLE ROW LEVEL SECURITY; ALTER TABLE students FORCE ROW LEVEL SECURITY",
    "attached again": BACK,
    "detached": "SELECT wc_detach('public')",
    "the extension anew": "DROP EXTENSION white_cross CASCADE; CREATE EXTENSION white_cross; SELECT count(*) FROM wc_attach('public')",
    "another schema": "CREATE SCHEMA other; SELECT wc_create_tables('other'); INSERT INTO other.students (id, \"studentNumber\", \"firstName\", "
                      "\"lastName\", \"dateOfBirth\", grade, gender, \"updatedAt\") VALUES ('ada', 'N', 'Ada', 'Elsewhere', '2014-03-02', '5', 'FEMALE', now()); SELECT wc_detach('public'); SELECT count(*) FROM wc_attach('other')",
    "the schema's name": "ALTER SCHEMA public RENAME TO former; CREATE SCHEMA public",
}


@pytest.mark.parametrize("what", DEFINITIONS)
def test_definitions_that_change(warm, sessions, what):
    reader, fresh = sessions(prepare_threshold=None), sessions(prepare_threshold=None)
    assert len(set(answers(reader))) == 1
    warm.psql(DEFINITIONS[what])
    for session in reader, fresh, sessions(prepare_threshold=None):
        assert len(set(answers(session))) == 1, answers(session)


@pytest.mark.parametrize("what", [what for what, change in DEFINITIONS.items() if "VACUUM" not in change and "EXTENSION" not in change
                                  and "SCHEMA" not in change])
def test_definitions_that_change_under_an_open_snapshot(warm, sessions, what):
    """A cursor's, in a transaction that holds no lock yet that would stop the change: it begins to read afterwards."""
    old, new = sessions(autocommit=False, prepare_threshold=None), sessions(prepare_threshold=None)
    old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    old.execute("SELECT count(*) FROM pg_class")
    warm.psql(DEFINITIONS[what])
    for _ in range(2):
        assert len(set(answers(new))) == 1
        found = []
        for setting in "on", "off":
            try:
                with old.transaction():
                    old.execute(f"SET LOCAL white_cross.summary_cache = {setting}")
                    found.append(old.execute("SELECT wc_health_summary('ada')::text").fetchone()[0])
            except psycopg.Error as error:
                found.append((error.sqlstate, str(error)))
        assert found[0] == found[1]


# ---- ids ----

def test_ids_that_are_equal_and_not_identical(warm):
    """Ids of such a collation may not be attached: what would be a key to one student is another one's."""
    warm.sql("CREATE COLLATION letters (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    warm.sql('ALTER TABLE allergies DROP CONSTRAINT "allergies_studentId_fkey"')
    warm.sql('ALTER TABLE health_records DROP CONSTRAINT "health_records_studentId_fkey"')
    warm.sql('ALTER TABLE chronic_conditions DROP CONSTRAINT "chronic_conditions_studentId_fkey"')
    for table, column in ("students", "id"), ("allergies", "studentId"), ("health_records", "studentId"):
        warm.psql(f'ALTER TABLE {table} ALTER "{column}" TYPE text COLLATE letters')
        assert len(set(answers(warm.connection))) == 1
    warm.psql("UPDATE students SET \"firstName\" = 'Equal' WHERE id = 'ADA'")
    assert len(set(answers(warm.connection))) == 1


# ---- snapshots ----

def test_a_long_transaction_costs_hits_of_its_own_students_alone(warm, sessions):
    long = sessions(autocommit=False)
    warm.rename("bea", "Long", long)
    for n in range(5):
        warm.rename("ada", f"Name {n}")
        assert warm.becomes_hit("ada")
    warm.twice("bea")
    for n in range(5, 10):  # more than a register has room for: hits of this one end, and nothing else
        warm.rename("ada", f"Name {n}")
        assert f"Name {n}" in warm.twice("ada")
    long.commit()
    assert "Long" in warm.twice("bea") and warm.is_hit("bea")


def test_an_imported_snapshot(warm, sessions):
    exporting, importing = sessions(autocommit=False), sessions(autocommit=False)
    for session in exporting, importing:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    snapshot, = exporting.execute("SELECT pg_export_snapshot()").fetchone()
    warm.rename("ada", "Later")
    assert "Later" in warm.twice("ada")
    importing.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
    assert "Later" not in warm.twice("ada", importing) and "Later" not in warm.twice("ada", exporting)
    assert "Later" in warm.twice("ada")


def test_a_cursor_reads_with_the_snapshot_of_its_beginning(warm, sessions):
    session = sessions(autocommit=False)
    session.execute("DECLARE c CURSOR FOR SELECT wc_health_summary(id)::text, plain(id) FROM students ORDER BY id")
    warm.rename("ada", "Later")
    warm.rename("bea", "Later")
    warm.twice("ada"), warm.twice("bea")
    rows = session.execute("FETCH ALL FROM c").fetchall()
    assert len(rows) == 2 and all(found == plain and "Later" not in found for found, plain in rows)
    session.commit()


def test_a_look_that_is_overtaken(warm, sessions):
    """One statement of a reader takes a snapshot and looks later. In between other sessions change the student, fill the cache
    and change the student again."""
    barrier = "SELECT pg_advisory_xact_lock(4711)"
    warm.psql(f"CREATE FUNCTION wait() RETURNS integer LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_advisory_lock(4711); "
              f"PERFORM pg_advisory_unlock(4711); RETURN 1; END $$")
    reader, holder = sessions(), sessions(autocommit=False)
    for changes in range(1, 9):
        before = warm.twice("ada")
        holder.execute(barrier)
        found = []
        thread = threading.Thread(target=lambda: found.extend(reader.execute(
            "SELECT wc_health_summary(id)::text, plain(id) FROM (SELECT 'ada'::text AS id, wait() AS w OFFSET 0) AS q WHERE w = 1").fetchall()))
        thread.start()
        until(lambda: warm.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 10, "the reader to wait")
        for n in range(changes):
            warm.rename("ada", f"Name {changes} {n}")
            warm.twice("ada")
        holder.commit()
        thread.join()
        assert found == [(before, before)]
