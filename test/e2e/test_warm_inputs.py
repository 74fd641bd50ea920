"""Everything that the text of a summary depends on, one thing after the other: it is in the key of the entry, or the call does
not use the cache, or it changes nothing."""

import itertools

import psycopg
import pytest

from own_ids import OwnSchool
from school import School, attached_school
from servers import Cluster
from warm_pair import CACHED, PRELOADED, Counts, outcome, same

pytestmark = pytest.mark.thorough

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def warm_cluster(ground):
    with Cluster(ground, "warm-inputs", PRELOADED) as cluster:
        yield cluster


def fill(school):
    """Adds a student with rows in every section of the summary, with numbers and times that some settings print in another
    way."""
    student = school.add_student("ada", dateOfBirth="2014-03-02 23:30:00.123")
    for n in range(7):
        school.add_record(student, date=f"2025-10-{10 + n} 09:30:00.5", vital=f'{{"height": {130 + n}.25, "weight": 1e-7, "bmi": 12345678901234567890.5}}')
        school.add_record(student, date=f"2025-09-{10 + n} 09:30:00", type="VACCINATION", provider='Dr. "Ö" \\', notes="näher")
    school.add_allergy(student, allergen="Nüsse", verified=True, verifiedAt="2025-01-02 03:04:05.678")
    school.add_allergy(student, allergen="Bee sting", severity="LIFE_THREATENING")
    return student


@pytest.fixture
def warm(warm_cluster):
    """A school with one student, in a database of its own; counts: of the whole cluster."""
    name = f"warm_{next(_numbers)}"
    school = attached_school(warm_cluster, name)
    school.student = fill(school)
    school.counts = Counts(warm_cluster.connect(name))
    yield school
    school.counts.connection.close()
    school.connection.close()


CALL = "wc_health_summary('ada'::text)"
CALLS = [CALL, "wc_health_summaries(ARRAY['ada', NULL, 'nobody', 'ada'])", "(SELECT key, value::text FROM wc_cache_entries(ARRAY['ada', 'nobody']))",
         "wc_health_summary('ada'::text, '{chronicConditions}')", "wc_health_summary('ada'::text, '{growth,trends,chronicConditions}')"]


@pytest.mark.parametrize("call", CALLS)
def test_every_function_that_uses_it(warm, call):
    text, counted = same(warm.connection, call, warm.counts)
    assert counted.pop("fills", 0) <= 1 and set(counted) <= {"hits", "misses"} and counted["hits"] >= 1, counted
    warm.sql("UPDATE students SET \"firstName\" = 'Bea' WHERE id = 'ada'")
    changed, counted = same(warm.connection, call, warm.counts)
    assert changed != text and counted["fills"] == 1 and counted["hits"] >= 1, counted


def test_settings(warm):
    """Every setting that a session may change, to each value that differs: the text stays, and comes from the cache.  (Not those
    that mend or break catalogs, nor what ends a session or a statement.)"""
    rows = warm.rows("""
        SELECT name, vartype, setting, enumvals, min_val, max_val FROM pg_settings
        WHERE context IN ('user', 'superuser') AND name !~ '^(transaction_|default_transaction|session_repl|role$|session_auth|ignore_sys|zero_damaged|'
              'ignore_checksum|allow_system|allow_in_place|debug_disc|.*timeout|.*_flush_after|backtrace|.*preload_libr|log_|trace_|client_min|'
              'white_cross.summary|wal_consist|huge_page|jit_provider|seed|is_superuser|temp_tablespaces|default_tablespace)' """)
    strings = {"DateStyle": ["German, DMY", "SQL, MDY", "Postgres, YMD"], "TimeZone": ["Pacific/Kiritimati", "America/St_Johns"],
               "search_path": ["", "pg_temp", "public, pg_catalog"], "client_encoding": ["LATIN1", "UTF8"], "lc_monetary": ["C"],
               "lc_numeric": ["C"], "lc_time": ["C"], "white_cross.time_zone": ["Pacific/Apia", "America/Havana"]}
    warm.sql("SET search_path = public")
    baseline, _ = same(warm.connection, CALL, warm.counts)
    tried = served = 0
    passing = {}
    for name, kind, setting, values, least, most in rows:
        if kind == "bool":
            values = ["off" if setting == "on" else "on"]
        elif kind in ("integer", "real"):
            values = [value for value in {least, most} if value != setting and abs(float(value)) < 1e5]
        elif kind == "string":
            values = strings.get(name, [])
        for value in values:
            try:
                warm.sql(f"SELECT pg_catalog.set_config('{name}', %s, false)", value)
            except psycopg.Error:
                warm.sql(f"RESET {name}")
                continue
            tried += 1
            text, counted = same(warm.connection, "public." + CALL.replace("text", "pg_catalog.text"), warm.counts)
            assert text == baseline, (name, value)
            served += counted.get("hits", 0) == 2
            if counted.get("hits", 0) != 2:
                passing[name] = counted
            warm.sql(f"RESET {name}")
            warm.sql("SET search_path = public")
    assert tried > 150 and served > 0.95 * tried, (tried, served, passing)
    assert passing.keys() <= {"white_cross.direct_reads"}, passing


@pytest.mark.parametrize("id_type, time_type", itertools.product(["text", "uuid", "bigint"], ["timestamp(3)", "timestamptz", "date"]))
def test_types_and_spellings_of_ids(warm_cluster, id_type, time_type):
    school = OwnSchool(warm_cluster, f"warm_{next(_numbers)}", id_type, time_type)
    with school.connection, warm_cluster.connect(school.database) as other:
        counts = Counts(other)
        school.add(7)
        school.measure(7, "2025-01-01", '{"height": 130.5}')
        calls = [f"wc_health_summary('{school.key(7)}'::{id_type})", f"wc_health_summary('{school.key(7)}'::text)"]
        if id_type == "bigint":
            calls += ["wc_health_summary('007'::text)", "wc_health_summary(' 7'::text)", "wc_health_summary(7)"]
        if id_type == "uuid":
            calls.append(f"wc_health_summary('{{{school.key(7)}}}'::text)")
        same(school.connection, calls[0], counts)
        expected = {"settings": 2} if time_type == "timestamptz" else {"hits": 2}
        for call in calls:
            assert same(school.connection, call, counts)[1] == expected, call
        # A day that a time zone decides is never another session's.
        for zone in "Pacific/Apia", "America/Havana", "UTC":
            school.sql(f"SET white_cross.time_zone = '{zone}'")
            same(school.connection, calls[0], counts)
        school.sql("UPDATE allergies SET allergen = 'x'")
        school.measure(7, "2025-02-01", '{"height": 131.5}')
        text, counted = same(school.connection, calls[0], counts)
        assert "131.5" in str(text) and counted.get("fills", 0) == (time_type != "timestamptz")


# What one session does to a table or a role, and what another one, which has been served before, is then told or refused:
# (statements, what the calls are counted as).  Each is undone by the next database.
STRUCTURE = {
    "a label is renamed": (["ALTER TYPE \"AllergySeverity\" RENAME VALUE 'SEVERE' TO 'BAD'"], {"misses", "hits", "fills"}),
    "a label is added": (["ALTER TYPE \"AllergySeverity\" ADD VALUE 'NEW' BEFORE 'MILD'"], {"misses", "hits", "fills"}),
    "a column is rewritten": (['ALTER TABLE students ALTER "firstName" TYPE varchar(2) USING left("firstName", 2)'], {"misses", "hits", "fills"}),
    "a type of the same bytes": (['ALTER TABLE students ALTER "firstName" TYPE varchar'], {"misses", "hits", "fills"}),
    "columns are swapped": (['ALTER TABLE students RENAME "firstName" TO x', 'ALTER TABLE students RENAME "lastName" TO "firstName"',
                             'ALTER TABLE students RENAME x TO "lastName"'], {"misses", "hits", "fills"}),
    "attached with other columns": (["SELECT wc_attach('public', '{\"students\": {\"columns\": {\"firstName\": \"lastName\"}}}')"], {"misses", "hits", "fills"}),
    "timestamps become timestamptz": (["ALTER TABLE students ALTER \"dateOfBirth\" TYPE timestamptz USING \"dateOfBirth\" AT TIME ZONE 'UTC'"],
                                      {"settings"}),
    "row-level security": (["ALTER TABLE allergies ENABLE ROW LEVEL SECURITY"], {"tables"}),
    "a policy": (["ALTER TABLE allergies ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON allergies USING (false)"], {"tables"}),
    "a child": (["CREATE TABLE more_records () INHERITS (health_records)"], {"tables"}),
    "a child with rows": (["CREATE TABLE more_records () INHERITS (health_records)",
                           "INSERT INTO more_records SELECT * FROM ONLY health_records LIMIT 3"], {"tables"}),
    "the trigger of rows is disabled": (["ALTER TABLE allergies DISABLE TRIGGER white_cross_change", "UPDATE allergies SET allergen = 'unseen'"],
                                        {"triggers"}),
    "all triggers are disabled": (["ALTER TABLE students DISABLE TRIGGER ALL", "UPDATE students SET \"firstName\" = 'unseen'"], {"triggers"}),
    "a trigger is enabled the usual way": (["ALTER TABLE health_records ENABLE TRIGGER white_cross_change"], {"triggers"}),
    "the trigger of truncation is dropped": (["DROP TRIGGER white_cross_truncate ON allergies", "TRUNCATE allergies"], {"triggers"}),
    "disabled, changed, enabled": (["ALTER TABLE allergies DISABLE TRIGGER white_cross_change", "UPDATE allergies SET allergen = 'unseen'",
                                    "ALTER TABLE allergies ENABLE ALWAYS TRIGGER white_cross_change"], {"misses", "hits", "fills"}),
    "a trigger with a condition": (["DROP TRIGGER white_cross_change ON allergies",
                                    "CREATE TRIGGER white_cross_change AFTER INSERT OR UPDATE OR DELETE ON allergies FOR EACH ROW WHEN (false) "
                                    "EXECUTE FUNCTION white_cross.record_change('allergies')",
                                    "ALTER TABLE allergies ENABLE ALWAYS TRIGGER white_cross_change", "UPDATE allergies SET allergen = 'unseen'"],
                                   {"triggers"}),
    "a trigger of one column": (["DROP TRIGGER white_cross_change ON allergies",
                                 "CREATE TRIGGER white_cross_change AFTER INSERT OR UPDATE OF reaction OR DELETE ON allergies FOR EACH ROW "
                                 "EXECUTE FUNCTION white_cross.record_change('allergies')",
                                 "ALTER TABLE allergies ENABLE ALWAYS TRIGGER white_cross_change", "UPDATE allergies SET allergen = 'unseen'"],
                                {"triggers"}),
    "a trigger of another entity": (["DROP TRIGGER white_cross_change ON students",
                                     "CREATE TRIGGER white_cross_change AFTER INSERT OR UPDATE OR DELETE ON students FOR EACH ROW "
                                     "EXECUTE FUNCTION white_cross.record_change('allergies')",
                                     "ALTER TABLE students ENABLE ALWAYS TRIGGER white_cross_change", "UPDATE students SET \"firstName\" = 'unseen'"],
                                    {"triggers"}),
    "detached, changed, attached": (["SELECT wc_detach('public')", "UPDATE allergies SET allergen = 'unseen'", "SELECT wc_attach('public')"],
                                    {"misses", "hits", "fills"}),
    "a table is rewritten": (["VACUUM FULL health_records"], {"misses", "hits", "fills"}),
    "truncated": (["TRUNCATE allergies"], {"misses", "hits", "fills"}),
    "replica writes": (["SET session_replication_role = replica", "UPDATE allergies SET allergen = 'seen'", "RESET session_replication_role"],
                       {"misses", "hits", "fills"}),
    "made anew": (["CREATE TABLE copy AS TABLE allergies", "DROP TABLE allergies CASCADE", "ALTER TABLE copy RENAME TO allergies"],
                  {"misses", "hits", "fills", "triggers"}),
}


@pytest.mark.parametrize("event_triggers", [True, False])
@pytest.mark.parametrize("name", STRUCTURE)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_what_others_do_to_the_tables(warm, name, event_triggers, in_transaction):
    """Also with the event triggers disabled, as a superuser may; and when the reader's transaction holds its locks and knows the
    tables already (then only with what needs no stronger lock, since it would be waited for)."""
    statements, wanted = STRUCTURE[name]
    with warm.cluster.connect(warm.database) as reader, warm.cluster.connect(warm.database) as writer:
        before = same(reader, CALL, warm.counts)[0]
        if not event_triggers:
            for trigger, in warm.rows("SELECT evtname FROM pg_event_trigger WHERE evtname ~ '^white_cross'"):
                writer.execute(f"ALTER EVENT TRIGGER {trigger} DISABLE")
        if in_transaction:
            reader.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            assert outcome(reader, CALL) == before
            writer.execute("SET lock_timeout = '100ms'")
        try:
            for statement in statements:
                writer.execute(statement)
        except psycopg.errors.LockNotAvailable:
            assert in_transaction
        after, counted = same(reader, CALL, warm.counts)
        if not in_transaction:
            assert counted.keys() <= wanted and counted.keys() & wanted, counted
        if "unseen" in str(statements) and not in_transaction:
            assert "unseen" in str(after)
        if in_transaction:
            reader.execute("COMMIT")
        same(reader, CALL, warm.counts)


@pytest.mark.parametrize("name", [name for name in STRUCTURE if "trigger" in name or "disabled" in name])
def test_an_older_snapshot_is_not_served_what_came_without_a_trigger(warm, name):
    """The event triggers are off.  Rows come while a trigger is disabled, which then is what it was: a snapshot from before does
    not see them, and one from later does."""
    statements, _ = STRUCTURE[name]
    with warm.cluster.connect(warm.database) as old, warm.cluster.connect(warm.database) as new, warm.cluster.connect(warm.database) as writer:
        for trigger, in warm.rows("SELECT evtname FROM pg_event_trigger WHERE evtname ~ '^white_cross'"):
            writer.execute(f"ALTER EVENT TRIGGER {trigger} DISABLE")
        same(new, CALL, warm.counts)
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1 FROM pg_class LIMIT 1")
        for statement in statements:
            writer.execute(statement)
        for table in "students", "allergies", "health_records":
            for trigger in "white_cross_change", "white_cross_truncate":
                writer.execute(f"""DO $$ BEGIN ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}; EXCEPTION WHEN undefined_object THEN NULL; END $$""")
        later = same(new, CALL, warm.counts)[0]
        earlier = same(old, CALL, warm.counts)[0]
        old.execute("COMMIT")
        assert later == same(old, CALL, warm.counts)[0]
        if "unseen" in str(statements):
            assert "unseen" in str(later) and "unseen" not in str(earlier)


# From 16 on a grant says for itself whether it is inherited, and the role's own attribute only what later grants begin with.
NO_INHERITANCE_OF_THE_GRANT = """DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN EXECUTE 'GRANT readers TO reader WITH INHERIT FALSE'; END IF;
END $$"""

# What is done to a role that was served, and what then becomes of its call.
ROLES = {
    "nothing": ([], {"hits"}, False),
    "all of the table is revoked": (["REVOKE ALL ON allergies FROM reader"], {"privileges"}, True),
    "columns are granted instead": (["REVOKE ALL ON students FROM reader",
                                     'GRANT SELECT (id, "firstName", "lastName", "studentNumber", "dateOfBirth", gender) ON students TO reader'],
                                    {"privileges"}, False),
    "the schema is closed": (["REVOKE ALL ON SCHEMA public FROM PUBLIC"], set(), True),
    "out of the group": (["GRANT SELECT ON allergies TO readers", "REVOKE ALL ON allergies FROM reader", "GRANT readers TO reader",
                          "REVOKE readers FROM reader"], {"privileges"}, True),
    "into the group": (["REVOKE ALL ON allergies FROM reader", "GRANT SELECT ON allergies TO readers", "GRANT readers TO reader"], {"misses", "hits", "fills"}, False),
    "no more inheritance": (["REVOKE ALL ON allergies FROM reader", "GRANT SELECT ON allergies TO readers", "GRANT readers TO reader",
                             "ALTER ROLE reader NOINHERIT", NO_INHERITANCE_OF_THE_GRANT], {"privileges"}, True),
}


@pytest.mark.parametrize("name", ROLES)
def test_roles(warm, name):
    statements, wanted, is_refused = ROLES[name]
    warm.sql("DROP ROLE IF EXISTS reader, readers")
    warm.sql("CREATE ROLE reader LOGIN")
    warm.sql("CREATE ROLE readers")
    warm.sql("GRANT SELECT ON students, health_records, allergies TO reader")
    try:
        same(warm.connection, CALL, warm.counts)
        with warm.cluster.connect(warm.database, "reader") as reader:
            assert same(reader, CALL, warm.counts)[1] == {"hits": 2}
            for statement in statements:
                warm.sql(statement)
            answer, counted = same(reader, CALL, warm.counts)
            assert counted.keys() <= wanted, counted
            assert (answer == "42501" or answer == "42883") == is_refused, answer
        # As another role within one session, and as the definer of a function.
        warm.sql("CREATE FUNCTION as_reader() RETURNS json LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT public.wc_health_summary('ada'::text) $$")
        warm.sql("GRANT CREATE ON SCHEMA public TO reader")
        warm.sql("ALTER FUNCTION as_reader() OWNER TO reader")
        assert (outcome(warm.connection, "as_reader()") in ("42501", "42883")) == is_refused
        warm.sql("SET ROLE reader")
        assert (outcome(warm.connection, CALL) in ("42501", "42883")) == is_refused
    finally:
        warm.sql("RESET ROLE")
        warm.sql("DROP OWNED BY reader, readers")
        warm.sql("DROP ROLE reader, readers")


def test_who_may_see_the_counts(warm):
    warm.sql("DROP ROLE IF EXISTS watcher, stranger")
    warm.sql("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
    warm.sql("CREATE ROLE stranger LOGIN")
    with warm.cluster.connect(warm.database, "watcher") as watcher, warm.cluster.connect(warm.database, "stranger") as stranger:
        assert watcher.execute("SELECT memory FROM wc_stat_cache").fetchone()[0] == 64 * 1024 * 1024
        assert outcome(stranger, "wc_stat_cache") == "42501"
        assert outcome(stranger, "white_cross.cache_statistics()") == "42501"
    warm.sql("DROP ROLE watcher, stranger")


def test_transactions(warm):
    """One that has written passes by; so do SERIALIZABLE and snapshots of before a change that is no older than they are."""
    reader = warm.connection
    same(reader, CALL, warm.counts)
    for level, wanted in ("READ COMMITTED", {"hits": 2}), ("REPEATABLE READ", {"hits": 2}), ("SERIALIZABLE", {"serializable": 2}):
        reader.execute(f"BEGIN ISOLATION LEVEL {level}")
        assert same(reader, CALL, warm.counts)[1] == wanted
        reader.execute("COMMIT")
    reader.execute("BEGIN")
    reader.execute("SELECT pg_current_xact_id()")
    assert same(reader, CALL, warm.counts)[1] == {"writing": 2}
    reader.execute("ROLLBACK")
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    before = same(reader, CALL, warm.counts)[0]
    with warm.cluster.connect(warm.database) as writer:
        writer.execute("UPDATE allergies SET allergen = 'later'")
        assert "later" in str(same(writer, CALL, warm.counts)[0])
    assert same(reader, CALL, warm.counts) == (before, {"refused": 2})
    reader.execute("COMMIT")
    assert "later" in str(outcome(reader, CALL))


def test_a_long_id_passes_by(warm):
    for length, wanted in (255, {"hits": 1, "misses": 1, "fills": 1}), (256, {"id": 2}):
        warm.add_student("x" * length)
        assert same(warm.connection, f"wc_health_summary(repeat('x', {length}))", warm.counts)[1] == wanted


def test_without_memory_all_is_as_before(ground):
    for settings in {}, PRELOADED | {"white_cross.cache_memory": 0}:
        with Cluster(ground, "no-memory", settings) as cluster:
            school = attached_school(cluster, "school")
            fill(school)
            with school.connection, cluster.connect("school") as other:
                counts = Counts(other)
                assert [same(school.connection, call, counts)[1] for call in CALLS] == [{}] * len(CALLS)
                assert school.rows("SELECT hits, memory, floor_blocked FROM wc_stat_cache") == [(0, 0, False)]
                school.sql(CACHED)


def test_a_small_memory_evicts_and_stays_right(ground):
    with Cluster(ground, "small-memory", PRELOADED | {"white_cross.cache_memory": "1MB", "white_cross.cache_registers": 7}) as cluster:
        school = attached_school(cluster, "school")
        school.sql("""INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt")
                      SELECT 's' || n, n, repeat('x', n % 900), 'Quill', '2014-03-02', '5', 'MALE', now() FROM generate_series(1, 5000) AS n""")
        compare = """SELECT count(*) FROM generate_series(1, 5000) AS n
                     WHERE length(wc_health_summary('s' || n) #>> '{student,firstName}') IS DISTINCT FROM n % 900"""
        with school.connection:
            for _ in range(3):
                assert school.one(compare) == 0
                assert school.one("SELECT count(*) FROM wc_health_summaries(ARRAY(SELECT id FROM students)) WHERE summary IS NULL") == 0
            evictions, entries, used, memory = school.rows("SELECT evictions, entries, bytes, memory FROM wc_stat_cache")[0]
            assert evictions > 1000 and entries > 100 and used <= memory == 1024 * 1024
            (status, detail, remedy), = school.rows("SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'summary cache'")
            assert status == "warn" and "make room" in detail and "'2MB'" in remedy


def test_a_transaction_prepared_before_a_restart_holds_everything_back(ground):
    with Cluster(ground, "prepared-before", PRELOADED) as cluster:
        school = attached_school(cluster, "school")
        fill(school)
        school.sql("BEGIN")
        school.sql("UPDATE students SET \"firstName\" = 'Prepared' WHERE id = 'ada'")
        school.sql("PREPARE TRANSACTION 'left over'")
        school.connection.close()
        cluster.restart()
        school = School(cluster, "school")
        with school.connection, cluster.connect("school") as other:
            counts = Counts(other)
            assert same(school.connection, CALL, counts)[1] == {"refused": 2}
            assert school.one("SELECT floor_blocked FROM wc_stat_cache")
            check = "SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'summary cache'"
            (status, detail, remedy), = school.rows(check)
            assert status == "warn" and "prepared before" in detail and "COMMIT PREPARED 'left over'" in remedy
            school.sql("COMMIT PREPARED 'left over'")
            text, counted = same(school.connection, CALL, counts)
            assert "Prepared" in str(text) and counted == {"misses": 1, "fills": 1, "hits": 1}
            assert school.rows(check)[0][0] == "ok" and not school.one("SELECT floor_blocked FROM wc_stat_cache")
