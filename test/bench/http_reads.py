"""Summaries over HTTP from one Node process: read without Lua, with wc_get, without a fence, and as the old service did."""

import contextlib
import os
import re
import statistics
import subprocess
import urllib.request

from district import HERE, rounds_in_turns, shares, table
from latency import fill
from servers import Worker, library, until

WAYS = ("plain", "fenced", "lua", "old")
LABELS = {"plain": "unfenced cache-aside, `GET`", "fenced": "**fenced, `MGET`**", "lua": "fenced, `wc_get`", "old": "the old service's way"}


@contextlib.contextmanager
def server(district):
    with Worker(district.ground, district.cluster.dsn(district.database), district.redis, "worker-http",
                settings={"log": {"level": "warning"}}) as worker:
        until(worker.healthy, 30, "the worker to drain")
        with district.redis.connect() as client:
            until(lambda: client.exists("wc:alive"), 30, "the worker to renew liveness")
        environment = {"NODE_PATH": "/usr/share/nodejs"} | os.environ | {
            "REDIS_URL": f"redis://:{district.redis.password}@127.0.0.1:{district.redis.port}",
            "DATABASE_URL": district.cluster.url(district.database)}
        process = subprocess.Popen(["node", HERE / "http_server.mjs"], env=environment, stdout=subprocess.PIPE, text=True)
        try:
            port = process.stdout.readline()
            if not port:
                raise RuntimeError("the Node server did not start: it needs the packages redis and pg (of Debian: node-redis, node-pg; "
                                   "of npm: where NODE_PATH says)")
            yield int(port)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def processor_time(port):
    """Returns the processor time of the Node process, in microseconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cpu", timeout=60) as answer:
        return int(answer.read())


def wrk(district, port, way, connections, seconds, first, share, seed):
    """{requests/s, p50, p95, p99 in ms, time-outs}."""
    with district.redis.connect() as client:
        for key in list(client.scan_iter("student:*", count=1000)):
            client.unlink(key)
    environment = os.environ | {"WAY": way, "STUDENTS": str(district.students), "FIRST": str(first), "SHARE": str(share), "SEED": str(seed)}

    def run(for_seconds):
        return subprocess.run(["wrk", "-t", "1", "-c", str(connections), "-d", f"{for_seconds}s", "-s", HERE / "http_reads.lua",
                               f"http://127.0.0.1:{port}/"], env=environment, capture_output=True, text=True, check=True).stdout
    if share == 0:
        environment["SEED"] = str(seed + 1000)
        run(max(1, seconds // 4))  # fills the cache
    before = processor_time(port)
    found = re.search(r"^FOUND (.*)$", run(seconds), re.M)
    took = processor_time(port) - before
    requests, microseconds, p50, p95, p99, timeouts, errors = map(int, found[1].split())
    if not requests:
        raise RuntimeError(f"no request of {way} was answered within {seconds} s")
    if errors:
        raise RuntimeError(f"{errors} requests of {way} failed")
    return {"rate": requests / microseconds * 1e6, "cpu": took / requests, "p50": p50 / 1000, "p95": p95 / 1000, "p99": p99 / 1000, "timeouts": timeouts}


def cost_of_redis(district, rounds, reads):
    """{way: microseconds of processor time that Redis takes for a read}, of reads that come eight at a time."""
    with district.redis.connect() as client, district.cluster.connect(district.database) as connection:
        token = connection.execute("SELECT wc_write_token()").fetchone()[0]
        fill(client, connection, [f"c{1:024}"])
        key = f"student:c{1:024}:health_summary"
        until(lambda: client.execute_command(*library.get(key, token)), 10, "an answer to the token")

        def measure_one(words):
            before = client.info("cpu")
            subprocess.run(["redis-benchmark", "-p", str(district.redis.port), "-a", district.redis.password, "-n", str(reads), "-c", "20",
                            "-P", "8", "-q", *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            after = client.info("cpu")
            return sum(after[name] - before[name] for name in ("used_cpu_user", "used_cpu_sys")) / reads * 1e6

        ways = {"GET": ("GET", key), "MGET wc:alive KEY": library.direct(key), "wc_get": library.get(key), "wc_get with a token": library.get(key, token)}
        seen = rounds_in_turns({way: lambda words=words: measure_one(words) for way, words in ways.items()}, rounds)
    of_get = shares(seen, "GET")
    return {way: {"us": statistics.median(values), "of GET": of_get[way]} for way, values in seen.items()}


def measure(district, quick):
    rounds, seconds = (1, 2) if quick else (3, 5)
    results = {}
    with server(district) as port:
        results["redis"] = cost_of_redis(district, rounds, 10_000 if quick else 60_000)
        table(["processor time of Redis for a read", "us", "of GET"], [[way, row["us"], row["of GET"]] for way, row in results["redis"].items()])
        for title, connections, first, share in (("100 % hits", 50, 500, 0), ("86 % hits", 500, 1, 0.14)):
            seeds = iter(range(10_000))
            seen = rounds_in_turns({way: lambda way=way: wrk(district, port, way, connections, seconds, first, share, next(seeds))
                                    for way in WAYS}, rounds)
            of = {measure: shares({way: [one[measure] for one in found] for way, found in seen.items()}, "plain") for measure in ("rate", "p95", "cpu")}
            results[title] = {way: {name: statistics.median(one[name] for one in found) for name in ("rate", "p50", "p95", "p99", "cpu")}
                              | {"timeouts": sum(one["timeouts"] for one in found), "rate of plain": of["rate"][way], "p95 of plain": of["p95"][way], "cpu of plain": of["cpu"][way]}
                              for way, found in seen.items()}
            print(f"\n{title}, {connections} connections")
            table(["", "requests/s", "of plain", "p50, ms", "p95, ms", "of plain", "p99, ms", "time-outs", "Node's us", "of plain"],
                  [[LABELS[way], row["rate"], row["rate of plain"], row["p50"], row["p95"], row["p95 of plain"], row["p99"], str(row["timeouts"]),
                    row["cpu"], row["cpu of plain"]]
                   for way, row in results[title].items()])
    return results
