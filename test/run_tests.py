#!/usr/bin/python3
"""Runs the test suites, shows what they say, and ends with one line that sums them: N passed, N failed.

    test/run_tests.py                      all
    test/run_tests.py unit regress         some
    test/run_tests.py --quick              without what takes long and says little new on a second machine
    test/run_tests.py e2e -- -k truncate   what follows -- goes to pytest

A suite that ends badly without a failed test (a crash, nothing found) counts as one failure.  Each failure is named once
more before the last line, so that the end of a long log tells what to look for.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from servers import Cluster, Ground, ServerFailed
from servers.cluster import pg_config
from servers.ground import BUILD

ROOT = Path(__file__).resolve().parents[1]
RESULTS = BUILD / "test"


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    names: list = field(default_factory=list)  # of what failed, with a line of the reason where there is one

    def settled(self, status):
        """A suite that failed, or ran nothing, has a failure to show for it."""
        if self.failed == 0 and (status != 0 or self.passed == 0):
            self.failed = 1
            self.names.append(f"the suite ended with status {status} and {self.passed} passed")
            print(self.names[-1], flush=True)
        return self

    def ran(self, name, good):
        """One test of its own, such as a program that ends with 0 if it holds."""
        self.passed += good
        self.failed += not good
        if not good:
            self.names.append(name)
        return self


def failures_of(suite):
    """The failed cases of a JUnit report's suite, each with the first line of its message."""
    for case in suite.iter("testcase"):
        for bad in [*case.iter("failure"), *case.iter("error")]:
            reason = (bad.get("message") or "").partition("\n")[0]
            yield f"{case.get('classname')}::{case.get('name')}: {reason[:200]}"


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
            count.names += failures_of(suite)
    return count.settled(done.returncode)


def lint(_):
    return pytest("lint", ["-q"])


def e2e(options):
    """A process more than there are processors, since tests wait a lot; a file's tests stay together, for they share servers."""
    return pytest("e2e", ["-v", f"--numprocesses={min(len(os.sched_getaffinity(0)) + 1, 4)}", "--dist=loadfile", *options])


def unit(_):
    report = RESULTS / "unit.json"
    report.unlink(missing_ok=True)
    done = subprocess.run([RESULTS / "unit-tests", f"--gtest_output=json:{report}", "--gtest_brief=1"], cwd=ROOT)
    count = Count()
    if report.exists():
        sums = json.loads(report.read_text())
        count.failed = sums["failures"] + sums["errors"]
        count.passed = sums["tests"] - count.failed - sums["disabled"]
        count.names = [f"{suite['name']}.{test['name']}" for suite in sums["testsuites"] for test in suite["testsuite"]
                       if test.get("failures")]
    return count.settled(done.returncode)


# PostgreSQL 14 and 15: "test name   ... ok   12 ms"; from 16 on: "ok 1   - name   12 ms"
REGRESS_LINE = re.compile(r"^(?:test\s+|\s+)\S+\s+\.\.\. (?P<old>ok|FAILED|failed)|^(?P<new>ok|not ok)\s+\d+")


def pg_regress(name, program, tests, arguments):
    """Run pg_regress or its isolation sister against a cluster of its own."""
    if not tests:
        return Count().ran("no tests found", False)
    output = RESULTS / name
    output.mkdir(parents=True, exist_ok=True)
    pgxs = Path(pg_config("pgxs")).parents[1]
    count = Count()
    with Ground(f"test/{name}-servers", say=print, in_memory=True) as ground, Cluster(ground) as cluster:
        run = subprocess.Popen(
            [pgxs / program, f"--outputdir={output}", f"--bindir={cluster.bin}", f"--host={cluster.sockets}",
             f"--port={cluster.port}", f"--user={cluster.superuser}", f"--dbname=wc_{name}", *arguments, *tests],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in run.stdout:
            print(line, end="", flush=True)
            if match := REGRESS_LINE.match(line):
                count.ran(" ".join(line.split()), "ok" in (match["old"], match["new"]))
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
        count.ran(f"sql/{name} has no expected/ output", False)
    return count


def isolation(_):
    tests = sorted(path.stem for path in (ROOT / "test/isolation/specs").glob("*.spec"))
    return pg_regress("isolation", "test/isolation/pg_isolation_regress", tests,
                      ["--inputdir=test/isolation", "--encoding=UTF8"])


def program(count, name, *arguments):
    """Adds a test that is a program of its own: it holds if that ends with 0, and its last line is the reason if not."""
    run = subprocess.Popen([sys.executable, "-u", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           errors="replace")
    last = ""
    for line in run.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    status = run.wait()
    return count.ran(name if status == 0 else f"{name}: status {status}: {last[:300]}", status == 0)


def torture(options):
    """For a minute; and then without fences, and without triggers on children, where it must find what is stale."""
    count = Count()
    for how in ["--minutes", "0.75"], ["--minutes", "0.25", "--without", "fences"], ["--minutes", "0.25", "--without", "triggers on children"]:
        program(count, f"torture {' '.join(how)}", "test/torture/torture.py", *how, *options)
    return count


def chaos(_):
    count = Count()
    program(count, "chaos", "test/chaos/chaos.py", "--seconds", "30")
    return program(count, "chaos of partitions", "test/chaos/partitions.py", "--seconds", "10")


def warm(_):
    return program(Count(), "warm", "test/warm/warm.py", "--seconds", "60")


SUITES = {"lint": lint, "unit": unit, "regress": regress, "isolation": isolation, "e2e": e2e, "chaos": chaos, "warm": warm, "torture": torture}


# Suites that --quick leaves out; of the others, the tests that are marked thorough.
THOROUGH = "chaos", "warm", "torture"


def main(arguments):
    options = []
    quick = "--quick" in arguments
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1:]
    if quick:
        arguments = [name for name in arguments if name != "--quick"] or [name for name in SUITES if name not in THOROUGH]
        options = ["-m", "not thorough", *options]
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
            count = Count().ran(f"{type(error).__name__}: {error}", False)
        skipped = f", {count.skipped} skipped" if count.skipped else ""
        print(f"---- {name}: {count.passed} passed, {count.failed} failed{skipped} "
              f"in {time.monotonic() - started:.0f} s", flush=True)
        total.passed += count.passed
        total.failed += count.failed
        total.names += [f"{name}: {what}" for what in count.names]
    print("", *(f"failed: {what}" for what in total.names), sep="\n")
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
