"""The answers that each function must give: plain SQL reads all rows of a student, and this module builds them from that."""

import json

from tables import ATTRIBUTES, TIMES

# The label of a type that is renamed and renamed back: the snapshot and the catalog may have different names for it.
RENAMED = "DENTAL_CARE", "DENTAL"


def expression(attribute, column):
    name = f't."{column}"'
    if attribute in TIMES:
        return f"""to_char({name}::timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
    return f"{name}::jsonb" if attribute == "vital" else name


def rows_of(schema, entity, columns, by, order):
    fields = ", ".join(f"'{a}', {expression(a, columns[a])}" for a in ATTRIBUTES[entity])
    ordered = ", ".join(f't."{columns[a]}"{way}' for a, way in order)
    return (f"(SELECT coalesce(jsonb_agg(jsonb_build_object({fields}) ORDER BY {ordered}), '[]') "
            f"FROM {schema}.{entity} AS t WHERE t.\"{columns[by]}\" = %(id)s)")


ORDERS = {
    "students": ("students", "id", [("id", "")]),
    "records": ("health_records", "studentId", [("date", " DESC"), ("id", "")]),
    "allergies": ("allergies", "studentId", [("severity", " DESC"), ("allergen", ""), ("id", "")]),
    "conditions": ("chronic_conditions", "studentId", [("status", ""), ("condition", ""), ("id", "")]),
}


def plain_sql(schema, mapping, sections):
    """Returns a query for all rows of a student, with the attributes' names, in the order in which functions show them."""
    parts = []
    for section in sections:
        entity, by, order = ORDERS[section]
        parts.append(f"'{section}', {rows_of(schema, entity, mapping[entity]['columns'], by, order)}")
    return f"SELECT jsonb_build_object({', '.join(parts)})"


def pick(row, *names):
    return {name: row[name] for name in names}


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


VITAL = "id", "date", "vital", "type", "provider"
VACCINATION = "id", "type", "date", "description", "provider", "notes"


def is_vital(record):
    return record["vital"] is not None


def vaccinations(whole):
    return [pick(record, *VACCINATION) for record in whole["records"] if record["type"] == "VACCINATION"]


def summary(whole):
    if not whole["students"]:
        return None
    counts = {}
    for record in whole["records"]:
        counts[record["type"]] = counts.get(record["type"], 0) + 1
    return {"student": whole["students"][0], "allergies": [without(row, "studentId") for row in whole["allergies"]],
            "recentVitals": [pick(record, *VITAL) for record in whole["records"] if is_vital(record)][:5],
            "recentVaccinations": vaccinations(whole)[:5], "recordCounts": counts}


def page_of(whole):
    if not whole["students"]:
        return []
    student = pick(whole["students"][0], "id", "firstName", "lastName", "studentNumber")
    return [without(record, "studentId") | {"student": student} for record in whole["records"]]


def of_student(rows):
    """Returns a list of a student's page; for an unknown student it is empty."""
    return lambda whole: rows(whole) if whole["students"] else []


def chart(whole):
    return [{"date": record["date"], "height": record["vital"].get("height"), "weight": record["vital"].get("weight"),
             "bmi": record["vital"].get("bmi"), "recordType": record["type"]} for record in reversed(whole["records"]) if is_vital(record)]


def exported(chunks):
    """Returns the rows of an export's sections, with the compared columns only."""
    rows = {"student": [], "records": [], "allergies": [], "conditions": []}
    for chunk in chunks or []:
        if chunk["type"] != "end":
            part = chunk[chunk["type"]]
            rows[chunk["type"]] += part if isinstance(part, list) else [part]
    return rows


def export(whole):
    if not whole["students"]:
        return exported([])
    return {"student": whole["students"], "records": [without(row, "studentId") for row in whole["records"]],
            "allergies": [without(row, "studentId") for row in whole["allergies"]],
            "conditions": [without(row, "studentId") for row in whole["conditions"]]}


def among(expected, found):
    """Returns whether the found rows have the expected fields. A column that two attributes are bound to is exported once."""
    return expected.keys() == found.keys() and all(
        len(expected[section]) == len(found[section]) and
        all(all(other[name] == value for name, value in row.items() if name in other or name != "lastName")
            for row, other in zip(expected[section], found[section])) for section in expected)


def same(expected, found):
    return expected == found


SR, SRA, SRAC = ("students", "records"), ("students", "records", "allergies"), ("students", "records", "allergies", "conditions")
SA, SC = ("students", "allergies"), ("students", "conditions")

# name: (statement, parser of its result, function from all rows to the expected answer, comparison, sections that it reads)
FUNCTIONS = {
    "summary": ("SELECT wc_health_summary(%(id)s)", lambda r: r, summary, same, SRA),
    "summary and conditions": ("SELECT wc_health_summary(%(id)s, '{chronicConditions}')", lambda r: r,
                               lambda w: w["students"] and summary(w) | {"chronicConditions": [without(c, "studentId") for c in w["conditions"]]} or None, same, SRAC),
    "summaries": ("SELECT summary FROM wc_health_summaries(ARRAY[%(id)s])", lambda r: r, summary, same, SRA),
    "cache entries": ("SELECT coalesce(json_agg(value), '[]') FROM wc_cache_entries(ARRAY[%(id)s], ARRAY['health_summary'])", lambda r: r,
                      lambda w: [summary(w)] if w["students"] else [], same, SRA),
    "records": ("SELECT wc_student_records(%(id)s)", lambda r: r["records"], page_of, same, SR),
    "records after": ("SELECT wc_student_records_after(%(id)s, NULL, 5)", lambda r: r["records"], lambda w: page_of(w)[:5], same, SR),
    "search": ("SELECT wc_search_health_records('zebra' || substr(%(id)s, 2))", lambda r: r["records"],
               lambda w: page_of(w), same, SR),
    "allergies": ("SELECT wc_student_allergies(%(id)s)", lambda r: r, of_student(lambda w: [without(a, "studentId") for a in w["allergies"]]), same, SA),
    "conditions": ("SELECT wc_student_conditions(%(id)s)", lambda r: r, of_student(lambda w: [without(c, "studentId") for c in w["conditions"]]), same, SC),
    "vitals": ("SELECT wc_recent_vitals(%(id)s, 7)", lambda r: r,
               of_student(lambda w: [pick(record, *VITAL) for record in w["records"] if is_vital(record)][:7]), same, SR),
    "vaccinations": ("SELECT wc_vaccinations(%(id)s)", lambda r: r, of_student(vaccinations), same, SR),
    "chart": ("SELECT wc_growth_chart(%(id)s)", lambda r: r, of_student(chart), same, SR),
    "export": ("SELECT json_agg(c) FROM wc_export_health_history(%(id)s, 5) AS c", exported, export, among, SRAC),
    "trend": ("SELECT wc_vital_trend(%(id)s, 'weight') ->> 'points'", lambda r: r,
              of_student(lambda w: str(len(w["records"]))), lambda expected, found: found == (expected if expected not in ([], "0") else None), SR),
    "category": ("SELECT wc_bmi_category_of(%(id)s)", lambda r: r is not None, lambda w: bool(w["students"] and w["records"]), same, SR),
}


def read(text):
    return None if text is None else json.loads(json.dumps(text).replace(*RENAMED))
