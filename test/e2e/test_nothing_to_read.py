"""What a child is called, when they were born and what they have is in the tables, in answers and in cached values, and nowhere else.

Each text of this child is unmistakable.  All that anybody may read in passing is searched for them: logs, the names and the bookkeeping
of Redis, the queue, notifications, statistics, pages of the worker, and what it sends to other tools.  With opaque keys, logs and Redis do
not have the child's id either.
"""

import gzip
import json
from contextlib import ExitStack

import psycopg
import pytest

import counted as counting
from counted import SAMPLED
from destinations import SECRET, Agent
from every_call import OUTCOME, calls
from servers import Cluster, Receiver, until
from servers.process import own
from servers.worker import Worker, run_worker

pytestmark = pytest.mark.thorough

CHILD = "child-7c1f"
# As the application knows the child, by the column that has it; and the days of its life, of which a log has other ones.
TEXTS = {"firstName": "Evelynia", "lastName": "Hushington", "dateOfBirth": "2013-07-09", "allergen": "Latexallergen", "reaction": "Hivesreaction",
         "condition": "Insomniacal", "description": "Whoopingcough", "notes": "Tellnobody"}
EVENTS = "white_cross:changes"
PAGES = ["/livez", "/readyz?verbose", "/healthz", "/metrics", "/console", "/console.js", "/api/admin/status", "/api/admin/performance", "/api/admin/slow"]
OBJECTS = """SELECT format('%s.%I', relnamespace::regnamespace, relname) FROM pg_class
             WHERE relkind IN ('r', 'v') AND (relnamespace = 'white_cross'::regnamespace OR relname ~ '^wc_')"""


def found_in(text, words):
    """The lines that have one of the words."""
    return [line[:500] for line in text.splitlines() if any(word.lower() in line.lower() for word in words)]


@pytest.fixture(scope="module")
def server(ground):
    settings = {"shared_preload_libraries": "$libdir/white_cross", "white_cross.audit": "on", "white_cross.slow_query_threshold": "0",
                # Statements are the application's.  Ours are never logged, and what we say is shown in full.
                "log_min_error_statement": "panic", "log_min_messages": "debug1", "log_lock_waits": "on"}
    with Cluster(ground, "silent-pg", settings) as cluster:
        yield cluster


@pytest.fixture
def child(server):
    school = counting.make_school(server, "silent")
    school.allow_worker()
    school.sql(OUTCOME)
    # Statements have the values in them, where one that is logged or told shows them.
    school.connection.cursor_factory = psycopg.ClientCursor
    yield school
    counting.drop(school)


def live(school):
    """A child's life: its data comes, is read in every way, changes, is exported, and cannot be imported again."""
    school.add_student(CHILD, firstName=TEXTS["firstName"], lastName=TEXTS["lastName"], dateOfBirth=TEXTS["dateOfBirth"])
    school.add_allergy(CHILD, allergen=TEXTS["allergen"], reaction=TEXTS["reaction"])
    school.add_condition(CHILD, condition=TEXTS["condition"])
    for month in range(1, 4):
        school.add_record(CHILD, date=f"2025-0{month}-01 10:00", type="VACCINATION", description=TEXTS["description"], notes=TEXTS["notes"],
                          vital=json.dumps({"height": 130 + month, "weight": 30}))
    for of in calls(school).values():
        for call in of:
            school.sql("SELECT outcome(%s)", call.replace("{id}", f"'{CHILD}'::text"))
    names = f"{TEXTS['firstName']} {TEXTS['lastName']}"
    school.sql("SELECT wc_search_health_records(%s), wc_search_health_records(%s, 'VACCINATION')", names, TEXTS["description"])
    history = school.one("SELECT wc_export_health_history(%s)::text", CHILD)
    for statement, argument in {"SELECT wc_import_health_history(%s)": history.replace(CHILD, "nobody"),
                                "SELECT wc_import_health_history(%s) ": history[:-20],
                                "SELECT wc_student_records('child-7c1f'::text, 1, 20, %s)": json.dumps({"type": TEXTS["condition"]}),
                                "SELECT wc_search_health_records(%s, %s)": names}.items():
        with pytest.raises(psycopg.Error):
            school.sql(statement, *[argument] * statement.count("%s"))
    school.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    school.sql("UPDATE students SET \"firstName\" = \"firstName\" || '!'")
    school.sql("UPDATE allergies SET severity = 'MILD'")
    school.sql("SELECT wc_invalidate(%s::text), wc_prewarm(ARRAY[%s])", CHILD, CHILD)


def bookkeeping(client):
    """All that Redis has, but the values."""
    parts = []
    for key in client.scan_iter():
        parts.append(key)
        kind = client.type(key)
        if kind == "set":
            parts += client.smembers(key)
        elif kind == "stream":
            parts += [str(fields) for _, fields in client.xrange(key)]
        elif kind == "string" and not (key.startswith("student:") and key.rpartition(":")[2] not in ("fence", "lease")):
            parts.append(client.get(key))
        else:
            assert kind == "string", f"{key} is a {kind}, which this test does not read"
    return "\n".join(parts)


def decoded(received):
    return gzip.decompress(received.body) if received.headers.get("content-encoding") == "gzip" else received.body


OF_IDS = pytest.param(False, id="plain", marks=pytest.mark.plain_keys("has keys of ids; the other case has opaque ones"))


@pytest.fixture(params=[OF_IDS, pytest.param(True, id="opaque")])
def key_settings(request, ground, child):
    """The worker's, of a database that has the same."""
    secret = ground.folder_for("silent-keys") / "secret"
    secret.write_text("s" * 32)
    own(secret)
    secret.chmod(0o640)
    secret.parent.chmod(0o755)
    # A context that PostgreSQL adds to an error has the application's statements, and the ids in them; docs/security.md asks for terse.
    for name, value in {"white_cross.opaque_keys": "on" if request.param else "off", "white_cross.key_secret_file": secret,
                        "log_error_verbosity": "terse" if request.param else "default"}.items():
        child.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    child.sql("SELECT pg_reload_conf()")
    until(lambda: bool(child.one("SELECT white_cross.key_fingerprints()")) == request.param, 10)
    yield {"opaque_keys": request.param, "key_secret_file": str(secret)}
    child.sql("ALTER SYSTEM SET white_cross.opaque_keys = off")
    child.sql("ALTER SYSTEM SET log_error_verbosity = default")
    child.sql("SELECT pg_reload_conf()")
    until(lambda: child.one("SHOW log_error_verbosity") == "default", 10)


def test_nothing_is_told_in_passing(ground, child, server, redis_server, key_settings):
    is_opaque = key_settings["opaque_keys"]
    with ExitStack() as stack:
        client = stack.enter_context(redis_server.connect())
        client.flushall()
        receiver, agent = stack.enter_context(Receiver()), stack.enter_context(Agent())
        listener = stack.enter_context(server.connect(child.database))
        notifications = []
        listener.add_notify_handler(notifications.append)
        listener.execute("LISTEN white_cross")
        worker = stack.enter_context(Worker(ground, child.worker_dsn, redis_server, "silent-worker", settings={
            "redis": key_settings, "events": {"stream": EVENTS},
            "destinations": {"first_pause_ms": 20, "longest_pause_ms": 50, "interval_s": 1}, "audit": {"rate_per_s": 100},
            "webhook": {"url": f"{receiver.url}/hook", "secret": SECRET}, "otlp": {"endpoint": receiver.url},
            "sentry": {"dsn": f"http://{'0' * 32}@127.0.0.1:{receiver.port}/7"}, "dogstatsd": {"address": agent.address}}))
        until(child.is_drained, 10)
        began = server.log.stat().st_size
        live(child)
        for key, value, ttl, snapshot in child.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s], "
                                                    "ARRAY['health_summary', 'growth_chart', 'records:1:2:{}'])", CHILD):
            assert client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot) == 1
            assert found_in(value, TEXTS.values()) or "growth" in key, "the value itself has it"
        # Changed once more while it is cached, and left in the queue by a second worker that is not there.
        child.sql("UPDATE students SET grade = '9'")
        until(child.is_drained, 10)
        child.sql("UPDATE health_records SET notes = notes || '?'")

        kinds = {"/hook": "webhook", "/v1/metrics": "OTLP metrics", "/v1/traces": "OTLP traces", "/api/7/envelope/": "Sentry"}

        def missing():
            # What failed before the worker's first look is told by nobody, so it fails once more.
            with pytest.raises(psycopg.Error):
                child.sql("SELECT wc_student_records(%s::text, 1, 20, %s)", CHILD, json.dumps({"type": TEXTS["condition"]}))
            return {kind for path, kind in kinds.items() if path not in {one.path for one in list(receiver.received)}}
        until(lambda: not missing(), 30, "all reports", interval=0.2)
        until(lambda: agent.packets, 10)
        until(lambda: worker.audited() >= 1, 20, "the auditor to compare")
        shown = {kinds[path]: b"\n".join(decoded(one) for one in receiver.received if one.path == path).decode() for path in kinds}
        shown["DogStatsD"] = b"\n".join(agent.packets).decode()
        shown |= {page: worker.get(page)[1] for page in PAGES}
        shown["status"] = run_worker("status", "--config", worker.configuration).stdout
        listener.execute("SELECT")
        shown["notifications"] = "".join(f"{one.channel} {one.payload}" for one in notifications)
        assert all(shown.values()) and client.xlen(EVENTS) > 3
        assert {what: found for what, text in shown.items() if (found := found_in(text, [*TEXTS.values(), CHILD]))} == {}

        with_ids = {"Redis": bookkeeping(client), "the worker's log": worker.log.read_text()}
        with server.log.open() as log:
            log.seek(began)
            with_ids["the server's log"] = log.read()
        tables = [name for name, in child.rows(OBJECTS)]
        assert "white_cross.invalidation" in tables and "public.wc_slow_calls" in tables
        with_ids |= {table: "\n".join(text for text, in child.rows(f"SELECT t::text FROM {table} AS t")) for table in tables}
        with_ids["wc_diagnose"] = child.one("SELECT string_agg(d::text, '') FROM wc_diagnose() AS d")
        assert (CHILD in with_ids["Redis"]) != is_opaque and "white_cross audit" in with_ids["the server's log"] and "slow call" in with_ids["the server's log"]
        assert {what: found for what, text in with_ids.items() if (found := found_in(text, TEXTS.values()))} == {}
        without_ids = ["Redis", "the worker's log", "the server's log", "wc_diagnose", "public.wc_slow_calls"] if is_opaque else []
        assert {what: found for what in without_ids if (found := found_in(with_ids[what], [CHILD]))} == {}


def test_a_row_in_an_error_of_postgresql_is_its_detail(child, server):
    """A failed constraint tells the row, unless log_error_verbosity = terse, which docs/security.md asks for."""
    child.add_student(CHILD)
    child.sql("ALTER TABLE allergies ADD CONSTRAINT no_latex CHECK (allergen <> 'Latexallergen')")
    for verbosity, is_told in {"default": True, "terse": False}.items():
        child.sql(f"SET log_error_verbosity = {verbosity}")
        began = server.log.stat().st_size
        with pytest.raises(psycopg.errors.CheckViolation):
            child.add_allergy(CHILD, allergen=TEXTS["allergen"])
        with server.log.open() as log:
            log.seek(began)
            text = log.read()
        assert "no_latex" in text and (TEXTS["allergen"] in text) == is_told
