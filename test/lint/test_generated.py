"""Files that a script of ours wrote are what it would write now."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_types_of_the_clients_are_those_of_the_schemas():
    done = subprocess.run([sys.executable, ROOT / "clients/shapes.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_growth_table_is_that_of_the_published_file():
    done = subprocess.run([sys.executable, ROOT / "src/core/growth/cdc_table.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_picture_of_a_trace_is_that_of_its_spans():
    done = subprocess.run([sys.executable, ROOT / "docs/trace.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
