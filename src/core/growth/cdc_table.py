#!/usr/bin/python3
"""Writes cdc_table.hpp from cdc2000_lms.csv, both beside this script.  With --check: only says whether it is up to date.

cdc2000_lms.csv holds L, M and S as CDC published them in 2000 (https://www.cdc.gov/growthcharts/percentile_data_files.htm),
a work of the US government, in the public domain.
"""

import csv
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLE = HERE / "cdc_table.hpp"
MEASURES, SEXES = ("bmi", "height", "weight"), ("male", "female")  # in the order of the enums in reference.hpp
AGES = [24.0, *[24.5 + month for month in range(216)], 240.0]
PER_LINE = 3

HEAD = """\
// CDC 2000: L, M and S by measure, sex and age.  Written by cdc_table.py from cdc2000_lms.csv; do not edit.
#pragma once
#include "core/growth/reference.hpp"

namespace wc::growth {

// clang-format off
inline constexpr Lms kCdc[3][2][kCdcPoints] = {
"""


def text():
    rows = {}
    with open(HERE / "cdc2000_lms.csv", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["measure"], row["sex"], float(row["age_months"])] = f"{{{row['L']}, {row['M']}, {row['S']}}},"
    lines = []
    for measure in MEASURES:
        lines.append("{")
        for sex in SEXES:
            lines.append(f"{{ // {measure}, {sex}")
            points = [rows.pop((measure, sex, age)) for age in AGES]
            lines += [" ".join(points[i:i + PER_LINE]) for i in range(0, len(points), PER_LINE)]
            lines.append("},")
        lines.append("},")
    # BMI alone is published to 240.5 months, past the end of the range.
    assert {age for _, _, age in rows} == {240.5} and {measure for measure, _, _ in rows} == {"bmi"}, rows
    return HEAD + "\n".join(lines) + "\n};\n// clang-format on\n\n}  // namespace wc::growth\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TABLE.read_text() == text() else f"{TABLE.name} is not what cdc_table.py makes of cdc2000_lms.csv")
    TABLE.write_text(text())
