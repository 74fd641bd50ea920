"""The stream of events: each acknowledged change is in it, in order, and a consumer that is killed misses none."""

import json
import os
import subprocess
from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone

import pytest
import redis

from servers import Redis, RedisCluster, ServerFailed, Worker, until
from servers.ground import ROOT

pytestmark = pytest.mark.plain_keys("compares events by their ids; test_nothing_to_read.py has events with opaque ones")

STREAM = "white_cross:changes"
EVENTS = {"events": {"stream": STREAM, "max_length": 1_000_000}, "queue": {"poll_interval_ms": 100, "heartbeat_s": 1}}
KEEPS = {"appendonly": "yes", "appendfsync": "always"}


@pytest.fixture(scope="module")
def server(ground):
    with Redis(ground, "events-redis", settings=KEEPS, access=True) as server:
        yield server


@pytest.fixture
def client(server):
    with server.connect() as client:
        client.flushall()
        yield client


@pytest.fixture
def worker(start_worker, server, client, school):
    worker = start_worker(redis=server, settings=EVENTS)
    until(lambda: school.is_drained() and stream(client), 10, "the event of the registration")
    return worker


def stream(client, student=None):
    """The events, without the times and the ids of their entries; of one student, or of all."""
    return [(e["student"], e["sections"], int(e["xid"])) for _, e in client.xrange(STREAM) if student in (None, e["student"])]


def state(worker):
    return json.loads(worker.get("/healthz")[1])["state"]


def test_a_change_is_an_event(worker, school, client):
    assert {(student, sections) for student, sections, _ in stream(client)} == {
        ("*", "student,health_records,allergies,chronic_conditions,growth")}, "the registration: any student may have changed"
    begun = len(stream(client))
    ada = school.add_student()
    with school.connection.transaction():
        school.add_allergy(ada, allergen="Secret")
        school.add_condition(ada, condition="Hidden")
        xid = school.one("SELECT pg_current_xact_id()::text::bigint")
    at = datetime.now(timezone.utc)
    until(lambda: len(stream(client, ada)) == 2, 10, "two events")
    assert stream(client, ada)[1] == (ada, "allergies,chronic_conditions", xid)
    (_, entry) = client.xrevrange(STREAM, count=1)[0]
    assert set(entry) == {"student", "sections", "xid", "time"}, "no names and nothing of a record"
    assert abs(datetime.fromisoformat(entry["time"].replace("Z", "+00:00")) - at) < timedelta(seconds=5)
    school.sql("SELECT wc_prewarm(ARRAY[%s])", ada)
    school.sql("SELECT wc_invalidate_all()")
    until(lambda: len(stream(client, "*")) == begun + 1, 10, "an event for all")
    assert len(stream(client, ada)) == 2, "to prewarm changes nothing"
    until(school.is_drained)
    assert worker.metrics()["wc_worker_events_appended_total"] == begun + 3 and worker.metrics()["wc_worker_events_held"] == 0


def test_a_reader_of_an_event_finds_no_older_value(worker, school, client):
    ada = school.add_student()
    last = "$"
    with closing(client.client()) as reader:
        for n in range(200):
            client.set(f"student:{ada}:health_summary", str(n))
            school.sql("UPDATE students SET grade = %s WHERE id = %s", str(n), ada)
            found = reader.xread({STREAM: last if n else "0"}, block=5000)
            last = found[0][1][-1][0]
            until(lambda: stream(client, ada)[n + 1:], 5, "the event")
            assert client.get(f"student:{ada}:health_summary") != str(n)


def test_the_order_is_that_of_the_commits(worker, school, client):
    """The later one waited for the earlier one's lock, and has the smaller transaction id."""
    ada, other = school.add_student(), school.add_student()
    until(lambda: stream(client, ada) and stream(client, other))
    worker.stop()
    with closing(school.cluster.connect(school.database)) as early, closing(school.cluster.connect(school.database)) as late:
        early.execute("BEGIN")
        early.execute("UPDATE students SET grade = 'x' WHERE id = %s", [other])
        small = early.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()[0]
        late.execute("BEGIN")
        late.execute("UPDATE students SET grade = 'y' WHERE id = %s", [ada])
        large = late.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()[0]
        late.execute("COMMIT")
        early.execute("UPDATE students SET grade = 'z' WHERE id = %s", [ada])
        early.execute("COMMIT")
    worker.start()
    until(lambda: len(stream(client, ada)) >= 3, 10, "both")
    assert small < large and [xid for _, _, xid in stream(client, ada)[1:]] == [large, small]


def test_a_full_redis_keeps_no_stale_value_and_loses_no_event(worker, school, client):
    ada, bob = school.add_student(), school.add_student()
    until(lambda: stream(client, bob) and school.is_drained())
    client.set(f"student:{bob}:health_summary", "old")
    client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
    try:
        for grade in range(20):
            school.sql("UPDATE students SET grade = %s WHERE id = %s", str(grade), ada)
        school.sql("UPDATE students SET grade = 'last' WHERE id = %s", bob)
        until(lambda: client.get(f"student:{bob}:health_summary") is None, 10, "the removal")
        until(lambda: state(worker) == "events wait", 10, "the state")
        assert worker.get("/healthz")[0] == 503 and worker.metrics()["wc_worker_events_held"] == 1
        assert len(stream(client, ada)) == 1 and school.queue_length() == 21
        until(lambda: worker.metrics()["wc_worker_queue_rows"] == 21, 10, "the rows that wait")
        ends = client.execute_command("PEXPIRETIME", "wc:alive")
        assert ends > 0 and until(lambda: client.execute_command("PEXPIRETIME", "wc:alive") > ends, 10, "readers to find what is cached")
        assert ("worker", "fail") in school.rows('SELECT "check", status FROM wc_diagnose()')
        worker.stop()
        worker.start(wait=False)
        until(lambda: worker.get("/healthz")[0] == 503, 10, "another process to hold it too")
    finally:
        client.config_set("maxmemory", 0)
    until(lambda: school.is_drained() and worker.healthy(), 10, "the queue to be empty")
    xids = [xid for _, _, xid in stream(client, ada)]
    assert len(set(xids)) == 21 and first_of_each(xids) == sorted(set(xids)) and len(stream(client, bob)) >= 2


def first_of_each(found):
    return list(dict.fromkeys(found))


def test_a_key_of_another_type_is_left_and_named(worker, school, client):
    ada = school.add_student()
    until(lambda: stream(client, ada) and school.is_drained())
    client.rename(STREAM, "other")
    client.set(STREAM, "somebody's")
    school.sql("UPDATE students SET grade = 'x' WHERE id = %s", ada)
    until(lambda: state(worker) == "events wait", 10, "the state")
    assert "WRONGTYPE" in json.loads(worker.get("/healthz")[1])["detail"] and client.get(STREAM) == "somebody's"
    client.delete(STREAM)
    until(lambda: stream(client, ada) and worker.healthy() and school.is_drained(), 10, "the event")


def test_a_worker_without_the_right_says_so(server, client, start_worker, school):
    worker = start_worker(redis=server, settings=EVENTS | {"events": {"stream": "others"}}, enter=False)
    worker.start(wait=False)
    until(lambda: worker.get("/healthz")[0] and state(worker) == "events wait", 10, "the state")
    assert "lacks (+fcall +xadd ~others), which config/users.acl" in json.loads(worker.get("/healthz")[1])["detail"] and not client.exists("others")


def test_the_consumers_user_may_read_and_acknowledge_alone(worker, server, school, client):
    with server.connect("wc_consumer") as consumer:
        for command in ("XADD", STREAM, "*", "a", "b"), ("DEL", STREAM), ("XTRIM", STREAM, "MAXLEN", 0), ("GET", "student:a:health_summary"), \
                       ("XREAD", "STREAMS", "others", "0"), ("KEYS", "*"), ("FCALL", "wc_append", 1, STREAM, 1, "a", "b", "1", "2025-01-01T0:0Z"):
            with pytest.raises(redis.ResponseError, match="permissions"):
                consumer.execute_command(*command)
    with server.connect("wc_worker") as own:
        for command in ("XTRIM", STREAM, "MAXLEN", 0), ("DEL", STREAM), ("XADD", "others", "*", "a", "b"), ("XRANGE", STREAM, "-", "+"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                own.execute_command(*command)


@pytest.mark.parametrize("call", [(1000,), (0, "a", "student", 1, "2025-01-01T00:00:00Z"), ("x", "a", "student", 1, "2025-01-01T00:00:00Z"),
                                  (1000, "a", "student", "x", "2025-01-01T00:00:00Z"), (1000, "a", "student", 1), (1000, "a", "Ann", 1, "2025-01-01T00:00:00Z")])
def test_the_library_appends_only_what_an_event_is(worker, client, call):
    before = client.xlen(STREAM)
    with pytest.raises(redis.ResponseError, match="wc_append"):
        client.execute_command("FCALL", "wc_append", 1, STREAM, *call)
    assert client.xlen(STREAM) == before


def test_the_length_is_bounded(worker, client):
    events = [text for n in range(500) for text in ("a", "student", n, "2025-01-01T00:00:00Z")]
    for _ in range(10):
        assert client.execute_command("FCALL", "wc_append", 1, STREAM, 1000, *events) == 500
    assert 1000 <= client.xlen(STREAM) < 1200


class Consumer:
    """examples/change_events.py as a process; what it handled is in a file that outlives it."""

    def __init__(self, server, folder, name="first"):
        self.server, self.folder, self.name, self.log = server, folder, name, folder / f"{name}.events"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self._process = subprocess.Popen(
            ["/usr/bin/python3", ROOT / "examples/change_events.py", "--redis", self.server.url, "--user", "wc_consumer", "--consumer", self.name,
             "--idle-ms", "300"], stdout=self.log.open("ab"), stderr=(self.folder / "consumer.errors").open("ab"),
            env=os.environ | {"REDIS_PASSWORD": self.server.passwords["wc_consumer"]})

    def kill(self):
        self._process.kill()
        self._process.wait()

    def handled(self):
        """Of each event that was handled (student, xid).  The last line may be half a line of one that was killed."""
        found = []
        for line in self.log.read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            found.append((event["student"], int(event.get("xid", 0))))
        return found


def change_while_all_are_killed(worker, server, school, folder, changes, batch, rounds):
    """→ the (student, xid) of every committed change, and what the consumer has handled."""
    worker.write_configuration(EVENTS | {"queue": EVENTS["queue"] | {"batch_students": 20000}})
    school.sql("""INSERT INTO students SELECT (jsonb_populate_record(s, jsonb_build_object('id', 's' || n, 'studentNumber', 'k' || n))).*
        FROM students AS s, generate_series(1, %s) AS n WHERE s.id = 'pattern'""", batch)
    committed = set()
    with Consumer(server, folder) as consumer:
        hands = [lambda: consumer.kill() or consumer.start(), lambda: worker.restart(9), lambda: server.restart(9)]
        for n in range(changes // batch):
            xid, = school.sql("WITH done AS (UPDATE students SET grade = %s WHERE id <> 'pattern' RETURNING 1) "
                              "SELECT pg_current_xact_id()::text::bigint FROM (SELECT count(*) FROM done) AS c", str(n)).fetchone()
            committed |= {(f"s{k}", xid) for k in range(1, batch + 1)}
            if n % (changes // batch // rounds) == 0:
                try:
                    hands[n // (changes // batch // rounds) % 3]()
                except ServerFailed:
                    worker.start()
        until(lambda: worker.running() or worker.start() or True, 30, "the worker")
        until(school.is_drained, 40, "the queue to be empty")
        until(lambda: committed <= set(consumer.handled()), 40, "the consumer")
        return committed, consumer.handled()


@pytest.fixture
def killed(start_worker, ground, school, tmp_path):
    with Redis(ground, "killed-redis", settings=KEEPS, access=True) as server:
        school.add_student("pattern")
        yield start_worker(redis=server, settings=EVENTS), server, school, tmp_path


def check(committed, handled):
    own = [event for event in handled if event[0] != "*"]
    assert committed <= set(own)
    by_student = {}
    for student, xid in first_of_each(own):
        by_student.setdefault(student, []).append(xid)
    assert all(xids == sorted(xids) for xids in by_student.values())


def test_nothing_is_lost_whoever_is_killed(killed):
    committed, handled = change_while_all_are_killed(*killed, changes=6000, batch=200, rounds=6)
    assert len(committed) == 6000
    check(committed, handled)


@pytest.mark.thorough
def test_of_100000_changes_nothing_is_lost_whoever_is_killed(killed):
    committed, handled = change_while_all_are_killed(*killed, changes=100_000, batch=2000, rounds=12)
    assert len(committed) == 100_000
    check(committed, handled)


def test_a_redis_that_forgets_tells_everybody_anew(start_worker, ground, school, tmp_path):
    """It saves nothing: the stream and its group are gone with it."""
    with Redis(ground, "forgets-redis", access=True) as server:
        worker = start_worker(redis=server, settings=EVENTS)
        ada = school.add_student()
        with server.connect() as client, Consumer(server, tmp_path) as consumer:
            until(lambda: any(student == ada for student, _ in consumer.handled()), 20, "the consumer")
            before = consumer.handled().count(("*", 0))
            server.restart(9)
            until(lambda: stream(client, "*"), 20, "the worker's event for all")
            until(lambda: consumer.handled().count(("*", 0)) > before, 20, "the consumer to begin anew")
            bob = school.add_student()
            until(lambda: any(student == bob for student, _ in consumer.handled()), 20, "the consumer")
        assert worker.running()


def test_a_consumer_that_is_overtaken_by_the_bound_is_told(worker, server, client, tmp_path):
    events = [text for n in range(500) for text in ("a", "student", n, "2025-01-01T00:00:00Z")]
    with Consumer(server, tmp_path) as consumer:
        until(lambda: ("*", 0) in consumer.handled(), 20, "a new group to begin with everybody")
        until(lambda: client.xinfo_groups(STREAM)[0]["lag"] == 0, 20, "it to have read all")
        consumer.kill()
        before = consumer.handled().count(("*", 0))
        client.xreadgroup("printers", "dead", {STREAM: ">"}, count=1)
        for _ in range(5):
            client.execute_command("FCALL", "wc_append", 1, STREAM, 1000, *events)
        consumer.start()
        until(lambda: consumer.handled().count(("*", 0)) > before, 20, "everybody")
        until(lambda: client.xpending(STREAM, "printers")["pending"] == 0, 20, "all to be acknowledged")


def test_what_another_consumer_left_is_taken_over(worker, server, client, school, tmp_path):
    with Consumer(server, tmp_path) as consumer:
        until(lambda: consumer.handled(), 20, "the group")
        consumer.kill()
        ada = school.add_student()
        until(lambda: stream(client, ada), 10, "the event")
        assert client.xreadgroup("printers", "dead", {STREAM: ">"}, count=10)
        consumer.start()
        until(lambda: any(student == ada for student, _ in consumer.handled()), 20, "the event of the dead one")
        until(lambda: client.xpending(STREAM, "printers")["pending"] == 0, 20, "all to be acknowledged")


def test_events_are_off_by_default(start_worker, server, client, school):
    with ExitStack() as stack:
        stack.enter_context(server.connect())
        start_worker(redis=server)
        school.add_student()
        until(school.is_drained, 10, "the queue to be empty")
        assert client.keys("white_cross*") == []


@pytest.mark.parametrize("name", ["student:x", "wc:events", "two words", "a\tb"])
def test_a_stream_has_no_name_of_the_cache(ground, server, school, name):
    worker = Worker(ground, school.worker_dsn, server, name="refused", settings={"events": {"stream": name}})
    with pytest.raises(ServerFailed, match="events.stream"):
        worker.start()


@pytest.mark.thorough
def test_the_shard_of_the_stream_that_is_away_keeps_no_value_of_others(ground, school, start_worker):
    with RedisCluster(ground, "events-cluster") as cluster:
        school.sql(f"ALTER DATABASE {school.database} SET white_cross.cluster_keys = on")
        worker = start_worker(redis=cluster, settings=EVENTS)
        owner = cluster.owner(STREAM)
        ada = next(f"s{n}" for n in range(1000) if cluster.owner(f"student:{{s{n}}}:") is not owner)
        school.add_student(ada)
        with owner.connect() as client:
            until(lambda: stream(client, ada) and school.is_drained(), 30, "the event")
        owner.stop(9)
        key = f"student:{{{ada}}}:health_summary"
        with cluster.owner(key).connect() as other:
            other.set(key, "old")
            school.sql("UPDATE students SET grade = 'x' WHERE id = %s", ada)
            until(lambda: other.get(key) is None, 20, "the removal")
        until(lambda: worker.metrics()["wc_worker_events_held"] == 1, 20, "the worker to hold the event")
        assert school.queue_length() == 1
        owner.start()
        until(owner.is_well, 30, "the cluster to have all slots")
        with owner.connect() as client:
            until(lambda: stream(client, ada) and school.is_drained(), 30, "the event")


@pytest.mark.thorough
def test_a_promoted_replica_of_the_stream_says_that_events_may_be_lost(ground, school, start_worker):
    with RedisCluster(ground, "events-promoted", replicas=1) as cluster:
        school.sql(f"ALTER DATABASE {school.database} SET white_cross.cluster_keys = on")
        worker = start_worker(redis=cluster, settings=EVENTS)
        owner = cluster.owner(STREAM)
        replica = cluster.replicas[cluster.masters.index(owner)]
        ada = school.add_student("ada")
        with owner.connect() as client, replica.connect() as copy:
            until(lambda: stream(client, ada) and school.is_drained(), 30, "the event")
            until(lambda: client.wait(1, 1000) == 1, 30, "the replica to have it")
            begun = stream(client)
            # From now on the replica gets nothing.
            copy.config_set("masterauth", "another")
            client.execute_command("CLIENT", "KILL", "TYPE", "replica")
            school.sql("UPDATE students SET grade = 'x' WHERE id = %s", ada)
            until(lambda: len(stream(client, ada)) == 2 and school.is_drained(), 30, "the event that will be lost")
            owner.stop(9)
            until(lambda: replica.role() == "master", 30, "it to be promoted")
            until(lambda: len(stream(copy)) > len(begun), 30, "an event")
            assert [(student, sections) for student, sections, _ in stream(copy)[len(begun):]] == [begun[0][:2]], "any student may have changed"
            later = stream(copy)[-1]
            assert later not in begun and later[2] > stream(copy, ada)[-1][2], "no consumer takes it for one that it has"
            grace = school.add_student("grace")
            until(lambda: stream(copy, grace), 30, "a new event")
            # Trusted once, it is not told of again.
            worker.stop()
            worker.start()
            school.add_student("mary")
            until(lambda: stream(copy, "mary"), 30, "an event after the worker was started anew")
            assert len(stream(copy, "*")) == len([one for one in begun if one[0] == "*"]) + 1
