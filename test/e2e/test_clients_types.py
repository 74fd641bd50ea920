"""The types of clients/node and clients/python, with their checkers, where they are installed."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from npm import typescript
from servers.ground import ROOT

NODE = ROOT / "clients/node"


@pytest.fixture(scope="module")
def tsc():
    return typescript()


def test_the_declarations_are_those_of_the_sources(tsc, tmp_path):
    if not subprocess.run([tsc, "--version"], capture_output=True, text=True).stdout.startswith("Version 5"):
        pytest.skip("they are written by TypeScript 5; other versions write them otherwise")
    done = subprocess.run([NODE / "types.sh", tmp_path], env=os.environ | {"TSC": tsc}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in "index.d.ts", "cache.d.ts", "audit.d.ts":
        assert (tmp_path / name).read_text() == (NODE / name).read_text(), "run clients/node/types.sh"


GOOD = """
import { appendTo, Cache, recordsKind } from 'white-cross';
import type { Summary, RecordPage, GrowthChart, ExportChunk } from 'white-cross/shapes';

const cache = new Cache({ redis: {}, query: async (text: string, values: string[]) => [], audit: appendTo('audit.log') });
await cache.read('ada', 'growth_chart', { reader: { user: 'nurse', purpose: 'visit' } });
const summary: Summary = JSON.parse(await cache.read('ada') ?? 'null');
const severity: string | null | undefined = summary.allergies[0]?.severity;
const page: RecordPage = JSON.parse((await cache.readMany(['ada', 7, 7n], recordsKind(1, 20, { type: 'CHECKUP' }), { token: null }))[0]!);
const total: number = page.pagination.total + (summary.recordCounts['CHECKUP'] ?? 0);
const chart: GrowthChart = [];
if (chart[0]?.category === 'obesity class 1') await cache.close();
export function last(chunk: ExportChunk): number {
  return chunk.type === 'end' ? chunk.records : chunk.chunk;
}
"""
WRONG = {
    "summary.allergies[0].danger": "Property 'danger' does not exist",
    "chart[0].category = 'obese'": "is not assignable",
    "cache.read({})": "not assignable",
    "new Cache({ redis: {} })": "'query' is missing",
}


def test_typescript_knows_the_shapes(tsc, tmp_path):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/white-cross").symlink_to(NODE)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "good.ts").write_text(GOOD)
    (tmp_path / "wrong.ts").write_text(GOOD + ";\n".join(WRONG) + ";\n")
    found = subprocess.run([tsc, "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext",
                            "good.ts", "wrong.ts"], cwd=tmp_path, capture_output=True, text=True).stdout
    assert "good.ts" not in found and len(re.findall("error TS", found)) == len(WRONG), found
    assert all(words in found for words in WRONG.values()), found


def test_python_has_the_same_shapes():
    """Names of types and of their members, of which Python may leave out none."""
    script = "import json, sys; sys.path.insert(0, sys.argv[1]); from white_cross import shapes; " \
             "print(json.dumps({n: sorted(v.__annotations__) for n, v in vars(shapes).items() if hasattr(v, '__total__')}))"
    python = json.loads(subprocess.run(["/usr/bin/python3", "-c", script, ROOT / "clients/python"], capture_output=True, text=True, check=True).stdout)
    text = (NODE / "shapes.d.ts").read_text()
    node = {name: sorted(json.loads(f'"{m}"') for m in re.findall(r'^  "?([\w$]+)"?\??:', body, re.M))
            for name, body in re.findall(r"export interface (\w+) {\n(.*?)\n}", text, re.S)}
    assert len(node) > 30 and {name: members for name, members in node.items()} == python


def test_the_versions_are_those_of_the_extension():
    version = re.search(r"default_version = '(.+)'", (ROOT / "white_cross.control").read_text())[1]
    assert json.loads((NODE / "package.json").read_text())["version"] == version
    assert re.search(r'^version = "(.+)"', (ROOT / "clients/python/pyproject.toml").read_text(), re.M)[1] == version


def test_the_packages_need_nothing_else():
    """No import of another package but redis, and none of that in Node."""
    assert "dependencies" not in json.loads((NODE / "package.json").read_text())
    imports = {name for path in NODE.glob("*.js") for name in re.findall(r"from '(.+)'", path.read_text())}
    assert all(name.startswith(("./", "node:")) for name in imports) and imports
    standard = sys.stdlib_module_names | {"collections.abc"}
    for path in (ROOT / "clients/python/white_cross").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert set(names) <= standard | {"redis"}, path
