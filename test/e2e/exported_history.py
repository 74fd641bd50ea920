"""The export of a student's history as texts, its import, and records that make it long."""

import re


def add_records(school, student, count):
    school.sql("INSERT INTO health_records (id, type, date, description, notes, vital, attachments, \"studentId\") "
               "SELECT %s || n, 'CHECKUP', timestamp '2025-01-01' - n * interval '1 minute', 'Checkup', repeat('note ', 40), "
               "'{\"height\": 140, \"weight\": 35.5}', '{a,b}', %s FROM generate_series(1, %s) n", student, student, count)


def exported(school, student, form=""):
    """The chunks, or lines, as text."""
    return [chunk for chunk, in school.rows(f"SELECT public.wc_export_health_history{form}(%s::text)::text", student)]


def undated(chunks):
    """But for the date of the export."""
    return [re.sub(r'"exportDate":"[^"]*"', "", chunk) for chunk in chunks]


def import_(school, chunks, *on_conflict):
    return school.one(f"SELECT public.wc_import_health_history(%s::json{', %s' if on_conflict else ''})", f"[{','.join(chunks)}]", *on_conflict)
