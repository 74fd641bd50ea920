"""What a line of work that is to go on through crashes has: a seed of its own, and a connection that is made again."""

import random
import zlib

import psycopg


def random_of(seed, name):
    """For each name another sequence, and for the same seed and name the same in every run."""
    return random.Random(seed * 2**32 + zlib.crc32(name.encode()))


class Connecting:
    def __init__(self, dsn, name, setup=""):
        self._dsn = f"{dsn} application_name='{name}' connect_timeout=5"
        self._setup = setup
        self._connection = None

    def connected(self):
        """A connection that was alive when it was last used.  Throws psycopg.OperationalError where there is no server."""
        if self._connection is None:
            self._connection = psycopg.connect(self._dsn, autocommit=True)
            if self._setup:
                self._connection.execute(self._setup)
        return self._connection

    def recover(self):
        """After an error: the same connection where it still lives, else a new one at the next use."""
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
