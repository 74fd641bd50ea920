"""The dashboard for Grafana: each of its expressions, on a Prometheus that scrapes a worker under load, has an answer."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from npm import node_modules, typescript
from servers import Prometheus, Worker, until

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "demo"))
from load import Load  # noqa: E402

# What Grafana puts in the place of its variables.
VARIABLES = {"$job": ".*", "$instance": ".*", "$__rate_interval": "1m"}


def panels():
    return json.loads((ROOT / "config/grafana/dashboard.json").read_text())["panels"]


def expressions():
    """{expression: title of its panel}."""
    found = {}
    for panel in panels():
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            found[expression] = panel["title"]
    return found


def test_no_two_panels_lie_over_each_other():
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    taken = {}
    for panel in panels():
        at = panel["gridPos"]
        for place in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert place not in taken, f"{panel['title']} lies over {taken[place]}"
            taken[place] = panel["title"]
        assert at["x"] + at["w"] <= 24


def test_grafanas_own_types_take_the_dashboard(tmp_path):
    """As TypeScript reads a literal, so that a number in the place of a text is found too."""
    compiler = typescript()
    (tmp_path / "node_modules").symlink_to(node_modules("@grafana/schema", 13))
    dashboard = (ROOT / "config/grafana/dashboard.json").read_text()
    for name, text in ("good", dashboard), ("wrong", dashboard.replace('"title": "', '"title": 1, "was": "', 1)):
        (tmp_path / f"{name}.ts").write_text(f"import type {{ Dashboard }} from '@grafana/schema';\nexport const dashboard: Dashboard = {text};\n")
    found = subprocess.run([compiler, "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext",
                            "good.ts", "wrong.ts"], cwd=tmp_path, capture_output=True, text=True).stdout
    assert "good.ts" not in found and "wrong.ts" in found, found


def test_every_expression_is_of_this_dashboard_alone():
    assert len(expressions()) > 20
    assert [one for one in expressions() if re.search(r"\$", one)] == [], "a variable that this test does not know"


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")
def test_every_expression_has_an_answer(ground, counted, redis_server):
    school = counted
    for number in range(50):
        student = school.add_student(f"busy-{number}")
        school.add_allergy(student)
        school.add_record(student, vital='{"height": 130}')
    school.sql("GRANT USAGE ON SCHEMA public TO PUBLIC")
    school.allow_worker()
    with redis_server.connect() as client:
        client.flushall()
    with Worker(ground, school.worker_dsn, redis_server, "dashboard", settings={"audit": {"rate_per_s": 20}}) as worker, \
            Prometheus(ground, worker) as prometheus, \
            Load(lambda: school.cluster.connect(school.database), redis_server.connect) as load:
        waiting = expressions()

        def ask():
            for one in list(waiting):
                if prometheus.query(one):
                    del waiting[one]
            return load.failure or not waiting

        try:
            until(ask, 90, "each expression to have an answer", 0.5)
        except TimeoutError:
            pass
        assert load.failure is None
        assert waiting == {}
