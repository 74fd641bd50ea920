"""What a line of white_cross.audit costs: the same calls with and without it, on connections that take turns in slices."""

from district import table
from slices import CLIENTS, a_second, share, slices

# Each way by its settings.  The summaries come from shared memory: no call is shorter.
SUMMARY = "SELECT wc_health_summary($1)"
WAYS = {
    "off": "SET white_cross.audit = off",
    "failed": "SET white_cross.audit = failed",
    "on": "SET white_cross.audit = on; SET white_cross.purpose = 'visit'",
}


def measure(district, quick):
    seconds = 2 if quick else 20
    with district.cluster.connect(district.database) as connection:
        connection.execute("SELECT count(wc_health_summary(id)) FROM students")
    results = {}
    for clients in CLIENTS[:2]:
        found = slices(district.cluster.environment(district.database), clients, seconds, district.students,
                       {name: (settings, SUMMARY) for name, settings in WAYS.items()})
        results[f"{clients} clients"] = {name: {"a second": a_second(found, name), "of off": share(found, name, "off"),
                                                "server us": found[name]["server us"],
                                                "more us": found[name]["server us"] - found["off"]["server us"]} for name in found}
    print("cached summaries: rate of those that are not audited; microseconds of the server's CPU for a call, and more than without; clients")
    table(["", *[f"{what}, {clients}" for clients in results for what in ("of off", "us", "more us")]],
          [[name, *[cell for found in results.values() for cell in (f"{found[name]['of off']:.3f}", found[name]["server us"], found[name]["more us"])]]
           for name in WAYS])
    return results
