"""The chart as a picture: what the README shows, valid XML, and nobody's name."""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from growth_chart import DRAW  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def child(school):
    school.cluster.psql_file(DOCS / "growth_chart.sql", school.database)
    return school


def test_the_picture_in_the_readme_is_what_is_drawn(child):
    drawn = child.one(DRAW)
    assert drawn == (DOCS / "growth_chart.svg").read_text(), "run make picture, and look at it"


@pytest.mark.parametrize("measure", ["bmi", "height", "weight"])
@pytest.mark.parametrize("size", [(160, 160), (800, 600), (4000, 4000)])
def test_valid_xml_that_names_nobody(child, measure, size):
    text = child.one("SELECT wc_growth_chart_svg('made-up'::text, %s, %s, %s)", measure, *size)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg" and (root.get("width"), root.get("height")) == tuple(map(str, size))
    assert not re.search("Made|N-made|made-up|2012-05|2025-0", text)
    points = root.findall(f"{SVG}circle")
    assert len(points) == (11 if measure == "weight" else 10)  # of eleven, one height is in inches
    for point in points:
        assert 0 < float(point.get("cx")) < size[0] and 0 < float(point.get("cy")) < size[1]
    assert all(title.text for title in root.iter(f"{SVG}title"))


def test_in_a_database_that_is_not_of_unicode(cluster):
    """The picture is of ASCII alone."""
    cluster.psql("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    cluster.psql("SET client_min_messages = error; CREATE EXTENSION white_cross; SELECT wc_create_tables('public'); SELECT wc_attach('public');", "latin")
    cluster.psql_file(DOCS / "growth_chart.sql", "latin")
    with cluster.connect("latin") as connection:
        connection.execute("SET client_encoding = 'UTF8'")
        assert connection.execute(DRAW).fetchone()[0] == (DOCS / "growth_chart.svg").read_text()


def test_a_policy_that_hides_the_student_hides_the_picture(child):
    child.sql("DO $$ BEGIN CREATE ROLE wc_test_nobody LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    child.sql("GRANT SELECT ON students, health_records TO wc_test_nobody")
    child.sql("SET ROLE wc_test_nobody")
    assert child.one(DRAW) is not None
    child.sql("RESET ROLE")
    child.sql("ALTER TABLE students ENABLE ROW LEVEL SECURITY")
    child.sql("SET ROLE wc_test_nobody")
    assert child.one(DRAW) is None
    child.sql("RESET ROLE")
