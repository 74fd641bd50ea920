"""No search_path leads SQL of ours elsewhere: scripts pin it first of all, and queries built in C++ name everything by its schema.

test_traps.py shows it of what runs; this looks at what is written, also where no test goes.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIN = "SET LOCAL search_path = pg_catalog, pg_temp;"
MADE = re.compile(r"^\s*CREATE (?:OR REPLACE )?(?:FUNCTION|AGGREGATE|TABLE|TYPE|VIEW|SEQUENCE|OPERATOR|DOMAIN|PROCEDURE)\s+(\S+)", re.M)
OURS = re.compile(r'(?:@extschema@|white_cross|%(?:\d\$)?[sI])\.')

COMMENT = re.compile(r"//[^\n]*")
MESSAGE = re.compile(r'\b(?:err(?:msg|hint|detail|context)\w*|elog)\s*\((?:[^;"]*?"(?:\\.|[^"\\\n])*")(?:\s*"(?:\\.|[^"\\\n])*")*')
STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"')
SQL = re.compile(r"OPERATOR\(|pg_catalog\.|\b(?:SELECT|FROM|WHERE|AND|OR|JOIN|ORDER BY|GROUP BY|LIMIT|UNION|CASE|WHEN|VALUES|RETURNING|EXISTS"
                 r"|COALESCE|LATERAL|IS NULL|IS NOT NULL|IS TRUE|DESC|ON CONFLICT|DO UPDATE)\b")

PROSE = re.compile(r"[A-Z][a-z]+ [a-z]+ ")


def offences(sql):
    """Returns the names in a piece of a query that depend on the search path: functions, operators, types and catalogs without a
    schema."""
    sql = re.sub(r"'(?:''|[^'])*'", "''", re.sub(r'\\"', '"', sql))
    sql = re.sub(r"OPERATOR\((?:pg_catalog\.[^)\s]+|pg_catalog\.%s)\)", " ", sql)
    sql = re.sub(r"\bcount\(\*\)", "count()", sql)
    sql = re.sub(r"\bAS \w+\s*\(|(?<=\w)\.\*|SELECT \*", " ", sql)
    found = re.findall(r'(?<![.\w"$%])[a-z_]\w*\s*\(', sql)
    found += re.findall(r"(?<![%\w])(?:[<>=!~@#&|?+*/^]+|(?<!\w)-(?!\w))(?![\w$]*s\b)", re.sub(r"%[-+0-9.*]*[a-z]", "", sql))
    found += re.findall(r"::(?!pg_catalog\.)\s*\w+", sql)
    found += re.findall(r"\b(?:FROM|JOIN) pg_(?!catalog\.)\w+", sql)
    found += re.findall(r"\b(?:IN \(|BETWEEN|LIKE|NULLIF|IS DISTINCT FROM|CASE [a-z]\w*(?:\.\w+)? WHEN|USING \()", sql)
    return found


def queries():
    """(file, text) of the string literals that are pieces of queries; neighbours are one."""
    for path in sorted((ROOT / "src/extension").rglob("*.[ch]pp")):
        text = MESSAGE.sub("", COMMENT.sub("", path.read_text()))
        for run in re.findall(r'(?:"(?:\\.|[^"\\\n])*"\s*)+', text):
            literal = "".join(STRING.findall(run))
            if SQL.search(literal) and not PROSE.match(literal):
                yield path.relative_to(ROOT), literal


def test_queries_in_cpp():
    pieces = list(queries())
    assert len(pieces) > 100, "the test found too few queries to prove anything"
    assert [(str(path), found, text) for path, text in pieces if (found := offences(text))] == []


@pytest.mark.parametrize("careless", [
    "SELECT format('%s', t.a)", " WHERE t.id = $1", " OPERATOR(pg_catalog.=) $1 AND a <> b", "SELECT $1::text", "SELECT a || b", "t.vital -> 'bmi'",
    " FROM pg_class AS c", "SELECT lower(t.a), pg_catalog.upper(t.b)", " AND t.a IN ($1, $2)", " AND t.a BETWEEN $1 AND $2", "SELECT a - b"])
def test_what_is_careless_is_found(careless):
    assert offences(careless)


def first_statement(script):
    """Its first line that is neither empty nor a comment."""
    lines = [line for line in script.splitlines() if line.strip() and not line.startswith(("--", "\\echo"))]
    return lines[0] if lines else None


def scripts():
    return [ROOT / "sql/install/head.sql", *sorted((ROOT / "sql").glob("white_cross--*--*.sql"))]


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_a_script_begins_with_its_path(script):
    assert first_statement(script.read_text()) in (PIN, None)
    assert script.name != "head.sql" or first_statement(script.read_text()) == PIN


def test_a_backslash_stands_in_an_escape_string():
    """Others mean something else where standard_conforming_strings is off, as a database of an old application has it."""
    plain = re.compile(r"(?<![EeUu&'])'(?:''|[^'])*'")
    found = []
    for path in scripts()[1:] + sorted((ROOT / "sql/install").glob("*.sql")):
        code = "\n".join(line for line in path.read_text().splitlines() if not line.startswith(("--", "\\echo")))
        code = re.sub(r"(?<!\w)E'(?:''|\\.|[^'\\])*'", "E", re.sub(r"--[^'\n]*$", "", code, flags=re.M))
        found += [(path.name, literal) for literal in plain.findall(code) if "\\" in literal]
    assert found == []


def test_the_install_script_begins_with_its_head():
    parts = re.search(r"^INSTALL_SQL = .*,(.*)\)$", (ROOT / "Makefile").read_text(), re.M)[1].split()
    assert parts[0] == "head"
    assert sorted(parts) == sorted(path.stem for path in (ROOT / "sql/install").glob("*.sql"))


def test_what_is_made_is_made_in_a_schema_of_ours():
    made = [(path.name, name) for path in sorted((ROOT / "sql/install").glob("*.sql")) for name in MADE.findall(path.read_text())]
    assert len(made) > 100, "the test found too few objects to prove anything"
    assert [name for name in made if not OURS.match(name[1])] == []
