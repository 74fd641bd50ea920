"""make installcheck, as PGXS knows it, against a running server."""

import os
import re
import subprocess

from servers.cluster import PG_CONFIG
from servers.ground import BUILD, ROOT


def installcheck(cluster, **cases):
    return subprocess.run(
        ["make", "-s", "--no-print-directory", f"BUILD={BUILD}", f"PG_CONFIG={PG_CONFIG}", "installcheck",
         *(f"{name}={value}" for name, value in cases.items())],
        cwd=ROOT, env=cluster.environment() | {"MAKEFLAGS": ""}, capture_output=True, text=True)


def test_some_cases_pass_against_a_running_server(cluster):
    done = installcheck(cluster, REGRESS="bmi vitals", ISOLATION="writers_do_not_wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^(?:test \S+ +\.\.\. ok|ok \d+)", done.stdout, re.M)) == 3


def test_a_case_that_differs_fails(cluster, tmp_path):
    os.chmod(tmp_path, 0o755)
    for folder, text in (("sql", "SELECT 1 AS one;\n"), ("expected", "SELECT 1 AS one;\n one \n-----\n   2\n(1 row)\n\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"differs.{'sql' if folder == 'sql' else 'out'}").write_text(text)
    done = installcheck(cluster, REGRESS="differs", ISOLATION="",
                        REGRESS_OPTS=f"--inputdir={tmp_path} --outputdir={tmp_path}")
    assert done.returncode != 0


def test_every_case_is_among_them():
    listed = subprocess.run(["make", "-s", "--no-print-directory", f"PG_CONFIG={PG_CONFIG}", "--eval", "show: ; @echo $(REGRESS) -- $(ISOLATION)", "show"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    wanted = sorted(path.stem for path in (ROOT / "expected").glob("*.out"))
    specs = sorted(path.stem for path in (ROOT / "test/isolation/specs").glob("*.spec"))
    assert wanted and specs and listed == [*wanted, "--", *specs]
