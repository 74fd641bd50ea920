"""A connection that is made again when the server or its own process was killed."""

import random
import zlib
from contextlib import suppress

import psycopg

# Longer than all that waits for a reason.
OPTIONS = "-c statement_timeout=20s -c lock_timeout=3s"


def random_of(seed, name):
    """Returns a random sequence for a name; the same seed and name give the same sequence in every run."""
    return random.Random(f"{seed} {name} {zlib.crc32(name.encode())}")


class Session:
    def __init__(self, connect, records, name):
        self._connect = connect
        self.records = records
        self.name = name
        self.dice = random_of(records.seed, name)
        self._connection = None

    def connection(self):
        while self._connection is None or self._connection.closed or self._connection.broken:
            try:
                self._connection = self._connect(options=OPTIONS, application_name=f"hunt {self.name}", connect_timeout=5)
                self._connection.prepare_threshold = 2
            except psycopg.OperationalError:
                if self.records.stop.wait(0.05):
                    raise
        return self._connection

    def run(self):
        """Turns until the run ends; what the hands do to a turn is no fault."""
        while not self.records.stop.is_set():
            try:
                self.turn()
            except psycopg.Error as error:
                self.recover()
                self.failed(error)
        self.recover()
        if self._connection is not None:
            self._connection.close()

    def failed(self, error):
        self.records.count(f"{self.kind} failed: {error.sqlstate or 'connection lost'}")

    def recover(self):
        with suppress(psycopg.Error):
            if self._connection is not None and not self._connection.closed:
                self._connection.rollback()
                self._connection.autocommit = True

    def pause(self, most):
        self.records.stop.wait(self.dice.random() * most)

    def chance(self, share):
        return self.dice.random() < share
