"""What the clients ask of Redis and how often, with one that answers what the test says, at once or never."""

import json
import socket
import subprocess
import sys
import threading

import pytest
import redis

from servers import until
from servers.ground import ROOT

sys.path.insert(0, str(ROOT / "clients/python"))

import white_cross  # noqa: E402


# A client of node-redis: what it is asked is in `said`.
SPOKEN = """
import { EventEmitter } from 'node:events';
import { Cache } from '%s/clients/node/index.js';
const said = [];
const redis = Object.assign(new EventEmitter(), { isPubSubActive: false });
function spoken(options, answers = {}) {
  redis.mGet = async (keys) => answers.mGet ?? keys.map((_, at) => at === 0 ? 'run-1' : null);
  redis.fCallRo = async (name) => { said.push([name]); return 'run-1'; };
  redis.fCall = async (name, { keys, arguments: words }) => {
    said.push([name, ...keys, ...words]);
    if (answers[name] instanceof Error) throw answers[name];
    return answers[name] ?? null;
  };
  return new Cache({ redis, onError() {}, ...options });
}
const turn = () => new Promise(setImmediate);
const row = (n, id) => ({ n, key: `student:${id}:health_summary`, value: '"Ada"', ttl_seconds: 60, snapshot: '1:1:' });
"""


def run(tmp_path, program):
    path = tmp_path / "program.mjs"
    path.write_text(SPOKEN % ROOT + program)
    done = subprocess.run(["node", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class Served:
    """A Redis that gives each command the answer that it is told: None for nil, an exception for an error, a function's of its words, and
    for ... none before the next command comes."""

    def __init__(self, answers):
        self.said, self.answers = [], answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)  # which ends the wait for connections
        self._socket.close()
        self._thread.join()

    def connect(self):
        return white_cross.connect(self.url)

    def commands(self):
        """Without those by which redis-py 5 and later says who it is."""
        return [words[0] for words in self.said if words[0] not in ("CLIENT", "HELLO")]

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # the test has ended
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        stream, owed = connection.makefile("rwb"), []
        while count := stream.readline()[1:]:
            words = [stream.read(int(stream.readline()[1:]) + 2)[:-2].decode() for _ in range(int(count))]
            self.said.append(words)
            answer = self.answers.get(words[0])
            if answer is ...:
                owed.append(["run-1", *words[2:]])
                continue
            stream.write(b"".join(map(written, [*owed, answer(words) if callable(answer) else answer])))
            stream.flush()
            owed.clear()


def written(answer):
    if isinstance(answer, list):
        return b"*%d\r\n" % len(answer) + b"".join(map(written, answer))
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, Exception):
        return f"-{answer}\r\n".encode()
    return b"$-1\r\n" if answer is None else b"$%d\r\n%s\r\n" % (len(answer.encode()), answer.encode())


def rows_of(statement, values):
    """A database in which every id is a spelling of ada's."""
    return [(n, f"student:ada:{values[0]}", '"Ada"', 60, "1:1:") for n, _ in enumerate(json.loads(values[1]), 1)]


ONCE = """
const cache = spoken({ query: async (text, [, ids]) => JSON.parse(ids).map((_, at) => row(at + 1, 'ada')) }, { wc_lease: 1 });
console.log(await cache.readMany(['ada', 'ADA']));
await cache.close();
console.log(...said.filter(([name]) => name === 'wc_fill').map(([, key]) => key));
"""


def test_a_value_is_stored_once_and_other_spellings_give_their_leases_back(tmp_path):
    stored = ["student:ada:health_summary", "student:ADA:health_summary"]
    assert run(tmp_path, ONCE) == ["[ '\"Ada\"', '\"Ada\"' ]", " ".join(stored)]
    with Served({"MGET": ["run-1", None, None], "FCALL_RO": "run-1", "FCALL": 1}) as served, served.connect() as client:
        assert white_cross.Cache(client, rows_of).read_many(["ada", "ADA"]) == ['"Ada"'] * 2
    assert [words[3] for words in served.said if words[1] == "wc_fill"] == stored


FAILED = """
const cache = spoken({ query: async () => [row(1, 'ada')] }, { wc_get: new Error('LOADING') });
console.log(await cache.read('ada'));
await cache.close();
console.log(said.map(([name]) => name).join(' '));
"""


def test_nothing_is_stored_where_redis_failed(tmp_path):
    """It would fail again, and no lease is to be given back."""
    assert run(tmp_path, FAILED) == ['"Ada"', "wc_hello wc_get"]
    with Served({"MGET": redis.ResponseError("ERR away"), "FCALL": 1}) as served, served.connect() as client:
        assert white_cross.Cache(client, rows_of, on_error=lambda error: None).read("ada") == '"Ada"'
    assert served.commands() == ["MGET"]


CLOSING = """
const cache = spoken({ query: async () => [row(1, 'ada')] }, { wc_lease: 1 });
const fCall = redis.fCall;
let store;
redis.fCall = (name, options) => (name === 'wc_fill' ? new Promise((resolve) => { store = () => resolve(1); }) : fCall(name, options));
await cache.read('ada');
let closed = false;
const closing = cache.close().then(() => { closed = true; });
await turn();
console.log(closed);
store();
await closing;
console.log(closed);
"""


def test_closing_waits_for_what_is_being_stored(tmp_path):
    assert run(tmp_path, CLOSING) == ["false", "true"]


PLACED = """
console.log(spoken({ clusterKeys: true }).key('ada'), spoken({}).key(7n, 'growth_chart'));
try { spoken({ opaqueKeys: true }).key('ada'); } catch (error) { console.log(error.message); }
"""


def test_keys_of_a_cluster_and_none_where_keys_are_opaque(tmp_path):
    assert run(tmp_path, PLACED) == ["student:{ada}:health_summary student:7:growth_chart", "keys are opaque, and the database makes them: use keys()"]


HITS = """
const cache = spoken({}, { mGet: ['run-1', '1', '2', null] });
await cache.many(['a', 'b', 'c']);
await turn();  // now it knows the run
said.length = 0;
await cache.many(['a', 'b', 'c']);
await cache.lease('c');
await cache.lease('c');
console.log(...said.map((words) => words.at(-1)));
"""


def test_hits_are_told_once(tmp_path):
    """wc_reads counts what MGET found by what the next lease tells."""
    assert run(tmp_path, HITS) == ["2 0"]
    with Served({"MGET": ["run-1", "1", "2", None], "FCALL_RO": "run-1", "FCALL": 0}) as served, served.connect() as client:
        cache = white_cross.Cache(client, None)
        cache.many(["a", "b", "c"])  # which asks for the run first
        cache.lease("c")
        cache.lease("c")
    assert [words[-1] for words in served.said if words[1] == "wc_lease"] == ["2", "0"]


WITHOUT = """
const cache = spoken({}, { mGet: [null, '"of another time"'], wc_get: '"by wc_get"' });
console.log(await cache.get('key'), said.map(([name]) => name).join(' '));
"""


def test_without_liveness_no_value_counts(tmp_path):
    """Also while nobody has said yet which run this is."""
    assert run(tmp_path, WITHOUT) == ['"by wc_get" wc_get']
    with Served({"MGET": [None, "of another time"], "FCALL": "by wc_get"}) as served, served.connect() as client:
        assert white_cross.Cache(client, None).get("key") == "by wc_get"
    assert served.commands() == ["MGET", "FCALL"]


OFTEN = """
const cache = spoken({}, { mGet: ['run-2', null] });
for (let i = 0; i < 5; i++) { await cache.get('key'); await turn(); }
console.log(said.filter(([name]) => name === 'wc_hello').length);
await cache.close();
console.log(redis.listenerCount('ready'));
"""


def test_the_run_is_asked_for_once_a_second_and_the_listener_goes(tmp_path):
    """Where it is another than liveness names, each read would ask."""
    assert run(tmp_path, OFTEN) == ["1", "0"]
    with Served({"MGET": ["run-2", None], "FCALL_RO": "run-1", "FCALL": None}) as served, served.connect() as client:
        for _ in range(5):
            white_cross.Cache(client, None).get("key")
    assert served.commands().count("FCALL_RO") == 1


REMEMBERED = """
let asked = 0;
const query = async (text, [, ids]) => { asked++; return JSON.parse(ids).map((id, at) => ({ n: at + 1, key: `student:x${id}:records` })); };
const cache = spoken({ opaqueKeys: true, query });
const all = Array.from({ length: 10_000 }, (_, at) => `${at}`);
for (const ids of [['first'], ['first'], all, ['first']]) await cache.keys(ids);
console.log(asked);
"""


def test_only_so_many_known_students_are_remembered(tmp_path):
    assert run(tmp_path, REMEMBERED) == ["3"]
    asked = []

    def query(statement, values):
        asked.append(statement)
        return [(n, f"student:x{id}:records") for n, id in enumerate(json.loads(values[1]), 1)]
    cache = white_cross.Cache(None, query, opaque_keys=True)
    for ids in ["first"], ["first"], [str(n) for n in range(10_000)], ["first"]:
        cache._keys(ids, "health_summary")
    assert len(asked) == 3


SILENT = """
const failed = [];
for (const options of [{}, { timeout: 50 }]) {
  const cache = spoken({ query: async () => [row(1, 'ada')], onError: (error) => failed.push(error.message), ...options });
  redis.mGet = () => new Promise(() => {});
  for (let i = 0; i < 2; i++) console.log(await cache.read('ada'));
}
console.log(failed.join('; '));
"""


def test_a_redis_that_answers_nothing_is_left_alone_for_a_second(tmp_path):
    """Its time-out is half a second without another; the next reader does not wait for it; then it is asked again."""
    assert run(tmp_path, SILENT) == ['"Ada"'] * 4 + [
        "; ".join(f"Redis did not answer within {ms} ms; Redis was too slow a moment ago" for ms in (500, 50))]
    failed = []
    with Served({"MGET": ...}) as served, served.connect() as client:
        cache = white_cross.Cache(client, rows_of, on_error=failed.append)
        assert [cache.read("ada") for _ in range(2)] == ['"Ada"'] * 2
        assert [type(error) for error in failed] == [redis.TimeoutError] * 2 and "a moment ago" in str(failed[1])
        served.answers |= {"MGET": ["run-1", None], "FCALL_RO": "run-1", "FCALL": 1}
        until(lambda: cache.read("ada") and "FCALL" in served.commands(), 10, "Redis to be asked again")


def test_a_redis_without_the_library_is_no_error_of_liveness():
    """No worker has been there yet, and something else has the name of the key."""
    with Served({"MGET": ["run-1", "of another time"], "FCALL_RO": redis.ResponseError("ERR Function not found"), "FCALL": "by wc_get"}) as served:
        with served.connect() as client:
            assert white_cross.Cache(client, None).get("key") == "by wc_get"


def test_many_keys_go_in_several_commands():
    with Served({"MGET": lambda words: ["run-1", *words[2:]], "FCALL_RO": "run-1", "FCALL": "by wc_get"}) as served, served.connect() as client:
        cache = white_cross.Cache(client, None)
        cache.get("first")
        keys = [f"key {n}" for n in range(450)]
        assert cache.many(keys) == keys
    assert [len(words) - 2 for words in served.said if words[0] == "MGET"] == [1, 200, 200, 50]


class Interrupted(white_cross.Connection):
    """Its reader is interrupted before the answer comes."""

    is_read = True

    def read_response(self, *arguments, **options):
        if not self.is_read:
            raise KeyboardInterrupt
        return super().read_response(*arguments, **options)


def test_an_answer_that_is_under_way_is_nobody_else_s():
    """It would be taken for that of the next command: another student's summary."""
    with Served({"MGET": lambda words: ["run-1", words[2]], "FCALL_RO": "run-1", "FCALL": "by wc_get"}) as served, served.connect() as client:
        client.connection_pool.connection_class = Interrupted
        cache = white_cross.Cache(client, None)
        assert [cache.get("ada") for _ in range(2)] == ["ada", "ada"]
        served.answers["MGET"], answer = ..., served.answers["MGET"]
        Interrupted.is_read = False
        with pytest.raises(KeyboardInterrupt):
            cache.get("ada")
        Interrupted.is_read = True
        until(lambda: served.commands().count("MGET") == 3, 10, "the command to arrive")
        served.answers["MGET"] = answer
        assert cache.get("bob") in ("bob", "by wc_get")
