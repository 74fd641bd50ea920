#!/usr/bin/python3
"""Draws docs/trace.svg: the spans of docs/trace.json as bars over one axis of time.

docs/trace.py          draws it anew
docs/trace.py SPANS    takes other spans first, as test/e2e/test_traces_of_changes.py leaves them in build/test/trace.json
docs/trace.py --check  says by its status whether the picture is that of the spans
"""

import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
SPANS, PICTURE = HERE / "trace.json", HERE / "trace.svg"

WIDTH, ROW, TOP, LEFT, RIGHT, INDENT = 760, 34, 40, 220, 70, 16
STEPS = [one * 10 ** power for power in range(-3, 5) for one in (1, 2, 5)]  # ms between two lines
INK, PALE, LINE = "#1f2933", "#616e7c", "#e4e7eb"


def color(name):
    return "#7b8794" if not name.startswith(("wc_", "white_cross.")) else "#2f7ed8" if name.startswith("wc_") else "#e07b39"


def ordered(spans, parent=None, depth=0):
    """Yields (depth, span), each directly below its parent, by their beginnings."""
    known = {span["spanId"] for span in spans}
    for span in sorted(spans, key=lambda one: int(one["startTimeUnixNano"])):
        above = span.get("parentSpanId")
        if (above if above in known else None) == parent:
            yield depth, span
            yield from ordered(spans, span["spanId"], depth + 1)


def text(x, y, content, fill=INK, anchor="start", size=13):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{escape(content)}</text>'


def milliseconds(ns):
    return f"{ns / 1e6:.2f} ms" if ns < 1e7 else f"{ns / 1e6:.1f} ms"


def draw(spans):
    rows = list(ordered(spans))
    first = min(int(span["startTimeUnixNano"]) for span in spans)
    whole = max(int(span["endTimeUnixNano"]) for span in spans) - first
    scale = (WIDTH - LEFT - RIGHT) / whole
    height = TOP + ROW * len(rows) + 12
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" role="img">',
             "<title>The spans of one trace</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    step = next(step for step in STEPS if whole / 1e6 / step <= 6)
    for tick in range(int(whole / 1e6 / step) + 1):
        x = LEFT + tick * step * 1e6 * scale
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 10}" x2="{x:.1f}" y2="{height - 8}" stroke="{LINE}"/>')
        parts.append(text(x, TOP - 16, f"{tick * step:g}" + (" ms" if tick == 0 else ""), PALE, "middle", 11))
    for number, (depth, span) in enumerate(rows):
        y = TOP + number * ROW
        began, ended = (int(span[at]) - first for at in ("startTimeUnixNano", "endTimeUnixNano"))
        x, width = LEFT + began * scale, max(2, (ended - began) * scale)
        parts.append(text(12 + depth * INDENT, y + 18, span["name"]))
        parts.append(f'<rect x="{x:.1f}" y="{y + 5}" width="{width:.1f}" height="18" rx="3" fill="{color(span["name"])}"/>')
        parts.append(text(x + width + 6, y + 18, milliseconds(ended - began), PALE, size=11))
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments and arguments != ["--check"]:
        SPANS.write_text(Path(arguments[0]).read_text())
    picture = draw(json.loads(SPANS.read_text()))
    if arguments == ["--check"]:
        sys.exit(0 if picture == PICTURE.read_text() else "docs/trace.svg is not the picture of docs/trace.json: run docs/trace.py")
    PICTURE.write_text(picture)
