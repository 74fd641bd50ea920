"""Traps: objects that a role without privileges may make, named and typed so that a careless call finds them first.

For each word of our SQL that the server has a function, an operator, a type or a catalog for, there is one of that name in a
schema of the attacker's choice: with the server's own argument types, which is found where the schema comes first in the path,
and with types that fit what our SQL passes better than the server's do, which is found wherever the schema is in the path at
all.  One that is called as anybody but the attacker says so in the server's log and raises an error; the log keeps it also
where somebody catches the error or nobody waits for it.
"""

import itertools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARK = "a trap was sprung"
ATTACKER = "mallory"

BODY = """IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql SET search_path = pg_catalog AS $trap$
BEGIN
    IF current_user <> '{attacker}' THEN
        RAISE WARNING '{mark}: {what}';
        RAISE EXCEPTION '{mark}: {what}' USING ERRCODE = 'TRAPS';
    END IF;
    RAISE EXCEPTION 'called by its own kind: {what}';
END $trap$"""

# What our SQL has in its hands where the server's function takes something more general.
BETTER = {"text": ("character varying", "name"), "oid": ("regclass", "regtype", "regprocedure"),
          "name": ("text", "character varying"),
          "bigint": ("integer", "smallint"), "double precision": ("numeric", "integer"), "numeric": ("bigint", "integer")}
ANYTHING = ("text", "name", "character varying", "oid", "regclass", "regtype", "bigint", "integer", "boolean", '"char"', "jsonb",
            "text[]", "numeric", "double precision", "interval", "timestamp with time zone")
POLYMORPHIC = {'"any"', "anyelement", "anyarray", "anynonarray", "anyenum", "anycompatible", "anycompatiblearray",
               "anycompatiblenonarray"}
SAME = ("regtype", "regclass", "regprocedure", "regnamespace", "regrole", "character varying", "uuid", "jsonb", "xid8", "bytea",
        "text[]", "name[]", "integer[]", '"char"[]')
PAIRS = (("text", "character varying"), ("character varying", "text"), ("name", "character varying"), ("name", "text[]"),
         ("text", "name[]"), ("text", '"char"'), ('"char"', "text"), ("text", "jsonb"), ("text", "integer"), ("text", "bigint"),
         ("text", "regclass"), *((one, other) for one in ("oid", "regclass", "regtype", "regprocedure")
                                for other in ("oid", "regclass", "regtype", "regprocedure") if one != other))


def words_of_our_sql():
    """Every word and every run of operator characters in the install script, and in the string literals of the extension."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "sql" / "install").glob("*.sql")))
    for path in sorted((ROOT / "src" / "extension").rglob("*.[ch]pp")):
        text += "\n".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', path.read_text())) + "\n"
    return set(re.findall(r"[a-z_][a-z0-9_]*", text)), set(re.findall(r"[-+*/<>=~!@#%^&|`?]+", text))


def _trap(schema, name, arguments, result):
    what = f"{schema}.{name}({arguments})".replace("'", "''").replace("%", "%%")
    return f'CREATE FUNCTION "{schema}"."{name}"({arguments}) RETURNS {result} ' + BODY.format(mark=MARK, attacker=ATTACKER, what=what)


def _result(result, arguments):
    """Polymorphic results need a polymorphic argument."""
    return "text" if result in POLYMORPHIC and not POLYMORPHIC & set(arguments) else result


def _functions(connection, schema, words):
    rows = connection.execute("""
        SELECT p.proname, ARRAY(SELECT pg_catalog.format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n),
               pg_catalog.format_type(p.prorettype, NULL), p.proretset, p.prokind::text, p.provariadic <> 0,
               pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)
        FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY (%s)""", [sorted(words)]).fetchall()
    for name, types, result, is_set, kind, is_variadic, declared, declared_result in rows:
        if kind == "a":
            yield from _aggregates(schema, name, types)
            continue
        if '"any"' not in types:
            yield _trap(schema, name, declared, declared_result)
        setof = "SETOF " if is_set else ""
        for other in _better_arguments(types, is_variadic):
            yield _trap(schema, name, ", ".join(other), setof + _result(result, other))


def _better_arguments(types, is_variadic):
    """Other lists of arguments that may fit a call better."""
    if is_variadic and types[-1] == '"any"':
        fixed = types[:-1]
        for one in ANYTHING:
            for count in 1, 2, 3:
                yield [*fixed, *[one] * count]
        for one, other in itertools.permutations(("text", "name", "regclass", "bigint"), 2):
            yield [*fixed, one, other]
        return
    choices = {one: ANYTHING if one in POLYMORPHIC else BETTER.get(one, ()) for one in types}
    for turn in range(max(map(len, choices.values()), default=0)):
        other = [choices[one][turn % len(choices[one])] if choices[one] else one for one in types]
        if other != types:
            yield other


def _aggregates(schema, name, types):
    lists = [types] if '"any"' not in types else [[one if t == '"any"' else t for t in types] for one in ANYTHING]
    lists += [list(other) for other in _better_arguments(types, False)]
    for arguments in lists:
        if POLYMORPHIC & set(arguments):
            continue
        step = f"of {name} {len(arguments)}"
        yield _trap(schema, step, ", ".join(["text", *arguments]), "text")
        yield f'''CREATE AGGREGATE "{schema}"."{name}"({", ".join(arguments) or "*"}) (SFUNC = "{schema}"."{step}", STYPE = text, INITCOND = '')'''


def _operators(connection, schema, signs, own_types):
    rows = connection.execute("""
        SELECT o.oprname, CASE o.oprleft WHEN 0 THEN NULL ELSE pg_catalog.format_type(o.oprleft, NULL) END,
               pg_catalog.format_type(o.oprright, NULL), pg_catalog.format_type(o.oprresult, NULL)
        FROM pg_operator AS o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname = ANY (%s)""", [sorted(signs)]).fetchall()
    results = {}
    made = set()
    for sign, left, right, result in rows:
        results.setdefault(sign, "boolean" if result == "boolean" else "text")
        made.add((sign, left, right, _result(result, [left, right])))
    for sign, result in results.items():
        for left, right in [*((one, one) for one in [*SAME, *own_types]), *PAIRS]:
            made.add((sign, left, right, result))
    for number, (sign, left, right, result) in enumerate(sorted(made, key=str)):
        name = f"operator {number} {sign}"
        yield _trap(schema, name, ", ".join(filter(None, (left, right))), result)
        yield (f'CREATE OPERATOR "{schema}".{sign} (FUNCTION = "{schema}"."{name}"'
               + (f", LEFTARG = {left}" if left else "") + f", RIGHTARG = {right})")


def _types(connection, schema, words):
    """Domains that run a trap as soon as something is cast to them."""
    rows = connection.execute("""
        SELECT t.typname FROM pg_type AS t
        WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typname = ANY (%s) AND t.typname !~ '^_'""",
                              [sorted(words | {"int8", "int4", "int2", "float8", "float4", "bool", "timestamptz", "varchar"})]).fetchall()
    for (name,) in rows:
        yield _trap(schema, f"cast to {name}", f'pg_catalog."{name}"', "boolean")
        yield f'CREATE DOMAIN "{schema}"."{name}" AS pg_catalog."{name}" CHECK ("{schema}"."cast to {name}"(VALUE))'


def _relations(connection, schema, words):
    """Views in the place of catalogs."""
    rows = connection.execute("""
        SELECT c.relname FROM pg_class AS c
        WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname = ANY (%s)""", [sorted(words)]).fetchall()
    yield _trap(schema, "catalog", "", "boolean")
    for (name,) in rows:
        yield f'CREATE VIEW "{schema}"."{name}" AS SELECT * FROM pg_catalog."{name}" WHERE "{schema}"."catalog"()'
        yield f'GRANT SELECT ON "{schema}"."{name}" TO PUBLIC'


def _overloads(schema, ours):
    """Returns overloads of our own functions with more specific types than ours. ours: (name, types, result)."""
    for name, types, result in ours:
        for other in _better_arguments(types, False):
            yield _trap(schema, name, ", ".join(other), _result(result, other))


def _casts(schema, enums):
    for number, enum in enumerate(enums):
        for other in "text", "character varying":
            name = f"cast {number} {other}"
            yield _trap(schema, name, enum, other)
            yield f'CREATE CAST ({enum} AS {other}) WITH FUNCTION "{schema}"."{name}"({enum}) AS ASSIGNMENT'


def plant(attacker, schema, ours=(), enums=(), casts=False):
    """Plants all of them in a schema, as the role of a connection.  How many there are of each kind."""
    words, signs = words_of_our_sql()
    attacker.execute("SET search_path = pg_catalog, pg_temp")
    kinds = {"functions": _functions(attacker, schema, words), "operators": _operators(attacker, schema, signs, enums),
             "types": _types(attacker, schema, words), "relations": _relations(attacker, schema, words),
             "overloads": _overloads(schema, ours), "casts": _casts(schema, enums if casts else ())}
    return {kind: _make(attacker, statements) for kind, statements in kinds.items()}


def _make(attacker, statements):
    """Makes the traps that can be made: some names need more than a trap has, and some exist already."""
    made = 0
    statements = list(statements)
    for first in range(0, len(statements), 500):
        attacker.execute("SELECT set_config('trap.statements', %s::text[]::text, false)", [statements[first:first + 500]])
        attacker.execute("""DO $$
            DECLARE statement text; made int := 0;
            BEGIN
                FOREACH statement IN ARRAY current_setting('trap.statements')::text[] LOOP
                    BEGIN EXECUTE statement; made := made + 1; EXCEPTION WHEN OTHERS THEN END;
                END LOOP;
                PERFORM set_config('trap.made', made::text, false);
            END $$""")
        made += int(attacker.execute("SELECT current_setting('trap.made')").fetchone()[0])
    return made
