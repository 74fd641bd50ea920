"""The lines that clients/node and clients/python give to an audit: of each read one, in the format of white_cross.audit."""

import json
import os
import subprocess

import pytest
from audited import MEMBERS
from cache_applications import Database, white_cross
from opaque_school import opaque

from servers import opaque_keys
from servers.ground import ROOT

MARK = "white_cross audit: "
PROGRAM = """
import { createRequire } from 'node:module';
import { appendTo, Cache, recordsKind } from '%s/clients/node/index.js';
const { createClient } = createRequire(import.meta.url)('redis');
const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const [log, opaqueKeys, names] = process.argv.slice(2).map((text, at) => (at === 0 ? text : JSON.parse(text)));
const entry = (n, id, kind) => ({ n, key: `student:${names[id] ?? id}:${kind}`, value: '"Evelyn"', ttl_seconds: 60, snapshot: null });
const codes = { broken: '42501', away: 'ECONNREFUSED' };
const query = async (text, [kind, ids]) => JSON.parse(ids)[0] in codes
  ? Promise.reject(Object.assign(new Error('no'), { code: codes[JSON.parse(ids)[0]] }))
  : JSON.parse(ids).map((id, at) => entry(at + 1, id, kind)).filter(({ n }) => !text.includes('wc_cache_entries') || JSON.parse(ids)[n - 1] !== 'nobody');
const cache = new Cache({ redis, query, opaqueKeys, audit: appendTo(log) });
const reader = { user: 'nurse', purpose: "a 'visit'", address: '10.0.0.7', application: 'kiosk', traceId: 'aa' };
await cache.read('ada', 'health_summary', { reader });
await cache.readMany(['ada', 'nobody', 'ä'.repeat(100)]);
await cache.read('nobody', recordsKind(1, 20, { provider: 'Evelyn' }));
await cache.read('broken').catch(() => {});
await cache.read('away').catch(() => {});
const another = new Cache({ redis, query, opaqueKeys, audit: appendTo(log) });
await another.readMany(Array.from({ length: 150 }, (_, at) => `s${at}`));
const strict = new Cache({ redis, query, opaqueKeys, audit() { throw new Error('disk full'); } });
console.log(await strict.read('ada').catch((error) => error.message));
await cache.close();
await another.close();
await strict.close();
await redis.disconnect();
"""


def lines_of(path):
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600, "it says who reads whom"
    assert "Evelyn" not in text
    found = [json.loads(line.removeprefix(MARK)) for line in text.splitlines() if line.startswith(MARK)]
    assert len(found) == len(text.splitlines()) and all(list(line) == MEMBERS for line in found)
    return found


def seen(line):
    return line["function"], line["student_count"], line["rows"], line["result"], line["sqlstate"], line["complete"]


IDS = ["ada", "nobody", "ä" * 100, *(f"s{at}" for at in range(150))]
OPAQUE = {"of ids": {}, "opaque": {id: opaque(id) for id in IDS}, "opaque, of a cluster": {id: f"{{{opaque(id)}}}" for id in IDS}}
EXPECTED = [("cache.health_summary", 1, 1, "read", None, True), ("cache.health_summary", 3, 2, "read", None, True), ("cache.records", 1, 0, "none", None, True),
            ("cache.health_summary", 1, 0, "error", "42501", False), ("cache.health_summary", 1, 0, "error", None, False),
            ("cache.health_summary", 150, 150, "read", None, True)]


def check(lines, names):
    assert [seen(line) for line in lines] == EXPECTED
    first, second, third, broken, away, last = lines
    assert (first["user"], first["purpose"], first["address"], first["application"], first["trace_id"]) == ("nurse", "a 'visit'", "10.0.0.7", "kiosk", "aa")
    shown = [names[id].strip("{}") for id in IDS] if names else ["ada", "nobody", "ä" * 64, *IDS[3:]]
    assert first["students"] == shown[:1] and second["students"] == shown[:3] and third["students"] == shown[1:2]
    assert broken["students"] + away["students"] == (["?"] * 2 if names else ["broken", "away"]), "without the database, nobody knows its opaque id"
    assert last["students"] == shown[3:103]


def run_program(text, redis_server, folder, *arguments):
    program = folder / "program.mjs"
    program.write_text(text % ROOT)
    paths = ":".join(filter(None, [os.environ.get("NODE_PATH"), "/usr/share/nodejs"]))
    environment = os.environ | {"NODE_PATH": paths, "REDIS_URL": f"redis://:{redis_server.password}@127.0.0.1:{redis_server.port}"}
    done = subprocess.run(["node", program, *arguments], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("names", OPAQUE.values(), ids=OPAQUE)
def test_lines_of_node(redis_server, tmp_path, names):
    log = tmp_path / "audit.log"
    assert run_program(PROGRAM, redis_server, tmp_path, log, json.dumps(bool(names)), json.dumps(names)) == "disk full\n"
    check(lines_of(log), names)


class Refused(Exception):
    sqlstate = "42501"


def database_with(names):
    def rows(statement, parameters):
        kind, ids = parameters[0], json.loads(parameters[1])
        if ids[0] in ("broken", "away"):
            raise Refused if ids[0] == "broken" else ConnectionError
        found = [(at, f"student:{names.get(id, id)}:{kind}", '"Evelyn"', 60, None) for at, id in enumerate(ids, 1)]
        return [row for row in found if ids[row[0] - 1] != "nobody"] if "wc_cache_entries" in statement else [row[:2] for row in found]
    return rows


@pytest.mark.parametrize("names", OPAQUE.values(), ids=OPAQUE)
def test_lines_of_python(redis_server, tmp_path, names):
    rows, has_names = database_with(names), bool(names)
    log = tmp_path / "audit.log"
    reader = white_cross.Reader(user="nurse", purpose="a 'visit'", address="10.0.0.7", application="kiosk", trace_id="aa")

    def full(_):
        raise OSError("disk full")

    with white_cross.connect(f"redis://:{redis_server.password}@127.0.0.1:{redis_server.port}") as client:
        cache = white_cross.Cache(client, rows, opaque_keys=has_names, audit=white_cross.append_to(log))
        cache.read("ada", reader=reader)
        cache.read_many(["ada", "nobody", "ä" * 100])
        cache.read("nobody", white_cross.records_kind(1, 20, {"provider": "Evelyn"}))
        with pytest.raises(Refused):
            cache.read("broken")
        with pytest.raises(ConnectionError):
            cache.read("away")
        another = white_cross.Cache(client, rows, opaque_keys=has_names, audit=white_cross.append_to(log))
        another.read_many([f"s{at}" for at in range(150)])
        with pytest.raises(OSError, match="disk full"):
            white_cross.Cache(client, rows, opaque_keys=has_names, audit=full).read("ada")
    check(lines_of(log), names)


FOUND = """
import { createRequire } from 'node:module';
import { appendTo, Cache } from '%s/clients/node/index.js';
const { createClient } = createRequire(import.meta.url)('redis');
const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const [log, opaqueKeys, had, hadNot, ...prefixes] = process.argv.slice(2).map((text, at) => (at === 1 ? JSON.parse(text) : text));
const query = async (text, [kind]) => text.includes('wc_cache_entries')
  ? [{ n: 1, key: prefixes[1] + kind, value: '"Ada"', ttl_seconds: 60, snapshot: null }]
  : prefixes.map((prefix, at) => ({ n: at + 1, key: prefix + kind }));
const cache = new Cache({ redis, query, opaqueKeys, audit: appendTo(log) });
await cache.readMany([had, hadNot]);
await cache.close();
await redis.disconnect();
"""


def test_it_says_what_came_from_redis(school, cache, redis_server, tmp_path):
    """A value that the cache had, and one that it had not."""
    student, other = school.add_student(), school.add_student()
    cache.until_drained()
    assert cache.load(student) == 1
    run_program(FOUND, redis_server, tmp_path, tmp_path / "node.log", json.dumps(opaque_keys.IS_ON), student, other, cache.key(student, ""), cache.key(other, ""))
    (line,) = lines_of(tmp_path / "node.log")
    assert (line["rows"], line["from_memory"]) == (2, 1)
    log = tmp_path / "audit.log"
    with white_cross.connect(f"redis://:{redis_server.password}@127.0.0.1:{redis_server.port}") as client:
        white_cross.Cache(client, Database(school).query, opaque_keys=opaque_keys.IS_ON, audit=white_cross.append_to(log)).read_many([student, other])
    (line,) = lines_of(log)
    assert (line["rows"], line["from_memory"]) == (2, 1)
