"""The base of threads that go on through crashes: a random sequence of their own, and a connection that is renewed."""

import random
import zlib

import psycopg


def random_of(seed, name):
    """Returns a random sequence for this name; the same seed and name give the same sequence in every run."""
    return random.Random(seed * 2**32 + zlib.crc32(name.encode()))


class Connecting:
    def __init__(self, dsn, name, setup=""):
        self._dsn = f"{dsn} application_name='{name}' connect_timeout=5"
        self._setup = setup
        self._connection = None

    def connected(self):
        """Returns a connection that worked when it was last used.  Throws psycopg.OperationalError if there is no server."""
        if self._connection is None:
            self._connection = psycopg.connect(self._dsn, autocommit=True)
            if self._setup:
                self._connection.execute(self._setup)
        return self._connection

    def recover(self):
        """After an error: keeps the connection if it still works; otherwise the next use makes a new one."""
        if self._connection is None:
            return
        try:
            if self._connection.closed or self._connection.broken:
                self._connection = None
            elif self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self._connection.rollback()
        except psycopg.Error:
            self._connection = None

    def disconnect(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
