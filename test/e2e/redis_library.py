"""The Redis function library for tests: its calls, snapshots, and values of every type that may stand in the place of ours."""

import pytest

from servers import library as functions

P = "student:ada:"
SUMMARY, RECORDS, GROWTH = 1, 2, 4
FENCE_MS = 120_000
# Beyond the 53 bits in which Lua's numbers are exact.
BIG = 2**63
BEGAN = 1_760_000_000_000_000


class Library:
    def __init__(self, client):
        self.client = client

    def call(self, function, key, *arguments):
        return self.client.execute_command("FCALL", function, 1, key, *arguments)

    def invalidate(self, *xids, kinds=SUMMARY, prefix=P):
        return self.call("wc_invalidate", prefix, FENCE_MS, kinds, ",".join(map(str, xids)))[0]

    def open_epoch(self, snapshot, opening="o", held="o", life_ms=FENCE_MS, servers="these servers"):
        self.client.set("wc:epoch:opening", held)
        return self.call("wc_open_epoch", "wc:epoch", opening, snapshot, servers, life_ms)

    def renew_liveness(self, ms=60_000, servers="these servers", but=(), seen="1:1:@0"):
        return self.call("wc_alive", "wc:alive", self.now() // 1000 + ms, servers, seen, *but)

    def hello(self, key=P + "health_summary"):
        return self.client.execute_command("FCALL_RO", "wc_hello", 1, key)

    def now(self):
        """Redis's time in microseconds."""
        seconds, rest = self.client.time()
        return seconds * 1_000_000 + rest

    def fill(self, snapshot, key=P + "health_summary", value='{"v":1}', ttl=300):
        return self.call("wc_fill", key, value, ttl, snapshot)


@pytest.fixture
def library(redis_server):
    with redis_server.connect() as client:
        client.flushall()
        client.execute_command("FUNCTION", "LOAD", "REPLACE", functions.source())
        library = Library(client)
        # As if PostgreSQL's clock showed BEGAN now.
        client.set("wc:clock", BEGAN - library.now())
        assert library.open_epoch(snapshot(1, 1, began=0)) == 1
        assert library.renew_liveness() == 1
        yield library


def snapshot(xmin, xmax, *in_progress, began=BEGAN):
    return f"{xmin}:{xmax}:{','.join(map(str, in_progress))}@{began}"


# Puts a value of each type under a key.
PUT = {
    "string": lambda client, key: client.set(key, "planted"),
    "list": lambda client, key: client.rpush(key, "planted"),
    "set": lambda client, key: client.sadd(key, "planted"),
    "zset": lambda client, key: client.zadd(key, {"planted": 1}),
    "hash": lambda client, key: client.hset(key, "planted", "1"),
    "stream": lambda client, key: client.xadd(key, {"planted": "1"}),
}
