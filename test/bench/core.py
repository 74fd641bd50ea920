"""The core's own benchmarks: what needs neither database nor cache."""

import json
import subprocess
from pathlib import Path

from district import table

BINARY = Path(__file__).resolve().parents[2] / "build/bench/core-benchmark"


def measure(_, quick):
    done = subprocess.run([BINARY, "--benchmark_format=json", f"--benchmark_min_time={0.05 if quick else 0.5}"],
                          check=True, capture_output=True, text=True)
    found = {entry["name"]: {"ns": entry["cpu_time"]} | ({"items/s": entry["items_per_second"]} if "items_per_second" in entry else {})
             for entry in json.loads(done.stdout)["benchmarks"]}
    table(["", "ns", "million items/s"],
          [[name, entry["ns"], entry.get("items/s", 0) / 1e6] for name, entry in found.items()])
    return found
