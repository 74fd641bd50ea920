"""One server process: started, watched, ended by pid."""

import ctypes
import os
import pwd
import signal
import socket
import subprocess
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ServerFailed(Exception):
    """A server did not start, or ended by itself.  Carries the end of its log."""


def free_port():
    """A loopback port that is free now.  Another process may take it before we do: starters try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_user():
    """PostgreSQL refuses to run as root: root's servers run as `postgres`, everybody else's as oneself."""
    return "postgres" if os.geteuid() == 0 else None


def own(path):
    """Hand a file or folder to the user the servers run as."""
    if user := server_user():
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def as_server_user():
    """Arguments for subprocess that drop root's rights, groups and all."""
    user = server_user()
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


def tail(log, lines=15):
    if not Path(log).exists():
        return "(no log)"
    return "\n".join(Path(log).read_text(errors="replace").splitlines()[-lines:])


def children(pid):
    """The pids of a process's children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
        # after the name, which is in brackets and may hold anything: state, parent
        if int(status.rpartition(")")[2].split()[1]) == pid:
            found.append(int(folder.name))
    return found


class Process:
    """A child in a session of its own, so that Ctrl-C in the terminal reaches us alone and we end it."""

    def __init__(self, arguments, log, drop_root=True, env=None, death_signal=signal.SIGTERM):
        self.name = Path(str(arguments[0])).name
        self.log = Path(log)

        def when_parent_dies():
            _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)

        with open(self.log, "ab") as output:
            self._child = subprocess.Popen(
                [str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=when_parent_dies, env=env, cwd="/",
                **(as_server_user() if drop_root else {}))

    @property
    def pid(self):
        return self._child.pid

    def running(self):
        return self._child.poll() is None

    def check(self):
        """Raises if the process has ended by itself."""
        if not self.running():
            raise ServerFailed(f"{self.name} ended with status {self._child.returncode}:\n{tail(self.log)}")

    def send(self, number):
        self._child.send_signal(number)

    def wait(self, timeout=30.0):
        """Its exit status; negative is the signal that ended it."""
        return self._child.wait(timeout)

    def end(self, number=signal.SIGTERM, timeout=30.0):
        """Ask it to end, insist after the timeout.  The exit status."""
        if self.running():
            self.send(number)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            return self.wait()
