"""Migration tools with the declarations of examples/migrations: each makes the tables, we attach them, and then it proposes nothing.

Without the declarations it proposes to drop what is ours.
"""

import os
import re
import subprocess

import pytest

from npm import node_modules
from school import School
from servers.ground import ROOT

EXAMPLES = ROOT / "examples/migrations"
HERE = ROOT / "test/e2e"
DATABASE = "migrations"


def run(*command, **environment):
    done = subprocess.run(list(map(str, command)), env=os.environ | environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("--")]


class Alembic:
    ours = r"idx_\w+|white_cross"

    def __init__(self, url, folder):
        self.url = url.replace("postgresql://", "postgresql+psycopg2://")
        if subprocess.run(["/usr/bin/python3", "-c", "import alembic, psycopg2"], capture_output=True).returncode != 0:
            pytest.skip("Alembic is not installed (of Debian: python3-alembic and python3-psycopg2)")

    def create_tables(self):
        self.proposals(True)

    def proposals(self, declared):
        return run("/usr/bin/python3", HERE / "alembic_diff.py", self.url, EXAMPLES, *["with"] * declared)


class Prisma:
    ours = r"DROP INDEX \"idx_\w+"

    def __init__(self, url, folder):
        self.url, self.modules = url, node_modules("prisma", 7)
        if not (self.modules / "@prisma/schema-engine-wasm").exists():
            pytest.skip("@prisma/schema-engine-wasm is not installed (of npm, beside prisma)")
        self.bare = folder / "bare.prisma"
        self.bare.write_text(re.sub(r"^ *@@index.*\n", "", (EXAMPLES / "schema.prisma").read_text(), flags=re.M))

    def create_tables(self):
        assert self.proposals(True, "push") == []

    def proposals(self, declared, *push):
        return run("node", HERE / "prisma_diff.mjs", self.modules, EXAMPLES / "schema.prisma" if declared else self.bare, *push, DATABASE_URL=self.url)


class OfNode:
    """A tool of npm, whose program creates the tables, and prints what the tool would run: with the declarations or without."""

    def __init__(self, url, folder):
        self.environment = {"DATABASE_URL": url, "NODE_PATH": str(node_modules(*self.package))}

    def create_tables(self):
        assert self._run("create") == []

    def proposals(self, declared):
        return self._run(*["with"] * declared)

    def _run(self, *mode):
        return run("node", HERE / self.program, EXAMPLES / self.example, *mode, **self.environment)


class TypeORM(OfNode):
    package, program, example = ("typeorm", 1), "typeorm_diff.cjs", "typeorm.cjs"
    ours = r"DROP INDEX .*idx_\w+"


class Drizzle(OfNode):
    package, program, example = ("drizzle-kit", 0), "drizzle_diff.cjs", "drizzle.cjs"
    ours = r'DROP INDEX "idx_\w+|DROP VIEW "public"\."(wc_stat_\w+|wc_slow_calls|student_summaries)"'


class MikroORM(OfNode):
    package, program, example = ("@mikro-orm/postgresql", 6), "mikro_orm_diff.cjs", "mikro_orm.cjs"
    ours = r'drop index "idx_\w+|drop (table|schema) if exists "white_cross"'


TOOLS = {tool.__name__: tool for tool in (Alembic, Prisma, TypeORM, MikroORM, Drizzle)}


@pytest.fixture(scope="module", params=TOOLS)
def tool(request, cluster, tmp_path_factory):
    """A tool that has made its tables, which we have attached, with our indexes, functions and view."""
    tool = TOOLS[request.param](cluster.url(DATABASE), tmp_path_factory.mktemp("migrations"))
    cluster.create_database(DATABASE)
    with School(cluster, DATABASE) as school:
        tool.create_tables()
        school.sql("CREATE EXTENSION white_cross; SELECT wc_attach('public')")
        for statement, in school.rows("SELECT wc_index_statements('public', false) UNION ALL SELECT wc_row_functions('public')"):
            school.sql(statement)
        tool.school = school
        yield tool
    cluster.drop_database(DATABASE)


def test_a_second_run_proposes_nothing(tool):
    assert tool.proposals(True) == []
    assert tool.school.rows("SELECT wc_index_statements('public')") == []


def test_without_the_declarations_it_proposes_to_drop_what_is_ours(tool):
    found = tool.proposals(False)
    assert len(found) > 3 and [line for line in found if not re.search(tool.ours, line)] == []
