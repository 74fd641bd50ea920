#!/usr/bin/python3
"""Runs the test suites, shows what they say, and ends with one line that sums them: N passed, N failed.

    test/run_tests.py                      all
    test/run_tests.py unit regress         some
    test/run_tests.py e2e -- -k truncate   what follows -- goes to pytest

A suite that ends badly without a failed test (a crash, nothing found) counts as one failure.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from servers import Cluster, Ground, ServerFailed
from servers.cluster import pg_config

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "test"


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def settled(self, status):
        """A suite that failed, or ran nothing, has a failure to show for it."""
        if self.failed == 0 and (status != 0 or self.passed == 0):
            self.failed = 1
            print(f"the suite ended with status {status} and {self.passed} passed", flush=True)
        return self


def pytest(name, options):
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--tb=short", f"--junitxml={report}",
         "--rootdir=test", f"--basetemp={RESULTS / name}-files", f"test/{name}", *options], cwd=ROOT)
    count = Count()
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            bad = int(suite.get("failures")) + int(suite.get("errors"))
            skipped = int(suite.get("skipped"))
            count.failed += bad
            count.skipped += skipped
            count.passed += max(0, int(suite.get("tests")) - bad - skipped)
    return count.settled(done.returncode)


def lint(_):
    return pytest("lint", ["-q"])


def e2e(options):
    return pytest("e2e", ["-v", *options])


def unit(_):
    report = RESULTS / "unit.json"
    report.unlink(missing_ok=True)
    done = subprocess.run([RESULTS / "unit-tests", f"--gtest_output=json:{report}", "--gtest_brief=1"], cwd=ROOT)
    count = Count()
    if report.exists():
        sums = json.loads(report.read_text())
        count.failed = sums["failures"] + sums["errors"]
        count.passed = sums["tests"] - count.failed - sums["disabled"]
    return count.settled(done.returncode)


# PostgreSQL 14 and 15: "test name   ... ok   12 ms"; from 16 on: "ok 1   - name   12 ms"
REGRESS_LINE = re.compile(r"^(?:test\s+|\s+)\S+\s+\.\.\. (?P<old>ok|FAILED|failed)|^(?P<new>ok|not ok)\s+\d+")


def pg_regress(name, program, tests, arguments):
    """Run pg_regress or its isolation sister against a cluster of its own."""
    if not tests:
        print("no tests found", flush=True)
        return Count(failed=1)
    output = RESULTS / name
    output.mkdir(parents=True, exist_ok=True)
    pgxs = Path(pg_config("pgxs")).parents[1]
    count = Count()
    with Ground(f"test/{name}-servers", say=print) as ground, Cluster(ground) as cluster:
        run = subprocess.Popen(
            [pgxs / program, f"--outputdir={output}", f"--bindir={cluster.bin}", f"--host={cluster.sockets}",
             f"--port={cluster.port}", f"--user={cluster.superuser}", f"--dbname=wc_{name}", *arguments, *tests],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in run.stdout:
            print(line, end="", flush=True)
            if match := REGRESS_LINE.match(line):
                good = "ok" in (match["old"], match["new"])
                count.passed += good
                count.failed += not good
        status = run.wait()
    differences = output / "regression.diffs"
    if status != 0 and differences.exists():
        print(differences.read_text(errors="replace")[-8000:], flush=True)
    return count.settled(status)


def regress(_):
    # sql/ also holds the install script and the upgrade steps white_cross--A--B.sql
    tests = sorted(path.stem for path in (ROOT / "expected").glob("*.out")
                   if (ROOT / "sql" / f"{path.stem}.sql").exists())
    unexpected = sorted(path.name for path in (ROOT / "sql").glob("*.sql")
                        if "--" not in path.stem and path.stem != "white_cross" and path.stem not in tests)
    count = pg_regress("regress", "test/regress/pg_regress", tests, ["--inputdir=.", "--encoding=UTF8"])
    for name in unexpected:
        print(f"sql/{name} has no expected/ output", flush=True)
        count.failed += 1
    return count


def isolation(_):
    tests = sorted(path.stem for path in (ROOT / "test/isolation/specs").glob("*.spec"))
    return pg_regress("isolation", "test/isolation/pg_isolation_regress", tests,
                      ["--inputdir=test/isolation", "--encoding=UTF8"])


def torture(options):
    """For a minute; and then without fences, where it must find what is stale."""
    count = Count()
    for how in ["--minutes", "0.75"], ["--minutes", "0.25", "--without", "fences"]:
        status = subprocess.run([sys.executable, "test/torture/torture.py", *how, *options], cwd=ROOT).returncode
        count.passed += status == 0
        count.failed += status != 0
    return count


SUITES = {"lint": lint, "unit": unit, "regress": regress, "isolation": isolation, "e2e": e2e, "torture": torture}


def main(arguments):
    options = []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1:]
    if unknown := [name for name in arguments if name not in SUITES]:
        sys.exit(f"no such suite: {' '.join(unknown)}; there are {' '.join(SUITES)}")

    RESULTS.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(ROOT / "test")
    total = Count()
    for name in arguments or SUITES:
        print(f"\n==== {name}", flush=True)
        started = time.monotonic()
        try:
            count = SUITES[name](options)
        except (ServerFailed, OSError, TimeoutError) as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            count = Count(failed=1)
        skipped = f", {count.skipped} skipped" if count.skipped else ""
        print(f"---- {name}: {count.passed} passed, {count.failed} failed{skipped} "
              f"in {time.monotonic() - started:.0f} s", flush=True)
        total.passed += count.passed
        total.failed += count.failed
    print(f"\n{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
