#!/usr/bin/python3
"""The load test of the guide as one command: the API, PgBouncer, PostgreSQL, Redis and the worker, and 500 users who want them.

    make load                                       ten minutes at 100 requests a second, then steps; about twenty minutes
    make load LOAD_OPTIONS="--minutes 1 --no-steps"
    make load LOAD_OPTIONS="--artillery"            the ten minutes by Artillery, where NODE_PATH has it

Prints the guide's table beside its figures, and writes it with plots to build/load/report.html, and all figures to
build/load/results.json.  Exit status: 0 all targets met, 1 one was not, 2 it could not run; make gives 2 for both.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

import artillery  # noqa: E402
import capacity  # noqa: E402
import load_report  # noqa: E402
from servers import Ground, ServerFailed  # noqa: E402
from servers.ground import BUILD  # noqa: E402
from service import Service  # noqa: E402
from targets import OF_A_STEP, SLOWEST_GENERATOR_MS, holds, keeps_up, missed, targets, values  # noqa: E402
from usage import Usage  # noqa: E402

HERE = Path(__file__).resolve().parent
WARM_SECONDS = 30
STEP_WARM_SECONDS = 5
REFINEMENTS = 3  # steps between the last rate that held and the first that did not
SHOWN_EVERY = 10  # seconds


def say(line):
    print(line, flush=True)


def generate(service, options, rate, seconds, warm, seed):
    """Runs the generator once.  Returns what it measured, with what the parts used meanwhile."""
    wanted = {"port": service.api.port, "token": service.api.token, "users": options.users, "rate": rate, "warm": warm, "seconds": seconds,
              "students": service.students_asked_for(options.asked_for), "seed": seed}
    with subprocess.Popen(["node", HERE / "generator.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            process.stdin.write(json.dumps(wanted))
            process.stdin.close()
            with Usage(service, process.pid) as usage:
                result = follow(process.stdout, seconds)
        except BaseException:
            process.kill()
            raise
    if result is None:
        raise ServerFailed("the load generator ended without a result")
    return result | {"asked rate": rate, "usage": usage.summary()}


def follow(lines, seconds):
    """Shows the progress.  Returns the result."""
    answered, errors = 0, 0
    for line in map(json.loads, lines):
        if "result" in line:
            return line["result"]
        answered += line["answered"]
        errors += line["errors"]
        if line["second"] % SHOWN_EVERY == 0:
            p95 = "-" if line["p95"] is None else f"{line['p95']:.1f}"
            say(f"    {line['second']:4} of {seconds} s   {answered:8,} answered   {errors} errors   p95 of this second {p95} ms")
    return None


def outcome(result, rate):
    found = values(result)
    times = ", ".join(f"{key.removesuffix('_p95')} {found[key]:.1f}" for key in OF_A_STEP if key.endswith("_p95") and found[key] is not None)
    why = missed(found, OF_A_STEP) + ([] if keeps_up(result, rate) else ["rate"])
    late = result["late"]["p99"]
    generator = f"; the generator was late by {late:.0f} ms (p99)" if late is not None and late > SLOWEST_GENERATOR_MS else ""
    return f"{'holds' if not why else 'does not hold: ' + ', '.join(why)}   (p95: {times}){generator}"


def climb(measure, first, low=0):
    """Doubles the rate until a step does not hold, then looks between.  low: a rate that has held before, or 0.

    Returns [(rate, result)] in the order of the rates.
    """
    steps = {}

    def try_rate(rate):
        steps[rate] = measure(rate, len(steps))
        say(f"  {rate:6,} requests/s: {outcome(steps[rate], rate)}")
        return holds(steps[rate], rate)

    high = first
    while try_rate(high):
        low, high = high, high * 2
    for _ in range(REFINEMENTS):
        if high - low <= 50 or low == 0:
            break
        middle = round((low + high) / 2 / 50) * 50
        if try_rate(middle):
            low = middle
        else:
            high = middle
    return sorted(steps.items())


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "date": datetime.date.today().isoformat()}


def table(found):
    """[(name, unit, the guide's figure, the guide's target, the bar, the value, whether it is met)]"""
    return [(target.name, target.unit, target.measured, target.promised, target.bar, found[key], target.met(found[key]))
            for key, target in targets().items()]


def show(found):
    say(f"\n{'':42} {'here':>10} {'bar':>8} {'guide':>8} {'its target':>11}")
    for name, unit, measured, promised, bar, value, met in table(found):
        said = "not known" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")
        mark = {None: "", True: "met", False: "MISSED"}[met]
        say(f"{name + (', ' + unit if unit else ''):42} {said:>10} {'' if bar is None else f'{bar:g}':>8} {measured:>8} {promised:>11}  {mark}")


def run(options, ground):
    """Returns all results."""
    seconds = round(options.minutes * 60)
    with Service(ground, options.students, say) as service:
        size = service.size()
        by = "Artillery" if options.artillery else "the generator of test/load"
        say(f"{options.users} users, {options.rate} requests/s for {options.minutes:g} minutes, by {by}")
        if options.artillery:
            main_run = artillery.run(service, options, seconds, options.output)
        else:
            main_run = generate(service, options, options.rate, seconds, min(WARM_SECONDS, seconds), options.seed)
        audit = service.audit()
        found = values(main_run, main_run["usage"], audit)
        show(found)
        steps = []
        if not options.no_steps:
            say(f"\nthe highest rate at which users feel none of it, by steps of {options.step_seconds} s")
            steps = climb(lambda rate, n: generate(service, options, rate, options.step_seconds, STEP_WARM_SECONDS, options.seed + 1 + n),
                          2 * options.rate, options.rate if holds(main_run, options.rate) else 0)
        audit = service.audit()
        if audit["stale"]:
            found |= {"audit_stale": audit["stale"]}
    return {"machine": machine(), "options": vars(options) | {"output": str(options.output)}, "run": main_run, "values": found, "missed": missed(found),
            "steps": [{**result, "rate": rate, "holds": holds(result, rate)} for rate, result in steps], "audit at the end": audit, "bytes of a student": size / options.students}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="of the main run (default 10)")
    parser.add_argument("--rate", type=int, default=100, help="requests a second of the main run (default 100)")
    parser.add_argument("--users", type=int, default=500, help="who send them (default 500)")
    parser.add_argument("--students", type=int, default=20_000, help="in the tables (default 20,000)")
    parser.add_argument("--asked-for", type=int, default=2_000, help="how many of them somebody asks for (default 2,000)")
    parser.add_argument("--step-seconds", type=int, default=30, help="of each step beyond (default 30)")
    parser.add_argument("--no-steps", action="store_true", help="only the main run")
    parser.add_argument("--artillery", action="store_true", help="Artillery sends the main run, where NODE_PATH has it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=BUILD / "load", help="the folder of the report (default build/load)")
    options = parser.parse_args()
    if not 0 < options.minutes or min(options.rate, options.users, options.asked_for, options.step_seconds) < 1 or options.students < options.asked_for:
        parser.error("times, rates and numbers are positive, and no more students are asked for than there are")
    return options


def main():
    options = arguments()
    folder = options.output
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with Ground("load/servers", say=say) as ground:
            results = run(options, ground)
    except (ServerFailed, TimeoutError) as failure:
        say(f"cannot run: {failure}")
        return 2
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "report.html").write_text(load_report.page(results, table(results["values"])))
    if results["steps"]:
        best = load_report.best_step(results["steps"])
        say(f"\nhighest rate at which it holds: {best['rate']:,} requests/s" if best else "\nno step held")
    say("processor time of a request, µs: " + ", ".join(f"{part} {cost:,.0f}" for part, cost in capacity.costs(results).items()))
    say(f"written to {folder / 'report.html'} and results.json")
    say("all targets met" if not results["missed"] else f"MISSED: {', '.join(targets()[key].name for key in results['missed'])}")
    return 1 if results["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
