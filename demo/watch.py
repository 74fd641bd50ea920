"""Sees the moment a key of Redis changes, without asking for it again and again."""

import threading
import time

import redis


class KeyWatch:
    """Redis's own notifications of one key, each with the time at which it arrived here.

    The time is a reader's: what the notification took on its way is in it.  Needs notify-keyspace-events = KA.
    """

    def __init__(self, server, key):
        self._client = server.connect()
        self._channel = self._client.pubsub(ignore_subscribe_messages=False)
        self._channel.subscribe(f"__keyspace@0__:{key}")
        self._channel.get_message(timeout=5)  # the subscription is in force
        self._seen = []
        self._arrived = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while not self._ended:
            try:
                message = self._channel.get_message(timeout=0.2)
            except redis.ConnectionError:
                return  # Redis is gone, and with it whatever could still be seen
            if message and message["type"] == "message":
                with self._arrived:
                    self._seen.append((time.time(), message["data"]))
                    self._arrived.notify_all()

    def forget(self):
        with self._arrived:
            self._seen.clear()

    def first(self, *events, timeout=10.0):
        """Seconds since the epoch of the first of these events since forget(), or None."""
        def seen():
            return next((when for when, event in self._seen if event in events), None)

        with self._arrived:
            self._arrived.wait_for(lambda: seen() is not None, timeout)
            return seen()

    def close(self):
        self._ended = True
        self._thread.join()
        self._channel.close()
        self._client.close()
