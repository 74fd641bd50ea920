"""Calls of every function that takes the id of a student, found in the catalog: a new one is tested without being listed."""

import re

# By name of the argument, else by its type; where a function is called in several ways, one list of arguments for each.
ARGUMENTS = {"kind": "'health_summary'", "page": "2", "page_size": "1", "measure": "'height'", "vital": "'height'", "as_of": "'2026-01-01'"}
BY_TYPE = {"timestamp with time zone": "'2025-01-01'", "date": "'2025-01-01'", "text": "'2025-01-01'", "interval": "'1 year'", "boolean": "true", "integer": "1"}
WAYS = {
    "wc_health_summary": ["", ", '{chronicConditions,growth,trends}'"],
    "wc_cache_key/2": [", 'health_summary'", ", 'growth_chart'", ", 'records'", """, 'records:1:2:{"type":"DENTAL"}'"""],
    "wc_cache_entries": ["", ", '{growth_chart}'", ", ARRAY['records:1:2:{}']", """, ARRAY['records:1:20:{"type":"VACCINATION","provider":"w"}']"""],
    "wc_student_records": ["", ", 2, 1", """, filters => '{"type":"VACCINATION","provider":"W"}'"""],
    "wc_student_records_after": ["", ", NULL, 1"],
    "wc_export_health_history_csv": [f", '{section}'" for section in ("student", "records", "allergies", "conditions")],
    "wc_bmi_group_of": [", '2026-01-01'::date", ", '2026-01-01'::text", ", '2026-01-01'::timestamptz"],
    "wc_growth_chart": ["", ", '{percentiles}'"],
}
# Those that give nothing but an effect, and deletion, which takes ids of records.
EFFECTS = {"wc_invalidate", "wc_prewarm"}
OF_STUDENT = re.compile("student_ids?")

OUTCOME = """
CREATE FUNCTION outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT string_agg(to_json(f)::text, E''\\n'') FROM %s AS f', call) INTO result;
    RETURN coalesce(result, 'nothing');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$
"""
# What differs from call to call, though nothing else does.
PASSING = re.compile(r',"snapshot":"[^"]*"|"exportDate": ?"[^"]*"|exportDate\\":\\"[^"]*"')


def calls(school, type="text"):
    """{name of the function and its arguments: [call with {id} in its place, …]}"""
    found = {}
    for name, signature, is_array, arguments, defaults, types in school.rows("""
            SELECT p.proname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proargtypes[0] = (%s || '[]')::regtype,
                   (p.proargnames)[1:p.pronargs], p.pronargdefaults,
                   ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS u (t, n) ORDER BY n)
            FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
            JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'white_cross'
            WHERE p.pronamespace = e.extnamespace AND p.prokind = 'f' AND p.proargtypes[0] IN (%s::regtype, (%s || '[]')::regtype)
            ORDER BY 2""", type, type, type):
        if not OF_STUDENT.fullmatch(arguments[0]) or name in EFFECTS:
            continue
        wanted = [f"{ARGUMENTS.get(argument) or BY_TYPE[of_type]}::{of_type}" for argument, of_type in zip(arguments, types) if argument in arguments[1:len(arguments) - defaults]]
        ways = WAYS.get(f"{name}/{len(arguments)}", WAYS.get(name)) or ["".join(f", {one}" for one in wanted)]
        given = "ARRAY[{id}]" if is_array else "ARRAY[{id}]::text" if arguments[0].endswith("ids") else "{id}"
        found[signature] = [f"{name}({given}{way})" for way in ways]
    assert len(found) > 15
    return found


FAILED = re.compile(r"[0-9A-Z]{5} ")


def outcome(school, call):
    return PASSING.sub("", school.one("SELECT outcome(%s)", call))
