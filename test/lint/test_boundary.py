"""The rules that keep C++ exceptions and PostgreSQL errors apart, and the core free of both servers."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def code(path):
    """The file without comments and without what stands in strings."""
    blanked = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())
    return STRING.sub('""', blanked)


def offences(folder, pattern, but=()):
    return [f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for path in sorted((ROOT / folder).rglob("*.[ch]pp")) if path.name not in but
            for number, line in enumerate(code(path).splitlines(), 1) if re.search(pattern, line)]


def test_errors_are_caught_in_the_boundary_alone():
    assert offences("src/extension", r"\bcatch\s*\(|\bPG_(TRY|CATCH|FINALLY|END_TRY|RE_THROW)\b|\bsigsetjmp\b",
                    but=("boundary.hpp", "boundary.cpp")) == []


@pytest.mark.parametrize("folder, header", [
    ("src/core", r"postgres\.h|libpq|hiredis|utils/|executor/|extension/|worker/"),
    ("worker", r"[\"<]postgres\.h|extension/"),
    ("src/extension", r"libpq-fe|hiredis|worker/"),
])
def test_layers_know_only_what_they_may(folder, header):
    includes = [f"{path.relative_to(ROOT)}: {line}" for path in sorted((ROOT / folder).rglob("*.[ch]pp"))
                for line in path.read_text().splitlines() if re.match(rf"\s*#\s*include.*({header})", line)]
    assert includes == []


def test_postgres_h_is_included_through_one_prelude():
    including = [path.name for path in sorted((ROOT / "src").rglob("*.[ch]pp"))
                 if re.search(r'#\s*include\s*[<"]postgres\.h[>"]', path.read_text())]
    assert including == ["prelude.hpp"]


def test_files_stay_readable():
    long = {str(path.relative_to(ROOT)): lines
            for folder in ("src", "worker", "test", "demo") for path in (ROOT / folder).rglob("*")
            if path.suffix in (".cpp", ".hpp", ".py") and (lines := len(path.read_text().splitlines())) > 500}
    assert long == {}


def test_no_unfinished_work_is_left():
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    found = [f"{path.relative_to(ROOT)}:{number}"
             for folder in ("src", "worker", "sql", "config", "demo", "test") for path in (ROOT / folder).rglob("*")
             if path.suffix in (".cpp", ".hpp", ".py", ".sql", ".lua", ".toml", ".mk")
             for number, line in enumerate(path.read_text().splitlines(), 1) if marks.search(line)]
    assert found == []


def test_nothing_in_the_extension_owns_through_a_destructor():
    """An ereport(ERROR) jumps over destructors: memory belongs to contexts, the rest to resource owners."""
    owning = r"std::(string|vector|map|unordered_map|set|unordered_set|deque|list|function|unique_ptr|shared_ptr|optional|any|variant|thread|mutex|lock_guard)\b"
    assert offences("src/extension", owning) == []
