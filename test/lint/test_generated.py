"""Files that a script of ours wrote are what it would write now."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_growth_table_is_that_of_the_published_file():
    done = subprocess.run([sys.executable, ROOT / "src/core/growth/cdc_table.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
