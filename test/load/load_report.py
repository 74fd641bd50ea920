"""The report of a load test: one HTML file that needs nothing else."""

import html

import plots
from targets import P95, TITLES

STYLE = """
:root { color-scheme: light dark; --back: #fcfcfb; --text: #1d1d1b; --soft: #62625e; --rule: #e3e2de; --good: #17754a; --bad: #b3261e;
        --s1: #2f6fb7; --s2: #c2701c; --s3: #8a4fa8; --s4: #2b8577; }
@media (prefers-color-scheme: dark) {
  :root { --back: #191918; --text: #ececea; --soft: #a3a29d; --rule: #3a3a37; --good: #66c795; --bad: #ff8a80;
          --s1: #75aee8; --s2: #eaa45c; --s3: #c795e2; --s4: #67c3b4; }
}
body { margin: 2rem auto; max-width: 760px; padding: 0 1rem; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; } p { margin: .4rem 0 1rem; } .soft { color: var(--soft); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); } th { font-weight: 600; color: var(--soft); }
th:first-child, td:first-child { text-align: left; } td.here { font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .verdict { font-size: 1.1rem; font-weight: 600; }
figure { margin: 1.4rem 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; display: block; }
.legend { margin: .2rem 0; color: var(--soft); font-size: .9rem; } .key { margin-right: 1.1rem; white-space: nowrap; }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .35rem; vertical-align: -1px; }
text.axis { fill: var(--soft); font-size: 12px; } line.grid { stroke: var(--rule); } .line { fill: none; stroke-width: 1.8; } line.bar { stroke-dasharray: 5 4; opacity: .75; }
""" + "".join(f".line.s{n}, line.bar.s{n} {{ stroke: var(--s{n}); }} .dot.s{n}, rect.s{n} {{ fill: var(--s{n}); }} .key i.s{n} {{ background: var(--s{n}); }}\n" for n in range(1, 5))


def cell(value):
    return "not known" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def table(heads, rows):
    """rows: lists of (text, class) or text."""
    def one(content):
        text, kind = content if isinstance(content, tuple) else (content, "")
        return f'<td class="{kind}">{html.escape(text)}</td>'

    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(f"<tr>{chr(10).join(map(one, row))}</tr>" for row in rows)}</table></div>'


def guide_table(rows):
    marks = {None: ("", ""), True: ("met", "good"), False: ("missed", "bad")}
    return table(["", "here", "asked here", "the guide measured", "the guide's target", ""],
                 [[name + (f", {unit}" if unit else ""), (cell(value), "here"), "" if bar is None else f"{bar:g}", measured, promised, marks[met]]
                  for name, unit, measured, promised, bar, value, met in rows])


def best_step(steps):
    """The one with the highest rate of those that hold, or None."""
    return max((step for step in steps if step["holds"]), key=lambda step: step["rate"], default=None)


def costs(run):
    """{part: microseconds of processor time for a request}"""
    count = run["answers"]
    return {part: seconds / count * 1e6 for part, seconds in run["usage"]["processor"].items()} if count else {}


def routes_of(run):
    heads = ["", "requests", "from Redis, %", "p50, ms", "p95, ms", "p99, ms", "slowest, ms"]
    groups = {TITLES[route]: run["routes"][route] for route in P95 if route in run["routes"]} | {"Reads that Redis had": run["hits"], "Reads that it had not": run["misses"],
                                                                                               "Requests were sent late by": run["late"]}
    return table(heads, [[name, f"{found['count']:,}", cell(100 * found["hits"] / found["count"]) if found.get("hits") else "", *(cell(found[which]) for which in ("p50", "p95", "p99", "max"))] for name, found in groups.items() if found["count"]])


def steps_part(steps):
    if not steps:
        return ""
    best = best_step(steps)
    said = f"All of it holds up to {best['rate']:,} requests a second." if best else "No step held."
    series = {TITLES[route]: [(step["rate"], step["routes"].get(route, {}).get("p95")) for step in steps] for route in P95}
    plot = plots.by_rate("p95 by rate", series, {TITLES[route]: bar for route, (_, _, bar) in P95.items()})
    rows = [[f"{step['rate']:,}", f"{step['rate'] and step['all']['count'] / step['seconds']:,.0f}", *(cell(step["routes"].get(route, {}).get("p95")) for route in P95),
             f"{sum(step['errors'].values()):,}", cell(step["late"]["p99"]), ("holds", "good") if step["holds"] else ("does not", "bad")] for step in steps]
    heads = ["requests/s", "answered", *(f"{TITLES[route]}, p95" for route in P95), "errors", "late, p99", ""]
    return f"<h2>As many as it takes</h2><p>{said}</p>{plot}{table(heads, rows)}"


def page(results, rows):
    """results: of load.run; rows: of load.table."""
    run, options, machine = results["run"], results["options"], results["machine"]
    verdict = '<p class="verdict good">All targets are met.</p>' if not results["missed"] else f'<p class="verdict bad">{len(results["missed"])} targets are missed.</p>'
    curves = {TITLES[route]: run["routes"][route]["curve"] for route in P95 if run["routes"].get(route, {}).get("curve")}
    setting = (f"{options['users']:,} users, {options['rate']:,} requests a second for {options['minutes']:g} minutes; {options['students']:,} students, "
               f"{options['asked_for']:,} of them asked for. {machine['cores']} cores ({machine['cpu']}), which the load generator shares with all servers. {machine['date']}.")
    errors = "".join(f"<li>{html.escape(name)}: {count:,}</li>" for name, count in run["errors"].items())
    parts = [
        "<h1>Five hundred users</h1>", f'<p class="soft">{html.escape(setting)}</p>', verdict, guide_table(rows),
        f"<p>Errors:</p><ul>{errors}</ul>" if errors else "",
        "<h2>By route</h2><p>Times count from when a request was due, also if its user still waited for the answer before.</p>", routes_of(run),
        plots.distribution("Times of answers", curves) if curves else "", plots.over_time("Each second", run["timeline"]) if run["timeline"] else "",
        steps_part(results["steps"]),
        "<h2>What a request costs</h2>", plots.amounts(f"Processor time of each part for a request, at {options['rate']:,} a second", list(costs(run).items()), "µs"),
        plots.amounts(f"The same at {best['rate']:,} a second", list(costs(best).items()), "µs") if (best := best_step(results["steps"])) else "",
    ]
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>Load test</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n")
