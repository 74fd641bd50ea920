"""Every function, setting and metric that users see is in docs/reference.md or in the commented configuration."""

import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from documents import LANGUAGES, PAGES, ROOT, blocks, prose  # noqa: E402

REFERENCE = (ROOT / "docs/reference.md").read_text()
CACHE = (ROOT / "docs/cache.md").read_text()


def sources(folder):
    return "\n".join(path.read_text() for path in sorted((ROOT / folder).rglob("*.[ch]pp")))


def undocumented(names):
    assert names, "the test found nothing to look for"
    return [name for name in sorted(names) if not re.search(rf"\b{re.escape(name)}\b", REFERENCE)]


def test_sql_functions_are_in_the_reference():
    install = "".join(path.read_text() for path in sorted((ROOT / "sql/install").glob("*.sql")))
    names = re.findall(r"CREATE (?:OR REPLACE )?(?:FUNCTION|AGGREGATE|VIEW) (?:@extschema@\.)?(wc_\w+)", install, re.I)
    assert undocumented(set(names)) == []


def test_settings_are_in_the_reference():
    names = set(re.findall(r'"(white_cross\.[a-z_]+)"', (ROOT / "src/extension/server/settings.cpp").read_text()))
    assert undocumented(names) == []


def test_metrics_are_in_the_reference():
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
def test_examples_are_in_the_documents_as_they_are_tested(file, language, begins):
    text = (ROOT / "examples" / file).read_text()
    shown = re.findall(rf"^```{language}\n(.*?)^```$", CACHE, re.M | re.S)
    assert shown == [text[text.index(f"\n{begins}") + 1:]]


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 200


def anchors(page):
    """Returns the anchors that GitHub makes of headings."""
    headings = [line.lstrip("#").strip() for line in prose(page) if re.match("#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_documents_lead_somewhere():
    dead = []
    for page in [*PAGES, *sorted((ROOT / "src").rglob("README.md")), *sorted((ROOT / "clients").rglob("README.md"))]:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
            to = page.parent / target if target else page
            if not to.exists() or anchor and anchor not in anchors(to):
                dead.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert dead == []


def test_lines_of_documents_are_not_endless():
    """Lines of text; those of tables and code are as long as they need be."""
    long = [f"{page.relative_to(ROOT)}:{number}" for page in PAGES
            for number, line in enumerate(prose(page), 1) if len(line) > 140 and not line.startswith(("|", "!["))]
    assert long == []


def test_code_in_documents_is_fenced_and_says_its_language():
    """Only then test/e2e/test_documents.py runs it. It does not see a block that is indented by four spaces."""
    found = [block for page in PAGES for block in blocks(page)]
    assert len(found) > 50
    assert [str(block) for block in found if block.language not in LANGUAGES] == []
    bare = [f"{page.relative_to(ROOT)}:{number}" for page in PAGES
            for number, line in enumerate(prose(page), 1) if re.match(r"( {4}|\t)|\s*(~~~|```)", line)]
    assert bare == []


def test_comments_in_documents_are_what_a_test_runs():
    comments = [match for page in PAGES for match in re.findall(r"^(?!.*`<!--).*<!--.*$", page.read_text(), re.M)]
    assert len(comments) > 5 and set(comments) == {"<!-- setup"}


def test_an_output_stands_directly_behind_what_prints_it():
    """If there is a sentence between them, no test compares the two."""
    alone = [str(block) for page in PAGES for before, block in pairwise(blocks(page))
             if block.language == "text" and before.language == "sql"]
    assert alone == []
