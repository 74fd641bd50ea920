"""Gems of Ruby, where they are installed.  Nothing downloads them."""

import shutil
import subprocess

import pytest


def need_active_record(*more):
    """Skips the test where Ruby has no Active Record with PostgreSQL, or lacks one of these gems."""
    names = ["active_record", "pg", *more]
    if not shutil.which("ruby") or subprocess.run(["ruby", *(f"-r{name}" for name in names), "-e", ""], capture_output=True).returncode != 0:
        pytest.skip(f"Active Record is not installed (of Debian: {', '.join(['ruby-activerecord', 'ruby-pg', *(f'ruby-{name}' for name in more)])})")
