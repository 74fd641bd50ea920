"""One version everywhere, and a way from every released version to it."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.search(r"^default_version = '(.+)'", (ROOT / "white_cross.control").read_text(), re.M)[1]
CHANGELOG = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
UPDATES = {tuple(path.stem.split("--")[1:]) for path in (ROOT / "sql").glob("white_cross--*--*.sql")}
RELEASED = {path.stem.split("--")[1] for path in (ROOT / "test/upgrade").glob("white_cross--*.sql")}


def test_the_changelog_begins_with_what_is_not_released_and_this_version():
    assert CHANGELOG[:2] == ["Unreleased", VERSION]


def test_the_packages_have_this_version():
    assert json.loads((ROOT / "clients/node/package.json").read_text())["version"] == VERSION
    assert tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())["project"]["version"] == VERSION
    assert re.match(r"white-cross \((\S+)\)", (ROOT / "debian/changelog").read_text())[1] == VERSION


def test_every_version_before_is_tried_and_has_an_update():
    """The first of an update's two versions is released before the other one, so that the chain ends here."""
    before = CHANGELOG[2:]
    assert before and RELEASED == set(before)
    for version, later in zip(before, CHANGELOG[1:]):
        assert (version, later) in UPDATES, f"no sql/white_cross--{version}--{later}.sql"


def test_an_update_refuses_an_older_library():
    for old, to in sorted(UPDATES):
        update = (ROOT / f"sql/white_cross--{old}--{to}.sql").read_text()
        assert f"'{{{to.replace('.', ',')}}}'" in update and "white_cross.library_version()" in update


def test_no_source_knows_when_it_is_built():
    """Two builds of one source give the same bytes; debian/tests/reproducible proves it."""
    named = [str(path) for room in ("src", "worker") for path in (ROOT / room).rglob("*.[ch]pp") if re.search(r"__(DATE|TIME|TIMESTAMP)__", path.read_text())]
    assert named == []
