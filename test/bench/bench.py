#!/usr/bin/python3
"""Measures what docs/benchmarks.md claims, in one run against the same data, beside what a user would have otherwise.

    make bench                                     everything; about half an hour on two cores
    make bench BENCH_OPTIONS="summaries burst"     some of it
    make bench BENCH_OPTIONS="--quick"             the same with short runs, to see that it works
    make bench BENCH_OPTIONS=scale                 10 times as much data as the others, so only when it is named

Prints tables and writes build/bench/results.json.  Contenders take turns, round by round, and a figure is the
median of its rounds: on a shared machine a ratio holds where a time does not.
"""

import argparse
import datetime
import json
import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

import audit  # noqa: E402
import bulk_insert  # noqa: E402
import burst  # noqa: E402
import cold  # noqa: E402
import copied  # noqa: E402
import core  # noqa: E402
import counting  # noqa: E402
import dead_rows  # noqa: E402
import ddl  # noqa: E402
import exports  # noqa: E402
import growth  # noqa: E402
import http_reads  # noqa: E402
import inserts  # noqa: E402
import jsonb  # noqa: E402
import latency  # noqa: E402
import opaque  # noqa: E402
import partitions  # noqa: E402
import placed_words  # noqa: E402
import records  # noqa: E402
import regions  # noqa: E402
import scale  # noqa: E402
import search  # noqa: E402
import settings  # noqa: E402
import shards  # noqa: E402
import summaries  # noqa: E402
import takeover  # noqa: E402
import vitals  # noqa: E402
import warm  # noqa: E402
import watching  # noqa: E402
from district import District  # noqa: E402
from servers import Ground  # noqa: E402

# In this order: the summaries want the tables as they were loaded and vacuumed, and must fit into the memory that is shared.
PARTS = {part.__name__.removesuffix("_reads"): part
         for part in (core, counting, audit, opaque, watching, summaries, partitions, cold, warm, jsonb, http_reads, search, records, exports, growth, vitals, latency, inserts,
                      bulk_insert, burst, regions, shards, takeover, dead_rows, ddl, copied, placed_words, settings, scale)}


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "date": datetime.date.today().isoformat()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="short runs: to see that it works, not for figures")
    parser.add_argument("--students", type=int, default=200_000, help="how many the larger district of `scale` has")
    parser.add_argument("--shared-buffers", default="1GB", help="of the server")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    chosen = [name for name in PARTS if name in options.parts or not options.parts and name != "scale"]

    results = {"machine": machine(), "quick": options.quick}
    output = ROOT / "build/bench/results.json"
    with Ground("bench/servers", say=print) as ground:
        with District(ground, options.quick, options.students, options.shared_buffers) if chosen != ["core"] else open(os.devnull) as district:
            for name in chosen:
                print(f"\n==== {name}", flush=True)
                results[name] = PARTS[name].measure(district, options.quick)
                # After every part: a later one that fails costs only itself.
                output.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nwritten to {output}", flush=True)


if __name__ == "__main__":
    main()
