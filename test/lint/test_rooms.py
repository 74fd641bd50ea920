"""The folders of src/extension are rooms, one above the other: a room may include what is below it, never what is above."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "src/extension"

# From the ground up.
ROOMS = ["server", "audit", "calls", "binding", "value", "query", "direct", "warm", "changes", "vitals", "growth", "records", "history", "search",
         "summary", "cache"]

INCLUDE = re.compile(r'#\s*include\s*"extension/(?:(\w+)/)?\w+\.hpp"')


def included_rooms():
    """(file, its room, the room it includes) of every include of one file of the extension by another."""
    return [(path.relative_to(EXTENSION), path.parent.name, match[1])
            for path in sorted(EXTENSION.rglob("*.[ch]pp")) for match in INCLUDE.finditer(path.read_text())]


def test_every_file_is_in_a_room():
    outside = [path.name for path in EXTENSION.glob("*.[ch]pp")]
    assert outside == ["module.cpp"]
    assert {path.parent.name for path in EXTENSION.rglob("*.[ch]pp")} - {"extension"} == set(ROOMS)


def test_no_include_points_up():
    found = included_rooms()
    assert len(found) > 200, "the test found too few includes to prove anything"
    upwards = [f"{path} includes {to}/" for path, room, to in found
               if room in ROOMS and (to is None or ROOMS.index(to) > ROOMS.index(room))]
    assert upwards == []


def units_of(room):
    """Its nouns: name.hpp and name.cpp are one."""
    return {path.stem for path in (EXTENSION / room).glob("*.[ch]pp")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_guide(room):
    """It says what the room does, its one rule and where to start, and lists exactly the units of the room."""
    if len(list((EXTENSION / room).glob("*.[ch]pp"))) <= 3:
        return
    guide = EXTENSION / room / "README.md"
    assert guide.exists(), f"write src/extension/{room}/README.md"
    text = guide.read_text()
    assert text.startswith(f"# {room}\n") and 8 <= len(text.splitlines()) <= 30
    assert "**The one rule:**" in text and re.search(r"^Start with ", text, re.M)
    rows = "".join(re.findall(r"^(\| `.*?) \|", text, re.M))
    assert set(re.findall(r"`(\w+)`", rows)) == units_of(room)


def test_comments_name_files_that_are_there():
    sources = [path for folder in ("src", "worker") for path in sorted((ROOT / folder).rglob("*.[ch]pp"))]
    assert len(sources) > 150
    names = {path.name for path in sources}
    gone = [f"{path.relative_to(ROOT)}: {name}" for path in sources for line in path.read_text().splitlines()
            if not line.startswith("#include") for name in re.findall(r"\b(\w+\.[ch]pp)\b", line) if name not in names]
    assert gone == []
