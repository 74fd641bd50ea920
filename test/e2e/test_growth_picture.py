"""The chart as a picture: it is the one of the documents, it is valid XML, and it contains no name."""

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


def test_points_are_joined_in_the_order_of_their_dates(school):
    """Whatever the order in which they were written."""
    school.add_student("ada")
    heights = {"2020-01-05": 118, "2023-01-05": 137, "2021-01-05": 124, "2024-06-05": 145, "2022-01-05": 131}
    for date, height in heights.items():
        school.add_record("ada", date=date, vital=f'{{"height": {height}}}')
    root = ElementTree.fromstring(school.one("SELECT wc_growth_chart_svg('ada'::text, 'height')"))
    tips = [point.find(f"{SVG}title").text for point in root.findall(f"{SVG}circle")]
    assert [float(tip.split(": ")[1].removesuffix(" cm")) for tip in tips] == sorted(heights.values())
    (line,) = (path for path in root.findall(f"{SVG}path") if path.get("class") == "wc-growth-path")
    assert re.findall(r"[\d.]+ [\d.]+", line.get("d")) == [f"{p.get('cx')} {p.get('cy')}" for p in root.findall(f"{SVG}circle")]


def test_it_says_what_is_missing(school):
    """A child without a birth date has measurements, and no measurements is another thing."""
    school.sql('ALTER TABLE students ALTER "dateOfBirth" DROP NOT NULL')
    for student, birth in ("unborn", None), ("new", "2015-03-02"):
        school.add_student(student, dateOfBirth=birth)
    school.add_record("unborn", vital='{"height": 130}')
    school.add_record("unborn", vital='{"height": "51 in"}', date="2025-10-11")
    school.add_record("new", vital='{"height": 130}', date="infinity")

    def said(student, measure):
        return [text.text for text in ElementTree.fromstring(school.one("SELECT wc_growth_chart_svg(%s::text, %s)", student, measure)).findall(f"{SVG}text")]
    assert "no birth date, 2 without an age" in said("unborn", "height")
    assert "no birth date, no measurements" in said("unborn", "weight")
    assert "1 without an age" in said("new", "height") and "no measurements" in said("new", "weight")


@pytest.mark.parametrize("gender, titled, median", [("MALE", "boys", 169.9), ("FEMALE", "girls", 161.9), ("OTHER", None, None)])
def test_the_curves_are_those_of_the_students_sex(school, gender, titled, median):
    """The median of height at 15 years, which CDC has, by what is written on the axis."""
    school.add_student("sam", gender=gender, dateOfBirth="2009-01-01")
    school.add_record("sam", date="2024-01-01", vital='{"height": 165}')
    text = school.one("SELECT wc_growth_chart_svg('sam'::text, 'height')")
    root = ElementTree.fromstring(text)
    assert root.find(f"{SVG}title").text == "Height for age" + (f", {titled}" if titled else "")
    curves = [path.get("d") for path in root.findall(f"{SVG}path") if path.get("class") == "wc-growth-median"]
    assert len(curves) == (1 if median else 0)
    if median:
        axis = [(float(t.text), float(t.get("y")) - 0.36 * float(t.get("font-size"))) for t in root.findall(f"{SVG}text")
                if t.get("text-anchor") == "end" and t.text.isdigit()]
        (low, at_low), (high, at_high) = axis[0], axis[-1]
        x = float(root.find(f"{SVG}circle").get("cx"))
        spots = [tuple(map(float, spot.split())) for spot in re.findall(r"[\d.]+ [\d.]+", curves[0])]
        y = min(spots, key=lambda spot: abs(spot[0] - x))[1]
        assert low + (y - at_low) * (high - low) / (at_high - at_low) == pytest.approx(median, abs=0.4)


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
