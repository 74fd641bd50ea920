"""Draws how times grow with the number of records: one line of a picture for each call, from the smaller size to the larger."""

import math
from xml.sax.saxutils import escape

WIDTH, ROW, TOP, LEFT, RIGHT = 760, 22, 66, 270, 60
SMALL, LARGE, INK, PALE, LINE = "#2f7ed8", "#e07b39", "#1f2933", "#616e7c", "#e4e7eb"


def text(x, y, content, fill=INK, anchor="start", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{escape(content)}</text>'


def short(ms):
    return f"{ms:,.0f}" if ms >= 20 else f"{ms:.1f}" if ms >= 1 else f"{ms:.2f}"


def draw(results, sizes):
    """results: {what: {name of a size: ms}}; sizes: {name: number of records}, the smaller one first.  Returns SVG."""
    (small, few), (large, many) = sizes.items()
    times = [ms for found in results.values() for ms in found.values()]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    height = TOP + ROW * len(results) + 14

    def place(ms):
        return LEFT + (math.log10(ms) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" role="img">',
             "<title>Milliseconds of a call by the number of records</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    for x, color, records in (LEFT, SMALL, few), (LEFT + 160, LARGE, many):
        parts += [f'<circle cx="{x}" cy="18" r="5" fill="{color}"/>', text(x + 12, 22, f"{records:,} records")]
    for power in range(low, high + 1):
        x = place(10 ** power)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 12}" x2="{x:.1f}" y2="{height - 8}" stroke="{LINE}"/>')
        parts.append(text(x, TOP - 18, f"{10 ** power:g} ms" if power < 3 else f"{10 ** (power - 3):g} s", PALE, "middle", 11))
    for number, (what, found) in enumerate(results.items()):
        y = TOP + ROW * number + 8
        begin, end = place(found[small]), place(found[large])
        parts.append(text(12, y + 4, what))
        parts.append(f'<line x1="{begin:.1f}" y1="{y}" x2="{end:.1f}" y2="{y}" stroke="{PALE}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{color}"/>' for x, color in ((begin, SMALL), (end, LARGE))]
        times = f"{found[large] / found[small]:.1f}".removesuffix(".0") if found[large] < 10 * found[small] else f"{found[large] / found[small]:,.0f}"
        right = max(begin, end) < WIDTH - 150  # where the words have room
        parts.append(text(max(begin, end) + 9 if right else min(begin, end) - 9, y + 4, f"{short(found[large])} ({times}×)", PALE, "start" if right else "end", 11))
    return "\n".join([*parts, "</svg>", ""])
