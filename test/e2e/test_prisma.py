"""Prisma with the schema of examples/migrations: the view student_summaries as a relation of a student, and statements of one's own."""

import json
import os
import shutil
import subprocess

import pytest

from npm import node_modules
from school import attached_school
from servers.ground import ROOT

PROGRAM = """
const { PrismaPg } = require('@prisma/adapter-pg');
const { PrismaClient } = require('./client');
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
(async () => {
  const answers = [
    await prisma.student.findMany({ orderBy: { id: 'asc' }, include: { summary: true } }),
    await prisma.student.findUnique({ where: { id: 'bob' }, select: { grade: true, summary: { select: { summary: true } } } }),
    await prisma.studentSummary.findFirst({ where: { student: { lastName: 'Quill' } }, orderBy: { id: 'desc' }, include: { student: true } }),
    await prisma.$queryRaw`SELECT wc_health_summary(${'ada'}) AS s`,
    await prisma.$queryRaw`SELECT summary AS s FROM wc_health_summaries(${['ada', 'bob']})`,
    await prisma.$queryRaw`SELECT wc_student_records(${'ada'}, filters => ${{ type: 'CHECKUP' }}) AS s`,
    await prisma.$queryRaw`SELECT wc_invalidate(${'ada'}) AS s`,
    await prisma.$queryRaw`SELECT wc_student_records(${'ada'}, filters => ${{ type: 'NONE' }})`.catch((error) => error),
  ];
  process.stdout.write(JSON.stringify(answers), () => process.exit());
})();
"""


@pytest.fixture(scope="module")
def prisma(cluster, tmp_path_factory):
    """A school, and what a client that Prisma generates reads of it."""
    modules = node_modules("prisma", 7)
    if not (modules / "@prisma/adapter-pg").exists():
        pytest.skip("@prisma/adapter-pg is not installed (npm install @prisma/client@7 @prisma/adapter-pg@7)")
    folder = tmp_path_factory.mktemp("prisma")
    (folder / "node_modules").symlink_to(modules)
    shutil.copy(ROOT / "examples/migrations/schema.prisma", folder)
    # Prisma's command looks for an engine to download, which it needs for migrations alone.
    environment = os.environ | {"DATABASE_URL": cluster.url("prisma"), "CHECKPOINT_DISABLE": "1", "PRISMA_SCHEMA_ENGINE_BINARY": shutil.which("true")}

    def node(*arguments):
        done = subprocess.run(["node", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    node("node_modules/prisma/build/index.js", "generate", "--schema", "schema.prisma")
    school = attached_school(cluster, "prisma")
    with school.connection:
        for student in "ada", "bob":
            school.add_student(student)
            school.add_record(student, vital='{"height": 130}')
        for statement, in school.rows("SELECT wc_row_functions('public')"):
            school.sql(statement)
        yield school, json.loads(node("-e", PROGRAM))
    cluster.drop_database("prisma")


def test_include(prisma):
    school, (students, *_) = prisma
    assert [(student["id"], student["grade"], student["summary"]) for student in students] == [
        (id, "5", {"id": id, "summary": school.summary(id), "growthChart": school.one("SELECT wc_growth_chart(%s::text)", id)}) for id in ("ada", "bob")]


def test_select(prisma):
    school, (_, bob, *_) = prisma
    assert bob == {"grade": "5", "summary": {"summary": school.summary("bob")}}


def test_from_the_view(prisma):
    school, (_, _, found, *_) = prisma
    assert (found["id"], found["summary"], found["student"]["firstName"]) == ("bob", school.summary("bob"), "Ada")


def test_statements_of_one_s_own(prisma):
    school, (*_, one, many, page, count, error) = prisma
    assert one == [{"s": school.summary("ada")}] and many == [{"s": school.summary(id)} for id in ("ada", "bob")]
    assert page == [{"s": school.one("SELECT wc_student_records('ada')")}] and count == [{"s": 0}]
    cause = error["meta"]["driverAdapterError"]["cause"]
    assert (error["code"], cause["originalCode"]) == ("P2010", "22023") and cause["hint"].startswith("Give a label of")
