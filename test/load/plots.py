"""Plots as SVG inside of a page, in its colours: classes s1 to s5 are series, `axis`, `grid` and `bar` the rest."""

import html
import math

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 30, 16, 46


def number(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def decades(low, high):
    """[1, 2 and 5 times powers of ten] between two numbers."""
    found = [m * 10 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for m in (1, 2, 5)]
    return [round(value, 9) for value in found if low <= value <= high]


def steps(low, high, wanted=6):
    """[round numbers] between two numbers, about as many as wanted."""
    raw = (high - low) / wanted
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= raw)
    return [round(n * step, 9) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


class Axes:
    """Where values are on the picture.  x, y: (lowest, highest); those of y, and of x if log_x, lie on a logarithmic scale."""

    def __init__(self, x, y, log_x=False):
        self.x, self.y, self.log_x = x, y, log_x

    def at_x(self, value):
        share = (math.log(value / self.x[0]) / math.log(self.x[1] / self.x[0])) if self.log_x else (value - self.x[0]) / (self.x[1] - self.x[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def at_y(self, value):
        share = math.log(max(value, self.y[0]) / self.y[0]) / math.log(self.y[1] / self.y[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def frame(self, x_title, y_title, x_marks=None):
        """x_marks: [(value, text)]"""
        marks = x_marks if x_marks is not None else [(value, number(value)) for value in (decades(*self.x) if self.log_x else steps(*self.x))]
        lines = [f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.at_y(value):.1f}" y2="{self.at_y(value):.1f}"/>'
                 f'<text class="axis" x="{LEFT - 8}" y="{self.at_y(value) + 4:.1f}" text-anchor="end">{number(value)}</text>' for value in decades(*self.y)]
        lines += [f'<text class="axis" x="{self.at_x(value):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{html.escape(text)}</text>' for value, text in marks]
        lines.append(f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{html.escape(x_title)}</text>')
        lines.append(f'<text class="axis" transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{html.escape(y_title)}</text>')
        return "".join(lines)

    def line(self, points, series, with_dots=False):
        places = [(self.at_x(x), self.at_y(y)) for x, y in points if y is not None]
        path = f'<polyline class="line {series}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
        return path + ("".join(f'<circle class="dot {series}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places) if with_dots else "")


def range_of(values, at_least=2.0):
    """(lowest, highest) for a logarithmic axis that shows all of them."""
    known = [value for value in values if value]
    low, high = (min(known), max(known)) if known else (1, 10)
    return low / 1.3, max(high * 1.3, low * at_least)


def picture(title, body, legend):
    """legend: [(series, text)]"""
    keys = "".join(f'<span class="key"><i class="{series}"></i>{html.escape(text)}</span>' for series, text in legend)
    return (f'<figure><figcaption>{html.escape(title)}</figcaption><div class="legend">{keys}</div>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">{body}</svg></figure>')


def over_time(title, timeline):
    """timeline: [(second, p50, p95, p99)]"""
    axes = Axes((0, max(len(timeline) - 1, 1)), range_of([value for row in timeline for value in row[1:]]))
    names = [("s1", "p50"), ("s2", "p95"), ("s3", "p99")]
    lines = [axes.line([(row[0], row[1 + n]) for row in timeline], series) for n, (series, _) in enumerate(names)]
    return picture(title, axes.frame("second of the run", "ms") + "".join(lines), names)


def distribution(title, curves):
    """curves: {name: [(percent, ms)]}; the share of slower ones is on a logarithmic axis, so that the tail is seen."""
    def slower(percent):
        return 100 / max(100 - percent, 0.01)

    marks = [(slower(percent), f"{percent:g} %") for percent in (0, 50, 90, 99, 99.9, 99.99)]
    axes = Axes((1, 10_000), range_of([ms for curve in curves.values() for _, ms in curve]), log_x=True)
    lines = [axes.line([(slower(percent), ms) for percent, ms in curve], f"s{n}") for n, curve in enumerate(curves.values(), 1)]
    return picture(title, axes.frame("share of requests that were no slower", "ms", marks) + "".join(lines), [(f"s{n}", name) for n, name in enumerate(curves, 1)])


def by_rate(title, series, bars):
    """series: {name: [(rate, p95)]}; bars: {name: ms}, drawn as dashed lines of the same colour."""
    rates = [rate for points in series.values() for rate, _ in points]
    axes = Axes((min(rates) / 1.1, max(rates) * 1.1), range_of([ms for points in series.values() for _, ms in points] + list(bars.values())), log_x=True)
    body = axes.frame("requests a second", "p95, ms", [(rate, number(rate)) for rate in sparse(sorted(set(rates)))])
    for n, (name, points) in enumerate(series.items(), 1):
        height = axes.at_y(bars[name])
        body += f'<line class="bar s{n}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>' + axes.line(points, f"s{n}", with_dots=True)
    return picture(title, body, [(f"s{n}", f"{name} (bar: {bars[name]:g} ms)") for n, name in enumerate(series, 1)])


def sparse(rates):
    """Those that have room for their numbers on the axis."""
    shown = []
    for rate in rates:
        if not shown or rate / shown[-1] > 1.2:
            shown.append(rate)
    return shown


def amounts(title, rows, unit):
    """Horizontal bars.  rows: [(name, value)]"""
    most = max((value for _, value in rows), default=0) or 1
    height = 30
    body = ""
    for n, (name, value) in enumerate(rows):
        y = 8 + n * height
        width = value / most * (WIDTH - 300)
        body += (f'<text class="axis" x="150" y="{y + 15}" text-anchor="end">{html.escape(name)}</text><rect class="s1" x="160" y="{y}" width="{width:.1f}" height="20" rx="3"/>'
                 f'<text class="axis" x="{168 + width:.1f}" y="{y + 15}">{number(round(value, 1))} {html.escape(unit)}</text>')
    return (f'<figure><figcaption>{html.escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {16 + len(rows) * height}" role="img" '
            f'aria-label="{html.escape(title)}">{body}</svg></figure>')
