"""The base of all servers of the tests: a process that lives as long as a `with` block."""

import signal


class Server:
    """`with` starts and stops it; it stops it also if it fails to start.  Subclasses define `start`, which sets `_process`."""

    _process = None
    ending = signal.SIGTERM  # asks it to end
    patience = 30  # seconds until it is killed
    look_at = None  # called with each server before it ends
    hear = None  # called with where and what, for each answer that a server gave to a test

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, number=None):
        """Stops it.  Returns its exit status; None if it was not running."""
        if self._process is None:
            return None
        if Server.look_at:
            Server.look_at(self)
        status = self._process.end(number or self.ending, self.patience)
        self._process = None
        return status

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.running()
