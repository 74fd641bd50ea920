"""What the old application's performance guide measured and promised, what is asked here, and whether a result has it."""

from dataclasses import dataclass

# A share of errors, a hit rate: in percent.  Times: milliseconds.


@dataclass(frozen=True)
class Target:
    """measured, promised: of the guide, where it says.  bar: what is asked here; at_least: it is a lower bound."""
    name: str
    unit: str
    measured: str
    promised: str
    bar: float | None = None
    at_least: bool = False

    def met(self, value):
        """None: nothing is asked.  What was not measured is not met."""
        if self.bar is None:
            return None
        return value is not None and (value >= self.bar if self.at_least else value <= self.bar)


TITLES = {"summary": "Health summary", "records": "Page of records", "search": "Search", "create": "New record"}

# (the guide's p95, its target, the bar), of each route
P95 = {"summary": (320, 500, 20), "records": (285, 500, 20), "search": (780, 1000, 60), "create": (210, 400, 30)}

OVERALL = {
    "p50": Target("All requests, p50", "ms", "145", "< 200"),
    "p95": Target("All requests, p95", "ms", "320", "< 500"),
    "p99": Target("All requests, p99", "ms", "580", "< 1000"),
    "errors": Target("Errors", "%", "0.02", "< 1", 0.0),
    "stale": Target("Own writes that were not seen", "", "", "", 0),
    "hit_rate": Target("Hit rate", "%", "86.3", "> 80", 86.0, at_least=True),
    "hit_p95": Target("Hits, p95", "ms", "20", "< 20"),
    "miss_p95": Target("Misses, p95", "ms", "150", ""),
    "connections": Target("Connections to PostgreSQL, at most", "", "2-10", "10", 15),
    "audited": Target("Cached values that the auditor compared", "", "", "", 1, at_least=True),
    "audit_stale": Target("Of these, stale", "", "", "", 0),
    "rate": Target("Requests a second that were answered", "", "100", "100"),
}


def targets():
    """{key: Target} in the order of the table."""
    routes = {f"{route}_p95": Target(f"{TITLES[route]}, p95", "ms", str(measured), f"< {promised}", bar)
              for route, (measured, promised, bar) in P95.items()}
    return routes | OVERALL


def values(result, watched=None, audit=None):
    """{key: value} of what the generator measured.  watched: Usage.summary(); audit: {"checked", "stale"}."""
    routes, errors = result["routes"], result["errors"]
    failed = sum(errors.values())
    count = result["all"]["count"]
    reads = result["hits"]["count"] + result["misses"]["count"]
    return {f"{route}_p95": routes.get(route, {}).get("p95") for route in P95} | {
        "p50": result["all"]["p50"], "p95": result["all"]["p95"], "p99": result["all"]["p99"],
        "errors": 100 * failed / (count + failed) if count + failed else None,
        "stale": errors.get("stale", 0) if count else None,
        "hit_rate": 100 * result["hits"]["count"] / reads if reads else result.get("hit rate"),
        "hit_p95": result["hits"]["p95"], "miss_p95": result["misses"]["p95"],
        "connections": watched and watched["connections"], "audited": audit and audit["checked"], "audit_stale": audit and audit["stale"],
        "rate": result["rate"],
    }


# A step of some seconds has no new cache to fill, and nothing for the auditor to add: what must hold is what users feel.
OF_A_STEP = (*(f"{route}_p95" for route in P95), "errors", "stale")
SLOWEST_GENERATOR_MS = 20  # p99 of how late requests were sent; beyond, the generator or all users are what is slow


def missed(found, keys=None):
    """[keys] of the targets that are not met."""
    return [key for key, target in targets().items() if (keys is None or key in keys) and target.met(found[key]) is False]


def keeps_up(result, rate):
    """Whether as many requests were answered as were due.  Random arrivals differ from their mean by some percent in a short run."""
    return result["rate"] >= 0.9 * rate


def holds(result, rate):
    """Whether a step holds: what users feel is within the bars, and the load was really there."""
    return not missed(values(result), OF_A_STEP) and keeps_up(result, rate)
