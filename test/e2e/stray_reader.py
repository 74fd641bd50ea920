"""A client that stays with one Redis, whoever has its place by now."""

import json
import threading
import time

import redis

from servers import library


def last_name(text):
    return text and json.loads(text)["student"]["lastName"]


class Reader:
    """Reads one key of one Redis again and again, as a client that did not hear that another one has its place."""

    def __init__(self, server, key):
        self.found = []  # (when it was asked, last name or None)
        self._client = server.connect(socket_timeout=60)
        self._key = key
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def _read(self):
        while not self._stopping.wait(0.002):
            asked = time.monotonic()
            try:
                self.found.append((asked, last_name(self._client.execute_command(*library.get(self._key)))))
            except (redis.ConnectionError, redis.ResponseError):
                pass  # it is down, loads what another one sent, or says who has the slot

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def names(self, since=0.0):
        return {name for asked, name in self.found if asked >= since}
