"""No function has more than 60 lines, so that a reader sees all of it at once."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST = 60

NO_FUNCTION = "namespace", "class ", "struct ", "template", "enum ", "extern \"C\"", "union "
GENERATED = {"cdc_table.hpp"}


def indent(line):
    return len(line) - len(line.lstrip())


def blocks(lines):
    """(first line, last line) of each block in braces.  clang-format puts the closing brace below the line that opens the block."""
    open_at = []
    for number, line in enumerate(lines, 1):
        text = line.split("//")[0].rstrip()
        if text.lstrip().startswith("}"):
            while open_at and open_at[-1][0] >= indent(text):
                depth, first = open_at.pop()
                if depth == indent(text):
                    yield first, number
                    break
        if text.endswith("{"):
            open_at.append((indent(text), number))


def is_code(head):
    """Types, namespaces and tables of constants may be longer."""
    return not head.lstrip().startswith(NO_FUNCTION) and "= {" not in head


def long_blocks(lines):
    return [(first, last - first + 1) for first, last in blocks(lines) if last - first + 1 > MOST and is_code(lines[first - 1])]


def test_functions_in_cpp_are_short():
    texts = {path: path.read_text().splitlines() for folder in ("src", "worker", "test")
             for path in sorted((ROOT / folder).rglob("*.[ch]pp")) if path.name not in GENERATED}
    assert sum(1 for lines in texts.values() for _ in blocks(lines)) > 2000, "the test found too few blocks to prove anything"
    long = [f"{path.relative_to(ROOT)}:{first}: {length} lines" for path, lines in texts.items() for first, length in long_blocks(lines)]
    assert long == []


def test_functions_in_python_are_short():
    found = [(path, node) for folder in ("test", "demo", "docs", "examples", "clients") for path in sorted((ROOT / folder).rglob("*.py"))
             for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert len(found) > 500, "the test found too few functions to prove anything"
    assert [f"{path.relative_to(ROOT)}: {node.name}" for path, node in found if node.end_lineno - node.lineno >= MOST] == []


def test_a_long_function_is_found():
    body = ["    x();"] * MOST
    assert long_blocks(["void f()", "{", *body, "}"]) == [(2, MOST + 2)]
    assert long_blocks(["struct S {", "    void f() {", *body, "    }", "};"]) == [(2, MOST + 2)]
    assert long_blocks(["void f()", "{", *body[3:], "}"]) == []
