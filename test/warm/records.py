"""Counts and events of a run in their order, which all threads share."""

import collections
import contextlib
import threading
import time

ENOUGH_PROBLEMS = 5
REMEMBERED = 400  # changes


class Records:
    def __init__(self, seed):
        self.seed = seed
        self.began = time.monotonic()
        self.stop = threading.Event()
        self.tally = collections.Counter()
        self.problems = []
        self._lock = threading.Lock()
        self._changes = collections.deque(maxlen=REMEMBERED)
        self._unlocked = 0  # odd: something is changed for which nobody locks the tables

    def seconds(self):
        return time.monotonic() - self.began

    def count(self, what, n=1):
        with self._lock:
            self.tally[what] += n

    def changed(self, who, what):
        """Notes a change that helps to find the cause of a difference."""
        with self._lock:
            self._changes.append(f"{self.seconds():8.3f} s  {who}: {what}")

    def problem(self, text, about=None):
        """Notes a problem. about: the id of a student, whose last changes are shown."""
        with self._lock:
            self.problems.append(text)
            lately = [line for line in self._changes if about is None or f"{about} " in f"{line} " or "hand:" in line][-12:]
            if len(self.problems) >= ENOUGH_PROBLEMS:
                self.stop.set()
        print(f"WRONG, seed {self.seed}, after {self.seconds():.3f} s: {text}", *(f"    before that: {line}" for line in lately), sep="\n", flush=True)

    # Labels of enums, privileges and the mapping of columns are looked up as they are now, without a lock and past the snapshot.  Two
    # calls in one statement may meet two states of them; a comparison during such a change says nothing.

    @contextlib.contextmanager
    def unlocked_change(self):
        self._unlocked += 1
        try:
            yield
        finally:
            self._unlocked += 1

    def moment(self):
        """Equal before and after, and not None: no such change came in between."""
        return self._unlocked if self._unlocked % 2 == 0 else None
