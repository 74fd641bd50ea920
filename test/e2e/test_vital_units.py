"""Units beside a vital sign and behind it: every reader of vital signs takes them alike, and the table of docs/growth.md is what they know."""

import json
import re

import pytest

from servers.ground import ROOT


def table():
    """vital, factor to its own unit (None: degrees Fahrenheit), spelling: of each row of that table."""
    rows = re.findall(r"^\| ([\w, ]+) \| (?:([\d.]+) \S+|(°F)|[\d.]+ per minute) \| (`.*`) \|$", (ROOT / "docs/growth.md").read_text(), re.M)
    for vitals, factor, fahrenheit, spellings in rows:
        for vital in vitals.split(", "):
            for spelling in re.findall(r"`([^`]+)`", spellings):
                yield vital, None if fahrenheit else float(factor or 1), spelling


def own(value, factor):
    return (value - 32) * 5 / 9 if factor is None else value * factor


def test_every_spelling_of_the_table(school):
    rows = list(table())
    assert len(rows) > 90
    for vital, factor, spelling in rows:
        for text in spelling, spelling.upper(), f" {spelling.lower()} .".replace(" .", "."), f"  {spelling}\t":
            for value in ({vital: 80.5, f"{vital}Unit": text}, {vital: f"80.5 {text}"}, {vital: "80.5", f"{vital}Unit": text},
                          {vital: f"80.5{spelling}", f"{vital}Unit": text}):
                found = school.one("SELECT wc_vital_value(%s, %s)", json.dumps(value), vital)
                assert found == pytest.approx(own(80.5, factor), rel=1e-14), value
    # And there are no others.
    known = set(re.findall(r'\{"((?:[^"\\]|\\.)+)"sv, [\dk]', (ROOT / "src/core/vitals/unit.cpp").read_text()))
    unescaped = {json.loads(f'"{text}"').lower() for text in known}
    assert unescaped == {spelling.lower() for _, _, spelling in rows}
    school.sql("SELECT wc_vital_value(%s, 'bloodPressureSystolic')", '{"bloodPressureSystolic": 120, "bloodPressureUnit": "mmHg"}')
    for value, name in (('{"bloodPressureSystolic": 120, "bloodPressureUnit": "kPa"}', "bloodPressureSystolic"), ('{"weight": 80, "weightUnit": 7}', "weight"),
                        ('{"weight": 80, "weightUnit": {}}', "weight"), ('{"weight": "80"}', "weight"), ('{"weight": true, "weightUnit": "lb"}', "weight"),
                        ('{"weight": [80], "weightUnit": "lb"}', "weight"), ("[80]", "weight"), ("80", "weight"), ('{"weight": 1e400}', "weight")):
        assert school.one("SELECT wc_vital_value(%s, %s)", value, name) is None
    assert school.one("SELECT wc_vital_value('{\"weight\": 80, \"weightUnit\": null}', 'weight')") == 80


def write(height, weight, form):
    """Returns measurements of the same child, 140 cm and 35 kg, or of unknown units."""
    vital = {}
    for name, (value, unit) in {"height": height, "weight": weight}.items():
        if unit is None:
            vital[name] = value
        elif form == "beside":
            vital |= {name: value, f"{name}Unit": unit}
        elif form == "behind":
            vital[name] = f"{value} {unit}"
        else:
            vital |= {name: str(value), f"{name}Unit": unit}
    return json.dumps(vital | {"temperature": 98.6, "temperatureUnit": "F"})


HEIGHTS = [(140, None), (1.4, "m"), (55.11811023622047, "in"), (4.593175853018373, "ft"), (1400, "mm")]
WEIGHTS = [(35, None), (77.16179176470079, "lb"), (1234.5886682352126, "oz"), (35000, "g")]


@pytest.mark.parametrize("reads", ["on", "off"])
def test_all_functions_read_vital_signs_alike(school, reads):
    school.sql(f"SET white_cross.direct_reads = {reads}")
    school.sql("SELECT wc_attach('public', compute_bmi => true)")
    known = [write(h, w, form) for h in HEIGHTS for w in WEIGHTS for form in ("beside", "behind", "text")]
    unknown = [write(h, w, form) for h, w in (((140, "yd"), (35, None)), ((140, None), (35, "stone")), ((55, "kg"), (77, "lb"))) for form in ("beside", "behind")]
    wanted = None
    for vital in known + unknown:
        student = school.add_student(dateOfBirth="2015-03-02", gender="FEMALE")
        for day in "2024-10-10", "2025-10-10":
            record = school.add_record(student, vital=vital, date=day)
        point = school.one("SELECT wc_growth_chart(%s::text, '{percentiles}')", student)
        stored = school.one("SELECT vital FROM health_records WHERE id = %s", record)
        seen = {
            "chart": [{**p, "zScores": {m: z and round(z, 9) for m, z in p["zScores"].items()},
                       "percentiles": {m: z and round(z, 9) for m, z in p["percentiles"].items()}} for p in point],
            "picture": re.sub(r"(\d+\.\d)\d*", r"\1", school.one("SELECT wc_growth_chart_svg(%s::text, 'weight')", student)),
            "category": school.one("SELECT wc_bmi_category_of(%s::text, '2025-10-11')", student),
            "bmi": stored.get("bmi"),
            "trends": [{k: v if isinstance(v, str) else v and round(v, 6) for k, v in (school.one("SELECT wc_vital_trend(%s::text, %s)", student, name) or {}).items()}
                       for name in ("height", "weight", "temperature", "bmi")],
            "summary": [school.one("SELECT wc_health_summary(%s::text, '{growth,trends}') -> %s", student, what) for what in ("growth", "trends")],
        }
        seen["summary"][1] = {name: {k: v if isinstance(v, str) else v and round(v, 6) for k, v in trend.items()}
                              for name, trend in seen["summary"][1].items()}
        # What is shown of a record is what was written.
        assert {name: stored[name] for name in json.loads(vital)} == json.loads(vital)
        if vital in known:
            wanted = wanted or seen
            assert seen == wanted, vital
        else:
            assert seen["category"] is None and seen["bmi"] is None
            assert all(p["bmi"] is None and None in (p["height"], p["weight"]) and p["category"] is None for p in seen["chart"])
            assert {} in seen["trends"][:2] and seen["trends"][3] == {}
            assert seen["trends"][2]["average"] == 37
    assert wanted["bmi"] == 17.9 and wanted["category"] == "healthy" and wanted["trends"][1]["average"] == 35
    assert [(p["height"], p["weight"], p["bmi"]) for p in wanted["chart"]] == [(140, 35, 17.9)] * 2
    statistics = school.one("SELECT wc_statistics(wc_vital_value(vital, 'weight')) FROM health_records")
    # Of the unknown, some leave a weight that is known.
    assert statistics["median"] == 35 and statistics["count"] == 2 * (len(known) + 4)


def test_a_bmi_that_no_child_has_overwrites_nothing(school):
    """The height is in inches or metres, the weight is in pounds, or both are exchanged. Without a unit the trigger can only tell
    that something is wrong."""
    school.sql("SELECT wc_attach('public', compute_bmi => true)")
    student = school.add_student()
    for height, weight, bmi in ((55, 35, 17.9), (1.4, 35, 17.9), (55, 77, 17.9), (35, 140, 17.9), (1400, 35, 17.9), (140, 35000, None), (1e-6, 1, 5)):
        vital = {"height": height, "weight": weight} | ({"bmi": bmi} if bmi else {})
        record = school.add_record(student, vital=json.dumps(vital))
        assert school.one("SELECT vital FROM health_records WHERE id = %s", record) == vital
    record = school.add_record(student, vital='{"height": 140, "weight": 35, "bmi": 99}')
    assert school.one("SELECT vital ->> 'bmi' FROM health_records WHERE id = %s", record) == "17.9"
