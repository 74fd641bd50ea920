"""Compilers and linkers get what a packager gives to make; and a build out of tree makes what one inside makes."""

import os
import re
import subprocess

import pytest
from servers.cluster import PG_CONFIG
from servers.ground import BUILD, ROOT

GIVEN = {"CPPFLAGS": "-DGIVEN_CPPFLAGS", "CXXFLAGS": "-DGIVEN_CXXFLAGS", "LDFLAGS": "-Wl,-O1,--given-ldflags"}
OUTSIDE = ("-f", f"{ROOT}/Makefile", f"VPATH={ROOT}")


def make(*words, cwd=ROOT, environment=None):
    clean = {name: value for name, value in os.environ.items() if name not in GIVEN}
    done = subprocess.run(["make", "--no-print-directory", f"PG_CONFIG={PG_CONFIG}", *words], cwd=cwd, capture_output=True, text=True,
                          env=clean | {"MAKEFLAGS": ""} | (environment or {}))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("where", ["environment", "arguments", "out of tree"])
def test_every_compile_and_link_has_the_given_flags(tmp_path, where):
    """The commands of a build from nothing."""
    words = {"environment": (), "arguments": [f"{name}={value}" for name, value in GIVEN.items()], "out of tree": OUTSIDE}[where]
    said = make("-n", "-B", "V=1", f"BUILD={tmp_path}/built", *words, "all", cwd=tmp_path if where == "out of tree" else ROOT,
                environment=None if where == "arguments" else GIVEN).splitlines()
    compiles = [line for line in said if re.search(r" -c -o \S+\.o ", line)]
    links = [line for line in said if re.search(r" -o (?:white_cross\.so|\S+/wc-worker) ", line)]
    # The core is compiled for both.
    folders = ("src", "worker", "src/core")
    assert len(compiles) == sum(len(list((ROOT / folder).rglob("*.cpp"))) for folder in folders) > 200
    assert [line for line in compiles if GIVEN["CPPFLAGS"] not in line or GIVEN["CXXFLAGS"] not in line] == []
    assert len(links) == 2
    assert [line for line in links if GIVEN["LDFLAGS"] not in line] == []


def test_what_is_not_compiled_is_the_same_out_of_tree(tmp_path):
    script, = BUILD.glob("white_cross--*.sql")
    made = [script.name, "worker/redis/library.lua.inc", "worker/http/console/console.html.inc"]
    make("-s", "BUILD=built", *OUTSIDE, *(f"built/{name}" for name in made), cwd=tmp_path)
    assert [name for name in made if (tmp_path / "built" / name).read_bytes() != (BUILD / name).read_bytes()] == []
