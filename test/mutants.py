"""Mutants: the tree with a text of it replaced, one at a time, and which test finds that.

A mutant is built in a copy of the tree, build/mutant.  The tests that find mutants are run on the unchanged tree first, where they have
to pass.  Status 0: every mutant was found; 1: one was not, a text that it replaces is not there once, or the unchanged tree fails.
A test that is skipped finds nothing.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("WC_BUILD", ROOT / "build"))
TREE = BUILD / "mutant"
# Seconds for the tests that find a mutant, which may wait for ever for what it no longer does; and then to stop their servers.
LIMIT = 180
STOP_SECONDS = 40

# changes: [(file, what it says, what it says instead)].  found_by: tests of test/e2e, as pytest's -k takes them.
Mutation = namedtuple("Mutation", "changes found_by")


def copy_tree():
    """Copies the tree with what was built, so that make compiles only what differs."""
    shutil.rmtree(TREE, ignore_errors=True)
    (TREE / "build").mkdir(parents=True)
    built = [BUILD / name for name in ("extension", "wc-worker") if (BUILD / name).exists()]
    for paths, to in ([path for path in ROOT.iterdir() if path.name not in (".git", "build")], TREE), (built, TREE / "build"):
        subprocess.run(["cp", "-a", "-L", *paths, to], check=True)


def change(changes):
    """Changes the files, and returns {file: its text before}."""
    said = {}
    for name, before, after in changes:
        path = TREE / name
        source = path.read_text()
        said.setdefault(path, source)
        if source.count(before) != 1:
            for path, source in said.items():
                path.write_text(source)
            raise ValueError(f"{name} says {source.count(before)} times, and not once: {before}")
        path.write_text(source.replace(before, after))
    return said


def stage():
    done = subprocess.run(["make", "-s", "-j2", "EXTENSION_ONLY=yes", "stage"], cwd=TREE, capture_output=True, text=True, env=os.environ | {"MAKEFLAGS": ""})
    if done.returncode != 0:
        raise ValueError(f"make gave {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")


def in_tree(*command, limit=None):
    """Runs a program of the tests against the copy; returns its status, None if it has not ended within the limit, and what it printed."""
    environment = os.environ | {"WC_BUILD": str(TREE / "build"), "PYTHONPATH": str(TREE / "test"), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen([sys.executable, *command], cwd=TREE, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        printed, _ = process.communicate(timeout=limit)
        return process.returncode, printed
    except subprocess.TimeoutExpired:
        # pytest stops its servers; threads and programs that wait for ever are ended after that.
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None, f"does not end within {limit} s"


def tests(files, which, limit=None):
    """Returns pytest's status, None if it has not ended within the limit, and how it ended."""
    names = [f"test/e2e/{path.name}" for path in sorted(files)]
    status, printed = in_tree("-m", "pytest", "-p", "no:cacheprovider", "-q", "-x", "--tb=line", "--rootdir=test", f"--basetemp={TREE}/files", *names, "-k", which, limit=limit)
    failed = [line for line in printed.splitlines() if re.match(r"E  |\S+:\d+: ", line)]
    return status, (failed or printed.splitlines() or [""])[-1].strip()[:180]


class Mutants:
    """files(which): where the tests of that name are.  hunts: {what a mutation may be found by instead: a function of the mutant's name
    that returns whether it was found}."""

    def __init__(self, mutations, files, hunts=()):
        self._mutations = mutations
        self._files = files
        self._hunts = dict(hunts)

    def run(self, names):
        """Returns the status."""
        if unknown := set(names) - set(self._mutations):
            sys.exit(f"no such mutation: {', '.join(unknown)}; there are: {', '.join(self._mutations)}")
        names = names or list(self._mutations)
        copy_tree()
        self._check_unchanged(names)
        bad = [name for name in names if not self._is_found(name)]
        print(f"{len(names) - len(bad)} found, {len(bad)} not" + (f": {', '.join(bad)}" if bad else ""))
        return 1 if bad else 0

    def _check_unchanged(self, names):
        """A test that fails anyway finds nothing."""
        stage()
        which = " or ".join(sorted({f"({self._mutations[name].found_by})" for name in names if self._mutations[name].found_by not in self._hunts}))
        if which:
            status, end = tests(self._files(which), which)
            if status != 0:
                sys.exit(f"the unchanged tree fails: {end}")
            print(f"the unchanged tree: {end}", flush=True)

    def _ends_unchanged(self, found_by):
        stage()
        return tests(self._files(found_by), found_by, LIMIT)[0] == 0

    def _is_found(self, name):
        changes, found_by = self._mutations[name]
        said, status, end = {}, 0, ""
        try:
            said = change(changes)
            stage()
            if found_by in self._hunts:
                is_found = self._hunts[found_by](name)
            else:
                status, end = tests(self._files(found_by), found_by, LIMIT)
                is_found = status in (1, None)
            verdict = "found" if is_found else "NOT FOUND"
        except ValueError as error:
            is_found, verdict = False, f"NO MUTANT: {error}"
        for path, source in said.items():
            path.write_text(source)
        if status is None and not self._ends_unchanged(found_by):
            is_found, verdict = False, "NOT KNOWN (the unchanged tree does not end either)"
        print(f"{name}: {verdict} by {found_by}" + (f"\n    {end}" if end else ""), flush=True)
        return is_found
