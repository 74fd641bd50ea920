"""Where private servers live: a folder of the build tree, or of /var/tmp where their user cannot reach it."""

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .process import as_server_user, own, server_user

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
STAGE = BUILD / "stage"
WORKER_BINARY = BUILD / "wc-worker"

# A Unix socket's whole path has at most 107 bytes.
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.65535.lock")


def reachable(path):
    """Can the user the servers run as read this?"""
    return subprocess.run(["test", "-r", str(path)], cwd="/", **as_server_user()).returncode == 0


class Ground:
    """The folder of one set of servers: build/NAME, or build/NAME-2 while another process has the first, and so on.

    Emptied when entered, removed when left.
    """

    def __init__(self, name, say=lambda line: None):
        self._name = name
        self._say = say
        self._elsewhere = []

    def __enter__(self):
        self.folder = self._free_folder()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        own(self.folder)
        if not reachable(self.folder):
            self.folder = self._folder_elsewhere("white_cross.")
            self._say(f"(user {server_user()} cannot reach {BUILD}: the servers' files are in {self.folder})")
        self.stage = self._reachable_stage()
        return self

    def __exit__(self, *_):
        for folder in [self.folder, *self._elsewhere]:
            shutil.rmtree(folder, ignore_errors=True)
        self._lock.close()

    def _free_folder(self):
        """Nobody else's: the lock is held by this process, and gone with it however it ends."""
        for n in itertools.count(1):
            folder = BUILD / (self._name if n == 1 else f"{self._name}-{n}")
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock = open(folder.parent / f".{folder.name}.lock", "w")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return folder
            except BlockingIOError:
                self._lock.close()

    def folder_for(self, name):
        """A fresh folder for one server, owned by the user it runs as and closed to all others."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        own(folder)
        return folder

    def socket_folder_for(self, folder):
        """That folder, or a short one where its path is too long for a Unix socket."""
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
            return folder
        return self._folder_elsewhere("wc.", parent="/tmp")

    def _folder_elsewhere(self, prefix, parent="/var/tmp"):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        own(folder)
        self._elsewhere.append(folder)
        return folder

    def _reachable_stage(self):
        """The staged extension, copied where the servers' user can read it if need be."""
        if not STAGE.exists():
            raise FileNotFoundError(f"{STAGE} is not there: make stage")
        library = next(STAGE.rglob("white_cross.so"), STAGE)
        if reachable(library):
            return STAGE
        copy = self.folder / "stage"
        shutil.copytree(STAGE, copy)
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        return copy
