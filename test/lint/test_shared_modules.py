"""A test file holds tests: what several files share has a module of its own, or a change of one test would break another file's."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_file_imports_from_a_test_file():
    files = sorted((ROOT / "test").rglob("*.py"))
    assert sum(path.name.startswith("test_") for path in files) > 100
    assert [f"{path.relative_to(ROOT)}: {line.strip()}" for path in files for line in path.read_text().splitlines()
            if re.match(r"\s*(from|import) test_\w+", line)] == []
