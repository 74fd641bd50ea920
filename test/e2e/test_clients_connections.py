"""What the clients ask and what Node's knows of its connections, with a Redis whose answers come when the test says so."""

import subprocess
import sys

from servers.ground import ROOT

sys.path.insert(0, str(ROOT / "clients/python"))

import white_cross  # noqa: E402

TOKEN = "15.1.2.3"

# A Redis of two processes: what is asked on a connection that has ended may still be answered.
CLIENT = """
import { EventEmitter } from 'node:events';
import { Cache } from '%s/clients/node/index.js';
const asked = [];  // wc_hello: how to answer each
const redis = Object.assign(new EventEmitter(), {
  mGet: async (keys) => keys.map((_, at) => at === 0 ? 'run-1' : '"of the process before"'),
  fCall: async (name) => name === 'wc_get' ? '"by wc_get"' : 0,
  fCallRo: () => new Promise((resolve) => { asked.push(resolve); }),
});
const cache = new Cache({ redis, query: async () => { throw new Error('no need of the database'); } });
const turn = () => new Promise(setImmediate);
"""

LATE = """
redis.isPubSubActive = false;
const one = new Cache({ redis, query: async () => { throw new Error('no need of the database'); } });
console.log(await one.get('key'));
redis.emit('ready');  // another connection, which the answer below says nothing of
asked[0]('run-1');
await turn();
console.log(await one.get('key'));
asked[1]('run-1');
await turn();
console.log(await one.get('key'));
"""

SEVERAL = """
console.log(await cache.get('key'));
for (const answer of asked) answer('run-1');
await turn();
console.log(await cache.get('key'), asked.length);
"""


def run(tmp_path, program):
    path = tmp_path / "program.mjs"
    path.write_text(CLIENT % ROOT + program)
    done = subprocess.run(["node", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_an_answer_of_the_connection_before_says_nothing_of_this_one(tmp_path):
    assert run(tmp_path, LATE) == ['"by wc_get"', '"by wc_get"', '"of the process before"']


def test_a_client_of_several_connections_reads_by_wc_get(tmp_path):
    """One of Sentinels, a cluster or a pool: what one connection was told says nothing of the next."""
    assert run(tmp_path, SEVERAL) == ['"by wc_get"', '"by wc_get" 0']


LEASED = f"""
redis.fCall = async (name, {{ arguments: words }}) => {{ console.log(name, ...words); return 0; }};
await cache.lease('key', {{ token: '{TOKEN}' }});
"""


def test_a_lease_is_asked_for_with_the_token(tmp_path):
    """Without it a value that is older than the write counts as there, and the reader waits for nobody, for all of its patience."""
    assert run(tmp_path, LEASED) == [f"wc_lease 1000 {TOKEN} 0"]

    class Client:
        def execute_command(self, *words):
            self.words = words
            return 0
    client = Client()
    assert not white_cross.Cache(client, None).lease("key", TOKEN)
    assert client.words == ("FCALL", "wc_lease", 1, "key", 1000, TOKEN, 0)
