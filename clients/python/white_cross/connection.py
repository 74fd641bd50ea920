"""Connections of redis-py that know which run of Redis they lead to, as wc_hello said it there.

A value that MGET finds counts if wc:alive, read in the same command, names that run.  A connection that is made again may lead to
another process, so it forgets the run when it ends.
"""

import time

import redis

ASK_AGAIN = 1  # seconds


class KnowsRun:
    """Beside a class of redis-py's connections."""

    run, ask_again = None, 0

    def disconnect(self, *arguments, **options):
        self.run, self.ask_again = None, 0
        super().disconnect(*arguments, **options)

    def ask(self, key):
        """Asks for the run, for later reads.  key: one that this client may read."""
        self.ask_again = time.monotonic() + ASK_AGAIN
        self.send_command("FCALL_RO", "wc_hello", 1, key)
        try:
            self.run = self.read_response()
        except redis.ResponseError:  # no worker has brought the library yet
            self.run = None


class Connection(KnowsRun, redis.Connection):
    pass


class SSLConnection(KnowsRun, redis.SSLConnection):
    pass


class UnixDomainSocketConnection(KnowsRun, redis.UnixDomainSocketConnection):
    pass


def connect(url, timeout=0.5, **options):
    """A client of redis-py for Cache.  timeout: how long to wait for Redis, in seconds; after that the database is asked."""
    classes = {"redis": Connection, "rediss": SSLConnection, "unix": UnixDomainSocketConnection}
    pool = redis.ConnectionPool.from_url(
        url, **{"decode_responses": True, "socket_timeout": timeout, "socket_connect_timeout": timeout} | options)
    pool.connection_class = classes[url.partition(":")[0]]
    return redis.Redis(connection_pool=pool)
