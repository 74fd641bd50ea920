#!/usr/bin/python3
"""Runs fuzzers, as many at once as there are cores, and ends with a table: runs, files that reach new code, crashes.

    make fuzz FUZZ_TARGETS="reply token" FUZZ_SECONDS=600

Each begins with its folder of test/fuzz/corpus and with what it found in earlier runs (build/fuzz/found).  What crashes it is kept
beside the program, as build/fuzz/reply-crash-…; such a file belongs into the corpus once its defect is cured.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
# libFuzzer writes a line now and then: "#524288 pulse  cov: 1201 ft: 4032 corp: 530/24Kb …"
PULSE = re.compile(r"^#(\d+)\s+(?:pulse|RELOAD)\s+cov: (\d+)")
STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)")
FINDING = re.compile(r"^(?:==\d+==\s*ERROR|SUMMARY|.*runtime error):? .*")


def fuzz(program, seconds, seed):
    """What one fuzzer did in that time: runs, new files, the files that crashed it."""
    name = program.name.removeprefix("fuzz-")
    found = program.parent / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    before = set(program.parent.glob(f"{name}-*"))
    statistics = {}
    with subprocess.Popen(
            [program, f"-max_total_time={seconds}", f"-seed={seed}", "-print_final_stats=1", "-timeout=10", "-rss_limit_mb=2048",
             f"-artifact_prefix={program.parent}/{name}-", found, CORPUS / name],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace") as run:
        for line in run.stderr:
            if pulse := PULSE.match(line):
                print(f"{name}: {int(pulse[1]):,} runs, {pulse[2]} places of the code", flush=True)
            elif statistic := STATISTIC.match(line):
                statistics[statistic[1]] = int(statistic[2])
            elif FINDING.match(line):
                print(f"{name}: {line.rstrip()}", flush=True)
    crashes = sorted(set(program.parent.glob(f"{name}-*")) - before)
    if run.returncode != 0 and not crashes:
        crashes = [f"ended with status {run.returncode}"]
    return name, statistics.get("number_of_executed_units", 0), statistics.get("new_units_added", 0), crashes


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=60, help="of each fuzzer")
    options.add_argument("--seed", type=int, default=0, help="of what is tried; 0: another one each time")
    options.add_argument("programs", nargs="+", type=Path)
    chosen = options.parse_args()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = list(pool.map(lambda program: fuzz(program.resolve(), chosen.seconds, chosen.seed), chosen.programs))
    print(f"\n{'target':<14}{'runs':>14}{'new files':>12}{'crashes':>10}")
    for name, runs, new, crashes in results:
        print(f"{name:<14}{runs:>14,}{new:>12,}{len(crashes):>10}")
    for crash in (crash for *_, crashes in results for crash in crashes):
        print(crash)
    failed = [name for name, *_, crashes in results if crashes]
    for name in failed:
        print(f"failed: fuzz: {name}")
    print(f"\n{len(results) - len(failed)} passed, {len(failed)} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
