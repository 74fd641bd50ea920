"""The manual pages name every option and every setting, and nothing that is not there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/man/wc-worker.1.scd").read_text()


def settings_page():
    return subprocess.run([sys.executable, ROOT / "docs/man/worker_toml.py"], capture_output=True, text=True, check=True,
                          input=(ROOT / "config/worker.toml").read_text()).stdout


def test_every_setting_of_the_worker_is_in_its_page():
    table = (ROOT / "worker/config/setting.cpp").read_text()
    # Not the macros themselves.
    wanted = re.findall(r"^(?!#define).*\b(?:TEXT|INTEGER|BOOLEAN)\((?!section)(\w+), (\w+)", table, re.M)
    assert len(wanted) > 20
    page = settings_page()
    sections = {title.lower(): text for title, text in re.findall(r"^# (\w+)\n(.*?)(?=^# |\Z)", page, re.M | re.S)}
    missing = [f"{section}.{key}" for section, key in wanted
               if f"*{key.replace('_', chr(92) + '_')}* =" not in sections.get(section, "")]
    assert missing == []


def test_each_setting_has_a_description():
    bare = re.findall(r"^(\*\S+\* = .*)\n(?!\t)", settings_page(), re.M)
    assert bare == []


def test_options_are_those_of_the_program():
    source = (ROOT / "worker/config/command_line.cpp").read_text()
    options = set(re.findall(r"(--[a-z-]+)", source))
    assert "--config" in options
    assert options == set(re.findall(r"\*(--[a-z-]+)\*", PAGE)) - {"--help"}


def test_the_completion_offers_the_options_of_the_program():
    source = (ROOT / "worker/config/command_line.cpp").read_text()
    offered = re.search(r"compgen -W '(.*?)'", (ROOT / "config/completion/wc-worker").read_text())[1].split()
    assert set(offered) == set(re.findall(r"(--[a-z-]+)", source)) | set(re.findall(r'add_subcommand\("(\w+)"', source)) | {"--help"}


def test_environment_variables_are_those_of_the_program():
    table = (ROOT / "worker/config/setting.cpp").read_text()
    assert set(re.findall(r'env\(\s*"(\w+)"', table)) <= set(re.findall(r"\*([A-Z_]+)\*", PAGE))
