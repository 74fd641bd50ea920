"""The jsonb form of a function beside its json form, and beside a cast of that to jsonb, which is what the conversion must cost."""

from district import table
from slices import CLIENTS, a_second, share, slices

OFF, ON = "SET white_cross.summary_cache = off", "SET white_cross.summary_cache = on"
# name: (settings, call of the json form, with {} where "_jsonb" belongs)
CALLS = {
    "summary, cached": (ON, "wc_health_summary{}($1)"),
    "summary, uncached": (OFF, "wc_health_summary{}($1)"),
    "page of records": (OFF, "wc_student_records{}($1)"),
    "allergies": (OFF, "wc_student_allergies{}($1)"),
}
JSON, CAST, JSONB = "json", "json::jsonb", "jsonb form"


def contenders(settings, call):
    return {JSON: (settings, f"SELECT {call.format('')}"), CAST: (settings, f"SELECT {call.format('')}::jsonb"),
            JSONB: (settings, f"SELECT {call.format('_jsonb')}")}


def sizes(connection):
    """Returns the mean bytes of a summary: its text, and as jsonb, which is kept uncompressed in a session's memory."""
    text, binary = connection.execute(
        "SELECT avg(octet_length(wc_health_summary(id)::text))::float8, avg(pg_column_size(wc_health_summary_jsonb(id)))::float8 "
        "FROM students TABLESAMPLE SYSTEM (20)").fetchone()
    print(f"mean bytes of a summary: {text:.0f} as json, {binary:.0f} as jsonb")
    return {JSON: text, JSONB: binary}


def measure(district, quick):
    seconds = 2 if quick else 10
    with district.cluster.connect(district.database) as connection:
        connection.execute(ON)
        connection.execute("SELECT count(wc_health_summary(id)) FROM students")
        results = {"bytes": sizes(connection)}
    rows = []
    for name, (settings, call) in CALLS.items():
        for clients in CLIENTS:
            found = slices(district.cluster.environment(district.database), clients, seconds, district.students, contenders(settings, call))
            result = results[f"{name}, {clients}"] = {
                "a second": {one: a_second(found, one) for one in found}, "of the cast": share(found, JSONB, CAST),
                "of json": share(found, JSONB, JSON), "server us": {one: of["server us"] for one, of in found.items()}}
            rows.append([f"{name}, {clients}", result["of the cast"], result["of json"], *(result["server us"][one] for one in (JSON, CAST, JSONB))])
    print("rate of the jsonb form, relative to a cast of the json form and to the json form; server µs a call; clients")
    table(["", "of the cast", "of json", JSON, CAST, JSONB], rows)
    return results
