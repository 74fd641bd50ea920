"""Every call of a function that reads is counted once. The counts agree with what other parts of the server say about the same
calls."""

import json
import math
import re

import psycopg
import pytest
from psycopg import errors

from calls import functions, statements
from counted import EXPORT, SAMPLED, drop, fails, log_length, make_school, numbers, row, slow_lines, spans, summaries
from school import School
from servers import Cluster, until

TABLES = ("students", "health_records", "allergies", "chronic_conditions")

# They lock the tables to change what is attached, and read no row.
SET_UP = {"wc_attach", "wc_detach", "wc_create_tables", "wc_index_statements", "wc_grant_worker"}

# ---- which functions -------------------------------------------------------------------------------------------


def locks_attached_tables(school, statement):
    """Returns whether the call locks one of the application's tables, as every read and write of them must."""
    try:
        with school.connection.transaction(force_rollback=True):
            school.sql(statement)
            return school.one("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND relation = ANY (%s::regclass[]::oid[]))", list(TABLES))
    except psycopg.Error:
        return False


def test_the_functions_that_are_counted_are_those_that_lock_the_tables(counted):
    chunks = counted.rows("SELECT c::text FROM wc_export_health_history('secret-id'::text) AS t (c)")
    counted.sql("CREATE ROLE wc_calls_role")
    known = {"id": "secret-id", "app": "public", "role": "wc_calls_role", "history": "[" + ",".join(chunk for chunk, in chunks) + "]"}
    called, found = set(), set()
    for function in functions(counted.connection):
        if function.language != "c" or function.kind != "f" or "trigger" in function.result or "internal" in function.types or function.name in SET_UP:
            continue
        called.add(function.name)
        if any(locks_attached_tables(counted, statement) for statement in statements(function, **known)):
            found.add(function.name.removesuffix("_jsonb"))  # the same function of C
    counted.sql("DROP ROLE wc_calls_role")
    assert len(called) > 60
    assert found == {name for name, in counted.rows("SELECT function FROM wc_stat_functions")}


def test_all_calls_are_counted_as_the_server_counts_them(counted):
    chunks = counted.rows("SELECT c::text FROM wc_export_health_history('secret-id'::text) AS t (c)")
    known = {"id": "secret-id", "app": "public", "role": "postgres", "history": "[" + ",".join(chunk for chunk, in chunks) + "]"}
    names = [name for name, in counted.rows("SELECT function FROM wc_stat_functions")]
    for function in functions(counted.connection):
        if function.name.removesuffix("_jsonb") in names:
            for statement in statements(function, **known):
                # Of bigint and uuid ids of a table whose ids are text: students that are not there.
                try:
                    counted.sql(statement)
                except psycopg.Error:
                    pass
    counted.sql("SELECT wc_health_summaries(NULL::text[])")  # strict: not called
    counted.sql("SELECT wc_vaccinations(id) FROM students, generate_series(1, 77)")
    counted.sql("DO $$ BEGIN PERFORM wc_recent_vitals('x'::text, n) FROM generate_series(1, 9) AS n; END $$")

    def by_server():
        if counted.cluster.version >= 15:
            counted.sql("SELECT pg_stat_force_next_flush()")
        return dict(counted.rows("SELECT regexp_replace(funcname, '_jsonb$', ''), sum(calls)::bigint FROM pg_stat_user_functions GROUP BY 1"))

    ours = {name: calls for name, calls in counted.rows("SELECT function, calls - errors FROM wc_stat_functions")}
    until(lambda: {name: by_server().get(name, 0) for name in names} == ours, 15, "the server's counts to be the same")
    assert all(calls > 0 for calls in ours.values()), ours


def test_no_call_is_lost_between_sessions(counted, tmp_path):
    script = tmp_path / "calls.sql"
    script.write_text("SELECT wc_health_summary('secret-id'::text); SELECT count(wc_recent_vitals('secret-id'::text, 3)) FROM generate_series(1, 5);\n")
    counted.cluster.program("pgbench", "-n", "-c", "6", "-j", "2", "-t", "150", "-f", str(script), database=counted.database)
    assert row(counted)["calls"] == 900
    assert row(counted)["window_calls"] == 900
    assert row(counted, "wc_recent_vitals")["calls"] == 4500


def test_parallel_workers_count_too(counted):
    counted.sql("CREATE TABLE many AS SELECT 'secret-id'::text AS id FROM generate_series(1, 3000)")
    counted.sql("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2")
    counted.sql("ALTER TABLE many SET (parallel_workers = 2)")
    assert "Gather" in str(counted.rows("EXPLAIN SELECT wc_vaccinations(id) FROM many"))
    counted.sql("SELECT count(v) FROM (SELECT wc_vaccinations(id) AS v FROM many OFFSET 0) AS t")
    assert row(counted, "wc_vaccinations")["calls"] == 3000


# ---- how long --------------------------------------------------------------------------------------------------


def nearest_rank(durations, q):
    return sorted(durations)[math.ceil(q * len(durations)) - 1]


def test_percentiles_are_those_of_an_exact_sort_of_the_same_calls(counted):
    for student in range(30):
        counted.add_student(f"s{student}")
        for _ in range(student * 2):
            counted.add_record(f"s{student}")
    counted.sql("SELECT wc_stat_reset()")
    counted.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    counted.sql("SELECT wc_student_records('s' || n % 30, 1, 60) FROM generate_series(1, 3000) AS n")
    nanoseconds = [ns for function, ns in counted.rows("SELECT function, busy_ns FROM white_cross.take_spans(4096)") if function == "wc_student_records"]
    exact = [ns / 1e6 for ns in nanoseconds]
    seen = row(counted, "wc_student_records")
    assert len(exact) == seen["calls"] == 3000
    for q in 50, 95, 99:
        assert seen[f"p{q}_ms"] == pytest.approx(nearest_rank(exact, q / 100), rel=0.02)
        assert seen[f"window_p{q}_ms"] == seen[f"p{q}_ms"]
    assert seen["total_ms"] == pytest.approx(sum(exact), rel=1e-9)
    assert seen["mean_ms"] == pytest.approx(sum(exact) / 3000, rel=1e-9)
    histogram = counted.rows("SELECT calls, sum_seconds, le_seconds, below FROM white_cross.call_histograms() WHERE function = 'wc_student_records'")[0]
    assert histogram[0] == 3000 and histogram[1] == pytest.approx(sum(exact) / 1000)
    # In whole nanoseconds: a call may take exactly as long as an edge says.
    assert histogram[3] == [sum(ns < round(edge * 1e9) for ns in nanoseconds) for edge in histogram[2]]


def test_errors_are_counted_by_class(counted):
    assert fails(counted, "SELECT wc_student_records('secret-id'::text, 0)") == "22023"
    assert fails(counted, "SELECT wc_student_records('secret-id'::text, 1, 9999)") == "22023"
    # The time may also be up between two calls.
    counted.sql("SET statement_timeout = '50ms'")
    until(lambda: fails(counted, "DO $$ BEGIN LOOP PERFORM wc_student_records('secret-id'::text, 1, 20); END LOOP; END $$") == "57014"
          and row(counted, "wc_student_records")["errors_by_class"].get("57"), 30, "a call to be cancelled")
    seen = row(counted, "wc_student_records")
    assert seen["errors_by_class"] == {"22": 2, "57": 1}
    assert seen["errors"] == seen["window_errors"] == sum(seen["errors_by_class"].values())


def test_an_error_that_somebody_catches_is_one(counted):
    counted.sql("""DO $$ BEGIN
        FOR i IN 1..5 LOOP
            BEGIN PERFORM wc_student_records('secret-id'::text, 0); EXCEPTION WHEN OTHERS THEN NULL; END;
            PERFORM wc_student_records('secret-id'::text, 1);
        END LOOP; END $$""")
    seen = row(counted, "wc_student_records")
    assert (seen["calls"], seen["errors"], seen["errors_by_class"]) == (10, 5, {"22": 5})


# ---- sets that are fetched row by row --------------------------------------------------------------------------


@pytest.mark.parametrize("statement, calls", [
    (f"SELECT count(*) FROM {EXPORT}", 1),
    (f"SELECT {EXPORT}", 1),
    (f"SELECT {EXPORT} LIMIT 3", 1),
    (f"SELECT {EXPORT}, {EXPORT} LIMIT 3", 2),
    ("SELECT wc_export_health_history(id, 1) FROM students, generate_series(1, 4)", 4),
    (f"SELECT * FROM generate_series(1, 3) AS n, LATERAL (SELECT {EXPORT} LIMIT n) AS t", 3),
    ("SELECT wc_export_health_history('nobody'::text)", 1),
    (f"DECLARE c CURSOR FOR SELECT {EXPORT}; FETCH 4 FROM c; CLOSE c", 1),
    (f"DECLARE c CURSOR WITH HOLD FOR SELECT {EXPORT}; FETCH 4 FROM c; COMMIT; FETCH 4 FROM c; CLOSE c", 1),
    (f"DECLARE c CURSOR FOR SELECT {EXPORT}; FETCH 4 FROM c; COMMIT", 1),
    (f"DECLARE c CURSOR FOR SELECT {EXPORT}; FETCH 4 FROM c; ROLLBACK", 1),
    (f"DECLARE c CURSOR FOR SELECT {EXPORT}; FETCH 4 FROM c; SAVEPOINT s; DECLARE d CURSOR FOR SELECT {EXPORT}; FETCH 2 FROM d; ROLLBACK TO s; FETCH ALL FROM c", 2),
])
def test_a_set_is_one_call(counted, statement, calls):
    with counted.cluster.connect(counted.database, autocommit=False) as session:
        for part in statement.split("; "):
            session.execute(part)
        session.rollback()
        # Nothing of it is left behind.
        session.execute(f"SELECT {EXPORT}")
    seen = row(counted, "wc_export_health_history")
    assert (seen["calls"], seen["errors"]) == (calls + 1, 0)
    assert seen["total_ms"] > 0


def test_a_set_whose_transaction_fails_is_a_call_that_did_not(counted):
    with counted.cluster.connect(counted.database, autocommit=False) as session:
        session.execute(f"DECLARE c CURSOR FOR SELECT {EXPORT}")
        session.execute("FETCH 2 FROM c")
        session.execute("SET LOCAL statement_timeout = '1ms'")
        with pytest.raises(psycopg.Error):
            session.execute("SELECT pg_sleep(1)")
        session.rollback()
    seen = row(counted, "wc_export_health_history")
    assert (seen["calls"], seen["errors"]) == (1, 0), "something else failed"


def test_a_set_that_fails_in_its_midst_is_one_error(counted):
    counted.sql("SET statement_timeout = '50ms'")
    until(lambda: fails(counted, f"DO $$ BEGIN LOOP PERFORM count(*) FROM {EXPORT}; END LOOP; END $$") == "57014"
          and row(counted, "wc_export_health_history")["errors"], 30, "an export to be cancelled")
    assert row(counted, "wc_export_health_history")["errors_by_class"] == {"57": 1}


# ---- since when ------------------------------------------------------------------------------------------------


def test_a_reset_counts_anew(counted):
    summaries(counted, 20)
    before = row(counted)
    counted.sql("SELECT wc_stat_reset()")
    after = row(counted)
    assert (before["calls"], after["calls"], after["window_calls"], after["total_ms"]) == (20, 0, 0, 0)
    assert after["p50_ms"] is after["mean_ms"] is after["window_p99_ms"] is None
    assert after["since"] > before["since"] and after["window_seconds"] < 60
    summaries(counted, 3)
    assert (row(counted)["calls"], row(counted)["window_calls"]) == (3, 3)


def test_a_crash_counts_anew_and_says_so(counted):
    summaries(counted, 20)
    before = row(counted)
    counted.crash()
    summaries(counted, 2)
    after = row(counted)
    assert (before["calls"], after["calls"]) == (20, 2)
    assert after["since"] > before["since"]
    assert str(after["since"].year) in counted.one("SELECT detail FROM wc_diagnose() WHERE \"check\" = 'calls'")


# ---- who may see it --------------------------------------------------------------------------------------------


READS = ["SELECT * FROM wc_stat_functions", "SELECT * FROM wc_slow_calls", "SELECT wc_performance()"]
INSIDE = ["SELECT * FROM white_cross.call_statistics()", "SELECT * FROM white_cross.call_histograms()", "SELECT * FROM white_cross.slow_calls()",
          "SELECT * FROM white_cross.take_spans(1)", "SELECT wc_stat_reset()"]


@pytest.mark.parametrize("privileges", ["", "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, wc_calls_nobody; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO wc_calls_nobody; "
                                            "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO wc_calls_nobody"])
def test_who_may_not_watch_sees_nothing(preloaded, privileges):
    name = f"calls_{next(numbers)}"
    preloaded.create_database(name)
    with preloaded.connect(name) as owner:
        owner.execute("CREATE ROLE wc_calls_nobody LOGIN; CREATE ROLE wc_calls_monitor LOGIN IN ROLE pg_monitor")
        if privileges:
            owner.execute(privileges)
        owner.execute("CREATE EXTENSION white_cross; GRANT USAGE ON SCHEMA white_cross TO wc_calls_nobody, wc_calls_monitor")
    with preloaded.connect(name, "wc_calls_nobody") as nobody:
        for statement in READS + INSIDE:
            with pytest.raises(errors.InsufficientPrivilege):
                nobody.execute(statement)
    with preloaded.connect(name, "wc_calls_monitor") as monitor:
        for statement in READS:
            monitor.execute(statement)
        for statement in INSIDE[-2:]:
            with pytest.raises(errors.InsufficientPrivilege):
                monitor.execute(statement)
    with preloaded.connect() as connection:
        connection.execute(f"DROP DATABASE {name}; ")
        connection.execute("DROP ROLE wc_calls_nobody, wc_calls_monitor")


def test_a_user_can_set_the_trace_but_not_what_is_slow(counted):
    counted.sql("CREATE ROLE wc_calls_user")
    counted.sql("SET ROLE wc_calls_user")
    counted.sql("SET white_cross.traceparent = 'nonsense'")
    assert fails(counted, "SET white_cross.slow_query_threshold = 0") == "42501"
    assert fails(counted, "SET white_cross.track_databases = 9") == "55P02"
    counted.sql("RESET ROLE")
    counted.sql("DROP ROLE wc_calls_user")


# ---- all functions together ------------------------------------------------------------------------------------


KEYS = {"timeWindow", "totalRequests", "avgResponseTime", "p50", "p95", "p99", "slowRequests", "errorRate", "cache", "database", "memory"}


def test_performance_has_the_shape_of_the_old_service(counted):
    found = counted.one("SELECT wc_performance()")
    assert found.keys() == KEYS and found["timeWindow"] == "5 minutes"
    assert (found["totalRequests"], found["slowRequests"], found["p50"], found["avgResponseTime"], found["errorRate"]) == (0, 0, None, None, None)
    summaries(counted, 3)
    fails(counted, "SELECT wc_student_records('secret-id'::text, 0)")
    found = counted.one("SELECT wc_performance()")
    assert (found["totalRequests"], found["slowRequests"], found["errorRate"]) == (4, 0, 25)
    assert 0 < found["p50"] <= found["p95"] <= found["p99"] and found["avgResponseTime"] > 0
    assert found["cache"] == {"connected": None, "dbSize": None, "usedMemory": None, "hitRate": None}
    assert found["memory"] == {"heapUsed": None, "heapTotal": None}
    assert {"state": "active", "count": 1} in found["database"]["poolStats"]
    text = counted.one("SELECT wc_performance()::text")
    assert all(len(number.split(".")[1]) <= 3 for number in re.findall(r"\d+\.\d+", text)), text


def test_performance_sees_the_sessions_of_others(counted):
    counted.sql("CREATE ROLE wc_calls_poor LOGIN; GRANT EXECUTE ON FUNCTION wc_performance() TO wc_calls_poor")
    with counted.cluster.connect(counted.database, "wc_calls_poor") as poor:
        states = poor.execute("SELECT wc_performance()").fetchone()[0]["database"]["poolStats"]
    counted.sql("DROP OWNED BY wc_calls_poor; DROP ROLE wc_calls_poor")
    assert {state["state"]: state["count"] for state in states} == {"active": 1, "idle": 1}


# ---- where nothing is counted ----------------------------------------------------------------------------------


def test_a_library_that_is_not_preloaded_counts_nothing(school):
    student = school.add_student()
    school.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    school.sql("SET white_cross.slow_query_threshold = 0")
    before = log_length(school)
    assert school.summary(student)["student"]["id"] == student
    assert school.rows("SELECT * FROM wc_stat_functions") == [] == school.rows("SELECT * FROM wc_slow_calls") == spans(school)
    assert slow_lines(school, before) == []
    school.sql("SELECT wc_stat_reset()")
    found = school.one("SELECT wc_performance()")
    assert found.keys() == KEYS and found["totalRequests"] is None is found["p99"] and found["database"]["poolStats"]
    assert school.rows("SELECT status, detail FROM wc_diagnose() WHERE \"check\" = 'calls'") == [
        ("ok", "not preloaded: nothing is counted, and slow calls are not logged")]


def test_places_are_few_and_those_of_dropped_databases_are_free(ground):
    with Cluster(ground, "few-pg", {"shared_preload_libraries": "$libdir/white_cross", "white_cross.track_databases": "1"}) as cluster:
        first, second = make_school(cluster, "first"), make_school(cluster, "second")
        summaries(first, 2)
        summaries(second, 2)
        assert row(first)["calls"] == 2 and second.rows("SELECT * FROM wc_stat_functions") == []
        ((status, detail, remedy),) = second.rows("SELECT status, detail, remedy FROM wc_diagnose() WHERE \"check\" = 'calls'")
        assert (status, remedy.splitlines()[0]) == ("warn", "ALTER SYSTEM SET white_cross.track_databases = 2;")
        drop(first)
        third = make_school(cluster, "third")
        summaries(third, 5)
        assert row(third)["calls"] == 5


def test_counting_can_be_turned_off(ground):
    with Cluster(ground, "off-pg", {"shared_preload_libraries": "$libdir/white_cross", "white_cross.track_databases": "0"}) as cluster:
        school = make_school(cluster, "off")
        summaries(school, 2)
        assert school.rows("SELECT * FROM wc_stat_functions") == []
        assert school.rows("SELECT status, detail FROM wc_diagnose() WHERE \"check\" = 'calls'") == [
            ("ok", "white_cross.track_databases = 0: nothing is counted, and slow calls are not logged")]
        assert school.one("SHOW white_cross.notify") == "relay"


def test_a_standby_counts_its_own_calls(ground, preloaded):
    school = make_school(preloaded, f"calls_{next(numbers)}")
    with Cluster(ground, "calls-standby", {"shared_preload_libraries": "$libdir/white_cross"}, primary=preloaded) as standby:
        replica = School(standby, school.database)
        summaries(replica, 4)
        assert (row(replica)["calls"], row(school)["calls"]) == (4, 0)
        assert json.loads(replica.one("SELECT wc_performance()::text"))["totalRequests"] == 4
        replica.connection.close()
    drop(school)
