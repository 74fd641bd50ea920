"""Where private servers live: a folder of the build tree, in memory, or of /var/tmp where their user cannot reach the tree."""

import fcntl
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from .process import ServerFailed, as_server_user, own, server_user

ROOT = Path(__file__).resolve().parents[2]
# Where make builds: another folder for a build of another kind (make check-asan, make check-assertions).
BUILD = Path(os.environ.get("WC_BUILD", ROOT / "build"))
STAGE = BUILD / "stage"
WORKER_BINARY = BUILD / "wc-worker"

# Memory as a file system, and how much of it must be free before servers put their files there.
MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 8 << 30

# A Unix socket's whole path has at most 107 bytes.
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.65535.lock")


def reachable(path):
    """Returns whether the user that runs the servers can read this."""
    return subprocess.run(["test", "-r", str(path)], cwd="/", **as_server_user()).returncode == 0


def has_running_postgresql(folder):
    """Whether the process that made the folder's postmaster.pid still runs."""
    try:
        pid = int((folder / "data/postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return False
    return Path(f"/proc/{pid}").exists()


def memory_folder():
    """Returns a folder in memory for the servers of this build tree, or None where there is too little memory or no such folder."""
    try:
        state = os.statvfs(MEMORY)
        free = int(re.search(r"^MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text(), re.M)[1]) << 10
    except OSError:
        return None
    if min(state.f_bavail * state.f_frsize, free) < ENOUGH_MEMORY or state.f_flag & os.ST_NOEXEC:
        return None
    folder = MEMORY / f"white_cross-{os.getuid()}-{hashlib.sha256(bytes(BUILD)).hexdigest()[:8]}"
    folder.mkdir(exist_ok=True, mode=0o755)
    # Everybody may make folders there: one that another user made is not ours.
    mine = folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
    return folder if mine else None


class Ground:
    """The folder of one set of servers: build/NAME, or build/NAME-2 while another process uses the first, and so on.

    `with` empties it first and removes it at the end.
    in_memory: the folder is in memory where there is enough: making a database takes a third of the time, and no test waits for a disk.
    """

    def __init__(self, name, say=lambda line: None, in_memory=False):
        self._name = name
        self._say = say
        self._parent = in_memory and memory_folder() or BUILD
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
        if self._parent != BUILD:
            with suppress(OSError):  # another process has its servers there
                self.folder.parent.rmdir()
                self._parent.rmdir()
        self._lock.close()

    def _free_folder(self):
        """Returns a folder that no other process uses.  A lock says so, which ends with this process."""
        for n in itertools.count(1):
            folder = BUILD / (self._name if n == 1 else f"{self._name}-{n}")
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock = open(folder.parent / f".{folder.name}.lock", "w")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._parent / folder.relative_to(BUILD)
            except BlockingIOError:
                self._lock.close()

    def folder_for(self, name):
        """Makes an empty folder for one server.  Only the user that the server runs as can enter it."""
        folder = self.folder / name
        if has_running_postgresql(folder):
            raise ServerFailed(f"a PostgreSQL runs in {folder}: each server needs a name of its own")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        own(folder)
        return folder

    def socket_folder_for(self, folder):
        """Returns that folder, or another one if its path is too long for a Unix socket."""
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
            return folder
        return self._folder_elsewhere("wc.", parent="/tmp")

    def _folder_elsewhere(self, prefix, parent="/var/tmp"):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        own(folder)
        self._elsewhere.append(folder)
        return folder

    def _reachable_stage(self):
        """Returns the folder of the staged extension, or of a copy that the servers' user can read."""
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
