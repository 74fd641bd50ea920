"""The shell commands of the documents: each is run where private servers allow it, and otherwise checked against what there is."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib

from servers.cluster import pg_config
from servers.ground import ROOT, STAGE, WORKER_BINARY

# Run as they stand, with the environment of the private servers.
RUN = {"psql", "redis-cli", "cat", "head", "tail", "cut"}

# Neither run nor checked, and why that is right.
LEFT_ALONE = {
    "apt-get": "installs packages on the machine",
    "dpkg-buildpackage": "takes minutes: debian/tests/first-steps runs it",
    "debian/tests/reproducible": "builds all packages twice: a release does so",
    "sed": "edits a file of the machine: debian/tests/first-steps runs it",
    "useradd": "makes a user of the machine",
    "sudoedit": "opens an editor",
    "pg_createcluster": "makes a cluster of the machine",
    "createdb": "makes a database in that cluster",
    "pg_dropcluster": "removes a cluster of the machine",
    "pg_upgradecluster": "upgrades a cluster of the machine: make check-upgrade does so with private ones",
}


def simple_commands(text):
    """Each line's commands, as lists of words: [[words, …] of a pipeline or list, …]."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        commands, words = [], []
        for word in lexer:
            if re.fullmatch(r"[|&;]+", word):
                commands.append(words)
                words = []
            else:
                words.append(word)
        if words or commands:
            yield line, [*commands, words] if words else commands


def bare(words):
    """Returns the command without sudo, xargs, variables before it and redirections."""
    words = list(words)
    while words and (words[0] in ("sudo", "xargs") or re.fullmatch(r"\w+=.*", words[0])):
        gone = words.pop(0)
        while gone == "sudo" and words and words[0].startswith("-"):
            if words.pop(0) == "-u":
                words.pop(0)
    for sign in ("<", ">", ">>"):
        if sign in words:
            del words[words.index(sign):words.index(sign) + 2]
    return words


def staged(path):
    """Returns whether `make install` puts a file at this place."""
    return (STAGE / path.lstrip("/")).exists()


def check_make(words):
    done = subprocess.run(["make", "-n", f"PG_CONFIG={pg_config('bindir')}/pg_config", *words[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check_bench(words)


def check_bench(words):
    for word in words:
        if word.startswith("BENCH_OPTIONS="):
            parts = re.search(r"^PARTS = .*?\((core.*?)\)\}", (ROOT / "test/bench/bench.py").read_text(), re.M | re.S)[1]
            assert set(word.split("=", 1)[1].split()) <= {name.removesuffix("_reads") for name in re.findall(r"\w+", parts)} | {"--quick"}


def check_run(words):
    usage = subprocess.run(["sh", ROOT / "run", "help"], capture_output=True, text=True, check=True).stdout
    known = {found[0]: found[1] for found in re.findall(r"^ *\./run (\w+)(.*)$", usage, re.M)}
    assert len(words) > 1 and words[1] in known, f"./run has {', '.join(known)}"
    for word in words[2:]:
        assert word.isdigit() or re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", known[words[1]]), f"./run {words[1]} knows no {word}"


def check_worker(words):
    usage = subprocess.run([WORKER_BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    for word in words[1:]:
        if word.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", usage), f"wc-worker knows no {word}"


def check_install(words):
    sources = [word for word in words[1:] if word.startswith("/usr/local/")]
    assert sources, "it installs nothing of ours"
    assert [path for path in sources if not staged(path)] == [], "is not among what make install puts there"


def check_systemctl(words):
    # The other one is Debian's, of a package that ./run installs.
    assert words[-1] == "redis-server" or staged(f"/usr/local/lib/systemd/system/{words[-1]}.service")


def check_man(words):
    name, section = words[-1], words[1] if len(words) > 2 else "?"
    # Without scdoc, make install has no manual pages.
    assert shutil.which("scdoc") is None or list((STAGE / "usr/local/share/man").glob(f"man{section}/{name}.*"))


def check_bare_debian(words):
    usage = (ROOT / "test/bare-debian/run").read_text()
    suites = [word for word in words[1:] if not word.startswith("-")]
    assert re.search(rf"^#   test/bare-debian/run .*\b{suites[0]}\b", usage, re.M) and len(suites) == 2


CHECKS = {
    "make": check_make,
    "./run": check_run,
    "wc-worker": check_worker,
    "install": check_install,
    "systemctl": check_systemctl,
    "man": check_man,
    "test/bare-debian/run": check_bare_debian,
}


class Shell:
    """The shell of a document: one folder, and the environment in which psql and redis-cli find private servers."""

    def __init__(self, folder, cluster, database, redis):
        self.folder = folder
        programs = folder / ".programs"
        programs.mkdir()
        client = programs / "redis-cli"
        client.write_text(f'#!/bin/sh\nPATH=${{PATH#*:}}\nexport REDISCLI_AUTH={redis.password}\nexec redis-cli -p {redis.port} "$@"\n')
        client.chmod(0o755)
        self.environment = cluster.environment(database) | {"PATH": f"{programs}:{cluster.bin}:{os.environ['PATH']}"}

    def run(self, text):
        """Runs or checks each line: what was printed, or None if some line was only checked."""
        syntax = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        assert syntax.returncode == 0, syntax.stderr
        printed, all_run = "", True
        for line, commands in simple_commands(text):
            names = {bare(words)[0] for words in commands if bare(words)}
            if names <= RUN:
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=self.folder, env=self.environment, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
                assert done.returncode == 0, f"{line}\n{done.stdout}"
                printed += done.stdout
            else:
                all_run = False
                for words in map(bare, commands):
                    self._check(line, words)
        return printed if all_run else None

    @staticmethod
    def _check(line, words):
        name = words[0] if words else ""
        assert name in RUN | set(LEFT_ALONE) | set(CHECKS), f"nobody checks the command {name!r} of: {line}"
        if name in CHECKS:
            try:
                CHECKS[name](words)
            except AssertionError as error:
                raise AssertionError(f"{line}\n{error}") from None


def check_toml(text):
    """Each key is one of the worker's."""
    known = tomllib.loads((ROOT / "config/worker.toml").read_text())
    for section, keys in tomllib.loads(text).items():
        targets = keys.pop("target", []) if section == "redis" else []
        for names in [keys, *({name: value for name, value in target.items() if name != "name"} for target in targets)]:
            assert set(names) <= set(known[section]), f"[{section}] has no {set(names) - set(known[section])}"


def check_settings(text, connection):
    """Each line is a setting of PostgreSQL or of the extension."""
    ours = re.findall(r'"(white_cross\.[a-z_]+)"', (ROOT / "src/extension/server/settings.cpp").read_text())
    known = {name for name, in connection.execute("SELECT name FROM pg_settings")} | set(ours)
    for line in text.splitlines():
        if line := line.split("#")[0].strip():
            name = re.fullmatch(r"([\w.]+)\s*=\s*\S.*", line)
            assert name and name[1] in known, f"PostgreSQL has no such setting: {line}"
