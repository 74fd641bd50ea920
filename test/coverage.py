#!/usr/bin/python3
"""What share of our lines the tests run, room by room: reads what a build with --coverage has counted (make coverage).

    test/coverage.py clear BUILD     forgets earlier counts, and lets the servers' user write its own
    test/coverage.py report BUILD    prints the table; the lines that nothing ran are in BUILD/uncovered.txt

A line that is compiled into several objects (core in the extension and in the worker, a header in many files) is covered when any
of them ran it.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = "src/core/", "src/extension/", "worker/"


def clear(build):
    for counts in build.rglob("*.gcda"):
        counts.unlink()
    # Each process writes its counts beside the objects when it ends; the servers' processes are another user's.
    build.mkdir(parents=True, exist_ok=True)
    for folder in [build, *(path for path in build.rglob("*") if path.is_dir())]:
        folder.chmod(0o777 if any(folder.glob("*.gcno")) else folder.stat().st_mode | 0o055)


def counts_of(notes):
    """(source, line, how often) of one object.  An object that no process has loaded has notes and no counts: its lines are there."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", str(notes)], cwd=ROOT, capture_output=True, text=True, check=True)
    return [(Path(file["file"]), line["line_number"], line["count"])
            for document in done.stdout.splitlines() if document.startswith("{")
            for file in json.loads(document)["files"] for line in file["lines"]]


def room_of(source):
    return source.rsplit("/", 1)[0]


def part_of(source):
    return next(part for part in OURS if source.startswith(part)).rstrip("/")


def lines_of(build):
    lines = defaultdict(lambda: defaultdict(int))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(counts_of, sorted(build.rglob("*.gcno"))):
            for path, number, count in found:
                source = os.path.relpath(path if path.is_absolute() else ROOT / path, ROOT)
                if source.startswith(OURS):
                    lines[source][number] = max(lines[source][number], count)
    return lines


def report(build):
    lines = lines_of(build)
    if not any(count for counts in lines.values() for count in counts.values()):
        sys.exit("nothing was counted: run the tests of a build with --coverage first")
    rooms = defaultdict(lambda: [0, 0])
    with open(build / "uncovered.txt", "w") as uncovered:
        for source, counts in sorted(lines.items()):
            missed = sorted(number for number, count in counts.items() if count == 0)
            for key in {room_of(source), part_of(source), "all"}:
                rooms[key][0] += len(counts) - len(missed)
                rooms[key][1] += len(counts)
            text = (ROOT / source).read_text().splitlines()
            uncovered.writelines(f"{source}:{number}: {text[number - 1].strip()}\n" for number in missed if number <= len(text))
    print(f"{'room':32} {'lines':>7} {'run':>7} {'share':>7}")
    for room, (ran, there) in sorted(rooms.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"{room:32} {there:7} {ran:7} {100 * ran / there:6.1f}%")
    print(f"lines that nothing ran: {os.path.relpath(build / 'uncovered.txt', ROOT)}")


if __name__ == "__main__":
    {"clear": clear, "report": report}[sys.argv[1]](Path(sys.argv[2]).resolve())
