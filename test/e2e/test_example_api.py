"""examples/api over HTTP, through PgBouncer: each route, one's own write, what it refuses, how it ends, and what its log does not say."""

import http.client
import json
import signal
import socket
import subprocess
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from cache_applications import secured  # noqa: F401 (a fixture)
from servers import Api, PackageMissing, PgBouncer, opaque_keys, until
from servers.ground import ROOT
from servers.pgbouncer import example_settings

SUMMARY = "/api/health-records/summary/{}"
RECORDS = "/api/health-records/student/{}"
SEARCH = "/api/health-records/search?q={}"
CREATE = "/api/health-records"
NEW = {"studentId": "ada", "type": "CHECKUP", "date": "2025-11-03T09:30:00+01:00", "description": "Zebrafish's rash", "vital": {"height": 131.5}}


class Client:
    """An application's frontend."""

    def __init__(self, api):
        self.api = api

    def send(self, method, path, body=None, token=None, **headers):
        """Returns (status, JSON, headers)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.api.token}"} | ({"X-Write-Token": token} if token else {}) | headers
        connection.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return SimpleNamespace(status=answer.status, json=json.loads(text), headers=answer.headers)

    def get(self, path, **options):
        return self.send("GET", path, **options)


@pytest.fixture
def start_api(ground, cluster, school, secured, start_worker):  # noqa: F811
    """start_api(): a running API, with PgBouncer, Redis and worker behind it."""
    with secured.connect("admin") as administrator:
        administrator.flushall()
    school.add_student("ada", firstName="Ada", lastName="Quill")
    school.add_record("ada", date="2025-09-01 09:00", type="VACCINATION", description="MMR, second dose")
    worker = start_worker(redis=secured)
    started = []

    def start(redis=f"redis://wc_application:{secured.passwords['wc_application']}@127.0.0.1:{secured.port}", **environment):
        pooler = PgBouncer(ground, cluster, [], name=f"api-pgbouncer-{len(started)}", settings=example_settings())
        started.append(pooler)
        pooler.start()
        url = f"postgresql://{pooler.admin}@127.0.0.1:{pooler.port}/{school.database}"
        try:
            api = Api(ground, url, redis, worker.url, environment=environment)
        except PackageMissing as missing:
            pytest.skip(str(missing))
        started.append(api)
        api.start()
        api.school, api.pooler, api.worker = school, pooler, worker
        return api
    yield start
    for server in reversed(started):
        server.stop()


@pytest.fixture
def api(start_api, secured):  # noqa: F811
    api = start_api(TZ="America/New_York")
    with secured.connect("admin") as client:
        until(lambda: client.exists("wc:alive"), 30, "the worker to renew liveness")
    return api


@pytest.fixture
def client(api):
    return Client(api)


def summary(api, student="ada"):
    return json.loads(api.school.one("SELECT wc_health_summary(%s::text)::text", student))


def test_each_route_answers_as_the_database_does(client, api):
    first = client.get(SUMMARY.format("ada"))
    assert (first.status, first.json) == (200, {"success": True, "data": summary(api)})
    assert first.headers["Server-Timing"] == "cache;desc=miss"
    hit = until(lambda: (again := client.get(SUMMARY.format("ada"))).headers["Server-Timing"] == "cache;desc=hit" and again, 20, "a hit")
    assert hit.json == first.json and hit.headers["Cache-Control"] == "no-store"

    page = client.get(RECORDS.format("ada") + "?page=1&limit=5&type=VACCINATION&dateFrom=2025-01-01")
    wanted = api.school.one("""SELECT wc_student_records('ada'::text, 1, 5, '{"type": "VACCINATION", "dateFrom": "2025-01-01"}')::text""")
    assert (page.status, page.json) == (200, {"success": True, "data": json.loads(wanted)}) and page.json["data"]["pagination"]["total"] == 1
    assert client.get(RECORDS.format("ada") + "?type=DENTAL").json["data"]["records"] == []

    found = client.get(SEARCH.format("second+dose") + "&type=VACCINATION&limit=1")
    wanted = api.school.one("SELECT wc_search_health_records('second dose', 'VACCINATION', 1, 1)::text")
    assert (found.status, found.json["data"]) == (200, json.loads(wanted)) and len(found.json["data"]["records"]) == 1

    figures = client.get("/api/admin/performance")
    assert figures.status == 200 and figures.json["timeWindow"] == "5 minutes" and set(figures.json) == set(json.loads(api.worker.get("/api/admin/performance")[1]))
    assert client.get("/healthz").json == {"success": True}


def test_a_writer_reads_their_own_write(client, api):
    """While the worker is stopped, so that only the token makes the difference."""
    until(lambda: client.get(SUMMARY.format("ada")).headers["Server-Timing"] == "cache;desc=hit", 20, "a hit")
    api.worker.send(signal.SIGSTOP)
    try:
        created = client.send("POST", CREATE, NEW)
        record = created.json["data"]["healthRecord"]
        assert created.status == 201 and (record["studentId"], record["description"], record["vital"]) == ("ada", NEW["description"], {"height": 131.5})
        dates = [record["date"], client.send("POST", CREATE, NEW | {"date": "2025-11-03T08:30"}).json["data"]["healthRecord"]["date"]]
        assert dates == ["2025-11-03T08:30:00.000Z"] * 2, "the column has UTC, and a time without a zone is one"
        own = client.get(SUMMARY.format("ada"), token=created.headers["X-Write-Token"])
        assert own.json["data"]["recordCounts"] == {"CHECKUP": 2, "VACCINATION": 1}
    finally:
        api.worker.send(signal.SIGCONT)
    until(lambda: client.get(SUMMARY.format("ada")).json["data"] == summary(api), 20, "everybody to see it")


WRONG = {
    "an id with a separator of keys": (400, "GET", SUMMARY.format("ada:fence"), None),
    "an id in braces": (400, "GET", SUMMARY.format("{ada}"), None),
    "a student who is unknown": (404, "GET", SUMMARY.format("nobody"), None),
    "records of a student who is unknown": (404, "GET", RECORDS.format("nobody"), None),
    "a page of nothing": (400, "GET", RECORDS.format("ada") + "?page=0", None),
    "a page that is too long": (400, "GET", RECORDS.format("ada") + "?limit=101", None),
    "a misspelt filter": (400, "GET", RECORDS.format("ada") + "?dateform=2025-01-01", None),
    "a type that is none": (400, "GET", RECORDS.format("ada") + "?type=zebrafish", None),
    "a date that is none": (400, "GET", RECORDS.format("ada") + "?dateFrom=2025-13-41", None),
    "a search for nothing": (400, "GET", SEARCH.format(""), None),
    "a search with a NUL": (400, "GET", SEARCH.format("a%00b"), None),
    "no such route": (404, "GET", "/api/health-records/export/ada", None),
    "no such method": (405, "DELETE", SUMMARY.format("ada"), None),
    "a body that is no JSON": (400, "POST", CREATE, "zebrafish"),
    "a body that is no object": (400, "POST", CREATE, [NEW]),
    "a field that nobody knows": (400, "POST", CREATE, NEW | {"id": "zebrafish"}),
    "no description": (400, "POST", CREATE, NEW | {"description": " "}),
    "a vital that is no number": (400, "POST", CREATE, NEW | {"vital": {"height": "zebrafish"}}),
    "a record of nobody": (404, "POST", CREATE, NEW | {"studentId": "zebrafish"}),
    "a date that PostgreSQL does not have": (400, "POST", CREATE, NEW | {"date": "2025-02-30T99:00"}),
    "a day that no month has": (400, "POST", CREATE, NEW | {"date": "2025-02-30"}),
    "a body that is too long": (413, "POST", CREATE, NEW | {"notes": "zebrafish" * 500_000}),
}


def test_what_is_wrong_is_refused_and_shown_to_nobody(client, api):
    for what, (status, method, path, body) in WRONG.items():
        answer = client.send(method, path, body)
        assert (what, answer.status, answer.json["success"]) == (what, status, False)
        assert "zebrafish" not in json.dumps(answer.json).lower(), what
    assert client.get(SUMMARY.format("ada"), token="1.2.3").status == 400
    for token in "", "Bearer ", "Bearer wrong", f"bearer {api.token}":
        assert client.get(SUMMARY.format("ada"), Authorization=token).status == 401
    assert api.school.one("SELECT count(*) FROM health_records") == 1, "nothing of it was written"
    assert "zebrafish" not in api.log.read_text().lower() and "ada" not in api.log.read_text()


def test_errors_of_the_database_have_a_status_each_and_no_text(client, api):
    owner = "ALTER TABLE health_records ADD CONSTRAINT no_zebrafish CHECK (description NOT LIKE 'Zebrafish%')"
    api.school.sql(owner)
    assert client.send("POST", CREATE, NEW).status == 400
    api.school.sql("ALTER TABLE health_records DROP CONSTRAINT no_zebrafish; ALTER TABLE health_records RENAME TO moved")
    broken = client.send("POST", CREATE, NEW)
    assert (broken.status, broken.json["error"]["message"]) == (500, "an error of the server") and api.logged("sqlstate") == ["42P01"]
    api.school.sql("ALTER TABLE moved RENAME TO health_records")
    api.pooler.stop()
    away = client.send("POST", CREATE, NEW)
    assert away.status == 503 and away.headers["Retry-After"] == "1"
    api.worker.stop()
    assert client.get("/api/admin/performance").status == 503
    assert "zebrafish" not in api.log.read_text().lower()


BROKEN = """
import { once } from 'node:events';
import { makeServer } from '%s/examples/api/server.mjs';
const routes = { search: () => { throw new TypeError('zebrafish'); } };
const { server, close } = makeServer({ routes, token: 'secret', log: (entry) => console.log(JSON.stringify(entry)) });
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const answer = await fetch(`http://127.0.0.1:${server.address().port}/api/health-records/search`, { headers: { Authorization: 'Bearer secret' } });
console.log(answer.status, await answer.text());
await close(1000);
"""


def test_an_error_of_the_program_shows_its_place_and_no_text(tmp_path):
    """Its message may have a value in it."""
    (tmp_path / "broken.mjs").write_text(BROKEN % ROOT)
    done = subprocess.run(["node", tmp_path / "broken.mjs"], capture_output=True, text=True, timeout=60)
    logged, answered = done.stdout.splitlines()
    assert "TypeError at " in json.loads(logged)["place"] and "zebrafish" not in done.stdout
    assert answered == '500 {"success":false,"error":{"message":"an error of the server"}}'


def test_without_redis_the_database_answers(start_api):
    api = start_api(redis="redis://127.0.0.1:1")
    answer = Client(api).get(SUMMARY.format("ada"))
    assert answer.json["data"] == summary(api) and answer.headers["Server-Timing"] == "cache;desc=miss"
    assert "redis" in api.logged("failed")


def test_each_read_has_a_line_in_the_audit(start_api, tmp_path):
    file = tmp_path / "audit.log"
    api = start_api(AUDIT_FILE=str(file))
    Client(api).get(SUMMARY.format("ada"))
    line, = file.read_text().splitlines()
    assert f'"{opaque_keys.name_of("ada")}"' in line and "Quill" not in line


@pytest.fixture
def blocked(start_api):
    """blocked(…): an API with a request that waits for a lock, and the two connections: of the request, and of whom it waits for."""
    with ExitStack() as stack:
        def blocked(**environment):
            api = start_api(**environment)
            blocker = stack.enter_context(api.school.cluster.connect(api.school.database, autocommit=False))
            blocker.execute("LOCK TABLE health_records")
            running = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
            stack.callback(running.close)
            running.request("POST", CREATE, json.dumps(NEW), {"Authorization": f"Bearer {api.token}"})
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'health_records'::regclass"
            until(lambda: api.school.one(waits), 30, "the request to wait")
            api.send(signal.SIGTERM)
            return api, running, blocker
        yield blocked


def test_it_ends_when_running_requests_are_answered(blocked):
    api, running, blocker = blocked()
    until(lambda: refused(api.port), 30, "it to take no more connections")
    assert api.running()
    blocker.rollback()
    answer = running.getresponse()
    assert answer.status == 201 and answer.headers["Connection"] == "close"
    assert api.wait() == 0 and api.logged("ended") == ["all requests were answered"]


def test_it_ends_without_a_request_that_takes_too_long(blocked):
    api, running, _ = blocked(SHUTDOWN_MS="200")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        running.getresponse()
    assert api.wait() == 1 and api.logged("ended") == ["some requests were cut off"]


def refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
