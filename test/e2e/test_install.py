"""make install and make uninstall."""

import os
import subprocess

from servers.cluster import PG_CONFIG
from servers.ground import BUILD, ROOT


def make(*words, **environment):
    done = subprocess.run(["make", "-s", "--no-print-directory", f"BUILD={BUILD}", f"PG_CONFIG={PG_CONFIG}", *map(str, words)],
                          cwd=ROOT, env=os.environ | {"MAKEFLAGS": ""} | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}


def test_uninstall_removes_what_install_made(tmp_path):
    """PREFIX is another than the usual one, so that nothing is right by chance."""
    where = (f"DESTDIR={tmp_path}", "PREFIX=/opt/school")
    share = tmp_path / "opt/school/share/white_cross"
    share.mkdir(parents=True)
    (share / "own.toml").write_text("# not of make install\n")
    before = files(tmp_path)
    make("install", *where)
    installed = files(tmp_path) - before
    names = {path.name for path in installed}
    assert {"white_cross.so", "white_cross.control", "wc-worker", "worker.toml", "postgresql.conf", "redis.conf", "users.acl", "pgbouncer.ini", "haproxy.cfg", "wc-worker.service",
            "alerts.yml", "dashboard.json", "white_cross.yml"} <= names
    assert all((tmp_path / path).stat().st_mode & 0o777 in (0o644, 0o755) for path in installed)
    assert "/opt/school/bin/wc-worker" in (tmp_path / "opt/school/lib/systemd/system/wc-worker.service").read_text()
    make("uninstall", *where)
    assert files(tmp_path) == before


def test_uninstall_leaves_no_folder_of_ours(tmp_path):
    make("install", f"DESTDIR={tmp_path}")
    make("uninstall", f"DESTDIR={tmp_path}")
    assert files(tmp_path) == set()
    assert not list(tmp_path.rglob("white_cross"))


def test_uninstall_of_what_is_not_there_is_no_error(tmp_path):
    make("uninstall", f"DESTDIR={tmp_path}")
