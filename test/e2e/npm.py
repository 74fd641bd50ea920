"""Packages of npm, where a folder of NODE_PATH has them.  Nothing downloads them."""

import json
import os
import shutil
from pathlib import Path

import pytest


def node_modules(package, major):
    """Returns the folder that has this package in that version, or skips the test."""
    for folder in filter(None, os.environ.get("NODE_PATH", "").split(":")):
        found = Path(folder, package, "package.json")
        if found.exists() and json.loads(found.read_text())["version"].startswith(f"{major}.") and shutil.which("node"):
            return Path(folder).absolute()
    pytest.skip(f"{package} {major} is not installed (npm install {package}@{major}, and NODE_PATH with the path of its node_modules)")


def typescript():
    """Returns the path of its compiler, of npm or of Debian, or skips the test."""
    folders = [*os.environ.get("NODE_PATH", "").split(":"), "/usr/share/nodejs"]
    found = next((path for folder in folders if folder and (path := Path(folder, "typescript/bin/tsc")).exists()), shutil.which("tsc"))
    if not found or not shutil.which("node"):
        pytest.skip("TypeScript is not installed (of Debian: node-typescript; of npm: typescript, with NODE_PATH)")
    return str(found)
