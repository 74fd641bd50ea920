"""Every code block of README.md, CONTRIBUTING.md and docs/ runs or is checked, in the order of its document, so that none rots.

sql runs in psql, against a database that has what the comment <!-- setup … --> of the document makes; a text block directly
behind it is what it prints, an error too.  sh runs where private servers allow it (commands.py).
"""

import json
import re
import shlex
import subprocess
from contextlib import suppress
from dataclasses import replace

import pytest

from commands import Shell, check_bench, check_make, check_run, check_settings, check_toml
from documents import LANGUAGES, PAGES, ROOT, blocks, matches, prose
from school import Cache
from servers import Worker, until


class Psql:
    """One session for all of a document's SQL, as somebody at a terminal has it."""

    MARK = "---- the end of block %d ----"

    def __init__(self, shell):
        self._process = subprocess.Popen(["stdbuf", "-oL", "psql", "-X", "-q", "-A", "-t", "-F", " | "], cwd=shell.folder, text=True,
                                         env=shell.environment | {"PGOPTIONS": "-c statement_timeout=60s"},
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._number = 0

    def run(self, text, may_fail):
        """Returns the output. REQUIRES: the last statement is complete."""
        assert re.search(r"(;|\\\w[^\n]*)\s*(--[^\n]*)?\s*\Z", text), "its last statement does not end"
        self._number += 1
        mark = self.MARK % self._number
        self._process.stdin.write(f"\\set ON_ERROR_STOP {'off' if may_fail else 'on'}\n{text}\n\\echo {mark}\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.strip() == mark:
                return "".join(printed)
            printed.append(line)
        self._process.wait(30)
        raise AssertionError(f"psql stopped:\n{''.join(printed)}")

    def ended(self):
        return self._process.poll() is not None

    def stop(self):
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def roles_go(cluster):
    """Roles belong to the cluster, and so outlive the document's database."""
    def roles():
        return {name for name, in connection.execute("SELECT rolname FROM pg_roles")}

    with cluster.connect() as connection:
        before = roles()
        yield
        for name in roles() - before:
            connection.execute(f'DROP ROLE "{name}"')


@pytest.fixture
def shell(roles_go, tmp_path, cluster, empty_database, redis_server):
    redis_server.connect().flushall()
    return Shell(tmp_path, cluster, empty_database, redis_server)


@pytest.fixture
def psql(shell):
    session = Psql(shell)
    yield session
    session.stop()


@pytest.fixture
def until_drained(ground, cluster, redis_server, empty_database):
    """Returns a function that waits until a worker has drained the document's database."""
    workers = []

    def until_drained():
        if not workers:
            worker = Worker(ground, cluster.dsn(empty_database), redis_server, "documents-worker")
            workers.append(worker)
            worker.start()
        with cluster.connect(empty_database) as connection, redis_server.connect() as client:
            until(lambda: not connection.execute("SELECT FROM white_cross.invalidation").fetchone() and client.exists("wc:alive"),
                  20, "the worker to drain")

    yield until_drained
    for worker in workers:
        worker.stop()


def check_source(language, text):
    if language == "python":
        compile(text, "a document", "exec")
    else:
        done = subprocess.run(["node", "--input-type=module", "--check"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def check_json(text):
    """`…` stands for a value, for members, or for the rest of a list."""
    text = re.sub(r"([\[{,])\s*…", r"\1", re.sub(r":\s*…", ": null", text))
    text = re.sub(r",(\s*[\]}])", r"\1", text)
    for line in text.splitlines() if text.count("\n{") else [text]:
        json.loads(line)


@pytest.mark.thorough
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page, psql, shell, cluster, empty_database, request):
    assert len(PAGES) > 10
    problems = []
    for block in blocks(page):
        try:
            assert block.language in LANGUAGES, f"a block is of one of {', '.join(sorted(LANGUAGES))}"
            run_block(block, psql, shell, cluster, empty_database, request)
        except (AssertionError, ValueError, SyntaxError, OSError) as error:
            problems.append(f"{block}: {error}")
        if psql.ended():
            break
    assert not problems, "\n\n".join(problems)


def as_keys_are(text):
    """Documents show keys with ids, where a run with opaque keys has others."""
    return text and re.sub(r"\bstudent:(\w+):", lambda key: Cache.key(key[1], ""), text)


def run_block(block, psql, shell, cluster, database, request):
    block = replace(block, text=as_keys_are(block.text), output=as_keys_are(block.output))
    printed = None
    if block.language in ("sql", "setup"):
        printed = psql.run(block.text, may_fail=block.output is not None and "ERROR:" in block.output)
        assert block.output is not None or "ERROR:" not in printed, printed
    elif block.language == "sh":
        if "redis-cli" in block.text:
            request.getfixturevalue("until_drained")()
        printed = shell.run(block.text)
        assert printed is not None or block.output is None, "it shows an output, and is not run"
    elif block.language == "toml":
        check_toml(block.text)
    elif block.language == "ini":
        with cluster.connect(database) as connection:
            check_settings(block.text, connection)
    elif block.language == "json":
        check_json(block.text)
    elif block.language in ("python", "js"):
        check_source(block.language, block.text)
    if block.output is not None and not matches(printed, block.output):
        raise AssertionError(f"it printed\n{printed}\nand shows\n{block.output}")


def test_commands_in_the_text_exist():
    """`make X`, `./run X` and `BENCH_OPTIONS=X` beside the blocks."""
    found = {tuple(shlex.split(text)) for page in PAGES for line in prose(page) for text in re.findall(r"`((?:make|\./run) [^`]+)`", line)
             if not re.search(r"[A-Z]{3,}\b(?!=|_)", text)}
    found |= {("make", "bench", text) for page in PAGES for text in re.findall(r"`(BENCH_OPTIONS=\w+)`", page.read_text())}
    assert len(found) > 10
    made = {word for words in found if words[0] == "make" for word in words[1:2]}
    check_make(["make", *sorted(made)])
    for words in sorted(found):
        if words[0] == "make":
            check_bench(words)
        else:
            check_run(words)
