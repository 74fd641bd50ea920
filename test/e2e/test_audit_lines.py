"""white_cross.audit: a line in the server's log for each call that reads a student's data, and never what it has read."""

import json
import re
import subprocess

import psycopg
import pytest
from audited import MEMBERS, Audit
from every_call import FAILED, OUTCOME, calls

from school import School
from servers import Cluster, until
from servers.ground import ROOT

pytestmark = pytest.mark.plain_keys("compares the ids of lines; test_nothing_to_read.py and test_opaque_standby.py have lines with opaque ones")

SECRETS = ["Evelyn", "Hush", "Latexallergen", "Whoopingcough", "Insomniac", "Nursewratched", "2013-07-09"]


@pytest.fixture(scope="module")
def audited_school(preloaded):
    """Two students with everything that a summary has, on a server that keeps summaries; only the tenant's role does not see the second one."""
    preloaded.create_database("audited")
    with School(preloaded, "audited") as school:
        school.attach()
        for student in ("seen", "hidden"):
            school.add_student(student, firstName="Evelyn", lastName="Hush", dateOfBirth="2013-07-09")
            school.add_allergy(student, allergen="Latexallergen")
            school.add_condition(student, condition="Insomniac")
            for month in range(1, 5):
                school.add_record(student, date=f"2025-0{month}-01 10:00", type="VACCINATION", description="Whoopingcough", provider="Nursewratched",
                                  vital=json.dumps({"height": 130 + month, "weight": 30}))
        school.sql(OUTCOME)
        school.sql("""
            CREATE ROLE wc_audited_reader LOGIN; CREATE ROLE wc_audited_nobody LOGIN; CREATE ROLE wc_audited_tenant LOGIN;
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO wc_audited_reader, wc_audited_tenant;
            CREATE POLICY everything ON students USING (pg_has_role(current_user, 'wc_audited_reader', 'USAGE'));
            CREATE POLICY one ON students TO wc_audited_tenant USING (id = 'seen')""")
        school.sql("ALTER DATABASE audited SET white_cross.audit = 'on'")
        yield school
    preloaded.drop_database("audited")
    with preloaded.connect("postgres") as connection:
        connection.execute("DROP ROLE wc_audited_reader, wc_audited_nobody, wc_audited_tenant")


@pytest.fixture
def school(audited_school, preloaded):
    with School(preloaded, "audited") as school:
        yield school
        school.sql("ALTER TABLE students DISABLE ROW LEVEL SECURITY")


@pytest.fixture
def audit(school):
    return Audit(school.cluster)


def base_name(call):
    return call.split("(")[0].removesuffix("_jsonb")


# ---- every function, every role ----

@pytest.mark.parametrize("role, with_policies", [("postgres", False), ("wc_audited_reader", False), ("wc_audited_reader", True), ("wc_audited_tenant", True),
                                                 ("wc_audited_nobody", False)])
def test_every_call_has_its_line(school, audit, role, with_policies):
    """It says the truth of each call: whose data, whether there was any, and the error, also where a savepoint takes everything back."""
    if with_policies:
        school.sql("ALTER TABLE students ENABLE ROW LEVEL SECURITY")
    known = {name for name, in school.rows("SELECT function FROM wc_stat_functions")}
    looked_at = 0
    results = set()
    with school.cluster.connect(school.database, role) as connection:
        for of in calls(school).values():
            for call in of:
                for student in "seen", "hidden", "nobody":
                    statement = call.replace("{id}", f"'{student}'::text")
                    outcome = connection.execute("SELECT outcome(%s)", [statement]).fetchone()[0]
                    lines = audit.lines()
                    if base_name(call) not in known:
                        assert lines == [], statement
                        continue
                    assert len(lines) == 1, f"{statement}: {lines}"
                    (line,) = lines
                    looked_at += 1
                    assert list(line) == MEMBERS
                    assert (line["function"], line["students"], line["student_count"]) == (base_name(call), [student], 1), statement
                    assert (line["session_user"], line["user"], line["database"]) == (role, role, "audited")
                    assert (line["address"], line["pid"]) == ("[local]", connection.info.backend_pid)
                    failed = FAILED.match(outcome)
                    assert line["sqlstate"] == (outcome[:5] if failed else None), f"{statement}: {outcome} {line}"
                    shown = student == "seen" or student == "hidden" and role != "wc_audited_tenant"
                    wanted = "error" if failed else "read" if shown else "none"
                    # A group is a word, also for nobody.
                    if base_name(call) == "wc_bmi_group_of" and not failed:
                        wanted = "read"
                    assert line["result"] == wanted and line["complete"] is not bool(failed), f"{statement}: {outcome} {line}"
                    assert (line["rows"] > 0) == (line["result"] == "read") or failed, f"{statement}: {line}"
                    results.add(line["result"])
    assert looked_at > 100 and results >= ({"error"} if role == "wc_audited_nobody" else {"read", "none"})


def test_no_line_shows_what_was_read(school, audit):
    for of in calls(school).values():
        for call in of:
            school.sql("SELECT outcome(%s)", call.replace("{id}", "'seen'::text"))
    school.sql("SELECT wc_search_health_records('Evelyn Hush'), wc_search_health_records('Whoopingcough', 'VACCINATION')")
    with pytest.raises(psycopg.Error):
        school.sql("SELECT wc_student_records('seen', 1, 20, '{\"provider\": 7, \"x\": \"Nursewratched\"}')")
    text = "\n".join(line for line in audit.text().splitlines() if "white_cross audit" in line)
    assert text.count("\n") > 30 and [secret for secret in SECRETS if secret in text] == []


# ---- many students ----

def test_the_first_hundred_ids_and_how_many(school, audit):
    ids = ["seen", "hidden", *[f"n{at}" for at in range(248)]]
    assert len(school.rows("SELECT * FROM wc_health_summaries(%s::text[])", ids)) == 250
    line = audit.line()
    assert (line["students"], line["student_count"], line["rows"], line["result"]) == (ids[:100], 250, 2, "read")
    school.rows("SELECT * FROM wc_health_summaries('{n1,n2}')")
    line = audit.line()
    assert (line["students"], line["rows"], line["result"]) == (["n1", "n2"], 0, "none")


def test_a_search_says_whom_it_showed(school, audit):
    assert len(school.one("SELECT wc_search_health_records('Whoopingcough')")["records"]) == 8
    line = audit.line()
    assert (sorted(line["students"]), line["student_count"], line["result"]) == (["hidden", "seen"], 2, "read")
    school.sql("SELECT wc_search_health_records('nosuchword')")
    line = audit.line()
    assert (line["students"], line["result"]) == ([], "none")


def test_an_id_that_stands_between_two_others_is_a_student_too(school, audit):
    ids = ["a", "a,", ",", ",,"]
    for id in ids:
        school.add_student(id)
        school.add_record(id, description="Chickenpox")
    assert len(school.one("SELECT wc_search_health_records('Chickenpox')")["records"]) == 4
    line = audit.line()
    assert (sorted(line["students"]), line["student_count"]) == (sorted(ids), 4)
    school.sql("DELETE FROM students WHERE id = ANY(%s)", ids)


def test_counts_of_many_are_one_line_in_one_process(school, audit):
    """Where the planner would have workers look at all students."""
    school.sql("SET max_parallel_workers_per_gather = 4; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; "
               "SET parallel_leader_participation = off")
    assert school.rows("SELECT * FROM wc_growth_prevalence()")
    line = audit.line()
    assert (line["function"], sorted(line["students"]), line["student_count"], line["result"]) == ("wc_growth_prevalence", ["hidden", "seen"], 2, "read")
    assert school.one("SHOW max_parallel_workers_per_gather") == "4"


def test_deletions_name_records(school, audit):
    school.add_record("seen", "gone")
    school.sql("SELECT wc_bulk_delete_records(ARRAY['gone', 'never'])")
    line = audit.line()
    assert "students" not in line and (line["records"], line["record_count"], line["result"]) == (["gone", "never"], 2, "read")


def test_an_import_says_whose(school, audit):
    history = school.one("SELECT json_agg(c) FROM wc_export_health_history('seen') c")
    audit.lines()
    school.sql("SELECT wc_import_health_history(%s::json, 'skip')", json.dumps(history))
    line = audit.line()
    assert (line["function"], line["students"], line["result"]) == ("wc_import_health_history", ["seen"], "read")


def test_summaries_from_memory_are_read_as_well(school, audit):
    school.summary("seen")
    until(lambda: school.summary("seen") and audit.lines()[-1]["from_memory"] == 1, 10, "a summary from shared memory")


# ---- sets that are not fetched to their end ----

def test_a_set_that_is_closed_early(school, audit):
    school.sql("BEGIN; DECLARE c CURSOR FOR SELECT wc_export_health_history('seen', 1)")
    school.sql("FETCH 2 FROM c")
    assert audit.lines() == []
    school.sql("SET LOCAL white_cross.purpose = 'another'")
    school.sql("CLOSE c")
    line = audit.line()
    assert (line["students"], line["rows"], line["result"], line["complete"], line["purpose"]) == (["seen"], 2, "read", False, None)
    school.sql("ROLLBACK")


def test_a_client_that_vanishes_amid_a_set(school, audit):
    connection = school.cluster.connect(school.database, "wc_audited_reader")
    with connection.transaction():
        connection.execute("DECLARE c CURSOR FOR SELECT wc_export_health_history('seen', 1)")
        connection.execute("FETCH 1 FROM c")
        connection.pgconn.finish()
    lines = []
    until(lambda: lines.extend(audit.lines()) or lines, 20, "the line of what it has fetched")
    assert [(line["rows"], line["complete"], line["user"]) for line in lines] == [(1, False, "wc_audited_reader")]


def test_two_sets_at_once_are_told_apart(school, audit):
    school.sql("BEGIN; DECLARE a CURSOR FOR SELECT wc_export_health_history('seen', 1); DECLARE b CURSOR FOR SELECT wc_export_health_history('hidden', 1)")
    for cursor in "a", "b", "a", "b", "b":
        school.sql(f"FETCH 1 FROM {cursor}")
    school.summary("nobody")
    school.sql("CLOSE b; CLOSE a; COMMIT")
    assert [(line["students"], line["rows"]) for line in audit.lines()] == [(["nobody"], 0), (["hidden"], 3), (["seen"], 2)]


def test_a_set_goes_on_as_it_began(school, audit):
    """Turned off between two rows, and turned on between two others."""
    school.sql("BEGIN; DECLARE c CURSOR FOR SELECT wc_export_health_history('seen', 1)")
    school.sql("FETCH 1 FROM c")
    school.sql("SET LOCAL white_cross.audit = off")
    school.sql("FETCH ALL FROM c")
    assert audit.line()["complete"] is True
    school.sql("DECLARE d CURSOR FOR SELECT wc_export_health_history('seen', 1)")
    school.sql("FETCH 1 FROM d; SET LOCAL white_cross.audit = on; FETCH ALL FROM d; COMMIT")
    assert audit.lines() == []


# ---- calls within calls ----

def test_a_call_of_a_policy_is_noted_in_the_call_around_it(school, audit):
    school.sql("""
        CREATE FUNCTION may_see(student text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN PERFORM wc_student_conditions('other'::text); RETURN true; END $$;
        CREATE POLICY asks ON students AS RESTRICTIVE TO wc_audited_tenant USING (may_see(id));
        ALTER TABLE students ENABLE ROW LEVEL SECURITY""")
    try:
        with school.cluster.connect(school.database, "wc_audited_tenant") as connection:
            assert connection.execute("SELECT wc_health_summary('seen'::text)").fetchone()[0]
            line = audit.line()
            assert (line["function"], line["user"], line["result"], line["rows"]) == ("wc_health_summary", "wc_audited_tenant", "read", 1)
            assert set(line["students"]) == {"seen", "other"}
            # The next call is not taken for a part of that one.
            connection.execute("SELECT wc_student_allergies('seen'::text)")
            assert audit.line()["function"] == "wc_student_allergies"
    finally:
        school.sql("DROP POLICY asks ON students; DROP FUNCTION may_see")


def test_a_policy_that_is_asked_while_a_set_is_fetched(school, audit):
    """The allergies are read when the caller has the records already."""
    school.sql("""
        CREATE FUNCTION may_see() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN PERFORM wc_student_conditions('other'::text); RETURN true; END $$;
        CREATE POLICY asks ON allergies TO wc_audited_tenant USING (may_see());
        ALTER TABLE allergies ENABLE ROW LEVEL SECURITY""")
    try:
        with school.cluster.connect(school.database, "wc_audited_tenant") as connection:
            assert len(connection.execute("SELECT wc_export_health_history('seen', 1)").fetchall()) > 4
        line = audit.line()
        assert (line["function"], set(line["students"]), line["complete"]) == ("wc_export_health_history", {"seen", "other"}, True)
    finally:
        school.sql("ALTER TABLE allergies DISABLE ROW LEVEL SECURITY; DROP POLICY asks ON allergies; DROP FUNCTION may_see")


def test_a_failed_call_within_a_call(school, audit):
    school.sql("""
        CREATE FUNCTION fails(student text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            BEGIN PERFORM wc_student_records(student, 0); EXCEPTION WHEN OTHERS THEN END;
            RETURN true;
        END $$;
        CREATE POLICY fails ON students AS RESTRICTIVE TO wc_audited_tenant USING (fails(id));
        ALTER TABLE students ENABLE ROW LEVEL SECURITY""")
    try:
        with school.cluster.connect(school.database, "wc_audited_tenant") as connection:
            for _ in range(2):
                connection.execute("SELECT wc_health_summary('seen'::text)")
                line = audit.line()
                assert (line["function"], line["result"], line["sqlstate"]) == ("wc_health_summary", "read", None)
    finally:
        school.sql("DROP POLICY fails ON students; DROP FUNCTION fails")


# ---- who ----

def test_roles_purpose_application_and_trace(school, audit):
    with school.cluster.connect(school.database, "wc_audited_reader") as connection:
        connection.execute("SET application_name = 'kiosk'; SET white_cross.purpose = 'nurse''s visit'")
        connection.execute("SET white_cross.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'")
        connection.execute("SELECT wc_health_summary('seen'::text)")
    line = audit.line()
    assert (line["application"], line["purpose"], line["trace_id"]) == ("kiosk", "nurse's visit", "4bf92f3577b34da6a3ce929d0e0e4736")
    school.sql("SET ROLE wc_audited_reader")
    school.summary("seen")
    school.sql("RESET ROLE")
    line = audit.line()
    assert (line["session_user"], line["user"]) == ("postgres", "wc_audited_reader")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z", line["at"])


def test_a_line_tells_who_reads_now(school, audit):
    """Whatever of it has changed since the session's last call, also by another session."""
    with school.cluster.connect(school.database) as connection:
        def told(statement):
            connection.execute(statement)
            connection.execute("SELECT wc_health_summary('seen'::text)")
            line = audit.line()
            return line["session_user"], line["user"], line["application"], line["purpose"]

        assert told("SELECT") == ("postgres", "postgres", None, None)
        assert told("SET application_name = 'kiosk'") == ("postgres", "postgres", "kiosk", None)
        assert told("SET white_cross.purpose = 'visit'") == ("postgres", "postgres", "kiosk", "visit")
        assert told("SET ROLE wc_audited_reader") == ("postgres", "wc_audited_reader", "kiosk", "visit")
        school.sql("ALTER ROLE wc_audited_reader RENAME TO wc_audited_nurse")
        assert told("SELECT") == ("postgres", "wc_audited_nurse", "kiosk", "visit")
        school.sql("ALTER ROLE wc_audited_nurse RENAME TO wc_audited_reader")
        assert told("RESET ROLE; BEGIN; ALTER ROLE wc_audited_tenant RENAME TO wc_audited_pupil; SET LOCAL ROLE wc_audited_pupil") == (
            "postgres", "wc_audited_pupil", "kiosk", "visit")
        assert told("ROLLBACK; SET ROLE wc_audited_tenant") == ("postgres", "wc_audited_tenant", "kiosk", "visit")
        assert told("SET SESSION AUTHORIZATION wc_audited_tenant") == ("wc_audited_tenant", "wc_audited_tenant", "kiosk", "visit")
        assert told("RESET application_name; SET white_cross.purpose = ''") == ("wc_audited_tenant", "wc_audited_tenant", None, None)


def test_the_address_of_a_client(school, audit):
    with psycopg.connect(school.cluster.url("audited")) as connection:
        connection.execute("SELECT wc_health_summary('seen'::text)")
    assert audit.line()["address"] == "127.0.0.1"


# ---- the setting ----

def test_only_what_failed_or_was_not_there(school, audit):
    school.sql("SET white_cross.audit = failed")
    school.summary("seen")
    assert audit.lines() == []
    school.summary("nobody")
    assert audit.line()["result"] == "none"
    with pytest.raises(psycopg.Error):
        school.sql("SELECT wc_student_records('seen'::text, 0)")
    assert audit.line()["sqlstate"] == "22023"


def test_a_rollback_takes_no_line_back(school, audit):
    school.sql("BEGIN")
    school.summary("seen")
    school.sql("ROLLBACK")
    assert audit.line()["result"] == "read"


def test_no_reader_turns_it_off(school, audit):
    """Neither in a session that has called nothing yet, in which the setting is a name that PostgreSQL does not know."""
    with school.cluster.connect(school.database, "wc_audited_reader") as connection:
        for statement in "SET white_cross.audit = off", "SELECT set_config('white_cross.audit', 'failed', false)", "RESET ALL", "DISCARD ALL":
            try:
                connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                pass
            connection.execute("SELECT wc_health_summary('seen'::text)")
            assert audit.line()["user"] == "wc_audited_reader", statement


def test_no_reader_turns_it_off_where_nothing_is_preloaded(cluster):
    cluster.create_database("audited_late")
    try:
        with School(cluster, "audited_late") as late:
            late.attach()
            late.add_student("seen")
            late.sql("ALTER DATABASE audited_late SET white_cross.audit = 'on'")
        audit = Audit(cluster)
        with cluster.connect("audited_late") as setup:
            setup.execute("CREATE ROLE wc_audited_late LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO wc_audited_late")
        for options in "", "-c white_cross.audit=off", "-c white_cross.audit=failed", "-c white_cross.audit=nonsense":
            with psycopg.connect(cluster.dsn("audited_late", "wc_audited_late"), options=options, autocommit=True) as connection:
                try:
                    connection.execute("SET white_cross.audit = off")
                except psycopg.errors.InsufficientPrivilege:
                    pass
                connection.execute("SELECT wc_health_summary('seen'::text)")
            assert audit.line()["user"] == "wc_audited_late", options
    finally:
        cluster.drop_database("audited_late")
        with cluster.connect("postgres") as connection:
            connection.execute("DROP ROLE wc_audited_late")


def test_a_purpose_has_a_limit(school):
    school.sql("SELECT set_config('white_cross.purpose', repeat('p', 200), false)")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="white_cross.purpose") as refused:
        school.sql("SELECT set_config('white_cross.purpose', repeat('p', 201), false)")
    assert "200 bytes" in refused.value.diag.message_detail


# ---- hostile texts ----

def test_no_text_makes_a_second_line_or_a_long_one(school, audit):
    forged = 'x"}\n2026-01-01 00:00:00 UTC [1] LOG:  white_cross audit: {"at":'
    school.sql("SELECT set_config('white_cross.purpose', %s, false)", forged)
    for id in forged, "\u2028", "ä" * 5000, "\\", "'", "{seen}", "":
        school.sql("SELECT wc_health_summary(%s::text)", id)
        line = audit.line()
        (shown,) = line["students"]
        assert id.startswith(shown) and len(shown.encode()) <= 128 and (len(id.encode()) > 128 or shown == id)
        assert line["purpose"] == forged
    school.sql("SELECT * FROM wc_health_summaries(%s::text[])", [f"{'ä' * 5000}{at}" for at in range(300)])
    text = audit.text()
    assert len(text) < 20_000


# ---- a standby ----

def test_a_standby_has_its_own_lines(ground, school):
    with Cluster(ground, "audited-standby", primary=school.cluster) as cluster:
        audit = Audit(cluster)
        with cluster.connect("audited", "wc_audited_reader") as connection:
            assert connection.execute("SELECT wc_health_summary('seen'::text)").fetchone()[0]
        line = audit.line()
        assert (line["students"], line["user"], line["result"]) == (["seen"], "wc_audited_reader", "read")


# ---- for other tools ----

@pytest.mark.parametrize("form", ["stderr", "csv", "json"])
def test_lines_for_other_tools(ground, form):
    """A real log of each kind, with an id that needs quotes in all of them."""
    settings = {"logging_collector": "on", "log_filename": "server.log", "white_cross.audit": "on",
                "log_destination": {"stderr": "stderr", "csv": "csvlog", "json": "jsonlog"}[form]}
    with Cluster(ground, f"audited-{form}", settings) as cluster:
        if form == "json" and cluster.version < 15:
            pytest.skip("jsonlog is of PostgreSQL 15")
        cluster.create_database("audited")
        with School(cluster, "audited") as school:
            school.attach()
            school.add_student('a "quoted", one')
            for student in 'a "quoted", one', "another":
                school.summary(student)
        log = cluster.data / "log" / {"stderr": "server.log", "csv": "server.csv", "json": "server.json"}[form]
        until(lambda: log.exists() and log.read_text().count("white_cross audit") == 2, 10, "the collector to write")

        def printed(*options):
            done = subprocess.run(["/usr/bin/python3", ROOT / "examples/audit_log.py", "--from", form, *options, log], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout.splitlines()

        first, second = map(json.loads, printed())
        assert list(first) == MEMBERS and (first["students"], first["result"], second["students"], second["result"]) == (
            ['a "quoted", one'], "read", ["another"], "none")
        documents = [json.loads(line) for line in printed("--to", "ecs")]
        assert [(one["event"]["action"], one["event"]["outcome"], one["white_cross"]["ids"], one["user"]["name"]) for one in documents] == [
            ("wc_health_summary", "success", ['a "quoted", one'], "postgres"), ("wc_health_summary", "unknown", ["another"], "postgres")]
        assert printed("--to", "pgaudit", "--student", "another") == [
            f'{second["at"]} AUDIT: SESSION,1,1,READ,SELECT,FUNCTION,wc_health_summary,postgres none 0,"[""another""]"']


def test_a_line_that_cannot_be_read_stops_no_other(tmp_path):
    """As a full disk leaves it, or a line of a version to come."""
    whole = json.dumps({"at": "now", "function": "wc_health_summary", "students": ["ada"]})
    log = tmp_path / "server.log"
    log.write_text("".join(f"LOG:  white_cross audit: {line}\n" for line in (whole, whole[:30], whole)))
    done = subprocess.run(["/usr/bin/python3", ROOT / "examples/audit_log.py", log], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, f"{whole}\n" * 2, "1 lines of the audit cannot be read\n")


def test_nothing_is_left_of_a_call(school):
    """Of calls that end well, of failed ones, and of sets that are closed early."""
    def kept():
        return school.one("SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'white_cross audit%'")

    def calls_of_all_kinds():
        for purpose in "visit", "another visit":
            school.sql("SELECT set_config('white_cross.purpose', %s, false)", purpose)
            school.summary("seen")
        school.rows("SELECT * FROM wc_health_summaries(ARRAY['seen', 'nobody'])")
        with pytest.raises(psycopg.Error):
            school.sql("SELECT wc_student_records('seen'::text, 0)")
        school.sql("BEGIN; DECLARE c CURSOR FOR SELECT wc_export_health_history('seen', 1); FETCH 1 FROM c; CLOSE c; COMMIT")
        school.sql("BEGIN; DECLARE c CURSOR FOR SELECT wc_export_health_history('seen', 1); FETCH 1 FROM c; ROLLBACK")

    calls_of_all_kinds()
    before = kept()
    for _ in range(20):
        calls_of_all_kinds()
    assert kept() == before
