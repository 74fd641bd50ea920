"""The folders of worker are layers: what one needs of another, it includes, and no chain of includes comes back to where it began."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / "worker"

INCLUDE = re.compile(r'^\s*#\s*include\s*"([\w./]+)"', re.M)


def folders():
    return {path.name for path in WORKER.iterdir() if path.is_dir()}


def includes_between_folders():
    """{folder: {included folder: the files that include it}}."""
    between = {folder: {} for folder in folders()}
    for path in sorted(WORKER.rglob("*.[ch]pp")):
        for included in INCLUDE.findall(path.read_text()):
            here, there = path.parent.name, included.split("/")[0]
            if here in between and there in between and there != here:
                between[here].setdefault(there, set()).add(str(path.relative_to(WORKER)))
    return between


def circle_in(between):
    try:
        TopologicalSorter(between).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_circle_between_folders():
    between = includes_between_folders()
    assert sum(len(files) for there in between.values() for files in there.values()) > 20, "too few includes to prove anything"
    circle = circle_in(between)
    assert circle == [], [f"{here} -> {there}: {sorted(between[here][there])}" for here, there in zip(circle, circle[1:])]


def test_process_needs_no_other_folder():
    assert includes_between_folders()["process"] == {}


def test_includes_begin_with_their_folder():
    """An include without a folder, or with dots in it, would escape the two tests above."""
    known = folders() | {"core"}
    strange = [f"{path.relative_to(WORKER)}: {included}" for path in sorted(WORKER.rglob("*.[ch]pp"))
               for included in INCLUDE.findall(path.read_text())
               if included.split("/")[0] not in known or ".." in included]
    assert strange == []


@pytest.mark.parametrize("between, circle", [
    ({"app": {"metrics": 1}, "metrics": {"app": 1}}, True),
    ({"app": {"pg": 1}, "pg": {"redis": 1}, "redis": {"app": 1}}, True),
    ({"app": {"process": 1, "metrics": 1}, "metrics": {"process": 1}, "process": {}}, False)])
def test_a_circle_is_found(between, circle):
    assert bool(circle_in(between)) == circle
