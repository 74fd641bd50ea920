"""The programs of examples/, each run as its head says, with the application's user of Redis: what they print, and what they leave in the cache."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from cache_applications import cache, secured  # noqa: F401 (fixtures)
from gems import need_active_record
from npm import node_modules
from school import School
from servers.ground import ROOT

PYTHON = "/usr/bin/python3"
PYTHONPATH = ":".join(filter(None, [str(ROOT / "clients/python"), os.environ.get("PYTHONPATH")]))
PRINTED = ["read: Ada Quill, 1 CHECKUP", "list: Ada Quill, 1 CHECKUP", "list: Bob Reed, no records", "own write: Bob Reed, 1 DENTAL"]
PRINTED_AGAIN = [*PRINTED[:2], "list: Bob Reed, 1 DENTAL", "own write: Bob Reed, 2 DENTAL"]
NO_REDIS = "redis://127.0.0.1:1"


@pytest.fixture
def school(cluster, empty_database):
    cluster.psql((ROOT / "examples/school.sql").read_text(), empty_database)
    with School(cluster, empty_database) as school:
        yield school


@pytest.fixture
def folder(request, tmp_path):
    """A copy of examples/ with packages of npm, as `npm install` puts them there.  The parameter: their names and major versions."""
    folder = Path(shutil.copytree(ROOT / "examples", tmp_path / "examples"))
    packages = {name: node_modules(name, major) / name for name, _, major in (package.rpartition("@") for package in getattr(request, "param", []))}
    for name, found in (packages | {"white-cross": ROOT / "clients/node"}).items():
        place = folder / "node_modules" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(found)
    return folder


@pytest.fixture
def environment(school, secured):  # noqa: F811
    """The variables that the heads of the programs name."""
    cluster = school.cluster
    return cluster.environment(school.database) | {
        "PYTHONPATH": PYTHONPATH,
        "DATABASE_URL": cluster.url(school.database),
        "JDBC_URL": f"jdbc:postgresql://127.0.0.1:{cluster.port}/{school.database}?user=postgres&password={quote(cluster.password)}",
        "REDIS_URL": secured.url.replace("//", f"//wc_application:{secured.passwords['wc_application']}@"),
    }


@pytest.fixture
def run(folder, environment):
    """run(command, …, VARIABLE=…) → the lines that it prints.  A program to begin from warns of nothing; a tool may."""
    def run(*command, warns=False, **variables):
        done = subprocess.run(command, cwd=folder, env=environment | variables, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        assert warns or not done.stderr
        return done.stdout.splitlines()
    return run


@pytest.fixture
def run_with_cache(run, cache):  # noqa: F811
    """The same, for a program that reads through the cache: without its token it would not see its own write.  It works without Redis too."""
    def run_with_cache(*command, **variables):
        cache.until_drained()
        assert cache.load("bob") == 1, "what is cached from before the write"
        cache.school.worker.send(signal.SIGSTOP)
        try:
            printed = run(*command, **variables)
            assert cache.is_current("ada"), "what was read is in the cache"
        finally:
            cache.school.worker.send(signal.SIGCONT)
        cache.until_drained()
        assert cache.summary("bob") in (None, cache.school.summary("bob"))
        assert run(*command, warns=True, **variables | {"REDIS_URL": NO_REDIS}) == PRINTED_AGAIN
        return printed
    return run_with_cache


OF_NODE = {
    "drizzle.mjs": ["drizzle-orm@0", "pg@8", "redis@5"],
    "sequelize.mjs": ["sequelize@6", "pg@8", "redis@5"],
}


@pytest.mark.parametrize("folder, program", [(packages, program) for program, packages in OF_NODE.items()], indirect=["folder"], ids=OF_NODE)
def test_of_node(folder, run_with_cache, program):
    assert run_with_cache("node", program) == PRINTED


PRISMA = ["prisma@7", "@prisma/client@7", "@prisma/adapter-pg@7", "redis@5", "typescript@5", "@types/node@20"]
COMPILER = ["node", "node_modules/typescript/bin/tsc", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "prisma.mts"]


@pytest.mark.parametrize("folder", [PRISMA], indirect=True, ids=["7"])
def test_prisma(folder, run, run_with_cache):
    # Prisma's command looks for an engine to download, which it needs for migrations alone.
    run("node", "node_modules/prisma/build/index.js", "generate", "--schema", "migrations/schema.prisma", warns=True,
        CHECKPOINT_DISABLE="1", PRISMA_SCHEMA_ENGINE_BINARY=shutil.which("true"))
    # The types are those of the answers: a member that no summary has is found before the program runs.
    program = (folder / "prisma.mts").read_text()
    (folder / "wrong.mts").write_text(program.replace("student.firstName}", "student.surname}"))
    compiled = subprocess.run([*COMPILER, "wrong.mts"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert re.fullmatch(r"wrong\.mts.*: Property 'surname' does not exist on type 'Student'\.\n", compiled.stdout)
    assert run_with_cache("node", "prisma.mjs") == PRINTED


@pytest.fixture
def importable(request):
    """Skips the test where Python cannot import what the program needs.  The parameter: a statement and how to get what it imports."""
    statement, packages = request.param
    if subprocess.run([PYTHON, "-c", statement], env=os.environ | {"PYTHONPATH": PYTHONPATH}, capture_output=True).returncode != 0:
        pytest.skip(f"{packages} are not installed (of Debian or pip, with PYTHONPATH)")


DJANGO = "import django.db.backends.postgresql.base", "python3-django and the driver that it wants"


@pytest.mark.parametrize("importable", [DJANGO], indirect=True, ids=["django"])
def test_django(importable, run_with_cache):
    assert run_with_cache(PYTHON, "django_school.py") == PRINTED


@pytest.mark.parametrize("importable, driver", [
    (("import sqlalchemy.dialects.postgresql.psycopg, psycopg", "python3-sqlalchemy of version 2 and python3-psycopg"), "psycopg"),
    (("import sqlalchemy, psycopg2", "python3-sqlalchemy and python3-psycopg2"), "psycopg2"),
], indirect=["importable"], ids=["psycopg", "psycopg2"])
def test_sqlalchemy(importable, run_with_cache, environment, driver):
    url = environment["DATABASE_URL"].replace("postgresql:", f"postgresql+{driver}:")
    assert run_with_cache(PYTHON, "sqlalchemy_school.py", DATABASE_URL=url) == PRINTED


@pytest.fixture
def gems():
    need_active_record("redis")


def test_rails(gems, run_with_cache):
    assert run_with_cache("ruby", "rails_school.rb") == PRINTED


@pytest.mark.parametrize("folder", [["postgraphile@4"]], indirect=True, ids=["4"])
def test_postgraphile(folder, school, run):
    for statement, in school.rows("SELECT wc_row_functions('public', 'students_')"):
        school.sql(statement)
    assert run("node", "postgraphile.mjs") == PRINTED


@pytest.fixture
def jars():
    """JDBC's driver, where there is a JDK too."""
    found = [path for path in (*os.environ.get("CLASSPATH", "").split(":"), "/usr/share/java/postgresql.jar") if path.endswith(".jar") and Path(path).exists()]
    if not found or not shutil.which("javac"):
        pytest.skip("JDBC's driver or a JDK is not installed (of Debian: libpostgresql-jdbc-java and default-jdk-headless)")
    return ":".join(found)


def test_jdbc(jars, run):
    assert run("java", "-cp", jars, "Jdbc.java") == PRINTED
