"""Calls of every function of the extension, as the catalog lists them, each with values for its arguments.

Tests that must reach all of them ask the catalog, so that a new function is called too: with values by the names of its
arguments, or else by their types.
"""

import re
from dataclasses import dataclass

# Every name has its schema: the session's path may be anything.
FUNCTIONS = """
SELECT p.oid::pg_catalog.int8, n.nspname, p.proname, p.prokind::pg_catalog.text,
       ARRAY(SELECT pg_catalog.format_type(t, NULL) FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n),
       COALESCE(p.proargnames[1 : p.pronargs], '{}'), pg_catalog.format_type(p.prorettype, NULL), l.lanname,
       p.prosqlbody IS NOT NULL, COALESCE(p.proconfig, '{}'), p.pronargs OPERATOR(pg_catalog.-) p.pronargdefaults
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid OPERATOR(pg_catalog.=) p.prolang
JOIN pg_catalog.pg_depend AS d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
     AND d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char"
JOIN pg_catalog.pg_extension AS e ON d.refobjid OPERATOR(pg_catalog.=) e.oid AND e.extname OPERATOR(pg_catalog.=) 'white_cross'::pg_catalog.name
ORDER BY 1"""


@dataclass
class Function:
    oid: int
    schema: str
    name: str
    kind: str
    types: list
    arguments: list
    result: str
    language: str
    is_parsed: bool
    settings: list
    required: int  # so many arguments have no default


def functions(connection):
    found = [Function(*row) for row in connection.execute(FUNCTIONS).fetchall()]
    for function in found:  # types are printed with their schema where the path has others of that name first
        function.types = [type.removeprefix("pg_catalog.") for type in function.types]
    return found


# By the name of an argument: what is passed for it, one value after the other.  $id is a student's, $app the schema of the tables.
VALUES = {
    "student_id": ["$id"], "student_ids": ["{$id}"], "ids": ["{$id}"], "page": ["1", "2", "40"], "page_size": ["1"],
    "filters": ["{}", '{"type": "VACCINATION", "dateFrom": "2024-01-01", "dateTo": "2026-01-01", "provider": "n"}',
                '{"type": "CHECKUP"}', '{"provider": "Nurse"}', '{"dateFrom": "2024-01-01"}', '{"dateTo": "2026-01-01"}'],
    "n": ["2"], "batch_size": ["2"], "cursor": [None], "query": ["quill", "fever", '"sore throat" -cough ad', "-cough", "N-1"],
    "type": [None, "CHECKUP"], "order": ["date", "rank"], "highlight": ["false", "true"], "vital": ["height"],
    "since": [None, "2024-01-01"], "measure": ["height"], "width": ["300"], "height": ["300"], "sex": ["MALE"], "sexes": ["{male}"],
    "age_months": ["100"], "ages_months": ["{100}"], "at": ["2025-01-01"], "birth_date": ["2015-01-01"], "value": ["130"],
    "measurements": ["{130}"], "percentile": ["50"], "percentiles": ["{50}"], "reference": ["cdc", "own"], "bmi": ["17"],
    "bmis": ["{17}"], "height_cm": ["130"], "weight_kg": ["30"], "heights_cm": ["{130}"], "weights_kg": ["{30}"],
    "kind": ["health_summary"], "kinds": ['{health_summary,growth_chart,"records:1:20:{\\"type\\":\\"CHECKUP\\"}"}'],
    "section": ["records", "student", "allergies", "conditions"], "harmless": ["true"], "as_of": [None, "2025-12-01"],
    "grade": [None, "5"], "pattern": ["student:*"], "application_schema": ["$app"], "concurrently": ["false"],
    "on_conflict": ["skip", "update"], "history": ["$history"], "worker_role": ["$role"], "worker_name": ["w"], "process": ["p"],
    "draining": ["true"], "has_session": ["true"], "next_seconds": ["5"], "cache_hits": ["1"], "cache_misses": ["1"],
    "redis_evicts": ["false"], "plausible_only": ["false", "true"], "for_session": ["true"], "wait": ["false"], "loaded": ["0.1.0"], "attached": ["$app"],
    "patience": ["5 minutes"], "relation": ["$app.students"], "name": ["height"], "bound": ["{}"],
    "token": ["1.1.1.1"], "prefix": ["students_"],
    "target": ["t"], "life_ms": ["1000"], "in_progress": ["{7}"], "next_xid": ["9", "0"], "xids": ["{7}"], "numbers": ["{1}"],
    "changes": ['[{"student": "ada", "sections": 1, "xids": "{7}", "reason": "r", "age": 1}]'],
}
BY_TYPE = {"text": "height", "boolean": "true", "integer": "1", "double precision": "17", "timestamp with time zone": "2025-01-01", "interval": "1 year",
           "json": '{"height": 130, "weight": 30}', "jsonb": '{"height": 130, "weight": 30}', "text[]": "{height}", "xid8": "7"}
INCLUDE = {"wc_health_summary": ["{}", "{chronicConditions,growth,trends}"], "wc_growth_chart": ["{}", "{percentiles}"]}


# The id of nobody, for a function of another type of id than the tables have.
NOBODYS = {"uuid": "00000000-0000-4000-8000-000000000000", "bigint": "4711"}


def of_type(id, type):
    form = {"uuid": r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}", "bigint": r"\d+"}.get(words := type.removesuffix("[]"), ".*")
    return id if re.fullmatch(form, id, re.S) else NOBODYS[words]


def literal(value, type):
    """A literal whose type no path can lead elsewhere."""
    if value is None:
        return "NULL"
    if type == "anycompatible":  # filters, of any type that holds JSON
        return literal(value, "jsonb")
    if type == "oid":
        return literal(value, "regclass") + "::pg_catalog.oid"
    words = type.removesuffix("[]")
    of_grammar = " " in words or words in ("integer", "bigint", "smallint", "boolean", "interval")
    return "'" + value.replace("'", "''") + "'::" + (words if of_grammar else f"pg_catalog.{words}") + "[]" * type.endswith("[]")


def statements(function, **known):
    """Calls of a function: as many as the argument with the most values has, the others turn round."""
    choices = []
    for argument, type in zip(function.arguments, function.types):
        values = INCLUDE[function.name.removesuffix("_jsonb")] if argument == "include" else VALUES.get(argument) or [BY_TYPE.get(type)]
        if argument == "vital" and type != "text" or type == "xid8" and argument == "since":
            values = [BY_TYPE[type]]
        if type == "anyenum":
            choices.append([f"""'MALE'::{known["app"]}."Gender\""""])
            continue
        for name, its in known.items():
            values = [value and value.replace("$" + name, of_type(its, type) if name == "id" else its) for value in values]
        choices.append([literal(value, type) for value in values])
    for turn in range(2 * max(map(len, choices), default=1)):
        # With another stride for each argument, so that not always the same values meet.
        arguments = ", ".join(values[(turn // (1 + at % 2)) % len(values)] for at, values in enumerate(choices))
        yield f'SELECT {"" if function.kind == "a" else "* FROM "}{function.schema}."{function.name}"({arguments})'
