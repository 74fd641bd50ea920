"""Our C++ is formatted by clang-format 14 with the tree's .clang-format."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WANTED = 14  # other versions format differently


def clang_format():
    for name in (f"clang-format-{WANTED}", "clang-format"):
        if path := shutil.which(name):
            version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            if re.search(rf"version {WANTED}\.", version):
                return path
    return None


def test_sources_are_formatted():
    program = clang_format()
    if not program:
        pytest.skip(f"clang-format {WANTED} is not here, and other versions format differently")
    sources = [str(path) for folder in ("src", "worker", "test") for pattern in ("*.cpp", "*.hpp")
               for path in sorted((ROOT / folder).rglob(pattern))]
    assert sources
    done = subprocess.run([program, "--dry-run", "--Werror", *sources], capture_output=True, text=True)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)))
    assert not wrong, "clang-format -i " + " ".join(str(Path(path).relative_to(ROOT)) for path in wrong)
    assert done.returncode == 0, done.stderr[-2000:]
