#!/usr/bin/python3
"""The model of docs/scaling.md: what a request costs each part, and what that means for more students.

    test/load/capacity.py [build/load/results.json]     prints both tables of the page, with the figures of that run
"""

import json
import math
import sys

from load_report import best_step
from load_report import costs as costs_of_run

# What is assumed, not measured; docs/scaling.md says why.
STUDENTS_OF_A_USER = 500
REQUESTS_OF_A_USER = 0.2  # a second
BUSY = 0.5  # share of its cores that a part may use
CORES_OF_A_PRIMARY = 16
CORES_OF_A_SHARD = 1  # Redis serves with one thread
CACHED_SECONDS = 300
BYTES_OF_A_VALUE = 6000  # with its key and its fence
MISSES_OF_A_REQUEST = 0.11  # a hit rate of 87 % of the 87 % of requests that read the cache

PARTS = ("API (Node)", "PostgreSQL", "Redis", "PgBouncer", "worker")
SCALES = (10_000, 1_000_000, 50_000_000)


def costs(results):
    """{part: microseconds for a request} of a run, at the highest rate that held, where the cost of waking up counts least."""
    return costs_of_run(best_step(results["steps"]) or results["run"])


def plan(students, costs, bytes_of_a_student):
    """What it takes for this many students: {name: number}."""
    rate = students / STUDENTS_OF_A_USER * REQUESTS_OF_A_USER
    cores = {part: rate * costs[part] / 1e6 / BUSY for part in PARTS}
    primaries = max(1, math.ceil(cores["PostgreSQL"] / CORES_OF_A_PRIMARY))
    return {
        "users at once": students / STUDENTS_OF_A_USER, "requests a second": rate, **{f"{part}, cores": cores[part] for part in PARTS},
        "processes of the API": max(2, math.ceil(cores["API (Node)"])),
        "primaries of PostgreSQL, each with a worker": primaries, "standbys to fail over to": primaries,
        "shards of Redis": max(primaries, math.ceil(cores["Redis"] / CORES_OF_A_SHARD)),
        "Redis, MB": rate * MISSES_OF_A_REQUEST * CACHED_SECONDS * BYTES_OF_A_VALUE / 1e6,
        "PostgreSQL, GB": students * bytes_of_a_student / 1e9,
    }


def shown(value):
    """Two digits that count."""
    if value >= 100:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{float(f'{value:.2g}'):.6f}".rstrip("0").rstrip(".")


def cost_lines(costs):
    return [f"| {part} | {shown(costs[part])} |" for part in PARTS]


def plan_lines(costs, bytes_of_a_student):
    """The rows of the table, one for each name of a plan."""
    plans = [plan(students, costs, bytes_of_a_student) for students in SCALES]
    return [f"| {name} | {' | '.join(shown(one[name]) for one in plans)} |" for name in plans[0]]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "build/load/results.json"
    with open(path) as file:
        results = json.load(file)
    print("\n".join(cost_lines(costs(results))), f"\n\nbytes of a student: {results['bytes of a student']:,.0f}\n")
    print("\n".join(plan_lines({part: float(shown(cost).replace(",", "")) for part, cost in costs(results).items()}, round(results["bytes of a student"], -2))))


if __name__ == "__main__":
    main()
