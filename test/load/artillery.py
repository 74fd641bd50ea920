"""The main run by Artillery, as the guide has it: test/load/health-records.yml."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from servers import PackageMissing, ServerFailed
from servers.node_packages import find, node_path
from targets import P95
from usage import Usage

HERE = Path(__file__).resolve().parent
REQUESTS_OF_A_USER = 0.6 * 4 + 0.3 * 2 + 0.1 * 1  # Artillery counts users who arrive, each with one workflow


def program():
    if found := shutil.which("artillery"):
        return [found]
    try:
        return ["node", find("artillery") / "bin/run"]
    except PackageMissing:
        raise PackageMissing("Artillery is not installed (of npm: npm install artillery, and NODE_PATH with the path of its node_modules); without "
                             "--artillery the generator of test/load sends the load") from None


def run(service, options, seconds, folder):
    # It looks for the students beside the script.
    script = Path(shutil.copy(HERE / "health-records.yml", folder))
    (folder / "students.csv").write_text("".join(f"{id}\n" for id, _ in service.students_asked_for(options.asked_for)))
    output = folder / "artillery.json"
    output.unlink(missing_ok=True)
    phases = [{"duration": seconds, "arrivalCount": round(seconds * options.rate / REQUESTS_OF_A_USER), "name": "the load"}]
    overrides = {"config": {"phases": phases, "http": {"pool": options.users}}}
    command = [*program(), "run", "--target", service.api.url, "--output", output, "--overrides", json.dumps(overrides), script]
    environment = os.environ | {"API_TOKEN": service.api.token, "NODE_PATH": node_path(), "ARTILLERY_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen(list(map(str, command)), env=environment)
    try:
        with Usage(service, process.pid) as usage:
            process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if not output.exists():
        raise ServerFailed(f"Artillery gave {process.returncode} and no report")
    # The worker's, of the last five minutes.
    hit_rate = json.loads(service.worker.get("/api/admin/performance")[1])["cache"]["hitRate"]
    return figures(json.loads(output.read_text()), seconds) | {"hit rate": hit_rate, "asked rate": options.rate, "usage": usage.summary()}


def of(summary):
    known = {"p50": summary.get("p50"), "p95": summary.get("p95"), "p99": summary.get("p99"), "max": summary.get("max")}
    return {"count": summary.get("count", 0), **known, "curve": []}


def figures(report, seconds):
    """Its report, in the form of the generator's.  It knows nothing of hits, and its times count from when a request was sent."""
    aggregate = report["aggregate"]
    summaries, counters = aggregate.get("summaries", {}), aggregate.get("counters", {})
    routes = {route: of(summaries.get(f"plugins.metrics-by-endpoint.response_time.{route}", {})) for route in P95}
    errors = {name: count for name, count in counters.items() if name.startswith("errors.")}
    errors |= {f"status {name.rpartition('.')[2]}": count for name, count in counters.items() if name.startswith("http.codes.") and not name.startswith("http.codes.2")}
    answers = counters.get("http.responses", 0)
    return {"seconds": seconds, "answers": answers, "rate": answers / seconds, "all": of(summaries.get("http.response_time", {})), "errors": errors,
            "routes": routes, "hits": {**of({})}, "misses": {**of({})}, "late": {**of({})}, "timeline": []}
