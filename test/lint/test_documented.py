"""What a user can call, set or read off stands in the README or in the commented configuration."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def sources(folder):
    return "\n".join(path.read_text() for path in sorted((ROOT / folder).rglob("*.[ch]pp")))


def undocumented(names):
    assert names, "the test found nothing to look for"
    return [name for name in sorted(names) if not re.search(rf"\b{re.escape(name)}\b", README)]


def test_sql_functions_are_in_the_readme():
    install = "".join(path.read_text() for path in sorted((ROOT / "sql/install").glob("*.sql")))
    names = re.findall(r"CREATE (?:OR REPLACE )?(?:FUNCTION|AGGREGATE|VIEW) (?:@extschema@\.)?(wc_\w+)", install, re.I)
    assert undocumented(set(names)) == []


def test_settings_are_in_the_readme():
    names = set(re.findall(r'"(white_cross\.[a-z_]+)"', (ROOT / "src/extension/settings.cpp").read_text()))
    assert undocumented(names) == []


def test_metrics_are_in_the_readme():
    names = set(re.findall(r'"(wc_[a-z_]+)"', sources("worker/metrics")))
    assert undocumented(names) == []


def test_every_key_of_the_worker_has_a_line_of_meaning():
    """A comment directly above the key, or above its group of keys, or on its line."""
    bare = []
    commented = False
    for number, line in enumerate((ROOT / "config/worker.toml").read_text().splitlines(), 1):
        if line.startswith("#") and not re.match(r"#\s*\w+ = ", line):
            commented = True
        elif re.match(r"(#\s*)?\w+ = ", line):
            if not commented and " # " not in line:
                bare.append(f"{number}: {line}")
            commented = False
        else:
            commented = False
    assert bare == []


@pytest.mark.parametrize("file, language, begins", [("fenced.py", "python", "def "), ("fenced.mjs", "js", "export ")])
def test_examples_are_in_the_readme_as_they_are_tested(file, language, begins):
    text = (ROOT / "examples" / file).read_text()
    shown = re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)
    assert shown == [text[text.index(f"\n{begins}") + 1:]]


def test_changelog_names_the_version():
    version = re.search(r"default_version = '(.+)'", (ROOT / "white_cross.control").read_text())[1]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## Unreleased", changelog, re.M | re.I)
    assert version in changelog or "0.1.0" == version
