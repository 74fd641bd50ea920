"""docs/security.md names the tests that prove what it says; each of them is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_each_named_test_is_there():
    named = set(re.findall(r"`(?:test/e2e/)?(test_\w+\.py|\w+_test\.cpp)`", (ROOT / "docs/security.md").read_text()))
    there = {path.name for folder in ("e2e", "unit") for path in (ROOT / "test" / folder).iterdir()}
    assert len(named) > 15 and named - there == set()


def test_each_fuzzed_reader_is_in_the_table():
    section = (ROOT / "docs/security.md").read_text().partition("## Hostile bytes\n")[2].partition("\n## ")[0]
    named = {name for cells in re.findall(r"^\| .+ \| (`.+`) \|$", section, re.M) for name in re.findall(r"`(\w+)`", cells)}
    assert named == {path.name for path in (ROOT / "test/fuzz/corpus").iterdir()}
