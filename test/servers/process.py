"""Starts, watches and ends one server process, by its pid."""

import ctypes
import os
import pwd
import signal
import socket
import subprocess
from pathlib import Path

from .waiting import until

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ServerFailed(Exception):
    """A server did not start, or ended by itself.  The message has the end of its log."""


def free_port():
    """Returns a loopback port that is free now.  Another process may take it meanwhile: the caller then tries again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_user():
    """Returns the user that the servers run as: `postgres` for root, because PostgreSQL refuses to run as root; otherwise
    this process's user."""
    return "postgres" if os.geteuid() == 0 else None


def own(path):
    """Makes the user that the servers run as the owner of a file or folder."""
    if user := server_user():
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def as_server_user():
    """Returns arguments for subprocess that drop root's rights and groups."""
    user = server_user()
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


def tail(log, lines=15):
    if not Path(log).exists():
        return "(no log)"
    return "\n".join(Path(log).read_text(errors="replace").splitlines()[-lines:])


def state_and_parent(pid):
    """Returns a process's state, as proc(5) names it, and the pid of its parent; of a process that has ended ("X", 0)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    # the name is in parentheses and may contain any character; after it come the state and the parent
    state, parent = status.rpartition(")")[2].split()[:2]
    return state, int(parent)


def children(pid):
    """Returns the pids of a process's children."""
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if state_and_parent(folder.name)[1] == pid]


def have_ended(pids):
    """Also those that nobody has waited for."""
    return all(state_and_parent(pid)[0] in "XZ" for pid in pids)


def pause(pid):
    """Sends SIGSTOP and returns when nothing of the process runs any more, until it gets SIGCONT.

    Its threads go on until the one that the kernel has chosen for the signal runs: on a busy machine long enough for another
    answer."""
    os.kill(pid, signal.SIGSTOP)

    def is_paused():
        return all(state_and_parent(f"{pid}/task/{thread.name}")[0] in "TtXZ" for thread in Path(f"/proc/{pid}/task").glob("*"))

    until(is_paused, 30, f"the process {pid} to be stopped", 0.001)


class Process:
    """A child process in a session of its own, so that Ctrl-C in a terminal reaches only the tests, which then end it."""

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
        if number == signal.SIGSTOP and self.running():
            pause(self.pid)
        else:
            self._child.send_signal(number)

    def wait(self, timeout=30.0):
        """Waits for its end.  Returns its exit status; a negative one is the signal that ended it."""
        return self._child.wait(timeout)

    def end(self, number=signal.SIGTERM, timeout=30.0):
        """Sends the signal, and SIGKILL after the timeout.  Returns the exit status."""
        if self.running():
            self.send(number)
            if number != signal.SIGKILL:
                self.send(signal.SIGCONT)  # a failed test may have left it stopped
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            return self.wait()
